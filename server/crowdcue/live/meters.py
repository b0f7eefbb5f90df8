"""What this process has done, in plain numbers that cost an increment each; `faces/metrics` shows them to Prometheus.

A process is one node, so there is one set of them. Tests compare before and after.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import Final

from crowdcue.room.refusal import Outcome, Refused

#: Upper bounds of the histograms' buckets: seconds from a tenth of a millisecond to a caller's patience, and commands.
SECONDS: Final = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
)
SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)

#: What stands for "applied" beside the refusal codes.
DONE: Final = "done"


class Histogram:
    """How often values fell between bounds; `counts` has one place more than `bounds`, for what is beyond them."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """Values observed."""
        return sum(self.counts)


class Meters:
    """All of them. `commands` and `refusals` are bounded: their keys are kinds, faces and stable codes."""

    __slots__ = (
        "append_seconds",
        "apply_lag",
        "batch_size",
        "commands",
        "cut",
        "fanout_seconds",
        "put_back",
        "rebuilt",
        "refusals",
        "resyncs",
        "states",
    )

    def __init__(self) -> None:
        #: (kind of command, "done" or the refusal's code) → commands answered.
        self.commands: Counter[tuple[str, str]] = Counter()
        #: (face, code) → requests refused by HTTP and gRPC, whether they reached a room or not.
        self.refusals: Counter[tuple[str, str]] = Counter()
        self.append_seconds = Histogram(SECONDS)  # until an entry is durable, repeats included
        self.batch_size = Histogram(SIZES)  # commands in an entry
        self.apply_lag = Histogram(SECONDS)  # from an entry's time in the log to its being applied here
        self.fanout_seconds = Histogram(SECONDS)  # to tell all listeners of a room on this node
        self.states = 0  # fresh states sent
        self.resyncs = 0  # … of them, because a patch would not do
        self.rebuilt = 0  # replicas built anew, their past having changed
        self.put_back = 0  # vanished rooms put back
        self.cut = 0  # connections cut because they took too little

    def answered(self, commands: Iterable[object], outcomes: Iterable[Outcome]) -> None:
        """Count commands with their outcomes, in the same order."""
        counts = self.commands
        for command, outcome in zip(commands, outcomes, strict=False):
            code = outcome.code if type(outcome) is Refused else DONE
            counts[type(command).__name__, code] += 1


meters: Final = Meters()
