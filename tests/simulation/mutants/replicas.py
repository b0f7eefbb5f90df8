"""Mistakes in keeping a replica equal to its log."""

from __future__ import annotations

from crowdcue.live.registry import Registry
from crowdcue.live.replica import Replica
from crowdcue.live.room import LiveRoom
from crowdcue.log.contract import Entry, Position
from crowdcue.room.state import Room
from tests.simulation.mutants.making import Change, mutant, put


@mutant
def skip_the_catch_up_after_subscribing() -> Change:
    """Hints that came while the room was read are forgotten."""
    real = Replica._load

    async def load(self: Replica) -> None:
        await real(self)
        if not self._live:
            self._again = False

    return put(Replica, "_load", load)


@mutant
def never_look_at_positions() -> Change:
    """A lost last hint is never found."""

    async def poll(self: Registry) -> None:
        return None

    return put(Registry, "_poll", poll)


@mutant
def compare_seq_without_chain() -> Change:
    """A log that grew anew after a failover looks like the one that was."""
    return put(Replica, "is_at", lambda self, position: position.seq == self.room.seq)


@mutant
def keep_the_fork() -> Change:
    """A replica that is ahead of the log waits for the log to come."""
    real = Replica._read_to

    async def read_to(self: Replica, position: Position) -> None:
        if position.seq > self.room.seq:
            await real(self, position)

    return put(Replica, "_read_to", read_to)


@mutant
def take_hints_without_looking_at_their_past() -> Change:
    """The next number is taken for the next entry."""

    def offer(self: Replica, entry: Entry) -> None:
        if not self._live or self._reader is not None:
            self._again = True
        elif entry.seq == self.room.seq + 1:
            self._apply(entry)
        elif entry.seq > self.room.seq:
            self.request_catch_up()

    return put(Replica, "offer", offer)


@mutant
def apply_doubled_hints_twice() -> Change:
    """A hint that comes again is applied again."""
    real = Replica.offer

    def offer(self: Replica, entry: Entry) -> None:
        if self._live and self._reader is None and entry.seq == self.room.seq and entry.seq:
            self._apply(entry)
        real(self, entry)

    return put(Replica, "offer", offer)


@mutant
def rebuild_and_tell_nobody() -> Change:
    """Listeners keep the view of a past that was lost."""
    return put(LiveRoom, "_rebuilt", lambda self, before: self._appender.rebuilt())


@mutant
def put_back_whatever_is_first() -> Change:
    """A vanished log comes back from any replica, not from the newest."""

    async def newer(self: Replica) -> int:
        return 0

    return put(Replica, "_newer", newer)


@mutant
def hold_one_election_only() -> Change:
    """The newest dies before it has put the room back, and then anybody may."""
    real = Replica._newer

    async def newer(self: Replica) -> int:
        return min(await real(self), 1)

    return put(Replica, "_newer", newer)


@mutant
def give_up_a_room_that_vanishes_while_it_is_read() -> Change:
    """Only a log that had vanished before is put back."""

    async def read_once(self: Replica) -> None:
        position = await self.sync_clock()
        if position is None:
            await self._put_back()
        else:
            await self._read_to(position)

    return put(Replica, "_read_once", read_once)


@mutant
def read_without_looking_at_the_head() -> Change:
    """A read answers from what the node happens to have."""

    async def fresh(self: LiveRoom) -> Room:
        return self.room

    return put(LiveRoom, "fresh", fresh)


@mutant
def leave_a_failed_opening_unread() -> Change:
    """A room cannot be opened, and all who waited for it have gone: the loop complains."""
    return put(Registry, "_opened", lambda self, code: self._opening.pop(code, None))


@mutant
def close_a_room_that_is_closing() -> Change:
    """A node ends just when it closes a room that nobody uses: the room is closed twice."""
    real = Registry._close

    async def close(self: Registry, room: LiveRoom) -> None:
        self._closing.pop(room.code, None)
        await real(self, room)

    return put(Registry, "_close", close)
