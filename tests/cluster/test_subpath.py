"""A whole party below a sub-path, /party, through Nginx: pages, files, API, WebSocket, and who its cookie is for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from loadtest.cluster import Cluster
from websockets.asyncio.client import connect

from crowdcue.client import Party


@pytest.fixture(scope="module")
def below(music: Path) -> Iterator[Cluster]:
    """Two nodes below /party, with limits and hosts as a party has them."""
    with Cluster(2, music=music, variables={"ROOT_PATH": "/party"}) as running:
        yield running


@pytest.fixture
def web(below: Cluster) -> Iterator[httpx.Client]:
    """A browser's requests. Paths are below /party."""
    assert below.url.endswith("/party")
    with httpx.Client(base_url=below.url, trust_env=False, timeout=15) as made:
        yield made


def test_pages_and_their_files(below: Cluster, web: httpx.Client) -> None:
    for path in ("/", "/r/MAIN", "/r/MAIN/stage"):
        page = web.get(path)
        assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    if "<base" not in page.text:
        pytest.skip("the pages are not built")
    assert '<base href="/party/"' in page.text
    files = re.findall(r'(?:src|href)="(?:\./)?(assets/[^"]+)"', page.text)
    assert files
    for file in files:
        answer = web.get(f"/{file}")
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]


def test_the_cookie_is_for_the_party_only(web: httpx.Client) -> None:
    web.get("/r/MAIN")
    (cookie,) = web.cookies.jar
    assert (cookie.name, cookie.path) == ("crowdcue", "/party")


def test_the_door_without_its_slash(below: Cluster, web: httpx.Client) -> None:
    moved = web.get(below.url)  # httpx adds no slash to a whole address
    assert (moved.status_code, moved.headers["location"]) == (301, "/party/")
    outside = web.get(below.url.removesuffix("/party") + "/queue")
    assert outside.status_code == 404


async def test_api_and_socket(below: Cluster, web: httpx.Client) -> None:
    made = web.post(
        "/api/rooms", json={"name": "Below"}, headers={"Origin": below.url.removesuffix("/party")}
    )
    assert made.status_code == 200
    code = made.json()["code"]
    async with Party(below.url, code, name="Anna", host=made.json()["host_token"]) as anna:
        assert anna.you["role"] == "host"
        (song, *_) = await anna.search()
        await anna.add(song["id"])
        assert anna.queue[0]["uri"].startswith("/")
        assert web.get(f"/api/rooms/{code}/queue").json()[0]["id"] == anna.queue[0]["id"]
        part = web.get(f"/media/{song['id']}", headers={"Range": "bytes=0-9"})
        assert part.status_code == 206 and len(part.content) == 10


async def test_pages_of_others_are_kept_out(below: Cluster, web: httpx.Client) -> None:
    ours = below.url.removesuffix("/party")
    for origin, code in ((ours, None), ("http://elsewhere.example", 4403)):
        async with connect(f"{below.ws_url}/ws/MAIN", origin=origin, proxy=None) as socket:  # type: ignore[arg-type]
            if code is None:
                await socket.send('{"t":"hello","name":"Anna"}')
                assert '"welcome"' in str(await socket.recv())
            else:
                await socket.wait_closed()
                assert socket.close_code == code
    assert web.post("/add_track", json={}, headers={"Origin": "http://elsewhere.example"}).status_code == 403


def test_the_hosts_link_leads_through_nginx(below: Cluster, web: httpx.Client) -> None:
    assert below.host_token
    page = web.get(f"/r/MAIN?host={below.host_token}")
    assert page.status_code == 200
    printed = below.node(1).find(r"Guests\s+(\S+)") or below.node(2).find(r"Guests\s+(\S+)")
    assert printed is not None and printed[1] == f"{below.url}/r/MAIN"
