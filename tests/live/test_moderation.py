"""Reactions, co-hosts and guests who are sent away, as listeners see them."""

from __future__ import annotations

import asyncio

from crowdcue.live import reactions
from crowdcue.room import commands as c
from tests.live.world import World


async def test_reactions_are_shown_to_all_in_batches(world: World) -> None:
    node, room = await world.party()
    anna, ben = await node.watch("anna"), await node.watch("ben")
    for _ in range(3):
        room.react("Anna", "🎉")
    await asyncio.sleep(1)
    for screen in (anna, ben):
        assert screen.take("reactions") == [{"t": "reactions", "list": [{"emoji": "🎉", "name": "Anna"}] * 3}]


async def test_reactions_beyond_what_can_be_seen_are_dropped(world: World) -> None:
    node, room = await world.party()
    anna = await node.watch("anna")
    for _ in range(500):
        room.react("Anna", "🔥")
    await asyncio.sleep(1)
    (message,) = anna.take("reactions")
    assert len(message["list"]) == reactions.MOST


async def test_a_promoted_member_is_told_and_their_player_counts(world: World) -> None:
    node, room = await world.party()
    tv = await node.watch("tv", player=True)
    before = room.attached
    await room.do(c.Promote("house", c.HOST, None, "tv"))
    assert tv.take("you") == [{"t": "you", "you": {"id": "tv", "name": "Tv", "role": "host"}}]
    assert (before, room.attached) == (False, True)
    await asyncio.sleep(1.2)
    assert "asking" not in tv.take("here")[-1]


async def test_who_is_sent_away_is_closed_on_every_node(world: World) -> None:
    first, _ = await world.party()
    second = await world.node(start=True)
    anna, ben, other = await first.watch("anna"), await first.watch("ben"), await second.watch("ben")
    await (await first.open()).do(c.Ban("house", c.HOST, None, "ben", True))
    await asyncio.sleep(0.1)
    closed = [screen.sink.closed for screen in (anna, ben, other)]
    assert closed == [None, (4403, "a host sent you away"), (4403, "a host sent you away")]
