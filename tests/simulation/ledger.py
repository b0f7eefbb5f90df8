"""Everything that was ever written, lost or not: makes failovers, and says what each version must look like."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from crowdcue.log.contract import Entry
from crowdcue.log.memory import MemoryRoom, MemoryStore
from crowdcue.room import codec, view
from crowdcue.room import commands as c
from crowdcue.room.reduce import Applied, reduce
from crowdcue.room.refusal import Outcome, Refused
from crowdcue.room.state import MARK, Play, Room

CODE = "PARTY2"
BIRTH = "b1" * 20

Named = tuple[str, str]  #: a member and their own name for a command


@dataclass(slots=True)
class Branch:
    """One past, replayed: the room at its end, and what became of every command with a name."""

    room: Room
    plays: list[Play] = field(default_factory=list)
    outcomes: dict[Named, list[Outcome]] = field(default_factory=dict)
    steps: dict[tuple[str, str], int] = field(default_factory=dict)  # (member, song) of steps without a name
    numbers: set[tuple[str, int]] = field(default_factory=set)
    doubled: list[tuple[str, int]] = field(default_factory=list)  # written twice under one number

    def note(self, entry: Entry, applied: Applied) -> None:
        """Keep what an entry did."""
        self.plays += applied.plays
        for command, outcome in zip(codec.decode_batch(entry.payload), applied.outcomes, strict=True):
            assert not isinstance(command, Refused), "nobody writes malformed commands here"
            if command.id is not None:
                self.outcomes.setdefault((command.member, command.id), []).append(outcome)
            elif isinstance(command, c.Step):
                key = (command.member, command.song_id)
                self.steps[key] = self.steps.get(key, 0) + 1
        number = (entry.producer, entry.number)
        if number in self.numbers:
            self.doubled.append(number)
        self.numbers.add(number)


class Ledger:
    """All entries by their chain, and the store as it was before each checkpoint, to roll back to."""

    def __init__(self, store: MemoryStore) -> None:
        self.entries: dict[str, Entry] = {}
        self.by_mark: dict[tuple[int, str], str] = {(0, BIRTH[:MARK]): BIRTH}
        self.lost = 0  # entries
        self._store = store
        self._earlier: list[MemoryRoom] = []

    def record(self, entry: Entry) -> None:
        """An entry was written."""
        self.entries[entry.chain] = entry
        self.by_mark[entry.seq, entry.chain[:MARK]] = entry.chain

    def path(self, chain: str) -> list[Entry]:
        """The entries from the birth to this chain."""
        found: list[Entry] = []
        while chain != BIRTH:
            entry = self.entries[chain]
            found.append(entry)
            chain = entry.prev
        found.reverse()
        return found

    # Faults of the store

    def before_checkpoint(self) -> None:
        """A snapshot may be about to be stored: remember the store without it."""
        kept = self._store.rooms.get(CODE)
        if kept is not None:
            self._earlier.append(
                replace(kept, entries=[*kept.entries], producers={**kept.producers}, plays={**kept.plays})
            )

    def roll_back(self, entries: int, *, snapshot_too: bool) -> int:
        """Lose up to so many entries of the tail, as a failover to a lagging replica does; how many were lost."""
        now = self._store.rooms.get(CODE)
        if now is None:
            return 0
        base, target = now, max(now.seq - entries, 0)
        while self._earlier and base.snapshot and (base.snapshot.seq > target or snapshot_too):
            base, snapshot_too = self._earlier.pop(), False
        if base.snapshot is not None and base.snapshot.seq > target:
            target = base.snapshot.seq
        target = min(max(target, base.first - 1), base.seq)
        chain = base.chain_at(target)
        assert chain is not None
        path = self.path(chain)
        kept = replace(base, seq=target, chain=chain, entries=base.entries[: target + 1 - base.first])
        kept.producers = {entry.producer: entry for entry in path if entry.producer in now.producers}
        kept.at = path[-1].at if path else kept.at
        self._store.rooms[CODE] = kept
        self.lost += now.seq - target
        return now.seq - target

    def flush(self) -> None:
        """Lose everything."""
        self._store.rooms.pop(CODE, None)
        self._earlier.clear()

    # What should be

    def replay(self, chain: str, wanted: Collection[str] = ()) -> tuple[Branch, dict[str, dict[str, Any]]]:
        """The past up to `chain`, and the fresh state as it was at each of the chains in `wanted`."""
        states: dict[str, dict[str, Any]] = {}
        branch = Branch(Room(CODE, 0, BIRTH))
        if BIRTH in wanted:
            states[BIRTH] = view.state(branch.room)
        for entry in self.path(chain):
            applied = reduce(branch.room, entry.seq, entry.chain, entry.at, entry.payload)
            branch.note(entry, applied)
            if entry.chain in wanted:
                states[entry.chain] = view.state(branch.room)
        return branch, states
