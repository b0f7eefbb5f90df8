"""A party as one client sees it: messages of the server in, snapshots out; no sockets and no clock.

The rules of patches are those of the protocol: `del`, then `set`, then `playing`, `history` and `room`. Snapshots are
never changed afterwards: what a message changes is replaced, so old snapshots stay true and cost nothing to keep.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

#: Finished plays in a view: as many as the server sends in a fresh state.
KEEP_HISTORY: Final = 20

Song = dict[str, Any]  #: id, title, artist, duration (s) and perhaps album, uri, artwork
Item = dict[str, Any]  #: a song and score, up, down, by, added_at (ms), key
Playing = dict[str, Any]  #: song, play, position, started_at, paused_at, paused_by …
Play = dict[str, Any]  #: song, play, played_at, …


class BadView(ValueError):
    """A message that does not fit what came before: only a fresh state helps."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of a party. Everything in it is to be read, not changed.

    `queue` in play order; `history` newest first; `mine`: your own votes (song id → -1 or +1); `here`: the last
    `here` message (`members`, `players`, `names`), empty before it came. `seq` is -1 before the first state.
    """

    seq: int = -1
    mark: str = ""
    room: dict[str, Any] = field(default_factory=dict)
    playing: Playing | None = None
    queue: tuple[Item, ...] = ()
    history: tuple[Play, ...] = ()
    mine: dict[str, int] = field(default_factory=dict)
    here: dict[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> tuple[int, str]:
        """(seq, mark)."""
        return self.seq, self.mark


@dataclass(frozen=True, slots=True)
class Change:
    """What became of `before`. Between the two there may be many messages: only the sum is told."""

    before: Snapshot
    after: Snapshot

    @property
    def added(self) -> list[Item]:
        """Songs that are in the queue now and were not, in play order."""
        known = {item["id"] for item in self.before.queue}
        return [item for item in self.after.queue if item["id"] not in known]

    @property
    def removed(self) -> list[Item]:
        """Songs that were in the queue and are not now (played or taken out)."""
        known = {item["id"] for item in self.after.queue}
        return [item for item in self.before.queue if item["id"] not in known]

    @property
    def started(self) -> Playing | None:
        """What plays now, if it is another play than before."""
        before, after = self.before.playing, self.after.playing
        if after is not None and (before is None or before["play"] != after["play"]):
            return after
        return None

    @property
    def new_first(self) -> Item | None:
        """The first song of the queue, if it is another one than before."""
        before, after = self.before.queue, self.after.queue
        if after and (not before or before[0]["id"] != after[0]["id"]):
            return after[0]
        return None


class View:
    """The view that a connection keeps. `apply` takes `state`, `patch`, `mine` and `here` messages."""

    def __init__(self) -> None:
        self._now = Snapshot()
        self._items: dict[str, Item] = {}
        self._voted_at: dict[str, int] = {}  # seq of own votes that no patch or state has shown yet
        self._stale = False  # the queue of `_now` is to be made anew from `_items`

    @property
    def seq(self) -> int:
        """The version's number; -1 before the first state."""
        return self._now.seq

    @property
    def snapshot(self) -> Snapshot:
        """The party now; the same object until something changes."""
        if self._stale:
            self._stale = False
            queue = tuple(sorted(self._items.values(), key=lambda item: item["key"]))
            self._now = replace(self._now, queue=queue)
        return self._now

    def apply(self, message: dict[str, Any]) -> None:
        """Take one message; kinds that are not about the view change nothing. Raises `BadView`."""
        try:
            kind = message["t"]
            if kind == "patch":
                self._patch(message)
            elif kind == "state":
                self._state(message)
            elif kind == "mine":
                self._mine(message["votes"], all_of_them=bool(message.get("all")))
            elif kind == "here":
                here = {name: value for name, value in message.items() if name != "t"}
                self._now = replace(self._now, here=here)
        except (KeyError, TypeError) as error:
            raise BadView(f"a message does not fit the view: {error!r}") from error

    def voted(self, song_id: str, value: int, seq: int) -> None:
        """An own vote was acknowledged; the server tells it only to your other connections."""
        self._voted_at[song_id] = seq
        self._mine({song_id: value}, all_of_them=False)

    def _state(self, message: dict[str, Any]) -> None:
        self._items = {item["id"]: item for item in message["queue"]}
        self._voted_at.clear()
        self._stale = True
        self._now = replace(
            self._now,
            seq=message["seq"],
            mark=message["mark"],
            room=message["room"],
            playing=message["playing"],
            history=tuple(message["history"]),
            mine={song_id: value for song_id, value in message["mine"].items() if value},
        )

    def _patch(self, message: dict[str, Any]) -> None:
        changed: list[Item] = message.get("set", [])
        deleted: list[str] = message.get("del", [])
        if deleted or changed:
            self._stale = True
        for song_id in deleted:
            self._items.pop(song_id, None)
        for fields in changed:
            item = {**self._items.get(fields["id"], {}), **fields}
            if "key" not in item or "title" not in item:
                raise BadView(f"changes of a song that is not known: {fields['id']!r}")
            self._items[item["id"]] = item
        news: dict[str, Any] = {"seq": message["seq"], "mark": message["mark"]}
        if "playing" in message:
            news["playing"] = message["playing"]
        if "history" in message:
            news["history"] = (*message["history"], *self._now.history)[:KEEP_HISTORY]
        if "room" in message:
            news["room"] = {**self._now.room, **message["room"]}
        if deleted:
            gone = self._votes_gone(deleted)
            news["mine"] = {
                song_id: value for song_id, value in self._now.mine.items() if song_id not in gone
            }
        self._now = replace(self._now, **news)
        self._voted_at = {song_id: at for song_id, at in self._voted_at.items() if at > message["seq"]}

    def _votes_gone(self, deleted: Iterable[str]) -> set[str]:
        """Votes die with the item, but a vote newer than the last version may be for one that came back since."""
        return {
            song_id
            for song_id in deleted
            if song_id not in self._items or self._voted_at.get(song_id, -1) <= self._now.seq
        }

    def _mine(self, votes: dict[str, int], *, all_of_them: bool) -> None:
        mine = {**({} if all_of_them else self._now.mine), **votes}
        self._now = replace(self._now, mine={song_id: value for song_id, value in mine.items() if value})
