"""One client that listens to a room, and its outbox: bounded in bytes, and marked behind rather than buffered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from crowdcue.live.meters import meters
from crowdcue.wire import Wire

#: Beyond so many bytes on their way (and one snapshot in flight) a listener gets no more patches until it drains.
PATCH_LIMIT: Final = 128 * 1024
#: Beyond so many, or so many seconds behind, it is cut off.
CUT_LIMIT: Final = 512 * 1024
CUT_AFTER: Final = 10.0


class Sink(Protocol):
    """The way out to one client: frames in order, never blocking."""

    __slots__ = ()

    def prepare(self, payload: bytes, text: bool) -> bytes:
        """What `write` takes for this payload; the same for all sinks of a class, so made once for many."""
        ...

    def write(self, frame: bytes) -> None:
        """Send a prepared frame as soon as those before it are gone, together with others of this moment."""

    def send(self, frame: bytes) -> bool:
        """Send a prepared frame if nothing waits before it; False: it was not sent."""
        if self.buffered():
            return False
        self.write(frame)
        return True

    def buffered(self) -> int:
        """Bytes written and not yet taken by the network."""
        ...

    def close(self, code: int, reason: str) -> None:
        """End the connection in order."""

    def abort(self) -> None:
        """End the connection at once; a client that does not read cannot be asked to."""


_KINDS: Final[dict[tuple[Wire, type[Sink]], tuple[Wire, type[Sink]]]] = {}


class Listener:
    """A client in a room. `version` is the last it was sent; `mine` the songs on which it is owed its own vote;
    `acknowledged` those on which a `done` told it its own vote that no patch has shown yet, None when there are none:
    most never vote, and an empty set has a price in memory and in every patch."""

    __slots__ = (
        "acknowledged",
        "allowance",
        "behind_since",
        "host",
        "kind",
        "member",
        "mine",
        "name",
        "player",
        "sink",
        "version",
        "wire",
    )

    def __init__(self, sink: Sink, wire: Wire, member: str, name: str, *, player: bool, host: bool) -> None:
        self.sink = sink
        self.wire = wire
        #: Listeners of one kind take the same prepared frames; it is one object for all of them.
        self.kind = _KINDS.setdefault((wire, type(sink)), (wire, type(sink)))
        self.member = member
        self.name = name
        self.player = player
        self.host = host
        self.version: tuple[int, str] = (-1, "")
        self.behind_since: float | None = None
        self.mine: set[str] | None = None
        self.acknowledged: set[str] | None = None
        self.allowance = 0  # bytes of a snapshot in flight, which do not count against it

    def prepare(self, message: dict[str, Any]) -> bytes:
        """A message as a frame for listeners of this kind."""
        return self.sink.prepare(self.wire.encode(message), self.wire.text)

    def acknowledge(self, song_id: str) -> None:
        """Its `done` tells it its own vote on this song."""
        if self.acknowledged is None:
            self.acknowledged = set()
        self.acknowledged.add(song_id)

    def owe(self, songs: Iterable[str]) -> None:
        """It is owed its own votes on these songs."""
        if self.mine is None:
            self.mine = set()
        self.mine.update(songs)

    def push(self, payload: bytes) -> None:
        """Send an encoded answer; a client that lets answers pile up is cut off."""
        self.sink.write(self.sink.prepare(payload, self.wire.text))
        if self.sink.buffered() > CUT_LIMIT + self.allowance:
            meters.cut += 1
            self.sink.abort()

    def offer(self, frame: bytes) -> bool:
        """Send a prepared frame that goes to many; False when so much waits already that it is not to have it."""
        if self.sink.send(frame):
            if self.allowance:
                self.allowance = 0
            return True
        if not self.has_room():
            return False
        self.sink.write(frame)
        return True

    def push_state(self, payload: bytes, version: tuple[int, str]) -> None:
        """Send an encoded fresh state, whose size does not count against the listener."""
        self.allowance = len(payload)
        self.sink.write(self.sink.prepare(payload, self.wire.text))
        self.version = version

    def has_room(self) -> bool:
        """Whether another patch may be sent."""
        buffered = self.sink.buffered()
        if not buffered:
            self.allowance = 0
        return buffered <= PATCH_LIMIT + self.allowance

    def overdue(self, now: float) -> bool:
        """Whether it has been behind for too long, or holds too much."""
        late = self.behind_since is not None and now - self.behind_since > CUT_AFTER
        return late or self.sink.buffered() > CUT_LIMIT + self.allowance
