"""Tells when something below some folders may have changed: by the system's notices, or else by the clock."""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from watchfiles import Change, watch

from crowdcue.music.folder import AUDIO_SUFFIXES, COVER_SUFFIXES

log = logging.getLogger(__name__)

QUIET_MS = 250
"""A burst of notices ends when nothing comes for so long; a copy of a large folder is then few rescans."""
BURST_MS = 5_000
"""A burst that does not end is passed on after this long."""
RETRY_SECONDS = 30.0
"""After the watcher failed (a limit of the system, a folder unmounted) it is tried again, and polled, this often."""
_MUSIC = AUDIO_SUFFIXES | set(COVER_SUFFIXES)


async def changes(
    roots: Sequence[Path], *, poll_seconds: float, force_polling: bool = False
) -> AsyncIterator[None]:
    """Yields when the roots are worth another look, at least every `poll_seconds`, as network shares send no
    notices. Never ends by itself; never raises for a folder that is gone."""
    while True:
        if not force_polling:
            stop = threading.Event()
            # In a thread, also its start: asking for notices about thousands of folders takes a while.
            notices = watch(
                *roots,
                watch_filter=_matters,
                debounce=BURST_MS,
                step=QUIET_MS,
                stop_event=stop,
                rust_timeout=int(poll_seconds * 1000),
                yield_on_timeout=True,
                raise_interrupt=False,
                recursive=True,
                ignore_permission_denied=True,
            )
            try:
                while await asyncio.to_thread(next, notices, None) is not None:
                    yield
            except (OSError, RuntimeError) as error:
                log.warning("cannot watch the music folders, so they are polled: %s", error)
            finally:
                stop.set()  # the thread ends within a moment, and the watcher with it
        await asyncio.sleep(min(RETRY_SECONDS, poll_seconds))
        yield


def _matters(change: Change, path: str) -> bool:
    """Music and pictures matter, and whatever may be a folder that came or went."""
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122
    if suffix in _MUSIC:
        return True
    return change != Change.modified and suffix not in (".tmp", ".part", ".sqlite-wal", ".log")
