"""Bounds on waiting for a log, and on what it takes meanwhile, each reached."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crowdcue.log import (
    redis,
    redis_store,
    redis_subscriber,
    redis_url,
    redis_writer,
    sqlite_file,
)
from crowdcue.log.contract import Unavailable
from crowdcue.log.redis import RedisLog
from crowdcue.log.sqlite import SqliteLog
from tests.support.redis_server import RedisServer

from .helpers import Hints

#: What the bounds are set to here, and when they have surely been passed over, on a busy machine (s).
SHORT, LONG = 0.3, 1.8


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as made:
        yield made


@contextlib.contextmanager
def unanswered(server: RedisServer) -> Iterator[None]:
    """It has stopped, and whatever is asked here is given up when it should be."""
    server.pause()
    began = time.monotonic()
    try:
        yield
        took = time.monotonic() - began
    finally:
        server.resume()
    assert SHORT <= took < LONG


async def test_an_append_is_given_up(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "APPEND_TIMEOUT", SHORT)
    log = RedisLog(server.url)
    await log.start()
    await log.create("APPEND")
    await log.append("APPEND", "node", 1, b"x")
    with unanswered(server), pytest.raises(Unavailable):
        await log.append("APPEND", "node", 2, b"x")
    await log.close()


async def test_a_subscription_is_given_up(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_subscriber, "SUBSCRIBE_TIMEOUT", SHORT)
    log = RedisLog(server.url)
    await log.start()
    await log.create("HINTS")
    with unanswered(server), pytest.raises(Unavailable):
        await log.subscribe("HINTS", Hints())
    await log.close()


async def test_closing_does_not_wait_for_ever(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_writer, "CLOSE_TIMEOUT", SHORT)
    log = RedisLog(server.url)
    await log.start()
    await log.create("CLOSE")
    await log.append("CLOSE", "node", 1, b"x")
    with unanswered(server):
        waiting = asyncio.create_task(log.append("CLOSE", "node", 2, b"x"))
        await asyncio.sleep(0)
        await log.close()
        with pytest.raises(Unavailable):
            await waiting


async def test_a_server_that_takes_no_connection_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_url, "CONNECT_TIMEOUT", SHORT)
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):  # its queue is full: the kernel answers no more
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await RedisLog(f"redis://127.0.0.1:{deaf.getsockname()[1]}").start()
        assert SHORT <= time.monotonic() - began < LONG


async def test_connections_are_few_and_reads_wait_for_one(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (redis_url, redis_store):
        monkeypatch.setattr(module, "MAX_CONNECTIONS", 3)
    log = RedisLog(server.url)
    await log.start()
    await log.create("READS")
    await asyncio.gather(*[log.read("READS", 0) for _ in range(100)])
    found = str(server.raw("CLIENT", "LIST")).splitlines()
    assert sum("cmd=hmget" in line or "cmd=xrange" in line for line in found) <= redis_url.MAX_CONNECTIONS
    await log.close()


async def test_a_locked_file_is_waited_for_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT", SHORT)
    path = tmp_path / "log.db"
    log = SqliteLog(path)
    await log.start()
    await log.create("ROOM")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await log.append("ROOM", "node", 1, b"x")
    assert SHORT <= time.monotonic() - began < LONG
    asyncio.get_running_loop().call_later(SHORT / 3, other.execute, "ROLLBACK")
    assert (await log.append("ROOM", "node", 1, b"x")).seq == 1
    other.close()
    await log.close()


async def test_the_write_ahead_log_is_cut_back_after_a_burst(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "WAL_LIMIT", 200_000)
    log = SqliteLog(tmp_path / "log.db", "process")
    await log.start()
    await log.create("ROOM")
    wal = tmp_path / "log.db-wal"
    await log.append("ROOM", "node", 1, b"x" * 8_000_000)
    assert wal.stat().st_size > 8_000_000
    for number in range(2, 5):
        await log.append("ROOM", "node", number, b"x")
    assert wal.stat().st_size <= sqlite_file.WAL_LIMIT
    await log.close()
