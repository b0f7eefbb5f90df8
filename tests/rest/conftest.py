"""Parties for the tests: a guarded one over each log, and an open one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crowdcue.log.contract import RoomLog
from crowdcue.log.memory import MemoryLog
from crowdcue.log.sqlite import SqliteLog
from tests.rest.party import Party, party_over
from tests.support.servers import make_music

# The smallest PNG there is: one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000000000500"
    "010d0a2db40000000049454e44ae426082"
)


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six silent songs of one second, with a picture."""
    folder = make_music(tmp_path_factory.mktemp("music"))
    (folder / "cover.png").write_bytes(PIXEL)
    return folder


@pytest.fixture(scope="session")
def tags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tags of the songs are remembered."""
    return tmp_path_factory.mktemp("tags")


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RoomLog:
    """Each log that needs nothing else."""
    if request.param == "memory":
        return MemoryLog()
    return SqliteLog(tmp_path / "rooms.sqlite3", "process")


@pytest.fixture
async def party(store: RoomLog, tags: Path, music: Path) -> AsyncIterator[Party]:
    """A guarded party."""
    async with party_over(store, tags, music) as made:
        yield made


@pytest.fixture
async def open_party(tags: Path, music: Path) -> AsyncIterator[Party]:
    """An open party."""
    async with party_over(MemoryLog(), tags, music, open_party=True) as made:
        yield made
