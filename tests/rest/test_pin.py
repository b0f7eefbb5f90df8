"""A room with a PIN over REST: nothing of it is read or written without, and nobody tries PINs for long."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from crowdcue.faces import door, gate
from crowdcue.faces.door import ADDRESS_BURST, ADDRESS_RATE, ROOM_BURST, ROOM_RATE
from crowdcue.room import commands as c
from crowdcue.room.refusal import Done
from tests.rest.party import Party, ids, refusal, song

PIN, WRONG = "24681357", "13572468"
NEEDED, BAD = (403, "pin_needed"), (403, "bad_pin")

#: Every way to look into a room or to change it, but for what only hosts may.
READS = ["queue", "history", "metadata/x"]
WRITES: list[tuple[str, Any]] = [
    ("add_track", song("y")),
    ("remove_track", {"id": "x"}),
    ("vote", {"id": "x"}),
    ("play_next", None),
    ("sync", [song("z")]),
    ("clear", None),
]


async def locked_room(party: Party, pin: str | None = PIN) -> tuple[str, httpx.AsyncClient]:
    """A room with one song and this PIN, and its host."""
    host = party.member("Host")
    made = (await host.post("/api/rooms", json={"name": "Cellar", "settings": {"pin": pin}})).json()
    assert (await host.post(f"/api/rooms/{made['code']}/add_track", json=song("x"))).status_code == 200
    return f"/api/rooms/{made['code']}", host


def shows(pin: str) -> dict[str, str]:
    return {"X-Crowdcue-Pin": pin}


async def test_nothing_is_read_or_written_without_the_pin(party: Party) -> None:
    room, host = await locked_room(party)
    for caller in (party.member("Anna"), party.caller()):
        for read in READS:
            assert refusal(await caller.get(f"{room}/{read}")) == NEEDED
            assert refusal(await caller.get(f"{room}/{read}", headers=shows(""))) == NEEDED
            assert refusal(await caller.get(f"{room}/{read}", headers=shows(WRONG))) == BAD
        for write, body in WRITES:
            assert refusal(await caller.post(f"{room}/{write}", json=body)) == NEEDED
        for only_hosts in ("host-link", "wifi.svg"):
            assert refusal(await caller.get(f"{room}/{only_hosts}")) == NEEDED
        assert refusal(await caller.delete(room)) == NEEDED
    assert ids((await host.get(f"{room}/queue")).json()) == ["x"], "hosts need no PIN"


async def test_a_version_that_one_knows_tells_nothing_without_the_pin(party: Party) -> None:
    room, host = await locked_room(party)
    tag = (await host.get(f"{room}/queue")).headers["ETag"]
    answer = await party.member("Anna").get(f"{room}/queue", headers={"If-None-Match": tag})
    assert refusal(answer) == NEEDED
    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("read_first", [True, False])
async def test_once_shown_it_is_not_asked_for_again(party: Party, read_first: bool) -> None:
    room, _ = await locked_room(party)
    anna = party.caller()  # becomes somebody with the first answer
    if read_first:
        assert ids((await anna.get(f"{room}/queue", headers=shows(PIN))).json()) == ["x"]
    else:
        assert (await anna.post(f"{room}/vote", json={"id": "x"}, headers=shows(PIN))).status_code == 200
    for read in READS:
        assert (await anna.get(f"{room}/{read}")).status_code == 200
    assert (await anna.post(f"{room}/add_track", json=song("y"))).status_code == 200
    assert refusal(await party.caller().get(f"{room}/queue")) == NEEDED


async def test_a_hosts_token_opens_the_door_for_reads_too_and_a_wrong_one_does_not(party: Party) -> None:
    room, _ = await locked_room(party)
    code = room.rpartition("/")[2]
    screen = party.caller(host=await party.host_token(code))
    assert ids((await screen.get(f"{room}/queue")).json()) == ["x"]
    for token in ("nonsense", await party.host_token("MAIN")):
        assert refusal(await party.caller(host=token).get(f"{room}/queue")) == (401, "unauthorised")


async def test_the_house_party_may_have_one_too(party: Party) -> None:
    live = await party.context.registry.get("MAIN")
    anna, ben = party.member("Anna"), party.member("Ben")
    await anna.post("/add_track", json=song("x"))
    outcome = await live.do(c.Lock("host", c.HOST, None, {}, live.seal_pin(PIN)))
    assert isinstance(outcome, Done)
    for read in READS:
        assert (await anna.get(f"/{read}")).status_code == 200, "the room knows her already"
        assert refusal(await ben.get(f"/{read}")) == NEEDED
    assert (await ben.get("/queue", headers=shows(PIN))).status_code == 200
    await live.do(c.Lock("host", c.HOST, None, {}, live.seal_pin(WRONG)))
    assert refusal(await anna.get("/queue")) == NEEDED
    assert refusal(await ben.get("/queue", headers=shows(PIN))) == BAD
    await live.do(c.Lock("host", c.HOST, None, {}, ""))
    assert (await party.caller().get("/queue")).status_code == 200


async def test_what_is_on_the_invitation_and_what_is_of_no_room_stays_open(party: Party) -> None:
    room, _ = await locked_room(party)
    stranger = party.caller()
    invitation = (await stranger.get(f"{room}/invite")).json()
    assert (invitation["name"], invitation["pin"]) == ("Cellar", True)
    assert (await stranger.get(f"{room}/qr.svg")).status_code == 200
    assert (await stranger.get("/api/search")).status_code == 200
    assert "pin" not in (await stranger.get("/api/rooms/MAIN/invite")).json()


async def test_in_an_open_party_everybody_is_a_host_and_needs_none(open_party: Party) -> None:
    room, _ = await locked_room(open_party)
    stranger = open_party.caller()
    assert ids((await stranger.get(f"{room}/queue")).json()) == ["x"]
    assert (await stranger.post(f"{room}/add_track", json=song("y"))).status_code == 200


@pytest.mark.parametrize("pin", [1234, "987", "98ab", "1234567890123", ["1234"], True])
async def test_what_is_no_pin_makes_no_room(party: Party, pin: object) -> None:
    made = await party.member("Host").post("/api/rooms", json={"settings": {"pin": pin}})
    assert refusal(made) == (400, "bad_request")
    if isinstance(pin, str):
        assert pin not in made.text


@pytest.mark.parametrize("pin", [None, ""])
async def test_no_pin_is_no_pin(party: Party, pin: str | None) -> None:
    room, _ = await locked_room(party, pin)
    assert (await party.caller().get(f"{room}/queue")).status_code == 200


# Trying PINs


@pytest.fixture
def sleep(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass for the door: so many seconds."""
    now = [1_000.0]
    monkeypatch.setattr(door, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


async def test_who_tries_too_many_from_one_address_has_to_wait(
    party: Party, sleep: Callable[[float], None]
) -> None:
    room, host = await locked_room(party)
    other_room, _ = await locked_room(party)
    for number in range(ADDRESS_BURST):
        thief = party.caller(address="10.0.0.1")
        assert refusal(await thief.get(f"{room}/queue", headers=shows(f"{number:04}"))) == BAD
    waits = await party.caller(address="10.0.0.1").get(f"{room}/queue", headers=shows(PIN))
    assert refusal(waits) == (429, "too_many"), "not even the right one: the answer would tell"
    assert int(waits.headers["Retry-After"]) == 1 / ADDRESS_RATE
    assert refusal(await party.caller(address="10.0.0.1").get(f"{room}/queue")) == NEEDED
    assert (await host.get(f"{room}/queue")).status_code == 200
    for address, where in (("10.0.0.2", room), ("10.0.0.1", other_room)):
        elsewhere = party.caller(address=address)
        assert (await elsewhere.get(f"{where}/queue", headers=shows(PIN))).status_code == 200
    sleep(1 / ADDRESS_RATE)
    late = party.caller(address="10.0.0.1")
    assert (await late.get(f"{room}/queue", headers=shows(PIN))).status_code == 200


async def test_many_addresses_do_not_help_much(party: Party, sleep: Callable[[float], None]) -> None:
    room, _ = await locked_room(party)
    for number in range(ROOM_BURST):
        thief = party.caller(address=f"10.0.1.{number}")
        assert refusal(await thief.get(f"{room}/queue", headers=shows(WRONG))) == BAD
    fresh = party.caller(address="10.0.2.1")
    assert refusal(await fresh.get(f"{room}/queue", headers=shows(PIN))) == (429, "too_many")
    sleep(1 / ROOM_RATE)
    assert (await fresh.get(f"{room}/queue", headers=shows(PIN))).status_code == 200


async def test_asking_without_a_pin_and_showing_the_right_one_cost_no_tries(party: Party) -> None:
    room, _ = await locked_room(party)
    for _ in range(ADDRESS_BURST + 1):
        guest = party.caller()
        assert refusal(await guest.get(f"{room}/queue")) == NEEDED
        assert (await guest.get(f"{room}/queue", headers=shows(PIN))).status_code == 200


async def test_a_script_that_knows_the_pin_is_no_crowd(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    room, _ = await locked_room(party)
    live = await party.context.registry.get(room.rpartition("/")[2])
    monkeypatch.setattr(gate, "time", SimpleNamespace(monotonic=lambda: 1_000.0))
    before, answers = live.room.seq, []
    for _ in range(gate.NEWCOMERS_BURST + 5):
        async with httpx.AsyncClient(transport=party.transport, base_url="http://party.test") as script:
            answers.append((await script.get(f"{room}/queue", headers=shows(PIN))).status_code)
    assert (answers.count(200), answers[-1]) == (gate.NEWCOMERS_BURST, 429)
    assert live.room.seq - before == gate.NEWCOMERS_BURST
