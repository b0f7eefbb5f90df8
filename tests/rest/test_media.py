"""Search, and the songs' bytes and pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from crowdcue.faces.media import MAX_QUERY
from crowdcue.log.memory import MemoryLog
from tests.rest.conftest import PIXEL
from tests.rest.party import Party, party_over, refusal


@pytest.fixture
def sound(open_party: Party) -> tuple[str, bytes]:
    """The address of a song, and its bytes."""
    known = open_party.context.library.songs()[2]
    found = open_party.context.library.file(known.id)
    assert found is not None
    return f"/media/{known.id}", found[0].read_bytes()


async def test_search(open_party: Party) -> None:
    caller = open_party.caller()
    everything = await caller.get("/api/search")
    titles = [song["title"] for song in everything.json()["songs"]]
    assert titles == [f"Tune {number}" for number in range(1, 7)]
    assert "Set-Cookie" not in everything.headers
    found = (await caller.get("/api/search", params={"q": "tune 4", "limit": 1})).json()["songs"]
    assert [song["title"] for song in found] == ["Tune 4"]
    assert found[0]["uri"] == f"/media/{found[0]['id']}"
    assert (await caller.get("/api/search?q=zzzzzzzzzz")).json() == {"songs": []}


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", f"q={'x' * (MAX_QUERY + 1)}"])
async def test_searches_that_cannot_be(open_party: Party, query: str) -> None:
    assert refusal(await open_party.caller().get(f"/api/search?{query}")) == (400, "bad_request")


async def test_what_a_search_finds_can_be_queued_and_heard(party: Party) -> None:
    anna = party.member("Anna")
    song = (await anna.get("/api/search?q=tune")).json()["songs"][0]
    assert (await anna.post("/add_track", json=song)).json()["queue"][0]["uri"] == song["uri"]
    assert (await anna.get(song["uri"])).headers["Content-Type"].startswith("audio/")


async def test_a_song_whole(open_party: Party, sound: tuple[str, bytes]) -> None:
    path, data = sound
    answer = await open_party.caller().get(path)
    assert (answer.status_code, answer.content) == (200, data)
    headers = answer.headers
    assert headers["Content-Type"] in ("audio/wav", "audio/x-wav")
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"].startswith("private, max-age=")
    assert "Set-Cookie" not in headers
    head = await open_party.caller().head(path)
    assert (int(head.headers["Content-Length"]), head.content) == (len(data), b"")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("0-0", 0, 0),
        ("0-99", 0, 99),
        ("100-", 100, None),
        ("-50", -50, None),
        ("4000-999999", 4000, None),
        ("-9999999", 0, None),
        ("0-", 0, None),
    ],
)
async def test_ranges(
    open_party: Party, sound: tuple[str, bytes], asked: str, first: int, last: int | None
) -> None:
    path, data = sound
    answer = await open_party.caller().get(path, headers={"Range": f"bytes={asked}"})
    wanted = data[first : None if last is None else last + 1]
    assert (answer.status_code, answer.content) == (206, wanted)
    begin = first if first >= 0 else len(data) + first
    assert answer.headers["Content-Range"] == f"bytes {begin}-{begin + len(wanted) - 1}/{len(data)}"
    assert int(answer.headers["Content-Length"]) == len(wanted)


async def test_several_ranges(open_party: Party, sound: tuple[str, bytes]) -> None:
    path, data = sound
    answer = await open_party.caller().get(path, headers={"Range": "bytes=0-9,100-109"})
    assert answer.status_code == 206
    assert answer.headers["Content-Type"].startswith("multipart/byteranges")
    assert data[:10] in answer.content
    assert data[100:110] in answer.content


@pytest.mark.parametrize("asked", ["bytes=999999-", "bytes=999999-1000000", "bytes=-0"])
async def test_ranges_beyond_the_end(open_party: Party, sound: tuple[str, bytes], asked: str) -> None:
    path, data = sound
    answer = await open_party.caller().get(path, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(data)}"


@pytest.mark.parametrize(
    "asked",
    [
        "items=0-5",
        "bytes",
        "bytes=",
        "bytes=x-y",
        "bytes=5-2",
        "bytes=-",
        "bytes=1-2-3",
        "0-5",
        f"bytes={'9' * 5_000}-",
    ],
)
async def test_ranges_that_are_none_are_ignored(
    open_party: Party, sound: tuple[str, bytes], asked: str
) -> None:
    path, data = sound
    answer = await open_party.caller().get(path, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, data)


async def test_a_copy_that_is_current(open_party: Party, sound: tuple[str, bytes]) -> None:
    path, data = sound
    caller = open_party.caller()
    whole = await caller.get(path)
    tag, modified = whole.headers["ETag"], whole.headers["Last-Modified"]
    assert (await caller.get(path, headers={"If-None-Match": tag})).status_code == 304
    assert (await caller.get(path, headers={"If-Modified-Since": modified})).status_code == 304
    assert (await caller.get(path, headers={"If-Modified-Since": "nonsense"})).status_code == 200
    both = {"If-None-Match": '"other"', "If-Modified-Since": modified}
    assert (await caller.get(path, headers=both)).status_code == 200
    ranged = {"Range": "bytes=0-3"}
    assert (await caller.get(path, headers={**ranged, "If-Range": tag})).content == data[:4]
    assert (await caller.get(path, headers={**ranged, "If-Range": '"other"'})).content == data


async def test_songs_that_are_not_there(open_party: Party) -> None:
    caller = open_party.caller()
    for path in ("/media/none", "/artwork/none", "/media/", "/media/cover.png", "/media/../pyproject.toml"):
        assert (await caller.get(path)).status_code == 404


async def test_a_file_that_has_gone_since(tags: Path, music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    shutil.copytree(music, folder)
    async with party_over(MemoryLog(), tags, folder) as party:
        song = party.context.library.songs()[0]
        found = party.context.library.file(song.id)
        assert found is not None
        found[0].unlink()
        assert refusal(await party.caller().get(f"/media/{song.id}")) == (404, "no_such_song")
        outside = tmp_path / "secret.wav"
        outside.write_bytes(b"secret")
        found[0].symlink_to(outside)
        assert refusal(await party.caller().get(f"/media/{song.id}")) == (404, "no_such_song")


async def test_artwork(open_party: Party) -> None:
    caller = open_party.caller()
    song = (await caller.get("/api/search?limit=1")).json()["songs"][0]
    picture = await caller.get(song["artwork"])
    assert (picture.status_code, picture.content) == (200, PIXEL)
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.headers["X-Content-Type-Options"] == "nosniff"
    assert picture.headers["Cache-Control"].startswith("private, max-age=")
    again = await caller.get(song["artwork"], headers={"If-None-Match": picture.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
