"""Bare WebSocket peers beside our own runs: what a message or an arrival costs a server that does nothing."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

import msgpack

from loadtest.cluster import ports
from loadtest.cpu import Meter
from loadtest.crowd import ABREAST, connect, gather_crowd
from loadtest.frames import Socket, frame
from loadtest.progress import Progress
from loadtest.target import running, scratch

#: How often it is measured; the median counts.
TURNS: Final = 3


class Echo(Socket):
    """A client that keeps some messages in flight, shaped as votes are, while `Going` says so."""

    __slots__ = ("_going", "_number", "ready")

    def __init__(self, host: str, going: Going) -> None:
        super().__init__(host, "/echo", None)
        self._going = going
        self._number = 0
        self.ready: asyncio.Future[None] = self.loop.create_future()

    def opened(self) -> None:
        """Connected."""
        self.ready.set_result(None)

    def message(self) -> bytes:
        """The next one's frame."""
        self._number += 1
        vote = {"t": "do", "id": f"{self._number:x}", "op": "vote", "song_id": "song00000042", "value": 1}
        return frame(msgpack.packb(vote))

    def received(self, payload: bytes, now: float) -> None:  # noqa: ARG002
        """An answer came: the next message goes."""
        if msgpack.unpackb(payload)["t"] != "done":
            self._going.errors["the echo answered something else"] += 1
        self._going.answers += 1
        if self._going.on:
            self.out.append(self.message())


class Going:
    """What all clients share."""

    def __init__(self, errors: Counter[str]) -> None:
        self.errors = errors
        self.on = True
        self.answers = 0


@contextlib.asynccontextmanager
async def _server() -> AsyncIterator[tuple[int, int]]:
    """The bare server's port and process, while it runs."""
    with contextlib.ExitStack() as ending:
        folder, port = ending.enter_context(scratch()), ports.free(1)[0]
        command = [sys.executable, "-m", "loadtest.peers", "asgi", str(port)]
        process = await asyncio.to_thread(
            ending.enter_context, running("bare", command, folder, port, "/ready")
        )
        yield port, process.pid


async def bare_echo(
    sockets: int, in_flight: int, seconds: float, errors: Counter[str], progress: Progress
) -> float:
    """Messages a second and core of the bare server: the median of some turns."""
    going = Going(errors)
    async with _server() as (port, pid):

        async def one(_: int) -> Echo:
            client = await connect(f"ws://127.0.0.1:{port}/echo", lambda host: Echo(host, going))
            await client.ready
            return client

        clients = await gather_crowd(sockets, one, progress, "bare echo: clients arrive")
        rates = []
        for turn in range(TURNS):
            going.on = True
            for client in clients:
                client.transport.write(b"".join(client.message() for _ in range(in_flight)))
            await asyncio.sleep(0.3)  # every socket is in its stride
            meter, before, began = Meter({"node": pid}).start(), going.answers, time.monotonic()
            while time.monotonic() - began < seconds / TURNS:
                progress.show("bare echo", turn, TURNS)
                await asyncio.sleep(0.1)
            rates.append((going.answers - before) / max(meter.stop().nodes, 1e-9))
            going.on = False
            await asyncio.sleep(0.5)  # what is in flight comes back
        for client in clients:
            client.close()
    return statistics.median(rates)


class Arrival(Socket):
    """A client that says hello and waits for its first message, of some size."""

    __slots__ = ("_size", "arrived")

    def __init__(self, host: str, size: int) -> None:
        super().__init__(host, f"/join?size={size}", None)
        self._size = size
        self.arrived: asyncio.Future[bool] = self.loop.create_future()

    def opened(self) -> None:
        """Introduce ourselves."""
        self.transport.write(frame(msgpack.packb({"t": "hello", "name": "Load"})))

    def received(self, payload: bytes, now: float) -> None:  # noqa: ARG002
        """In."""
        self.arrived.set_result(len(payload) == self._size)


async def bare_join(
    sockets: int, size: int, errors: Counter[str], progress: Progress, abreast: int = ABREAST
) -> float:
    """Arrivals a second and core of the bare server, each a handshake, a message in and one of `size` bytes out."""
    async with _server() as (port, pid):

        async def one(_: int) -> Arrival:
            client = await connect(f"ws://127.0.0.1:{port}/join", lambda host: Arrival(host, size))
            if not await client.arrived:
                errors["the bare server sent something else"] += 1
            return client

        meter = Meter({"node": pid}).start()
        clients = await gather_crowd(sockets, one, progress, "bare: clients arrive", abreast)
        rate = sockets / max(meter.stop().nodes, 1e-9)
        for client in clients:
            client.close()
    return rate
