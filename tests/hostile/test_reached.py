"""Bounds that clients can reach, each reached: what is beyond it is refused or let go, and nothing else changes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from websockets.exceptions import ConnectionClosed

from crowdcue import limits, session, wire
from crowdcue.faces import auth, gate, http, played, rest, rest_rooms, websocket
from crowdcue.log.memory import MemoryLog
from crowdcue.room import commands as c
from crowdcue.room import ops, settings, view
from crowdcue.room import song as songs
from crowdcue.room import state as room_state
from tests.rest.party import BASE, Party, party_over
from tests.support.servers import Server
from tests.support.story import Story
from tests.support.talk import Talk, new_room


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Guests and hosts, limits and all."""
    with Server(tmp_path_factory.mktemp("reached") / "data", open_party=False) as started:
        yield started


@pytest.fixture
async def party(tmp_path: Path) -> AsyncIterator[Party]:
    """The HTTP faces in this process."""
    (tmp_path / "music").mkdir()
    async with party_over(MemoryLog(), tmp_path, tmp_path / "music") as made:
        yield made


# Tables of callers and tokens


def test_a_table_of_callers_lets_go_of_who_was_longest_away() -> None:
    buckets = limits.Buckets(1, 0.001)
    for number in range(limits.MAX_BUCKETS + 50):
        assert buckets.take(f"caller {number}", 0.0) == 0
    assert len(buckets) == limits.MAX_BUCKETS
    assert buckets.take(f"caller {limits.MAX_BUCKETS + 49}", 0.0) > 0, "who came last is still known"


def test_remembered_tokens_and_the_length_of_a_token_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MAX_KNOWN", 5)
    identity = auth.Identity(b"secret", everybody_hosts=False)
    tokens = [identity.issue(f"Guest {n}").token or "" for n in range(20)]
    for token in tokens * 2:
        assert identity.member(token).token == token
        assert len(identity._known) <= auth.MAX_KNOWN
    long = str(identity._members.dumps(["m1", secrets.token_hex(auth.MAX_TOKEN)]))
    with pytest.raises(auth.BadToken):
        identity.member(long)


# Rooms


def test_the_history_of_a_state_is_bounded() -> None:
    story = Story()
    for number in range(room_state.KEEP_HISTORY + 8):
        story.commit(
            c.Add("host", 0, None, "Host", songs.Song(f"s{number}", "Title", "Artist", 1000), False),
            c.PlayNext("host", 0, None, c.ANY_PLAY, True),
        )
    assert len(view.state(story.room)["history"]) == room_state.KEEP_HISTORY


def test_answers_are_remembered_for_ten_minutes() -> None:
    story = Story()
    first = story.do(c.Rename("anna", 0, "one", "Anna"))
    assert story.do(c.Rename("anna", 0, "one", "Berta")) == first, "the same command gets the first answer"
    story.wait(room_state.ANSWERS_TTL / 1000 + 1)
    assert story.do(c.Rename("anna", 0, "one", "Berta")) != first, "by now it is another command"
    assert len(story.room.answers) == 1


def test_settings_and_songs_have_a_longest() -> None:
    form = ops.OPS["settings"].form
    form.check({"cooldown": settings.LONGEST_COOLDOWN, "longest": songs.LONGEST_SONG}, "settings")
    for field, most in (("cooldown", settings.LONGEST_COOLDOWN), ("longest", songs.LONGEST_SONG)):
        with pytest.raises(ValueError, match=field):
            form.check({field: most + 1}, "settings")
    song = {"id": "x", "title": "t", "artist": "a", "duration": songs.LONGEST_SONG}
    songs.SONG_FORM.check(song, "song")
    with pytest.raises(ValueError, match="duration"):
        songs.SONG_FORM.check({**song, "duration": songs.LONGEST_SONG + 1}, "song")


# Frames and words


async def test_the_name_of_a_command_is_bounded(server: Server) -> None:
    room = new_room(server)
    async with Talk(server, room.code, name="Anna") as talk:
        await talk.do("rename", "i" * ops.MAX_COMMAND_ID, name="Berta")
        await talk.send(t="do", id="i" * (ops.MAX_COMMAND_ID + 1), op="rename", name="Carla")
        assert (await talk.closed()).code == session.BAD_MESSAGE


@pytest.mark.parametrize(("size", "too_large"), [(wire.MAX_FRAME - 100, False), (wire.MAX_FRAME + 1, True)])
async def test_frames_are_bounded(server: Server, size: int, too_large: bool) -> None:
    room = new_room(server)
    async with Talk(server, room.code, name="Anna") as talk:
        with contextlib.suppress(ConnectionClosed):
            await talk.send_raw(json.dumps({"t": "ping", "at": 1, "x": "y" * size}))
        if too_large:
            assert (await talk.closed()).code == 1009
        else:
            await talk.expect("pong", at=1)


def test_reactions_are_few() -> None:
    talk = session.Session(wire.JSON)
    talk.receive('{"t":"hello"}', 0.0, lambda: 0)
    talk.joined(ops.Actor("anna", "Anna", 0), None)  # type: ignore[arg-type]
    frame = '{"t":"react","emoji":"🎉"}'
    for now, shown in ((0.0, session.REACTION_BURST), (3.0, int(3.0 * session.REACTION_RATE))):
        effects = [talk.receive(frame, now, lambda: 0) for _ in range(100)]
        assert sum(isinstance(effect, session.React) for effect in effects) == shown


# Connections


async def test_a_member_has_so_many_connections_and_no_more(server: Server) -> None:
    room = new_room(server)
    async with contextlib.AsyncExitStack() as talks:
        first = await talks.enter_async_context(Talk(server, room.code, name="Anna"))
        for _ in range(websocket.MEMBER_CONNECTIONS - 1):
            await talks.enter_async_context(Talk(server, room.code, token=first.token))
        async with Talk(server, room.code, greet=False) as one_more:
            await one_more.send(t="hello", token=first.token)
            assert (await one_more.closed()).code == session.TOO_MANY
        async with Talk(server, room.code, name="Ben") as other:
            await other.do("rename", name="Benno")  # others may come all the same


async def test_an_address_has_so_many_connections_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "ADDRESS_CONNECTIONS", 3)
    leave = asyncio.Event()
    monkeypatch.setattr(websocket.Conversation, "__init__", lambda *_: None)
    monkeypatch.setattr(websocket.Conversation, "run", lambda _: leave.wait())
    app = websocket.app(SimpleNamespace(open_party=False))  # type: ignore[arg-type]
    codes: dict[int, list[Any]] = {}

    async def connect(number: int) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            codes.setdefault(number, []).append(message.get("code"))

        scope = {"type": "websocket", "path": "/ws/MAIN", "client": ("10.0.0.1", number), "headers": []}
        await app({**scope, "subprotocols": [], "query_string": b""}, receive, send)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(connect(number))
        await asyncio.sleep(0.01)
        assert codes == {3: [None, session.TOO_MANY], 4: [None, session.TOO_MANY]}
        leave.set()
    await connect(9)  # who left made room
    assert 9 not in codes


# REST


async def test_pages_of_the_history_are_bounded(party: Party) -> None:
    caller = party.member("Anna")
    assert (await caller.get("/history", params={"limit": rest.HISTORY_MOST})).status_code == 200
    beyond = await caller.get("/history", params={"limit": rest.HISTORY_MOST + 1})
    assert beyond.status_code == 400 and beyond.json()["code"] == "bad_request"


async def test_indexes_of_what_was_played_are_kept_for_a_few_rooms(party: Party) -> None:
    found = played.PlayedSongs()
    for _ in range(played.MAX_INDEXES + 3):
        live = await party.context.registry.create({})
        await found.find(live, "nothing")
    assert len(found._kept) == played.MAX_INDEXES


async def test_a_body_must_be_there_in_time(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_TIMEOUT", 0.05)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.5)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(http.Problem, match="too long"):
        await http.read_body(request, 100)


class Clock:
    """A steady clock that moves when told (s), in the place of the module `time`."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


async def test_newcomers_from_one_address_are_a_crowd_and_no_more(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(gate, "time", clock)
    async with httpx.AsyncClient(transport=party.transport, base_url=BASE) as client:

        async def let_in(tries: int) -> int:
            count = 0
            for number in range(tries):
                client.cookies.clear()
                answer = await client.post("/remove_track", json={"id": f"x{number}"})
                assert answer.status_code in (200, 429)
                count += answer.status_code == 200
            return count

        assert await let_in(gate.NEWCOMERS_BURST + 20) == gate.NEWCOMERS_BURST
        clock.now += 3
        assert await let_in(int(3 * gate.NEWCOMERS_RATE) + 20) == int(3 * gate.NEWCOMERS_RATE)


async def test_rooms_are_made_so_often_and_no_more(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, caller = Clock(), party.member("Anna")
    monkeypatch.setattr(rest_rooms, "time", clock)

    async def made(tries: int) -> int:
        answers = [await caller.post("/api/rooms", json={"name": "A party"}) for _ in range(tries)]
        assert all(a.status_code == 200 or a.json()["code"] == "too_many" for a in answers)
        return sum(answer.status_code == 200 for answer in answers)

    assert await made(rest_rooms.CREATE_BURST + 5) == rest_rooms.CREATE_BURST
    clock.now += 2 / rest_rooms.CREATE_RATE
    assert await made(5) == 2
