"""What the tests of the cluster share: scripted nodes behind Nginx, and one real cluster of five nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from loadtest.cluster import Cluster

from tests.cluster.scripted import Nodes, client, nginx, settings, tell_node
from tests.support.servers import make_music

#: Tells which node has answered. Only for tests: guests need not know the addresses behind.
TELL_NODE = "add_header X-Crowdcue-Node $upstream_addr always;"


@pytest.fixture(scope="package")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nodes, str, Path]]:
    """Five scripted nodes, the address of the Nginx before them, and its folder."""
    nodes, folder = Nodes(5), tmp_path_factory.mktemp("scripted")
    with nginx(folder, settings(nodes.addresses, folder)) as url:
        yield nodes, url, folder
    nodes.close()


@pytest.fixture
def nodes(scripted: tuple[Nodes, str, Path]) -> Nodes:
    """Scripted nodes that have seen nothing yet and tell their address."""
    scripted[0].seen.clear()
    scripted[0].answer = tell_node
    return scripted[0]


@pytest.fixture
def web(scripted: tuple[Nodes, str, Path], nodes: Nodes) -> Iterator[httpx.Client]:
    """An HTTP client of the Nginx before them, without a cookie."""
    with client(scripted[1]) as made:
        yield made


@pytest.fixture(scope="package")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small folder of music."""
    return make_music(tmp_path_factory.mktemp("music") / "songs", count=4)


@pytest.fixture(scope="package")
def cluster(music: Path) -> Iterator[Cluster]:
    """Redis, five nodes and Nginx as compose.yaml has them, with nothing limited."""
    with Cluster(5, music=music, variables={"OPEN": "yes"}, nginx_extra=TELL_NODE) as running:
        yield running


class Reach(NamedTuple):
    """How a running party is reached: through Nginx, at each node, and over gRPC."""

    url: str
    nodes: list[str]
    grpc: str


@pytest.fixture
def reach(request: pytest.FixtureRequest) -> Reach:
    """The party that CROWDCUE_TEST_URL names (compose.yaml's `test` profile), else the local cluster."""
    url = os.environ.get("CROWDCUE_TEST_URL")
    if url:
        return Reach(url, os.environ["CROWDCUE_TEST_NODES"].split(), os.environ["CROWDCUE_TEST_GRPC"])
    local: Cluster = request.getfixturevalue("cluster")
    return Reach(local.url, local.node_urls, local.grpc)


@pytest.fixture
def code(reach: Reach) -> str:
    """A room of its own for a test, made through Nginx."""
    made = httpx.post(f"{reach.url}/api/rooms", json={"name": "A test"}, trust_env=False, timeout=15)
    assert made.status_code == 200, made.text
    return str(made.json()["code"])
