"""A small test language for the core: people do things, the room's log grows, outcomes come back."""

from __future__ import annotations

from typing import Any

from crowdcue.log.contract import Entry, link
from crowdcue.room import codec, view
from crowdcue.room import commands as c
from crowdcue.room.reduce import Applied, reduce
from crowdcue.room.refusal import Done, Outcome, Refused
from crowdcue.room.song import Song
from crowdcue.room.state import Room

BIRTH = "ab" * 20
START = 1_000_000  #: log time of the first entry (ms)


def song(id_: str, seconds: int = 180) -> Song:
    """A song that is told by its id."""
    return Song(id_, f"Title of {id_}", f"Artist of {id_}", seconds * 1000)


class Story:
    """One room and the log that made it. `host` is the member "host", who has host rights from the start."""

    def __init__(self, **settings: int | str | bool) -> None:
        self.room = Room("PARTY2", 0, BIRTH)
        self.entries: list[Entry] = []
        self.at = START
        self.last = Applied()
        self.commit(c.Create("house", c.NODE, None, "PARTY2", settings))
        self.commit(c.Claim("host", c.NODE, None, "Host"))

    # The log

    def append(self, payload: bytes) -> Applied:
        """One more entry, whatever it holds, applied to the room."""
        seq, prev = self.room.seq + 1, self.room.chain
        chain = link(prev, seq, self.at, "node", seq, payload)
        self.last = reduce(self.room, seq, chain, self.at, payload)
        self.entries.append(Entry(seq, prev, chain, self.at, "node", seq, payload))
        return self.last

    def commit(self, *commands: c.Command) -> list[Outcome]:
        """These commands in one entry; their outcomes."""
        return self.append(codec.encode_batch(commands)).outcomes

    def do(self, command: c.Command) -> Outcome:
        """One command in an entry of its own; its outcome."""
        (outcome,) = self.commit(command)
        return outcome

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.at += int(seconds * 1000)

    # What people do

    def adds(
        self, member: str, *ids: str, rights: int = 0, seconds: int = 180, library: bool = False
    ) -> Outcome:
        """Add songs, one entry each; the last outcome."""
        for id_ in ids:
            outcome = self.do(c.Add(member, rights, None, member.title(), song(id_, seconds), library))
        return outcome

    def votes(self, member: str, id_: str, value: int = 1) -> Outcome:
        """Set a vote."""
        return self.do(c.Vote(member, 0, None, id_, value))

    def removes(self, member: str, id_: str) -> Outcome:
        """Remove a song."""
        return self.do(c.Remove(member, 0, None, id_))

    def next(self, expected: int = c.ANY_PLAY, *, attached: bool = True) -> Outcome:
        """The host goes on to the next song."""
        return self.do(c.PlayNext("host", 0, None, expected, attached))

    def sets(self, **changes: int | str | bool) -> Outcome:
        """The host changes settings."""
        return self.do(c.Settings("host", 0, None, changes))

    # What is seen

    @property
    def queue(self) -> list[str]:
        """The ids in play order."""
        return [item.song.id for item in self.room.ordered()]

    @property
    def state(self) -> dict[str, Any]:
        """The fresh state."""
        return view.state(self.room)

    @property
    def playing(self) -> dict[str, Any] | None:
        """What plays, as clients see it."""
        return view.playing_wire(self.room.playing)


def code(outcome: Outcome) -> str:
    """The refusal's code, or "done"."""
    return outcome.code if isinstance(outcome, Refused) else "done"


def result(outcome: Outcome) -> dict[str, Any]:
    """The result of what was done."""
    assert isinstance(outcome, Done), outcome
    return dict(outcome.result or {})
