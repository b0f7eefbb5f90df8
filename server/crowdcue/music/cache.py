"""Remembers the tags of files between runs, by path, size and time of change, in one SQLite file; never a
source of truth."""

import contextlib
import json
import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from crowdcue.music.song import Tags

log = logging.getLogger(__name__)

FORMAT = 1
"""Raise it when `Tags` or its reading changes: an older file is then thrown away."""

Key = tuple[str, int, int]
"""Absolute path, size in bytes, mtime in ns."""
Remembered = Tags | str
"""Tags, or the reason why the file is left out: a damaged file is not read again until it changes."""


class TagCache:
    """All methods block (meant for a thread) and none raises: a broken cache is an empty one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[Key, Remembered]:
        """All that is remembered, in one read; the file is removed when it cannot be used."""
        try:
            with contextlib.closing(self._open()) as db:
                rows = db.execute("SELECT path, size, mtime, tags FROM tags").fetchall()
            return {
                (path.decode("utf-8", "surrogatepass"), size, mtime): cast("Remembered", json.loads(tags))
                for path, size, mtime, tags in rows
            }
        except (sqlite3.Error, OSError, ValueError, TypeError, AttributeError) as error:
            log.warning(
                "the remembered tags in %s are not usable and will be read anew: %s", self._path, error
            )
            for suffix in ("", "-wal", "-shm", "-journal"):
                with contextlib.suppress(OSError):
                    Path(f"{self._path}{suffix}").unlink()
            return {}

    def save(self, new: Iterable[tuple[Key, Remembered]], gone: Iterable[str] = ()) -> None:
        """Remember `new` and forget the paths in `gone`, in one transaction."""
        try:
            with contextlib.closing(self._open()) as db, db:
                db.executemany("DELETE FROM tags WHERE path = ?", ((_bytes(path),) for path in gone))
                db.executemany(
                    "INSERT OR REPLACE INTO tags VALUES (?, ?, ?, ?)",
                    ((_bytes(path), size, mtime, json.dumps(tags)) for (path, size, mtime), tags in new),
                )
        except (sqlite3.Error, OSError) as error:
            log.warning("could not remember tags in %s: %s", self._path, error)

    def _open(self) -> sqlite3.Connection:
        db: Any = sqlite3.connect(self._path, timeout=5)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")  # what a crash loses is read again
            if db.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
                with db:
                    db.execute("DROP TABLE IF EXISTS tags")
                    db.execute(
                        "CREATE TABLE tags (path BLOB PRIMARY KEY, size INTEGER, mtime INTEGER, tags TEXT)"
                    )
                    db.execute(f"PRAGMA user_version = {FORMAT}")
        except BaseException:
            db.close()
            raise
        return cast("sqlite3.Connection", db)


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogatepass")
