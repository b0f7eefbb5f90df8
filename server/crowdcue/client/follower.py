"""A live view to look at and to wait on: what is known of the party now, and what changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from crowdcue.client.errors import Closed, Ended
from crowdcue.client.view import Change, Item, Play, Playing, Snapshot, View


class Follower:
    """Follows a `View` that somebody else feeds, who calls `_pulse` after each change and sets `_over` at the end."""

    def __init__(self) -> None:
        self._view = View()
        self._over: Ended | None = None
        self._changed = asyncio.Event()  # set, and replaced, at every change

    @property
    def now(self) -> Snapshot:
        """The party now, all of it."""
        return self._view.snapshot

    @property
    def version(self) -> tuple[int, str]:
        """(seq, mark)."""
        return self._view.snapshot.version

    @property
    def room(self) -> dict[str, Any]:
        """Code, name and settings."""
        return self._view.snapshot.room

    @property
    def playing(self) -> Playing | None:
        """What plays."""
        return self._view.snapshot.playing

    @property
    def queue(self) -> tuple[Item, ...]:
        """The queue in play order."""
        return self._view.snapshot.queue

    @property
    def history(self) -> tuple[Play, ...]:
        """The last 20 finished plays, newest first."""
        return self._view.snapshot.history

    @property
    def mine(self) -> dict[str, int]:
        """Your own votes: song id → -1 or +1."""
        return self._view.snapshot.mine

    @property
    def here(self) -> dict[str, Any]:
        """Who is here: `members`, `players`, `names`."""
        return self._view.snapshot.here

    def changes(self) -> AsyncGenerator[Change, None]:
        """What changes from this call on. A slow reader gets fewer and larger changes, and never the wrong ones.

        Raises `Ended` when the party is over, but ends quietly when you leave the `async with` block.
        """
        return self._changes_since(self._view.snapshot)

    async def _changes_since(self, before: Snapshot) -> AsyncGenerator[Change, None]:
        # There is no queue that could grow: a reader is told the difference to what it was told last.
        while True:
            changed = self._changed
            after = self._view.snapshot
            if after is not before:
                yield Change(before, after)
                before = after
            elif self._over is None:
                await changed.wait()
            elif isinstance(self._over, Closed):
                return
            else:
                raise self._over

    def _pulse(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
