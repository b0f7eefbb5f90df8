"""A scenario is data: who takes part, how small the bounds are, and timed steps; it can be printed and cut."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """At `at` (ms from the start) this happens to this one; `more` is plain data."""

    at: int
    what: str
    who: str
    more: tuple[Any, ...] = ()

    def __str__(self) -> str:
        more = " ".join(str(part) for part in self.more)
        return f"{self.at / 1000:7.3f} s  {self.who:<6} {self.what} {more}".rstrip()


@dataclass(frozen=True, slots=True)
class Person:
    """A client: its codec, whether it is a host, whether it plays music."""

    name: str
    codec: str = "json"
    host: bool = False
    player: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """The code's own bounds, made small so that a short party meets them. None: as in the code."""

    checkpoint_entries: int | None = 12
    checkpoint_plays: int | None = 3
    keep_entries: int | None = 10
    keep_versions: int | None = 25
    keep_deleted: int | None = 6
    patch_limit: int | None = 800
    cut_limit: int | None = 12_000
    cut_after: float | None = 3.0
    idle: float | None = 4.0
    max_batch: int | None = 4


#: Nothing made small.
AS_THEY_ARE = Bounds(None, None, None, None, None, None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that a run depends on. `seed` feeds the dice of hints and delays."""

    seed: int
    nodes: int
    people: tuple[Person, ...]
    steps: tuple[Step, ...]
    bounds: Bounds = field(default_factory=Bounds)
    settings: tuple[tuple[str, Any], ...] = ()

    @property
    def ends(self) -> int:
        """When the last step happens (ms)."""
        return max((step.at for step in self.steps), default=0)

    @property
    def cast(self) -> str:
        """Who takes part, as people read it."""
        people = ", ".join(
            f"{p.name} ({p.codec}{', host' if p.host else ''}{', player' if p.player else ''})"
            for p in self.people
        )
        return f"{self.nodes} nodes; {people}"

    def literal(self) -> str:
        """The scenario as Python, to be kept as a named case."""
        people = "".join(f"        {person!r},\n" for person in self.people)
        steps = "".join(f"        {step!r},\n" for step in self.steps)
        bounds = "" if self.bounds == Bounds() else f"    bounds={self.bounds!r},\n"
        return (
            f"Scenario(\n    seed={self.seed},\n    nodes={self.nodes},\n"
            f"    people=(\n{people}    ),\n    steps=(\n{steps}    ),\n{bounds})"
        )
