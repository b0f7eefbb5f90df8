"""The same over a real socket: `crowdcue serve`, where bodies, connections and encoded paths are real."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.rest.party import refusal, song
from tests.support.servers import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, music: Path) -> Iterator[Server]:
    """A guarded server with music."""
    with serving(tmp_path_factory.mktemp("data") / "data", open_party=False, music=[music]) as running:
        yield running


@pytest.fixture
def caller(server: Server) -> Iterator[httpx.Client]:
    """A caller who keeps cookies."""
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


def test_add_vote_play_and_look_back(server: Server, caller: httpx.Client) -> None:
    code = caller.post("/api/rooms", json={"name": "Real"}).json()["code"]
    at = f"/api/rooms/{code}"
    assert caller.post(f"{at}/add_track", json=song(5)).json()["queue"][0]["id"] == 5
    assert caller.post(f"{at}/vote", json={"id": 5}).json()["queue"][0]["votes"] == 1
    assert caller.post(f"{at}/play_next").json()["now_playing"]["id"] == 5
    assert [track["play"] for track in caller.get(f"{at}/history").json()] == [1]
    assert caller.get(f"{at}/invite").json()["url"] == f"{server.url}/r/{code}"
    assert caller.post("/clear", headers={"X-Crowdcue-Host": server.host_token}).status_code == 200


def test_a_refused_body_leaves_the_connection_usable(caller: httpx.Client) -> None:
    assert refusal(caller.post("/add_track", content=b" " * 1_000_000)) == (413, "too_large")
    assert caller.get("/queue").status_code == 200


def test_a_body_that_claims_to_be_endless_is_refused_unread(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(b"POST /add_track HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        answer = b""
        while part := raw.recv(65_536):  # until the server hangs up
            answer += part
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"too_large"' in answer


@pytest.mark.parametrize("length", [b"x", b"-1", b"1e3", b"9" * 50])
def test_lengths_that_are_none(server: Server, length: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(
            b"POST /vote HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " + length + b"\r\n\r\n"
        )
        assert raw.recv(65_536).split(b" ")[1] in (b"400", b"413")


def test_paths_are_taken_as_they_come(server: Server, caller: httpx.Client) -> None:
    for path in (
        b"/media/../../etc/passwd",
        b"/media/%2e%2e%2f%2e%2e%2fetc/passwd",
        b"/metadata/..",
        b"/media/%ff",
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert raw.recv(65_536).startswith(b"HTTP/1.1 404"), path


def test_music_in_ranges(caller: httpx.Client) -> None:
    uri = caller.get("/api/search?q=tune").json()["songs"][0]["uri"]
    whole = caller.get(uri)
    part = caller.get(uri, headers={"Range": "bytes=-10"})
    assert (part.status_code, part.content) == (206, whole.content[-10:])
    assert caller.get(uri, headers={"Range": "bytes=99999999-"}).status_code == 416


def test_a_page_of_another_site(caller: httpx.Client) -> None:
    answer = caller.post("/add_track", json=song("a"), headers={"Origin": "http://evil.test"})
    assert refusal(answer) == (403, "forbidden")
