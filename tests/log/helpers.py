"""What the log's tests share: a verifier of whole logs, and a collector of hints."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from crowdcue.log.contract import Entry, Position, RoomLog, link

#: Longer than any answer takes on a busy machine; only a failing test waits for it (s).
PATIENCE = 20.0


async def read_all(log: RoomLog, room: str, after: int = 0, page: int = 1_000) -> list[Entry]:
    """Every entry behind `after`, by pages."""
    entries: list[Entry] = []
    while part := await log.read(room, after, page):
        assert len(part) <= page
        entries += part
        after = part[-1].seq
    return entries


async def verify(log: RoomLog, room: str, after: int = 0) -> list[Entry]:
    """Read the log from `after`, recompute its chain, and check every promise that a reader can check."""
    entries = await read_all(log, room, after)
    head = (await log.positions([room]))[room]
    check_entries(entries, after)
    if entries:
        assert (head.seq, head.chain, head.at) == (entries[-1].seq, entries[-1].chain, entries[-1].at)
    else:
        assert head.seq <= after
    assert head.now >= head.at
    return entries


def check_entries(entries: Sequence[Entry], after: int) -> None:
    """No gap, no fork, no going back in time, nothing twice."""
    assert [entry.seq for entry in entries] == list(range(after + 1, after + 1 + len(entries)))
    last_number: dict[str, int] = {}
    for index, entry in enumerate(entries):
        assert entry.chain == link(
            entry.prev, entry.seq, entry.at, entry.producer, entry.number, entry.payload
        ), f"the chain breaks at {entry.seq}"
        if index:
            assert entry.prev == entries[index - 1].chain
            assert entry.at >= entries[index - 1].at
        assert entry.number > last_number.get(entry.producer, -1), f"{entry.producer} repeats itself"
        last_number[entry.producer] = entry.number


async def append_many(log: RoomLog, room: str, producer: str, count: int, start: int = 1) -> list[Position]:
    """Append `count` entries, many of them in flight at once."""
    positions: list[Position] = []
    for begin in range(start, start + count, 500):
        numbers = range(begin, min(begin + 500, start + count))
        positions += await asyncio.gather(
            *(log.append(room, producer, number, b"payload %d" % number) for number in numbers)
        )
    return positions


class Hints:
    """A subscriber that remembers what it was told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Entry | None]] = []
        self.news = asyncio.Event()

    def __call__(self, room: str, entry: Entry | None) -> None:
        self.seen.append((room, entry))
        self.news.set()

    @property
    def entries(self) -> list[Entry]:
        return [entry for _, entry in self.seen if entry is not None]

    async def wait_for(self, count: int) -> list[Entry]:
        """Wait until so many entries were hinted."""
        async with asyncio.timeout(PATIENCE):
            while len(self.entries) < count:
                self.news.clear()
                await self.news.wait()
        return self.entries
