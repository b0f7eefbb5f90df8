"""Clocks of real processes that are set wrong, by the library libfaketime; their steady clock is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

HOUR = 3_600


class Faketime:
    """The clock of whatever runs with `environment`: so many seconds ahead, and to be `set` anew while it runs."""

    def __init__(self, folder: Path, ahead: int = 0) -> None:
        """Skips the test where the library is not installed."""
        found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not found:
            pytest.skip("needs libfaketime to set the clock of a process (Debian: apt install faketime)")
        self._file = folder / "clock"
        self.set(ahead)
        self.environment = {
            # Redis's allocator asks for the time before the library is ready for it; libc's own does not.
            "LD_PRELOAD": f"{found[0]} libc.so.6",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, ahead: int) -> None:
        """From now on the clock is so many seconds ahead of this machine's."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead:+d}\n")
        new.replace(self._file)  # at once: a reader finds the one or the other
