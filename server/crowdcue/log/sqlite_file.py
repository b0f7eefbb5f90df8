"""Opens the database file of the embedded log: mode, format, pragmas, schema."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from .contract import Durability, Unavailable

#: The format of the tables below, kept as SQLite's `user_version`. Raise it when they change.
FORMAT = 1
#: SQLite's `application_id`, which tells our files from any other database: "Cdcq".
APPLICATION_ID = 0x43646371
#: How long to wait for a lock that another process holds, e.g. somebody looking with the sqlite3 tool (s).
BUSY_TIMEOUT = 5.0
#: The write-ahead log is cut back to this after a burst (bytes).
WAL_LIMIT = 64 * 1024 * 1024

SCHEMA = """
CREATE TABLE heads (          -- the newest version of each room, and the first entry it still holds
    room TEXT PRIMARY KEY, seq INTEGER NOT NULL, chain TEXT NOT NULL, at INTEGER NOT NULL,
    clock_offset INTEGER NOT NULL, first INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE entries (        -- with a rowid: large payloads do not belong inside an index
    room TEXT NOT NULL, seq INTEGER NOT NULL, prev TEXT NOT NULL, chain TEXT NOT NULL, at INTEGER NOT NULL,
    producer TEXT NOT NULL, number INTEGER NOT NULL, payload BLOB NOT NULL, UNIQUE (room, seq)
);
CREATE TABLE producers (      -- the last append of each
    room TEXT NOT NULL, producer TEXT NOT NULL, number INTEGER NOT NULL,
    seq INTEGER NOT NULL, chain TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (room, producer)
) WITHOUT ROWID;
CREATE TABLE snapshots (      -- the newest one, and as previous the seq of the one before
    room TEXT PRIMARY KEY, seq INTEGER NOT NULL, chain TEXT NOT NULL, plays INTEGER NOT NULL,
    data BLOB NOT NULL, previous INTEGER NOT NULL
);
CREATE TABLE plays (
    room TEXT NOT NULL, play INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (room, play)
) WITHOUT ROWID;
CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
#: Came later. Older code does not look at it and works all the same, so the format is still the same.
TOMBSTONES = (
    "CREATE TABLE IF NOT EXISTS tombstones (room TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID"
)


def open_writer(path: Path, durability: Durability) -> sqlite3.Connection:
    """The connection that writes; makes the file when there is none. Raises `Unavailable` or `OSError`."""
    _make_private(path)
    connection = _connect(path)
    try:
        if _is_empty(connection, path):
            _set_up(connection)
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise Unavailable(f"{path}: this file system does not allow SQLite's WAL mode (a network drive?)")
        # FULL syncs the WAL at every commit. NORMAL leaves that to the system: the page cache outlives a
        # killed process, but not a power cut.
        connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'disk' else 'NORMAL'}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        connection.execute(TOMBSTONES)
    except sqlite3.Error as error:
        connection.close()
        raise Unavailable(f"{path} cannot be used as the room log: {error}") from error
    except Unavailable:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection beside the writer's that only reads, and so never waits for a commit."""
    connection = _connect(path)
    try:
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        connection.close()
        raise Unavailable(f"{path} cannot be read: {error}") from error
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT)
    except sqlite3.Error as error:
        raise Unavailable(f"{path} cannot be opened: {error}") from error


def _make_private(path: Path) -> None:
    """See that the file exists and is its owner's alone: it holds secrets. SQLite's side files follow."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(0o600)
        return
    os.close(handle)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # SQLite does this for its WAL, but not for the database file itself
    finally:
        os.close(folder)


def _is_empty(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is new; raises `Unavailable` unless it is that or one of our format."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application == APPLICATION_ID:
        if version != FORMAT:
            raise Unavailable(
                f"{path} is a room log of format {version}, and this Crowdcue knows format {FORMAT} only: "
                "run the version that wrote it, or choose another data folder"
            )
        return False
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application or version or tables:
        raise Unavailable(f"{path} is a database of another program")
    return True


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA.split(";")[:-1]:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")
