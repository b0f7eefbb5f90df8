"""The event loop of a simulation: the virtual loop without system calls, whose executor takes a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from heapq import heappop, heappush
from typing import Any, TypeVar

from tests.support.virtual_loop import VirtualLoop

T = TypeVar("T")

#: How long work for the executor takes (virtual seconds): long enough that the room moves on meanwhile.
WORK: float = 0.02


class SimLoop(VirtualLoop):
    """Nothing here ever reads a socket, and most of a simulation's turns are timers: both are done without asyncio's
    general way, which costs more than what it runs."""

    def __init__(self) -> None:
        super().__init__()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timer = 0

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Of timers for the same moment the one that was set first runs first."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._timer += 1
        heappush(self._timers, (when, self._timer, handle))
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time has come."""

    def _run_once(self) -> None:
        ready: Any = self._ready  # type: ignore[attr-defined]
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heappop(timers)
        if not ready:
            self._jump_to(max(self._now, timers[0][0]) if timers else None)
        while timers and timers[0][0] <= self._now:
            ready.append(heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

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
