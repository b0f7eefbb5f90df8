"""Making rooms, inviting people, and health."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from crowdcue.faces import app
from crowdcue.faces.rest_rooms import CREATE_BURST, qr_svg
from crowdcue.live.registry import ALPHABET
from crowdcue.log.memory import MemoryLog
from crowdcue.node import BadSetting, wifi_data
from tests.rest.party import BASE, Party, party_over, refusal, song


async def test_who_makes_a_party_is_its_host(party: Party) -> None:
    maker = party.member("Maker")
    settings = {"policy": "fair", "skip_share": 0.25}
    made = await maker.post("/api/rooms", json={"name": "Cellar", "settings": settings})
    assert made.status_code == 200
    code, token = made.json()["code"], made.json()["host_token"]
    assert re.fullmatch(f"[{ALPHABET}]{{6}}", code)
    live = await party.context.registry.get(code)
    assert {name: live.room.settings[name] for name in ("name", "policy", "skip_share")} == {
        "name": "Cellar",
        "policy": "fair",
        "skip_share": 250,
    }
    assert (await maker.post(f"/api/rooms/{code}/clear")).status_code == 200
    assert refusal(await party.member("Gus").post(f"/api/rooms/{code}/clear")) == (403, "forbidden")
    other = party.caller(party.context.identity.issue("Other").token, token)
    assert (await other.post(f"/api/rooms/{code}/clear")).status_code == 200
    assert refusal(await maker.post("/clear")) == (403, "forbidden")  # not in the house party


async def test_a_maker_without_a_token_gets_one(party: Party) -> None:
    maker = party.caller()
    made = await maker.post("/api/rooms", json={})
    assert made.headers["X-Crowdcue-Token"]
    assert (await maker.post(f"/api/rooms/{made.json()['code']}/clear")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"name": ""}',
        b'{"name": 5}',
        b'{"settings": []}',
        b'{"settings": {"policy": "mine"}}',
        b'{"settings": {"nothing": 1}}',
        b'{"settings": {"skip_share": NaN}}',
        b'{"settings": {"songs_per_guest": true}}',
    ],
)
async def test_parties_that_cannot_be(party: Party, body: bytes) -> None:
    before = await party.context.registry.store.rooms()
    assert refusal(await party.member("Maker").post("/api/rooms", content=body)) == (400, "bad_request")
    assert await party.context.registry.store.rooms() == before


async def test_parties_are_not_made_without_end(tags: Path, music: Path) -> None:
    async with party_over(MemoryLog(), tags, music) as party:
        statuses = [
            (await party.member(f"m{n}").post("/api/rooms", json={})).status_code for n in range(CREATE_BURST)
        ]
        assert set(statuses) == {200}
        refused = await party.member("one more").post("/api/rooms", json={})
        assert refusal(refused) == (429, "too_many")
        assert 1 <= int(refused.headers["Retry-After"]) <= 5


async def test_an_open_party_makes_as_many_as_are_asked_for(open_party: Party) -> None:
    caller = open_party.caller()
    statuses = {(await caller.post("/api/rooms", json={})).status_code for _ in range(CREATE_BURST + 20)}
    assert statuses == {200}


@pytest.mark.parametrize("root_path", ["", "/sub"])
async def test_the_invitation_and_its_qr_code(tags: Path, music: Path, root_path: str) -> None:
    async with party_over(MemoryLog(), tags, music, root_path=root_path) as party:
        made = await party.member("Maker").post("/api/rooms", json={"name": "Cellar"})
        code = made.json()["code"]
        guest = party.caller()
        invite = await guest.get(f"/api/rooms/{code.lower()}/invite")
        assert invite.json() == {
            "code": code,
            "name": "Cellar",
            "url": f"{BASE}{root_path}/r/{code}",
            "qr": f"/api/rooms/{code}/qr.svg",
        }
        assert "Set-Cookie" not in invite.headers
        svg = await guest.get(invite.json()["qr"])
        assert svg.headers["Content-Type"] == "image/svg+xml"
        assert "max-age" in svg.headers["Cache-Control"]
        root = ElementTree.fromstring(svg.text)
        assert root.attrib["viewBox"]
        same = await guest.get(invite.json()["qr"], headers={"If-None-Match": svg.headers["ETag"]})
        assert same.status_code == 304
        assert (await guest.get("/api/rooms/MAIN/qr.svg")).content != svg.content


async def test_the_wifi_is_told_where_the_server_knows_it(party: Party, tags: Path, music: Path) -> None:
    invite = await party.caller().get("/api/rooms/MAIN/invite")
    assert "wifi" not in invite.json()
    assert (await (await party.host()).get("/api/rooms/MAIN/wifi.svg")).status_code == 404
    party.context.wifi = wifi_data("Our; house", "correct horse")
    party.transport = httpx.ASGITransport(app.build(party.context))
    host, guest = await party.host(), party.member("Guest")
    invite = await guest.get("/api/rooms/MAIN/invite")
    svg = await host.get(invite.json()["wifi"])
    assert svg.content == qr_svg(r"WIFI:T:WPA;S:Our\; house;P:correct horse;;")
    assert refusal(await guest.get(invite.json()["wifi"])) == (403, "forbidden"), (
        "the password is not for everybody"
    )
    assert refusal(await party.caller().get(invite.json()["wifi"])) == (403, "forbidden")
    assert (await host.get("/api/rooms/ABCDEF/wifi.svg")).status_code == 404


def test_what_a_network_may_be() -> None:
    assert wifi_data(None, None) is None
    assert wifi_data("open", None) == "WIFI:T:nopass;S:open;;"
    for name, password in (
        (None, "a password"),
        ("", None),
        ("ü" * 17, None),
        ("x", "short"),
        ("x", "y" * 64),
    ):
        with pytest.raises(BadSetting):
            wifi_data(name, password)


async def test_health(party: Party) -> None:
    caller = party.caller()
    assert (await caller.get("/health/live")).status_code == 200
    ready = await caller.get("/health/ready")
    assert ready.status_code == 200
    assert "Set-Cookie" not in ready.headers
    party.context.draining = True
    assert refusal(await caller.get("/health/ready")) == (503, "unavailable")
    assert (await caller.get("/health/live")).status_code == 200
    party.context.draining, party.context.ready = False, False
    assert refusal(await caller.get("/health/ready")) == (503, "unavailable")


async def test_a_sub_path_may_be_stripped_or_not(tags: Path, music: Path) -> None:
    async with party_over(MemoryLog(), tags, music, root_path="/sub") as party:
        anna = party.member("Anna")
        assert (await anna.post("/add_track", json=song("a"))).status_code == 200
        assert len((await anna.get(f"{BASE}/queue")).json()) == 1


async def test_only_hosts_may_hand_on_the_hosts_link(party: Party) -> None:
    maker = party.member("Maker")
    made = (await maker.post("/api/rooms", json={"name": "Cellar"})).json()
    path = f"/api/rooms/{made['code']}/host-link"
    links = (await maker.get(path)).json()
    assert links["url"] == f"{BASE}/r/{made['code']}?host={made['host_token']}"
    assert links["stage"] == f"{BASE}/r/{made['code']}/stage?host={made['host_token']}"
    assert refusal(await party.member("Gus").get(path)) == (403, "forbidden")
    assert refusal(await party.member("Gus").get("/api/rooms/ZZZZZZ/host-link")) == (404, "no_such_room")
