"""Servers that the black-box tests share: one for trusted networks (`--open`) and one as a party has it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.servers import Server, make_music
from tests.support.talk import RoomKey, new_room


@pytest.fixture(scope="package")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Everybody is a host and nothing is limited."""
    folder = tmp_path_factory.mktemp("open")
    with Server(folder / "data", music=[make_music(folder / "music", seconds=1.5)]) as server:
        yield server


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Guests and hosts, limits and all."""
    folder = tmp_path_factory.mktemp("house")
    with Server(folder / "data", open_party=False, music=[make_music(folder / "music")]) as server:
        yield server


@pytest.fixture
def open_room(open_server: Server) -> RoomKey:
    """A room of its own on the open server."""
    return new_room(open_server)


@pytest.fixture
def room(house: Server) -> RoomKey:
    """A room of its own in the house."""
    return new_room(house)
