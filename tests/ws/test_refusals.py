"""Commands that are refused: with which code, in which order of checks, and without harm to the conversation."""

from __future__ import annotations

from typing import Any

from tests.support.servers import Server
from tests.support.talk import RoomKey, Talk, library, new_room, post, song

SONGS: list[dict[str, Any]] = [
    *[{**song("x"), "id": id_} for id_ in ("", ".", "..", "a/b", "a?", "#", "i" * 65, "a\nb", 7, None)],
    *[{**song("x"), "title": title} for title in ("", " ", "t" * 201, "a\x00b", "a\x85b", 7, None)],
    *[{**song("x"), "artist": artist} for artist in ("", "a" * 201, "\x7f", 7)],
    *[{**song("x"), "duration": length} for length in (0, -1, 86_401, 10**30, True, "3", None)],
    *[{name: value for name, value in song("x").items() if name != missing} for missing in song("x")],
    {**song("x"), "album": 7},
    {**song("x"), "uri": "u" * 9_000},
]
SETTINGS: list[dict[str, Any]] = [
    {"policy": "chaos"},
    {"name": ""},
    {"name": "n" * 1000},
    {"songs_per_guest": -1},
    {"songs_per_guest": 1.5},
    {"cooldown": "long"},
    {"downvotes": 1},
    {"skip_share": 1.1},
    {"skip_share": -0.1},
    {"skip_minimum": 0},
    {"longest": -1},
    {"library_only": None},
    {"clock": "mine"},
    {"autofill": "yes"},
    {"no_such_setting": 1},
    {"code": "OTHER2"},
    {"policy": "fair", "downvotes": 7},
]
FIELDS: dict[str, list[dict[str, Any]]] = {
    "dance": [{}],
    "": [{}],
    "add": [
        {},
        {"song": None},
        {"song": "x"},
        {"song": []},
        {"song_id": 7},
        *[{"song": bad} for bad in SONGS],
    ],
    "vote": [
        {},
        {"song_id": "x"},
        {"value": 1},
        *[{"song_id": "x", "value": value} for value in (2, -2, 0.5, 1.0, True, "1", None, [1], 10**18)],
    ],
    "remove": [{}, {"song_id": {}}],
    "skip": [{}, {"want": 1}],
    "rename": [{"name": name} for name in ("", "  ", "n" * 65, "a\tb", None, 7)],
    "play_next": [{"expected": expected} for expected in (-1, 1.5, "1", True)],
    "ended": [{}, {"play": 1}, {"play": 1, "reason": "bored"}, {"play": "1", "reason": "end"}],
    "seek": [{"position": position} for position in (None, "1", -1, 10**12, True)],
    "volume": [{"value": value} for value in (None, -1, 101, "50", True)],
    "settings": SETTINGS,
}
BAD_REQUESTS = [(op, fields) for op, variants in FIELDS.items() for fields in variants]


async def test_bad_requests_are_refused_and_nothing_happens(open_server: Server, open_room: RoomKey) -> None:
    async with Talk(open_server, open_room.code) as anna:
        await anna.do("add", song=song("here"))
        before = anna.model.view()
        for op, fields in BAD_REQUESTS:
            message = await anna.answer(await anna.ask(op, None, **fields))
            assert (message["t"], message.get("code")) == ("refused", "bad_request"), (op, fields, message)
            assert message["message"]
        await anna.settle()
        assert anna.model.view() == before


async def test_an_op_that_is_no_text_is_refused_too(open_server: Server, open_room: RoomKey) -> None:
    async with Talk(open_server, open_room.code) as anna:
        ops: list[Any] = [None, 7, [], {}, ["add"], True]
        for op in ops:
            await anna.send(t="do", id="1", op=op)
            assert (await anna.answer("1"))["code"] == "bad_request"
        await anna.send(t="do", id="1")
        assert (await anna.answer("1"))["code"] == "bad_request"


HOST_OPS: list[tuple[str, dict[str, Any]]] = [
    ("play_next", {}),
    ("play_next", {"expected": None}),
    ("pause", {}),
    ("resume", {}),
    ("seek", {"position": 0}),
    ("volume", {"value": 50}),
    ("clear", {}),
    ("settings", {"policy": "fair"}),
    ("settings", {}),
    ("ended", {"play": 1, "reason": "end"}),
]


async def test_guests_may_not_do_what_hosts_do(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code, host=room.host_token) as host, Talk(house, room.code) as guest:
        await host.do("add", song=song("x"))
        await guest.until(lambda: guest.queue == ["x"])
        before = guest.model.view()
        for op, fields in HOST_OPS:
            await guest.refused(op, "forbidden", **fields)
        await guest.refused("remove", "forbidden", song_id="x")
        await guest.settle()
        assert guest.model.view() == before
        await guest.do("add", song=song("y"))
        await guest.do("remove", song_id="y")
        await guest.do("add", song=song("y"))
        await host.do("remove", song_id="y")


async def test_form_goes_before_permission_and_permission_before_existence(
    house: Server, room: RoomKey
) -> None:
    async with Talk(house, room.code) as guest:
        await guest.refused("seek", "bad_request", position="x")
        await guest.refused("settings", "bad_request", policy="chaos")
        await guest.refused("play_next", "forbidden")  # not queue_empty
        await guest.refused("pause", "forbidden")  # not stale
        await guest.refused("ended", "forbidden", play=99, reason="end")


async def test_no_such_song(open_server: Server, open_room: RoomKey) -> None:
    async with Talk(open_server, open_room.code) as anna:
        await anna.refused("vote", "no_such_song", song_id="x", value=1)
        await anna.refused("remove", "no_such_song", song_id="x")
        await anna.refused("add", "no_such_song", song_id="not in the library")
        await anna.do("add", song=song("x"))
        await anna.do("play_next")
        await anna.refused("vote", "no_such_song", song_id="x", value=1)  # it plays, it is not queued


async def test_queue_empty_and_stale(open_server: Server, open_room: RoomKey) -> None:
    async with Talk(open_server, open_room.code) as anna:
        await anna.refused("play_next", "queue_empty")
        await anna.refused("play_next", "queue_empty", expected=None)
        for op, fields in (
            ("pause", {}),
            ("resume", {}),
            ("seek", {"position": 1}),
            ("skip", {"want": True}),
        ):
            await anna.refused(op, "stale", **fields)
        await anna.do("add", song=song("x"))
        await anna.do("add", song=song("y"))
        await anna.refused("play_next", "stale", expected=1)
        await anna.do("play_next", expected=None)
        await anna.refused("play_next", "stale", expected=None)
        await anna.refused("play_next", "stale", expected=2)
        await anna.refused("ended", "stale", play=2, reason="end")
        await anna.do("ended", play=1, reason="end")
        await anna.refused("ended", "stale", play=1, reason="end")
        assert anna.play == 2
        await anna.do("play_next")
        assert anna.model.playing is None
        await anna.refused("play_next", "queue_empty")


async def test_limits_per_guest_cooldown_and_length(house: Server) -> None:
    room = new_room(house, songs_per_guest=2, cooldown=100, longest=300)
    async with Talk(house, room.code, host=room.host_token) as host, Talk(house, room.code) as guest:
        await guest.refused("add", "too_large", song=song("long", 301))
        for id_ in ("x", "y"):
            await guest.do("add", song=song(id_, 300))
        await guest.refused("add", "too_many", song=song("z"))
        await host.do("play_next")
        await guest.do("add", song=song("z"))  # one of theirs is no longer waiting
        await guest.refused("add", "too_many", song=song("x"))
        await guest.do("remove", song_id="z")
        refused = await guest.refused("add", "not_now", song=song("x"))  # it plays
        assert 0 < refused["retry_after"] <= 100
        await host.do("play_next")
        refused = await guest.refused("add", "not_now", song=song("x"))  # it has just played
        assert 0 < refused["retry_after"] <= 100


async def test_downvotes_library_only_and_skipping_can_be_forbidden(house: Server) -> None:
    room = new_room(house, downvotes=False, library_only=True, skip_share=0)
    async with Talk(house, room.code, host=room.host_token) as host:
        await host.refused("add", "forbidden", song=song("x"))
        known = library(house)[0]["id"]
        await host.do("add", song_id=known)
        await host.refused("vote", "forbidden", song_id=known, value=-1)
        await host.do("vote", song_id=known, value=1)
        await host.do("play_next")
        await host.refused("skip", "forbidden", want=True)


async def test_a_full_queue(open_server: Server, open_room: RoomKey) -> None:
    """`--open` lifts all limits but those of memory: a queue takes at least 10,000 songs."""
    songs = [song(f"s{number}") for number in range(10_000)]
    post(open_server, f"/api/rooms/{open_room.code}/sync", songs)
    async with Talk(open_server, open_room.code, codec="msgpack") as anna:
        assert len(anna.model.items) == 10_000
        await anna.refused("add", "queue_full", song=song("one more"))
        await anna.do("remove", song_id="s5000")
        await anna.do("add", song=song("one more"))
        await anna.do("clear")
        assert anna.queue == []


async def test_who_is_too_fast_is_told_when_to_go_on(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code) as bot, Talk(house, room.code) as guest:
        await bot.do("add", song=song("x"))
        ids = [await bot.ask("vote", song_id="x", value=1 - 2 * (n % 2)) for n in range(400)]
        answers = await bot.answers(ids)
        refused = [answer for answer in answers if answer["t"] == "refused"]
        assert 50 <= len(refused) < 350
        assert {answer["code"] for answer in refused} == {"too_many"}
        assert all(answer["retry_after"] > 0 for answer in refused)
        await guest.do("vote", song_id="x", value=1)  # the limit is the bot's own


async def test_open_lifts_the_limits(open_server: Server) -> None:
    room = new_room(open_server, songs_per_guest=1, cooldown=1000)
    async with Talk(open_server, room.code) as bot:
        assert bot.you["role"] == "host"
        for id_ in ("x", "y"):
            await bot.do("add", song=song(id_))
        await bot.do("play_next")
        await bot.do("add", song=song("x"))
        ids = [await bot.ask("vote", song_id="y", value=1 - 2 * (n % 2)) for n in range(400)]
        assert {answer["t"] for answer in await bot.answers(ids)} == {"done"}


async def test_the_same_id_is_applied_once_and_gets_the_first_answer(
    open_server: Server, open_room: RoomKey
) -> None:
    async with Talk(open_server, open_room.code) as anna, Talk(open_server, open_room.code) as ben:
        first = await anna.do("add", "the id", song=song("x"))
        assert await anna.answer(await anna.ask("add", "the id", song=song("other"))) == first
        assert anna.queue == ["x"]
        refused = await anna.refused("play_next", "stale", expected=7, id_="another id")
        await anna.do("play_next")
        again = await anna.answer(await anna.ask("play_next", "another id"))
        assert again == refused, "a refusal is a first answer too"
        # Another connection of the same member, in the other codec.
        async with Talk(open_server, open_room.code, codec="msgpack", token=anna.token) as tab:
            assert await tab.answer(await tab.ask("add", "the id", song=song("other"))) == first
        # Somebody else's id is somebody else's.
        await ben.do("add", "the id", song=song("y"))
        assert ben.queue == ["y"]


async def test_an_id_is_anything_of_1_to_64_characters(open_server: Server, open_room: RoomKey) -> None:
    async with Talk(open_server, open_room.code) as anna:
        for id_ in ("0", "i" * 64, "🎺" * 64, " ", "a\nb", "u\u0308"):
            message = await anna.answer(await anna.ask("rename", id_, name="Anna"))
            assert message["t"] == "done" and message["id"] == id_, "an id comes back as it was"
