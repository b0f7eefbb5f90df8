"""Token buckets: so much at once, then so much per second; one alone for a session, a bounded table for callers."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

#: Callers remembered by one table: more than any party has, and a few MB. Who is forgotten starts anew.
MAX_BUCKETS: Final = 20_000


class Bucket:
    """Holds `burst` at most and refills at `rate` a second. Times are in seconds of any steady clock."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._left = float(burst)
        self._at: float | None = None

    def take(self, now: float) -> float:
        """Take one: 0 when there was one, else nothing is taken and the answer is how long to wait (s)."""
        wait = self.wait(now)
        if not wait:
            self._left -= 1
        return wait

    def wait(self, now: float) -> float:
        """How long until one can be taken (s), 0 when there is one; takes none."""
        if self._at is not None:
            self._left = min(self._left + (now - self._at) * self._rate, self._burst)
        self._at = now
        return 0.0 if self._left >= 1 else (1 - self._left) / self._rate


class Buckets:
    """One bucket per key, for those seen last."""

    __slots__ = ("_burst", "_kept", "_most", "_rate")

    def __init__(self, burst: float, rate: float, most: int = MAX_BUCKETS) -> None:
        self._burst = burst
        self._rate = rate
        self._most = most
        self._kept: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """`Bucket.take` from the bucket of `key`."""
        bucket = self._kept.get(key)
        if bucket is None:
            bucket = self._kept[key] = Bucket(self._burst, self._rate)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return bucket.take(now)

    def wait(self, key: str, now: float) -> float:
        """`Bucket.wait` of the bucket of `key`; 0 for one that is not kept."""
        bucket = self._kept.get(key)
        return 0.0 if bucket is None else bucket.wait(now)

    def __len__(self) -> int:
        return len(self._kept)
