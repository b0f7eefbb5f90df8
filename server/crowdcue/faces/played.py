"""Which songs a room has played: an index over its archive, made when somebody asks, kept for a few rooms."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

from crowdcue.live.room import LiveRoom
from crowdcue.room.state import Play

#: Rooms whose index is kept: each is 10 MB at most, with all 100,000 plays of the archive.
MAX_INDEXES: Final = 8
#: Plays read from the archive at once.
PAGE: Final = 1_000


class _Index:
    """Song id → its newest play, of all plays up to `newest`."""

    __slots__ = ("newest", "plays", "turn")

    def __init__(self) -> None:
        self.newest = 0
        self.plays: dict[str, int] = {}
        self.turn = asyncio.Lock()


class PlayedSongs:
    """Finds the last play of a song, however long ago."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Index] = OrderedDict()

    async def find(self, live: LiveRoom, song_id: str) -> Play | None:
        """The song's newest finished play within the archive. Raises `Unavailable`."""
        for play in reversed(live.room.history):  # nearly always it was a moment ago
            if play.song.id == song_id:
                return play
        index = self._kept.setdefault(live.code, _Index())
        self._kept.move_to_end(live.code)
        if len(self._kept) > MAX_INDEXES:
            self._kept.popitem(last=False)
        async with index.turn:
            await _read_on(index, live)
        number = index.plays.get(song_id)
        if number is None or number <= live.room.cleared:
            return None
        found = await live.history(number + 1, 1)
        if found and found[0].play == number and found[0].song.id == song_id:
            return found[0]
        # The archive has let go of it, or the log's tail was lost and plays were numbered anew.
        self._kept.pop(live.code, None)
        return None


async def _read_on(index: _Index, live: LiveRoom) -> None:
    newest = live.room.history[-1].play if live.room.history else 0
    if newest < index.newest:  # cleared, or the log's tail was lost
        index.newest, index.plays = 0, {}
    if newest == index.newest:
        return
    fresh: dict[str, int] = {}
    before: int | None = newest + 1
    while before is not None and before > index.newest + 1:
        page = await live.history(before, min(PAGE, before - index.newest))
        for play in page:
            if play.play > index.newest:
                fresh.setdefault(play.song.id, play.play)
        before = page[-1].play if page else None
    index.plays.update(fresh)
    index.newest = newest
