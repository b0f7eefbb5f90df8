"""What the embedded log reads and writes: plain functions of a connection that is inside a transaction.

Each checks first and writes afterwards, so one that raises a `LogError` has changed nothing.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Sequence

from .clock import log_time
from .contract import (
    PRODUCER_TTL,
    TOMBSTONE_TTL,
    Entry,
    LogError,
    NoSuchRoom,
    Play,
    Position,
    RoomExists,
    Snapshot,
    Trimmed,
    Unavailable,
    link,
)

#: Entries trimmed in one transaction: a longer one would keep every room's appends waiting.
TRIM_AT_ONCE = 2_000

_HEAD_AND_PRODUCER = """
SELECT h.seq, h.chain, h.at, h.clock_offset, p.number, p.seq, p.chain, p.at
FROM heads h LEFT JOIN producers p ON p.room = h.room AND p.producer = ? WHERE h.room = ?
"""
_KEEP_PRODUCER = (
    "INSERT OR REPLACE INTO producers (room, producer, number, seq, chain, at) VALUES (?, ?, ?, ?, ?, ?)"
)
_KEEP_SNAPSHOT = (
    "INSERT OR REPLACE INTO snapshots (room, seq, chain, plays, data, previous) VALUES (?, ?, ?, ?, ?, ?)"
)


def create(db: sqlite3.Connection, room: str, clock: int) -> Position:
    """A new head at seq 0; raises `RoomExists`."""
    chain = secrets.token_hex(20)
    added = db.execute(
        "INSERT INTO heads (room, seq, chain, at, clock_offset, first) VALUES (?, 0, ?, ?, 0, 1) "
        "ON CONFLICT DO NOTHING",
        (room, chain, clock),
    )
    if not added.rowcount:
        raise RoomExists(room)
    db.execute("DELETE FROM tombstones WHERE room = ?", (room,))
    return Position(0, chain, clock, clock)


def delete(db: sqlite3.Connection, room: str, clock: int | None) -> None:
    """Forget every row of the room; with the time, leave a tombstone."""
    if clock is not None:
        db.execute("DELETE FROM tombstones WHERE at <= ?", (clock - TOMBSTONE_TTL,))
        db.execute("INSERT OR REPLACE INTO tombstones (room, at) VALUES (?, ?)", (room, clock))
    for table in ("heads", "entries", "producers", "snapshots", "plays"):
        db.execute(f"DELETE FROM {table} WHERE room = ?", (room,))


def append(
    db: sqlite3.Connection, room: str, producer: str, number: int, payload: bytes, clock: int
) -> tuple[Position, Entry | None]:
    """The position of this append, and its entry if it was written now."""
    row = db.execute(_HEAD_AND_PRODUCER, (producer, room)).fetchone()
    if row is None:
        raise NoSuchRoom(room)
    seq, prev, last, offset, known, known_seq, known_chain, known_at = row
    at, new_offset = log_time(clock, offset, last)
    if known is not None and number <= known:
        if number < known:
            raise LogError(f"{producer} has sent number {known} to {room}; {number} comes too late")
        return Position(known_seq, known_chain, known_at, at), None
    seq += 1
    chain = link(prev, seq, at, producer, number, payload)
    db.execute(
        "INSERT INTO entries (room, seq, prev, chain, at, producer, number, payload) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (room, seq, prev, chain, at, producer, number, payload),
    )
    db.execute(_KEEP_PRODUCER, (room, producer, number, seq, chain, at))
    db.execute(
        "UPDATE heads SET seq = ?, chain = ?, at = ?, clock_offset = ? WHERE room = ?",
        (seq, chain, at, new_offset, room),
    )
    return Position(seq, chain, at, at), Entry(seq, prev, chain, at, producer, number, payload)


def read(db: sqlite3.Connection, room: str, after: int, limit: int) -> list[Entry]:
    """Entries after `after`; raises `NoSuchRoom` or `Trimmed`."""
    head = db.execute("SELECT first FROM heads WHERE room = ?", (room,)).fetchone()
    if head is None:
        raise NoSuchRoom(room)
    if after < head[0] - 1:
        raise Trimmed(f"{room} holds entries from {head[0]}, not from {after + 1}")
    rows = db.execute(
        "SELECT seq, prev, chain, at, producer, number, payload FROM entries "
        "WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?",
        (room, after, max(limit, 0)),
    )
    return [Entry(*row) for row in rows]


def positions(
    db: sqlite3.Connection, rooms: Sequence[str], clock: int
) -> tuple[dict[str, Position], list[str]]:
    """The heads of `rooms`, and the rooms for which the clock has jumped back."""
    rows = db.execute(
        "SELECT room, seq, chain, at, clock_offset FROM heads WHERE room IN (SELECT value FROM json_each(?))",
        (json.dumps(list(rooms)),),
    )
    found: dict[str, Position] = {}
    jumped: list[str] = []
    for room, seq, chain, at, offset in rows:
        now, new_offset = log_time(clock, offset, at)
        found[room] = Position(seq, chain, at, now)
        if new_offset != offset:
            jumped.append(room)
    return found, jumped


def settle_clock(db: sqlite3.Connection, rooms: Sequence[str], clock: int) -> None:
    """Keep the offset that the clock's jump asks for, so that time goes on before the next append."""
    for room in rooms:
        row = db.execute("SELECT clock_offset, at FROM heads WHERE room = ?", (room,)).fetchone()
        if row is not None:
            _, offset = log_time(clock, *row)
            db.execute("UPDATE heads SET clock_offset = ? WHERE room = ?", (offset, room))


def snapshot(db: sqlite3.Connection, room: str) -> Snapshot | None:
    """The newest snapshot; raises `NoSuchRoom`."""
    row = db.execute(
        "SELECT s.seq, s.chain, s.plays, s.data FROM heads h LEFT JOIN snapshots s ON s.room = h.room "
        "WHERE h.room = ?",
        (room,),
    ).fetchone()
    if row is None:
        raise NoSuchRoom(room)
    return None if row[0] is None else Snapshot(*row)


def checkpoint(
    db: sqlite3.Connection,
    room: str,
    taken: Snapshot,
    finished: Sequence[Play],
    cleared: int,
    clock: int,
    keep_plays: int,
) -> bool:
    """Store a snapshot with its plays and read it back; False if not newer, or not of this log's past."""
    row = db.execute(
        "SELECT h.at, h.clock_offset, s.seq FROM heads h LEFT JOIN snapshots s ON s.room = h.room "
        "WHERE h.room = ?",
        (room,),
    ).fetchone()
    if row is None:
        raise NoSuchRoom(room)
    at, offset, previous = row
    if previous is not None and previous >= taken.seq:
        return False
    if _chain_at(db, room, taken.seq) != taken.chain:
        return False  # a replica that missed a failover must not plant its fork here
    db.execute(_KEEP_SNAPSHOT, (room, taken.seq, taken.chain, taken.plays, taken.data, previous or 0))
    db.executemany(
        "INSERT OR REPLACE INTO plays (room, play, data) VALUES (?, ?, ?)",
        [(room, play.play, play.data) for play in finished],
    )
    newest = db.execute("SELECT max(play) FROM plays WHERE room = ?", (room,)).fetchone()[0] or 0
    db.execute("DELETE FROM plays WHERE room = ? AND play <= ?", (room, max(cleared, newest - keep_plays)))
    now, _ = log_time(clock, offset, at)
    db.execute("DELETE FROM producers WHERE room = ? AND at < ?", (room, now - PRODUCER_TTL))
    if snapshot(db, room) != taken:
        raise Unavailable(f"the snapshot of {room} does not read back as it was written")
    return True


def trim(db: sqlite3.Connection, room: str, keep_entries: int) -> bool:
    """Drop some entries behind the previous snapshot; True while there are more to drop."""
    row = db.execute(
        "SELECT h.first, min(s.previous, h.seq - ?) + 1 FROM heads h JOIN snapshots s ON s.room = h.room "
        "WHERE h.room = ?",
        (keep_entries, room),
    ).fetchone()
    if row is None:
        return False
    first, target = row
    until = min(target, first + TRIM_AT_ONCE)
    if until <= first:
        return False
    db.execute("DELETE FROM entries WHERE room = ? AND seq < ?", (room, until))
    db.execute("UPDATE heads SET first = ? WHERE room = ?", (until, room))
    return bool(until < target)


def plays(db: sqlite3.Connection, room: str, before: int | None, limit: int) -> list[Play]:
    """Archived plays with number < `before`, newest first."""
    rows = db.execute(
        "SELECT play, data FROM plays WHERE room = ? AND play < ? ORDER BY play DESC LIMIT ?",
        (room, before if before is not None else 2**63 - 1, max(limit, 0)),
    )
    return [Play(*row) for row in rows]


def restore(db: sqlite3.Connection, room: str, taken: Snapshot, at: int, clock: int) -> bool:
    """A head and a snapshot where there was no room; False when there is one, or it was deleted for good."""
    deleted = db.execute("SELECT at FROM tombstones WHERE room = ?", (room,)).fetchone()
    if deleted is not None and clock - deleted[0] < TOMBSTONE_TTL:
        return False
    added = db.execute(
        "INSERT INTO heads (room, seq, chain, at, clock_offset, first) VALUES (?, ?, ?, ?, 0, ?) "
        "ON CONFLICT DO NOTHING",
        (room, taken.seq, taken.chain, at, taken.seq + 1),
    )
    if not added.rowcount:
        return False
    db.execute(_KEEP_SNAPSHOT, (room, taken.seq, taken.chain, taken.plays, taken.data, taken.seq))
    return True


def rooms(db: sqlite3.Connection) -> dict[str, int]:
    """Every room and the time of its last entry (ms)."""
    return dict(db.execute("SELECT room, at FROM heads").fetchall())


def secret(db: sqlite3.Connection, name: str, default: bytes) -> bytes:
    """The secret of this name, which is `default` if it had none."""
    db.execute("INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, default))
    value: bytes = db.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()[0]
    return value


def _chain_at(db: sqlite3.Connection, room: str, seq: int) -> str | None:
    """The chain after entry `seq`, or None where this log cannot say."""
    row = db.execute(
        "SELECT chain FROM heads WHERE room = ?1 AND seq = ?2 UNION ALL "
        "SELECT prev FROM entries WHERE room = ?1 AND seq = ?2 + 1",
        (room, seq),
    ).fetchone()
    return None if row is None else row[0]
