"""Token buckets: burst, rate, and a table that stays small."""

from __future__ import annotations

import pytest

from crowdcue.limits import Bucket, Buckets


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(3, 2)
    assert [bucket.take(10.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.take(10.25) == pytest.approx(0.25)
    assert bucket.take(10.5) == 0
    assert [bucket.take(1_000.0) for _ in range(4)] == [0, 0, 0, 0.5]


def test_asking_how_long_to_wait_takes_nothing() -> None:
    bucket = Bucket(1, 2)
    assert [bucket.wait(5.0), bucket.wait(5.0), bucket.take(5.0)] == [0, 0, 0]
    assert bucket.wait(5.25) == bucket.wait(5.25) == pytest.approx(0.25)
    assert bucket.wait(5.5) == 0
    buckets = Buckets(1, 1)
    assert (buckets.wait("a", 0), len(buckets)) == (0, 0), "nobody is remembered for having asked"
    buckets.take("a", 0)
    assert buckets.wait("a", 0) == 1


def test_each_key_has_its_own_bucket() -> None:
    buckets = Buckets(1, 1)
    assert buckets.take("a", 0) == 0
    assert buckets.take("a", 0) == 1
    assert buckets.take("b", 0) == 0


def test_the_table_is_bounded_and_forgets_who_was_longest_away() -> None:
    buckets = Buckets(1, 1, most=2)
    for key in ("a", "b", "a", "c"):
        buckets.take(key, 0)
    assert len(buckets) == 2
    assert buckets.take("a", 0) > 0  # seen lately, so remembered
    assert buckets.take("b", 0) == 0
