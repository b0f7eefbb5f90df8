"""Mistakes in the rules' memory and on a command's way into the log."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest import mock

from crowdcue.live.appender import Appender
from crowdcue.log import memory
from crowdcue.log.contract import NoSuchRoom, Position, Unavailable
from crowdcue.room import codec
from crowdcue.room.refusal import Done
from crowdcue.room.rules import RULES
from crowdcue.room.state import Room
from tests.simulation.mutants.making import Change, both, mutant, put


@mutant
def drop_the_duplicate_check() -> Change:
    """A command that is asked again is applied again."""
    forgetful = {kind: rule._replace(remembered=False) for kind, rule in RULES.items()}
    return mock.patch.dict(RULES, forgetful)


@mutant
def forget_answers_in_the_snapshot() -> Change:
    """A room that is read from a snapshot does not know what was asked before."""
    real = codec.decode_room

    def decode(data: bytes) -> Room:
        room = real(data)
        room.answers.clear()
        for member in room.members.values():
            member.answered.clear()
        return room

    return put(codec, "decode_room", decode)


@mutant
def acknowledge_before_durable() -> Change:
    """The answer is given before the log has the entry."""
    real = Appender._commit

    async def commit(self: Appender, number: int, batch: Any) -> None:
        if batch.tickets is not None:
            for ticket in batch.tickets:
                ticket.on_outcome(Done(self._replica.room.seq + 1))
            batch.tickets = [ticket._replace(on_outcome=lambda _: None) for ticket in batch.tickets]
        await real(self, number, batch)

    return put(Appender, "_commit", commit)


@mutant
def retry_under_a_new_number() -> Change:
    """An append whose answer was lost is sent again as if it were another."""

    async def settle(self: Appender, number: int, payload: bytes) -> Position | None:
        loop = asyncio.get_running_loop()
        while self._ended is None and (batch := self._batches.get(number)) is not None:
            try:
                return await self._store.append(self._replica.code, self._producer, number, payload)
            except (Unavailable, NoSuchRoom):
                await asyncio.sleep(0.1)
            if self._batches.pop(number, None) is not None:
                self._number += 1
                number = self._number
                self._batches[number] = batch
                if batch.patience is not None:
                    batch.patience.cancel()
                batch.patience = loop.call_later(5.0, self._out_of_patience, number)
        return None

    return put(Appender, "_settle", settle)


@mutant
def log_forgets_numbers() -> Change:
    """The log does not look whether it has this append already."""
    real = memory.MemoryLog.append

    async def append(
        self: memory.MemoryLog, room: str, producer: str, number: int, payload: bytes
    ) -> Position:
        if (kept := self.store.rooms.get(room)) is not None:
            kept.producers.pop(producer, None)
        return await real(self, room, producer, number, payload)

    return put(memory.MemoryLog, "append", append)


@mutant
def leave_callers_waiting_after_a_rebuild() -> Change:
    """An entry that only a rebuild has read answers nobody, and patience has no end."""
    return both(
        put(Appender, "rebuilt", lambda self: None),
        put(Appender, "_out_of_patience", lambda self, number: None),
    )


@mutant
def keep_what_nobody_waits_for() -> Change:
    """An answer that comes when its callers have given up leaves the batch where it is."""
    real = Appender._commit

    async def commit(self: Appender, number: int, batch: Any) -> None:
        await real(self, number, batch)
        if batch.tickets is None and batch.position is not None and not self._replica.holds(batch.position):
            self._batches[number] = batch

    return put(Appender, "_commit", commit)
