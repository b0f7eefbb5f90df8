"""Every close code that a client may meet, and what brings it about."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import msgpack
import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.servers import Server
from tests.support.talk import RoomKey, Talk, song

HELLO = {"t": "hello", "name": "Anna"}

BAD_FIRST: dict[str, str | bytes] = {
    "not JSON": "{",
    "an empty frame": "",
    "NaN": '{"t": "hello", "name": NaN}',
    "a list": '["hello"]',
    "a number": "1",
    "null": "null",
    "no t": "{}",
    "an unknown t": '{"t": "hallo"}',
    "t is no text": '{"t": ["hello"]}',
    "a do before hello": '{"t": "do", "id": "1", "op": "pause"}',
    "a ping before hello": '{"t": "ping", "at": 1}',
    "a binary frame": b'{"t": "hello"}',
    "a lone surrogate": '{"t": "hello", "name": "\\ud800"}',
    "very deep": '{"t": "hello", "x": ' + "[" * 30_000 + "]" * 30_000 + "}",
    "a token that is no text": '{"t": "hello", "token": 7}',
    "a name that is no text": '{"t": "hello", "name": {}}',
    "since that is no version": '{"t": "hello", "since": "yesterday"}',
    "since with a negative number": '{"t": "hello", "since": [-1, "00000000"]}',
    "a pin that is no text": '{"t": "hello", "pin": 1234}',
    "as something else": '{"t": "hello", "as": "a god"}',
}
BAD_LATER: dict[str, str | bytes] = {
    "not JSON": "{]",
    "an unknown t": '{"t": "dance"}',
    "no t": '{"id": "1"}',
    "a do without an id": '{"t": "do", "op": "pause"}',
    "an empty id": '{"t": "do", "id": "", "op": "pause"}',
    "a long id": json.dumps({"t": "do", "id": "i" * 65, "op": "pause"}),
    "an id that is a number": '{"t": "do", "id": 1, "op": "pause"}',
    "Infinity": '{"t": "ping", "at": Infinity}',
    "a binary frame": b"{}",
    "a second hello": json.dumps(HELLO),
}
BAD_MSGPACK: dict[str, str | bytes] = {
    "a text frame": json.dumps(HELLO),
    "nothing": b"",
    "a reserved byte": b"\xc1",
    "more than one value": msgpack.packb(HELLO) + b"\x00",
    "a map cut short": msgpack.packb(HELLO)[:-1],
    "a list": msgpack.packb(["hello"]),
    "bad UTF-8": b"\x81\xa1t\xa2\xff\xff",
    "a map with a list for a key": b"\x81\x91\x01\x01",
    "a promise of four thousand million values": b"\xdd\xff\xff\xff\xff",
    "very deep": b"\x91" * 60_000,
}


@pytest.mark.parametrize("frame", BAD_FIRST.values(), ids=BAD_FIRST.keys())
async def test_4400_for_a_bad_first_message(house: Server, frame: str | bytes) -> None:
    talk = await Talk(house, greet=False).open()
    await talk.send_raw(frame)
    closed = await talk.closed()
    assert closed.code == 4400 and closed.reason


@pytest.mark.parametrize("frame", BAD_LATER.values(), ids=BAD_LATER.keys())
async def test_4400_for_a_bad_later_message(house: Server, frame: str | bytes) -> None:
    talk = await Talk(house).open()
    await talk.send_raw(frame)
    closed = await talk.closed()
    assert closed.code == 4400 and closed.reason


@pytest.mark.parametrize("frame", BAD_MSGPACK.values(), ids=BAD_MSGPACK.keys())
async def test_4400_for_bad_messagepack(house: Server, frame: str | bytes) -> None:
    talk = await Talk(house, codec="msgpack", greet=False).open()
    await talk.send_raw(frame)
    assert (await talk.closed()).code == 4400


async def test_no_subprotocol_is_json_and_an_unknown_one_is_not_confirmed(house: Server) -> None:
    async with Talk(house, codec=None) as anna:
        assert anna.socket.subprotocol is None
        await anna.settle()


@pytest.mark.parametrize(
    "hello", [{"token": "not a token"}, {"token": "a" * 1024}, {"host": "not a token"}, {"token": "é"}]
)
async def test_4401_for_a_token_of_somebody_else(house: Server, hello: dict[str, str]) -> None:
    talk = await Talk(house, greet=False).open()
    await talk.send(t="hello", **hello)
    assert (await talk.closed()).code == 4401


async def test_4401_for_the_host_token_of_another_room(house: Server, room: RoomKey) -> None:
    talk = await Talk(house, "MAIN", greet=False).open()
    await talk.send(t="hello", host=room.host_token)
    assert (await talk.closed()).code == 4401
    # A host token is no member token, and the other way round.
    async with Talk(house) as anna:
        for hello in ({"token": room.host_token}, {"host": anna.token}):
            talk = await Talk(house, room.code, greet=False).open()
            await talk.send(t="hello", **hello)
            assert (await talk.closed()).code == 4401


async def test_4403_for_pages_of_somebody_else(house: Server) -> None:
    talk = await Talk(house, greet=False).open({"Origin": "https://elsewhere.example"})
    assert (await talk.closed()).code == 4403
    talk = await Talk(house, greet=False).open({"Origin": house.url})
    await talk.say_hello()
    await talk.leave()


@pytest.mark.parametrize("code", ["ZZZZZZ", "main2", "A", "OOOOOO", "%2e%2e", "x" * 200, "%00", "MÄIN"])
async def test_4404_where_no_party_is(house: Server, code: str) -> None:
    talk = await Talk(house, code, greet=False).open()
    assert (await talk.closed()).code == 4404


async def test_4429_for_too_many_connections_of_one_member(house: Server, room: RoomKey) -> None:
    first = await Talk(house, room.code).open()
    talks = [first]
    refused = False
    while not refused and len(talks) < 100:
        talk = await Talk(house, room.code, greet=False).open()
        await talk.send(t="hello", token=first.token)
        try:
            assert talk.decode(await talk.socket.recv())["t"] == "welcome"
            talks.append(talk)
        except ConnectionClosed:
            assert (await talk.closed()).code == 4429
            refused = True
    assert refused, "a hundred connections of one member are too many"
    assert len(talks) >= 10, "tabs and what the network has not given up yet"
    async with Talk(house, room.code):  # somebody else is welcome
        pass
    for talk in talks:
        await talk.leave()
    async with Talk(house, room.code, token=first.token):  # and so is the same member, later
        pass


async def test_4503_when_the_server_stops_and_all_is_kept(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        talks = [await Talk(server).open() for _ in range(20)]
        await talks[0].do("add", song=song("x"))
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        for talk in talks:
            closed = await talk.closed()
            assert closed.code == 4503
            assert 0 < float(closed.reason) < 60, "the reason carries seconds"
        assert await stopping == 0
        await asyncio.to_thread(server.start)
        async with Talk(server) as again:
            assert again.queue == ["x"]


@pytest.mark.parametrize("size", [70_000, 1_000_000])
async def test_a_frame_that_is_too_large_ends_the_connection(house: Server, size: int) -> None:
    talk = await Talk(house, greet=False).open()
    with contextlib.suppress(ConnectionClosed):  # it may be cut off while it is still sending
        await talk.send(t="hello", padding="x" * size)
    assert (await talk.closed()).code in (1009, 4400, 1006)
    async with Talk(house) as anna:
        await anna.settle()


async def test_a_frame_just_within_the_limit_is_taken(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code) as anna:
        await anna.send(t="ping", at=1, padding="x" * 60_000)
        await anna.expect("pong", at=1)
