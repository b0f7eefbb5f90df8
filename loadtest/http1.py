"""A keep-alive HTTP/1.1 connection that knows Content-Length only: all a load on our own servers needs."""

from __future__ import annotations

import asyncio
from typing import cast

from .frames import OPEN, BadServer


class Http(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._buffer = b""
        self._wanted = -1  # bytes of head and body, once the head is known
        self._status = 0
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._body = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self.transport = cast("asyncio.Transport", transport)
        OPEN.add(self.transport)

    async def ask(self, method: str, path: str, body: bytes = b"", headers: str = "") -> tuple[int, bytes]:
        """A request and its answer: status and body. `headers`: whole lines. Raises `BadServer` when it is cut."""
        self._answer = asyncio.get_running_loop().create_future()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n{headers}"
        )
        self.transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        """Collect one answer."""
        self._buffer = self._buffer + data if self._buffer else data
        if self._wanted < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            self._status = int(head[9:12])
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self._body, self._wanted = end + 4, end + 4 + length
        if len(self._buffer) >= self._wanted and self._answer is not None:
            answer, body = self._answer, self._buffer[self._body : self._wanted]
            self._buffer, self._wanted, self._answer = self._buffer[self._wanted :], -1, None
            answer.set_result((self._status, body))

    def connection_lost(self, error: Exception | None) -> None:
        """Cut: whoever waits is told."""
        OPEN.discard(self.transport)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(BadServer(f"the connection was cut: {error}"))
            self._answer = None
