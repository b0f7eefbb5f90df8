"""Mistakes in making, storing and trimming behind snapshots."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from crowdcue.log import memory
from crowdcue.log.contract import Play, Snapshot
from crowdcue.room import codec
from crowdcue.room.state import Room
from tests.simulation.mutants.making import Change, both, mutant, put


@mutant
def trim_before_the_snapshot_is_kept() -> Change:
    """The entries go first and the snapshot comes a moment later, if it comes."""
    real = memory.MemoryLog.checkpoint

    async def checkpoint(
        self: memory.MemoryLog, room: str, snapshot: Snapshot, plays: Sequence[Play], cleared: int
    ) -> bool:
        kept = self.store.rooms.get(room)
        if kept is not None and kept.first <= snapshot.seq <= kept.seq:
            kept.entries = kept.entries[snapshot.seq + 1 - kept.first :]
            kept.first = snapshot.seq + 1
        await asyncio.sleep(0.05)
        return await real(self, room, snapshot, plays, cleared)

    return put(memory.MemoryLog, "checkpoint", checkpoint)


@mutant
def take_the_snapshot_of_a_fork() -> Change:
    """A replica that missed a failover plants its past in the log."""
    return put(memory.MemoryRoom, "chain_at", lambda self, seq: _Anything(self.chain))


@mutant
def freeze_by_reference() -> Change:
    """The snapshot is made of what goes on changing while it is packed."""

    def freeze(room: Room) -> list[Any]:
        return [room]

    real = codec.freeze
    return both(
        put(codec, "freeze", freeze),
        put(codec, "pack", lambda frozen: codec.msgpack.packb(real(frozen[0]))),  # type: ignore[attr-defined]
    )


class _Anything(str):
    """Equal to every chain."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False
