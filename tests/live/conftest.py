"""All tests here run in virtual time, and none may leave an error in the log unnoticed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest

from tests.live.world import World
from tests.support.virtual_loop import VirtualLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """One loop, which pytest-asyncio makes for every test."""
    return {"virtual": VirtualLoop}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A store and nobody there yet; closed in order after the test."""
    world = World()
    yield world
    await world.close()


@pytest.fixture(autouse=True)
def no_task_fails(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A background task that failed fails the test."""
    yield
    failed = [r for r in caplog.get_records("call") if r.name == "crowdcue.tasks" or r.name == "asyncio"]
    assert not [r.getMessage() for r in failed if r.levelno >= logging.ERROR]
