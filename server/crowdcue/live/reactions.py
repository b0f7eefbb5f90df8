"""Reactions in one room: seen by all who are here, on every node, and kept by nobody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

import msgpack

from crowdcue.log.contract import RoomLog, Unavailable
from crowdcue.tasks import Tasks

#: Reactions are told so often (s), and so many at once: more cannot be seen.
EVERY: Final = 0.1
MOST: Final = 20


class Reactions:
    """Gathers what this node's guests and the other nodes throw, and has it shown in batches by `broadcast`."""

    def __init__(
        self, code: str, node: str, store: RoomLog, tasks: Tasks, broadcast: Callable[[dict[str, Any]], None]
    ) -> None:
        self._code, self._node, self._store, self._tasks = code, node, store, tasks
        self._broadcast = broadcast
        self._own: list[tuple[str, str]] = []
        self._others: list[tuple[str, str]] = []
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Show nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def add(self, name: str, emoji: str) -> None:
        """A guest of this node reacts; beyond what screens can show it is dropped."""
        if len(self._own) < MOST:
            self._own.append((emoji, name))
            self._soon()

    def heard(self, payload: bytes) -> None:
        """Another node (or this one) whispered what its guests do."""
        node, reactions = msgpack.unpackb(payload)
        if node != self._node:
            free = MOST - len(self._others)
            self._others += [(emoji, name) for emoji, name in reactions[:free]]
            self._soon()

    def _soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(EVERY, self._tell)

    def _tell(self) -> None:
        self._timer = None
        own, self._own = self._own, []
        others, self._others = self._others, []
        self._broadcast(
            {"t": "reactions", "list": [{"emoji": emoji, "name": name} for emoji, name in own + others]}
        )
        if own and self._store.shared:
            self._tasks.spawn(self._whisper(msgpack.packb([self._node, own])), f"whisper {self._code}")

    async def _whisper(self, payload: bytes) -> None:
        with contextlib.suppress(Unavailable):  # a reaction lost is no loss
            await self._store.whisper(self._code, payload)
