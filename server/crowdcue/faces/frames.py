"""Ways out to a WebSocket: prepared frames straight to the transport where the server lets us, else plain sends.

The ASGI extension `crowdcue.frames` is offered by `FramesProtocol`, a subclass of uvicorn's sans-IO protocol, in
`scope["extensions"]`: an object with `write(frame)`, `send(frame)`, `buffered()`, `abort()`, and for the way in
`listen(take)`. Its contract test holds it to the uvicorn version that pyproject.toml pins. On any other server
`QueueSink` sends through ASGI, and messages come in through ASGI too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from asyncio.transports import BaseTransport, Transport
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from starlette.types import Send
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

from crowdcue.live.listener import Sink

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled part
    from websockets.utils import apply_mask

EXTENSION: Final = "crowdcue.frames"
#: What the kernel may hold for one client (bytes): left to itself it took 3.3 MB for one that never read.
SEND_BUFFER: Final = 96 * 1024
#: A peer that acknowledges nothing for so long is gone (ms).
USER_TIMEOUT: Final = 30_000

#: While more than this waits for a client (bytes), only its last ping is answered, and later (RFC 6455, 5.5.3): one
#: that pings and does not read would fill our memory with pongs.
MAX_PONGS: Final = 16 * 1024

#: A length that fits the two bytes of a middle-sized frame; longer ones are left to uvicorn's parser.
_MIDDLE: Final = 126

Take = Callable[["str | bytes"], None]
Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


def prepare_frame(payload: bytes, text: bool) -> bytes:
    """A whole unmasked WebSocket frame (RFC 6455, 5.2) around a payload."""
    first, length = 0x81 if text else 0x82, len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 65536:
        return struct.pack("!BBH", first, 126, length) + payload
    return struct.pack("!BBQ", first, 127, length) + payload


def tune(transport: BaseTransport) -> None:
    """Set the options of an accepted socket: small sends at once, bounded kernel memory, dead peers noticed."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with contextlib.suppress(OSError):  # an option that a platform lacks is no reason to refuse a guest
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT)


class Inbox:
    """What uvicorn needs of asyncio.Queue, for one reader; that one's three deques take 2 KB for each listener."""

    __slots__ = ("_events", "_reader")

    def __init__(self) -> None:
        self._events: list[Any] = []  # rarely more than one: reading pauses until it is taken
        self._reader: asyncio.Future[None] | None = None

    def put_nowait(self, event: Any) -> None:
        """Add an event, and wake the reader."""
        self._events.append(event)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._events

    def take_all(self) -> list[Any]:
        """Everything that waits."""
        events, self._events = self._events, []
        return events

    async def get(self) -> Any:
        """The next event."""
        while not self._events:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._events.pop(0)


class FramesProtocol(WebSocketsSansIOProtocol):
    """uvicorn's sans-IO WebSocket protocol that also takes prepared frames, and hands messages over without a queue.

    Ordinary messages (one masked text or binary frame below 64 KiB) are taken out of the stream here, at a quarter of
    the cost. Everything else goes to uvicorn's parser in whole frames, so that it always stands between two of them;
    what is not in order is left to it for good, with all that follows.
    """

    _take: Take | None = None
    _by_hand = True
    _rest = b""

    _pong = b""  # that waits until the client has read
    _sink: FrameSink | None = None
    _close_sent = False

    def connection_made(self, transport: BaseTransport) -> None:
        """The HTTP protocol hands over an upgraded connection."""
        self.queue: Any = Inbox()
        super().connection_made(transport)
        tune(transport)
        # Pausing means then that anything waits at all, which `FrameSink.send` relies on.
        self.transport.set_write_buffer_limits(high=0)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is about to be closed: its number must not be written to any more."""
        if self._sink is not None:
            self._sink.end()
        super().connection_lost(exc)

    @property
    def close_sent(self) -> bool:
        """Whether a close frame went out, which ends all writing."""
        return self._close_sent

    @close_sent.setter
    def close_sent(self, sent: bool) -> None:
        self._close_sent = sent
        if sent and self._sink is not None:
            self._sink.end()

    def data_received(self, data: bytes) -> None:
        """Take whole frames out of what has come."""
        if not self.handshake_complete or not self._by_hand:
            # The request itself; or frames from a client that did not wait for the answer to it.
            self._by_hand = self._by_hand and not self.handshake_initiated
            super().data_received(data)
            return
        if self._rest:
            data, self._rest = self._rest + data, b""
        at, size = 0, len(data)
        while size - at >= 2:
            first, second = data[at], data[at + 1]
            length, body = second & 0x7F, at + 6
            if length >= _MIDDLE:
                if length > _MIDDLE or size - at < 4:
                    break
                length, body = data[at + 2] << 8 | data[at + 3], at + 8
            if second < 0x80 or first & 0xF0 != 0x80 or first == 0x80:
                break  # not masked, in fragments, or with extensions
            end = body + length
            if size < end:
                break
            if not self._hand_over(first, apply_mask(data[body:end], data[body - 4 : body])):
                super().data_received(data[at:end])  # ping, close, or text that is none
            at = end
        if at < size:
            self._keep(data[at:])

    def _keep(self, rest: bytes) -> None:
        """The begin of a frame waits for the rest of it, unless it is one for uvicorn's parser."""
        head = rest[:2]
        ordinary = len(head) < 2 or (
            head[1] >= 0x80 and head[1] & 0x7F <= _MIDDLE and head[0] & 0xF0 == 0x80 and head[0] != 0x80
        )
        if ordinary and not self.close_sent:
            self._rest = rest
        else:
            self._by_hand = False
            super().data_received(rest)

    def _hand_over(self, first: int, payload: bytes) -> bool:
        """Give a message to who takes it; False when it is for uvicorn's parser."""
        if first > 0x82:
            if first != 0x8A:
                return False
            self.handle_pong(Frame(Opcode.PONG, payload))  # every listener sends one every 20 s
            return True
        if self.close_sent:
            return True
        take = self._take
        if take is None:
            self.curr_msg_data_type = "text" if first == 0x81 else "bytes"
            self.frames = [payload]
            self.send_receive_event_to_app()
            return True
        message: str | bytes = payload
        if first == 0x81:
            try:
                message = payload.decode()
            except UnicodeDecodeError:
                return False
        take(message)
        return True

    def send_receive_event_to_app(self) -> None:
        """A message that uvicorn's parser found (in fragments, or long) goes the same way as the others."""
        data = b"".join(self.frames)
        if self._take is not None and self._hand_over(
            0x81 if self.curr_msg_data_type == "text" else 0x82, data
        ):
            self.frames = []
        else:
            super().send_receive_event_to_app()

    def listen(self, take: Take) -> None:
        """Hand messages to `take` from now on, first those that wait to be received."""
        self._take = take
        # Nobody reads the handshake any more; it is a tenth of what an idle listener costs.
        self.request = self.response = None  # type: ignore[assignment]
        for event in self.queue.take_all():
            if event["type"] == "websocket.receive":
                text = event.get("text")
                take(text if text is not None else event["bytes"] or b"")
            else:
                self.queue.put_nowait(event)
        if self.read_paused and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

    def handle_connect(self, event: Request) -> None:
        """Offer the extension in the scope, before the application's task first runs."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]
            self._sink = extensions[EXTENSION] = FrameSink(self.transport, self.loop, self.listen)

    def handle_ping(self) -> None:
        """Answer, at once or when the client has read what is on its way to it."""
        pong = b"".join(self.conn.data_to_send())
        if self.transport.get_write_buffer_size() > MAX_PONGS:
            self._pong = pong
        else:
            self.transport.write(pong)

    def handle_cont(self, event: Frame) -> None:
        """Parts of a message have a bound in bytes; empty ones would be kept without any."""
        if event.data or event.fin:
            super().handle_cont(event)

    def pause_writing(self) -> None:
        """Something waits in the transport: frames must queue behind it. What the application itself sends is an
        accept and a close, which need not wait for that, as uvicorn would have it."""
        if self._sink is not None:
            self._sink.paused(True)

    def resume_writing(self) -> None:
        """Nothing waits any more."""
        if self._sink is not None:
            self._sink.paused(False)
        pong, self._pong = self._pong, b""
        if pong and not self.close_sent:
            self.transport.write(pong)

    async def send(self, message: ASGISendEvent) -> None:
        """What was written as frames goes before what the application sends by ASGI, its close above all."""
        if self._sink is not None:
            self._sink.flush()
        await super().send(message)


class FrameSink:
    """Prepared frames to one connection's transport. Nothing is written after `end`.

    Each listener's is touched for every frame and is cold by then, so `send` looks at nothing but `_direct`.
    """

    __slots__ = (
        "_direct",
        "_ended",
        "_fd",
        "_held",
        "_held_bytes",
        "_loop",
        "_paused",
        "_transport",
        "close_with",
        "listen",
    )

    def __init__(
        self, transport: Transport, loop: asyncio.AbstractEventLoop, listen: Callable[[Take], None]
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] | None = None  # written in this turn of the loop
        self._held_bytes = 0
        self._paused = transport.get_write_buffer_size() > 0
        self._ended = False
        #: The socket's number, or -1 where there is none whose bytes are those of the transport …
        self._fd = _plain_socket(transport)
        #: … and the same while nothing waits before the next frame.
        self._direct = -1
        self._look()
        #: Have messages handed over as they come, and no more through ASGI; who takes them must not raise.
        self.listen = listen
        self.close_with: Callable[[int, str], None] | None = None

    def _look(self) -> None:
        self._direct = -1 if self._ended or self._paused or self._held is not None else self._fd

    def paused(self, paused: bool) -> None:
        """The transport tells whether anything waits in it."""
        self._paused = paused
        self._look()

    def prepare(self, payload: bytes, text: bool) -> bytes:
        """The frame for `write`."""
        return prepare_frame(payload, text)

    def write(self, frame: bytes) -> None:
        """Send the frame together with all others of this turn of the loop: each call of the kernel costs more than
        all that is done for a vote."""
        if self._ended:
            return
        if self._held is None:
            self._held, self._direct = [], -1
            self._loop.call_soon(self.flush)
        self._held.append(frame)
        self._held_bytes += len(frame)

    def flush(self) -> None:
        """Hand what is held to the transport."""
        if held := self._take_held():
            self._transport.write(held[0] if len(held) == 1 else b"".join(held))
            self._look()

    def _take_held(self) -> list[bytes] | None:
        held, self._held, self._held_bytes = self._held, None, 0
        return held

    def send(self, frame: bytes) -> bool:
        """Hand the frame to the kernel if nothing waits before it; False: it was not sent."""
        if self._direct < 0:
            if self._fd >= 0 or self._ended or self.buffered():
                return False
            self._transport.write(frame)
            return True
        try:
            sent = os.write(self._direct, frame)
        except OSError:  # a full or a broken socket is the transport's business: it finds out by itself
            sent = 0
        if sent < len(frame):
            self._transport.write(frame[sent:])
        return True

    def buffered(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._transport.get_write_buffer_size() + self._held_bytes

    def close(self, code: int, reason: str) -> None:
        """End in order, through the application's own close."""
        if self.close_with is not None:
            self.close_with(code, reason)

    def abort(self) -> None:
        """Drop the connection and whatever it had buffered."""
        self._take_held()
        self._look()
        self._transport.abort()

    def end(self) -> None:
        """Write nothing more. The socket's number may soon be another connection's."""
        self._ended, self._fd, self._direct = True, -1, -1
        self._take_held()


def _plain_socket(transport: Transport) -> int:
    """The number of a socket whose bytes are those of the transport, or -1 (TLS; a platform without such numbers)."""
    sock = transport.get_extra_info("socket")
    if os.name != "posix" or sock is None or transport.get_extra_info("ssl_object") is not None:
        return -1
    return int(sock.fileno())


class QueueSink(Sink):
    """Plain ASGI sends by one writer task; what waits is counted here."""

    __slots__ = ("_bytes", "_ended", "_frames", "_send", "_spawn", "_wake", "_writer", "close_with")

    def __init__(self, send: Send, spawn: Spawn) -> None:
        self._send = send
        self._spawn = spawn
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._ended = False
        self._writer: asyncio.Task[None] | None = None
        self.close_with: Callable[[int, str], None] | None = None

    def prepare(self, payload: bytes, text: bool) -> bytes:
        """The payload with its kind in front: ASGI wants to know which of the two it is."""
        return (b"t" if text else b"b") + payload

    def write(self, frame: bytes) -> None:
        """Queue the frame."""
        if self._ended:
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        self._wake.set()
        if self._writer is None:
            self._writer = self._spawn(self._write())

    def buffered(self) -> int:
        """Bytes that ASGI has not taken yet."""
        return self._bytes

    def close(self, code: int, reason: str) -> None:
        """End in order, through the application's own close."""
        if self.close_with is not None:
            self.close_with(code, reason)

    def abort(self) -> None:
        """Send nothing more; the server's own keepalive ends the connection."""
        self._ended = True
        self._frames.clear()
        if self._writer is not None:
            self._writer.cancel()
        self.close(4508, "too slow")

    def end(self) -> None:
        """The connection is over."""
        self._ended = True
        if self._writer is not None:
            self._writer.cancel()

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._frames:
                    frame = self._frames.popleft()
                    if frame[0] == 0x74:
                        await self._send({"type": "websocket.send", "text": frame[1:].decode()})
                    else:
                        await self._send({"type": "websocket.send", "bytes": frame[1:]})
                    self._bytes -= len(frame)
        except OSError:  # the client is gone; its reader notices too
            self._ended = True
