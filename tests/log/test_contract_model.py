"""Random histories against a model: appends, repeats, checkpoints, restarts, jumps, losses (L1 to L9)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crowdcue.log.contract import Entry, LogError, Play, RoomLog, Snapshot, Trimmed

from .backends import Backend
from .conftest import PATIENTLY
from .helpers import check_entries, read_all

ROOMS = ["A", "B"]
PRODUCERS = ["one", "two", "three"]
#: Small, so that short histories trim.
KEPT = {"keep_entries": 4, "keep_plays": 3}

rooms = st.sampled_from(ROOMS)
STEP = st.one_of(
    st.tuples(
        st.just("append"),
        rooms,
        st.sampled_from(PRODUCERS),
        st.lists(st.binary(max_size=40), min_size=1, max_size=6),
    ),
    st.tuples(st.just("repeat"), rooms, st.integers(0, 2)),
    st.tuples(st.just("ghost"), rooms, st.integers(0, 2)),
    st.tuples(st.just("checkpoint"), rooms, st.integers(0, 6), st.integers(0, 3)),
    st.tuples(st.just("reopen")),
    st.tuples(st.just("jump"), st.integers(-600_000, 600_000)),
    st.tuples(st.just("vanish"), rooms),
)

#: One history with every kind of step, so that none is ever left out by chance.
EVERY_KIND: list[tuple[object, ...]] = [
    ("append", "A", "one", [b"", b"x", b"y"] * 4),
    ("append", "B", "two", [b"z"] * 9),
    ("repeat", "A", 0),
    ("ghost", "B", 0),
    ("checkpoint", "A", 3, 2),
    ("jump", -600_000),
    ("checkpoint", "A", 1, 3),
    ("append", "A", "two", [b"after"] * 6),
    ("reopen",),
    ("checkpoint", "A", 0, 0),
    ("jump", 600_000),
    ("vanish", "B"),
    ("append", "B", "two", [b"on"] * 9),
]


@dataclass
class ModelRoom:
    """What a room's log must hold."""

    chains: list[str]  # by seq, from the birth
    base: int = 0  # entries up to here are gone since the room was put back
    at: int = 0
    entries: list[Entry] = field(default_factory=list)  # all since `base`
    last: dict[str, Entry] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    previous: int = 0
    first: int = 1
    plays: list[int] = field(default_factory=list)
    next_play: int = 1

    @property
    def seq(self) -> int:
        return len(self.chains) - 1


class Run:
    """One history on one backend."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.model: dict[str, ModelRoom] = {}
        self.did: Counter[str] = Counter()
        self.log: RoomLog

    async def play(self, steps: list[tuple[object, ...]]) -> None:
        self.log = await self.backend.open(**KEPT)
        for room in ROOMS:
            born = await self.log.create(room)
            self.model[room] = ModelRoom([born.chain], at=born.at)
        for name, *args in steps:
            await getattr(self, str(name))(*args)
            await self.check_heads()
        await self.check_all()
        self.log = await self.backend.reopen(**KEPT)
        await self.check_all()

    async def append(self, room: str, producer: str, payloads: list[bytes]) -> None:
        for payload in payloads:
            await self.append_one(room, producer, payload)

    async def append_one(self, room: str, producer: str, payload: bytes) -> None:
        kept = self.model[room]
        number = kept.last[producer].number + 1 if producer in kept.last else 1
        answer = await self.log.append(room, producer, number, payload)
        assert answer.seq == kept.seq + 1
        entry = Entry(answer.seq, kept.chains[-1], answer.chain, answer.at, producer, number, payload)
        check_entries([entry], kept.seq)
        assert answer.at >= kept.at
        kept.chains.append(answer.chain)
        kept.entries.append(entry)
        kept.last[producer] = entry
        kept.at = answer.at
        self.did["append"] += 1

    def known(self, room: str, index: int) -> Entry | None:
        """The last entry of one of the producers that have appended, if any has."""
        known = list(self.model[room].last.values())
        return known[index % len(known)] if known else None

    async def repeat(self, room: str, index: int) -> None:
        last = self.known(room, index)
        if last is not None:
            answer = await self.log.append(room, last.producer, last.number, last.payload)
            assert (answer.seq, answer.chain, answer.at) == (last.seq, last.chain, last.at)
            self.did["repeat"] += 1

    async def ghost(self, room: str, index: int) -> None:
        last = self.known(room, index)
        if last is not None:
            with pytest.raises(LogError):
                await self.log.append(room, last.producer, last.number - 1, b"ghost")
            self.did["ghost"] += 1

    async def checkpoint(self, room: str, back: int, plays: int) -> None:
        kept = self.model[room]
        seq = max(kept.seq - back, kept.first - 1)
        numbers = list(range(kept.next_play, kept.next_play + plays))
        taken = Snapshot(seq, kept.chains[seq], kept.next_play + plays - 1, b"state %d" % seq)
        newer = kept.snapshot is None or seq > kept.snapshot.seq
        stored = await self.log.checkpoint(room, taken, [Play(play, b"%d" % play) for play in numbers], 0)
        assert stored == newer
        if not stored:
            return
        kept.previous = kept.snapshot.seq if kept.snapshot is not None else 0
        kept.snapshot = taken
        kept.next_play += plays
        newest = kept.next_play - 1
        kept.plays = [play for play in kept.plays + numbers if play > newest - KEPT["keep_plays"]]
        kept.first = max(kept.first, min(kept.previous, kept.seq - KEPT["keep_entries"]) + 1)
        self.did["checkpoint"] += 1

    async def reopen(self) -> None:
        self.log = await self.backend.reopen(**KEPT)
        self.did["reopen"] += 1

    async def jump(self, ms: int) -> None:
        self.backend.skew += ms
        self.did["jump"] += 1

    async def vanish(self, room: str) -> None:
        """The store loses the room, and an open replica puts it back."""
        kept = self.model[room]
        taken = Snapshot(kept.seq, kept.chains[-1], 0, b"replica")
        await self.log.delete(room, for_good=False)
        assert await self.log.restore(room, taken, kept.at)
        kept.base = kept.previous = kept.seq
        kept.first = kept.seq + 1
        kept.entries, kept.last, kept.plays, kept.snapshot = [], {}, [], taken
        self.did["vanish"] += 1

    async def check_heads(self) -> None:
        heads = await self.log.positions(ROOMS)
        for room, kept in self.model.items():
            assert (heads[room].seq, heads[room].chain, heads[room].at) == (
                kept.seq,
                kept.chains[-1],
                kept.at,
            )
            assert heads[room].now >= kept.at

    async def check_all(self) -> None:
        for room, kept in self.model.items():
            entries = await read_all(self.log, room, kept.first - 1, page=3)
            assert entries == kept.entries[kept.first - 1 - kept.base :]
            if kept.first > 1:
                with pytest.raises(Trimmed):
                    await self.log.read(room, kept.first - 2)
            assert await self.log.snapshot(room) == kept.snapshot
            archive = await self.log.plays(room, None, 100)
            assert [play.play for play in archive] == kept.plays[::-1]
        assert await self.log.rooms() == {room: kept.at for room, kept in self.model.items()}


@PATIENTLY
def test_random_histories_agree_with_the_model(make_backend: Callable[[], Backend]) -> None:
    """L1 to L9, and over all histories together every kind of step was really taken."""
    did: Counter[str] = Counter()
    first = make_backend()
    first.remove()

    @settings(max_examples=first.histories, deadline=None)
    @example(EVERY_KIND)
    @given(st.lists(STEP, min_size=5, max_size=40))
    def history(steps: list[tuple[object, ...]]) -> None:
        async def run() -> None:
            backend = make_backend()
            try:
                one = Run(backend)
                await one.play(steps)
                did.update(one.did)
            finally:
                await backend.stop()
                backend.remove()

        asyncio.run(run())

    history()
    missing = {"append", "repeat", "ghost", "checkpoint", "reopen", "jump", "vanish"} - set(did)
    assert not missing, f"never done: {missing}"
    assert did["append"] > 30
