"""The contract between the live rooms and whatever keeps their logs; its comments are the specification.

A *room log* is a gapless sequence of entries, numbered from 1. Backends store payloads and snapshots as
opaque bytes; only the replicas above know what they mean. Every backend passes `tests/log/`.

L1  `append` returns after the entry is durable at the configured level. `chain` is
    ``sha1hex(previous chain, seq, at, producer, number, payload)`` (see `link`), the first one from a random
    birth id, so it names the whole past: (seq, chain) *is* a version.
L2  `append` is atomic: idempotency check by (producer, number), seq, chain, time, write, publish.
L3  A hint (the published entry) may be lost, doubled, late or out of order. Truth is `read`.
L4  `subscribe` returns once hints are flowing; an opener subscribes, then loads the snapshot, then reads on.
L5  A lost last hint shows no gap, so `positions` answers for many rooms in one call, to be polled.
L6  `checkpoint` stores a snapshot and the finished plays only if newer, reads it back, then trims behind the
    *previous* snapshot and never within the last `KEEP_ENTRIES` entries. Doing it twice harms nothing.
L7  A cancelled caller never cancels an append in flight; `append` with the same (producer, number) again
    answers with the first position and writes nothing.
L8  Durability: `disk` survives power loss, `process` survives the death of this process.
L9  Time is the log's own: ms since 1970, never back; after a jump of the clock to more than 1 s behind the
    last entry an offset kept with the head lets it go on at once, at normal speed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

#: Entries behind the head that are never trimmed, because a client may resume from any of them.
KEEP_ENTRIES = 10_000
#: A producer unseen for so long has no append in flight any more; its number is forgotten (ms).
PRODUCER_TTL = 3_600_000
#: A clock that reads less than the last entry by more than this has jumped (ms).
CLOCK_SLACK = 1_000
#: Finished plays kept in the archive of one room: those whose number is within so many of the newest.
KEEP_PLAYS = 100_000
#: A deleted room cannot be put back for so long (ms): by then no node holds a replica of it any more.
TOMBSTONE_TTL = 86_400_000

Durability = Literal["disk", "process"]


class LogError(Exception):
    """Root of what a log may raise."""


class NoSuchRoom(LogError):
    """The log has no room of this code."""


class RoomExists(LogError):
    """`create` met a room of this code."""


class Unavailable(LogError):
    """The log cannot answer now; whether an append was written is unknown until it is asked again."""


class Trimmed(LogError):
    """`read` was asked for entries older than what the log still holds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: the batch `payload` that `producer` sent as its `number`-th, at place `seq`."""

    seq: int
    prev: str
    chain: str
    at: int
    producer: str
    number: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """The head of a log: its version, the time of its last entry, and the log's time now (ms)."""

    seq: int
    chain: str
    at: int
    now: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A room's encoded state after entry `seq` (`chain`), whose last archived play is `plays`."""

    seq: int
    chain: str
    plays: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Play:
    """One finished play: its number in the room and its encoded record."""

    play: int
    data: bytes


#: Called on the event loop with a room's code and an entry, or None for "something happened, read the log".
#: An entry with seq 0 is no entry but a whisper (`RoomLog.whisper`).
OnHint = Callable[[str, Entry | None], None]


def whispered(payload: bytes) -> Entry:
    """What subscribers get of a whisper."""
    return Entry(0, "", "", 0, "", 0, payload)


def link(prev: str, seq: int, at: int, producer: str, number: int, payload: bytes) -> str:
    """The chain after an entry: 40 hexadecimal digits over the previous chain and all fields of the entry."""
    head = f"{prev}|{seq}|{at}|{producer}|{number}|".encode()
    return hashlib.sha1(head + payload, usedforsecurity=False).hexdigest()


class RoomLog(Protocol):
    """One store of room logs. Methods raise `Unavailable` when the store cannot answer.

    All methods run on the event loop of the node that owns the log and never block it.
    """

    #: Whether other nodes write to the same store; if not, a replica that applied its own appends is never stale.
    shared: bool

    async def start(self) -> None:
        """Open the store; raises `Unavailable` or `OSError` with a line the operator understands."""

    async def close(self) -> None:
        """Finish appends in flight, then let go of the store. No hint is delivered afterwards."""

    async def create(self, room: str) -> Position:
        """Start the log of a new room at seq 0 with a random birth chain; raises `RoomExists`.

        A room of this code that was deleted does not stand in its way, and its tombstone goes.
        """
        ...

    async def delete(self, room: str, *, for_good: bool = True) -> None:
        """Forget a room whole: log, snapshots, archive. Unknown rooms are fine.

        `for_good` leaves a tombstone for `TOMBSTONE_TTL`, so that no open replica puts the room back. Without it
        one may: that is for rooms that seem unused, but perhaps are not.
        """

    async def append(self, room: str, producer: str, number: int, payload: bytes) -> Position:
        """Append one entry (L1, L2, L7, L8); raises `NoSuchRoom`.

        `producer` names one room on one node for one lifetime; its numbers rise by one. The answer is the
        position of this entry (`seq`, `chain`, `at`), also when it had been written before. Only a producer's
        last number can be asked for again; a lower one raises `LogError` and writes nothing.
        """
        ...

    async def read(self, room: str, after: int, limit: int = 1_000) -> list[Entry]:
        """Up to `limit` entries with seq > `after`, in order; raises `NoSuchRoom` or `Trimmed`.

        `after` at or beyond the head answers an empty list: compare `positions` to see which.
        """
        ...

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        """The heads of those of `rooms` that exist, each read after the call began (one round trip)."""
        ...

    async def snapshot(self, room: str) -> Snapshot | None:
        """The newest snapshot, or None when there is none yet; raises `NoSuchRoom`."""
        ...

    async def checkpoint(self, room: str, snapshot: Snapshot, plays: Sequence[Play], cleared: int) -> bool:
        """Store a snapshot and its new plays, forget plays <= `cleared`, read back, trim (L6).

        Answers False, having changed nothing, when the store has a snapshot as new or newer, or when this
        one's (seq, chain) is not in the log's past: a replica that missed a failover must not plant its fork.
        """
        ...

    async def plays(self, room: str, before: int | None, limit: int) -> list[Play]:
        """Up to `limit` archived plays with number < `before` (None: no bound), newest first."""
        ...

    async def restore(self, room: str, snapshot: Snapshot, at: int) -> bool:
        """Put a vanished room back from an open replica's snapshot, only if absent (L3); True if it did.

        A room that was deleted for good has not vanished, and stays away.
        `at` is the time of the last entry the replica applied; the log goes on from (seq, chain).
        """
        ...

    async def rooms(self) -> dict[str, int]:
        """Every room with the time of its last entry, or of its creation (ms)."""
        ...

    async def subscribe(self, room: str, on_hint: OnHint) -> None:
        """Have `on_hint` called for the room's new entries (L3, L4). One subscription per room."""

    async def unsubscribe(self, room: str) -> None:
        """End the room's subscription; unknown rooms are fine."""

    async def whisper(self, room: str, payload: bytes) -> None:
        """Hand `payload` to the room's subscribers on all nodes, this one too, as an entry with seq 0.

        It is not part of the log, and may be lost. Raises `Unavailable`.
        """

    async def prove(self) -> None:
        """Answers when something this node published has come back to it: hints flow. Raises `Unavailable`."""

    async def secret(self, name: str, default: bytes) -> bytes:
        """The store's secret of this name; the first caller's `default` is kept and answered to all."""
        ...


class Presence(Protocol):
    """Who is in a room right now, across the nodes: ephemeral, never in the log."""

    async def beat(self, room: str, node: str, report: bytes) -> list[bytes]:
        """Store this node's report for the room (kept for `PRESENCE_TTL`) and answer every live node's."""
        ...

    async def leave(self, room: str, node: str) -> None:
        """Withdraw this node's report."""


#: A node's presence report lapses after so many seconds without a beat.
PRESENCE_TTL = 15.0
