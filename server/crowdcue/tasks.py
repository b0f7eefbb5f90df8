"""Background tasks with an owner: named, kept so none is lost, logged when they fail, ended at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

#: A task that still runs after so long (s) is cancelled once more: before Python 3.12 `asyncio.wait_for`, which
#: redis-py writes with, swallows a cancellation that comes when what it waits for is just done.
AGAIN = 5.0


class Tasks:
    """Owner of tasks. A task that fails is logged; `close` cancels what still runs and waits for it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], name: str | None = None) -> asyncio.Task[None]:
        """Start `work` on the running loop."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task %s failed", task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Cancel every task and wait until they have ended."""
        left: set[asyncio.Task[Any]] = set(self._tasks)
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=AGAIN)
