"""Tells when something below some folders may have changed: by the system's notices, and by the clock where
there are none."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from watchfiles import Change, awatch

from crowdcue.music.folder import AUDIO_SUFFIXES, COVER_SUFFIXES

log = logging.getLogger(__name__)

QUIET_MS = 1_000
"""A burst of notices ends when nothing comes for a moment; a copy of a large folder is then few rescans."""
RETRY_SECONDS = 30.0
"""After the watcher failed (a limit of the system, a folder unmounted) the folders are polled this often at
first."""
_MUSIC = AUDIO_SUFFIXES | set(COVER_SUFFIXES)


async def changes(
    roots: Sequence[Path], *, poll_seconds: float, force_polling: bool = False
) -> AsyncIterator[None]:
    """Yields when the roots are worth another look, at least every `poll_seconds`, as network shares send no
    notices. Never ends by itself; never raises for a folder that is gone."""
    if force_polling:
        while True:
            await asyncio.sleep(poll_seconds)
            yield
    while True:
        try:
            async for batch in awatch(
                *roots,
                watch_filter=_matters,
                debounce=QUIET_MS * 5,
                step=QUIET_MS // 4,
                rust_timeout=int(poll_seconds * 1000),
                yield_on_timeout=True,
                recursive=True,
                ignore_permission_denied=True,
            ):
                del batch
                yield
        except (OSError, RuntimeError) as error:
            log.warning("cannot watch the music folders, so they are polled: %s", error)
        await asyncio.sleep(min(RETRY_SECONDS, poll_seconds))
        yield


def _matters(change: Change, path: str) -> bool:
    """Music and pictures matter, and whatever may be a folder that came or went."""
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122
    return suffix in _MUSIC or (
        change != Change.modified and suffix not in (".tmp", ".part", ".sqlite-wal", ".log")
    )
