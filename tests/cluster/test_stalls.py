"""What hangs, overflows or floods while a crowd is busy: stopped processes, lost hints, deaf readers, a stampede."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import redis.asyncio
from loadtest.cluster import Cluster
from loadtest.cluster.process import Process
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from crowdcue.client import Party
from tests.cluster.crowd import Crowd

#: Guests ask again for at least so long after a stall has ended (s).
AFTERWARDS = 30.0


@pytest.fixture(autouse=True)
def awake(cluster: Cluster) -> Iterator[None]:
    """No test leaves anything stopped."""
    yield
    for process in (cluster.redis, *[cluster.node(number) for number in cluster.nodes]):
        process.signal(signal.SIGCONT)


@pytest.fixture
def code(cluster: Cluster) -> str:
    made = httpx.post(f"{cluster.url}/api/rooms", json={"name": "A test"}, trust_env=False, timeout=15)
    return str(made.json()["code"])


async def stall(process: Process, seconds: float) -> None:
    """Stop a process for so long."""
    process.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        process.signal(signal.SIGCONT)


DURATIONS = [1.0, pytest.param(7.0, marks=pytest.mark.long), pytest.param(30.0, marks=pytest.mark.long)]


@pytest.mark.parametrize("seconds", DURATIONS)
async def test_a_node_is_stopped_for_a_while(cluster: Cluster, code: str, seconds: float) -> None:
    async with Crowd(cluster.url, code, 30, patience=seconds + AFTERWARDS) as crowd:
        await crowd.acknowledged(60)
        before = crowd.answers
        await stall(cluster.node(3), seconds)
        assert crowd.answers > before, "the other nodes went on"
        await crowd.acknowledged(100)
    await crowd.verify(cluster.node_urls, code)


@pytest.mark.parametrize("seconds", DURATIONS)
async def test_redis_is_stopped_for_a_while(cluster: Cluster, code: str, seconds: float) -> None:
    async with Crowd(cluster.url, code, 30, patience=seconds + AFTERWARDS) as crowd:
        await crowd.acknowledged(60)
        await stall(cluster.redis, seconds)
        await crowd.acknowledged(100)
    await crowd.verify(cluster.node_urls, code)


@contextlib.asynccontextmanager
async def hints_may_wait(cluster: Cluster, most: str) -> AsyncIterator[redis.asyncio.Redis]:
    """Redis cuts off subscribers for whom more than this waits."""
    client = redis.asyncio.Redis.from_url(cluster.redis_url)
    name = "client-output-buffer-limit"
    before = str((await client.config_get(name))[name])
    await client.config_set(name, f"pubsub {most} {most} 0")
    try:
        yield client
    finally:
        await client.config_set(name, before)
        await client.aclose()


@pytest.mark.long
async def test_redis_cuts_off_a_node_that_takes_no_hints(cluster: Cluster, code: str) -> None:
    """Its output buffer for the node's subscription overflows; what was lost with it is read from the log."""
    async with hints_may_wait(cluster, "1mb") as client, Crowd(cluster.url, code, 30, pause=0.02) as crowd:
        await crowd.acknowledged(60)

        async def followers() -> set[str]:
            """The connections that take hints."""
            return {found["id"] for found in await client.client_list(_type="pubsub")}

        before = await followers()
        assert len(before) >= 5, "nobody is cut off who takes them"
        cluster.node(2).signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(20):
                while before <= await followers():
                    # Large hints, so that the kernel's buffers between them are full soon as well.
                    await client.publish(await _channel(client, code), b"x" * 200_000)
                    await asyncio.sleep(0.02)
        finally:
            cluster.node(2).signal(signal.SIGCONT)
        await crowd.acknowledged(100)
    await crowd.verify(cluster.node_urls, code)


async def _channel(client: redis.asyncio.Redis, code: str) -> str:
    names = [
        str(name, "utf-8") if isinstance(name, bytes) else name for name in await client.pubsub_channels()
    ]
    return next(name for name in names if code in name)


def resident(process: Process) -> int:
    """Memory of a process (bytes)."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) * 1024


@pytest.mark.long
async def test_readers_that_never_read_cost_the_others_nothing(cluster: Cluster, code: str) -> None:
    """500 connections of one node that never read: bounded memory, cut off in time, and others see changes at once."""
    url, node = cluster.node_urls[0], cluster.node(1)
    deaf: list[ClientConnection] = []
    async with Party(url, code, name="Busy") as busy, Party(url, code, name="Reader") as reader:
        songs = [f"s{n}" for n in range(100)]
        for song in songs:
            await busy.add({"id": song, "title": song * 30, "artist": "An artist", "duration": 200})
        ws = url.replace("http", "ws", 1) + f"/ws/{code}"
        for number in range(500):
            socket = await connect(ws, proxy=None, compression=None, max_queue=1, ping_interval=None)
            await socket.send(json.dumps({"t": "hello", "name": f"Deaf {number}"}))
            socket.transport.pause_reading()
            deaf.append(socket)
        before, waits = resident(node), []
        until = time.monotonic() + 25
        rounds = 0
        while time.monotonic() < until:
            rounds += 1
            name = f"{rounds:03d}" + "é" * 70
            began = time.monotonic()
            await busy.settings(name=name)
            while reader.room.get("name") != name:
                await asyncio.sleep(0.002)
            waits.append(time.monotonic() - began)
            for song in songs[:30]:
                await busy.vote(song, rounds % 3 - 1)
        grown = resident(node) - before
        late = sorted(waits)[int(len(waits) * 0.95)]
        print(f"{rounds} rounds, the node grew by {grown / 2**20:.0f} MiB, p95 {late * 1000:.0f} ms")
        assert grown < 500 * 640 * 1024, "at most the outboxes' bound each"
        assert statistics.median(waits) < 0.5
    for socket in deaf:
        socket.transport.abort()


@pytest.mark.long
async def test_three_thousand_come_back_at_once(cluster: Cluster, code: str) -> None:
    """All sockets of the cluster are cut by the death of Nginx; everybody is back, and nothing answered is lost."""
    ws = f"{cluster.ws_url}/ws/{code}"

    async def listen(number: int) -> ClientConnection:
        for attempt in range(20):
            with contextlib.suppress(OSError, TimeoutError, WebSocketException):
                socket = await connect(
                    f"{ws}?client=l{number}", proxy=None, compression=None, open_timeout=30
                )
                await socket.send(json.dumps({"t": "hello", "name": f"L{number}"}))
                while json.loads(await socket.recv())["t"] != "state":
                    pass
                return socket
            await asyncio.sleep(0.2 * (attempt + 1))
        raise AssertionError("somebody could not come in")

    async def all_in() -> list[ClientConnection]:
        turns = asyncio.Semaphore(200)

        async def one(number: int) -> ClientConnection:
            async with turns:
                return await listen(number)

        return list(await asyncio.gather(*[one(number) for number in range(3_000)]))

    async with Crowd(cluster.url, code, 20, pause=0.2, patience=90) as crowd:
        sockets = await all_in()
        await crowd.acknowledged(40)
        for socket in sockets:
            socket.transport.abort()
        began = time.monotonic()
        sockets = await all_in()
        print(f"3,000 were back after {time.monotonic() - began:.1f} s")
        await crowd.acknowledged(40)
    await crowd.verify(cluster.node_urls, code)
    for socket in sockets:
        socket.transport.abort()
