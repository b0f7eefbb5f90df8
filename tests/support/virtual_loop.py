"""An event loop whose clock jumps to the next timer when there is nothing to do: seconds pass in no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any, Final, TypeVar

T = TypeVar("T")

#: A test that waits longer than this waits for what will never come (virtual seconds).
LONGEST: Final = 6 * 3_600.0


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for a timer, tells the loop to move its clock there."""

    def __init__(self) -> None:
        super().__init__()
        self.jump: Callable[[float | None], None] = lambda timeout: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and timeout != 0:
            self.jump(timeout)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """No network and no threads: work for an executor is done on the spot."""

    def __init__(self) -> None:
        selector = _JumpingSelector()
        selector.jump = self._jump
        self._now = 1_000.0
        super().__init__(selector)

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    def work(self, seconds: float) -> None:
        """Pretend that what runs now takes so long."""
        self._now += seconds

    def _jump(self, timeout: float | None) -> None:
        self._jump_to(None if timeout is None else self._now + timeout)

    def _jump_to(self, when: float | None) -> None:
        if when is None:
            raise RuntimeError("nothing is left to do, yet the test waits")
        self._now = when
        if self._now > LONGEST:
            raise RuntimeError("the test waits for what never comes")

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Call `func` now."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future
