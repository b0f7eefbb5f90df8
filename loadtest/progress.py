"""One line that tells how far a run is: written over on a terminal, now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Final, TextIO

#: A bar that is drawn more often costs CPU that the load needs (s).
_EVERY: Final = 0.2
_WIDTH: Final = 30


class Progress:
    """`show` as often as you like."""

    def __init__(self, out: TextIO = sys.stderr, *, quiet: bool = False) -> None:
        self._out = out
        self._quiet = quiet
        self._live = out.isatty()
        self._next = 0.0
        self._shown = False

    def show(self, what: str, done: float, total: float, note: str = "") -> None:
        """`done` of `total`."""
        now = time.monotonic()
        if self._quiet or (now < self._next and done < total) or not self._live:
            return
        self._next = now + _EVERY
        share = min(done / total, 1.0) if total else 1.0
        bar = "█" * int(share * _WIDTH)
        self._out.write(f"\r\x1b[K{what:<28} {bar:<{_WIDTH}} {share:4.0%} {note}")
        self._out.flush()
        self._shown = True

    def say(self, line: str) -> None:
        """A line that stays."""
        if self._quiet:
            return
        self._out.write(f"\r\x1b[K{line}\n" if self._shown else f"{line}\n")
        self._out.flush()
        self._shown = False
