"""Every scenario is told once for each mix of faces and for each way to reach the server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from loadtest.cluster import Cluster

from tests.support.scenario import ManyNodes, OneNode, Reach, Scenario
from tests.support.servers import Server

#: The faces of Anna, Ben and the host.
MIXES = [
    ("json", "json", "json"),
    ("msgpack", "msgpack", "msgpack"),
    ("rest", "rest", "rest"),
    ("rest", "json", "msgpack"),
    ("msgpack", "rest", "json"),
    ("json", "msgpack", "rest"),
    ("grpc", "grpc", "grpc"),
    ("grpc", "json", "rest"),
]


@pytest.fixture(scope="package", params=["one node", "five nodes"])
def reach(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reach]:
    """How the server is reached."""
    if request.param == "one node":
        with Server(tmp_path_factory.mktemp("scenarios") / "data", open_party=False) as server:
            yield OneNode(server)
    else:
        with Cluster(nodes=5) as cluster:
            yield ManyNodes(cluster)


@pytest.fixture(params=MIXES, ids="-".join)
def scenario(request: pytest.FixtureRequest, reach: Reach) -> Scenario:
    """A room with three people, by each mix of faces."""
    return Scenario(reach, request.param)
