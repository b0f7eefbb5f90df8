"""The state of one room after an entry of its log, with what `view.since` needs to tell what changed."""

from __future__ import annotations

import operator
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

from crowdcue.room import settings
from crowdcue.room.refusal import Outcome
from crowdcue.room.song import Song

#: The rules this code knows (R9).
RULES_VERSION: Final = 1

# Bounds. Each is what one room may cost a node; all are far beyond any party that has been.
MAX_QUEUE: Final = 10_000  #: songs waiting
MAX_VOTES: Final = 500_000  #: live votes
MAX_MEMBERS: Final = 200_000  #: members with something live in the room
SWEEP_PAUSE: Final = 1_000  #: entries between two sweeps of a full table: a sweep looks at every member
MAX_HOSTS: Final = 1_000
MAX_BANNED: Final = 10_000
MAX_ADMITTED: Final = 50_000  #: members who need not show the PIN again; beyond, the first ones must
KEEP_VERSIONS: Final = 10_000  #: versions a client may resume from
KEEP_DELETED: Final = 20_000  #: removed ids remembered for resuming clients
KEEP_HISTORY: Final = 20  #: plays in a fresh state
KEEP_RECENT: Final = 2_000  #: songs remembered for the cooldown: more than a week of parties in a row
ANSWERS_PER_MEMBER: Final = 64  #: commands whose answer is remembered …
ANSWERS_TTL: Final = 600_000  #: … for ten minutes (ms) …
MAX_ANSWERS: Final = 50_000  #: … and in one room

MARK: Final = 8  #: hexadecimal digits of the chain that a version shows on the wire

Key = tuple[int, ...]
by_key = operator.attrgetter("key")


@dataclass(slots=True, eq=False)
class Member:
    """Somebody who has something in the room; `live` counts the votes and songs that refer to them.

    Members are compared and hashed by identity: a vote costs a pointer, not a name.
    """

    id: str
    name: str
    host: bool = False
    banned: bool = False
    live: int = 0
    items: list[Item] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)  # at most 64: a deque would take 760 bytes empty


@dataclass(slots=True, eq=False)
class Item:
    """One queued song. The `_at` fields are the seq of the entry that last changed what they name."""

    song: Song
    by: Member
    added_at: int
    number: int
    born: int
    turn: int = 0
    up: int = 0
    down: int = 0
    key: Key = ()
    votes: dict[Member, int] = field(default_factory=dict)
    up_at: int = 0
    down_at: int = 0
    key_at: int = 0
    by_at: int = 0

    @property
    def score(self) -> int:
        """Votes up less votes down."""
        return self.up - self.down


@dataclass(slots=True, eq=False)
class Playing:
    """What plays. Position in it at log time t: `position + (paused_at or t) - started_at`, all ms."""

    play: int
    song: Song
    by: Member
    turn: int
    up: int
    down: int
    played_at: int
    started_at: int
    position: int = 0
    paused_at: int | None = None
    paused_by: str | None = None
    skips: dict[Member, bool] = field(default_factory=dict)
    skips_needed: int = 0

    def at(self, now: int) -> int:
        """The position at log time `now` (ms), within the song."""
        reached = self.position + (now if self.paused_at is None else self.paused_at) - self.started_at
        return min(max(reached, 0), self.song.duration)


@dataclass(frozen=True, slots=True)
class Play:
    """One finished play, as the history keeps it; `seq` is the entry that ended it."""

    play: int
    song: Song
    by_id: str
    by_name: str
    up: int
    down: int
    played_at: int
    ended_at: int
    reason: str
    seq: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer to a command, kept so that the same id gets it again."""

    at: int
    outcome: Outcome


@dataclass(slots=True, eq=False)
class Room:
    """A room. `seq`, `chain`, `at` are the head; (`changed`, its mark) is the last version that shows."""

    code: str
    seq: int
    chain: str
    at: int = 0
    rules: int = RULES_VERSION
    changed: int = 0
    horizon: int = 0
    settings: dict[str, settings.Value] = field(default_factory=settings.defaults)
    settings_at: dict[str, int] = field(default_factory=dict)
    volume: int = 80
    host_generation: int = 0

    items: dict[str, Item] = field(default_factory=dict)
    touched: dict[str, int] = field(default_factory=dict)
    deleted: OrderedDict[str, int] = field(default_factory=OrderedDict)
    arrivals: int = 0
    votes: int = 0
    turn: int = 0
    taken: dict[Member, int] = field(default_factory=dict)

    playing: Playing | None = None
    playing_at: int = 0
    plays: int = 0
    cleared: int = 0
    history: deque[Play] = field(default_factory=lambda: deque(maxlen=KEEP_HISTORY))
    recent: OrderedDict[str, int] = field(default_factory=OrderedDict)

    members: dict[str, Member] = field(default_factory=dict)
    bans: int = 0
    #: The PIN's seal, "" for none, and who has shown it, by the order in which they did.
    pin: str = ""
    admitted: OrderedDict[str, None] = field(default_factory=OrderedDict)
    sweep_at: int = 10_000  # with so many members, those that nothing refers to are forgotten
    swept: int = 0
    answers: OrderedDict[tuple[str, str], Answer] = field(default_factory=OrderedDict)

    marks: bytearray = field(default_factory=bytearray)
    marks_from: int = 0
    _order: list[Item] | None = None
    _sorted: bool = True

    def __post_init__(self) -> None:
        if not self.marks:
            self.marks_from = self.seq
            self.marks.extend(bytes.fromhex(self.chain[:MARK]))

    # Versions

    def mark(self, seq: int) -> str | None:
        """The mark of version `seq`, or None when it is not remembered."""
        at = (seq - self.marks_from) * (MARK // 2)
        if at < 0 or seq > self.seq:
            return None
        return self.marks[at : at + MARK // 2].hex()

    @property
    def version(self) -> tuple[int, str]:
        """(seq, mark) of the last version that shows to anybody."""
        mark = self.mark(self.changed)
        # Older than what is remembered: nothing has shown for so long that the head is as good.
        return (self.changed, mark) if mark is not None else (self.seq, self.mark(self.seq) or "")

    def advance(self, seq: int, chain: str, at: int) -> None:
        """Move the head to the next entry."""
        self.seq, self.chain, self.at = seq, chain, at
        self.marks += bytes.fromhex(chain[:MARK])
        width = MARK // 2
        if len(self.marks) > 2 * KEEP_VERSIONS * width:
            del self.marks[: KEEP_VERSIONS * width]
            self.marks_from += KEEP_VERSIONS

    # Queue

    def ordered(self) -> list[Item]:
        """The queue in play order. Sorted when somebody looks, not on every vote."""
        if self._order is None:
            self._order = sorted(self.items.values(), key=by_key)
        elif not self._sorted:
            self._order.sort(key=by_key)
        self._sorted = True
        return self._order

    def touch(self, item: Item) -> None:
        """Note that the item changes in this entry."""
        seq, touched, song_id = self.seq, self.touched, item.song.id
        if touched.get(song_id) != seq:
            touched.pop(song_id, None)
            touched[song_id] = seq
        self.changed = seq

    def set_key(self, item: Item, key: Key) -> None:
        """Give the item its place in the order."""
        if key != item.key:
            item.key = key
            item.key_at = self.seq
            self._sorted = False

    def put(self, item: Item) -> None:
        """Take a new item into the queue."""
        self.items[item.song.id] = item
        item.by.items.append(item)
        item.by.live += 1
        self._order = None
        self.touch(item)

    def drop(self, item: Item) -> None:
        """Take an item out of the queue; its votes die with it."""
        song_id = item.song.id
        del self.items[song_id]
        self.touched.pop(song_id, None)
        item.by.items.remove(item)
        item.by.live -= 1
        self.forget_votes(item)
        self.deleted.pop(song_id, None)
        self.deleted[song_id] = self.seq
        while len(self.deleted) > KEEP_DELETED:
            _, forgotten = self.deleted.popitem(last=False)
            self.horizon = max(self.horizon, forgotten)  # a clear may have set it later already
        self._order = None
        self.changed = self.seq

    def forget_votes(self, item: Item) -> None:
        """Let go of an item's votes."""
        for member in item.votes:
            member.live -= 1
        self.votes -= len(item.votes)
        item.votes = {}

    # Members

    def enrol(self, member_id: str, name: str = "") -> Member | None:
        """The member of this id, entered if new; None when the room's table of members is full."""
        member = self.members.get(member_id)
        if member is not None:
            if name and not member.name:
                member.name = name
            return member
        if len(self.members) >= self.sweep_at:
            self._sweep()
        if len(self.members) >= MAX_MEMBERS:
            if self.seq - self.swept < SWEEP_PAUSE:
                return None
            self._sweep()
            if len(self.members) >= MAX_MEMBERS:
                return None
        member = Member(member_id, name)
        self.members[member_id] = member
        return member

    def lets_in(self, member_id: str | None) -> bool:
        """Whether this member may come in and look without showing a PIN (now)."""
        if not self.pin or member_id in self.admitted:
            return True
        member = self.members.get(member_id or "")
        return member is not None and member.host

    def admit(self, member_id: str) -> None:
        """This member need not show the PIN again, as long as it stays the same."""
        self.admitted[member_id] = None
        self.admitted.move_to_end(member_id)
        if len(self.admitted) > MAX_ADMITTED:
            self.admitted.popitem(last=False)

    def _sweep(self) -> None:
        """Forget members that nothing in the room refers to."""
        playing = self.playing
        for member in list(self.members.values()):
            plays = playing is not None and (playing.by is member or member in playing.skips)
            if not (
                member.live
                or member.host
                or member.banned
                or member.answered
                or plays
                or member in self.taken
            ):
                del self.members[member.id]
        self.sweep_at = max(10_000, 2 * len(self.members))
        self.swept = self.seq
