"""Every scenario is told once for each mix of faces and for each way to reach the server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.scenario import OneNode, Reach, Scenario
from tests.support.servers import Server

#: The faces of Anna, Ben and the host.
MIXES = [
    ("json", "json", "json"),
    ("msgpack", "msgpack", "msgpack"),
    ("rest", "rest", "rest"),
    ("rest", "json", "msgpack"),
    ("msgpack", "rest", "json"),
    ("json", "msgpack", "rest"),
]


@pytest.fixture(scope="package", params=["one node"])
def reach(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reach]:
    """How the server is reached."""
    with Server(tmp_path_factory.mktemp("scenarios") / "data", open_party=False) as server:
        yield OneNode(server)


@pytest.fixture(params=MIXES, ids="-".join)
def scenario(request: pytest.FixtureRequest, reach: Reach) -> Scenario:
    """A room with three people, by each mix of faces."""
    return Scenario(reach, request.param)
