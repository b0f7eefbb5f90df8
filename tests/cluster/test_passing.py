"""What Nginx passes on, adds, refuses and keeps: headers, bodies, files and its log."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from loadtest.cluster import Cluster

from tests.cluster.scripted import Nodes, Seen, client, response

IMMUTABLE = "public, max-age=31536000, immutable"


def test_headers_towards_a_node(nodes: Nodes, web: httpx.Client) -> None:
    spoofed = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "Origin": "http://party:1"}
    for path in ("/queue", "/ws/MAIN", "/media/1"):
        web.get(path, headers=spoofed)
        headers = nodes.seen[-1].headers
        assert headers["host"] == web.base_url.netloc.decode(), "with its port, or no Origin would ever fit"
        assert headers["x-forwarded-for"] == "127.0.0.1"
        assert headers["x-forwarded-proto"] == "http"
        assert headers["origin"] == "http://party:1"


def test_a_guest_address_as_the_nodes_see_it(nodes: Nodes, scripted: tuple[Nodes, str, Path]) -> None:
    transport = httpx.HTTPTransport(local_address="127.0.0.7")
    with httpx.Client(transport=transport, trust_env=False) as guest:
        guest.get(f"{scripted[1]}/queue")
    assert nodes.seen[-1].headers["x-forwarded-for"] == "127.0.0.7"


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/add_track", 60_000, 200),
        ("/add_track", 70_000, 413),
        ("/sync", 2_000_000, 200),
        ("/api/rooms/ABCDEF/sync", 2_000_000, 200),
        ("/sync", 9_000_000, 413),
        ("/api/rooms/ABCDEF/add_track", 70_000, 413),
    ],
)
def test_bodies(nodes: Nodes, web: httpx.Client, path: str, size: int, status: int) -> None:
    answer = web.post(path, content=b"x" * size)
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["code"] == "too_large" and not nodes.seen
    else:
        assert len(nodes.seen[0].body) == size


def test_metrics_stay_inside(nodes: Nodes, web: httpx.Client) -> None:
    assert web.get("/metrics").status_code == 404
    assert not nodes.seen


def test_paths_are_passed_as_they_are(nodes: Nodes, web: httpx.Client) -> None:
    path = "/api/rooms/MAIN/metadata/a%2Fb%20%C3%A9?x=%2F"
    web.get(path)
    assert nodes.seen[0].path == path


def test_an_asset_is_asked_for_once(nodes: Nodes, scripted: tuple[Nodes, str, Path]) -> None:
    asked = threading.Event()

    def slowly(_: Seen) -> bytes:
        asked.wait(0.3)  # long enough for the others to come and wait
        return response("body{}", Content_Type="text/css", Cache_Control=IMMUTABLE)

    nodes.answer = slowly
    with client(scripted[1]) as web, ThreadPoolExecutor(8) as phones:
        answers = list(phones.map(lambda _: web.get("/assets/room-1.css"), range(8)))
        answers.append(web.get("/assets/room-1.css"))
    assert {(a.status_code, a.text, a.headers["cache-control"]) for a in answers} == {
        (200, "body{}", IMMUTABLE)
    }
    assert len(nodes.seen) == 1


def test_an_asset_that_only_some_nodes_have(nodes: Nodes, web: httpx.Client) -> None:
    new = nodes.addresses[2]
    nodes.answer = lambda seen: response(status="200 OK" if seen.node == new else "404 Not Found")
    assert [web.get(f"/assets/new-{n}.js").status_code for n in range(10)] == [200] * 10
    nodes.answer = lambda _: response("no", status="404 Not Found")
    assert web.get("/assets/none.js").status_code == 404


def test_only_what_is_public_is_kept(nodes: Nodes, web: httpx.Client) -> None:
    nodes.answer = lambda _: response(Cache_Control="no-cache")
    for _ in range(2):
        web.get("/assets/changing.js")
        web.get("/artwork/1")
    assert len(nodes.seen) == 4


def test_ranges_pass_through(nodes: Nodes, web: httpx.Client) -> None:
    nodes.answer = lambda _: response("23", "206 Partial Content", Content_Range="bytes 2-3/10")
    answer = web.get("/media/1", headers={"Range": "bytes=2-3"})
    assert (answer.status_code, answer.text, answer.headers["content-range"]) == (206, "23", "bytes 2-3/10")
    assert nodes.seen[0].headers["range"] == "bytes=2-3"


def test_pages_are_compressed_and_json_is_not(nodes: Nodes, web: httpx.Client) -> None:
    text = "x" * 5000
    for kind, encoding in (("text/html", "gzip"), ("text/javascript", "gzip"), ("application/json", None)):
        nodes.answer = lambda _, kind=kind: response(text, Content_Type=kind)  # type: ignore[misc]
        assert web.get("/r/MAIN").headers.get("content-encoding") == encoding


def test_the_log_tells_no_secrets(nodes: Nodes, web: httpx.Client, scripted: tuple[Nodes, str, Path]) -> None:
    web.get("/r/MAIN?host=s3cr3t", headers={"Cookie": "crowdcue=s3cr3t", "Referer": "http://x/?host=s3cr3t"})
    log = (scripted[2] / "access.log").read_text()
    assert '"GET /r/MAIN" 200' in log and "s3cr3t" not in log
    assert f"node={nodes.seen[-1].node}" in log


def test_nodes_believe_what_nginx_says_of_the_address(cluster: Cluster) -> None:
    """Without a token, an open party knows callers by their address; spoofed ones get nowhere."""
    code = httpx.post(f"{cluster.url}/api/rooms", json={}, trust_env=False).json()["code"]
    by = set()
    for last in (7, 9):
        transport = httpx.HTTPTransport(local_address=f"127.0.0.{last}")
        with httpx.Client(transport=transport, headers={"X-Forwarded-For": "1.2.3.4"}) as guest:
            song = {"id": f"s{last}", "title": "A title", "artist": "An artist", "duration": 100}
            queue = guest.post(f"{cluster.url}/api/rooms/{code}/add_track", json=song).json()["queue"]
            by |= {track["by"]["id"] for track in queue}
    assert by == {"anon:127.0.0.7", "anon:127.0.0.9"}
