"""The contract of presence: reports with a time to live, by node."""

from __future__ import annotations

from crowdcue.log.contract import PRESENCE_TTL, Presence
from crowdcue.log.presence import MemoryPresence


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_beat_answers_with_every_live_nodes_report() -> None:
    clock = Seconds()
    presence: Presence = MemoryPresence(clock)
    assert await presence.beat("ROOM", "one", b"1") == [b"1"]
    assert sorted(await presence.beat("ROOM", "two", b"2")) == [b"1", b"2"]
    assert sorted(await presence.beat("ROOM", "one", b"1 again")) == [b"1 again", b"2"]
    assert await presence.beat("OTHER", "one", b"x") == [b"x"]


async def test_a_report_lapses_without_a_beat() -> None:
    clock = Seconds()
    presence = MemoryPresence(clock)
    await presence.beat("ROOM", "one", b"1")
    clock.now += PRESENCE_TTL - 1
    assert sorted(await presence.beat("ROOM", "two", b"2")) == [b"1", b"2"]
    clock.now += 2
    assert await presence.beat("ROOM", "two", b"2") == [b"2"]


async def test_leaving_withdraws_the_report() -> None:
    presence = MemoryPresence(Seconds())
    await presence.beat("ROOM", "one", b"1")
    await presence.leave("ROOM", "one")
    await presence.leave("ROOM", "one")
    await presence.leave("NEVER", "one")
    assert await presence.beat("ROOM", "two", b"2") == [b"2"]


async def test_rooms_that_nobody_beats_any_more_are_dropped() -> None:
    clock = Seconds()
    presence = MemoryPresence(clock)
    for index in range(100):
        await presence.beat(f"ROOM{index}", "one", b"1")
    clock.now += 2 * PRESENCE_TTL
    await presence.beat("ROOM", "one", b"1")
    assert list(presence._rooms) == ["ROOM"]
