"""One change to every listener: leading edge, then a tick; encoded once for each codec and version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from crowdcue.live.listener import Listener, Sink
from crowdcue.live.meters import meters
from crowdcue.room import view
from crowdcue.room.state import Room
from crowdcue.wire import Wire

#: At most 20 patches a second to a listener (s) …
TICK: Final = 0.05
#: … and never more than this part of the time (a half) spent on sending them: the rest is for what people ask.
SHARE: Final = 2
#: How often listeners that are behind are looked after (s).
LOOK_AFTER: Final = 0.2

Version = tuple[int, str]
Kind = tuple[Wire, type[Sink]]


class Fanout:
    """The listeners of one room on this node, fed with what changes in it."""

    def __init__(self, room: Callable[[], Room]) -> None:
        #: In the order of their arrival, which is that of the memory that each send touches, here and in the kernel.
        self.listeners: dict[Listener, None] = {}
        self._room = room
        self._loop = asyncio.get_running_loop()
        self._next = 0.0  # no patch before this loop time
        self._flush: asyncio.Handle | None = None
        self._behind: set[Listener] = set()
        self._looking: asyncio.TimerHandle | None = None
        self._owed: set[Listener] = set()  # listeners with own votes to be told
        self._all_owed = False
        self._state_head: dict[Wire, tuple[Version, bytes]] = {}

    def close(self) -> None:
        """Send nothing more."""
        for timer in (self._flush, self._looking):
            if timer is not None:
                timer.cancel()
        self.listeners.clear()

    # Listeners

    def attach(self, listener: Listener, since: Version | None) -> None:
        """Let a listener in: what it missed since that version when that can be told, else a fresh state."""
        room = self._room()
        patch = view.since(room, *since) if since is not None else None
        if patch is None:
            meters.resyncs += since is not None
            self._send_state(listener)
        else:
            listener.push(listener.wire.encode(patch))
            listener.version = (patch["seq"], patch["mark"])
            self._send_all_mine(listener)
        self.listeners[listener] = None

    def detach(self, listener: Listener) -> None:
        """Forget a listener."""
        self.listeners.pop(listener, None)
        self._behind.discard(listener)
        self._owed.discard(listener)

    # Changes

    def changed(self) -> None:
        """Something changed: tell everybody now if it was quiet, else at the next tick."""
        if self._flush is None:
            wait = self._next - self._loop.time()
            if wait <= 0:
                self._flush = self._loop.call_soon(self._run)
            else:
                self._flush = self._loop.call_later(wait, self._run)

    def owe_mine(self, listener: Listener, song_id: str) -> None:
        """Tell a listener of its own member's vote on a song, given elsewhere; after the next patch."""
        listener.owe((song_id,))
        self._owed.add(listener)
        self.changed()

    def reset_mine(self) -> None:
        """Tell every listener all of its own votes; after the next patch."""
        self._all_owed = True
        self.changed()

    def broadcast(self, message: dict[str, object]) -> None:
        """Send a message that is not about the room's log to all who keep up."""
        frames: dict[Kind, bytes] = {}
        for listener in self.listeners:
            if listener.behind_since is None:
                frame = frames.get(listener.kind)
                if frame is None:
                    frame = frames[listener.kind] = listener.prepare(message)
                listener.offer(frame)

    def _run(self) -> None:
        self._flush = None
        began = self._loop.time()
        self._feed_all(began)
        ended = self._loop.time()
        meters.fanout_seconds.observe(ended - began)
        self._next = began + max(TICK, SHARE * (ended - began))

    def _feed_all(self, now: float) -> None:
        room = self._room()
        target = room.version
        frames: dict[tuple[Kind, Version], tuple[bytes, Version, list[str]] | None] = {}
        kind, version, frame = None, None, None
        for listener in self.listeners:
            if listener.version == target or listener.behind_since is not None:
                continue
            # Nearly all stand where the one before stood, at the very same tuple: they need no lookup.
            if listener.version is not version or listener.kind is not kind:
                kind, version = listener.kind, listener.version
                key = (kind, version)
                if key not in frames:
                    patch = view.since(room, *version)
                    if patch is None:
                        frames[key] = None
                    else:
                        back = [song_id for song_id in patch.get("del", ()) if song_id in room.items]
                        frames[key] = listener.prepare(patch), (patch["seq"], patch["mark"]), back
                frame = frames[key]
            if frame is None and listener.has_room():
                meters.resyncs += 1
                self._send_state(listener)
                continue
            if frame is None or not listener.offer(frame[0]):
                listener.behind_since = now
                self._behind.add(listener)
                continue
            listener.version = frame[1]
            if listener.acknowledged is not None:
                # A song that went and came back within one patch: was the vote for the old one or for the new?
                if again := listener.acknowledged.intersection(frame[2]):
                    listener.owe(again)
                    self._owed.add(listener)
                listener.acknowledged = None
        self._pay_mine()
        if self._behind:
            self._look_later()

    def _pay_mine(self) -> None:
        owed, self._owed = (self.listeners if self._all_owed else self._owed), set()
        room = self._room()
        for listener in list(owed):
            if listener.behind_since is not None:
                pass  # it gets all of them when it has caught up
            elif self._all_owed:
                self._send_all_mine(listener)
            elif votes := view.own_votes(room, listener.member, listener.mine or ()):
                listener.push(listener.wire.encode({"t": "mine", "votes": votes}))
            listener.mine = None
        self._all_owed = False

    # Those who are behind

    def _look_later(self) -> None:
        if self._looking is None:
            self._looking = self._loop.call_later(LOOK_AFTER, self._look)

    def _look(self) -> None:
        self._looking = None
        now = self._loop.time()
        for listener in list(self._behind):
            if listener.overdue(now):
                self._behind.discard(listener)
                meters.cut += 1
                listener.sink.abort()  # close code 4508 could not reach a client that does not read
            elif not listener.sink.buffered():
                self._behind.discard(listener)
                listener.behind_since = None
                self._catch_up(listener)
        if self._behind:
            self._look_later()

    def _catch_up(self, listener: Listener) -> None:
        patch = view.since(self._room(), *listener.version)
        if patch is None:
            meters.resyncs += 1
            self._send_state(listener)
        else:
            listener.sink.write(listener.prepare(patch))
            listener.version = (patch["seq"], patch["mark"])
            self._send_all_mine(listener)

    # Whole states

    def _send_state(self, listener: Listener) -> None:
        room = self._room()
        meters.states += 1
        version, wire = room.version, listener.wire
        known = self._state_head.get(wire)
        if known is None or known[0] != version:
            known = self._state_head[wire] = (version, wire.open_map(view.state(room)))
        listener.push_state(wire.close_map(known[1], "mine", view.mine(room, listener.member)), version)
        listener.acknowledged = None

    def _send_all_mine(self, listener: Listener) -> None:
        votes = view.mine(self._room(), listener.member)
        listener.push(listener.wire.encode({"t": "mine", "votes": votes, "all": True}))
        listener.acknowledged = None
