"""Who is here: told when it changes, at most once a second, over all nodes, and never in the log."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from crowdcue.live import presence
from crowdcue.log.contract import PRESENCE_TTL
from tests.live.world import World


async def test_here_counts_members_not_screens_and_names_them(world: World) -> None:
    node, room = await world.party()
    anna = await node.watch("anna")
    await node.watch("anna", player=True)
    await node.watch("ben")
    await asyncio.sleep(1.2)
    asking = [{"id": "anna", "name": "Anna"}]  # a player without host rights
    expected = {"t": "here", "members": 2, "players": 1, "names": ["Anna", "Ben"], "asking": asking}
    assert anna.take("here")[-1] == expected
    assert room.present == 2
    assert room.connections("anna") == 2


async def test_here_is_told_at_most_once_a_second(world: World) -> None:
    node, _ = await world.party(start=True)
    anna = await node.watch("anna")
    began = world.loop.time()
    for i in range(100):
        screen = await node.watch(f"m{i}")
        await asyncio.sleep(0.02)
        if i % 3 == 0:
            screen.leave()
        await asyncio.sleep(0.02)
    await asyncio.sleep(2)
    times = [at for at, m in anna.sink.messages if m["t"] == "here"]
    assert 3 <= len(times) <= world.loop.time() - began + 1
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.999
    last = anna.take("here")[-1]
    assert last["members"] == 1 + 66


async def test_no_change_no_here(world: World) -> None:
    node, room = await world.party(start=True)
    anna = await node.watch("anna")
    await asyncio.sleep(5)
    anna.take()
    seq = room.room.seq
    await asyncio.sleep(60)
    assert anna.kinds() == []
    assert room.room.seq == seq, "presence is never in the log"


async def test_presence_spans_nodes_and_lapses_with_a_dead_one(world: World) -> None:
    one, room = await world.party(start=True)
    two = await world.node(start=True)
    anna = await one.watch("anna")
    await two.watch("anna")
    await two.watch("ben", player=True)
    await asyncio.sleep(5)
    here = anna.take("here")[-1]
    assert (here["members"], here["players"], sorted(here["names"])) == (2, 1, ["Anna", "Ben"])
    await two.die()
    world.nodes.remove(two)
    await asyncio.sleep(PRESENCE_TTL + 5)
    here = anna.take("here")[-1]
    assert (here["members"], here["players"], here["names"]) == (1, 0, ["Anna"])
    assert room.present == 1


async def test_a_node_that_stops_takes_its_people_along_at_once(world: World) -> None:
    one, _ = await world.party(start=True)
    two = await world.node(start=True)
    anna = await one.watch("anna")
    await two.watch("ben")
    await asyncio.sleep(5)
    assert anna.take("here")[-1]["members"] == 2
    await two.stop()
    world.nodes.remove(two)
    await asyncio.sleep(5)
    assert anna.take("here")[-1]["members"] == 1


async def test_names_and_reports_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "MOST_NAMES", 5)
    monkeypatch.setattr(presence, "MOST_REPORTED", 8)
    one, room = await world.party(start=True)
    two = await world.node(start=True)
    anna = await one.watch("anna")
    for i in range(30):
        await two.watch(f"m{i}")
    await asyncio.sleep(6)
    here = anna.take("here")[-1]
    assert (here["members"], len(here["names"])) == (31, 5)
    assert room.present == 31
