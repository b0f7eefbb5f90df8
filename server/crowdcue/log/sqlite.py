"""The embedded log: the contract over one SQLite file, for one process that owns it.

One thread writes (`sqlite_thread`), another reads, so a read never waits behind an fsync and the event loop
behind neither. Hints stay in the process: they come on the loop after the commit, in the log's order.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from . import sqlite_tables as tables
from .clock import Clock, time_ms
from .contract import (
    KEEP_ENTRIES,
    KEEP_PLAYS,
    Durability,
    Entry,
    OnHint,
    Play,
    Position,
    Snapshot,
    Unavailable,
    whispered,
)
from .sqlite_file import open_reader, open_writer
from .sqlite_thread import SqliteThread

T = TypeVar("T")


class SqliteLog:
    """The contract's `RoomLog` in the file `path`; its folder must exist and be this process's alone."""

    shared = False

    def __init__(
        self,
        path: Path | str,
        durability: Durability = "disk",
        clock: Clock = time_ms,
        *,
        keep_entries: int = KEEP_ENTRIES,
        keep_plays: int = KEEP_PLAYS,
    ) -> None:
        """`clock` reads ms since 1970 and may jump; it is called on the log's threads."""
        path = Path(path)
        self._clock = clock
        self._keep_entries = keep_entries
        self._keep_plays = keep_plays
        self._writer = SqliteThread("log-writer", partial(open_writer, path, durability), writes=True)
        self._reader = SqliteThread("log-reader", partial(open_reader, path), writes=False)
        self._hints: dict[str, OnHint] = {}
        self._open = False

    async def start(self) -> None:
        """Open or make the file; raises `Unavailable` or `OSError` with a line that names it."""
        await self._writer.start()  # first: it makes the file that the reader opens
        try:
            await self._reader.start()
        except BaseException:
            await self._writer.close()
            raise
        self._open = True

    async def close(self) -> None:
        """Finish what is in flight, then close the file. Closing twice is fine."""
        if self._open:
            self._open = False
            await self._reader.close()
            await self._writer.close()
        self._hints.clear()

    async def create(self, room: str) -> Position:
        return await self._write(lambda db: tables.create(db, room, self._clock()))

    async def delete(self, room: str, *, for_good: bool = True) -> None:
        await self._write(lambda db: tables.delete(db, room, self._clock() if for_good else None))

    async def append(self, room: str, producer: str, number: int, payload: bytes) -> Position:
        def work(db: sqlite3.Connection) -> tuple[Position, Entry | None]:
            return tables.append(db, room, producer, number, payload, self._clock())

        def after(done: tuple[Position, Entry | None]) -> None:
            entry, on_hint = done[1], self._hints.get(room)
            if entry is not None and on_hint is not None:
                on_hint(room, entry)

        self._check_open()
        future = self._writer.submit(work, shared=True, size=len(payload), after=after)
        position, _ = await asyncio.shield(future)
        return position

    async def read(self, room: str, after: int, limit: int = 1_000) -> list[Entry]:
        return await self._read(lambda db: tables.read(db, room, after, limit))

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        found, jumped = await self._read(lambda db: tables.positions(db, rooms, self._clock()))
        if jumped:
            await self._write(lambda db: tables.settle_clock(db, jumped, self._clock()))
        return found

    async def snapshot(self, room: str) -> Snapshot | None:
        return await self._read(lambda db: tables.snapshot(db, room))

    async def checkpoint(self, room: str, snapshot: Snapshot, plays: Sequence[Play], cleared: int) -> bool:
        stored = await self._write(
            lambda db: tables.checkpoint(db, room, snapshot, plays, cleared, self._clock(), self._keep_plays)
        )
        # In slices, so that appends get their turn in between. Left undone, the next checkpoint goes on.
        while stored and await self._write(lambda db: tables.trim(db, room, self._keep_entries)):
            pass
        return stored

    async def plays(self, room: str, before: int | None, limit: int) -> list[Play]:
        return await self._read(lambda db: tables.plays(db, room, before, limit))

    async def restore(self, room: str, snapshot: Snapshot, at: int) -> bool:
        return await self._write(lambda db: tables.restore(db, room, snapshot, at, self._clock()))

    async def rooms(self) -> dict[str, int]:
        return await self._read(tables.rooms)

    async def subscribe(self, room: str, on_hint: OnHint) -> None:
        self._check_open()
        self._hints[room] = on_hint

    async def unsubscribe(self, room: str) -> None:
        self._hints.pop(room, None)

    async def whisper(self, room: str, payload: bytes) -> None:
        self._check_open()
        if (on_hint := self._hints.get(room)) is not None:
            on_hint(room, whispered(payload))

    async def prove(self) -> None:
        self._check_open()  # hints do not leave the process

    async def secret(self, name: str, default: bytes) -> bytes:
        return await self._write(lambda db: tables.secret(db, name, default))

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._check_open()
        return await asyncio.shield(self._reader.submit(work))

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._check_open()
        return await asyncio.shield(self._writer.submit(work))

    def _check_open(self) -> None:
        if not self._open:
            raise Unavailable("the log is closed")
