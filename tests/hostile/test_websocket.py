"""WebSockets as an attacker uses them: compression, fragments, pings and silence cost us nothing that has no bound."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Send
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

from crowdcue.faces.frames import MAX_PONGS, FrameSink, FramesProtocol
from crowdcue.log.memory import MemoryLog
from crowdcue.node import PING_EVERY
from crowdcue.wire import MAX_FRAME
from tests.rest.party import Party, party_over
from tests.support.servers import Server
from tests.support.talk import Talk, new_room
from tests.ws.test_frames import serving, until_gone

#: The kernel's buffers between two ends take so much at most (bytes); what comes on top is ours.
KERNEL = 4 * 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Guests and hosts, limits and all."""
    with Server(tmp_path_factory.mktemp("websocket") / "data", open_party=False) as started:
        yield started


async def opened(port: int, *headers: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """A handshake by hand; the head of the answer in small letters."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [
        *("GET /ws/MAIN HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"),
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        *("Sec-WebSocket-Version: 13", *headers, "", ""),
    ]
    writer.write("\r\n".join(lines).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    assert head.startswith("http/1.1 101")
    return reader, writer, head


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    """As a client sends it."""
    return Frame(opcode, data, fin).serialize(mask=True)


async def close_code(reader: asyncio.StreamReader, within: float) -> int:
    """The code that the server closes with; everything before is passed over."""
    async with asyncio.timeout(within):
        while True:
            first, length = await reader.readexactly(2)
            if length >= 126:
                length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
            body = await reader.readexactly(length)
            if first == 0x88:
                return int.from_bytes(body[:2], "big")


async def test_no_compression_is_agreed_on_and_compressed_frames_are_refused(server: Server) -> None:
    reader, writer, head = await opened(server.port, "Sec-WebSocket-Extensions: permessage-deflate")
    assert "sec-websocket-extensions" not in head
    first, *rest = frame(Opcode.TEXT, b"a few bytes that would become many")
    writer.write(bytes([first | 0x40, *rest]))  # the mark of a compressed message
    assert await close_code(reader, 10) == 1002
    writer.close()


@pytest.mark.parametrize("size", [1, 1_000])
async def test_a_message_in_endless_parts_ends_the_connection(server: Server, size: int) -> None:
    reader, writer, _ = await opened(server.port)
    writer.write(frame(Opcode.TEXT, b'{"t":"hello"}') + frame(Opcode.TEXT, b"x", fin=False))
    writer.write(frame(Opcode.CONT, b"x" * size, fin=False) * (MAX_FRAME // size + 1))
    assert await close_code(reader, 20) == 1009
    writer.close()


async def test_empty_parts_are_not_kept() -> None:
    protocols: list[FramesProtocol] = []

    async def act(sink: FrameSink, receive: Receive, send: Send) -> None:
        protocols.append(sink.listen.__self__)  # type: ignore[attr-defined]
        await until_gone(receive)

    async with serving(act) as url:
        reader, writer, _ = await opened(int(url.rpartition(":")[2]))
        writer.write(frame(Opcode.TEXT, b"", fin=False))
        writer.write(frame(Opcode.CONT, b"", fin=False) * 5_000 + frame(Opcode.PING, b"there"))
        assert b"there" in await reader.readuntil(b"there")
        assert len(protocols[0].frames) <= 1
        writer.close()


async def test_pongs_do_not_pile_up_for_a_client_that_reads_nothing() -> None:
    sinks: list[FrameSink] = []

    async def act(sink: FrameSink, receive: Receive, send: Send) -> None:
        sinks.append(sink)
        await until_gone(receive)

    async with serving(act) as url:
        reader, writer, _ = await opened(int(url.rpartition(":")[2]))
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        sent = 0
        while sent < 3 * KERNEL:
            block = frame(Opcode.PING, b"x" * 125) * 500
            writer.write(block)
            await writer.drain()
            sent += len(block)
        writer.write(frame(Opcode.PING, b"the last one"))
        await asyncio.sleep(0.2)
        assert sinks[0].buffered() <= MAX_PONGS + 256
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(20):
            while b"the last one" not in (await reader.read(65536))[-64:]:
                pass  # it is answered when there is room again
        writer.close()


@pytest.mark.long
async def test_who_answers_no_ping_is_let_go(server: Server) -> None:
    """A phone that is out of reach holds its place in the room for so long and no longer."""
    reader, writer, _ = await opened(server.port)
    writer.write(frame(Opcode.TEXT, b'{"t":"hello"}'))
    began = time.monotonic()
    assert await close_code(reader, 2 * PING_EVERY + 15) == 1011
    assert time.monotonic() - began >= PING_EVERY
    writer.close()


async def test_a_token_in_the_address_is_nobodys(server: Server) -> None:
    """Addresses stand in logs and histories."""
    room = new_room(server)
    async with Talk(server, room.code, name="Anna") as anna:
        address = f"{server.ws_url}/ws/{room.code}?token={anna.token}&host={room.host_token}"
        async with connect(address, proxy=None) as other:
            await other.send('{"t":"hello","name":"Ben"}')
            welcome = str(await other.recv())
            assert anna.token not in welcome
            assert '"role":"guest"' in welcome and '"name":"Ben"' in welcome


@pytest.fixture
async def party(tmp_path: Path) -> AsyncIterator[Party]:
    """The HTTP faces in this process."""
    (tmp_path / "music").mkdir()
    async with party_over(MemoryLog(), tmp_path, tmp_path / "music") as made:
        yield made


async def test_over_tls_browsers_are_asked_to_stay_there(party: Party) -> None:
    for scheme, asked in (("http", None), ("https", "max-age=86400")):
        async with httpx.AsyncClient(transport=party.transport, base_url=f"{scheme}://party.example") as web:
            for path in ("/", "/r/MAIN", "/r/MAIN/stage"):
                assert (await web.get(path)).headers.get("strict-transport-security") == asked
