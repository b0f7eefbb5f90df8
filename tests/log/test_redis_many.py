"""The Redis log where there is more than one Redis: slots that move, masters that fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from crowdcue.log.contract import LogError, NoSuchRoom, Position, Unavailable
from crowdcue.log.redis import RedisLog
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import SERVICE, RedisSentinel

from .helpers import PATIENCE, Hints, append_many, verify

ROOMS = [f"ROOM{index}" for index in range(12)]


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    with RedisCluster() as made:
        yield made


@pytest.fixture
async def log(cluster: RedisCluster) -> AsyncIterator[RedisLog]:
    made = RedisLog(cluster.url)
    await made.start()
    yield made
    await made.close()


async def settled(log: RedisLog, room: str, number: int) -> Position:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await log.append(room, "node", number, b"x")
            except Unavailable:
                await asyncio.sleep(0.05)


async def told_to_read(hints: Hints) -> None:
    async with asyncio.timeout(PATIENCE):
        while not any(entry is None for _, entry in hints.seen):
            hints.news.clear()
            await hints.news.wait()


async def test_l3_hints_come_from_every_master_and_back_after_a_crash(
    cluster: RedisCluster, log: RedisLog
) -> None:
    """L3, L8: rooms on both masters; one of them is killed and comes back with its file."""
    listeners = {room: Hints() for room in ROOMS}
    for room in ROOMS:
        await log.create(room)
        await log.subscribe(room, listeners[room])
        await log.append(room, "node", 1, b"x")
    for room in ROOMS:
        assert len(await listeners[room].wait_for(1)) == 1
    sizes = [int(str(server.command("DBSIZE"))) for server in cluster.servers]
    assert min(sizes) > 0, "all rooms are on one master: the test shows nothing"
    cluster.servers[0].kill()
    await asyncio.to_thread(cluster.servers[0].start)
    for room in ROOMS:
        assert (await settled(log, room, 2)).seq == 2
    hurt = [room for room in ROOMS if cluster.owner(room) is cluster.servers[0]]
    assert hurt
    for room in hurt:
        await told_to_read(listeners[room])
    for room in ROOMS:
        assert (await settled(log, room, 3)).seq == 3
        async with asyncio.timeout(PATIENCE):
            while not any(entry.seq == 3 for entry in listeners[room].entries):
                listeners[room].news.clear()
                await listeners[room].news.wait()
        await verify(log, room)


async def test_l8_the_settings_of_a_cluster_are_checked_too(
    cluster: RedisCluster, caplog: pytest.LogCaptureFixture
) -> None:
    """L8: no warning when all is well, one when it is not."""
    for expected, setting in (("", "always"), ("appendfsync everysec", "everysec")):
        caplog.clear()
        cluster.command("CONFIG", "SET", "appendfsync", setting)
        log = RedisLog(cluster.url)
        await log.start()
        await log.close()
        lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(lines) == bool(expected)
        assert expected in "".join(lines)


async def test_l3_a_room_whose_slot_moves_is_followed(cluster: RedisCluster, log: RedisLog) -> None:
    """L3: the old master ends the subscription, the new one takes it, and the room is told to read."""
    await log.create("ROOM")
    hints = Hints()
    await log.subscribe("ROOM", hints)
    await log.append("ROOM", "node", 1, b"x")
    await hints.wait_for(1)
    before = cluster.owner("ROOM")
    await asyncio.to_thread(cluster.move, "ROOM")
    assert cluster.owner("ROOM") is not before
    assert (await settled(log, "ROOM", 2)).seq == 2
    await told_to_read(hints)
    assert (await settled(log, "ROOM", 3)).seq == 3
    async with asyncio.timeout(PATIENCE):
        while hints.entries[-1].seq < 3:
            hints.news.clear()
            await hints.news.wait()
    assert len(await verify(log, "ROOM")) == 3
    assert (await log.positions(["ROOM"]))["ROOM"].seq == 3


async def test_l3_a_failover_is_followed_and_the_chain_is_one() -> None:
    """L1, L3: the sentinel promotes the replica; what it has is one whole past, and the log goes on from it."""
    with RedisSentinel() as watched:
        log = RedisLog(watched.url)
        await log.start()
        await log.create("ROOM")
        hints = Hints()
        await log.subscribe("ROOM", hints)
        answers = await append_many(log, "ROOM", "node", 50)
        assert int(str(watched.master.command("WAIT", 1, 10_000))) == 1
        watched.master.kill()
        assert (await settled(log, "ROOM", 51)).seq == 51
        await told_to_read(hints)
        assert (await settled(log, "ROOM", 52)).seq == 52
        entries = await verify(log, "ROOM")
        assert [entry.chain for entry in entries[:50]] == [answer.chain for answer in answers]
        assert len(entries) == 52
        assert int(str(watched.replica.command("XLEN", "crowdcue:{ROOM}:entries"))) == 52
        await log.close()


async def test_l3_a_deposed_master_is_left_though_it_still_answers() -> None:
    """L3: behind a partition it believes to be the master; the sentinel says otherwise, and the node hears it."""
    with RedisSentinel(parted=True) as watched:
        log = RedisLog(watched.url)
        await log.start()
        await log.create("ROOM")
        hints = Hints()
        await log.subscribe("ROOM", hints)
        await append_many(log, "ROOM", "node", 5)
        assert int(str(watched.master.command("WAIT", 1, 10_000))) == 1
        await asyncio.to_thread(watched.way.cut)
        async with asyncio.timeout(PATIENCE):
            while await asyncio.to_thread(lambda: watched.master_port) != watched.replica.port:
                await asyncio.sleep(0.1)
        await told_to_read(hints)
        assert (await settled(log, "ROOM", 6)).seq == 6
        where = "crowdcue:{ROOM}:entries"
        assert int(str(watched.replica.command("XLEN", where))) == 6, "what is written now stays"
        assert int(str(watched.master.command("XLEN", where))) == 5
        assert (await log.positions(["ROOM"]))["ROOM"].seq == 6, "reads go there as well"
        async with asyncio.timeout(PATIENCE):
            while not hints.entries or hints.entries[-1].seq < 6:
                hints.news.clear()
                await hints.news.wait()
        await log.close()


async def test_a_service_that_no_sentinel_knows_is_unavailable() -> None:
    with RedisSentinel() as watched:
        with pytest.raises(Unavailable):
            await RedisLog(watched.url.replace(SERVICE, "other")).start()
        log = RedisLog(watched.url)
        await log.start()
        with pytest.raises(NoSuchRoom):
            await log.append("NONE", "node", 1, b"x")
        assert issubclass(NoSuchRoom, LogError)
        await log.close()
