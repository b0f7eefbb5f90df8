"""The operator's commands beside a running server: new host links, deleting, export and import, backup."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from crowdcue import cli
from crowdcue.admin import lines
from crowdcue.admin.backup import backup
from crowdcue.admin.rooms import delete, host_link
from crowdcue.admin.transfer import export, import_room, read_file
from crowdcue.live.replica import read_history, read_room
from crowdcue.node import BadSetting, Options, open_store
from crowdcue.room import commands as c
from crowdcue.room import view
from crowdcue.room.forms import BadForm
from tests.support.redis_server import RedisServer
from tests.support.servers import Server, serving
from tests.support.story import Story
from tests.support.talk import Talk, new_room, song


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("ops") / "data", open_party=False) as server:
        yield server


def run(*arguments: str) -> int:
    return cli.main(list(arguments))


async def test_new_links_make_the_old_ones_worthless_on_a_running_node(house: Server) -> None:
    room = await asyncio.to_thread(new_room, house)
    options = Options(data=house.data)
    old = (await host_link(options, room.code)).partition("?host=")[2]
    async with Talk(house, room.code, host=old) as host:
        new = (await host_link(options, room.code, rotate=True)).partition("?host=")[2]
        assert new != old and (await host_link(options, room.code)).endswith(new)
        async with asyncio.timeout(10), httpx.AsyncClient(base_url=house.url, trust_env=False) as client:
            path = f"/api/rooms/{room.code}/host-link"
            while (await client.get(path, headers={"X-Crowdcue-Host": old})).status_code != 401:
                await asyncio.sleep(0.1)  # the node looks at the log every second
            shown = await client.get(path, headers={"X-Crowdcue-Host": new})
            assert shown.json()["url"].endswith(new)
        await host.do("volume", value=7)  # who is a host stays one


async def test_a_deleted_party_is_over_for_everybody(house: Server) -> None:
    room = await asyncio.to_thread(new_room, house)
    async with Talk(house, room.code) as guest:
        assert "is deleted" in await delete(Options(data=house.data), room.code.lower())
        assert (await guest.closed(10)).code == 4404
    async with httpx.AsyncClient(base_url=house.url, trust_env=False) as client:
        assert (await client.get(f"/api/rooms/{room.code}/queue")).status_code == 404
    for wrong in (room.code, "MAIN", "nonsense"):
        with pytest.raises(BadSetting):
            await delete(Options(data=house.data), wrong)


async def test_a_host_deletes_a_party_over_rest(house: Server) -> None:
    room = await asyncio.to_thread(new_room, house)
    path = f"/api/rooms/{room.code}"
    async with (
        httpx.AsyncClient(base_url=house.url, trust_env=False) as client,
        Talk(house, room.code) as guest,
    ):
        assert (await client.delete(path)).status_code == 403
        elsewhere = {"X-Crowdcue-Host": room.host_token, "Origin": "http://evil.test"}
        assert (await client.delete(path, headers=elsewhere)).status_code == 403
        main = await client.delete("/api/rooms/MAIN", headers={"X-Crowdcue-Host": house.host_token})
        assert main.status_code == 403
        assert (await client.delete(path, headers={"X-Crowdcue-Host": room.host_token})).status_code == 200
        assert (await guest.closed()).code == 4404
        assert (await client.delete(path, headers={"X-Crowdcue-Host": room.host_token})).status_code == 404


@pytest.fixture
def story() -> Story:
    """An evening with everything in it."""
    story = Story(policy="fair", cooldown=60, name='Émile\'s "party"')
    for id_ in "abcdef":
        story.adds("anna", id_)
    story.adds("ben", "g", "h")
    for _ in range(3):
        story.next()
        story.wait(100)
    story.votes("carol", "h")
    story.votes("ben", "e", -1)
    story.do(c.Claim("host", c.NODE, None, "Host"))
    story.do(c.Ban("host", c.HOST, None, "troll", True))
    story.do(c.Volume("host", c.HOST, None, 11))
    story.do(c.Rotate("operator", c.NODE, None))
    return story


def finished(story: Story) -> list[Any]:
    return list(reversed(story.room.history))


def as_lines(story: Story) -> list[dict[str, Any]]:
    written = list(lines.written(story.room, finished(story), story.room.at))
    return [json.loads(json.dumps(line)) for line in written]


def read(written: list[Any]) -> lines.Reader:
    reader = lines.Reader()
    for line in written:
        reader.take(line)
    return reader


def shown(room: Any) -> dict[str, Any]:
    """What guests see, but for what an import may change: the version, and that the music is paused."""
    state = view.state(room)
    state.pop("seq"), state.pop("mark")
    state["room"].pop("code")
    for name in ("started_at", "paused_at", "paused_by", "position", "skip"):
        state["playing"].pop(name)
    return state


def test_a_room_comes_back_from_its_lines(story: Story) -> None:
    room = read(as_lines(story)).finish("PARTY9", "ab" * 20, story.room.at)
    assert shown(room) == shown(story.room)
    assert (room.playing.paused_by, room.playing.position) == ("auto", story.room.playing.at(story.room.at))  # type: ignore[union-attr]
    for member in ("ben", "carol", "anna"):
        assert view.mine(room, member) == view.mine(story.room, member)
    assert room.members["troll"].banned and room.bans == 1 and room.members["host"].host
    assert (room.host_generation, room.recent, room.plays) == (1, story.room.recent, story.room.plays)


def test_an_imported_room_goes_on_as_the_first_one_would(story: Story) -> None:
    """Turns, numbers and cooldowns are there: both play the same from here on."""
    copy = Story()
    copy.room = read(as_lines(story)).finish(story.room.code, "ab" * 20, story.room.at)
    copy.room.seq = copy.room.changed = 0
    for one in (story, copy):
        one.adds("ben", "i", "j")
        one.votes("anna", "i")
        one.adds("carol", "k")
    assert copy.queue == story.queue
    for one in (story, copy):
        one.next()
    assert copy.queue == story.queue


@pytest.mark.parametrize("broken", range(12))
def test_a_file_that_cannot_be_is_refused(story: Story, broken: int) -> None:
    written = as_lines(story)
    item = next(i for i, line in enumerate(written) if "item" in line)
    ways: list[list[Any]] = [
        written[1:],
        written[:-1],
        written[:item] + written[item + 1 :],
        [*written[:item], written[item], *written[item:]],
        [*written, written[-1]],
        [{**written[0], "format": 99}, *written[1:]],
        [
            written[0],
            {"room": {"settings": {"policy": "chaos"}, "volume": 1, "host_generation": 0}},
            *written[2:],
        ],
        [*written[:item], {"item": {**written[item]["item"], "votes": {"nobody": 1}}}, *written[item + 1 :]],
        [*written[:item], {"item": {**written[item]["item"], "votes": {"anna": 7}}}, *written[item + 1 :]],
        [*written[:item], {"item": {**written[item]["item"], "by": None}}, *written[item + 1 :]],
        [*written[:2], [], *written[2:]],
        [*written[:2], {"spell": {}}, *written[2:]],
    ]
    with pytest.raises(BadForm):
        read(ways[broken]).finish("PARTY9", "ab" * 20, 0)


@pytest.fixture(params=["sqlite", "redis"])
async def options(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Options]:
    if request.param == "sqlite":
        yield Options(data=tmp_path)
        return
    with RedisServer() as redis:
        yield Options(data=tmp_path, redis=redis.url)


async def test_a_file_becomes_a_room_and_a_file_again(options: Options, story: Story, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_text("\n".join(json.dumps(line) for line in as_lines(story)) + "\n")
    said = await import_room(options, first, "party7")
    assert "PARTY7" in said and "?host=" in said
    with pytest.raises(BadSetting, match="already"):
        await import_room(options, first, "PARTY7")
    new = (await import_room(options, first, None)).partition("the party ")[2][:6]
    assert new != "PARTY7"
    await export(options, "PARTY7", second)
    with pytest.raises(BadSetting, match="already"):
        await export(options, "PARTY7", second)
    assert [json.loads(line) for line in second.read_text().splitlines()][1:-1] == as_lines(story)[1:-1]
    store, _ = open_store(options)
    await store.start()
    try:
        room = await read_room("PARTY7", store)
        assert shown(room) == shown(story.room)
        assert [play.play for play in await read_history(store, room)] == [
            play.play for play in finished(story)
        ]
    finally:
        await store.close()


async def test_a_party_is_exported_while_it_goes_on(house: Server, tmp_path: Path) -> None:
    room = await asyncio.to_thread(new_room, house)
    async with Talk(house, room.code, host=room.host_token) as host:
        for id_ in ("a", "b", "c"):
            await host.do("add", song=song(id_))
        await host.do("play_next")
        await host.do("vote", song_id="c", value=1)
        await export(Options(data=house.data), room.code, tmp_path / "out.jsonl")
    reader = read_file(tmp_path / "out.jsonl")
    assert set(reader.room.items) == {"b", "c"} and reader.room.items["c"].up == 1
    assert reader.room.playing is not None and reader.code == room.code
    assert "token" not in (tmp_path / "out.jsonl").read_text(), "no secret leaves in a file"


def test_a_wrong_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("", "{", "[]\n", '{"crowdcue":"room","format":1,"code":"X"}\n', "\xff"):
        (tmp_path / "in").write_text(text, encoding="latin-1")
        assert run("import", str(tmp_path / "in"), "--data", str(tmp_path / "data")) == 2
        out, err = capsys.readouterr()
        assert not out and err.startswith("crowdcue: ") and err.count("\n") == 1
    assert run("import", str(tmp_path / "none"), "--data", str(tmp_path / "data")) == 2


async def test_a_backup_of_a_running_server_serves_the_same_party(house: Server, tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "rooms.sqlite3"
    copy.parent.mkdir()
    room = await asyncio.to_thread(new_room, house)
    async with Talk(house, room.code) as guest, Talk(house, room.code) as other:
        done = asyncio.Event()

        async def add() -> int:
            count = 0
            while not done.is_set() and count < 200:
                await other.do("add", song=song(f"s{count}"))
                count += 1
                await asyncio.sleep(0.04)  # below the rate that guests have
            return count

        adding = asyncio.get_running_loop().create_task(add())
        await guest.until(lambda: "s3" in guest.queue)
        before = set(guest.queue)
        said = await asyncio.to_thread(backup, Options(data=house.data), copy)
        done.set()
        added = await adding
    assert "parties are in" in said
    assert copy.stat().st_mode & 0o777 == 0o600, "it holds the signing key"
    store, _ = open_store(Options(data=copy.parent))
    await store.start()
    try:
        kept = set((await read_room(room.code, store)).items)
    finally:
        await store.close()
    assert before <= kept == {f"s{n}" for n in range(len(kept))} and len(kept) <= added
    link = await host_link(Options(data=copy.parent), room.code)
    assert link.partition("?host=")[2] == room.host_token, "the same key signs"


def test_a_backup_never_overwrites_and_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="no party"):
        backup(Options(data=tmp_path), tmp_path / "out")
    sqlite3.connect(tmp_path / "rooms.sqlite3").execute("CREATE TABLE other (x)").connection.close()
    with pytest.raises(BadSetting, match="not a room log"):
        backup(Options(data=tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.part").exists()
    (tmp_path / "out").write_text("precious")
    with pytest.raises(BadSetting, match="already"):
        backup(Options(data=tmp_path), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "precious"
    with pytest.raises(BadSetting, match="embedded"):
        backup(Options(data=tmp_path, redis="redis://localhost"), tmp_path / "new")
