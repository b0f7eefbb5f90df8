"""The event loop of a simulation: the virtual loop without system calls, whose executor takes a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from tests.support.virtual_loop import VirtualLoop

T = TypeVar("T")

#: How long work for the executor takes (virtual seconds): long enough that the room moves on meanwhile.
WORK: float = 0.02


class SimLoop(VirtualLoop):
    """Nothing here ever reads a socket, so looking for input would be the dearest part of an idle turn."""

    def __init__(self) -> None:
        super().__init__()
        self._selector.select = self._no_input  # type: ignore[attr-defined]

    def _no_input(self, timeout: float | None = None) -> list[Any]:
        if timeout != 0:
            self._jump(timeout)
        return []

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Call `func` a moment later, as a thread would: what it was given must not have changed by then."""
        future: asyncio.Future[T] = self.create_future()

        def work() -> None:
            if future.done():
                return
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)

        self.call_later(WORK, work)
        return future
