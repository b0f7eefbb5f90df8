"""The contract of the log in plain Python lists: no threads, no real time, nothing kept on disk.

A `MemoryStore` is what would be on disk; a `MemoryLog` is one node's view of it. Several views of one store
are several nodes; a new view of an old store is a restart. Tests and simulations make faults with two hooks.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from .clock import Clock, log_time, time_ms
from .contract import (
    KEEP_ENTRIES,
    KEEP_PLAYS,
    PRODUCER_TTL,
    TOMBSTONE_TTL,
    Entry,
    LogError,
    NoSuchRoom,
    OnHint,
    Play,
    Position,
    RoomExists,
    Snapshot,
    Trimmed,
    Unavailable,
    link,
    whispered,
)

logger = logging.getLogger(__name__)

#: Awaited as `gate(operation, room, "before" | "after")` around what writes, and before what reads: may wait,
#: or raise `Unavailable`. Raised before, nothing was written; raised after, the answer was lost.
Gate = Callable[[str, str, str], Awaitable[None]]
#: Carries a hint to one subscriber: may call `on_hint(room, entry)` now, later, twice or never.
Carry = Callable[[OnHint, str, Entry], None]


@dataclass(slots=True)
class MemoryRoom:
    """Everything kept of one room; `entries[0]` has the seq `first`."""

    seq: int
    chain: str
    at: int
    offset: int = 0
    first: int = 1
    entries: list[Entry] = field(default_factory=list)
    producers: dict[str, Entry] = field(default_factory=dict)  # the last entry of each
    snapshot: Snapshot | None = None
    previous: int = 0  # the seq of the snapshot before
    plays: dict[int, bytes] = field(default_factory=dict)

    def chain_at(self, seq: int) -> str | None:
        """The chain after entry `seq`, or None where this log cannot say."""
        if seq == self.seq:
            return self.chain
        if self.first - 1 <= seq < self.seq:
            return self.entries[seq + 1 - self.first].prev
        return None


@dataclass(slots=True)
class MemoryStore:
    """What outlives a node: rooms, secrets, and who listens."""

    rooms: dict[str, MemoryRoom] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict)
    tombstones: dict[str, int] = field(default_factory=dict)  # when rooms were deleted for good
    views: list[MemoryLog] = field(default_factory=list)

    def roll_back(self, room: str, seq: int) -> None:
        """Lose every entry after `seq`, as a failover to a lagging replica does."""
        kept = self.rooms[room]
        chain = kept.chain_at(seq)
        if chain is None:
            raise ValueError(f"{room} cannot roll back to {seq}")
        kept.entries = kept.entries[: seq + 1 - kept.first]
        kept.seq, kept.chain = seq, chain
        if kept.entries:
            kept.at = kept.entries[-1].at
        kept.producers = {entry.producer: entry for entry in kept.entries}
        if kept.snapshot is not None and kept.snapshot.seq > seq:
            raise ValueError(f"{room} has a snapshot after {seq}")


def is_fresh(deleted: int, now: int) -> bool:
    """Whether a tombstone of that time (ms) still counts; one of the future was set before the clock jumped back."""
    return now - deleted < TOMBSTONE_TTL


class MemoryLog:
    """The `RoomLog` over a `MemoryStore`."""

    def __init__(
        self,
        store: MemoryStore | None = None,
        *,
        clock: Clock = time_ms,
        birth: Callable[[], str] = lambda: secrets.token_hex(20),
        gate: Gate | None = None,
        carry: Carry | None = None,
        keep_entries: int = KEEP_ENTRIES,
        keep_plays: int = KEEP_PLAYS,
        shared: bool = False,
    ) -> None:
        """`clock` reads ms since 1970; `birth` makes the first chain of a room; `shared` with several nodes."""
        self.shared = shared
        self.store = store if store is not None else MemoryStore()
        self._clock = clock
        self._birth = birth
        self._gate = gate
        self._carry = carry
        self._keep_entries = keep_entries
        self._keep_plays = keep_plays
        self._hints: dict[str, OnHint] = {}
        self._open = False

    async def start(self) -> None:
        self._open = True
        self.store.views.append(self)

    async def close(self) -> None:
        self._hints.clear()
        if self._open:
            self._open = False
            self.store.views.remove(self)

    async def create(self, room: str) -> Position:
        await self._pass("create", room, "before")
        if room in self.store.rooms:
            raise RoomExists(room)
        now = self._clock()
        self.store.tombstones.pop(room, None)
        made = self.store.rooms[room] = MemoryRoom(seq=0, chain=self._birth(), at=now)
        await self._pass("create", room, "after")
        return Position(made.seq, made.chain, made.at, now)

    async def delete(self, room: str, *, for_good: bool = True) -> None:
        await self._pass("delete", room, "before")
        self.store.rooms.pop(room, None)
        if for_good:
            now = self._clock()
            self.store.tombstones = {r: at for r, at in self.store.tombstones.items() if is_fresh(at, now)}
            self.store.tombstones[room] = now
        await self._pass("delete", room, "after")

    async def append(self, room: str, producer: str, number: int, payload: bytes) -> Position:
        await self._pass("append", room, "before")
        kept = self._room(room)
        now = self._now(kept)
        entry = kept.producers.get(producer)
        if entry is None or entry.number < number:
            chain = link(kept.chain, kept.seq + 1, now, producer, number, payload)
            entry = Entry(kept.seq + 1, kept.chain, chain, now, producer, number, payload)
            kept.entries.append(entry)
            kept.seq, kept.chain, kept.at = entry.seq, entry.chain, entry.at
            kept.producers[producer] = entry
            for view in list(self.store.views):
                view.hint(room, entry)
        elif entry.number > number:
            raise LogError(f"{producer} has sent number {entry.number} to {room}; {number} comes too late")
        await self._pass("append", room, "after")
        return Position(entry.seq, entry.chain, entry.at, now)

    async def read(self, room: str, after: int, limit: int = 1_000) -> list[Entry]:
        await self._pass("read", room, "before")
        kept = self._room(room)
        if after < kept.first - 1:
            raise Trimmed(f"{room} holds entries from {kept.first}, not from {after + 1}")
        start = after + 1 - kept.first
        return kept.entries[start : start + limit]

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        await self._pass("positions", "", "before")
        found: dict[str, Position] = {}
        for room in rooms:
            kept = self.store.rooms.get(room)
            if kept is not None:
                found[room] = Position(kept.seq, kept.chain, kept.at, self._now(kept))
        return found

    async def snapshot(self, room: str) -> Snapshot | None:
        await self._pass("snapshot", room, "before")
        return self._room(room).snapshot

    async def checkpoint(self, room: str, snapshot: Snapshot, plays: Sequence[Play], cleared: int) -> bool:
        await self._pass("checkpoint", room, "before")
        kept = self._room(room)
        last = kept.snapshot
        if last is not None and last.seq >= snapshot.seq:
            return False
        if kept.chain_at(snapshot.seq) != snapshot.chain:
            return False  # a replica that missed a failover must not plant its fork here
        kept.previous = last.seq if last is not None else 0
        kept.snapshot = snapshot
        kept.plays.update((play.play, play.data) for play in plays)
        oldest = max(cleared, max(kept.plays, default=0) - self._keep_plays)
        kept.plays = {play: data for play, data in kept.plays.items() if play > oldest}
        seen = self._now(kept) - PRODUCER_TTL
        kept.producers = {name: entry for name, entry in kept.producers.items() if entry.at >= seen}
        first = max(kept.first, min(kept.previous, kept.seq - self._keep_entries) + 1)
        kept.entries = kept.entries[first - kept.first :]
        kept.first = first
        await self._pass("checkpoint", room, "after")
        return True

    async def plays(self, room: str, before: int | None, limit: int) -> list[Play]:
        await self._pass("plays", room, "before")
        kept = self.store.rooms.get(room)
        archive = kept.plays if kept is not None else {}
        numbers = sorted((play for play in archive if before is None or play < before), reverse=True)
        return [Play(play, archive[play]) for play in numbers[:limit]]

    async def restore(self, room: str, snapshot: Snapshot, at: int) -> bool:
        await self._pass("restore", room, "before")
        deleted = self.store.tombstones.get(room)
        if room in self.store.rooms or (deleted is not None and is_fresh(deleted, self._clock())):
            return False
        self.store.rooms[room] = MemoryRoom(
            seq=snapshot.seq,
            chain=snapshot.chain,
            at=at,
            first=snapshot.seq + 1,
            snapshot=snapshot,
            previous=snapshot.seq,
        )
        await self._pass("restore", room, "after")
        return True

    async def rooms(self) -> dict[str, int]:
        await self._pass("rooms", "", "before")
        return {room: kept.at for room, kept in self.store.rooms.items()}

    async def subscribe(self, room: str, on_hint: OnHint) -> None:
        await self._pass("subscribe", room, "before")
        self._hints[room] = on_hint

    async def unsubscribe(self, room: str) -> None:
        self._hints.pop(room, None)

    async def whisper(self, room: str, payload: bytes) -> None:
        """Whispers do not leave this view of the store."""
        if (on_hint := self._hints.get(room)) is not None:
            on_hint(room, whispered(payload))

    async def prove(self) -> None:
        """Hints do not leave the process."""

    async def secret(self, name: str, default: bytes) -> bytes:
        await self._pass("secret", "", "before")
        return self.store.secrets.setdefault(name, default)

    def hint(self, room: str, entry: Entry) -> None:
        """Tell this view's subscriber, if there is one, about a new entry."""
        on_hint = self._hints.get(room)
        if on_hint is None:
            return
        try:
            if self._carry is None:
                on_hint(room, entry)
            else:
                self._carry(on_hint, room, entry)
        except Exception:
            logger.exception("a hint of room %s was not taken", room)

    def _room(self, room: str) -> MemoryRoom:
        kept = self.store.rooms.get(room)
        if kept is None:
            raise NoSuchRoom(room)
        return kept

    def _now(self, kept: MemoryRoom) -> int:
        now, kept.offset = log_time(self._clock(), kept.offset, kept.at)
        return now

    async def _pass(self, operation: str, room: str, moment: str) -> None:
        if not self._open:
            raise Unavailable("the log is closed")
        if self._gate is not None:
            await self._gate(operation, room, moment)
