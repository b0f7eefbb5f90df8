"""The queue over REST: every row of the table, in MAIN at the root and in a room under its code."""

from __future__ import annotations

import httpx
import pytest

from crowdcue.faces import played
from tests.rest.party import Party, ids, refusal, song


@pytest.fixture(params=["", "/api/rooms/main", "room"])
async def at(request: pytest.FixtureRequest, party: Party) -> str:
    """Where the room is: MAIN at the root, MAIN by its code, another room by its code in lower case."""
    if request.param != "room":
        return str(request.param)
    made = await party.member("Maker").post("/api/rooms", json={})
    return f"/api/rooms/{made.json()['code'].lower()}"


async def _host(party: Party, at: str) -> httpx.AsyncClient:
    return await party.host(at.rpartition("/")[2].upper() or "MAIN")


async def test_added_songs_stand_in_the_queue_in_order(party: Party, at: str) -> None:
    anna = party.member("Anna")
    added = await anna.post(f"{at}/add_track", json=song("a", votes=99, album="Album"))
    assert added.status_code == 200
    assert added.json()["message"]
    await anna.post(f"{at}/add_track", json=song(7, duration=180.5))
    queue = (await anna.get(f"{at}/queue")).json()
    assert ids(queue) == ["a", 7]
    first = queue[0]
    assert {
        name: first[name] for name in ("title", "artist", "duration", "votes", "album", "up", "down")
    } == {
        "title": "Title",
        "artist": "Artist",
        "duration": 200,
        "votes": 0,
        "album": "Album",
        "up": 0,
        "down": 0,
    }
    assert first["by"]["name"] == "Anna"
    assert queue[1]["duration"] == 180.5


async def test_adding_again_is_an_upvote(party: Party, at: str) -> None:
    anna, ben = party.member("Anna"), party.member("Ben")
    await anna.post(f"{at}/add_track", json=song("a"))
    again = (await ben.post(f"{at}/add_track", json=song("a"))).json()
    assert [(track["id"], track["votes"]) for track in again["queue"]] == [("a", 1)]


async def test_votes_go_by_steps_and_stay_within_one(party: Party, at: str) -> None:
    anna, ben = party.member("Anna"), party.member("Ben")
    await anna.post(f"{at}/add_track", json=song("a"))
    await anna.post(f"{at}/add_track", json=song("b"))
    seen = []
    for up in ("false", "false", "true", "True", "1", "true", "0"):
        voted = await ben.post(f"{at}/vote", params={"up": up}, json={"id": "b"})
        seen.append(next(track["votes"] for track in voted.json()["queue"] if track["id"] == "b"))
    assert seen == [-1, -1, 0, 1, 1, 1, 0]
    moved = await ben.post(f"{at}/vote", json={"id": "b"})  # up is what you mean without a word
    assert ids(moved.json()["queue"]) == ["b", "a"]
    await anna.post(f"{at}/vote", json={"id": "b"})
    assert (await anna.get(f"{at}/queue")).json()[0]["votes"] == 2


async def test_voting_for_what_is_not_queued(party: Party, at: str) -> None:
    assert refusal(await party.member("A").post(f"{at}/vote", json={"id": "x"})) == (404, "no_such_song")


async def test_removing(party: Party, at: str) -> None:
    anna, ben, host = party.member("Anna"), party.member("Ben"), await _host(party, at)
    for name in ("a", "b", 3):
        await anna.post(f"{at}/add_track", json=song(name))
    assert refusal(await ben.post(f"{at}/remove_track", json={"id": "a"})) == (403, "forbidden")
    assert ids((await anna.post(f"{at}/remove_track", json={"id": 3})).json()["queue"]) == ["a", "b"]
    assert ids((await host.post(f"{at}/remove_track", json={"id": "a"})).json()["queue"]) == ["b"]
    unknown = await ben.post(f"{at}/remove_track", json={"id": "nobody"})
    assert unknown.status_code == 200
    assert ids(unknown.json()["queue"]) == ["b"]


async def test_play_next_history_and_metadata(party: Party, at: str) -> None:
    anna, host = party.member("Anna"), await _host(party, at)
    assert refusal(await host.post(f"{at}/play_next")) == (400, "queue_empty")
    for name in (1, "b"):
        await anna.post(f"{at}/add_track", json=song(name, f"Title {name}"))
    await anna.post(f"{at}/vote", json={"id": 1})
    assert refusal(await anna.post(f"{at}/play_next")) == (403, "forbidden")
    playing = (await host.post(f"{at}/play_next")).json()["now_playing"]
    assert (playing["id"], playing["votes"], playing["by"]["name"], playing["play"]) == (1, 1, "Anna", 1)
    assert (await host.post(f"{at}/play_next", json={})).json()["now_playing"]["id"] == "b"
    history = (await anna.get(f"{at}/history")).json()
    assert [(track["id"], track["play"]) for track in history] == [(1, 1), ("b", 2)]
    assert (history[0]["reason"], history[0]["votes"]) == ("skip", 1)
    assert (await host.post(f"{at}/play_next")).json() == {"now_playing": None}
    assert ids((await anna.get(f"{at}/history")).json()) == [1, "b"]
    assert refusal(await host.post(f"{at}/play_next")) == (400, "queue_empty")
    assert (await anna.get(f"{at}/metadata/1")).json()["title"] == "Title 1"
    assert refusal(await anna.get(f"{at}/metadata/none")) == (404, "no_such_song")


async def test_play_next_with_what_is_expected(party: Party) -> None:
    host = await party.host()
    await host.post("/add_track", json=song("a"))
    assert refusal(await host.post("/play_next", json={"expected": 5})) == (409, "stale")
    assert (await host.post("/play_next", json={"expected": None})).json()["now_playing"]["id"] == "a"
    assert refusal(await host.post("/play_next", json={"expected": None})) == (409, "stale")
    assert refusal(await host.post("/play_next", content=b"[1]")) == (400, "bad_request")


async def test_metadata_of_queued_playing_played_and_library_songs(party: Party) -> None:
    host = await party.host()
    for name in ("played", "plays", "queued"):
        await host.post("/add_track", json=song(name))
    await host.post("/play_next")
    await host.post("/play_next")
    kinds = {name: (await host.get(f"/metadata/{name}")).json() for name in ("played", "plays", "queued")}
    assert "ended_at" in kinds["played"]
    assert "play" in kinds["plays"]
    assert "ended_at" not in kinds["plays"]
    assert "added_at" in kinds["queued"]
    known = party.context.library.songs()[0]
    found = (await host.get(f"/metadata/{known.id}")).json()
    assert (found["title"], found["votes"]) == (known.title, 0)


@pytest.mark.parametrize("page", [played.PAGE, 7, 1])
async def test_metadata_of_a_song_played_long_ago(
    party: Party, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(played, "PAGE", page)
    host = await party.host()
    await host.post("/sync", json=[song(f"s{number}", f"Title {number}") for number in range(40)])
    for _ in range(39):
        await host.post("/play_next")
    for name in ("s3", "s0", "s37"):
        assert (await host.get(f"/metadata/{name}")).json()["title"] == f"Title {name[1:]}"
    await host.post("/play_next")  # the index reads on
    assert (await host.get("/metadata/s38")).json()["play"] == 39
    assert refusal(await host.get("/metadata/nobody")) == (404, "no_such_song")
    assert (await host.get("/metadata/s0")).json()["play"] == 1  # and forgets nothing of before
    await host.post("/clear")
    assert refusal(await host.get("/metadata/s3")) == (404, "no_such_song")
    await host.post("/add_track", json=song("new"))
    await host.post("/play_next")
    await host.post("/play_next")
    assert refusal(await host.get("/metadata/s3")) == (404, "no_such_song")
    assert (await host.get("/metadata/new")).json()["play"] == 41


async def test_the_librarys_metadata_goes_before_the_callers(party: Party) -> None:
    known = party.context.library.songs()[0]
    added = await party.member("Anna").post("/add_track", json=song(known.id, "Forged", duration=9_999))
    track = added.json()["queue"][0]
    assert (track["title"], track["duration"], track["uri"]) == (
        known.title,
        known.wire()["duration"],
        f"/media/{known.id}",
    )
    host = await party.host()
    synced = (await host.post("/sync", json=[song(known.id, "Forged")])).json()["queue"]
    assert synced[0]["title"] == known.title


async def test_history_by_pages(party: Party) -> None:
    host = await party.host()
    await host.post("/sync", json=[song(number) for number in range(31)])
    for _ in range(31):
        await host.post("/play_next")
    seen: list[int] = []
    before: dict[str, int] = {}
    while page := (await host.get("/history", params={"limit": 10, **before})).json():
        plays = [track["play"] for track in page]
        assert plays == sorted(plays)
        assert len(page) <= 10
        seen = plays + seen
        before = {"before": plays[0]}
    assert seen == list(range(1, 32))
    assert ids((await host.get("/history?limit=1")).json()) == [30]  # what plays
    assert ids((await host.get("/history?limit=2")).json()) == [29, 30]
    assert ids((await host.get("/history?before=31&limit=1")).json()) == [29]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "limit=1.5", "before=-1", "before=x", "limit="]
)
async def test_history_with_bad_parameters(party: Party, query: str) -> None:
    assert refusal(await party.member("A").get(f"/history?{query}")) == (400, "bad_request")


async def test_sync_puts_songs_in_place_of_the_queue(party: Party, at: str) -> None:
    anna, host = party.member("Anna"), await _host(party, at)
    await anna.post(f"{at}/add_track", json=song("old"))
    await anna.post(f"{at}/vote", json={"id": "old"})
    tracks = [song("b", votes=5), song(2), song("old"), song("b", "Twice")]
    assert refusal(await anna.post(f"{at}/sync", json=tracks)) == (403, "forbidden")
    synced = (await host.post(f"{at}/sync", json=tracks)).json()
    assert [(track["id"], track["votes"]) for track in synced["queue"]] == [("b", 0), (2, 0), ("old", 0)]
    assert synced["message"]
    assert (await host.post(f"{at}/sync", json=[])).json()["queue"] == []


async def test_sync_of_many_and_of_too_many(party: Party) -> None:
    host = await party.host()
    many = [song(number) for number in range(10_000)]
    assert len((await host.post("/sync", json=many)).json()["queue"]) == 10_000
    assert refusal(await host.post("/add_track", json=song("one more"))) == (409, "queue_full")
    assert refusal(await host.post("/sync", json=[*many, song("one more")])) == (409, "queue_full")


async def test_sync_names_the_track_that_is_wrong(party: Party) -> None:
    host = await party.host()
    answer = await host.post("/sync", json=[song("a"), song("b", duration=0)])
    assert refusal(answer) == (400, "bad_request")
    assert "1" in answer.json()["message"]
    assert refusal(await host.post("/sync", json={"queue": []})) == (400, "bad_request")
    assert (await host.get("/queue")).json() == []


async def test_clear_empties_everything(party: Party, at: str) -> None:
    anna, host = party.member("Anna"), await _host(party, at)
    for name in ("a", "b", "c"):
        await anna.post(f"{at}/add_track", json=song(name))
    await host.post(f"{at}/play_next")
    await host.post(f"{at}/play_next")
    assert refusal(await anna.post(f"{at}/clear")) == (403, "forbidden")
    assert (await host.post(f"{at}/clear")).json()["message"]
    assert (await anna.get(f"{at}/queue")).json() == []
    assert (await anna.get(f"{at}/history")).json() == []
    assert refusal(await host.post(f"{at}/play_next")) == (400, "queue_empty")


async def test_rooms_do_not_see_each_other(party: Party) -> None:
    anna = party.member("Anna")
    code = (await anna.post("/api/rooms", json={})).json()["code"]
    await anna.post(f"/api/rooms/{code}/add_track", json=song("there"))
    await anna.post("/add_track", json=song("here"))
    assert ids((await anna.get("/queue")).json()) == ["here"]
    assert ids((await anna.get(f"/api/rooms/{code}/queue")).json()) == ["there"]


async def test_a_kept_piece_of_the_queue_changes_with_its_song(party: Party) -> None:
    """Tracks are encoded once and kept: votes, names and a song that comes again must show all the same."""
    anna, host = party.member("Anna"), await party.host()
    await anna.post("/add_track", json=song("a", "First"))
    assert (await anna.get("/queue")).json()[0]["votes"] == 0
    await host.post("/vote", json={"id": "a"})
    assert (await anna.get("/queue")).json()[0]["votes"] == 1
    await anna.post("/remove_track", json={"id": "a"})
    await host.post("/add_track", json=song("a", "Second"))
    track = (await anna.get("/queue")).json()[0]
    assert (track["title"], track["votes"], track["by"]["name"]) == ("Second", 0, "Host")
    synced = await host.post(
        "/sync", json=[song("a", "Third")]
    )  # another song, of which nothing changed either
    assert synced.json()["queue"][0]["title"] == "Third"
