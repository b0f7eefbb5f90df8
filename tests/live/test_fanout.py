"""What reaches the listeners of a room, and when."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from crowdcue.live import fanout, listener
from crowdcue.room import commands as c
from crowdcue.room import view
from crowdcue.wire import JSON, MSGPACK
from tests.live.world import World, add, vote
from tests.support.virtual_loop import VirtualLoop


async def test_a_newcomer_gets_the_state_with_their_own_votes(world: World) -> None:
    node, room = await world.party()
    await room.do(add("anna", "x"))
    await room.do(vote("ben", "x", -1))
    ben = await node.watch("ben", wire=MSGPACK)
    (state,) = ben.take("state")
    assert state == {**view.state(room.room), "mine": {"x": -1}}
    assert (state["seq"], state["mark"]) == room.room.version


async def test_the_first_change_after_quiet_goes_out_at_once(world: World) -> None:
    node, room = await world.party()
    anna = await node.watch("anna")
    await asyncio.sleep(1)
    anna.take()
    began = world.loop.time()
    await room.do(add("ben", "x"))
    await asyncio.sleep(0.001)
    ((at, patch),) = anna.sink.messages
    assert patch["t"] == "patch"
    assert patch["set"][0]["id"] == "x"
    assert at == began


async def test_a_storm_is_at_most_20_patches_a_second_with_final_values_only(world: World) -> None:
    node, room = await world.party()
    await room.do(add("ben", "x"))
    screens = [await node.watch(f"w{i}", wire=(JSON, MSGPACK)[i % 2]) for i in range(4)]
    await asyncio.sleep(1.5)
    for screen in screens:
        screen.sees_the_room()
    before = len(screens[0].sink.messages)
    began = world.loop.time()
    for i in range(400):
        room.submit(vote(f"v{i % 50}", "x", (i * 7) % 3 - 1), lambda outcome: None)
        await asyncio.sleep(0.0025)
    seconds = world.loop.time() - began
    await asyncio.sleep(0.1)
    times = [at for at, m in screens[0].sink.messages[before:] if m["t"] == "patch"]
    assert 15 <= len(times) <= 20 * seconds + 2
    assert times[0] - began < 0.004
    assert min(b - a for a, b in itertools.pairwise(times)) >= fanout.TICK * 0.99
    for screen in screens:
        screen.sees_the_room()
        patches = [m for _, m in screen.sink.messages[before:] if m["t"] == "patch"]
        assert all(len(patch["set"]) == 1 for patch in patches)


async def test_when_sending_takes_long_there_are_fewer_patches(world: World) -> None:
    node, room = await world.party()
    await room.do(add("ben", "x"))
    slow = await node.watch("anna")
    await asyncio.sleep(1.5)
    loop, write = world.loop, slow.sink.write
    assert isinstance(loop, VirtualLoop)

    def laborious(frame: bytes) -> None:
        write(frame)
        loop.work(0.04)

    slow.sink.write = laborious  # type: ignore[method-assign]
    slow.take()
    began = loop.time()
    for i in range(300):
        room.submit(vote(f"v{i}", "x"), lambda outcome: None)
        await asyncio.sleep(0.01)
    spent = 0.04 * len(slow.take("patch"))
    assert 0.1 < spent / (loop.time() - began) < 1.1 / fanout.SHARE


async def test_a_patch_is_encoded_once_for_all_of_a_kind(world: World) -> None:
    node, room = await world.party()
    screens = [await node.watch(f"w{i}", wire=(JSON, MSGPACK)[i % 2]) for i in range(6)]
    await room.do(add("ben", "x"))
    await asyncio.sleep(0.1)
    frames = [screen.sink.frames[-1] for screen in screens]
    assert len({id(frame) for frame in frames}) == 2


async def test_what_changes_nothing_sends_nothing(world: World) -> None:
    node, room = await world.party()
    await room.do(add("ben", "x"))
    anna = await node.watch("anna")
    await asyncio.sleep(2)
    anna.take()
    await room.do(vote("ben", "x", 0))
    await room.do(vote("ben", "nothing", 1))
    await asyncio.sleep(2)
    assert anna.kinds() == []


async def test_a_newcomer_between_two_patches_gets_no_empty_one(world: World) -> None:
    node, room = await world.party()
    await room.do(add("ben", "x"))
    await asyncio.sleep(0.01)
    await room.do(vote("ben", "x"))
    anna = await node.watch("anna")
    await asyncio.sleep(0.2)
    assert anna.kinds()[0] == "state"
    assert "patch" not in anna.kinds()


# Resuming


async def test_a_resume_gets_what_was_missed_and_all_own_votes(world: World) -> None:
    node, room = await world.party()
    await room.do(add("ben", "x"))
    await room.do(vote("anna", "x"))
    anna = await node.watch("anna")
    anna.leave()
    model = anna.model()
    await room.do(add("ben", "y"))
    await room.do(vote("anna", "y", -1))
    again = await node.watch("anna", since=(model.seq, model.mark))
    assert again.kinds() == ["patch", "mine"]
    for message in again.take():
        model.receive(message)
    assert [item["id"] for item in model.queue] == ["x", "y"]
    assert model.mine == {"x": 1, "y": -1}
    nothing = await node.watch("anna", since=(model.seq, model.mark))
    patch, mine = nothing.take()
    assert patch == {"t": "patch", "seq": model.seq, "mark": model.mark}
    assert mine == {"t": "mine", "votes": {"x": 1, "y": -1}, "all": True}


async def test_a_resume_with_another_past_gets_the_state(world: World) -> None:
    node, room = await world.party()
    await room.do(add("ben", "x"))
    seq, _ = room.room.version
    assert (await node.watch("anna", since=(seq, "deadbeef"))).kinds() == ["state"]
    assert (await node.watch("anna", since=(seq + 100, "deadbeef"))).kinds() == ["state"]


async def test_a_resume_from_ahead_of_this_node_makes_it_catch_up_first(world: World) -> None:
    one, room = await world.party()
    other = await world.node()
    behind = await other.open()
    other.carry = lambda on_hint, code, entry: None  # no hint arrives
    await room.do(add("ben", "x"))
    assert not behind.room.items
    anna = await other.watch("anna", since=room.room.version)
    assert anna.kinds() == ["patch", "mine"]
    assert "set" not in anna.take()[0]
    assert behind.room.version == room.room.version
    assert one is not other


# Own votes


async def test_votes_given_elsewhere_reach_the_members_other_tabs_only(world: World) -> None:
    node, room = await world.party()
    await room.do(add("ben", "x"))
    tab, other, ben = await node.watch("anna"), await node.watch("anna"), await node.watch("ben")
    await asyncio.sleep(1.5)
    for screen in (tab, other, ben):
        screen.take()
    tab.give(vote("anna", "x"))
    await asyncio.sleep(0.1)
    assert tab.kinds() == ["patch"]
    assert other.kinds() == ["patch", "mine"]
    assert other.take("mine") == [{"t": "mine", "votes": {"x": 1}}]
    assert ben.kinds() == ["patch"]
    await room.do(vote("anna", "x", 0))  # another face
    await asyncio.sleep(0.1)
    assert tab.take("mine") == other.take("mine") == [{"t": "mine", "votes": {"x": 0}}]
    await room.do(add("ben", "y"))
    await room.do(vote("anna", "y"))
    await asyncio.sleep(0.1)
    assert tab.take("mine") == [{"t": "mine", "votes": {"y": 1}}], "what was told is not told again"


async def test_an_upvote_by_adding_again_is_told_to_the_tab_that_added(world: World) -> None:
    node, room = await world.party()
    await room.do(add("ben", "x"))
    tab = await node.watch("anna")
    tab.give(add("anna", "x"))
    await asyncio.sleep(0.1)
    tab.sees_the_room()


async def test_a_vote_on_what_is_gone_by_then_is_not_told(world: World) -> None:
    node, room = await world.party()
    await room.do(add("ben", "x"))
    await room.do(add("ben", "y"))
    other = await node.watch("anna")
    await asyncio.sleep(1)
    outcomes: list[object] = []
    for command in (
        vote("anna", "y"),
        vote("anna", "x"),
        c.Remove("ben", 0, None, "x"),
        c.Remove("ben", 0, None, "y"),
        add("ben", "y"),
    ):
        room.submit(command, outcomes.append)  # all in one tick
    await asyncio.sleep(0.2)
    assert len(outcomes) == 5
    other.sees_the_room()


async def test_when_downvotes_are_swept_everybody_learns_their_votes_after_the_patch(world: World) -> None:
    node, room = await world.party()
    await room.do(add("ben", "x"))
    await room.do(add("ben", "y"))
    for song_id in "xy":
        await room.do(vote("anna", song_id, -1))
    anna = await node.watch("anna")
    await asyncio.sleep(1)
    outcomes: list[object] = []
    for command in (
        c.Settings("host", 0, None, {"downvotes": False}),
        c.Remove("ben", 0, None, "x"),
        add("ben", "x"),
    ):
        room.submit(command, outcomes.append)
    anna.give(vote("anna", "x", 1))  # over this connection: nothing but the sweep makes it be told
    await asyncio.sleep(0.2)
    anna.sees_the_room()
    assert anna.model().mine == {"x": 1}


# Those who are slow


async def test_a_listener_behind_gets_nothing_until_it_has_drained_and_then_what_it_missed(
    world: World,
) -> None:
    node, room = await world.party()
    await room.do(add("ben", "x"))
    slow, quick = await node.watch("slow"), await node.watch("quick")
    slow.sink.stuck, slow.sink.waiting = True, listener.PATCH_LIMIT + 1_000_000
    slow.listener.allowance = 1_000_000  # a large state is on its way
    await asyncio.sleep(1.5)
    before = len(slow.sink.messages)
    for i in range(5):
        await room.do(vote(f"v{i}", "x"))
        await room.do(vote("slow", "x", -(i % 2)))
        await asyncio.sleep(0.3)
    await room.do(c.Settings("host", 0, None, {"downvotes": False}))
    await asyncio.sleep(0.3)
    assert len(slow.sink.messages) == before
    quick.sees_the_room()
    slow.sink.drain()
    await asyncio.sleep(fanout.LOOK_AFTER + 0.01)
    assert [m["t"] for _, m in slow.sink.messages[before:] if m["t"] != "here"] == ["patch", "mine"]
    slow.sees_the_room()
    await room.do(vote("late", "x"))
    await asyncio.sleep(0.1)
    slow.sees_the_room()


async def test_one_that_stays_behind_for_ten_seconds_is_cut(world: World) -> None:
    node, room = await world.party()
    slow = await node.watch("slow")
    slow.sink.stuck, slow.sink.waiting = True, listener.PATCH_LIMIT + 10_000
    await room.do(add("ben", "x"))
    await asyncio.sleep(listener.CUT_AFTER - 0.5)
    assert not slow.sink.aborted
    await asyncio.sleep(1)
    assert slow.sink.aborted


async def test_one_that_leaves_while_it_is_behind_is_forgotten(world: World) -> None:
    node, room = await world.party()
    slow = await node.watch("slow")
    slow.sink.stuck, slow.sink.waiting = True, listener.PATCH_LIMIT + 10_000
    await room.do(add("ben", "x"))
    await asyncio.sleep(0.1)
    slow.leave()
    slow.take()
    await asyncio.sleep(listener.CUT_AFTER + 2)
    assert not slow.sink.aborted
    slow.sink.drain()
    await asyncio.sleep(1)
    assert slow.kinds() == []


async def test_one_that_lets_answers_pile_up_is_cut(world: World) -> None:
    node, _ = await world.party()
    slow = await node.watch("slow")
    slow.sink.stuck = True
    for _ in range(9):
        assert not slow.sink.aborted
        slow.listener.push(JSON.encode({"t": "done", "id": "x" * 60_000}))
    assert slow.sink.aborted


async def test_a_state_in_flight_does_not_count_against_its_reader(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "PATCH_LIMIT", 5_000)
    node, room = await world.party()
    for i in range(100):
        await room.do(add("ben", f"song-{i}"))
    slow = await node.watch("slow")
    slow.sink.stuck, slow.sink.waiting = True, len(slow.sink.frames[0])
    assert slow.sink.waiting > 5_000
    await asyncio.sleep(1)
    slow.take()
    await room.do(vote("v", "song-1"))
    await asyncio.sleep(0.1)
    assert "patch" in slow.kinds()


async def test_detached_listeners_hear_nothing_more(world: World) -> None:
    node, room = await world.party()
    anna = await node.watch("anna")
    anna.leave()
    anna.take()
    await room.do(add("ben", "x"))
    await asyncio.sleep(2)
    assert anna.kinds() == []
    assert not room.listeners
