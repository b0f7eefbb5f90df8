"""Makes a failing scenario short: leaves out steps, then people, as long as the same promise stays broken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.simulation.steps import Scenario, Step

#: Runs that a shrinking may take: a minute or so.
MOST_RUNS = 1_500


def kind_of(failure: str) -> str:
    """A failure without its names and numbers, so that the same one is known again."""
    words = re.sub(r"\b(host|anna|ben|cleo|dora|emil|finn|node\d)\b", "somebody", failure)
    return re.sub(r"[\[{(].*|'[^']*'|\b[0-9a-f]{8}\b|-?\d+(\.\d+)?", "", words)[:60]


def shrink(scenario: Scenario, fails: Callable[[Scenario], str | None]) -> Scenario:
    """The shortest scenario found that fails in the same way. `fails` answers how one fails, or None."""
    first = fails(scenario)
    assert first is not None, "only what fails can be shrunk"
    kind, runs = kind_of(first), 0

    def still(candidate: Scenario) -> bool:
        nonlocal runs
        runs += 1
        failure = fails(candidate)
        return failure is not None and kind_of(failure) == kind

    part = max(len(scenario.steps) // 2, 1)
    while runs < MOST_RUNS:
        for fewer in _without(scenario.steps, part):
            candidate = replace(scenario, steps=fewer)
            if still(candidate):
                scenario = candidate
                break
            if runs >= MOST_RUNS:
                break
        else:
            if part == 1:
                break
            part = max(part // 2, 1)
    return _fewer_people(scenario, still)


def _without(steps: tuple[Step, ...], part: int) -> Iterator[tuple[Step, ...]]:
    """The steps without so many neighbours, from the end: what comes last is least often needed."""
    for start in range(((len(steps) - 1) // part) * part, -1, -part):
        fewer = steps[:start] + steps[start + part :]
        if fewer:
            yield fewer


def _fewer_people(scenario: Scenario, still: Callable[[Scenario], bool]) -> Scenario:
    for person in scenario.people:
        people = tuple(other for other in scenario.people if other is not person)
        candidate = replace(scenario, people=people)
        if people and all(step.who != person.name for step in scenario.steps) and still(candidate):
            scenario = candidate
    return scenario
