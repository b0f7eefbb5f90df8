"""A proxy that breaks promises: it acknowledges a vote or a song that it never passes on, or loses a patch."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Literal

import msgpack

Fault = Literal["none", "vote", "patch", "add"]


def take_frames(buffer: bytearray) -> list[tuple[bytes, bytes]]:
    """Whole frames out of the buffer: their bytes and their payloads (masks of the load's client are zero)."""
    found: list[tuple[bytes, bytes]] = []
    while len(buffer) >= 2:
        mask, length, at = buffer[1] & 0x80, buffer[1] & 0x7F, 2
        if length >= 126:
            width = 2 if length == 126 else 8
            if len(buffer) < at + width:
                break
            length = int.from_bytes(buffer[at : at + width], "big")
            at += width
        at += 4 if mask else 0
        if len(buffer) < at + length:
            break
        found.append((bytes(buffer[: at + length]), bytes(buffer[at : at + length])))
        del buffer[: at + length]
    return found


def message_of(whole: bytes, payload: bytes) -> dict[str, Any]:
    """The map in a binary frame, empty for others."""
    if whole[0] != 0x82:
        return {}
    message: dict[str, Any] = msgpack.unpackb(payload)
    return message


class LossyProxy:
    """Forwards to `port`; commits one `fault`, at the `nth` opportunity. `committed` tells whether it came to that."""

    def __init__(self, port: int, fault: Fault, nth: int = 5) -> None:
        self.port = 0
        self.committed = False
        self._target = port
        self._fault = fault
        self._left = nth
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> LossyProxy:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._open: set[asyncio.Task[Any]] = set()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _commit(self, fault: Fault) -> bool:
        if fault != self._fault or self.committed:
            return False
        self._left -= 1
        self.committed = self._left <= 0
        return self.committed

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            both = _Pair(self, writer, back)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(both.upstream(reader))
                    group.create_task(both.downstream(there))
            finally:
                writer.close()
                back.close()
        except (OSError, asyncio.CancelledError, ExceptionGroup):
            pass
        finally:
            self._open.discard(task)


class _Pair:
    """One connection: both ways of it."""

    def __init__(self, proxy: LossyProxy, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._upgraded = False
        self._seq = 0

    async def upstream(self, reader: asyncio.StreamReader) -> None:
        buffer = bytearray()
        while data := await reader.read(65536):
            if self._upgraded:
                buffer += data
                for whole, payload in take_frames(buffer):
                    self._from_client(whole, payload)
            elif b"/add_track " in data.split(b"\r\n", 1)[0] and self._proxy._commit("add"):
                self._client.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            else:
                self._server.write(data)
        self._server.close()

    def _from_client(self, whole: bytes, payload: bytes) -> None:
        message = message_of(whole, payload)
        if message.get("op") == "vote" and message["value"] == 1 and self._proxy._commit("vote"):
            done = msgpack.packb({"t": "done", "id": message["id"], "seq": self._seq})
            self._client.write(bytes((0x82, len(done))) + done)
        else:
            self._server.write(whole)

    async def downstream(self, reader: asyncio.StreamReader) -> None:
        buffer = bytearray()
        while data := await reader.read(65536):
            if not self._upgraded:
                head, end, data = data.partition(b"\r\n\r\n")
                self._client.write(head + end)
                if not head.startswith(b"HTTP/1.1 101"):
                    self._client.write(data)
                    continue
                self._upgraded = True
            buffer += data
            for whole, payload in take_frames(buffer):
                message = message_of(whole, payload)
                self._seq = max(self._seq, message.get("seq", 0))
                if not (message.get("t") == "patch" and self._proxy._commit("patch")):
                    self._client.write(whole)
        self._client.close()
