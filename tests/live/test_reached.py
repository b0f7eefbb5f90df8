"""Bounds of a live room that clients can reach, each reached."""

from __future__ import annotations

import asyncio

import pytest

from crowdcue.live import listener, presence, replica
from crowdcue.log.contract import Unavailable
from tests.live.world import World


async def test_a_listener_that_lets_more_pile_up_than_it_may_is_cut(world: World) -> None:
    node, _room = await world.party()
    screen = await node.watch("anna")
    screen.sink.stuck = True
    while not screen.sink.aborted:
        assert screen.sink.buffered() <= listener.CUT_LIMIT + screen.listener.allowance
        screen.listener.push(b'{"t":"%b"}' % (b"x" * 40_000))
    assert screen.sink.buffered() > listener.CUT_LIMIT


async def test_players_that_ask_for_rights_are_told_of_up_to_a_few(world: World) -> None:
    node, room = await world.party()
    for number in range(presence.MOST_ASKING + 4):
        await node.watch(f"tv{number}", player=True)
    assert len(room._presence.here()["asking"]) == presence.MOST_ASKING


async def test_a_reader_waits_so_long_for_the_log(world: World) -> None:
    node, room = await world.party()

    async def gate(operation: str, code: str, moment: str) -> None:
        if operation == "positions":
            await asyncio.sleep(60)

    node.gate = gate
    began = world.loop.time()
    with pytest.raises(Unavailable):
        await room.catch_up()
    assert world.loop.time() - began == pytest.approx(replica.CATCH_UP_TIMEOUT, abs=0.1)
