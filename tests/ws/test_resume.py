"""Coming back: `since`, what was missed, what cannot be told any more; over restarts and kills of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Server
from tests.support.talk import Message, RoomKey, Talk, fresh_view, new_room, post, song


async def resume(old: Talk, server: Server, code: str, **more: Any) -> tuple[Talk, Message]:
    """A new connection of the same member, who goes on from its view; the first message after the welcome."""
    new = await Talk(server, code, greet=False, **more).open()
    new.model = old.model
    first = await new.say_hello(token=old.token, since=old.version)
    return new, first


async def test_what_was_missed_comes_as_a_patch_and_then_my_votes(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code) as ben:
        anna = await Talk(house, room.code).open()
        for id_ in ("x", "y", "z"):
            await anna.do("add", song=song(id_))
        await anna.do("vote", song_id="x", value=-1)
        anna.vanish()
        await ben.do("vote", song_id="z", value=1)
        await ben.do("rename", name="Ben")
        async with Talk(house, room.code, token=anna.token) as phone:
            await phone.do("remove", song_id="x")
            await phone.do("vote", song_id="y", value=1)
        again, first = await resume(anna, house, room.code)
        assert first["t"] == "patch"
        assert first.get("del") == ["x"]
        assert (await again.receive()) == {"t": "mine", "votes": {"y": 1}, "all": True}
        assert again.model.view() == await fresh_view(house, room.code, anna.token)
        await again.leave()


async def test_who_missed_nothing_gets_a_patch_without_changes(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code) as anna:
        await anna.do("add", song=song("x"))
        again, first = await resume(anna, house, room.code, codec="msgpack")
        assert first == {"t": "patch", "seq": anna.model.seq, "mark": anna.model.mark}
        assert (await again.receive()) == {"t": "mine", "votes": {}, "all": True}
        await again.leave()


@pytest.mark.parametrize(
    "since",
    [
        pytest.param([1, "00000000"], id="a mark of another past"),
        pytest.param([1, ""], id="no mark"),
        pytest.param([10**9, "00000000"], id="ahead of the log"),
        pytest.param([2**53 - 1, "x" * 64], id="far ahead of the log"),
    ],
)
async def test_a_version_of_another_past_gets_the_state(
    house: Server, room: RoomKey, since: list[Any]
) -> None:
    async with Talk(house, room.code) as anna:
        await anna.do("add", song=song("x"))
        async with Talk(house, room.code, greet=False) as again:
            first = await again.say_hello(token=anna.token, since=since)
            assert first["t"] == "state"
            assert again.model.view() == anna.model.view()


async def test_every_version_of_a_connection_can_be_resumed(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code) as anna:
        versions = [anna.version]
        for number in range(8):
            await anna.do("add", song=song(f"s{number}"))
            versions.append(anna.version)
        for number, version in enumerate(versions):
            async with Talk(house, room.code, greet=False) as again:
                first = await again.say_hello(since=version)
                assert first["t"] == "patch" and first["seq"] == anna.model.seq
                assert [fields["id"] for fields in first.get("set", [])][::-1] == anna.queue[number:]


async def test_after_history_was_cleared_a_resume_still_shows_what_is(
    open_server: Server, open_room: RoomKey
) -> None:
    async with Talk(open_server, open_room.code) as anna:
        for id_ in ("x", "y"):
            await anna.do("add", song=song(id_))
            await anna.do("play_next")
        anna.vanish()
        await asyncio.to_thread(post, open_server, f"/api/rooms/{open_room.code}/clear", {})
        again, _ = await resume(anna, open_server, open_room.code)
        await again.settle()
        assert again.model.view() == await fresh_view(open_server, open_room.code, anna.token)
        assert again.model.history == [] and again.model.playing is None
        await again.leave()


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that the tests of this file may stop and kill."""
    with Server(tmp_path_factory.mktemp("mortal") / "data") as server:
        yield server


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_resuming_after_a_restart(mortal: Server, how: str) -> None:
    room = await asyncio.to_thread(new_room, mortal)
    async with Talk(mortal, room.code, name="Anna") as anna, Talk(mortal, room.code) as ben:
        for id_ in ("x", "y"):
            await anna.do("add", song=song(id_))
        await anna.do("vote", song_id="y", value=1)
        await ben.sees("y", "x")
        await anna.do("remove", "remove-1", song_id="x")
        await asyncio.to_thread(getattr(mortal, how))
    await asyncio.to_thread(mortal.start)
    again, first = await resume(ben, mortal, room.code)
    assert first["t"] == "patch", "the versions before the restart are known after it"
    assert again.queue == ["y"]
    async with Talk(mortal, room.code, greet=False) as me:
        await me.say_hello(token=anna.token)
        assert me.you == anna.you and me.model.mine == {"y": 1}
        # The same id gets the first answer, also from a server that was not there when it was given.
        answer = await me.answer(await me.ask("remove", "remove-1", song_id="y"))
        assert answer["t"] == "done" and me.queue == ["y"]
    await again.leave()


@pytest.mark.long
@pytest.mark.timeout(600)  # ten thousand round trips
async def test_what_is_too_old_gets_the_state(tmp_path: Path) -> None:
    """10,000 versions are kept. Each costs a round trip, because commands that wait together share one."""
    server = Server(tmp_path / "data", "--durability", "process")
    with await asyncio.to_thread(server.start):
        old = await Talk(server).open()
        await old.do("add", song=song("x"))
        old.vanish()
        recent: list[Any] = []
        async with Talk(server, codec="msgpack") as anna:
            start = anna.model.seq
            for number in range(10_050):
                await anna.answer(await anna.ask("vote", song_id="x", value=number % 2))
                if not recent and anna.model.seq > start + 2_000:
                    recent = anna.version
            await anna.do("vote", song_id="x", value=-1)
            assert anna.model.seq > start + 10_000 and recent
            _, first = await resume(old, server, "MAIN")
            assert first["t"] == "state"
            async with Talk(server, greet=False) as again:
                again.model = anna.model  # it knows the song; only who it is differs
                again.model.seq = recent[0]
                assert (await again.say_hello(since=recent))["t"] == "patch"
