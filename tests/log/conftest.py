"""Fixtures of the contract suite. A new backend joins by one more name in `BACKENDS`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from crowdcue.log.contract import RoomLog
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_server import RedisServer

from .backends import Backend, MemoryBackend, RedisBackend, SqliteBackend

#: Every backend runs the whole suite, unchanged.
BACKENDS = ("memory", "sqlite", "redis", "cluster")
#: For a test of seconds, whose commands are the same on one Redis and on several: the last only among the long ones.
PATIENTLY = pytest.mark.parametrize(
    "make_backend",
    [*BACKENDS[:-1], pytest.param(BACKENDS[-1], marks=pytest.mark.long)],
    indirect=True,
    scope="session",
)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One server for all tests that only need its data emptied; made when the first of them runs."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """Likewise, two masters."""
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture(scope="session", params=BACKENDS)
def make_backend(request: pytest.FixtureRequest) -> Callable[[], Backend]:
    """Makes an empty store of each kind in turn."""
    if request.param == "memory":
        return MemoryBackend
    if request.param == "sqlite":
        return SqliteBackend
    server = request.getfixturevalue("redis_server" if request.param == "redis" else "redis_cluster")
    return lambda: RedisBackend(server)


@pytest.fixture
async def backend(make_backend: Callable[[], Backend]) -> AsyncIterator[Backend]:
    """An empty store."""
    made = make_backend()
    yield made
    await made.stop()
    made.remove()


@pytest.fixture
async def log(backend: Backend) -> RoomLog:
    """A started log on an empty store."""
    return await backend.open()
