"""What is said on a WebSocket, message by message, in both codecs."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from tests.support.servers import Server
from tests.support.talk import RoomKey, Talk, has_shape, library, song

pytestmark = pytest.mark.parametrize("codec", ["json", "msgpack"])


async def test_a_guest_is_welcomed_and_shown_the_room(house: Server, room: RoomKey, codec: str) -> None:
    async with Talk(house, room.code, codec=codec, greet=False) as anna:
        assert anna.socket.subprotocol == f"crowdcue.v1.{codec}"
        state = await anna.say_hello(name="Anna")
        assert anna.you["name"] == "Anna" and anna.you["role"] == "guest"
        assert state["t"] == "state"
        assert state["room"]["code"] == room.code and state["room"]["name"] == "A test"
        assert (state["playing"], state["queue"], state["history"], state["mine"]) == (None, [], [], {})
        here = await anna.expect("here")
        assert (here["members"], here["players"], here["names"]) == (1, 0, ["Anna"])


async def test_without_a_name_one_is_given(house: Server, room: RoomKey, codec: str) -> None:
    async with Talk(house, room.code, codec=codec) as somebody:
        assert somebody.you["name"]


async def test_the_code_may_be_typed_in_any_case(house: Server, room: RoomKey, codec: str) -> None:
    async with Talk(house, room.code.lower() + "?client=me", codec=codec) as anna:
        assert anna.model.room["code"] == room.code


async def test_the_house_party_always_exists(house: Server, codec: str) -> None:
    async with Talk(house, "main", codec=codec) as anna:
        assert anna.model.room["code"] == "MAIN"


async def test_adding_answers_and_shows(house: Server, room: RoomKey, codec: str) -> None:
    async with Talk(house, room.code, codec=codec, name="Anna") as anna:
        before = anna.model.seq
        done = await anna.do("add", song=song("x", 200.5, album="B", uri="https://e.org/x", artwork="/a"))
        assert done["seq"] > before
        item = anna.item("x")
        assert item == {
            **song("x", 200.5, album="B", uri="https://e.org/x", artwork="/a"),
            "score": 0,
            "up": 0,
            "down": 0,
            "by": {"id": anna.you["id"], "name": "Anna"},
            "added_at": item["added_at"],
            "key": item["key"],
        }


async def test_a_vote_changes_counts_and_order_and_nothing_else(
    house: Server, room: RoomKey, codec: str
) -> None:
    async with Talk(house, room.code, codec=codec) as anna:
        for id_ in ("x", "y", "z"):
            await anna.do("add", song=song(id_))
        assert anna.queue == ["x", "y", "z"]
        id_ = await anna.ask("vote", song_id="z", value=1)
        patch = await anna.expect("patch")
        assert [fields["id"] for fields in patch["set"]] == ["z"]
        assert set(patch["set"][0]) == {"id", "score", "up", "key"}
        assert set(patch) == {"t", "seq", "mark", "set"}
        assert anna.queue == ["z", "x", "y"]
        assert id_


async def test_adding_what_is_queued_is_an_upvote(house: Server, room: RoomKey, codec: str) -> None:
    async with Talk(house, room.code, codec=codec) as anna, Talk(house, room.code, codec=codec) as ben:
        await anna.do("add", song=song("x"))
        done = await ben.do("add", song=song("x", title="Another title"))
        assert done["result"]["added"] is False
        await anna.until(lambda: anna.item("x")["up"] == 1)
        assert anna.item("x")["title"] == "Title of x" and anna.item("x")["by"]["id"] == anna.you["id"]
        await ben.until(lambda: ben.model.mine == {"x": 1})


async def test_all_votes_of_a_song_die_with_it(house: Server, room: RoomKey, codec: str) -> None:
    async with Talk(house, room.code, codec=codec) as anna:
        await anna.do("add", song=song("x"))
        await anna.do("vote", song_id="x", value=1)
        await anna.do("remove", song_id="x")
        assert anna.queue == [] and anna.model.mine == {}
        await anna.do("add", song=song("x"))
        assert (anna.item("x")["score"], anna.item("x")["up"]) == (0, 0)
        async with Talk(house, room.code, codec=codec, token=anna.token) as again:
            assert again.model.mine == {}


async def test_my_vote_shows_in_my_other_tab_only(house: Server, room: RoomKey, codec: str) -> None:
    async with (
        Talk(house, room.code, codec=codec) as one,
        Talk(house, room.code, codec=codec) as other,
        Talk(house, room.code, codec=codec, token=one.token) as tab,
    ):
        assert tab.you == one.you
        await one.do("add", song=song("x"))
        for value in (1, -1, 0):
            await one.do("vote", song_id="x", value=value)
            assert (await tab.expect("mine"))["votes"] == {"x": value}
        await other.settle()
        assert not [m for m in (*other.recent, *one.recent) if m["t"] == "mine"]


async def test_who_was_here_before_has_the_votes_of_before(house: Server, room: RoomKey, codec: str) -> None:
    async with Talk(house, room.code, codec=codec) as anna:
        for id_ in ("x", "y"):
            await anna.do("add", song=song(id_))
        await anna.do("vote", song_id="x", value=1)
        await anna.do("vote", song_id="y", value=-1)
    async with Talk(house, room.code, codec=codec, token=anna.token, name="Ignored") as again:
        assert again.you == anna.you
        assert again.model.mine == {"x": 1, "y": -1}


async def test_a_new_name_is_on_everything(house: Server, room: RoomKey, codec: str) -> None:
    async with Talk(house, room.code, codec=codec, name="Ann") as anna, Talk(house, room.code) as ben:
        await anna.do("add", song=song("x"))
        await anna.do("rename", name="Anna Livia")
        await ben.until(lambda: ben.queue == ["x"] and ben.item("x")["by"]["name"] == "Anna Livia")
        await ben.until(lambda: ben.here is not None and "Anna Livia" in ben.here["names"])
        async with Talk(house, room.code, codec=codec, token=anna.token) as again:
            assert again.you["name"] == "Anna Livia"


@pytest.mark.parametrize("at", [0, -1, 1.5, 1_795_000_000_000, 2**53])
async def test_a_ping_is_echoed_with_the_time(house: Server, room: RoomKey, codec: str, at: float) -> None:
    async with Talk(house, room.code, codec=codec) as anna:
        await anna.send(t="ping", at=at)
        pong = await anna.expect("pong")
        assert pong["at"] == at and type(pong["at"]) is type(at)


async def test_time_goes_on(house: Server, room: RoomKey, codec: str) -> None:
    async with Talk(house, room.code, codec=codec) as anna:
        times = []
        for at in range(5):
            await anna.send(t="ping", at=at)
            times.append((await anna.expect("pong"))["now"])
        assert times == sorted(times) and times[-1] - times[0] < 10_000


async def test_text_is_normalised(house: Server, room: RoomKey, codec: str) -> None:
    loose = "Bjo\u0308rk 🎺 子"
    async with Talk(house, room.code, codec=codec, name=loose) as anna:
        await anna.do("add", song=song("u\u0308", title=loose))
        tight = unicodedata.normalize("NFC", loose)
        assert anna.you["name"] == tight
        assert anna.item("ü")["title"] == tight
        await anna.do("vote", song_id="u\u0308", value=1)


async def test_unknown_fields_do_no_harm(house: Server, room: RoomKey, codec: str) -> None:
    async with Talk(house, room.code, codec=codec, greet=False) as anna:
        await anna.say_hello(name="Anna", future={"a": [1]})
        await anna.do("add", song=song("x", votes=99, score=3, future=None), future=1)
        assert anna.item("x")["score"] == 0 and "future" not in anna.item("x")


async def test_library_songs_are_added_by_id_and_known_better(
    open_server: Server, open_room: RoomKey, codec: str
) -> None:
    known = library(open_server)[0]
    async with Talk(open_server, open_room.code, codec=codec) as anna:
        await anna.do("add", song_id=known["id"])
        first = anna.item(known["id"])
        assert {name: first[name] for name in known} == known
        await anna.do("remove", song_id=known["id"])
        await anna.do("add", song={**song(known["id"], 999), "title": "Lies"})
        assert {name: anna.item(known["id"])[name] for name in known} == known


async def test_playing_tells_what_and_since_when(open_server: Server, open_room: RoomKey, codec: str) -> None:
    async with Talk(open_server, open_room.code, codec=codec) as anna:
        await anna.do("add", song=song("x"))
        done = await anna.do("play_next", expected=None)
        playing: dict[str, Any] = anna.model.playing or {}
        has_shape(
            playing, {"play": int, "position": int, "started_at": int, "paused_at": int, "paused_by": str}
        )
        assert playing["song"] == song("x") and playing["play"] == 1 and playing["position"] == 0
        assert (playing["paused_at"], playing["paused_by"]) == (playing["started_at"], "auto"), (
            "no player is attached"
        )
        assert done["seq"] == anna.model.seq and anna.queue == []
        await anna.do("add", song=song("y"))
        await anna.do("play_next", expected=1)
        assert anna.play == 2
        assert [(play["play"], play["song"]["id"]) for play in anna.model.history] == [(1, "x")]
        await anna.do("play_next")
        assert anna.model.playing is None
        assert [play["play"] for play in anna.model.history] == [2, 1]
