"""Who a caller is: tokens, cookies, addresses; what other sites' pages may do; how often one may write."""

from __future__ import annotations

import httpx
import pytest
from itsdangerous import URLSafeSerializer

from crowdcue.faces.gate import NEWCOMERS_BURST
from crowdcue.log.memory import MemoryLog
from crowdcue.session import BURST
from tests.rest.party import BASE, Party, party_over, refusal, song


def _votes(response: httpx.Response) -> int:
    votes: int = response.json()["queue"][0]["votes"]
    return votes


@pytest.mark.parametrize("first", ["read", "write", "refused"])
async def test_who_has_no_token_gets_one_and_is_that_member_from_then_on(party: Party, first: str) -> None:
    await party.member("Anna").post("/add_track", json=song("a"))
    ben = party.caller()  # keeps cookies
    if first == "read":
        given = await ben.get("/queue")
    elif first == "write":
        given = await ben.post("/vote", json={"id": "a"})
    else:
        given = await ben.post("/vote", json={"id": "unknown"})
    token = given.headers["X-Crowdcue-Token"]
    cookie = given.headers["Set-Cookie"]
    assert cookie.startswith(f"crowdcue={token};")
    for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age="):
        assert part in cookie
    assert "Secure" not in cookie
    await ben.post("/vote", json={"id": "a"})
    again = await ben.post("/vote", json={"id": "a"})
    assert _votes(again) == 1  # one voter, by the cookie …
    assert "X-Crowdcue-Token" not in again.headers
    assert "Set-Cookie" not in again.headers
    assert _votes(await party.caller(token).post("/vote", json={"id": "a"})) == 1  # … and by the header
    assert _votes(await party.caller().post("/vote", json={"id": "a"})) == 2


async def test_the_cookie_belongs_to_the_sub_path_and_to_https(music: object, tags: object) -> None:
    async with party_over(MemoryLog(), tags, music, root_path="/sub") as party:  # type: ignore[arg-type]
        given = await party.caller().get(f"{BASE.replace('http:', 'https:')}/sub/queue")
        assert "Path=/sub" in given.headers["Set-Cookie"]
        assert "Secure" in given.headers["Set-Cookie"]


async def test_the_bearer_token_goes_before_the_cookie(party: Party) -> None:
    await party.member("Anna").post("/add_track", json=song("a"))
    ben, carla = party.context.identity.issue("Ben"), party.context.identity.issue("Carla")
    assert carla.token is not None
    both = party.caller(ben.token)
    both.cookies.set("crowdcue", carla.token)
    await both.post("/vote", json={"id": "a"})
    live = await party.context.registry.get("MAIN")
    assert [member.id for member in live.room.items["a"].votes] == [ben.id]


def _forged() -> str:
    forged = URLSafeSerializer(b"another secret", salt="crowdcue.member").dumps(["m1", "Mallory"])
    return str(forged)


@pytest.mark.parametrize("token", ["x", "a.b", "ü".encode().decode("latin-1"), "x" * 5_000, _forged()])
@pytest.mark.parametrize("path", ["/queue", "/history", "/metadata/a"])
async def test_a_bad_token_is_refused_for_reads_too(open_party: Party, token: str, path: str) -> None:
    caller = open_party.caller()
    header = httpx.Headers([(b"authorization", b"Bearer " + token.encode("latin-1"))])
    assert refusal(await caller.get(path, headers=header)) == (401, "unauthorised")


async def test_a_forged_token_changes_nothing(party: Party) -> None:
    host_token = await party.host_token()
    assert refusal(await party.caller(host_token).post("/add_track", json=song("a"))) == (401, "unauthorised")
    assert refusal(await party.caller(_forged()).post("/add_track", json=song("a"))) == (401, "unauthorised")
    assert (await party.caller().get("/queue")).json() == []


async def test_a_bad_cookie_is_taken_back(party: Party) -> None:
    browser = party.caller()
    browser.cookies.set("crowdcue", "stale", domain="party.test", path="/")
    refused = await browser.get("/queue")
    assert refusal(refused) == (401, "unauthorised")
    assert "Max-Age=0" in refused.headers["Set-Cookie"]
    assert (await browser.get("/queue")).status_code == 200


async def test_host_rights_come_with_the_host_token_and_stay(party: Party) -> None:
    member = party.context.identity.issue("Hanna")
    bare = party.caller(member.token)
    assert refusal(await bare.post("/clear")) == (403, "forbidden")
    token = await party.host_token()
    assert (await party.caller(member.token, token).post("/clear")).status_code == 200
    assert (await bare.post("/clear")).status_code == 200
    code = (await bare.post("/api/rooms", json={})).json()["code"]
    other = await party.host_token(code)
    wrong = party.caller(party.context.identity.issue().token, other)
    assert refusal(await wrong.post("/clear")) == (401, "unauthorised")
    assert refusal(await party.caller(member.token, "x").post("/clear")) == (401, "unauthorised")


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://party.test.evil.test", "http://["])
async def test_other_sites_pages_cannot_write(party: Party, origin: str) -> None:
    host = await party.host()
    for path in ("/add_track", "/remove_track", "/vote", "/play_next", "/sync", "/clear", "/api/rooms"):
        answer = await host.post(path, json=song("a"), headers={"Origin": origin})
        assert refusal(answer) == (403, "forbidden")
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert (await host.get("/queue", headers={"Origin": origin})).status_code == 200


async def test_our_own_pages_can_write(party: Party) -> None:
    host = await party.host()
    assert (await host.post("/add_track", json=song("a"), headers={"Origin": BASE})).status_code == 200


async def test_one_member_cannot_write_without_end(party: Party) -> None:
    anna = party.member("Anna")
    statuses = [(await anna.post("/vote", json={"id": "x"})).status_code for _ in range(BURST + 60)]
    assert statuses[:BURST] == [404] * BURST
    assert 429 in statuses[BURST:]
    while (refused := await anna.post("/vote", json={"id": "x"})).status_code != 429:
        pass  # the bucket refills while we speak
    assert refusal(refused) == (429, "too_many")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (await anna.get("/queue")).status_code == 200
    assert (await party.member("Ben").post("/vote", json={"id": "x"})).status_code == 404


async def test_one_address_cannot_be_a_crowd(party: Party) -> None:
    """Callers without a token are new members each time, so their address has a (wide) limit."""
    statuses = set()
    for _ in range(NEWCOMERS_BURST + 100):
        async with httpx.AsyncClient(transport=party.transport, base_url=BASE) as stranger:
            statuses.add((await stranger.post("/vote", json={"id": "x"})).status_code)
    assert statuses == {404, 429}
    assert (await party.member("Anna").post("/vote", json={"id": "x"})).status_code == 404


async def test_an_open_party_knows_callers_by_their_address(open_party: Party) -> None:
    here, there = open_party.caller(address="192.0.2.1"), open_party.caller(address="192.0.2.2")
    added = await here.post("/add_track", json=song("a"))
    assert "X-Crowdcue-Token" not in added.headers
    assert "Set-Cookie" not in added.headers
    assert added.json()["queue"][0]["by"]["id"] == "anon:192.0.2.1"
    await here.post("/vote", json={"id": "a"})
    assert _votes(await here.post("/vote", json={"id": "a"})) == 1
    assert _votes(await there.post("/vote", json={"id": "a"})) == 2
    assert (await there.post("/clear")).status_code == 200  # everybody is a host
    named = open_party.member("Anna")
    assert (await named.post("/add_track", json=song("b"))).json()["queue"][0]["by"]["name"] == "Anna"


async def test_an_open_party_has_no_rate(open_party: Party) -> None:
    caller = open_party.caller()
    statuses = {(await caller.post("/vote", json={"id": "x"})).status_code for _ in range(2 * BURST)}
    assert statuses == {404}
