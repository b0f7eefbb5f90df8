"""The contract of the log, rule L9: its time, under a clock that jumps. The same tests for every backend."""

from __future__ import annotations

import asyncio

from crowdcue.log.contract import CLOCK_SLACK, RoomLog, Snapshot

from .backends import Backend
from .helpers import verify

HOUR = 3_600_000
#: How long a step of a test may take on a busy machine (ms).
BUSY = 10_000


async def at(log: RoomLog, number: int) -> int:
    return (await log.append("ROOM", "node", number, b"x")).at


async def now(log: RoomLog) -> int:
    return (await log.positions(["ROOM"]))["ROOM"].now


async def test_l9_time_is_the_clock_while_nothing_jumps(backend: Backend) -> None:
    """L9: ms since 1970."""
    log = await backend.open()
    before = backend.clock()
    made = await log.create("ROOM")
    first = await at(log, 1)
    assert before <= made.at <= first <= await now(log) <= backend.clock()


async def test_l9_after_a_jump_back_time_goes_on_at_once_at_normal_speed(backend: Backend) -> None:
    """L9: neither back nor frozen for an hour, and the offset outlives the node."""
    log = await backend.open()
    await log.create("ROOM")
    first = await at(log, 1)
    backend.skew -= HOUR
    second = await at(log, 2)
    assert first <= second <= first + BUSY
    backend.skew += 60_000
    third = await at(log, 3)
    assert second + 60_000 <= third <= second + 60_000 + BUSY
    log = await backend.reopen()
    backend.skew += 60_000
    fourth = await at(log, 4)
    assert third + 60_000 <= fourth <= third + 60_000 + BUSY
    await verify(log, "ROOM")


async def test_l9_after_a_jump_back_the_time_that_positions_tell_goes_on_too(backend: Backend) -> None:
    """L9: a room in which nobody does anything must not stand still: its song is playing."""
    log = await backend.open()
    await log.create("ROOM")
    first = await at(log, 1)
    backend.skew -= HOUR
    second = await now(log)
    assert first <= second <= first + BUSY
    backend.skew += 60_000
    third = await now(log)
    assert second + 60_000 <= third <= second + 60_000 + BUSY


async def test_l9_a_jump_forward_is_taken_and_the_way_back_is_bridged(backend: Backend) -> None:
    """L9: forward the clock is believed; afterwards time does not go back."""
    log = await backend.open()
    await log.create("ROOM")
    first = await at(log, 1)
    backend.skew += HOUR
    second = await at(log, 2)
    assert first + HOUR <= second <= first + HOUR + BUSY
    backend.skew -= HOUR
    third = await at(log, 3)
    assert second <= third <= second + BUSY
    backend.skew += 5_000
    assert third + 5_000 <= await at(log, 4) <= third + 5_000 + BUSY


async def test_l9_a_clock_a_little_behind_is_waited_for(backend: Backend) -> None:
    """L9: within the slack time stands still, and no offset is kept: nodes' clocks differ by as much."""
    log = await backend.open()
    await log.create("ROOM")
    backend.skew += HOUR  # so that the test's own duration cannot catch up with the slack
    first = await at(log, 1)
    backend.skew -= CLOCK_SLACK - 200
    stamps = await asyncio.gather(*(at(log, number) for number in range(2, 6)))
    assert all(first <= stamp <= max(first, backend.clock()) for stamp in stamps)
    backend.skew += CLOCK_SLACK - 200
    assert await at(log, 6) <= backend.clock()
    await verify(log, "ROOM")


async def test_l9_a_restored_room_goes_on_from_its_replicas_time(backend: Backend) -> None:
    """L9, L3: the vanished log's time may have been ahead of this clock."""
    log = await backend.open()
    birth = await log.create("ROOM")
    await log.delete("ROOM", for_good=False)
    ahead = birth.at + HOUR
    assert await log.restore("ROOM", Snapshot(3, birth.chain, 0, b"x"), ahead)
    first = await at(log, 1)
    assert ahead <= first <= ahead + BUSY
    backend.skew += 5_000
    assert first + 5_000 <= await at(log, 2) <= first + 5_000 + BUSY


async def test_l9_many_small_jumps_never_take_time_back(backend: Backend) -> None:
    """L9: a clock that wanders both ways."""
    log = await backend.open()
    await log.create("ROOM")
    last = 0
    for number in range(1, 61):
        backend.skew += (number * 7_919) % 5_000 - 2_500
        stamp = await at(log, number)
        assert stamp >= last
        last = stamp
    await verify(log, "ROOM")
