"""The way in: messages taken out of the stream by hand are those that uvicorn's own parser would have found."""

from __future__ import annotations

import asyncio
import random

import pytest
from starlette.types import Receive, Send
from websockets.frames import Close, Frame, Opcode

from crowdcue.faces.frames import FrameSink
from tests.ws.test_frames import serving, until_gone

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def masked(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


async def heard(stream: list[bytes], listening: bool) -> tuple[list[str | bytes], bytes]:
    """What the application hears of these chunks, and what the client is sent back."""
    found: list[str | bytes] = []

    async def act(sink: FrameSink, receive: Receive, send: Send) -> None:
        if listening:
            sink.listen(found.append)
            await until_gone(receive)
            return
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text")
            found.append(text if text is not None else message["bytes"])

    async with serving(act) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        for chunk in stream:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    return found, answer


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("listening", [True, False])
async def test_any_cut_of_the_stream_gives_the_same_messages(seed: int, listening: bool) -> None:
    dice = random.Random(seed)
    whole, wanted = b"", list[str | bytes]()
    for number in range(40):
        data = bytes(dice.choices(b"abc", k=dice.choice((0, 1, 125, 126, 127, 300, 5_000))))
        if number == 30:  # in fragments, with a ping between them
            whole += masked(Opcode.BINARY, b"in ", fin=False) + masked(Opcode.PING, b"?")
            whole += masked(Opcode.CONT, b"parts")
            wanted.append(b"in parts")
        elif dice.random() < 0.5:
            whole += masked(Opcode.TEXT, data)
            wanted.append(data.decode())
        else:
            whole += masked(Opcode.BINARY, data)
            wanted.append(data)
        if dice.random() < 0.2:
            whole += masked(Opcode.PING, b"x") + masked(Opcode.PONG, b"y")
    whole += masked(Opcode.CLOSE, Close(1000, "").serialize())
    chunks = []
    while whole:
        size = dice.choice((1, 2, 3, 7, 100, 4_000))
        chunks.append(whole[:size])
        whole = whole[size:]
    found, answer = await heard(chunks, listening)
    assert found == wanted
    assert answer.endswith(Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=False))


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Frame(Opcode.BINARY, b"not masked").serialize(mask=False), 1002),
        (masked(Opcode.TEXT, b"\xff\xfe"), 1007),
        (masked(Opcode.CONT, b"of nothing"), 1002),
        (b"\xc2" + masked(Opcode.BINARY, b"compressed?")[1:], 1002),
    ],
    ids=["unmasked", "not UTF-8", "stray continuation", "reserved bit"],
)
async def test_what_is_not_in_order_ends_the_connection(bad: bytes, code: int) -> None:
    found, answer = await heard([masked(Opcode.BINARY, b"good"), bad], listening=True)
    assert found == [b"good"]
    assert code.to_bytes(2, "big") in answer
