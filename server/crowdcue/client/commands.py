"""The commands of a party as methods, one for each op of the protocol; how they are sent is `Party`'s business."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from crowdcue.client.view import Song

Result = dict[str, Any]

_ANY: Any = object()


class Commands(ABC):
    """What a member or a host may ask. Each answers the `result` of its `done` (often empty).

    All raise `Refused` when the party says no, and `Ended` when the party is over.
    """

    @abstractmethod
    async def do(self, op: str, *, follow: bool = True, **fields: Any) -> Result:
        """Give a command by its name and wait for the answer; `follow`: and until the view shows it."""

    # Everybody

    async def add(self, song: Song | str) -> Result:
        """Queue a song: a map, or the id of one in the library. One that is queued gets your upvote.

        Answers `{"song_id": str, "added": bool}`.
        """
        if isinstance(song, str):
            return await self.do("add", song_id=song)
        return await self.do("add", song=song)

    async def vote(self, song_id: str, value: int) -> Result:
        """Set your vote on a queued song: +1, 0 or -1."""
        return await self.do("vote", song_id=song_id, value=value)

    async def remove(self, song_id: str) -> Result:
        """Take a song out of the queue: your own; as a host, any."""
        return await self.do("remove", song_id=song_id)

    async def skip(self, want: bool = True) -> Result:
        """Vote to skip what plays, or take that back."""
        return await self.do("skip", want=want)

    async def rename(self, name: str) -> Result:
        """Change your own name."""
        return await self.do("rename", name=name)

    # Players

    async def ended(self, play: int, reason: str = "end") -> Result:
        """As a player: this play came to its end, or ("error") cannot be played."""
        return await self.do("ended", play=play, reason=reason)

    # Hosts

    async def play_next(self, expected: int | None = _ANY) -> Result:
        """End what plays and start the first of the queue.

        `expected`: only if this play is on (None: only if nothing is), else it is refused as `stale`.
        """
        return await (self.do("play_next") if expected is _ANY else self.do("play_next", expected=expected))

    async def pause(self) -> Result:
        """Stop the music where it is."""
        return await self.do("pause")

    async def resume(self) -> Result:
        """Let the music go on."""
        return await self.do("resume")

    async def seek(self, position: float) -> Result:
        """Go to a position (ms) in what plays."""
        return await self.do("seek", position=position)

    async def volume(self, value: float) -> Result:
        """Set the volume of the stage, 0-100."""
        return await self.do("volume", value=value)

    async def clear(self) -> Result:
        """Empty the queue."""
        return await self.do("clear")

    async def settings(self, **changes: Any) -> Result:
        """Change settings of the party: `policy="fair"`, `songs_per_guest=3` …"""
        return await self.do("settings", **changes)

    async def promote(self, member: str) -> Result:
        """Give another member host rights."""
        return await self.do("promote", member=member)

    async def ban(self, member: str) -> Result:
        """Send a guest away for good, with their songs and votes."""
        return await self.do("ban", member=member)

    async def unban(self, member: str) -> Result:
        """Let somebody come back who was sent away."""
        return await self.do("unban", member=member)
