"""The HTTP protocol that connections arrive at: uvicorn's, with a request's head bounded in bytes and seconds."""

from __future__ import annotations

import asyncio
from asyncio.transports import Transport
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: The head of a request: line and headers (bytes). Twice what browsers send with full cookies; the parser has no bound.
MAX_HEAD: Final = 32 * 1024
#: A connection that has not sent a whole head by then is dropped (s): it costs a file and nothing else bounds it.
HEAD_TIMEOUT: Final = 15.0

_BODY: Final = b'{"code":"too_large","message":"The headers are too long."}'
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_BODY), _BODY)
)


class GuardedHttp(HttpToolsProtocol):
    """uvicorn's HTTP protocol without room for slow or endless heads. Heads that come at once cost two attributes."""

    _has_head = False
    _began = False
    _size = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """A connection has so long for its first head."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_TIMEOUT, self._drop)

    def data_received(self, data: bytes) -> None:
        """Hand on what came, then look whether the head is whole."""
        super().data_received(data)
        if self._has_head:
            if self._timer is not None:
                self._disarm()
            return
        # What came with the end of the request before does not count, being bounded by one read.
        self._size, self._began = (0 if self._began else self._size + len(data)), False
        if self._size > MAX_HEAD:
            self._disarm()
            if not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()
        elif self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(HEAD_TIMEOUT, self._drop)

    def on_message_begin(self) -> None:
        """A further request on the same connection has a head of its own."""
        self._began, self._has_head = self._has_head, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._has_head = True
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._disarm()
        super().connection_lost(exc)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop(self) -> None:
        self._timer = None
        self.transport.abort()
