"""Ways out to a WebSocket: prepared frames straight to the transport where the server lets us, else plain sends.

The ASGI extension `crowdcue.frames` is offered by `FramesProtocol`, a subclass of uvicorn's sans-IO protocol, in
`scope["extensions"]`: an object with `write(frame)`, `buffered()` and `abort()`. Its contract test holds it to the
uvicorn version that pyproject.toml pins. On any other server `QueueSink` sends through ASGI.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from asyncio.transports import BaseTransport, Transport
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from starlette.types import Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION: Final = "crowdcue.frames"
#: What the kernel may hold for one client (bytes): left to itself it took 3.3 MB for one that never read.
SEND_BUFFER: Final = 96 * 1024
#: A peer that acknowledges nothing for so long is gone (ms).
USER_TIMEOUT: Final = 30_000

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


class FramesProtocol(WebSocketsSansIOProtocol):
    """uvicorn's sans-IO WebSocket protocol that also takes prepared frames."""

    def connection_made(self, transport: BaseTransport) -> None:
        """The HTTP protocol hands over an upgraded connection."""
        super().connection_made(transport)
        tune(transport)

    def handle_connect(self, event: Request) -> None:
        """Offer the extension in the scope, before the application's task first runs."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = FrameSink(self)


class FrameSink:
    """Prepared frames to one connection's transport. Nothing is written after a close frame."""

    __slots__ = ("_protocol", "close_with")

    def __init__(self, protocol: WebSocketsSansIOProtocol) -> None:
        self._protocol = protocol
        self.close_with: Callable[[int, str], None] | None = None

    def prepare(self, payload: bytes, text: bool) -> bytes:
        """The frame for `write`."""
        return prepare_frame(payload, text)

    def write(self, frame: bytes) -> None:
        """Hand the frame to the transport."""
        protocol = self._protocol
        if not protocol.close_sent and not protocol.disconnected:
            protocol.transport.write(frame)

    def buffered(self) -> int:
        """Bytes that the kernel has not taken yet."""
        transport: Transport = self._protocol.transport
        return transport.get_write_buffer_size()

    def close(self, code: int, reason: str) -> None:
        """End in order, through the application's own close."""
        if self.close_with is not None:
            self.close_with(code, reason)

    def abort(self) -> None:
        """Drop the connection and whatever it had buffered."""
        self._protocol.transport.abort()


class QueueSink:
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
