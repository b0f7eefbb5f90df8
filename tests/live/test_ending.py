"""A room deleted for good: everybody on every node is told, nobody puts it back, its code is free again."""

from __future__ import annotations

import asyncio

import pytest

from crowdcue.live import registry
from crowdcue.live.meters import meters
from crowdcue.log.contract import NoSuchRoom
from tests.live.world import CODE, World, add, vote
from tests.support.story import code


async def test_whoever_is_in_it_is_told_that_it_is_over(world: World) -> None:
    node, room = await world.party(start=True)
    other = await world.node(start=True)
    near, far = await node.watch("anna"), await other.watch("ben")
    await room.do(add("anna", "x"))
    await node.registry.delete(CODE)
    assert near.sink.closed == (4404, "this party is over"), "at once on the node that was asked"
    await asyncio.sleep(8)
    assert far.sink.closed == (4404, "this party is over")
    assert CODE not in world.store.rooms, "nobody put it back"
    for one in (node, other):
        with pytest.raises(NoSuchRoom):
            await one.open()
        assert [r.code for r in one.registry.rooms] == [], "what is over is not kept open"
        assert CODE not in one.log._hints, "nor listened to"


async def test_commands_on_their_way_are_refused_for_good(world: World) -> None:
    node, room = await world.party(start=True)
    other = await world.node(start=True)
    far = await other.open()
    await node.registry.delete(CODE)
    assert code(await room.do(add("anna", "x"))) == "no_such_room"
    outcomes = await asyncio.gather(*[far.do(vote("ben", "x")) for _ in range(3)])
    assert {code(outcome) for outcome in outcomes} == {"no_such_room"}
    with pytest.raises(NoSuchRoom):
        await far.fresh()


async def test_a_read_elsewhere_does_not_show_a_room_that_is_over(world: World) -> None:
    node, _ = await world.party()
    other = await world.node()
    far = await other.open()
    await node.registry.delete(CODE)
    with pytest.raises(NoSuchRoom):
        await far.fresh()


async def test_its_code_may_be_used_again(world: World) -> None:
    node, _ = await world.party(start=True)
    await node.registry.delete(CODE)
    again = await node.registry.create({"name": "Anew"}, CODE)
    screen = await node.watch("anna")
    assert code(await again.do(add("anna", "x"))) == "done"
    await asyncio.sleep(5)
    assert screen.sink.closed is None
    assert screen.model().view() and again.room.settings["name"] == "Anew"
    assert again.idle is False and node.registry.rooms == [again]


async def test_a_room_that_only_seemed_unused_comes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage left on for a month: the node that has it open puts it back."""
    monkeypatch.setattr(registry, "UNUSED", 1_000)
    node, _ = await world.party(start=True)
    sweeper = await world.node()
    await sweeper.registry.ensure_main()
    screen = await node.watch("stage")
    await asyncio.sleep(3)
    assert await sweeper.registry.delete_unused() == [CODE]
    before = meters.put_back
    await asyncio.sleep(8)
    assert CODE in world.store.rooms and screen.sink.closed is None
    assert meters.put_back == before + 1


async def test_what_goes_wrong_is_counted(world: World) -> None:
    node, room = await world.party()
    told = meters.fanout_seconds.count
    before = (meters.rebuilt, meters.states, meters.resyncs, meters.cut)
    screen = await node.watch("anna")
    await node.watch("ben", since=(0, "ffffffff"))
    await room.do(add("anna", "x"))
    world.store.roll_back(CODE, room.room.seq - 1)
    await room.catch_up()
    await asyncio.sleep(1)
    slow = await node.watch("carol")
    slow.sink.stuck = True
    slow.sink.waiting = 10**9
    slow.listener.push(b"{}")
    assert slow.sink.aborted
    rebuilt, states, resyncs, cut = (
        now - was
        for now, was in zip((meters.rebuilt, meters.states, meters.resyncs, meters.cut), before, strict=True)
    )
    assert rebuilt == 1
    assert resyncs >= 1 and states >= 3 and states > resyncs
    assert cut == 1 and meters.fanout_seconds.count > told
    assert screen.sink.closed is None
