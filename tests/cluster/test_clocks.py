"""Clocks that are wrong by an hour, with real processes: songs' times, votes, cooldowns and the history stay sane."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crowdcue.client import Party, Refused
from crowdcue.client.connection import PING_EVERY
from tests.cluster.crowd import Crowd
from tests.support.faketime import HOUR, Faketime
from tests.support.redis_server import RedisServer
from tests.support.servers import Server
from tests.support.talk import new_room

#: How far two views of a song's position may be apart on a busy machine (s).
APART = 1.0
#: For whatever has to come about on a busy machine (s).
PATIENCE = 30.0
#: A room's time stands still until it is asked for after a clock was set back: once a second (s).
NOTICED = 1.0 + APART
COOLDOWN = 300

Start = Callable[[contextlib.ExitStack, Path, Faketime], list[Server]]


def song(name: str, duration: float) -> dict[str, Any]:
    return {"id": name, "title": name, "artist": "An artist", "duration": duration}


async def until(condition: Any, seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def near(value: float | None, wanted: float, apart: float = APART) -> bool:
    """Both in ms, `apart` in s."""
    return value is not None and abs(value - wanted) < apart * 1000


async def all_tell_the_same_time(parties: list[Party], wanted: float) -> None:
    """Every client's idea of the log's time is this machine's clock and so many seconds more."""
    await until(lambda: all(near(party.server_time(), (time.time() + wanted) * 1000) for party in parties))


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_node_of_five_is_an_hour_ahead(tmp_path: Path) -> None:
    """The stage, and who asks first, are on that node; what they make is timed as everybody else's is."""
    wrong = Faketime(tmp_path, HOUR)
    async with contextlib.AsyncExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        servers = [
            stack.enter_context(
                Server(
                    tmp_path / f"node{number}",
                    "--redis",
                    redis.url,
                    open_party=False,
                    env=wrong.environment if number == 0 else {},
                )
            )
            for number in range(5)
        ]
        urls = [server.url for server in servers]
        room = await asyncio.to_thread(new_room, servers[0], cooldown=COOLDOWN, songs_per_guest=0)

        async def join(number: int, **more: Any) -> Party:
            return await stack.enter_async_context(Party(urls[number], room.code, **more))

        stage = await join(0, name="Stage", host=room.host_token, player=True)
        guests = [await join(number, name=f"Guest {number}") for number in range(5)]
        here = [stage, *guests]
        await all_tell_the_same_time(here, 0)

        # A song starts, is where it should be on every node, and ends when it should.
        began = time.time()
        await guests[0].add(song("short", 4))
        await until(lambda: all(party.playing for party in here))
        for _ in range(10):
            positions = [party.position() for party in here]
            assert all(near(at, (time.time() - began) * 1000) for at in positions), positions
            await asyncio.sleep(0.2)
        await until(lambda: all(party.history and not party.playing for party in here))
        assert 4 - APART < time.time() - began < 4 + 2 * APART
        for party in here:
            (played,) = party.history
            assert played["song"]["id"] == "short" and near(played["played_at"], began * 1000)

        # It may not come again soon: neither there nor elsewhere, for as long as was asked.
        for party in (guests[0], guests[3]):
            with pytest.raises(Refused) as refused:
                await party.add(song("short", 4))
            assert refused.value.code == "not_now"
            assert COOLDOWN - 60 < (refused.value.retry_after or 0) <= COOLDOWN

        # Who became a member on that node is one everywhere, and the other way round.
        await guests[0].add(song("next", 1000))
        await until(lambda: all(party.playing for party in here))
        await guests[0].add(song("after", 1000))
        await until(lambda: all(party.queue for party in here))
        assert all(near(party.queue[0]["added_at"], party.server_time()) for party in here)
        await guests[0].vote("after", -1)
        await guests[4].vote("after", 1)
        for number, guest, vote in ((4, guests[0], -1), (0, guests[4], 1)):
            again = await join(number, token=guest.token)
            assert again.you["id"] == guest.you["id"] and again.mine == {"after": vote}
        await until(lambda: all(party.here.get("players") == 1 for party in here))

        # And under load nothing is lost, and all nodes hold the same.
        other = await asyncio.to_thread(new_room, servers[1], songs_per_guest=0)
        async with Crowd(urls, other.code, 20, pause=0.1, patience=PATIENCE) as crowd:
            await crowd.acknowledged(400)
        await crowd.verify(urls, other.code)


def one_server(stack: contextlib.ExitStack, folder: Path, clock: Faketime) -> list[Server]:
    """A server whose log is its own, under this clock."""
    return [stack.enter_context(Server(folder / "node", env=clock.environment))]


def two_nodes(stack: contextlib.ExitStack, folder: Path, clock: Faketime) -> list[Server]:
    """Nodes whose log is in a Redis under this clock; their own clocks are right."""
    redis = stack.enter_context(RedisServer(env=clock.environment))
    return [
        stack.enter_context(Server(folder / f"node{number}", "--redis", redis.url, open_party=False))
        for number in range(2)
    ]


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize("start", [one_server, two_nodes])
async def test_the_clock_of_the_log_is_set_by_an_hour_and_back(tmp_path: Path, start: Start) -> None:
    """Forwards, the hour is over: a song has ended, once. Back, time goes on at its speed, and never back."""
    clock = Faketime(tmp_path)
    with contextlib.ExitStack() as stack:
        await set_by_an_hour_and_back(clock, await asyncio.to_thread(start, stack, tmp_path, clock))


async def set_by_an_hour_and_back(clock: Faketime, servers: list[Server]) -> None:
    urls = [server.url for server in servers]
    async with contextlib.AsyncExitStack() as stack:
        room, busy = [await asyncio.to_thread(new_room, servers[0]) for _ in range(2)]
        stage, other = here = [
            await stack.enter_async_context(
                Party(urls[0], room.code, name="Stage", host=room.host_token, player=True)
            ),
            await stack.enter_async_context(Party(urls[-1], room.code, name="Guest")),
        ]
        crowd = await stack.enter_async_context(Crowd(urls, busy.code, 10, patience=PATIENCE))
        for name in ("one", "two", "three"):
            await stage.add(song(name, 1800))
        await until(lambda: all(party.playing for party in here))
        await crowd.acknowledged(50)

        clock.set(HOUR)
        await all_tell_the_same_time(here, HOUR)
        await until(lambda: all(party.history for party in here))
        await crowd.acknowledged(100)
        for party in here:
            assert [played["song"]["id"] for played in party.history] == ["one"], "it ended, and only it"
            assert party.playing is not None and party.playing["song"]["id"] == "two"
            assert (party.position() or 0) < PATIENCE * 1000, "the next one starts from its beginning"

        await other.vote("three", 1)  # time goes on from the room's last entry
        before, asked = stage.position() or 0, time.monotonic()
        clock.set(0)
        await crowd.acknowledged(100)
        # Until every client has asked for the time once more; it must not notice.
        for _ in range(int(PING_EVERY * 10) + 10):
            for party in here:
                assert party.playing is not None and party.playing["song"]["id"] == "two"
                assert near(party.position(), before + (time.monotonic() - asked) * 1000, NOTICED)
            await asyncio.sleep(0.1)
        await stage.add(song("four", 1800))
        await until(lambda: all(len(party.queue) == 2 for party in here))
        assert all(near(party.queue[-1]["added_at"], party.server_time()) for party in here)
        await stage.play_next()
        await until(lambda: all(len(party.history) == 2 for party in here))
        times = [played["played_at"] for played in stage.history]
        assert times == sorted(times, reverse=True), "newest first, and no time before the last one's"
        assert other.history == stage.history
        await crowd.acknowledged(50)
        await crowd.rest()
        await crowd.verify(urls, busy.code)
