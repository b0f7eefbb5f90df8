"""Who goes to which node: by the client's id, its cookie or its token, never by its address."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.cluster.scripted import Nodes, client, nginx, settings

CLIENTS = 200


def node_of(web: httpx.Client, path: str = "/queue", **headers: str) -> str:
    """The node that answers this request."""
    answer = web.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status_code == 200
    return str(answer.json()["node"])


def by_query(web: httpx.Client, who: str) -> str:
    return node_of(web, f"/queue?client={who}", Cookie=f"crowdcue=other{who}")


def by_cookie(web: httpx.Client, who: str) -> str:
    return node_of(web, Cookie=f"crowdcue={who}; theme=dark", Authorization="Bearer same")


def by_token(web: httpx.Client, who: str) -> str:
    return node_of(web, Authorization=f"Bearer {who}")


@pytest.mark.parametrize("ask", [by_query, by_cookie, by_token])
def test_a_client_stays_on_its_node_and_clients_spread(web: httpx.Client, ask) -> None:  # type: ignore[no-untyped-def]
    first = {f"guest{n}": ask(web, f"guest{n}") for n in range(CLIENTS)}
    assert {who: ask(web, who) for who in first} == first
    shares = Counter(first.values())
    assert len(shares) == 5
    # 160 points a node on the ring: shares of a fifth, give or take; a node with a third or a twentieth is a mistake.
    assert min(shares.values()) > CLIENTS * 0.05 and max(shares.values()) < CLIENTS * 0.36


def test_strangers_from_one_address_spread(web: httpx.Client) -> None:
    shares = Counter(node_of(web) for _ in range(CLIENTS))
    assert len(shares) == 5 and max(shares.values()) < CLIENTS * 0.36


def test_one_node_less_moves_only_its_clients(nodes: Nodes, web: httpx.Client, tmp_path: Path) -> None:
    before = {f"guest{n}": by_query(web, f"guest{n}") for n in range(CLIENTS)}
    *kept, gone = nodes.addresses
    with nginx(tmp_path, settings(kept, tmp_path)) as url, client(url) as fewer:
        after = {who: by_query(fewer, who) for who in before}
    stayed = {who for who, node in before.items() if node != gone}
    assert 0 < len(stayed) < CLIENTS
    assert {who: after[who] for who in stayed} == {who: before[who] for who in stayed}
    assert len({after[who] for who in before.keys() - stayed}) > 1, "the others spread too"


def test_a_dead_node_costs_its_clients_nothing(nodes: Nodes, tmp_path: Path) -> None:
    dead = Nodes(1)
    addresses = [*nodes.addresses[:2], *dead.addresses]
    dead.close()
    with nginx(tmp_path, settings(addresses, tmp_path)) as url, client(url) as web:
        asked = [f"guest{n}" for n in range(60)]
        assert {by_query(web, who) for who in asked} == set(addresses[:2])
        # Nobody has seen these writes yet when the connection is refused, so they move on as well.
        assert {web.post(f"/add_track?client={who}", content=b"{}").status_code for who in asked} == {200}
    assert "127.0.0.1" in (tmp_path / "access.log").read_text()
    assert sum(seen.method == "POST" for seen in nodes.seen) == 60
