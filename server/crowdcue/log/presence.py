"""Who is in a room right now, kept in this process: the `Presence` of a single node."""

from __future__ import annotations

import time
from collections.abc import Callable

from .contract import PRESENCE_TTL


class MemoryPresence:
    """The contract's `Presence` in a dictionary. Nodes of a simulation share one instance."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` reads seconds that never go back."""
        self._clock = clock
        self._rooms: dict[str, dict[str, tuple[float, bytes]]] = {}  # room -> node -> (lapses at, report)
        self._sweep_at = clock() + PRESENCE_TTL

    async def beat(self, room: str, node: str, report: bytes) -> list[bytes]:
        """Store this node's report and answer every live node's, in the order of their names."""
        now = self._clock()
        self._sweep(now)
        nodes = self._rooms.setdefault(room, {})
        nodes[node] = (now + PRESENCE_TTL, report)
        return [kept for _, (lapses, kept) in sorted(nodes.items()) if lapses > now]

    async def leave(self, room: str, node: str) -> None:
        """Withdraw this node's report; unknown rooms and nodes are fine."""
        nodes = self._rooms.get(room)
        if nodes is None:
            return
        nodes.pop(node, None)
        if not nodes:
            del self._rooms[room]

    def _sweep(self, now: float) -> None:
        """Drop what lapsed, once per TTL, so that rooms nobody beats or leaves do not pile up."""
        if now < self._sweep_at:
            return
        self._sweep_at = now + PRESENCE_TTL
        for room, nodes in list(self._rooms.items()):
            live = {node: kept for node, kept in nodes.items() if kept[0] > now}
            if live:
                self._rooms[room] = live
            else:
                del self._rooms[room]
