"""The contract of faces/frames.py with uvicorn: what the fast way out relies on, and the plain way beside it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from crowdcue.faces.frames import EXTENSION, SEND_BUFFER, FrameSink, FramesProtocol, QueueSink, prepare_frame
from crowdcue.tasks import Tasks
from tests.support.servers import Server
from tests.support.talk import Talk, both_act, fresh_view, new_room

Act = Callable[[FrameSink, Receive, Send], Awaitable[None]]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(act: Act) -> AsyncIterator[str]:
    """A bare application on the server that we use, whose every WebSocket plays this act; yields its address."""
    failures: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        try:
            await act(scope["extensions"][EXTENSION], receive, send)
        except Exception as error:
            failures.append(error)

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        ws=FramesProtocol,
        http="httptools",
        lifespan="off",
        log_level="critical",
        ws_per_message_deflate=False,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listening]))
    try:
        async with asyncio.timeout(20):
            yield f"ws://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await task
    assert not failures, failures


async def until_gone(receive: Receive) -> Message:
    """Take what the client sends until it is gone; the last message."""
    while (message := await receive())["type"] != "websocket.disconnect":
        pass
    return message


def plain(url: str, **more: Any) -> connect:
    return connect(url, compression=None, max_size=None, close_timeout=1, **more)


def test_the_pinned_uvicorn_is_the_one_that_is_tested() -> None:
    """FramesProtocol leans on uvicorn's inner workings: a new minor version is to be looked at, not slipped in."""
    assert version("uvicorn").startswith("0.54.")


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
async def test_frames_of_all_length_classes_arrive_whole(length: int) -> None:
    text, data = "ü" * (length // 2) + "x" * (length % 2), os.urandom(length)

    async def act(sink: FrameSink, receive: Receive, send: Send) -> None:
        sink.write(sink.prepare(text.encode(), True))
        sink.write(sink.prepare(data, False))
        await send({"type": "websocket.send", "text": "a plain send between"})
        sink.write(sink.prepare(b"last", False))
        await until_gone(receive)

    async with serving(act) as url, plain(url) as client:
        assert [await client.recv() for _ in range(4)] == [text, data, "a plain send between", b"last"]


@pytest.mark.parametrize(
    ("length", "head"),
    [(125, b"\x81\x7d"), (126, b"\x81\x7e\x00\x7e"), (65_536, b"\x81\x7f" + (65_536).to_bytes(8, "big"))],
)
def test_a_frame_is_what_rfc_6455_says(length: int, head: bytes) -> None:
    assert prepare_frame(b"a" * length, True) == head + b"a" * length
    assert prepare_frame(b"a" * length, False)[:1] == b"\x82"


async def test_writes_after_a_close_do_nothing() -> None:
    async def act(sink: FrameSink, receive: Receive, send: Send) -> None:
        sink.write(sink.prepare(b"before", True))
        await send({"type": "websocket.close", "code": 4404, "reason": "over"})
        sink.write(sink.prepare(b"after", True))
        await until_gone(receive)
        sink.write(sink.prepare(b"long after", True))
        assert sink.buffered() == 0

    async with serving(act) as url, plain(url) as client:
        assert await client.recv() == "before"
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4404


async def test_writes_to_a_client_that_left_do_nothing() -> None:
    ended = asyncio.Event()

    async def act(sink: FrameSink, receive: Receive, send: Send) -> None:
        await until_gone(receive)
        for _ in range(10):  # asyncio warns after some writes to a transport that is gone
            sink.write(sink.prepare(b"x" * 1000, False))
        ended.set()

    async with serving(act) as url:
        async with plain(url) as client:
            await client.send("hello")
        await ended.wait()
        ended.clear()
        async with plain(url) as client:
            client.transport.abort()
        await ended.wait()


async def test_what_a_client_does_not_read_is_counted_and_dropped_by_abort() -> None:
    ended = asyncio.Event()

    async def act(sink: FrameSink, receive: Receive, send: Send) -> None:
        frame = sink.prepare(b"x" * 50_000, False)
        written = 0
        while sink.buffered() < 200_000:
            sink.write(frame)
            written += len(frame)
            assert written < 6_000_000, "the kernel took it all: SO_SNDBUF is not set"
            await asyncio.sleep(0)
        sink.abort()
        await until_gone(receive)
        assert sink.buffered() == 0
        sink.write(frame)
        ended.set()

    async with serving(act) as url:
        client: ClientConnection
        async with plain(url, max_queue=1, ping_interval=None) as client:
            client.transport.pause_reading()
            await ended.wait()
            client.transport.abort()


class Recording:
    """A transport that takes everything."""

    def __init__(self, **info: object) -> None:
        self.written: list[bytes] = []
        self._info = info

    def get_extra_info(self, name: str) -> object:
        return self._info.get(name)

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        self.written.append(data)


async def test_frames_sent_and_written_arrive_in_order() -> None:
    numbers = range(300)

    async def act(sink: FrameSink, receive: Receive, send: Send) -> None:
        for number in numbers:
            frame = sink.prepare(b"%d" % number + b" " * (number * 37 % 5000), True)
            waits = sink.buffered() > 0
            if number % 3 and not waits:
                assert sink.send(frame) and sink.buffered() <= len(frame)
            else:
                assert not waits or not sink.send(frame), "it must not overtake what waits"
                sink.write(frame)
            if number % 7 == 0:
                await asyncio.sleep(0)
        await until_gone(receive)

    async with serving(act) as url, plain(url) as client:
        assert [int(await client.recv()) for _ in numbers] == list(numbers)


async def test_frames_of_one_turn_go_out_in_one_write() -> None:
    transport = Recording()
    sink = FrameSink(transport, asyncio.get_running_loop(), lambda take: None)  # type: ignore[arg-type]
    for frame in (b"one", b"two", b"three"):
        sink.write(frame)
    assert sink.buffered() == 11 and not transport.written
    assert not sink.send(b"must not overtake")
    await asyncio.sleep(0)
    assert transport.written == [b"onetwothree"] and sink.buffered() == 0
    sink.write(b"dropped")
    sink.end()
    await asyncio.sleep(0)
    assert len(transport.written) == 1 and sink.buffered() == 0


async def test_a_frame_that_the_kernel_takes_in_part_arrives_whole() -> None:
    filled = asyncio.Event()
    frames = [bytes([n]) * 30_000 for n in range(200)]

    async def act(sink: FrameSink, receive: Receive, send: Send) -> None:
        for payload in frames:
            frame = sink.prepare(payload, False)
            if not sink.send(frame):
                filled.set()
                sink.write(frame)
        await until_gone(receive)

    async with serving(act) as url:
        client: ClientConnection
        async with plain(url, max_queue=1) as client:
            client.transport.pause_reading()
            await filled.wait()
            client.transport.resume_reading()
            assert [await client.recv() for _ in frames] == frames


async def client_until_closed(client: ClientConnection) -> AsyncIterator[str | bytes]:
    """All that comes before the close."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            yield await client.recv()


async def test_a_close_goes_out_behind_what_a_client_does_not_read() -> None:
    closed = asyncio.Event()

    async def act(sink: FrameSink, receive: Receive, send: Send) -> None:
        while sink.buffered() < 100_000:
            sink.write(sink.prepare(b"x" * 50_000, False))
            await asyncio.sleep(0)
        assert not sink.send(sink.prepare(b"late", False))
        await send({"type": "websocket.close", "code": 4403, "reason": "sent away"})
        closed.set()
        await until_gone(receive)

    async with serving(act) as url:
        client: ClientConnection
        async with plain(url, max_queue=1) as client:
            client.transport.pause_reading()
            async with asyncio.timeout(5):
                await closed.wait()
            client.transport.resume_reading()
            assert {message async for message in client_until_closed(client)} == {b"x" * 50_000}
        assert client.close_code == 4403


async def test_nothing_is_sent_after_a_close_nor_to_the_next_owner_of_the_socket() -> None:
    ended = asyncio.Event()
    sinks: list[FrameSink] = []

    async def act(sink: FrameSink, receive: Receive, send: Send) -> None:
        if not sinks:
            numbers.append(sink._fd)
            sinks.append(sink)
            await send({"type": "websocket.close", "code": 4404, "reason": "over"})
            assert not sink.send(sink.prepare(b"after", True))
            await until_gone(receive)
            ended.set()
            return
        sink.write(sink.prepare(str(sink._fd == numbers[0]).encode(), True))
        assert not sinks[0].send(sink.prepare(b"for somebody else", True))
        await until_gone(receive)

    numbers: list[int] = []
    async with serving(act) as url:
        async with plain(url) as client:
            with pytest.raises(ConnectionClosed):
                await client.recv()
        await ended.wait()
        async with plain(url) as client:
            assert await client.recv() == "True", "the second connection was to have the first one's number"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.recv(), 0.2)


async def test_over_tls_frames_go_through_the_transport() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        transport = Recording(ssl_object=object(), socket=listening)
        sink = FrameSink(transport, asyncio.get_running_loop(), lambda take: None)  # type: ignore[arg-type]
        assert sink.send(b"frame") and transport.written == [b"frame"]


async def test_the_socket_is_tuned() -> None:
    found: dict[str, int] = {}

    async def act(sink: FrameSink, receive: Receive, send: Send) -> None:
        sock = sink._transport.get_extra_info("socket")
        found["buffer"] = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        found["nodelay"] = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        found["timeout"] = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        await send({"type": "websocket.send", "text": "done"})
        await until_gone(receive)

    async with serving(act) as url, plain(url) as client:
        await client.recv()
    assert found["nodelay"] == 1 and found["timeout"] > 0
    assert found["buffer"] == 2 * SEND_BUFFER, "Linux answers twice what was asked for"


# The plain way


class Sent:
    """An ASGI `send` that takes one message at a time, when it is let."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.let = asyncio.Event()
        self.let.set()

    async def __call__(self, message: Message) -> None:
        await self.let.wait()
        self.messages.append(message)


async def test_the_plain_way_sends_in_order_and_counts_what_waits() -> None:
    tasks, sent = Tasks(), Sent()
    sink = QueueSink(sent, tasks.spawn)
    sent.let.clear()
    sink.write(sink.prepare("ü".encode(), True))
    sink.write(sink.prepare(b"\x00", False))
    assert sink.buffered() >= 3
    await asyncio.sleep(0)
    assert not sent.messages
    sent.let.set()
    while sink.buffered():
        await asyncio.sleep(0)
    assert sent.messages == [
        {"type": "websocket.send", "text": "ü"},
        {"type": "websocket.send", "bytes": b"\x00"},
    ]
    sink.end()
    sink.write(sink.prepare(b"late", False))
    await asyncio.sleep(0)
    assert len(sent.messages) == 2
    await tasks.close()


async def test_the_plain_way_aborts_by_a_close() -> None:
    tasks, sent = Tasks(), Sent()
    sink = QueueSink(sent, tasks.spawn)
    closed: list[tuple[int, str]] = []
    sink.close_with = lambda code, reason: closed.append((code, reason))
    sent.let.clear()
    sink.write(sink.prepare(b"x", False))
    sink.abort()
    assert [code for code, _ in closed] == [4508]
    sent.let.set()
    await tasks.close()
    assert sent.messages == []


async def test_a_whole_party_over_the_plain_way(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "tests.support.plain_server")
    server = Server(tmp_path / "data", command=command)
    with await asyncio.to_thread(server.start):
        room = await asyncio.to_thread(new_room, server)
        async with Talk(server, room.code) as anna, Talk(server, room.code, codec="msgpack") as ben:
            await both_act(anna, ben, 60)
            for talk in (anna, ben):
                assert talk.model.view() == await fresh_view(server, room.code, talk.token)
        stranger = await Talk(server, "NOSUCH", greet=False).open()
        assert (await stranger.closed()).code == 4404
        async with Talk(server, room.code) as last:
            stopping = asyncio.create_task(asyncio.to_thread(server.stop))
            assert (await last.closed()).code == 4503
            assert await stopping == 0
