"""The music clock of one room: starts, advances, pauses and resumes by appending commands like everybody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from crowdcue.room import commands as c
from crowdcue.room.refusal import Outcome
from crowdcue.room.song import Song
from crowdcue.room.state import Room

#: The room pauses itself when the last player that counts has been gone for so long (s).
GONE: Final = 10.0
#: A stage reports the end itself; when it does not, any node does so this much later (s).
GRACE: Final = 0.4
#: Pause before a command that was refused is thought over again (s).
AGAIN: Final = 0.5

#: A song that autofill chose and the room refused (too long, say) is followed by another after so long (s).
FILL_AGAIN: Final = 2.0

HOUSE: Final = "house"  #: the member in whose name the clock acts


class MusicClock:
    """Watches one room. `now` is log time (ms); `attached` and `certain` speak of players; `submit` appends."""

    def __init__(
        self,
        room: Callable[[], Room],
        now: Callable[[], int],
        attached: Callable[[], bool],
        certain: Callable[[], bool],
        submit: Callable[[c.Command, Callable[[Outcome], None]], None],
        pick_song: Callable[[list[str]], Song | None],
    ) -> None:
        self._room, self._now, self._attached, self._certain = room, now, attached, certain
        self._submit, self._pick_song = submit, pick_song
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        self._asked = False  # a command of the clock's own is under way
        self._gone_since: float | None = self._loop.time()
        self._running: tuple[int, int] | None = None  # (play, started_at) that `_running_since` is about
        self._running_since = 0.0
        self._fill_after = 0.0
        self._closed = False

    def close(self) -> None:
        """Stop watching."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def changed(self) -> None:
        """The room or its players changed: think it over."""
        self._think_in(0.0)

    def _think_in(self, seconds: float) -> None:
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._think)

    def _think(self) -> None:
        self._timer = None
        attached, now = self._attached(), self._loop.time()
        if attached:
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = now
        if self._asked:
            return
        playing = self._room().playing
        if playing is None:
            self._think_of_silence(attached)
        elif playing.paused_at is not None:
            if playing.paused_by == "auto" and attached:
                self._ask(c.Resume(HOUSE, c.NODE, None, playing.play))
        else:
            self._think_of_music(attached, now)

    def _think_of_silence(self, attached: bool) -> None:
        room = self._room()
        if not attached:
            return
        if room.items:
            self._ask(c.PlayNext(HOUSE, c.NODE, None, c.NO_PLAY, True))
        elif room.settings["autofill"]:
            early = self._fill_after - self._loop.time()
            if early > 0:
                self._think_in(early)
                return
            song = self._pick_song([*room.recent])
            if song is not None:
                self._fill_after = self._loop.time() + FILL_AGAIN
                self._ask(c.Add(HOUSE, c.NODE | c.UNLIMITED, None, "Crowdcue", song, True))

    def _think_of_music(self, attached: bool, now: float) -> None:
        playing = self._room().playing
        assert playing is not None
        if self._running != (playing.play, playing.started_at):
            self._running, self._running_since = (playing.play, playing.started_at), now
        end = playing.started_at - playing.position + playing.song.duration
        left = (end - self._now()) / 1000 + GRACE
        if left <= 0:
            self._ask(c.PlayNext(HOUSE, c.NODE, None, playing.play, attached))
            return
        wake = left
        if self._gone_since is not None:
            alone = max(self._gone_since, self._running_since) + GONE - now
            if alone > 0:
                wake = min(wake, alone)
            elif self._certain():
                self._ask(c.Pause(HOUSE, c.NODE, None, playing.play))
                return
            else:
                wake = min(wake, AGAIN)
        self._think_in(wake + 0.001)

    def _ask(self, command: c.Command) -> None:
        self._asked = True
        self._submit(command, self._answered)

    def _answered(self, outcome: Outcome) -> None:
        self._asked = False
        self._think_in(0.0 if not hasattr(outcome, "code") else AGAIN)
