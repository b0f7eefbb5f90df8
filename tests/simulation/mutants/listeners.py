"""Mistakes in what listeners are told."""

from __future__ import annotations

from typing import Any

from crowdcue.live.fanout import Fanout
from crowdcue.live.listener import Listener
from crowdcue.live.room import LiveRoom
from crowdcue.log.contract import Entry
from crowdcue.room import view
from crowdcue.room.state import Room
from tests.simulation.mutants.making import Change, mutant, put


@mutant
def resume_by_number_alone() -> Change:
    """A client from a past that was lost gets what changed since a number."""
    real = view.since

    def since(room: Room, seq: int, mark: str) -> dict[str, Any] | None:
        return real(room, seq, room.mark(seq) or mark)

    return put(view, "since", since)


@mutant
def resume_from_what_is_forgotten() -> Change:
    """The horizon of what was deleted, or cleared away, is not looked at."""
    real = view.since

    def since(room: Room, seq: int, mark: str) -> dict[str, Any] | None:
        horizon, room.horizon = room.horizon, 0
        try:
            return real(room, seq, mark)
        finally:
            room.horizon = horizon

    return put(view, "since", since)


@mutant
def let_in_who_is_ahead() -> Change:
    """A client that has seen more than this node gets the node's older state at once."""

    async def attach(self: LiveRoom, listener: Listener, since: Any) -> None:
        self._fanout.attach(listener, since)
        self._presence.join(listener)
        self._presence_changed()

    return put(LiveRoom, "attach", attach)


@mutant
def send_patches_to_who_is_behind() -> Change:
    """Bytes pile up before a client that does not read."""
    return put(Listener, "has_room", lambda self: True)


@mutant
def forget_what_who_is_behind_missed() -> Change:
    """A client that reads again gets only what changes from then on."""

    def catch_up(self: Fanout, listener: Listener) -> None:
        listener.version = self._room().version

    return put(Fanout, "_catch_up", catch_up)


@mutant
def never_tell_votes_given_elsewhere() -> Change:
    """Somebody's second phone does not hear of the first one's votes."""
    return put(Fanout, "owe_mine", lambda self, listener, song_id: None)


@mutant
def leave_votes_unclear_when_a_song_comes_back() -> Change:
    """A song is voted for, goes and comes back within one patch: the client is left to guess."""

    def feed(self: Fanout, now: float) -> None:
        for listener in self.listeners:
            listener.acknowledged = None
        real(self, now)

    real = Fanout._feed_all
    return put(Fanout, "_feed_all", feed)


@mutant
def leave_repeated_votes_unclear_when_a_song_comes_back() -> Change:
    """The same, but only for votes that were what they had been."""
    real = LiveRoom._applied

    def applied(self: LiveRoom, entry: Entry, applied: Any) -> None:
        real(self, entry, applied)
        new = {(vote.member, vote.song_id) for vote in applied.votes}
        for listener in self.listeners:
            listener.acknowledged = {s for s in listener.acknowledged or () if (listener.member, s) in new}

    return put(LiveRoom, "_applied", applied)


@mutant
def keep_who_was_let_back_in() -> Change:
    """Somebody is banned and let back in by one entry, and is not told that their votes are gone."""
    real = LiveRoom._applied

    def applied(self: LiveRoom, entry: Entry, applied: Any) -> None:
        members = self.room.members
        applied.banned = [id_ for id_ in applied.banned if id_ in members and members[id_].banned]
        real(self, entry, applied)

    return put(LiveRoom, "_applied", applied)


@mutant
def let_in_without_a_second_look() -> Change:
    """Rights that change while somebody is let in are missed."""

    async def attach(self: LiveRoom, listener: Listener, since: Any) -> None:
        if since is not None and since[0] > self.room.seq:
            await self._replica.catch_up()
        self._fanout.attach(listener, since)
        self._presence.join(listener)
        self._presence_changed()

    return put(LiveRoom, "attach", attach)


@mutant
def keep_votes_and_rights_that_were_only_read() -> Change:
    """After a rebuild nobody is told of own votes and rights, only of what changed in the room."""

    def rebuilt(self: LiveRoom, before: Room) -> None:
        self._appender.rebuilt()
        self._fanout.changed()
        self._clock.changed()

    return put(LiveRoom, "_rebuilt", rebuilt)
