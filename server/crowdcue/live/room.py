"""One open room on this node: its replica, the way into its log, its listeners, its presence and its clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any, Final, Protocol

from crowdcue.live.appender import NO_ROOM, UNAVAILABLE, Appender, Ticket
from crowdcue.live.clock import MusicClock
from crowdcue.live.fanout import Fanout, Version
from crowdcue.live.listener import Listener
from crowdcue.live.pins import Pins
from crowdcue.live.presence import RoomPresence
from crowdcue.live.reactions import Reactions
from crowdcue.live.replica import Refusing, Replica
from crowdcue.log.contract import Entry, NoSuchRoom, Position, Presence, RoomLog, Unavailable
from crowdcue.room.commands import NODE, Admit, Command, Rename, Vote
from crowdcue.room.reduce import Applied
from crowdcue.room.refusal import Outcome
from crowdcue.room.song import Song
from crowdcue.room.state import Play, Room
from crowdcue.tasks import Tasks

#: The close codes of a guest who was sent away, of one who must show the PIN, and of one who is to come back at once
#: (as in `session`, which `live` does not import).
REMOVED: Final = 4403
LOCKED: Final = 4423
COME_BACK: Final = 4503

log = logging.getLogger(__name__)

#: `here` is told at most once in so long (s).
HERE_EVERY: Final = 1.0
#: … and never more than so small a part of the time is spent on it, when thousands arrive at once.
HERE_SHARE: Final = 20
#: The log's clock was set when it moves by more than so much against ours (ms): songs end at other moments then.
CLOCK_SET: Final = 1_000
#: Presence is reported to the other nodes so often (s), well within `presence.FRESH`.
BEAT_EVERY: Final = 3.0
#: Members whom one command lets in: a few KB.
ADMIT_AT_ONCE: Final = 500
#: Who lets those in who were inside when the PIN was set, in the log.
DOORKEEPER: Final = "house"


class Songs(Protocol):
    """What a room needs of the music library."""

    def find(self, song_id: str) -> Song | None:
        """The song of this id."""

    def pick(self, avoid: list[str]) -> Song | None:
        """Some song, none of `avoid` if possible."""


class LiveRoom:
    """A room that is open on this node. `room` is its state now; it may be another object after a rebuild."""

    def __init__(
        self,
        code: str,
        node: str,
        store: RoomLog,
        presence: Presence,
        songs: Songs,
        tasks: Tasks,
        producer: str,
        pins: Pins,
    ) -> None:
        self.code = code
        self._pins = pins
        self._loop = asyncio.get_running_loop()
        self._store = store
        self._songs = songs
        self._tasks = tasks
        self._fanout = Fanout(lambda: self._replica.room)
        self._reactions = Reactions(code, node, store, tasks, self._fanout.broadcast)
        self._replica = Replica(
            code,
            store,
            tasks,
            self._applied,
            self._rebuilt,
            self._gone,
            self._reactions.heard,
            presence,
            node,
        )
        self._appender = Appender(store, self._replica, tasks, producer)
        self._presence = RoomPresence(code, node, presence, self._name_of)
        self._clock = MusicClock(
            lambda: self._replica.room,
            self._replica.now,
            lambda: self.attached,
            lambda: self._presence.fresh(self._loop.time()),
            self.submit,
            songs.pick,
        )
        self._offset = 0.0  # of the log's clock, when the music clock last heard of it (ms)
        self._here: asyncio.TimerHandle | None = None
        self._here_at = -HERE_EVERY
        self._beating: asyncio.Task[None] | None = None
        self._next_check: asyncio.Future[None] | None = None
        self._checking = False
        self.used_at = self._loop.time()
        self.gone: str | None = None
        self._over = False

    # Life

    async def open(self) -> None:
        """Load the room and follow its log. Raises `NoSuchRoom`, `Unavailable` or `replica.Refusing`."""
        await self._replica.open()
        try:
            await self._presence.beat()
        except Unavailable:
            log.warning("room %(room)s: presence of the other nodes is not known yet", {"room": self.code})
        self._clock.changed()

    async def close(self) -> None:
        """Finish what was submitted and let go. Listeners must have been told before."""
        self._clock.close()
        await self._appender.close()
        self._reactions.close()
        if self._here is not None:
            self._here.cancel()
        self._fanout.close()
        await self._replica.close()
        try:
            await self._presence.withdraw()
        except Unavailable:
            log.info("room %(room)s: presence will lapse by itself", {"room": self.code})

    @property
    def idle(self) -> bool:
        """Whether nobody listens and nothing is under way."""
        return not self._fanout.listeners and self._appender.idle

    # State

    @property
    def room(self) -> Room:
        """The room's state; to be read, never kept over an await, never changed."""
        return self._replica.room

    def now(self) -> int:
        """Log time (ms)."""
        return self._replica.now()

    async def fresh(self) -> Room:
        """The room no older than this call (linearisable). Raises `Unavailable`.

        Readers share one look at the log's head, as long as it began after they came.
        """
        self.used_at = self._loop.time()
        if not self._store.shared:
            return self.room  # this node alone writes, and has applied what it acknowledged
        if self._next_check is None:
            self._next_check = self._loop.create_future()
            if not self._checking:
                self._checking = True
                self._tasks.spawn(self._check_heads(), f"head {self.code}")
        await asyncio.shield(self._next_check)
        if self._over:  # as that look has found
            raise NoSuchRoom(self.code)
        return self.room

    async def _check_heads(self) -> None:
        """One look at a time; who comes while it is under way waits for the next, which begins after they came."""
        try:
            while (waiting := self._next_check) is not None:
                self._next_check = None
                try:
                    position = await self._replica.sync_clock()
                    if position is None or not self._replica.is_at(position):
                        await self._replica.catch_up()
                    waiting.set_result(None)
                except Unavailable as error:
                    waiting.set_exception(error)
                    waiting.exception()  # perhaps every reader has gone: that is no error
                except Exception:
                    log.exception("room %(room)s: the look at its head failed", {"room": self.code})
                    waiting.set_exception(Unavailable(f"the log of room {self.code} does not answer"))
                    waiting.exception()
        finally:
            self._checking = False

    async def catch_up(self) -> None:
        """Read the log to its end. Raises `Unavailable`."""
        await self._replica.catch_up()

    async def history(self, before: int | None, limit: int) -> list[Play]:
        """Finished plays with number < `before`, newest first. Raises `Unavailable`."""
        return await self._replica.history(before, limit)

    def end(self) -> None:
        """The room was deleted: everybody in it is told so."""
        self._replica.end()

    def polled(self, position: Position | None, asked: float, answered: float) -> None:
        """The registry looked where the log is (L5)."""
        if position is not None:
            self._replica.note_clock(position, asked, answered)
            if abs(self._replica.clock_offset - self._offset) > CLOCK_SET:
                self._offset = self._replica.clock_offset
                self._clock.changed()
        if position is None or not self._replica.is_at(position):
            self._replica.request_catch_up()

    # Around (what commands must know of the world)

    @property
    def present(self) -> int:
        """Members connected, on all nodes."""
        return self._presence.members

    @property
    def attached(self) -> bool:
        """Whether a player that counts for the clock is attached, on any node."""
        return self._presence.attached(anyone=self.room.settings["clock"] == "anyone")

    def find_song(self, song_id: str) -> Song | None:
        """The library's song of this id."""
        return self._songs.find(song_id)

    # The door

    def seal_pin(self, pin: str) -> str:
        """What the room keeps of this PIN; "" stays so."""
        return self._pins.seal(self.code, pin)

    def is_pin(self, pin: str) -> bool:
        """Whether this is the room's PIN."""
        return self._pins.fits(self.code, pin, self.room.pin)

    async def admit(self, member: str) -> Outcome:
        """Note in the log that the member has shown the PIN as it is now: no node asks for it again."""
        return await self.do(Admit(member, NODE, None, [member], self.room.pin))

    def _mind_the_door(self, changed: bool) -> None:
        """The PIN was set: whoever is inside stays, also after a short sleep. Or `changed`: they must show it anew."""
        room = self.room
        strangers = [one for one in self.listeners if not one.host and not room.lets_in(one.member)]
        if changed:
            for listener in strangers:
                listener.sink.close(LOCKED, "pin_needed")
            return
        members = list(dict.fromkeys(one.member for one in strangers))
        for start in range(0, len(members), ADMIT_AT_ONCE):
            some = members[start : start + ADMIT_AT_ONCE]
            self.submit(Admit(DOORKEEPER, NODE, None, some, room.pin), lambda _: None)

    # Commands

    def submit(self, command: Command, on_outcome: Callable[[Outcome], None], origin: Any = None) -> None:
        """Have a command appended; `on_outcome` is called once, when this node has applied it or gives up."""
        self._appender.submit(command, on_outcome, origin)

    async def do(self, command: Command) -> Outcome:
        """Submit a command and wait for its outcome. Cancelling the wait does not take the command back."""
        answer: asyncio.Future[Outcome] = self._loop.create_future()

        def answered(outcome: Outcome) -> None:
            if not answer.done():
                answer.set_result(outcome)

        self.used_at = self._loop.time()
        self.submit(command, answered)
        return await answer

    # Listeners

    async def attach(self, listener: Listener, since: Version | None) -> None:
        """Let a listener in and send it what it needs. Raises `Unavailable` when `since` lies ahead of the log."""
        before, pin = self.room, self.room.pin
        if since is not None and since[0] > before.seq:
            await self._replica.catch_up()
        self._fanout.attach(listener, since)
        self._presence.join(listener)
        self._look_again(listener, before)  # its rights may have changed while it was let in
        if self.room.pin != pin and not listener.host and not self.room.lets_in(listener.member):
            listener.sink.close(LOCKED, "pin_needed")
        self._presence_changed()

    def detach(self, listener: Listener) -> None:
        """A listener is gone."""
        self._fanout.detach(listener)
        self._presence.leave(listener)
        self.used_at = self._loop.time()
        self._presence_changed()

    def connections(self, member: str) -> int:
        """Listeners of this member on this node."""
        return len(self._presence.of(member))

    @property
    def listeners(self) -> Collection[Listener]:
        """All listeners on this node."""
        return self._fanout.listeners

    # Presence

    def _presence_changed(self) -> None:
        self._clock.changed()
        if self._here is None:
            wait = self._here_at + HERE_EVERY - self._loop.time()
            self._here = self._loop.call_later(max(wait, 0.02), self._tell_here)

    def _tell_here(self) -> None:
        self._here = None
        began = self._loop.time()
        self._fanout.broadcast(self._presence.here())
        ended = self._loop.time()
        self._here_at = max(began, ended + HERE_SHARE * (ended - began) - HERE_EVERY)
        self.beat()

    def _name_of(self, listener: Listener) -> str:
        known = self.room.members.get(listener.member)
        return known.name if known is not None and known.name else listener.name

    def beat(self) -> None:
        """Report presence to the other nodes and read theirs."""
        if self._beating is None and self.gone is None:
            self._beating = self._tasks.spawn(self._beat(), f"presence {self.code}")

    async def _beat(self) -> None:
        before = self._presence.members, self._presence.players, self.attached
        try:
            await self._presence.beat()
        except Unavailable:
            return
        finally:
            self._beating = None
        if before != (self._presence.members, self._presence.players, self.attached):
            self._presence_changed()

    def react(self, name: str, emoji: str) -> None:
        """Show a reaction on every screen in the room."""
        self._reactions.add(name, emoji)

    # Called by the replica

    def _applied(self, entry: Entry, applied: Applied) -> None:
        tickets = self._appender.applied(entry, applied)
        room = self.room
        for vote in applied.votes:
            for listener in self._presence.of(vote.member):
                if not _gave_it(tickets, vote.place, listener):
                    self._fanout.owe_mine(listener, vote.song_id)
        if applied.votes_reset:
            self._fanout.reset_mine()
        if applied.door:
            self._mind_the_door(applied.door == "changed")
        for ticket in tickets or ():
            if isinstance(ticket.command, Vote):
                if ticket.origin is not None:
                    ticket.origin.acknowledge(ticket.command.song_id)
            elif isinstance(ticket.command, Rename):
                self._presence_changed()
        for member_id in (*applied.banned, *applied.promoted):
            for listener in list(self._presence.of(member_id)):
                self._update_rights(listener)
        for member_id in applied.banned:
            if (member := room.members.get(member_id)) is None or not member.banned:
                # Let back in by the same entry, but without their votes: they come anew and see it.
                for listener in list(self._presence.of(member_id)):
                    listener.sink.close(COME_BACK, "1")
        if room.changed == room.seq:
            self._fanout.changed()  # last: telling thousands takes longer than the answers, which are on their way
        if room.playing is None or room.playing_at == room.seq or room.settings_at.get("clock") == room.seq:
            self._clock.changed()

    def _update_rights(self, listener: Listener) -> None:
        """Send a listener away who is banned by now; tell one who is a host by now."""
        member = self.room.members.get(listener.member)
        if member is None:
            return
        if member.banned:
            listener.sink.close(REMOVED, "a host sent you away")
        elif member.host and not listener.host:
            listener.host = True
            you = {"id": member.id, "name": self._name_of(listener), "role": "host"}
            listener.push(listener.wire.encode({"t": "you", "you": you}))
            self._presence_changed()

    def _rebuilt(self, before: Room) -> None:
        # What was only read, not applied one by one, was told to nobody: votes, new rights, who was sent away.
        self._appender.rebuilt()
        self._fanout.reset_mine()
        for listener in list(self.listeners):
            self._look_again(listener, before)
        if self.room.pin:
            self._mind_the_door(before.pin not in ("", self.room.pin))
        self._clock.changed()

    def _look_again(self, listener: Listener, before: Room) -> None:
        """See what the room, which may not be the one `before`, says of a listener's rights."""
        was, now = before.members.get(listener.member), self.room.members.get(listener.member)
        if before is not self.room and was is not None and was.host and not (now is not None and now.host):
            listener.sink.close(COME_BACK, "1")  # the claim was lost with the log's tail: to be made again
        else:
            self._update_rights(listener)

    def _gone(self, error: NoSuchRoom | Refusing) -> None:
        over = isinstance(error, NoSuchRoom)
        self.gone, self._over = str(error), over
        self._clock.close()
        self._appender.end(NO_ROOM if over else UNAVAILABLE)
        for listener in list(self.listeners):
            if over:
                listener.sink.close(4404, "this party is over")
            else:
                listener.sink.close(4503, "2")  # a node with the newer code can serve it: come back in 2 s


def _gave_it(tickets: list[Ticket] | None, place: int, listener: Listener) -> bool:
    """Whether this listener set the vote itself, and so knows its value."""
    if tickets is None:
        return False
    ticket = tickets[place]
    return ticket.origin is listener and isinstance(ticket.command, Vote)
