"""The music clock: it starts, goes on, pauses and resumes by itself, and only when it should."""

from __future__ import annotations

import asyncio

import pytest

from crowdcue.live import clock
from crowdcue.live.room import LiveRoom
from crowdcue.log.contract import Unavailable
from crowdcue.room import commands as c
from tests.live.world import CODE, Node, Screen, World, add, fails
from tests.support.story import code


async def stage(node: Node) -> Screen:
    return await node.watch("host", player=True, counts=True)


def plays(room: LiveRoom) -> str | None:
    playing = room.room.playing
    return playing.song.id if playing is not None else None


def paused_by(room: LiveRoom) -> str | None:
    assert room.room.playing is not None
    return room.room.playing.paused_by


def position(room: LiveRoom) -> int:
    assert room.room.playing is not None
    return room.room.playing.at(room.now())


async def test_nothing_starts_without_a_player_that_counts(world: World) -> None:
    node, room = await world.party(start=True)
    await room.do(add("anna", "x"))
    await node.watch("anna", player=True)
    await node.watch("host", counts=True)
    await asyncio.sleep(5)
    assert plays(room) is None
    await stage(node)
    await asyncio.sleep(0.1)
    assert plays(room) == "x"
    assert paused_by(room) is None


async def test_anyones_player_counts_when_the_clock_is_anyones(world: World) -> None:
    node, room = await world.party(start=True)
    await room.do(add("anna", "x"))
    await node.watch("anna", player=True)
    await asyncio.sleep(1)
    assert plays(room) is None
    await room.do(c.Settings("host", 0, None, {"clock": "anyone"}))
    await asyncio.sleep(0.1)
    assert plays(room) == "x"


async def test_the_first_song_starts_as_soon_as_it_is_added(world: World) -> None:
    node, room = await world.party(start=True)
    await stage(node)
    await asyncio.sleep(3)
    await room.do(add("anna", "x"))
    await asyncio.sleep(0.1)
    assert plays(room) == "x"


async def test_the_next_song_starts_at_the_end_though_the_stage_says_nothing(world: World) -> None:
    node, room = await world.party(start=True)
    await stage(node)
    for i in range(3):
        await room.do(add("anna", f"s{i}", 60))
    await asyncio.sleep(60.2)
    assert plays(room) == "s0"
    await asyncio.sleep(clock.GRACE)
    assert plays(room) == "s1"
    await asyncio.sleep(2 * (60 + clock.GRACE))
    assert plays(room) is None
    assert [play.reason for play in room.room.history] == ["end"] * 3


async def test_a_song_is_over_when_the_logs_clock_was_set_past_its_end(world: World) -> None:
    node, room = await world.party(start=True)
    await stage(node)
    for i in range(2):
        await room.do(add("anna", f"s{i}", 3000))
    await asyncio.sleep(5)
    world.ahead += 3_600_000
    await asyncio.sleep(3)
    assert plays(room) == "s1"
    assert position(room) <= 3_000


async def test_two_nodes_advance_once(world: World) -> None:
    one, room = await world.party(start=True)
    two = await world.node(start=True)
    await stage(one)
    await stage(two)
    for i in range(3):
        await room.do(add("anna", f"s{i}", 30))
    await asyncio.sleep(30 + clock.GRACE + 0.1)
    assert plays(room) == "s1"
    assert room.room.plays == 2


async def test_a_song_that_cannot_be_played_is_passed_when_the_stage_says_so(world: World) -> None:
    node, room = await world.party(start=True)
    await stage(node)
    for i in range(2):
        await room.do(add("anna", f"s{i}"))
    await asyncio.sleep(2.5)
    assert code(await room.do(c.Ended("host", c.PLAYER, None, 1, "error", True))) == "done"
    assert plays(room) == "s1"
    assert room.room.history[-1].reason == "error"


async def test_a_seek_moves_the_end(world: World) -> None:
    node, room = await world.party(start=True)
    await stage(node)
    for i in range(2):
        await room.do(add("anna", f"s{i}", 100))
    await asyncio.sleep(1)
    await room.do(c.Seek("host", 0, None, 95_000))
    await asyncio.sleep(5.6)
    assert plays(room) == "s1"


# Nobody there


async def test_the_room_pauses_ten_seconds_after_the_last_player_left_and_resumes_with_one(
    world: World,
) -> None:
    node, room = await world.party(start=True)
    await node.watch("anna")  # somebody keeps the room open
    screen = await stage(node)
    await room.do(add("anna", "x", 300))
    await asyncio.sleep(20)
    screen.leave()
    await asyncio.sleep(clock.GONE - 0.5)
    assert paused_by(room) is None
    await asyncio.sleep(1)
    assert paused_by(room) == "auto"
    at = position(room)
    assert at == pytest.approx(30_000, abs=600)
    await asyncio.sleep(500)
    assert position(room) == at
    await stage(node)
    await asyncio.sleep(0.1)
    assert paused_by(room) is None
    assert position(room) == pytest.approx(at, abs=200)


async def test_a_short_absence_pauses_nothing(world: World) -> None:
    node, room = await world.party(start=True)
    screen = await stage(node)
    await room.do(add("anna", "x", 300))
    for _ in range(4):
        await asyncio.sleep(5)
        screen.leave()
        await asyncio.sleep(clock.GONE - 1)
        screen = await stage(node)
    await asyncio.sleep(5)
    assert paused_by(room) is None
    assert position(room) > 50_000


async def test_a_hosts_pause_stays(world: World) -> None:
    node, room = await world.party(start=True)
    screen = await stage(node)
    await room.do(add("anna", "x"))
    await asyncio.sleep(1)
    await room.do(c.Pause("host", 0, None, c.ANY_PLAY))
    screen.leave()
    await asyncio.sleep(30)
    await stage(node)
    await asyncio.sleep(300)
    assert paused_by(room) == "host"
    assert plays(room) == "x"


async def test_a_song_started_with_no_player_waits_at_0(world: World) -> None:
    node, room = await world.party(start=True)
    await room.do(add("anna", "x"))
    await room.do(c.PlayNext("host", 0, None, c.ANY_PLAY, room.attached))
    await asyncio.sleep(30)
    assert (paused_by(room), position(room)) == ("auto", 0)
    await stage(node)
    await asyncio.sleep(0.1)
    assert paused_by(room) is None


async def test_a_host_who_resumes_with_no_player_has_ten_seconds(world: World) -> None:
    _node, room = await world.party(start=True)
    await room.do(add("anna", "x"))
    await room.do(c.PlayNext("host", 0, None, c.ANY_PLAY, False))
    await asyncio.sleep(30)
    await room.do(c.Resume("host", 0, None, c.ANY_PLAY))
    await asyncio.sleep(clock.GONE - 1)
    assert paused_by(room) is None
    await asyncio.sleep(2)
    assert paused_by(room) == "auto"


async def test_a_player_on_another_node_keeps_the_music_going(world: World) -> None:
    one, room = await world.party(start=True)
    two = await world.node(start=True)
    await one.watch("anna")
    screen = await stage(two)
    await room.do(add("anna", "x", 3_000))
    await asyncio.sleep(100)
    assert paused_by(room) is None
    assert room.attached
    await two.die()  # no last word: its presence lapses
    world.nodes.remove(two)
    assert screen.sink.closed is None
    await asyncio.sleep(40)
    assert room.present == 1
    assert paused_by(room) == "auto"


async def test_nobody_is_taken_for_gone_on_the_word_of_an_old_presence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, room = await world.party(start=True)
    await node.watch("anna")
    screen = await stage(node)
    await room.do(add("anna", "x", 3_000))
    await asyncio.sleep(10)
    screen.leave()

    async def stalled(room: str, node: str, report: bytes) -> list[bytes]:
        raise Unavailable("a stall")

    monkeypatch.setattr(world.presence, "beat", stalled)
    await asyncio.sleep(60)
    assert paused_by(room) is None
    monkeypatch.undo()
    await asyncio.sleep(4)
    assert paused_by(room) == "auto"


# Never silent


async def test_autofill_plays_the_library_when_the_queue_runs_dry(world: World) -> None:
    node, room = await world.party("l1", "l2", "l3", start=True, autofill=True)
    await stage(node)
    await room.do(add("anna", "x", 30))
    await asyncio.sleep(31)
    assert plays(room) == "l1"
    assert room.room.playing is not None
    assert room.room.playing.by.name == "Crowdcue"
    await asyncio.sleep(61)
    assert plays(room) == "l2"
    assert node.registry._songs.avoided == ["x", "l1"]  # type: ignore[attr-defined]
    await room.do(add("anna", "mine", 30))
    await asyncio.sleep(61)
    assert plays(room) == "mine", "people's songs come first"


async def test_autofill_fills_only_while_somebody_can_hear_it(world: World) -> None:
    node, room = await world.party("l1", start=True, autofill=True)
    await asyncio.sleep(30)
    assert plays(room) is None
    assert room.room.seq < 5
    await stage(node)
    await asyncio.sleep(0.1)
    assert plays(room) == "l1"


async def test_an_empty_library_is_no_busy_loop(world: World) -> None:
    node, room = await world.party(start=True, autofill=True)
    await stage(node)
    before = room.room.seq
    await asyncio.sleep(60)
    assert room.room.seq == before


async def test_the_music_goes_on_after_the_log_was_away(world: World) -> None:
    node, room = await world.party(start=True)
    await stage(node)
    for i in range(2):
        await room.do(add("anna", f"s{i}", 30))
    await asyncio.sleep(29)
    node.gate = fails("append", "positions", "read")
    await asyncio.sleep(20)
    assert plays(room) == "s0"
    node.gate = None
    await asyncio.sleep(3)
    assert plays(room) == "s1"
    assert world.store.rooms[CODE].chain == room.room.chain
