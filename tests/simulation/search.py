"""Runs many seeds, looks at what they met, and tells the first failure as a short story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from tests.simulation.plan import make
from tests.simulation.run import Result, run
from tests.simulation.shrink import shrink
from tests.simulation.steps import Scenario
from tests.simulation.weather import KINDS

#: Everything that can go wrong; a search of some length must have met all of it.
FAULTS = (
    *KINDS,
    "failovers",
    "flushes",
    "crashes",
    "stops",
    "drops",
    "leaves",
    "sleeps",
    "too slow",
    "clock jumps",
)
#: What a run must at least have done to mean anything: entries written, commands answered, faults met.
LEAST_ENTRIES, LEAST_ANSWERS, LEAST_FAULTS = 8, 8, 1
#: One run in so many, and a few more, may mean nothing: whether a planned fault meets anybody is a matter of chance.
IDLE_SHARE, FEW = 200, 3


def idle(counts: Counter[str]) -> str | None:
    """What did not happen in a run though it should have."""
    if counts["entries"] < LEAST_ENTRIES:
        return f"only {counts['entries']} entries were written"
    if counts["done"] + counts["refused"] < LEAST_ANSWERS:
        return "hardly anybody asked for anything"
    if sum(counts[fault] for fault in FAULTS) < LEAST_FAULTS:
        return "nothing went wrong"
    return None


def search(seeds: Iterable[int], counts: Counter[str] | None = None) -> Result | None:
    """The first of these seeds that fails, or None; `counts` gets what all of them met."""
    idled = 0
    for runs, seed in enumerate(seeds, 1):
        result = run(make(seed))
        if result.failure is None and (why := idle(result.counts)) is not None:
            idled += 1
            if idled > FEW + runs // IDLE_SHARE:
                result.failure = f"{why}, as in {idled - 1} other runs of {runs}"
        if result.failure is not None:
            return result
        if counts is not None:
            counts.update(result.counts)
    return None


def fails(scenario: Scenario) -> str | None:
    """How the scenario fails, or None."""
    return run(scenario).failure


def report(result: Result, failing: Callable[[Scenario], str | None] = fails) -> str:
    """A failure as people read it: the seed, and the shortest story that ends in the same way."""
    seed = result.scenario.seed
    head = f"seed {seed}: {result.failure}\nagain: python -m tests.simulation --seed {seed}\n"
    if failing(result.scenario) is None:
        return head  # nothing happened in it
    short = shrink(result.scenario, failing)
    return f"{head}\n{short.cast}\n{run(short).story}\n\n{short.literal()}"
