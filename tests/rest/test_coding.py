"""Compressed files and pages: who gets which coding, and that sizes, tags and ranges are those of what is sent."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.routing import Mount

from crowdcue.faces.coding import Assets, choose
from tests.rest.party import Party

PLAIN = b"let song = 'la la la';\n" * 200
#: Not brotli at all: the server never looks into it.
SMALLEST = b"\x00brotli"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, None),
        ("", None),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br ; q=0 , gzip ; q=0", None),
        ("*", "br"),
        ("*;q=0.3, br;q=0", "gzip"),
        ("*;q=0", None),
        ("identity", None),
        ("identity;q=0.5, gzip;q=0.4", None),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("identity;q=0, gzip;q=0.1", "gzip"),
        ("deflate, zstd", None),
        ("gzip;q=x, br;q=nan", None),
        (";;,,=,q=1", None),
    ],
)
def test_the_coding_that_is_liked_best(accept: str | None, chosen: str | None) -> None:
    assert choose(accept, ["br", "gzip"]) == chosen


@pytest_asyncio.fixture
async def files(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A folder of built files behind `/assets`; the client asks for nothing compressed by itself."""
    (tmp_path / "room-1.js").write_bytes(PLAIN)
    (tmp_path / "room-1.js.br").write_bytes(SMALLEST)
    (tmp_path / "room-1.js.gz").write_bytes(gzip.compress(PLAIN, mtime=0))
    (tmp_path / "font-1.woff2").write_bytes(b"font")
    app = Starlette(routes=[Mount("/assets", Assets(directory=tmp_path))])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://party/assets") as client:
        client.headers["Accept-Encoding"] = "identity"
        yield client


async def raw(client: httpx.AsyncClient, accept: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """The answer, and its bytes as they were sent."""
    asked = {"Accept-Encoding": accept, **headers}
    async with client.stream("GET", "/room-1.js", headers=asked) as answer:
        return answer, b"".join([part async for part in answer.aiter_raw()])


@pytest.mark.parametrize(("accept", "coding"), [("gzip, br", "br"), ("gzip", "gzip"), ("zstd", None)])
async def test_a_file_goes_out_as_it_lies_there(
    files: httpx.AsyncClient, tmp_path: Path, accept: str, coding: str | None
) -> None:
    answer, body = await raw(files, accept)
    suffix = {"br": ".br", "gzip": ".gz", None: ""}[coding]
    assert body == (tmp_path / f"room-1.js{suffix}").read_bytes()
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["content-length"] == str(len(body))
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"

    head = await files.head("/room-1.js", headers={"Accept-Encoding": accept})
    assert dict(head.headers) == dict(answer.headers)
    assert head.content == b""


async def test_each_coding_has_a_tag_of_its_own(files: httpx.AsyncClient) -> None:
    tags = {accept: (await raw(files, accept))[0].headers["etag"] for accept in ("br", "gzip", "identity")}
    assert len(set(tags.values())) == 3
    for accept in tags:
        again, body = await raw(files, accept, **{"If-None-Match": tags["br"]})
        if accept != "br":
            assert again.status_code == 200, "the bytes of one coding are no proof of having another's"
            continue
        assert (again.status_code, body) == (304, b"")
        assert again.headers["vary"] == "Accept-Encoding" and again.headers["etag"] == tags["br"]
        assert "immutable" in again.headers["cache-control"]
        assert "content-encoding" not in again.headers


async def test_a_range_is_one_of_the_bytes_that_are_sent(files: httpx.AsyncClient) -> None:
    part, body = await raw(files, "br", Range="bytes=1-3")
    assert (part.status_code, body) == (206, SMALLEST[1:4])
    assert part.headers["content-range"] == f"bytes 1-3/{len(SMALLEST)}"
    assert part.headers["content-encoding"] == "br"
    plain, body = await raw(files, "identity", Range="bytes=1-3")
    assert (plain.status_code, body) == (206, PLAIN[1:4])
    assert plain.headers["content-range"] == f"bytes 1-3/{len(PLAIN)}"
    assert "content-encoding" not in plain.headers
    beyond, _ = await raw(files, "br", Range="bytes=100-")
    assert beyond.status_code == 416
    # A range of what was there in another coding starts from the beginning.
    other, body = await raw(files, "gzip", Range="bytes=1-3", **{"If-Range": part.headers["etag"]})
    assert other.status_code == 200 and gzip.decompress(body) == PLAIN


async def test_what_is_not_there(files: httpx.AsyncClient) -> None:
    for path in ("/none.js", "/room-1.js.br", "/room-1.js.gz", "/", "/../conftest.py", "/%00", "/x" * 3000):
        assert (await files.get(path, headers={"Accept-Encoding": "br"})).status_code == 404, path[:20]
    assert (await files.post("/room-1.js")).status_code == 405
    font = await files.get("/font-1.woff2", headers={"Accept-Encoding": "br"})
    assert font.content == b"font" and "content-encoding" not in font.headers and "vary" not in font.headers


async def test_pages_are_compressed_where_that_is_understood(party: Party) -> None:
    caller = party.caller()
    plain = await caller.get("/r/MAIN", headers={"Accept-Encoding": "identity"})
    if "<base" not in plain.text:
        pytest.skip("the pages are not built")
    assert "content-encoding" not in plain.headers
    small = await caller.get("/r/MAIN", headers={"Accept-Encoding": "gzip, br"})
    assert small.headers["content-encoding"] == "gzip" and small.text == plain.text
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"])
    assert {plain.headers["vary"], small.headers["vary"]} == {"Accept-Encoding"}
    # Who looks at it later gets a new one: it is the page of a moment, and made for one person.
    assert small.headers["cache-control"] == "private, no-cache"
