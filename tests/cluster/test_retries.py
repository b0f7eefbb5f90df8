"""What Nginx may send to a second node, and what it must not: no write is ever applied twice."""

from __future__ import annotations

import httpx
import pytest

from tests.cluster.scripted import Nodes, Seen, response, tell_node

KEYED = {"Idempotency-Key": "k1"}
KNOWN = {"Authorization": "Bearer anna"}
COOKIE = {"Cookie": "crowdcue=anna"}


@pytest.fixture
def dying(nodes: Nodes) -> Nodes:
    """The node that gets the first request dies of it, with the whole request in its hands."""
    nodes.answer = lambda seen: None if len(nodes.seen) == 1 else tell_node(seen)
    return nodes


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing"),
        pytest.param(KNOWN, id="token"),
        pytest.param(KEYED, id="key"),  # without a token the second node would take them for somebody else
    ],
)
def test_a_write_that_may_have_been_applied_is_not_repeated(
    dying: Nodes, web: httpx.Client, headers: dict[str, str]
) -> None:
    answer = web.post("/add_track", json={"id": "a"}, headers=headers)
    assert len(dying.seen) == 1
    assert answer.status_code == 503 and answer.json()["code"] == "unavailable"
    assert answer.headers["retry-after"] == "1" and answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("who", [KNOWN, COOKIE], ids=["token", "cookie"])
@pytest.mark.parametrize("path", ["/add_track", "/api/rooms/ABCDEF/vote?up=false"])
def test_a_write_that_the_nodes_recognise_is_repeated(
    dying: Nodes, web: httpx.Client, who: dict[str, str], path: str
) -> None:
    answer = web.post(path, json={"id": "a"}, headers={**KEYED, **who})
    assert answer.status_code == 200
    first, second = dying.seen
    assert first.node != second.node
    assert (second.method, second.path, second.body) == ("POST", path, first.body)
    assert second.headers["idempotency-key"] == "k1"
    assert second.headers["x-forwarded-for"] == "127.0.0.1"


def test_a_read_is_repeated(dying: Nodes, web: httpx.Client) -> None:
    assert web.get("/queue").status_code == 200
    assert len({seen.node for seen in dying.seen}) == 2


def test_a_handshake_goes_on_to_the_next_node(nodes: Nodes, web: httpx.Client) -> None:
    trouble = ["503 Service Unavailable", "502 Bad Gateway", "504 Gateway Timeout"]

    def answer(seen: Seen) -> bytes | None:
        if len(nodes.seen) <= len(trouble):
            return response(status=trouble[len(nodes.seen) - 1])
        return None if len(nodes.seen) == 4 else tell_node(seen)

    nodes.answer = answer
    answered = web.get("/ws/MAIN?client=anna", headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    assert answered.status_code == 200
    assert len({seen.node for seen in nodes.seen}) == 5
    assert all(seen.headers["upgrade"] == "websocket" for seen in nodes.seen)
    assert all(seen.headers["connection"] == "upgrade" for seen in nodes.seen)


def test_a_nodes_own_503_is_the_answer(nodes: Nodes, web: httpx.Client) -> None:
    nodes.answer = lambda _: response('{"code":"unavailable"}', "503 Service Unavailable", Retry_After="7")
    answer = web.get("/queue")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (
        503,
        "7",
        {"code": "unavailable"},
    )
    assert len(nodes.seen) == 1


def test_all_nodes_dead(nodes: Nodes, web: httpx.Client) -> None:
    nodes.answer = lambda _: None
    answer = web.get("/queue")
    assert answer.status_code == 503 and answer.json()["code"] == "unavailable"
    assert len(nodes.seen) == 5, "every node was asked, once"
    page = web.get("/r/ABCDEF", headers={"Accept": "text/html,application/xhtml+xml"})
    assert page.status_code == 503 and page.headers["content-type"] == "text/html"
    assert "refresh" in page.text and page.headers["cache-control"] == "no-store"
