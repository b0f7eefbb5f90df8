"""One room's state on this node, kept equal to its log: hints when they fit, the log itself when they do not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from crowdcue.live.meters import meters
from crowdcue.log.contract import (
    Entry,
    NoSuchRoom,
    Play,
    Position,
    Presence,
    RoomLog,
    Snapshot,
    Trimmed,
    Unavailable,
    link,
)
from crowdcue.room import codec
from crowdcue.room.reduce import Applied, reduce
from crowdcue.room.state import MARK, Room
from crowdcue.room.state import Play as Finished
from crowdcue.tasks import Tasks

log = logging.getLogger(__name__)

#: A snapshot is taken after so many entries …
CHECKPOINT_ENTRIES: Final = 1_000
#: … or so many finished plays, which live in memory until they are archived.
CHECKPOINT_PLAYS: Final = 200
#: A reader of the room waits so long for the log (s).
CATCH_UP_TIMEOUT: Final = 5.0
#: The nodes that hold a vanished room wait so long to hear of each other (s): longer than any takes to notice.
ELECTION: Final = 1.5
#: Pause before a log that could not be read is asked again (s).
RETRY: Final = 0.5


class Refusing(Exception):
    """This node cannot serve the room: its log holds what only a newer version of the code understands."""


class Replica:
    """A room and its place in the log. `on_applied` is called after each entry, `on_rebuilt` when the room was
    built anew because its past had changed, `on_gone` when it cannot be kept (deleted, or of unknown format)."""

    def __init__(
        self,
        code: str,
        store: RoomLog,
        tasks: Tasks,
        on_applied: Callable[[Entry, Applied], None],
        on_rebuilt: Callable[[Room], None],
        on_gone: Callable[[NoSuchRoom | Refusing], None],
        on_whisper: Callable[[bytes], None],
        presence: Presence,
        node: str,
    ) -> None:
        self.code = code
        self.room = Room(code, 0, "0" * 40)
        self.unarchived: list[Finished] = []
        self.clock_offset = 0.0  # log time less this loop's time (ms)
        self.rebuilt = 0
        self._store = store
        self._tasks = tasks
        self._on_applied = on_applied
        self._on_rebuilt = on_rebuilt
        self._on_gone = on_gone
        self._on_whisper = on_whisper
        self._presence = presence
        self._node = node
        self._snapshot_seq = 0
        self._reader: asyncio.Task[None] | None = None
        self._again = False
        self._checkpointing = False
        self._live = False  # until open() has read to the end, hints change nothing

    # Life

    async def open(self) -> None:
        """Subscribe, load the snapshot, read the tail, go live (L4). Raises `NoSuchRoom`, `Unavailable`, `Refusing`."""
        await self._store.subscribe(self.code, self._hint)
        try:
            await self.sync_clock()
            await self._load()
        except BaseException:
            with contextlib.suppress(Unavailable):
                await self._store.unsubscribe(self.code)
            raise
        self._live = True
        if self._again:  # hints came while it was read
            self.request_catch_up()

    def end(self) -> None:
        """The room was deleted; what its log said last is not looked for."""
        self._gone(NoSuchRoom(self.code))

    async def close(self) -> None:
        """Let go of the room, leaving a recent snapshot so that it opens quickly."""
        was_live, self._live = self._live, False
        with contextlib.suppress(Unavailable):  # hints that come all the same change nothing
            await self._store.unsubscribe(self.code)
        if not was_live:
            return
        if self.room.seq - self._snapshot_seq >= CHECKPOINT_ENTRIES // 20 or self.unarchived:
            try:
                await self.checkpoint()
            except (Unavailable, NoSuchRoom):
                log.warning("room %(room)s closed without a last snapshot", {"room": self.code})

    # Reading

    def now(self) -> int:
        """Log time now (ms)."""
        return max(int(asyncio.get_running_loop().time() * 1000 + self.clock_offset), self.room.at)

    def note_clock(self, position: Position, asked: float, answered: float) -> None:
        """Learn the log's time from a position asked for and answered at these loop times (s)."""
        sample = position.now - (asked + answered) * 500
        doubt = (answered - asked) * 500 + 5
        if abs(sample - self.clock_offset) > doubt:
            self.clock_offset = sample

    async def sync_clock(self) -> Position | None:
        """Ask for the room's position, and learn the log's time by the way."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        position = (await self._store.positions([self.code])).get(self.code)
        if position is not None:
            self.note_clock(position, asked, loop.time())
        return position

    def is_at(self, position: Position) -> bool:
        """Whether this replica stands at this position."""
        return position.seq == self.room.seq and position.chain == self.room.chain

    async def catch_up(self) -> None:
        """Read until the replica is where the log was after this call began; raises `Unavailable`."""
        reader = self.request_catch_up()
        if reader is not None:
            try:
                await asyncio.wait_for(asyncio.shield(reader), CATCH_UP_TIMEOUT)
            except TimeoutError:
                raise Unavailable(f"the log of room {self.code} does not answer") from None

    def request_catch_up(self) -> asyncio.Task[None] | None:
        """Have the log read from now on; one reader at a time, which reads once more when asked meanwhile."""
        self._again = True
        if self._reader is None and self._live:
            self._reader = self._tasks.spawn(self._read_loop(), f"catch up {self.code}")
        return self._reader

    async def _read_loop(self) -> None:
        try:
            while self._again and self._live:
                self._again = False
                try:
                    await self._read_once()
                except Unavailable:
                    self._again = True
                    await asyncio.sleep(RETRY)
        except (NoSuchRoom, Refusing) as error:
            self._gone(error)
        finally:
            self._reader = None

    async def _read_once(self) -> None:
        position = await self.sync_clock()
        if position is not None:
            with contextlib.suppress(NoSuchRoom):  # it vanished after it had told its position
                await self._read_to(position)
                return
        await self._put_back()

    async def _read_to(self, position: Position) -> None:
        if self.is_at(position):
            return
        if position.seq <= self.room.seq:
            await self._rebuild()  # the log does not hold this replica's head: a tail was lost (L3)
            return
        while self.room.seq < position.seq:
            try:
                entries = await self._store.read(self.code, self.room.seq)
            except Trimmed:
                await self._rebuild()
                return
            if not entries:
                return
            for entry in entries:
                if entry.prev != self.room.chain:
                    await self._rebuild()
                    return
                self._apply(entry)

    async def _put_back(self) -> None:
        """The log vanished: the newest open replica's snapshot goes back in its place, and the chain goes on (L3)."""
        log.error("the log of room %(room)s is gone", {"room": self.code})
        for _ in range(await self._newer()):
            # The newer ones' turn, one after the other; should they all fail, an older state is better than none.
            await asyncio.sleep(ELECTION)
            if await self.sync_clock() is not None:
                self._again = True
                return
        room = self.room
        plays = self.unarchived[-1].play if self.unarchived else room.plays
        snapshot = Snapshot(room.seq, room.chain, plays, codec.encode_room(room))
        if await self._store.restore(self.code, snapshot, room.at):
            meters.put_back += 1
            log.error("room %(room)s is put back at seq %(seq)d", {"room": self.code, "seq": room.seq})
        elif await self.sync_clock() is None:
            raise NoSuchRoom(self.code)
        else:
            self._again = True  # another replica was first: see whether its past is ours

    async def _newer(self) -> int:
        """How many other nodes come first in putting the vanished room back: those whose replicas are newer."""
        if not self._store.shared:
            return 0
        ballot, mine = f"{self.code}~newest", f"{self.room.seq:020d} {self._node}".encode()
        await self._presence.beat(ballot, self._node, mine)
        await asyncio.sleep(ELECTION)  # by then every node has looked where its rooms are
        return sum(vote > mine for vote in await self._presence.beat(ballot, self._node, mine))

    async def _rebuild(self) -> None:
        known = {"room": self.code, "seq": self.room.seq}
        log.warning("room %(room)s: the log's past differs from seq %(seq)d; building it anew", known)
        self.rebuilt += 1
        meters.rebuilt += 1
        before = self.room
        await self._load()
        self._on_rebuilt(before)

    async def _load(self) -> None:
        room, self._snapshot_seq, unarchived = await _load(self.code, self._store)
        self.room = room
        self.unarchived = [play for play in unarchived if play.play > room.cleared]

    def _hint(self, _: str, entry: Entry | None) -> None:
        if entry is None:
            self.request_catch_up()
        elif entry.seq == 0:
            self._on_whisper(entry.payload)
        else:
            self.offer(entry)

    def offer(self, entry: Entry) -> None:
        """Take an entry that may be the next one; anything else makes the log be read."""
        room = self.room
        if not self._live or self._reader is not None:
            self._again = True
        elif entry.seq == room.seq + 1 and entry.prev == room.chain:
            try:
                self._apply(entry)
                meters.apply_lag.observe((self.now() - entry.at) / 1000)
            except Refusing as error:
                self._gone(error)
        elif entry.seq > room.seq or room.mark(entry.seq) not in (None, entry.chain[:MARK]):
            self.request_catch_up()

    def holds(self, position: Position) -> bool:
        """Whether the entry at this position is part of the room."""
        return self.room.mark(position.seq) == position.chain[:MARK]

    def offer_own(self, position: Position, producer: str, number: int, payload: bytes) -> None:
        """Take an entry that this node appended, at once when it is the next one."""
        room = self.room
        if position.seq == room.seq + 1:
            chain = link(room.chain, position.seq, position.at, producer, number, payload)
            if chain == position.chain:
                self.offer(Entry(position.seq, room.chain, chain, position.at, producer, number, payload))
                return
        if position.seq > room.seq or room.mark(position.seq) not in (None, position.chain[:MARK]):
            self.request_catch_up()

    def _apply(self, entry: Entry) -> None:
        try:
            applied = reduce(self.room, entry.seq, entry.chain, entry.at, entry.payload)
        except codec.UnknownFormat as error:
            raise Refusing(f"room {self.code} needs a newer version of Crowdcue ({error})") from error
        self.unarchived += applied.plays
        if self.unarchived and self.unarchived[0].play <= self.room.cleared:
            self.unarchived = [play for play in self.unarchived if play.play > self.room.cleared]
        self._on_applied(entry, applied)
        due = self.room.seq - self._snapshot_seq >= CHECKPOINT_ENTRIES
        if (due or len(self.unarchived) >= CHECKPOINT_PLAYS) and not self._checkpointing:
            self._checkpointing = True
            self._tasks.spawn(self._checkpoint_soon(), f"checkpoint {self.code}")

    def _gone(self, error: NoSuchRoom | Refusing) -> None:
        if self._live:
            self._live = False
            level = logging.ERROR if isinstance(error, Refusing) else logging.WARNING
            log.log(level, "room %(room)s is closed: %(error)r", {"room": self.code, "error": error})
            self._on_gone(error)

    # Snapshots

    async def _checkpoint_soon(self) -> None:
        try:
            await self.checkpoint()
        except (Unavailable, NoSuchRoom) as error:
            log.warning("no snapshot of room %(room)s now: %(error)r", {"room": self.code, "error": error})
            await asyncio.sleep(RETRY)
        finally:
            self._checkpointing = False

    async def checkpoint(self) -> None:
        """Store a snapshot and the plays finished since the last one (L6)."""
        room = self.room
        seq, chain, cleared = room.seq, room.chain, room.cleared
        frozen, finished = codec.freeze(room), list(self.unarchived)
        data = await asyncio.to_thread(codec.pack, frozen)
        plays = [Play(play.play, codec.encode_play(play)) for play in finished]
        last = plays[-1].play if plays else 0
        if await self._store.checkpoint(self.code, Snapshot(seq, chain, last, data), plays, cleared):
            self._snapshot_seq = max(self._snapshot_seq, seq)
            self.unarchived = [play for play in self.unarchived if play.seq > seq]
        else:
            await self._adopt_snapshot()

    async def _adopt_snapshot(self) -> None:
        """Another node's snapshot is as new: what it archived need not be kept here."""
        snapshot = await self._store.snapshot(self.code)
        if snapshot is not None and self.room.mark(snapshot.seq) == snapshot.chain[:MARK]:
            self._snapshot_seq = max(self._snapshot_seq, snapshot.seq)
            self.unarchived = [play for play in self.unarchived if play.seq > snapshot.seq]

    async def history(self, before: int | None, limit: int) -> list[Finished]:
        """Up to `limit` finished plays with number < `before` (None: all), newest first."""
        cleared = self.room.cleared
        found = [p for p in reversed(self.unarchived) if before is None or p.play < before][:limit]
        if len(found) < limit:
            below = found[-1].play if found else before
            archived = await self._store.plays(self.code, below, limit - len(found))
            found += [codec.decode_play(play.data) for play in archived if play.play > cleared]
        return found


async def read_room(code: str, store: RoomLog) -> Room:
    """A room as the log has it now, without following it. Raises `NoSuchRoom`, `Unavailable`, `Refusing`."""
    room, _, _ = await _load(code, store)
    return room


async def read_history(store: RoomLog, room: Room) -> list[Finished]:
    """All finished plays of a room that was just read, newest first. Raises `NoSuchRoom`, `Unavailable`, `Refusing`."""
    _, _, recent = await _load(room.code, store)
    found = [play for play in reversed(recent) if room.cleared < play.play <= room.plays]
    while page := await store.plays(room.code, found[-1].play if found else None, 1_000):
        older = [codec.decode_play(play.data) for play in page]
        found += [play for play in older if play.play > room.cleared]
        if older[-1].play <= room.cleared + 1:
            break
    return found


async def _load(code: str, store: RoomLog) -> tuple[Room, int, list[Finished]]:
    """The room from its snapshot and tail, the snapshot's seq, and the plays finished since."""
    snapshot = await store.snapshot(code)
    try:
        room = codec.decode_room(snapshot.data) if snapshot else Room(code, 0, await _birth(code, store))
        snapshot_seq = room.seq
        finished: list[Finished] = []
        while tail := await store.read(code, room.seq):
            for entry in tail:
                if entry.prev != room.chain:
                    raise Unavailable(f"room {code}: snapshot and log do not fit")
                finished += reduce(room, entry.seq, entry.chain, entry.at, entry.payload).plays
            await asyncio.sleep(0)  # a long tail must not hold up the other rooms
    except Trimmed as error:
        raise Unavailable(f"room {code}: the log was trimmed while it was read") from error
    except codec.UnknownFormat as error:
        raise Refusing(f"room {code} needs a newer version of Crowdcue ({error})") from error
    except ValueError as error:
        raise Refusing(f"room {code}: {error}") from error
    return room, snapshot_seq, finished


async def _birth(code: str, store: RoomLog) -> str:
    """The chain before the first entry."""
    while True:
        first = await store.read(code, 0, 1)
        if first:
            return first[0].prev
        position = (await store.positions([code])).get(code)
        if position is None:
            raise NoSuchRoom(code)
        if position.seq == 0:
            return position.chain
