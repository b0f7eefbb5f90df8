"""The rule of a log's time (L9), shared by every backend that stamps entries in Python."""

from __future__ import annotations

import time
from collections.abc import Callable

from .contract import CLOCK_SLACK

#: Reads a clock in ms since 1970; backends take one so that tests can make it jump.
Clock = Callable[[], int]


def time_ms() -> int:
    """The system's clock, in ms since 1970. It may jump; `log_time` makes a log's time of it."""
    return time.time_ns() // 1_000_000


def log_time(clock: int, offset: int, last: int) -> tuple[int, int]:
    """The log's time now and the offset to keep with the head, from the clock and the last entry's time (ms).

    A clock that lags a little (`CLOCK_SLACK`) makes time stand still until it has caught up. One that lags
    more has jumped: waiting for it could take hours, so from here on the offset bridges the gap.
    """
    now = clock + offset
    if now < last - CLOCK_SLACK:
        return last, last - clock
    return max(now, last), offset
