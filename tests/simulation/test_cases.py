"""What the simulation found once stays found: each case passes, and fails with the old mistake put back."""

from __future__ import annotations

import pytest

from tests.simulation.cases import CASES
from tests.simulation.mutants import MUTANTS
from tests.simulation.run import run
from tests.simulation.search import fails


@pytest.mark.parametrize("name", CASES)
def test_it_has_not_come_back(name: str) -> None:
    for scenario in CASES[name].variations(10):
        result = run(scenario)
        assert result.failure is None, f"{result.story}\n{result.failure}\n{scenario.literal()}"


@pytest.mark.parametrize("name", CASES)
def test_the_old_mistake_still_shows(name: str) -> None:
    case = CASES[name]
    with MUTANTS[case.mutant]():
        assert any(fails(scenario) for scenario in case.variations(60))
