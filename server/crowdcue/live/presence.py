"""Who is in a room and which players are attached, over all nodes: heartbeats that lapse, never in the log."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Final

import msgpack

from crowdcue.live.listener import Listener
from crowdcue.log.contract import Presence

#: Names told in a `here` message.
MOST_NAMES: Final = 50
#: Players without host rights told in it.
MOST_ASKING: Final = 5
#: Members named in a node's report; beyond that they are counted only.
MOST_REPORTED: Final = 2_000
#: A report read longer ago than this says nothing about who is gone (s).
FRESH: Final = 5.0


class RoomPresence:
    """The presence of one room: this node's own listeners, and what the other nodes last reported."""

    def __init__(
        self, code: str, node: str, store: Presence, name_of: Callable[[Listener], str] = lambda l: l.name
    ) -> None:
        self._name_of = name_of
        self._code = code
        self._node = node
        self._store = store
        self._own: dict[str, list[Listener]] = {}
        self._players: dict[
            Listener, None
        ] = {}  # those of them who play: few, and asked about at every arrival
        self._others: list[dict[str, Any]] = []
        self._read_at: float | None = None
        self._anyone = False

    def join(self, listener: Listener) -> None:
        """A listener came."""
        self._own.setdefault(listener.member, []).append(listener)
        if listener.player:
            self._players[listener] = None

    def leave(self, listener: Listener) -> None:
        """A listener went."""
        self._players.pop(listener, None)
        theirs = self._own.get(listener.member)
        if theirs and listener in theirs:
            theirs.remove(listener)
            if not theirs:
                del self._own[listener.member]

    def of(self, member: str) -> list[Listener]:
        """The member's listeners on this node."""
        return self._own.get(member, [])

    # What is known of all nodes

    @property
    def members(self) -> int:
        """Distinct members connected."""
        if not self._others:
            return len(self._own)
        known = {*self._own}
        uncounted = 0
        for report in self._others:
            known.update(report["members"])
            uncounted += report["more"]
        return len(known) + uncounted

    @property
    def players(self) -> int:
        """Players attached, whether they count for the clock or not."""
        return len(self._players) + sum(int(report["players"]) for report in self._others)

    def attached(self, *, anyone: bool) -> bool:
        """Whether a player that counts is attached: one with host rights, or any if the clock is `anyone`'s."""
        if any(anyone or listener.host for listener in self._players):
            return True
        return any(report["players" if anyone else "counting"] for report in self._others)

    def fresh(self, now: float) -> bool:
        """Whether the other nodes' reports are recent enough to conclude that somebody is gone."""
        return self._read_at is not None and now - self._read_at < FRESH

    def here(self) -> dict[str, Any]:
        """The `here` message."""
        own = itertools.islice(self._own.items(), MOST_NAMES)
        named = {member: self._name_of(theirs[-1]) for member, theirs in own}
        for report in self._others:
            for member, name in itertools.islice(report["members"].items(), MOST_NAMES):
                named.setdefault(member, name)  # somebody on two nodes is here once
        names = list(named.values())[:MOST_NAMES]
        asking = self._asking()
        for report in self._others:
            asking += [{"id": member, "name": name} for member, name in report["asking"]]
        here = {"t": "here", "members": self.members, "players": self.players, "names": names}
        return {**here, "asking": asking[:MOST_ASKING]} if asking else here

    def _asking(self) -> list[dict[str, str]]:
        """This node's players without host rights: a TV that waits for a host to allow it sound."""
        return [
            {"id": listener.member, "name": self._name_of(listener)}
            for listener in self._players
            if not listener.host
        ][:MOST_ASKING]

    # Exchange with the other nodes

    async def beat(self) -> None:
        """Report this node's listeners and read the others'. Raises `Unavailable`."""
        answers = await self._store.beat(self._code, self._node, msgpack.packb(self._report()))
        reports = [msgpack.unpackb(answer) for answer in answers]
        self._others = [report for report in reports if report["node"] != self._node]
        self._read_at = asyncio.get_running_loop().time()

    async def withdraw(self) -> None:
        """Take this node's report back. Raises `Unavailable`."""
        await self._store.leave(self._code, self._node)

    def _report(self) -> dict[str, Any]:
        named = {
            member: self._name_of(theirs[-1])
            for member, theirs in itertools.islice(self._own.items(), MOST_REPORTED)
        }
        return {
            "node": self._node,
            "members": named,
            "more": len(self._own) - len(named),
            "players": len(self._players),
            "asking": [[asking["id"], asking["name"]] for asking in self._asking()],
            "counting": sum(listener.host for listener in self._players),
        }
