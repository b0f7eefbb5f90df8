"""Reads: entity tags of the version, nothing sent twice, and what another node wrote shows at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from crowdcue.log.contract import Entry, OnHint
from crowdcue.log.memory import MemoryLog, MemoryStore
from tests.rest.party import Party, ids, party_over, song


@pytest.mark.parametrize("path", ["/queue", "/history", "/metadata/a", "/api/rooms/MAIN/queue"])
async def test_a_version_that_the_caller_has_is_not_sent_again(party: Party, path: str) -> None:
    anna, host = party.member("Anna"), await party.host()
    await anna.post("/add_track", json=song("a"))
    first = await anna.get(path)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    for held in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await anna.get(path, headers={"If-None-Match": held})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert (await anna.get(path, headers={"If-None-Match": '"other"'})).json() == first.json()
    await host.post("/vote", json={"id": "a"})
    await host.post("/play_next")
    changed = await anna.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


async def test_what_changes_nothing_keeps_the_tag(party: Party) -> None:
    anna = party.member("Anna")
    await anna.post("/add_track", json=song("a"))
    await anna.post("/vote", json={"id": "a"})
    tag = (await anna.get("/queue")).headers["ETag"]
    await anna.post("/vote", json={"id": "a"})  # as far up as it goes
    await anna.post("/remove_track", json={"id": "nobody"})
    assert (await anna.get("/queue")).headers["ETag"] == tag


async def test_reads_are_for_their_caller_only(party: Party) -> None:
    """A shared cache that kept an answer would hand one caller's token to the next."""
    for path in ("/queue", "/history"):
        assert "private" in (await party.caller().get(path)).headers["Cache-Control"]
    assert (await party.caller().get("/metadata/x")).headers["Cache-Control"] == "no-store"


async def test_the_tag_of_a_library_song_is_that_of_what_is_said(party: Party) -> None:
    known = party.context.library.songs()
    first, second = [(await party.caller().get(f"/metadata/{song.id}")).headers["ETag"] for song in known[:2]]
    assert first != second


async def test_a_head_request_has_the_headers_alone(party: Party) -> None:
    head = await party.member("Anna").head("/queue")
    assert (head.status_code, head.headers["ETag"][:2]) == (200, "W/")


async def test_a_read_on_another_node_sees_a_write_at_once(tags: Path, music: Path) -> None:
    """Hints may be late: here they never come at all, and a read looks at the log's head itself."""
    shared = MemoryStore()
    lost: list[Entry] = []

    def lose(_: OnHint, __: str, entry: Entry) -> None:
        lost.append(entry)

    here, there = MemoryLog(shared, shared=True), MemoryLog(shared, shared=True, carry=lose)
    async with party_over(here, tags, music) as one, party_over(there, tags, music) as two:
        anna, ben = one.member("Anna"), two.member("Ben")
        await ben.get("/queue")
        for number in range(5):
            await anna.post("/add_track", json=song(number))
            assert ids((await ben.get("/queue")).json()) == list(range(number + 1))
        token = anna.headers["Authorization"].removeprefix("Bearer ")
        again = await two.caller(token).post("/vote", json={"id": 3})  # the same member there
        assert ids(again.json()["queue"])[0] == 3
        assert (await one.caller(token).post("/vote", json={"id": 3})).json()["queue"][0]["votes"] == 1
    assert len(lost) >= 5
