"""A room with a PIN over the WebSocket: who is let in, what a stranger is told, and what changes under those inside."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import ConnectionClosed

from crowdcue.faces.door import ADDRESS_BURST
from tests.support.servers import Server
from tests.support.talk import Closed, RoomKey, Talk, song

PIN, OTHER = "24681357", "97531864"
NEEDED, BAD = Closed(4423, "pin_needed"), Closed(4423, "bad_pin")
CODECS = ["json", "msgpack"]


@pytest.fixture
async def locked(house: Server, room: RoomKey) -> RoomKey:
    """A room with a PIN and one song."""
    async with Talk(house, room.code, host=room.host_token) as host:
        await host.do("add", song=song("x"))
        await host.do("settings", pin=PIN)
    return room


async def turned_away(house: Server, room: RoomKey, codec: str = "json", **hello: object) -> Closed:
    """How a hello ends that is not let in; nothing at all is said before."""
    talk = await Talk(house, room.code, codec=codec, greet=False).open()
    await talk.send(t="hello", **hello)
    async with asyncio.timeout(15):
        with pytest.raises(ConnectionClosed) as end:
            await talk.socket.recv()
    assert end.value.rcvd is not None
    return Closed(end.value.rcvd.code, end.value.rcvd.reason)


@pytest.mark.parametrize("codec", CODECS)
async def test_a_stranger_needs_the_pin_once(house: Server, locked: RoomKey, codec: str) -> None:
    assert await turned_away(house, locked, codec, name="Anna") == NEEDED
    assert await turned_away(house, locked, codec, name="Anna", pin="") == NEEDED
    assert await turned_away(house, locked, codec, name="Anna", pin=OTHER) == BAD
    assert await turned_away(house, locked, codec, name="Anna", pin=PIN + "0") == BAD
    async with Talk(house, locked.code, codec=codec, name="Anna", pin=PIN) as anna:
        assert (anna.you["role"], anna.queue) == ("guest", ["x"])
        assert anna.model.room["pin"] is True
    async with Talk(house, locked.code, codec=codec, token=anna.token) as again:
        await again.do("vote", song_id="x", value=1)
    async with Talk(house, locked.code, codec=codec, token=anna.token, since=again.version) as resumed:
        assert resumed.you["id"] == anna.you["id"]


async def test_the_stages_of_hosts_pass_and_others_are_asked(house: Server, locked: RoomKey) -> None:
    async with Talk(house, locked.code, player=True, host=locked.host_token) as stage:
        assert stage.you["role"] == "host"
    async with Talk(house, locked.code, player=True, token=stage.token):
        pass  # a host once is a host for good
    assert await turned_away(house, locked, **{"as": "player"}) == NEEDED
    assert (await turned_away(house, locked, host="nonsense", pin=PIN)).code == 4401
    async with Talk(house, locked.code, player=True, pin=PIN) as tv:
        assert tv.you["role"] == "guest"


async def test_whoever_is_in_stays_when_a_pin_is_set(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code, host=room.host_token) as host, Talk(house, room.code) as anna:
        await host.do("settings", pin=PIN, name="Private")
        await anna.until(lambda: anna.model.room.get("pin") is True)
        await anna.do("add", song=song("x"))
        await anna.leave()
        async with Talk(house, room.code, token=anna.token) as back:
            assert back.queue == ["x"]
        assert await turned_away(house, room) == NEEDED
        await host.do("settings", pin=None)
        await host.until(lambda: host.model.room["pin"] is False)
        async with Talk(house, room.code):
            pass


async def test_another_pin_sends_all_out_but_hosts(house: Server, locked: RoomKey) -> None:
    async with (
        Talk(house, locked.code, host=locked.host_token) as host,
        Talk(house, locked.code, pin=PIN) as anna,
    ):
        await host.do("settings", pin=PIN)  # the same again
        await anna.do("vote", song_id="x", value=1)
        await host.do("settings", pin=OTHER)
        assert await anna.closed() == NEEDED
        assert await turned_away(house, locked, token=anna.token) == NEEDED
        assert await turned_away(house, locked, token=anna.token, pin=PIN) == BAD
        async with Talk(house, locked.code, token=anna.token, pin=OTHER) as back:
            assert back.model.mine == {"x": 1}, "still the same member"
        await host.do("volume", value=3)


async def test_only_hosts_set_a_pin_and_only_pins(house: Server, locked: RoomKey) -> None:
    async with Talk(house, locked.code, pin=PIN) as anna:
        await anna.refused("settings", "forbidden", pin=OTHER)
        await anna.refused("settings", "forbidden", pin=None)
    async with Talk(house, locked.code, host=locked.host_token) as host:
        for wrong in (1234, "987", "98ab", "9876543210123", True, ["9876"]):
            refused = await host.refused("settings", "bad_request", pin=wrong)
            assert "987" not in refused["message"]
    assert await turned_away(house, locked) == NEEDED


async def test_whoever_tries_too_many_waits_however_right_the_next_one_is(
    house: Server, locked: RoomKey
) -> None:
    for number in range(ADDRESS_BURST):
        assert await turned_away(house, locked, pin=f"{number:04}") == BAD
    code, seconds = await turned_away(house, locked, pin=PIN)
    assert code == 4429
    assert 0 < int(seconds) <= 30
    assert await turned_away(house, locked) == NEEDED
    async with Talk(house, locked.code, host=locked.host_token):
        pass
