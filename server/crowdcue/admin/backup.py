"""A copy of the embedded log in one file, taken while the server runs and writes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from crowdcue.log.sqlite_file import APPLICATION_ID
from crowdcue.node import BadSetting, Options


def backup(options: Options, target: Path) -> str:
    """Copy the rooms to `target`, which must not exist yet, and check the copy. Raises `BadSetting`.

    The copy is the state of one moment: SQLite's backup in one step reads in one transaction, and in WAL mode
    nobody waits for it. It holds the key that signs tokens, so it is its owner's alone, like the original.
    """
    if options.redis:
        raise BadSetting("backup is for the embedded log; copy Redis's append-only file, or use export")
    source = options.data / "rooms.sqlite3"
    if not source.exists():
        raise BadSetting(f"--data {options.data}: no party was ever served from here")
    if target.exists():
        raise BadSetting(f"{target} is there already")
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        rooms = _copy(source, part)
        part.replace(target)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise BadSetting(f"cannot back up to {target}: {error}") from error
    return f"{rooms} parties are in {target}. To use them: make it rooms.sqlite3 in an empty data folder."


def _copy(source: Path, target: Path) -> int:
    """The number of rooms in the copy."""
    with contextlib.closing(sqlite3.connect(target)) as copy:
        with contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as live:
            live.backup(copy)
        # One file that can be carried about; the server that opens it goes back to WAL.
        copy.execute("PRAGMA journal_mode = DELETE")
        if copy.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise sqlite3.DatabaseError("this is not a room log")
        state = copy.execute("PRAGMA quick_check").fetchone()[0]
        if state != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged: {state}")
        rooms: int = copy.execute("SELECT count(*) FROM heads").fetchone()[0]
    handle = os.open(target, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return rooms
