"""Bad input: a clear error with a stable code, whatever is sent, and nothing changes."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from crowdcue.faces.http import MAX_BODY, MAX_SYNC_BODY
from crowdcue.live.replica import Refusing
from crowdcue.live.room import LiveRoom
from crowdcue.log.contract import Unavailable
from crowdcue.room.commands import Command
from crowdcue.room.refusal import Outcome, Refused
from tests.rest.party import Party, ids, refusal, song

BAD_BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "not UTF-8": b'{"id": "\xff"}',
    "NaN": b'{"id":"a","title":"t","artist":"a","duration":NaN}',
    "infinity": b'{"id":"a","title":"t","artist":"a","duration":1e999}',
    "a lone surrogate": b'{"id":"\\ud800","title":"t","artist":"a","duration":1}',
    "too deep": b"[" * 30_000 + b"]" * 30_000,
    "a deep map": b'{"id":' * 2_000 + b"1" + b"}" * 2_000,
    "two values": b"{} {}",
    "a list": b"[]",
    "text": b'"a"',
    "null": b"null",
    "a number": b"1",
}


@pytest.mark.parametrize("path", ["/add_track", "/remove_track", "/vote"])
@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_bodies_that_are_no_map(open_party: Party, path: str, body: bytes) -> None:
    assert refusal(await open_party.caller().post(path, content=body)) == (400, "bad_request")


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": "   "},
        {"id": "x" * 65},
        {"id": "a/b"},
        {"id": "a?b"},
        {"id": "a#b"},
        {"id": "."},
        {"id": ".."},
        {"id": "a\x00b"},
        {"id": "a\nb"},
        {"id": None},
        {"id": True},
        {"id": -1},
        {"id": 1.0},
        {"id": 2**53},
        {"id": ["a"]},
        {"title": ""},
        {"title": "x" * 201},
        {"title": 5},
        {"title": "a\x1bb"},
        {"artist": None},
        {"duration": 0},
        {"duration": -1},
        {"duration": 86_401},
        {"duration": "200"},
        {"duration": True},
        {"duration": 10**400},
        {"album": 5},
    ],
    ids=repr,
)
async def test_songs_that_cannot_be(open_party: Party, wrong: dict[str, Any]) -> None:
    caller = open_party.caller()
    for body, path in ((song("a") | wrong, "/add_track"), ([song("a") | wrong], "/sync")):
        answer = await caller.post(path, content=json.dumps(body))
        assert refusal(answer) == (400, "bad_request")
    assert (await caller.get("/queue")).json() == []


@pytest.mark.parametrize("missing", ["id", "title", "artist", "duration"])
async def test_songs_that_lack_something(open_party: Party, missing: str) -> None:
    body = {name: value for name, value in song("a").items() if name != missing}
    answer = await open_party.caller().post("/add_track", json=body)
    assert refusal(answer) == (400, "bad_request")
    assert missing in answer.json()["message"]


async def test_numbers_are_ids(open_party: Party) -> None:
    caller = open_party.caller()
    for given in (0, 12, 2**53 - 1, "007", "1e3", "-1", "12a", "9007199254740992", "３"):
        await caller.post("/add_track", json=song(given))
    await caller.post("/add_track", json=song("12"))  # the same as the number
    queue = (await caller.get("/queue")).json()
    wanted = [12, 0, 2**53 - 1, "007", "1e3", "-1", "12a", "9007199254740992", "３"]
    assert ids(queue) == wanted
    assert (queue[0]["votes"], type(queue[0]["id"])) == (1, int)
    assert (await caller.get("/metadata/12")).json()["id"] == 12
    assert (await caller.post("/vote", json={"id": "0"})).status_code == 200
    assert (await caller.post("/remove_track", json={"id": 0})).status_code == 200
    assert 0 not in ids((await caller.get("/queue")).json())


async def test_texts_are_normalised(open_party: Party) -> None:
    caller = open_party.caller()
    await caller.post("/add_track", json=song("cafe\u0301", "e\u0301"))
    track = (await caller.get("/queue")).json()[0]
    assert (track["id"], track["title"]) == ("café", "é")
    assert (await caller.get(f"/metadata/{quote('café')}")).status_code == 200
    assert (await caller.get(f"/metadata/{quote('cafe' + chr(0x301))}")).status_code == 200


@pytest.mark.parametrize("id_", ["%2e%2e", "..%2f..%2fetc%2fpasswd", "a%2fb", "%00", "%ff", "x" * 500, "a/b"])
@pytest.mark.parametrize("path", ["metadata", "media", "artwork"])
async def test_ids_in_addresses_that_cannot_be(open_party: Party, path: str, id_: str) -> None:
    answer = await open_party.caller().get(f"/{path}/{id_}")
    assert refusal(answer) == (404, "no_such_song")


async def test_an_address_with_a_line_break_is_nobodys(open_party: Party) -> None:
    assert refusal(await open_party.caller().get("/metadata/a%0ab")) == (404, "not_found")


@pytest.mark.parametrize("up", ["", "yes", "2", "null", "tru"])
async def test_votes_in_no_direction(open_party: Party, up: str) -> None:
    caller = open_party.caller()
    await caller.post("/add_track", json=song("a"))
    assert refusal(await caller.post("/vote", params={"up": up}, json={"id": "a"})) == (400, "bad_request")


@pytest.mark.parametrize(
    "path", ["/add_track", "/remove_track", "/vote", "/play_next", "/clear", "/api/rooms"]
)
async def test_bodies_that_are_too_large(open_party: Party, path: str) -> None:
    caller = open_party.caller()
    assert refusal(await caller.post(path, content=b" " * (MAX_BODY + 1))) == (413, "too_large")


async def test_a_large_sync_and_one_that_is_too_large(open_party: Party) -> None:
    caller = open_party.caller()
    padding = b" " * (MAX_SYNC_BODY - 2)
    assert (await caller.post("/sync", content=b"[" + padding + b"]")).status_code == 200
    assert refusal(await caller.post("/sync", content=b"[ " + padding + b"]")) == (413, "too_large")


async def test_a_body_without_a_length_is_not_read_to_its_end(open_party: Party) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * MAX_BODY:
            sent += 4_096
            yield b" " * 4_096

    answer = await open_party.caller().post("/add_track", content=endless())
    assert refusal(answer) == (413, "too_large")
    assert answer.headers["Connection"] == "close"
    assert sent <= 2 * MAX_BODY


async def test_form_goes_before_permission_and_permission_before_existence(party: Party) -> None:
    guest = party.member("Gus")
    assert refusal(await guest.post("/sync", content=b"{")) == (400, "bad_request")
    assert refusal(await guest.post("/play_next", content=b"{")) == (400, "bad_request")
    assert refusal(await guest.post("/play_next")) == (403, "forbidden")  # and not queue_empty


@pytest.mark.parametrize(
    "code", ["XXXXXX", "AAAAA", "AAAAAAA", "OOOOOO", "..", "%2e%2e", "main%20", "ä", "x" * 3_000]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "queue"), ("GET", "history"), ("GET", "metadata/a"), ("GET", "invite"), ("GET", "qr.svg")]
    + [("POST", path) for path in ("vote", "remove_track", "play_next", "clear")],
)
async def test_rooms_that_are_not_there(open_party: Party, code: str, method: str, path: str) -> None:
    answer = await open_party.caller().request(
        method, f"/api/rooms/{quote(code, safe='%')}/{path}", json={"id": "a"} if method == "POST" else None
    )
    if code in ("..", "%2e%2e"):  # some clients resolve these themselves
        assert refusal(answer)[0] in (404, 405)
    else:
        assert refusal(answer) == (404, "no_such_room")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/add_track"),
        ("DELETE", "/queue"),
        ("PUT", "/api/rooms/MAIN/queue"),
        ("GET", "/api/rooms"),
        ("POST", "/queue"),
        ("POST", "/metadata/a"),
        ("PATCH", "/vote"),
        ("POST", "/health/live"),
    ],
)
async def test_methods_that_are_not_there(open_party: Party, method: str, path: str) -> None:
    answer = await open_party.caller().request(method, path)
    assert answer.status_code == 405
    assert answer.json()["code"]
    assert answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/api", "/api/nothing", "/api/rooms/MAIN/nothing", "/api/x/y/z"])
async def test_addresses_that_are_not_there(open_party: Party, path: str) -> None:
    answer = await open_party.caller().get(path)
    assert refusal(answer) == (404, "not_found")


@pytest.mark.parametrize("key", ["", "x" * 65])
async def test_idempotency_keys_that_cannot_be(party: Party, key: str) -> None:
    anna = party.member("Anna")
    answer = await anna.post("/add_track", json=song("a"), headers={"Idempotency-Key": key})
    assert refusal(answer) == (400, "bad_request")


async def test_a_write_with_the_same_key_is_applied_once(party: Party) -> None:
    anna, ben, host = party.member("Anna"), party.member("Ben"), await party.host()
    key = {"Idempotency-Key": "k1"}
    first = await anna.post("/add_track", json=song("a"), headers=key)
    again = await anna.post("/add_track", json=song("a"), headers=key)
    assert (again.json()["message"], again.json()["queue"][0]["votes"]) == (first.json()["message"], 0)
    other = await ben.post("/add_track", json=song("a"), headers=key)  # another member's key is another key
    assert other.json()["queue"][0]["votes"] == 1
    down = {"Idempotency-Key": "k2"}
    for _ in range(2):
        voted = await ben.post("/vote?up=false", json={"id": "a"}, headers=down)
    assert voted.json()["queue"][0]["votes"] == 0  # one step, not two
    await host.post("/add_track", json=song("b"))
    skip = {"Idempotency-Key": "k3"}
    played = [(await host.post("/play_next", headers=skip)).json()["now_playing"]["id"] for _ in range(3)]
    assert played == ["a", "a", "a"]
    assert ids((await host.get("/queue")).json()) == ["b"]
    refused = {"Idempotency-Key": "k4"}
    assert refusal(await ben.post("/vote", json={"id": "new"}, headers=refused)) == (404, "no_such_song")
    await anna.post("/add_track", json=song("new"))
    assert refusal(await ben.post("/vote", json={"id": "new"}, headers=refused)) == (404, "no_such_song")


async def test_refusals_of_the_rooms_settings(party: Party) -> None:
    settings = {"songs_per_guest": 1, "longest": 100, "downvotes": False, "cooldown": 600}
    made = await party.member("Maker").post("/api/rooms", json={"settings": settings})
    at, host = f"/api/rooms/{made.json()['code']}", await party.host(made.json()["code"])
    anna = party.member("Anna")
    assert refusal(await anna.post(f"{at}/add_track", json=song("a"))) == (413, "too_large")
    assert (await anna.post(f"{at}/add_track", json=song("a", duration=90))).status_code == 200
    many = await anna.post(f"{at}/add_track", json=song("b", duration=90))
    assert refusal(many) == (429, "too_many")
    assert int(many.headers["Retry-After"]) > 0
    assert refusal(await anna.post(f"{at}/vote?up=false", json={"id": "a"})) == (403, "forbidden")
    await host.post(f"{at}/play_next")
    soon = await anna.post(f"{at}/add_track", json=song("a", duration=90))
    assert refusal(soon) == (409, "not_now")
    assert 0 < int(soon.headers["Retry-After"]) <= 600


# What the log or a bug may do


async def test_a_room_that_cannot_be_served_now(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = party.member("Anna")
    for error in (Unavailable("the log is away"), Refusing("a newer version wrote this")):

        async def get(_: str, error: Exception = error) -> LiveRoom:
            raise error

        monkeypatch.setattr(party.context.registry, "get", get)
        for answer in (await anna.get("/queue"), await anna.post("/vote", json={"id": "a"})):
            assert refusal(answer) == (503, "unavailable")
            assert answer.headers["Retry-After"]


async def test_an_unknown_outcome(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    async def do(_: LiveRoom, __: Command) -> Outcome:
        return Refused("unavailable", "The outcome is unknown.", 1)

    monkeypatch.setattr(LiveRoom, "do", do)
    assert refusal(await party.member("Anna").post("/add_track", json=song("a"))) == (503, "unavailable")


async def test_a_bug_is_logged_and_told_without_details(
    party: Party, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def do(_: LiveRoom, __: Command) -> Outcome:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(LiveRoom, "do", do)
    with caplog.at_level(logging.ERROR):
        answer = await party.member("Anna").post("/add_track", json=song("a"))
    assert refusal(answer) == (500, "internal")
    assert "secret" not in answer.text
    assert "ZeroDivisionError" in caplog.text


async def test_many_at_once_lose_nothing(open_party: Party) -> None:
    caller = open_party.caller()
    answers = await asyncio.gather(*[caller.post("/add_track", json=song(f"s{n}")) for n in range(100)])
    assert {answer.status_code for answer in answers} == {200}
    for number, answer in enumerate(answers):
        assert f"s{number}" in ids(answer.json()["queue"])  # everyone sees their own
    assert len((await caller.get("/queue")).json()) == 100
