"""Parties in virtual time: whatever goes wrong, what was promised holds once the world has healed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.plan import make
from tests.simulation.run import run
from tests.simulation.search import FAULTS, fails, report, search
from tests.simulation.shrink import shrink


@pytest.mark.timeout(300)
def test_two_hundred_parties() -> None:
    counts: Counter[str] = Counter()
    failed = search(range(200), counts)
    assert failed is None, report(failed)
    missing = [fault for fault in FAULTS if not counts[fault]]
    assert not missing, "these faults never hit anything"
    assert counts["entries"] > 3_000
    assert counts["done"] > 2_000
    assert counts["resumes"] > 300
    assert counts["repeats"] > 25
    assert counts["reads"] > 60
    assert counts["went back"] > 60
    assert counts["unknown outcomes"] > 60


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(20))
def test_twenty_thousand_parties(part: int) -> None:
    failed = search(range(1_000 * part, 1_000 * (part + 1)))
    assert failed is None, report(failed)


@pytest.mark.parametrize("seed", [3, 14, 15])
def test_a_seed_always_makes_the_same_party(seed: int) -> None:
    first, second = run(make(seed)), run(make(seed))
    assert first.story == second.story
    assert first.counts == second.counts


def test_a_party_does_not_depend_on_the_order_of_hashes() -> None:
    told = set()
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", "14"],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        told.add(done.stdout)
    assert len(told) == 1


def test_a_failure_shrinks_to_a_short_story_that_fails_in_the_same_way() -> None:
    with MUTANTS["keep_the_fork"]():
        failed = search(range(200))
        assert failed is not None
        short = shrink(failed.scenario, fails)
        assert fails(short)
        assert len(short.steps) <= 12 < len(failed.scenario.steps)
        assert "fails over" in report(failed)
    assert fails(short) is None
