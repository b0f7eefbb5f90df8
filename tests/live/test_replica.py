"""Replicas that converge: lost, doubled and late hints, failovers, vanished logs, snapshots, the far future."""

from __future__ import annotations

import asyncio
import random

import msgpack
import pytest

from crowdcue.live import replica
from crowdcue.live.replica import Refusing
from crowdcue.log.contract import Entry, NoSuchRoom, OnHint, Unavailable
from crowdcue.room import codec
from crowdcue.room import commands as c
from tests.live.world import CODE, Node, World, add, digests, fails, vote
from tests.support.story import code


def unreliable(node: Node, dice: random.Random) -> None:
    """Hints to this node are lost, doubled, late and out of order."""
    loop = asyncio.get_running_loop()

    def carry(on_hint: OnHint, room: str, entry: Entry) -> None:
        for _ in range(dice.choice([0, 1, 1, 1, 2])):
            loop.call_later(dice.choice([0, 0, 0.001, 0.05, 3.0]), on_hint, room, entry)

    node.carry = carry


@pytest.mark.parametrize("seed", range(6))
async def test_nodes_converge_whatever_becomes_of_the_hints(world: World, seed: int) -> None:
    dice = random.Random(seed)
    first, _room = await world.party(start=True)
    nodes = [first, await world.node(start=True), await world.node(start=True)]
    rooms = [await node.open() for node in nodes]
    screens = [await node.watch(f"m{i}") for i, node in enumerate(nodes)]
    for node in nodes:
        unreliable(node, dice)
    outcomes: list[object] = []
    for i in range(150):
        member = f"m{dice.randrange(4)}"
        command: c.Command = add(member, f"s{i % 12}")
        if dice.random() < 0.5:
            command = vote(member, f"s{dice.randrange(12)}", dice.choice([-1, 0, 1]))
        dice.choice(rooms).submit(command, outcomes.append)
        await asyncio.sleep(dice.choice([0, 0, 0.001, 0.03]))
    await asyncio.sleep(6)
    assert len(outcomes) == 150
    assert len(digests(*rooms)) == 1
    assert rooms[0].room.seq == world.store.rooms[CODE].seq > 20
    for screen in screens:
        screen.sees_the_room()


async def test_a_lost_last_hint_is_found_by_looking(world: World) -> None:
    _, room = await world.party(start=True)
    other = await world.node(start=True)
    elsewhere = await other.open()
    other.carry = lambda on_hint, room_code, entry: None
    await room.do(add("anna", "x"))
    assert "x" not in elsewhere.room.items
    await asyncio.sleep(2.1)
    assert "x" in elsewhere.room.items


async def test_a_fresh_read_is_no_older_than_its_call(world: World) -> None:
    _, room = await world.party()
    other = await world.node()
    elsewhere = await other.open()
    other.carry = lambda on_hint, room_code, entry: None
    await room.do(add("anna", "x"))
    before = other.count("positions")
    reads = await asyncio.gather(*[elsewhere.fresh() for _ in range(20)])
    assert all("x" in state.items for state in reads)
    assert other.count("positions") - before <= 3, "concurrent readers share one look"


@pytest.mark.parametrize("error", [Unavailable("the cable is out"), ZeroDivisionError()])
async def test_a_fresh_read_that_cannot_be_had_says_so_and_the_next_can(
    world: World, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    node, room = await world.party()

    async def gate(operation: str, room_code: str, moment: str) -> None:
        if operation == "positions":
            raise error

    node.gate = gate
    answers = await asyncio.gather(*[room.fresh() for _ in range(3)], return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    node.gate = None
    assert await room.fresh() is room.room


# Failover and loss


async def test_a_log_that_was_rolled_back_rebuilds_everybody(world: World) -> None:
    one, room = await world.party(start=True)
    two = await world.node(start=True)
    elsewhere = await two.open()
    await room.do(add("anna", "x"))
    anna, ben = await one.watch("anna"), await two.watch("ben")
    kept = room.room.seq
    await room.do(add("anna", "lost"))
    await asyncio.sleep(0.1)
    assert [i["id"] for i in ben.model().queue] == ["x", "lost"]
    world.store.roll_back(CODE, kept)
    await elsewhere.do(add("ben", "new"))
    await asyncio.sleep(3)
    assert set(room.room.items) == set(elsewhere.room.items) == {"x", "new"}
    assert len(digests(room, elsewhere)) == 1
    for screen in (anna, ben):
        screen.sees_the_room()
        assert screen.kinds().count("state") == 2


async def test_a_roll_back_to_what_listeners_still_know_needs_no_state(world: World) -> None:
    one, room = await world.party(start=True)
    await room.do(add("anna", "x"))
    anna = await one.watch("anna")
    kept = room.room.seq
    await room.do(vote("anna", "x", 0))  # changes nothing that shows
    world.store.roll_back(CODE, kept)
    await asyncio.sleep(2.1)
    assert room.room.seq == kept
    assert anna.kinds().count("state") == 1
    await room.do(add("anna", "y"))
    await asyncio.sleep(0.1)
    anna.sees_the_room()


async def test_a_log_that_vanished_is_put_back_by_an_open_replica(world: World) -> None:
    one, room = await world.party(start=True)
    two = await world.node(start=True)
    elsewhere = await two.open()
    await room.do(add("anna", "x"))
    anna = await one.watch("anna")
    before = codec.digest(room.room)
    del world.store.rooms[CODE]
    await asyncio.sleep(2 + 3 * replica.ELECTION)
    assert world.store.rooms[CODE].chain == room.room.chain
    assert digests(room, elsewhere) == {before}
    assert code(await elsewhere.do(add("ben", "y"))) == "done"
    await asyncio.sleep(0.1)
    assert len(digests(room, elsewhere)) == 1
    anna.sees_the_room()
    assert anna.kinds().count("state") == 1, "the chain goes on, so nobody is disturbed"
    late = await (await world.node()).open()
    assert digests(late) == digests(room)


async def test_of_several_replicas_the_newest_is_put_back(world: World) -> None:
    _, room = await world.party(start=True)
    nodes = [await world.node(start=True) for _ in range(3)]
    rooms = [await node.open() for node in nodes]
    await room.do(add("anna", "x"))
    for node in nodes:
        node.carry = lambda on_hint, room_code, entry: None
    assert code(await room.do(add("anna", "acknowledged"))) == "done"
    del world.store.rooms[CODE]  # before the others have looked
    await asyncio.sleep(2 + 3 * replica.ELECTION)
    assert "acknowledged" in room.room.items
    assert len(digests(room, *rooms)) == 1


async def test_a_command_given_while_the_log_is_gone_is_applied_once(world: World) -> None:
    _, room = await world.party(start=True)
    await room.do(add("anna", "x"))
    del world.store.rooms[CODE]
    assert code(await room.do(c.Step("ben", 0, None, "x", 1))) == "done"
    assert room.room.items["x"].up == 1
    assert world.store.rooms[CODE].chain == room.room.chain


async def test_a_vanished_log_that_cannot_be_put_back_yet_sends_nobody_away(world: World) -> None:
    node, room = await world.party(start=True)
    anna = await node.watch("anna")
    del world.store.rooms[CODE]
    node.gate = fails("restore")
    await asyncio.sleep(5)
    assert anna.sink.closed is None, "a log that does not answer is no reason to give up"
    node.gate = None
    await asyncio.sleep(5)
    assert code(await room.do(add("anna", "x"))) == "done"
    assert anna.sink.closed is None


async def test_a_room_that_nobody_made_is_no_room(world: World) -> None:
    node = await world.node()
    with pytest.raises(NoSuchRoom):
        await node.open("NOROOM")
    assert node.registry.rooms == []


# What only a newer version understands


async def test_an_entry_of_the_future_closes_the_room_on_this_node(world: World) -> None:
    node, room = await world.party(start=True)
    anna = await node.watch("anna")
    entry = msgpack.packb([1, [[99, "anna"]]])
    await node.log.append(CODE, "newer-node", 1, entry)
    assert anna.sink.closed == (4503, "2"), "another node may serve it"
    assert room.gone is not None
    assert "newer version" in room.gone
    assert code(await room.do(add("anna", "x"))) == "unavailable"
    with pytest.raises(Refusing, match="newer version"):
        await node.open()
    await asyncio.sleep(3)
    assert node.registry.rooms == []


# Snapshots and history


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots come often."""
    monkeypatch.setattr(replica, "CHECKPOINT_ENTRIES", 20)
    monkeypatch.setattr(replica, "CHECKPOINT_PLAYS", 7)


async def play_through(room: object, count: int, prefix: str) -> None:
    for i in range(count):
        await room.do(add("anna", f"{prefix}{i}"))  # type: ignore[attr-defined]
        await room.do(c.PlayNext("host", 0, None, c.ANY_PLAY, True))  # type: ignore[attr-defined]


@pytest.mark.usefixtures("small")
async def test_history_is_paged_across_snapshots(world: World) -> None:
    _node, room = await world.party()
    await play_through(room, 31, "s")
    assert len(world.store.rooms[CODE].plays) >= 20
    assert len(room._replica.unarchived) < 10
    paged: list[int] = []
    before: int | None = None
    while page := await room.history(before, 4):
        assert len(page) <= 4
        paged += [play.play for play in page]
        before = page[-1].play
    assert paged == list(range(30, 0, -1))
    assert [play.song.id for play in await room.history(3, 10)] == ["s1", "s0"]
    other = await (await world.node()).open()
    assert await other.history(None, 100) == await room.history(None, 100)


@pytest.mark.usefixtures("small")
async def test_a_cleared_history_stays_cleared_across_snapshots(world: World) -> None:
    _node, room = await world.party()
    await play_through(room, 12, "s")
    await room.do(c.Clear("host", 0, None, True))
    assert await room.history(None, 100) == []
    await play_through(room, 12, "t")
    assert [play.play for play in await room.history(None, 100)] == list(range(23, 12, -1))
    assert min(world.store.rooms[CODE].plays) > 12


@pytest.mark.usefixtures("small")
async def test_two_nodes_take_turns_at_snapshots_without_harm(world: World) -> None:
    _one, room = await world.party()
    two = await world.node()
    elsewhere = await two.open()
    for i in range(60):
        await (room, elsewhere)[i % 2].do(add("anna", f"s{i}"))
        await (room, elsewhere)[i % 3 % 2].do(c.PlayNext("host", 0, None, c.ANY_PLAY, True))
    await asyncio.sleep(0.1)
    assert len(digests(room, elsewhere)) == 1
    histories = [[p.play for p in await r.history(None, 200)] for r in (room, elsewhere)]
    assert histories == [list(range(59, 0, -1))] * 2
    assert len(room._replica.unarchived) < 15
    assert len(elsewhere._replica.unarchived) < 15


@pytest.mark.usefixtures("small")
async def test_a_restarted_node_resumes_its_listeners(world: World) -> None:
    node, room = await world.party()
    for i in range(50):
        await room.do(add("anna", f"s{i}"))
    anna = await node.watch("anna")
    model = anna.model()
    await room.do(vote("anna", "s3"))
    before = codec.digest(room.room)
    await node.stop()
    world.nodes.remove(node)
    assert world.store.rooms[CODE].snapshot is not None
    again = await world.node()
    screen = await again.watch("anna", since=(model.seq, model.mark))
    assert codec.digest(screen.room.room) == before
    assert screen.kinds() == ["patch", "mine"]
    for message in screen.take():
        model.receive(message)
    assert model.mine == {"s3": 1}


@pytest.mark.usefixtures("small")
async def test_a_killed_node_loses_nothing_that_was_answered(world: World) -> None:
    node, room = await world.party()
    for i in range(33):
        assert code(await room.do(add("anna", f"s{i}"))) == "done"
    before = codec.digest(room.room)
    await node.die()
    world.nodes.remove(node)
    again = await (await world.node()).open()
    assert codec.digest(again.room) == before


@pytest.mark.usefixtures("small")
async def test_a_replica_that_lags_behind_a_trimmed_log_starts_from_the_snapshot(world: World) -> None:
    node = await world.node(keep_entries=10)
    room = await node.registry.create({}, CODE)
    other = await world.node(keep_entries=10)
    elsewhere = await other.open()
    other.carry = lambda on_hint, room_code, entry: None
    for i in range(90):
        await room.do(add("anna", f"s{i}"))
    assert world.store.rooms[CODE].first > 30
    assert elsewhere.room.seq < 5
    await elsewhere.catch_up()
    assert len(digests(room, elsewhere)) == 1


@pytest.mark.usefixtures("small")
async def test_a_snapshot_that_cannot_be_stored_is_tried_again(world: World) -> None:
    node, room = await world.party()
    node.gate = fails("checkpoint")
    for i in range(30):
        await room.do(add("anna", f"s{i}"))
    await asyncio.sleep(1)
    assert world.store.rooms[CODE].snapshot is None
    node.gate = None
    await room.do(add("anna", "one more"))
    await asyncio.sleep(0.1)
    assert world.store.rooms[CODE].snapshot is not None


async def test_log_time_goes_with_the_log_not_with_this_node(world: World) -> None:
    _node, room = await world.party(start=True)
    await asyncio.sleep(1)
    assert abs(room.now() - world.clock()) <= 10
    world.ahead += 500_000
    await asyncio.sleep(2.1)
    assert abs(room.now() - world.clock()) <= 10
    await room.do(add("anna", "x"))
    world.ahead -= 90_000
    await asyncio.sleep(5)
    assert room.now() >= room.room.at
    assert room.now() == pytest.approx(room.room.at + 5_000, abs=2_100), "it goes on at normal speed"
