"""The simulation is worth something: it notices every mistake that `mutants` knows."""

from __future__ import annotations

import pytest

from tests.simulation.cases import CASES
from tests.simulation.mutants import MUTANTS
from tests.simulation.search import search

#: A mistake must show within so many seeds. Those that need a rarer accident have a case of their own.
SEEDS = 600
IN_CASES = {case.mutant for case in CASES.values()}


def test_there_are_mutants_of_every_kind() -> None:
    assert len(MUTANTS) >= 25
    assert set(MUTANTS) >= IN_CASES


@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in IN_CASES])
def test_a_mistake_is_noticed(name: str) -> None:
    with MUTANTS[name]():
        assert search(range(SEEDS)), f"nobody noticed: {MUTANTS[name].__doc__}"
