"""`/metrics`: who may read it, and that its numbers move with what happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from crowdcue.faces import app
from crowdcue.live.meters import SECONDS, Histogram, meters
from crowdcue.log.memory import MemoryLog
from crowdcue.room.refusal import Done, Refused
from tests.live.world import add
from tests.rest.party import Party, party_over, song
from tests.support.servers import make_music

TOKEN = "a token of this test"


@pytest.fixture
async def party(tmp_path: Path) -> AsyncIterator[Party]:
    async with party_over(MemoryLog(), tmp_path, make_music(tmp_path / "music", 2)) as made:
        made.context.metrics_token = TOKEN
        yield made


def at(party: Party, address: str, base: str = "http://127.0.0.1:8080") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app.build(party.context), client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url=base)


async def numbers(client: httpx.AsyncClient) -> dict[str, float]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        sample.name + "".join(f",{value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_may_read_them(party: Party, address: str) -> None:
    async with at(party, address) as client:
        assert (await client.get("/metrics")).status_code == 200
        assert (await client.get("http://localhost:8080/metrics")).status_code == 200


@pytest.mark.parametrize("address", ["192.168.1.5", "10.0.0.1", "2001:db8::1", "", "testclient"])
async def test_others_may_not(party: Party, address: str) -> None:
    async with at(party, address) as client:
        assert (await client.get("/metrics")).status_code == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Proto"])
async def test_what_a_proxy_hands_on_is_not_this_machine(party: Party, header: str) -> None:
    async with at(party, "127.0.0.1") as client:
        assert (await client.get("/metrics", headers={header: "127.0.0.1"})).status_code == 403


async def test_a_name_that_points_here_is_not_this_machine(party: Party) -> None:
    """A page elsewhere may have its own name resolve to 127.0.0.1 and so be of the same origin."""
    async with at(party, "127.0.0.1", "http://rebound.evil.test:8080") as client:
        assert (await client.get("/metrics")).status_code == 403


async def test_the_token_opens_them_from_anywhere_and_no_other_does(party: Party) -> None:
    async with at(party, "192.168.1.5") as client:
        for shown, status in ((TOKEN, 200), ("other", 401), (TOKEN + "x", 401), ("é", 401)):
            headers = [(b"Authorization", f"Bearer {shown}".encode())]
            assert (await client.get("/metrics", headers=headers)).status_code == status
        party.context.metrics_token = None
    async with at(party, "127.0.0.1") as client:
        answer = await client.get("/metrics", headers={"Authorization": "Bearer None"})
        assert answer.status_code == 401, "no token set: none is right"


async def test_the_numbers_move_with_what_happens(party: Party) -> None:
    async with at(party, "127.0.0.1") as client:
        before = await numbers(client)
        guest = party.member("Anna")
        await guest.post("/add_track", json=song("a"))
        await guest.post("/vote", json={"id": "a"})
        await guest.post("/vote", json={"id": "none"})
        await guest.post("/vote", content=b"{")
        after = await numbers(client)

    def moved(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert moved("crowdcue_commands_total,Add,done") == 1
    assert moved("crowdcue_commands_total,Step,done") == 1
    assert moved("crowdcue_commands_total,Step,no_such_song") == 1
    assert moved("crowdcue_requests_refused_total,no_such_song,http") == 1
    assert moved("crowdcue_requests_refused_total,bad_request,http") == 1
    assert moved("crowdcue_append_seconds_count") == 3
    assert moved("crowdcue_batch_commands_sum") == 3
    assert moved("crowdcue_apply_lag_seconds_count") == 3
    assert after["crowdcue_rooms_open"] == 1 and after["crowdcue_ready"] == 1
    assert after["crowdcue_library_songs"] == 2
    assert after["process_open_fds"] > 0


async def test_no_label_grows_with_what_clients_send(party: Party) -> None:
    async with at(party, "127.0.0.1") as client:
        await party.member("Anna").post("/add_track", json=song("a"))
        before = await numbers(client)
        for number in range(20):
            await party.member(f"M{number}").post(
                f"/api/rooms/ROOM{number:02d}/vote", json={"id": f"s{number}"}
            )
            await party.member(f"M{number}").post("/add_track", json=song(f"s{number}"))
        new = set(await numbers(client)) - set(before)
    assert not [
        name for name in new if not name.startswith("crowdcue_requests_refused_total,no_such_room,")
    ], new


def test_a_histogram_counts_values_where_they_belong() -> None:
    histogram = Histogram((1, 2, 5))
    for value in (0.5, 1, 1.5, 5, 6, 100):
        histogram.observe(value)
    assert (histogram.counts, histogram.count, histogram.total) == ([2, 1, 1, 2], 6, 114)
    assert list(SECONDS) == sorted(SECONDS)


def test_commands_are_counted_by_kind_and_outcome() -> None:
    before = meters.commands.copy()
    meters.answered([add("anna", "x"), add("anna", "x")], [Done(1), Refused("queue_full", "")])
    assert meters.commands - before == {("Add", "done"): 1, ("Add", "queue_full"): 1}
