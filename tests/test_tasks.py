"""Tasks with an owner: what fails is told, and all have ended when the owner closes."""

from __future__ import annotations

import asyncio

import pytest

from crowdcue import tasks
from crowdcue.tasks import Tasks


async def test_one_that_fails_is_logged_by_its_name(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("at once")

    owner = Tasks()
    owner.spawn(fail(), "the unlucky one")
    await asyncio.sleep(0.01)
    assert "the unlucky one failed" in caplog.text and "at once" in caplog.text
    await owner.close()


async def test_one_that_swallows_a_cancellation_is_ended_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "AGAIN", 0.05)
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        for last in (False, False, True):
            try:
                await asyncio.sleep(2)  # where nobody ends it, the test fails and does not hang
            except asyncio.CancelledError:
                swallowed += 1
                if last:
                    raise

    owner = Tasks()
    task = owner.spawn(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await owner.close()
    assert task.cancelled() and swallowed == 3
