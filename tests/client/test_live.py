"""The client library and the example bots against a real server, which is killed now and then."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest

from crowdcue.client import Party, PartyOver, PinNeeded, Refused
from tests.support.servers import Server, clean_environment, make_music
from tests.support.talk import new_room, song

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
CODECS: list[Literal["json", "msgpack"]] = ["json", "msgpack"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("bots")
    music = make_music(folder / "music", count=8, seconds=60)
    with Server(folder / "data", open_party=False, music=[music]) as running:
        yield running


async def see(party: Party, *ids: str) -> None:
    """Wait until the queue is this."""
    async with asyncio.timeout(15):
        changes = party.changes()
        while [item["id"] for item in party.queue] != list(ids):
            await anext(changes)


@pytest.mark.parametrize("codec", CODECS)
async def test_two_people_and_a_host(server: Server, codec: Literal["json", "msgpack"]) -> None:
    room = await asyncio.to_thread(new_room, server)
    async with (
        Party(server.url, room.code, name="Anna", codec=codec) as anna,
        Party(server.url, room.code, name="Host", host=room.host_token, player=True) as host,
    ):
        assert anna.you["name"] == "Anna" and anna.you["role"] == "guest" and host.you["role"] == "host"
        assert await anna.add(song("x")) == {"song_id": "x", "added": True}
        async with asyncio.timeout(15):
            changes = anna.changes()
            while (
                anna.playing is None or anna.playing["paused_at"] is not None
            ):  # a stage is there: it starts
                await anext(changes)
        await anna.add(song("y"))
        await anna.add(song("z"))
        await anna.vote("z", 1)
        assert [item["id"] for item in anna.queue] == ["z", "y"] and anna.mine == {"z": 1}
        await see(host, "z", "y")
        await host.seek(60_000)
        position = host.position()
        assert position is not None and 60_000 <= position < 70_000
        assert await host.play_next(expected=anna.playing["play"])
        await see(anna, "y")
        assert [play["song"]["id"] for play in anna.history] == ["x"]
        with pytest.raises(Refused) as refused:
            await host.play_next(expected=1)
        assert refused.value.code == "stale"
        with pytest.raises(Refused) as refused:
            await anna.clear()
        assert refused.value.code == "forbidden"
        await host.settings(policy="fair", songs_per_guest=2)
        await host.volume(10)
        await host.pause()
        assert host.room["policy"] == "fair" and host.room["volume"] == 10
        assert host.playing is not None and host.playing["paused_by"] == "host"
        await host.resume()
        await host.ended(host.playing["play"])
        await anna.rename("Anna Livia")
        assert anna.you["name"] == "Anna Livia"
        await anna.skip()
        await host.clear()
        assert host.queue == ()
        await host.promote(anna.you["id"])
        async with asyncio.timeout(15):
            while anna.you["role"] != "host":
                await asyncio.sleep(0.01)  # who one is, is no part of the view that changes are told of
        async with asyncio.timeout(15):
            while set(anna.here.get("names", ())) != {"Anna Livia", "Host"}:
                await anext(changes)
        assert anna.here["players"] == 1


@pytest.mark.parametrize("codec", CODECS)
async def test_a_killed_server_is_an_interruption_and_no_more(
    tmp_path: Path, codec: Literal["json", "msgpack"]
) -> None:
    server = Server(tmp_path / "data")
    with await asyncio.to_thread(server.start):
        async with Party(server.url, "main", name="Bot", codec=codec) as party, asyncio.timeout(90):
            async with asyncio.TaskGroup() as tasks:
                adding = [tasks.create_task(party.add(song(f"s{number}"))) for number in range(300)]
                while not any(task.done() for task in adding):
                    await asyncio.sleep(0)
                server.kill()
                await asyncio.to_thread(server.start)
            assert len(party.queue) == 300
            assert all(task.result()["added"] for task in adding), (
                "each was applied once, with its first answer"
            )
            assert party.reconnects >= 1
            me, version = party.you, party.version
            assert await asyncio.to_thread(server.stop) == 0
            await asyncio.to_thread(server.start)
            await party.vote("s7", 1)
            assert party.you == me and party.version > version and party.queue[0]["id"] == "s7"


async def test_the_library_can_be_searched(server: Server) -> None:
    async with Party(server.url, "MAIN") as party:
        assert len(await party.search()) == 8
        assert [found["title"] for found in await party.search("tune 3", limit=1)] == ["Tune 3"]


async def test_a_wrong_code_is_told_at_once(server: Server) -> None:
    with pytest.raises(PartyOver):
        async with Party(server.url, "NOSUCH"):
            pass


# The examples, run as people run them


class Bot:
    """A running example; its lines as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def says(self, *words: str) -> str:
        """Read lines until one holds all these words."""
        assert self.process.stdout is not None
        said = []
        async with asyncio.timeout(20):
            while line := (await self.process.stdout.readline()).decode():
                if all(word in line for word in words):
                    return line
                said.append(line)
        raise AssertionError(f"it ended and never said {words}: {said}")

    async def interrupt(self) -> None:
        """Ctrl-C: it must end at once and without a traceback."""
        self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            out, _ = await self.process.communicate()
        assert self.process.returncode == 0 and b"Traceback" not in out, out


@asynccontextmanager
async def running(name: str, *arguments: str) -> AsyncIterator[Bot]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / name),
        *arguments,
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    bot = Bot(process)
    try:
        yield bot
        await bot.interrupt()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_never_dry_keeps_songs_in_the_queue(server: Server) -> None:
    room = await asyncio.to_thread(new_room, server)
    async with (
        Party(server.url, room.code, host=room.host_token) as host,
        running("never_dry.py", server.url, room.code, "--least", "2") as bot,
    ):
        played = []
        for _ in range(4):
            async with asyncio.timeout(20):
                changes = host.changes()
                while len(host.queue) < 2:
                    await anext(changes)
            await host.play_next()
            assert host.playing is not None
            played.append(host.playing["song"]["id"])
        assert len(set(played)) == 4, "nothing that was played lately"
        await bot.says("Added", "by Artist")


async def test_the_announcer_tells_what_happens(server: Server) -> None:
    room = await asyncio.to_thread(new_room, server)
    async with (
        Party(server.url, room.code, name="Anna", host=room.host_token) as anna,
        running("announcer.py", server.url, room.code) as bot,
    ):
        await bot.says("Listening to A test")
        await anna.add(song("x"))
        await bot.says("Anna added Title of x")
        await anna.add(song("y"))
        await bot.says("Anna added Title of y")
        await anna.vote("y", 1)
        await bot.says("Title of y moved up to first")
        await anna.play_next()
        await bot.says("Now playing: Title of y by An artist")
        await anna.play_next()
        await bot.says("Now playing: Title of x")
        await anna.play_next()
        await bot.says("The music has stopped")


@pytest.mark.parametrize("name", ["never_dry.py", "announcer.py"])
async def test_examples_say_in_one_line_what_is_wrong(server: Server, name: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / name),
        server.url,
        "NOSUCH",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(20):
        out, _ = await process.communicate()
    assert process.returncode == 1 and b"no such party" in out and out.count(b"\n") == 1, out


async def test_a_party_with_a_pin_takes_a_bot_that_shows_it_and_tells_one_that_does_not(
    server: Server,
) -> None:
    room = await asyncio.to_thread(new_room, server, pin="2468")
    for pin, code in ((None, "pin_needed"), ("1357", "bad_pin")):
        with pytest.raises(PinNeeded, match=code):
            await Party(server.url, room.code, pin=pin).__aenter__()
    async with (
        Party(server.url, room.code, pin="2468") as bot,
        Party(server.url, room.code, host=room.host_token) as host,
    ):
        await bot.add(song("x"))
        await see(host, "x")
        async with Party(server.url, room.code, token=bot.token) as again:
            await see(again, "x")
        await host.settings(pin="1357")
        with pytest.raises(PinNeeded, match="pin_needed"):
            async for _ in bot.changes():
                pass
