"""Whatever a caller sends over HTTP: an answer below 500, an error in the documented form, no state for the asking."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from crowdcue.faces import media, rest
from crowdcue.live import registry
from crowdcue.log.memory import MemoryLog
from crowdcue.room.refusal import CODES
from tests.rest.party import DOCUMENT, Party, party_over, refusal, song
from tests.support.servers import make_music

METHODS = st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS", "PATCH"])
PATHS = sorted(DOCUMENT["paths"])
TEXT = st.text(max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
#: Bodies that nearly are what the API wants, so that the fuzz gets beyond the first check.
FIELDS = st.sampled_from(
    [
        "id",
        "title",
        "artist",
        "duration",
        "album",
        "uri",
        "artwork",
        "name",
        "settings",
        "expected",
        "policy",
        "votes",
    ]
)
GOOD = st.sampled_from(
    ["a", "1", 1, 0, -1, 2**53, 2**70, 1e308, "x" * 300, "MAIN", None, True, "\x00", "e\u0301"]
)
NEARLY = st.dictionaries(FIELDS, GOOD | JSON, max_size=6)
BODIES = st.one_of(
    st.binary(max_size=200),
    (NEARLY | JSON | st.lists(NEARLY, max_size=3)).map(
        lambda value: str(value).encode("utf-8", "replace") if not _encodes(value) else orjson.dumps(value)
    ),
    st.just(b"[" * 5_000),
    st.just(b'{"id":' * 2_000),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Authorization", "Cookie", "X-Crowdcue-Host", "Idempotency-Key", "If-None-Match", "If-Modified-Since",
         "Range", "Content-Length", "Content-Type", "Origin", "Host", "X-Forwarded-For"]
    ),
    st.binary(max_size=60)
    | st.sampled_from([b"Bearer x", b"crowdcue=x", b"bytes=0-,-5", b"http://[", b'W/"1-x"', b"*"]),
    max_size=4,
)  # fmt: skip
PARTS = st.sampled_from(["MAIN", "ABCDEF", "a", "..", "%2e%2e", "%00", "x" * 300, "%ff%fe", "1", "é", "a/b"])
QUERIES = st.sampled_from(
    [
        "",
        "?up=x",
        "?limit=-1",
        "?limit=" + "9" * 400,
        "?q=" + "%F0%9F%8E%89" * 90,
        "?q=%00%ff",
        "?before=1e3",
        "?&&=&=",
        "?host=x",
    ]
)


def _encodes(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


class House:
    """A party in a loop of its own, for tests that Hypothesis calls over and over."""

    def __init__(self, runner: asyncio.Runner, party: Party) -> None:
        self.runner = runner
        self.party = party

    def send(self, method: str, path: str, headers: dict[str, bytes], body: bytes) -> httpx.Response:
        async def one() -> httpx.Response:
            raw = [(name.encode(), value) for name, value in headers.items()]
            async with httpx.AsyncClient(
                transport=self.party.transport, base_url="http://party.test"
            ) as client:
                return await client.request(method, path, headers=raw, content=body)

        return self.runner.run(one())


@pytest.fixture(scope="module", params=["open", "guarded"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        made = party_over(
            MemoryLog(), folder, make_music(folder / "music", 2), open_party=request.param == "open"
        )
        party = runner.run(stack.enter_async_context(made))
        yield House(runner, party)
        runner.run(stack.aclose())


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    method=METHODS,
    path=st.sampled_from(PATHS),
    code=PARTS,
    id_=PARTS,
    query=QUERIES,
    headers=HEADERS,
    body=BODIES,
)
def test_no_request_is_a_bug(
    house: House,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    code: str,
    id_: str,
    query: str,
    headers: dict[str, bytes],
    body: bytes,
) -> None:
    caplog.clear()
    address = path.replace("{code}", code).replace("{id}", id_) + query
    try:
        answer = house.send(method, address, headers, body)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return  # what the client cannot send is no test of the server
    assert answer.status_code < 500, (method, address, headers, body, answer.text)
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR], caplog.text
    if (
        answer.status_code >= 400
        and method != "HEAD"
        and answer.headers["content-type"] == "application/json"
    ):
        said = answer.json()
        assert set(said) == {"code", "message"} and said["code"] in {*CODES, "not_found"}


def test_the_fuzz_gets_through(house: House) -> None:
    """What it sends is not all refused at the door."""
    assert house.send("POST", "/add_track", {}, orjson.dumps(song("a"))).status_code == 200
    assert house.send("GET", "/queue", {"Cookie": b"crowdcue=x"}, b"").status_code == 401


def test_whatever_changes_something_is_closed_to_other_sites(house: House) -> None:
    """CSRF: every route that is not for reading, found by its methods, whoever's cookie comes along."""
    context = house.party.context
    found = 0
    for route in [*rest.routes(context), *media.routes(context)]:
        assert isinstance(route, Route) and route.methods is not None
        for method in route.methods - {"GET", "HEAD"}:
            path = route.path.replace("{code}", "MAIN").replace("{id:path}", "x")
            for origin in (
                b"http://evil.test",
                b"null",
                b"http://party.test.evil.test",
                b"https://party.test:1",
            ):
                answer = house.send(method, path, {"Origin": origin}, b"{}")
                assert refusal(answer) == (403, "forbidden"), (method, path, origin)
                assert "set-cookie" not in answer.headers
            found += 1
    assert found >= 14


def test_reading_hands_nothing_to_other_sites(house: House) -> None:
    for path in PATHS:
        if "get" in DOCUMENT["paths"][path]:
            address = path.replace("{code}", "MAIN").replace("{id}", "x")
            answer = house.send("GET", address, {"Origin": b"http://evil.test"}, b"")
            assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_cookies_are_out_of_reach(house: House) -> None:
    for secure in (False, True):

        async def one(base: str) -> httpx.Response:
            async with httpx.AsyncClient(transport=house.party.transport, base_url=base) as client:
                return await client.get("/")

        cookie = house.runner.run(one(f"http{'s' * secure}://party.test")).headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=lax" in cookie and ("secure" in cookie) == secure


def test_more_rooms_than_a_node_can_have_open_are_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "MAX_OPEN", 5)
    answers = [house.send("POST", "/api/rooms", {}, b'{"name":"x"}') for _ in range(8)]
    assert {answer.status_code for answer in answers} == {200, 503}
    assert len(house.party.context.registry.rooms) == 5
    assert house.send("GET", "/queue", {}, b"").status_code == 200, "those that are open go on"
