"""What only the Redis log has: a server that restarts, stalls, forgets, and links that die in silence."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from crowdcue.log import redis_presence, redis_writer
from crowdcue.log.contract import LogError, NoSuchRoom, Position, Presence, Snapshot, Unavailable
from crowdcue.log.redis import RedisLog
from tests.support.redis_server import RedisServer, free_port

from .helpers import PATIENCE, Hints, append_many, verify


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of the test's own, for it to maltreat."""
    with RedisServer() as made:
        yield made


@pytest.fixture
async def log(server: RedisServer) -> AsyncIterator[RedisLog]:
    made = RedisLog(server.url)
    await made.start()
    yield made
    await made.close()


async def settled(log: RedisLog, room: str, producer: str, number: int, payload: bytes = b"x") -> Position:
    """Ask with the same number until there is an answer, as a node does."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await log.append(room, producer, number, payload)
            except Unavailable:
                await asyncio.sleep(0.05)


async def until_caught_up(hints: Hints, told: int = 0) -> None:
    """Wait for the "something happened, read the log" that follows a lost link."""
    async with asyncio.timeout(PATIENCE):
        while sum(entry is None for _, entry in hints.seen) <= told:
            hints.news.clear()
            await hints.news.wait()


async def test_scripts_come_back_after_script_flush(log: RedisLog, server: RedisServer) -> None:
    await log.create("ROOM")
    for number in range(1, 6):
        server.command("SCRIPT", "FLUSH")
        assert (await log.append("ROOM", "node", number, b"x")).seq == number
        server.command("SCRIPT", "FLUSH")
        assert (await log.positions(["ROOM", "NONE"]))["ROOM"].seq == number
    server.command("SCRIPT", "FLUSH")
    head = (await log.positions(["ROOM"]))["ROOM"]
    assert await log.checkpoint("ROOM", Snapshot(head.seq, head.chain, 0, b"s"), [], 0)
    assert len(await verify(log, "ROOM")) == 5


async def test_l3_a_killed_subscription_comes_back_and_every_room_catches_up(
    log: RedisLog, server: RedisServer
) -> None:
    """L3: hints may be lost with the link, so each room is told to read."""
    rooms = [f"ROOM{index}" for index in range(5)]
    listeners = {room: Hints() for room in rooms}
    for room in rooms:
        await log.create(room)
        await log.subscribe(room, listeners[room])
    for turn in range(2):
        server.command("CLIENT", "KILL", "TYPE", "pubsub")
        for room in rooms:
            await until_caught_up(listeners[room], turn)
            await log.append(room, "node", turn + 1, b"x")
            assert (await listeners[room].wait_for(turn + 1))[-1].number == turn + 1


async def test_killed_connections_are_replaced_without_the_caller_noticing(
    log: RedisLog, server: RedisServer
) -> None:
    """A lost connection is asked once more on a new one: safe by L2, and nothing is written twice."""
    await log.create("ROOM")
    for number in range(1, 6):
        await log.append("ROOM", "node", number, b"x")
        await log.read("ROOM", 0)
        server.command("CLIENT", "KILL", "TYPE", "normal")
    assert len(await verify(log, "ROOM")) == 5


async def test_l8_a_restart_with_its_append_only_file_keeps_everything(
    log: RedisLog, server: RedisServer
) -> None:
    await log.create("ROOM")
    hints = Hints()
    await log.subscribe("ROOM", hints)
    answers = await append_many(log, "ROOM", "node", 50)
    head = answers[-1]
    assert await log.checkpoint("ROOM", Snapshot(50, head.chain, 0, b"s"), [], 0)
    server.restart()
    assert (await settled(log, "ROOM", "node", 50)).chain == head.chain
    assert (await settled(log, "ROOM", "node", 51)).seq == 51
    assert len(await verify(log, "ROOM")) == 51
    assert await log.snapshot("ROOM") == Snapshot(50, head.chain, 0, b"s")
    await until_caught_up(hints)


async def test_l8_what_was_acknowledged_survives_kill_9_of_redis(log: RedisLog, server: RedisServer) -> None:
    """L8 at `disk`, appendfsync always: three crashes in the middle of appends from four producers."""
    await log.create("ROOM")
    promised: dict[int, str] = {}
    crash = asyncio.Event()
    wanted = 0

    async def produce(producer: str) -> None:
        for number in range(1, 401):
            answer = await settled(log, "ROOM", producer, number)
            assert promised.setdefault(answer.seq, answer.chain) == answer.chain
            if len(promised) >= wanted:
                crash.set()

    async def crasher() -> None:
        nonlocal wanted
        for turn in range(1, 4):
            wanted = turn * 300
            crash.clear()
            await crash.wait()
            server.kill()
            await asyncio.to_thread(server.start)

    await asyncio.gather(crasher(), *(produce(f"node{index}") for index in range(4)))
    entries = await verify(log, "ROOM")
    assert {entry.seq: entry.chain for entry in entries} == promised
    assert len(entries) == 1_600


async def test_l7_an_append_into_a_server_stopped_for_seven_seconds_is_written_once(
    log: RedisLog, server: RedisServer
) -> None:
    """L2, L7: success or Unavailable, then settled; and the silent link is noticed though TCP says nothing."""
    await log.create("ROOM")
    hints = Hints()
    await log.subscribe("ROOM", hints)
    await log.append("ROOM", "node", 1, b"before")
    server.pause()
    begun = time.monotonic()
    try:
        with pytest.raises(Unavailable):
            await log.append("ROOM", "node", 2, b"during")
        assert time.monotonic() - begun < 6
        with pytest.raises(Unavailable):
            await log.append("ROOM", "node", 2, b"during")
        await asyncio.sleep(max(0.0, begun + 7 - time.monotonic()))
    finally:
        server.resume()
    first = await settled(log, "ROOM", "node", 2, b"during")
    assert first.seq == 2
    await until_caught_up(hints)
    assert (await settled(log, "ROOM", "node", 3, b"after")).seq == 3
    assert (await log.append("ROOM", "node", 3, b"after")).seq == 3
    assert [entry.payload for entry in await verify(log, "ROOM")] == [b"before", b"during", b"after"]


async def test_l3_after_flushall_an_open_replica_puts_the_room_back(
    log: RedisLog, server: RedisServer
) -> None:
    """L3: never started anew in silence; of several replicas one restores, and the chain goes on for all."""
    await log.create("ROOM")
    last = (await append_many(log, "ROOM", "node", 20))[-1]
    other = RedisLog(server.url)
    await other.start()
    hints = Hints()
    await other.subscribe("ROOM", hints)
    server.command("FLUSHALL")
    with pytest.raises(NoSuchRoom):
        await log.append("ROOM", "node", 21, b"lost")
    assert await log.positions(["ROOM"]) == {}
    newest = Snapshot(20, last.chain, 0, b"replica")
    done = await asyncio.gather(*(node.restore("ROOM", newest, last.at) for node in (log, other)))
    assert sorted(done) == [False, True]
    assert (await log.append("ROOM", "node", 21, b"on")).seq == 21
    assert (await hints.wait_for(1))[0].prev == last.chain
    assert len(await verify(other, "ROOM", 20)) == 1
    await other.close()


async def test_redis_without_memory_is_unavailable_and_nothing_is_half_written(
    log: RedisLog, server: RedisServer
) -> None:
    """L2: refused before the script begins; the same number works when there is memory again."""
    await log.create("ROOM")
    await log.append("ROOM", "node", 1, b"x")
    server.command("CONFIG", "SET", "maxmemory", "1")
    for _ in range(3):
        with pytest.raises(Unavailable):
            await log.append("ROOM", "node", 2, b"x")
    server.command("CONFIG", "SET", "maxmemory", "0")
    assert (await log.append("ROOM", "node", 2, b"x")).seq == 2
    assert len(await verify(log, "ROOM")) == 2


async def test_lost_entries_are_never_passed_over(log: RedisLog, server: RedisServer) -> None:
    """L3: a hole in the stream is an error, not a shorter log."""
    await log.create("ROOM")
    await append_many(log, "ROOM", "node", 5)
    server.command("XDEL", "crowdcue:{ROOM}:entries", "3-0")
    for after in (0, 1, 2):
        with pytest.raises(LogError):
            await log.read("ROOM", after)
    assert len(await log.read("ROOM", 3)) == 2


async def test_appends_that_wait_are_bounded(
    log: RedisLog, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_writer, "MAX_WAITING", 5)
    monkeypatch.setattr(redis_writer, "MAX_GROUP", 1)
    await log.create("ROOM")
    results = await asyncio.gather(
        *(log.append("ROOM", "node", number, b"x") for number in range(1, 11)), return_exceptions=True
    )
    assert [isinstance(result, Unavailable) for result in results] == [False] * 5 + [True] * 5
    assert len(await verify(log, "ROOM")) == 5


async def test_hints_that_are_none_are_passed_over(log: RedisLog, server: RedisServer) -> None:
    """L3: somebody else publishes nonsense on our channel."""
    await log.create("ROOM")
    hints = Hints()
    await log.subscribe("ROOM", hints)
    for nonsense in ("", "no entry", "1 2 3 4 5 6 7 8", "x y z 1 2 3 \xff"):
        server.command("PUBLISH", "crowdcue:{ROOM}:hints", nonsense)
    await log.append("ROOM", "node", 1, b"x")
    assert (await hints.wait_for(1))[0].seq == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "localhost:6379",
        "redis+sentinel://localhost",
        "redis+sentinel://localhost/name/db",
        "redis+cluster://localhost:port",
        "redis://localhost:port",
    ],
)
def test_a_url_of_no_known_form_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        RedisLog(url)


async def test_a_redis_that_cannot_be_reached_is_named_without_its_password() -> None:
    port = free_port()
    with pytest.raises(Unavailable) as caught:
        await RedisLog(f"redis://:geheim@127.0.0.1:{port}/2").start()
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "geheim" not in str(caught.value)


async def test_a_password_is_used_and_a_wrong_one_is_said_to_be_so(server: RedisServer) -> None:
    server.command("ACL", "SETUSER", "party", "on", ">geheim", "~*", "&*", "+@all")
    server.command("ACL", "SETUSER", "default", "off")
    address = f"127.0.0.1:{server.port}"
    log = RedisLog(f"redis://party:geheim@{address}")
    await log.start()
    await log.create("ROOM")
    hints = Hints()
    await log.subscribe("ROOM", hints)
    await log.append("ROOM", "node", 1, b"x")
    await hints.wait_for(1)
    await log.close()
    with pytest.raises(Unavailable, match=address):
        await RedisLog(f"redis://party:falsch@{address}").start()


async def warnings_at_start(server: RedisServer, durability: Any, caplog: pytest.LogCaptureFixture) -> str:
    caplog.clear()
    log = RedisLog(server.url, durability)
    await log.start()
    await log.close()
    return "\n".join(record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)


async def test_l8_settings_that_keep_less_are_said_at_start(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """L8: `disk` asks for appendfsync always; a forbidden CONFIG makes it unknown, not fine."""
    assert await warnings_at_start(server, "disk", caplog) == ""
    server.command("CONFIG", "SET", "appendfsync", "everysec")
    assert "appendfsync everysec" in await warnings_at_start(server, "disk", caplog)
    assert await warnings_at_start(server, "process", caplog) == ""
    server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    assert "evict" in await warnings_at_start(server, "process", caplog)
    server.command("CONFIG", "SET", "appendonly", "no")
    assert "appendonly off" in await warnings_at_start(server, "process", caplog)
    server.command("ACL", "SETUSER", "default", "-config")
    assert "unknown" in await warnings_at_start(server, "disk", caplog)


async def test_presence_is_shared_by_the_nodes_and_lapses(
    log: RedisLog, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = RedisLog(server.url)
    await other.start()
    one: Presence = log.presence
    two: Presence = other.presence
    assert await one.beat("ROOM", "one", b"1 \x00\xff\n") == [b"1 \x00\xff\n"]
    assert await two.beat("ROOM", "two", b"") == [b"1 \x00\xff\n", b""]
    assert await one.beat("OTHER", "one", b"x") == [b"x"]
    await one.leave("ROOM", "one")
    await one.leave("NEVER", "one")
    assert await two.beat("ROOM", "two", b"2") == [b"2"]
    monkeypatch.setattr(redis_presence, "PRESENCE_TTL", 0.2)
    assert await one.beat("ROOM", "one", b"brief") == [b"brief"]  # the other's was far ahead: dropped
    assert await one.beat("SHORT", "one", b"brief") == [b"brief"]
    async with asyncio.timeout(PATIENCE):
        while await two.beat("ROOM", "two", b"2") != [b"2"]:
            await asyncio.sleep(0.05)
        while server.command("EXISTS", "crowdcue:{SHORT}:here"):
            await asyncio.sleep(0.05)
    await other.close()
