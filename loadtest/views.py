"""What the listeners of a room see: every patch of every listener is applied, the work shared by those who stand alike.

A `Version` is an immutable state of the room. Listeners point at the one they hold; a patch leads from it to the next
one, computed once for all who stand there and get the same bytes. Two ways to the same (seq, mark) must lead to equal
states: a listener that lost a patch is found out when it arrives somewhere else than the others, or at the end.
"""

from __future__ import annotations

from array import array
from collections import Counter, OrderedDict
from typing import Any, Final

import msgpack

#: Versions that are remembered for comparison; beyond it every second of the older ones is let go.
KEEP: Final = 4_000
HISTORY: Final = 20

Item = dict[str, Any]


class Version:
    """One state of the room. `arrivals`: times (s, monotonic) at which listeners got here."""

    __slots__ = ("arrivals", "history", "items", "mark", "next", "playing", "room", "seq")

    def __init__(
        self,
        seq: int,
        mark: str,
        items: dict[str, Item],
        playing: Any,
        history: tuple[Any, ...],
        room: dict[str, Any],
    ) -> None:
        self.seq = seq
        self.mark = mark
        self.items = items
        self.playing = playing
        self.history = history
        self.room = room
        self.next: dict[bytes, Version] = {}
        self.arrivals = array("d")

    def same(self, other: Version) -> bool:
        """Whether both say the same of the room."""
        return (
            self.items == other.items
            and self.playing == other.playing
            and self.history == other.history
            and self.room == other.room
        )


class Views:
    """All versions of one room that listeners of this process have seen."""

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()
        self.known: OrderedDict[tuple[int, str], Version] = OrderedDict()
        self.patches = 0  # different patches, each applied once

    def state(self, message: dict[str, Any]) -> Version:
        """The version of a fresh `state`."""
        items = {item["id"]: item for item in message["queue"]}
        if sorted(items.values(), key=lambda item: item["key"]) != message["queue"]:
            self.errors["a state's queue is not in the order of its keys"] += 1
        return self._intern(
            Version(
                message["seq"],
                message["mark"],
                items,
                message["playing"],
                tuple(message["history"]),
                message["room"],
            )
        )

    def patch(self, version: Version, payload: bytes) -> Version:
        """Where a `patch` leads from `version`."""
        after = version.next.get(payload)
        if after is None:
            after = version.next[payload] = self._apply(version, msgpack.unpackb(payload))
        return after

    def _apply(self, before: Version, patch: dict[str, Any]) -> Version:
        self.patches += 1
        seq, mark = patch["seq"], patch["mark"]
        if seq < before.seq:
            self.errors["a patch goes back"] += 1
        items = before.items
        if "del" in patch or "set" in patch:
            items = dict(items)
            for song_id in patch.get("del", ()):
                items.pop(song_id, None)
            for fields in patch.get("set", ()):
                item = {**items.get(fields["id"], {}), **fields}
                if "key" not in item or "title" not in item:
                    self.errors["a patch changes a song that is not known"] += 1
                items[item["id"]] = item
        return self._intern(
            Version(
                seq,
                mark,
                items,
                patch.get("playing", before.playing),
                (*patch.get("history", ()), *before.history)[:HISTORY],
                {**before.room, **patch["room"]} if "room" in patch else before.room,
            )
        )

    def _intern(self, version: Version) -> Version:
        key = (version.seq, version.mark)
        known = self.known.get(key)
        if known is None:
            self.known[key] = version
            if len(self.known) > KEEP:
                for old in list(self.known)[: KEEP // 2 : 2]:
                    del self.known[old]
            return version
        if not known.same(version):
            self.errors["two ways to one version lead to different states"] += 1
            return version
        return known
