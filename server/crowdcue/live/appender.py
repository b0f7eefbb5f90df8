"""Group commit without timers: one append of a room in flight, and what arrives meanwhile rides in the next one."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from crowdcue.live.meters import meters
from crowdcue.live.replica import Replica
from crowdcue.log.contract import Entry, NoSuchRoom, Position, RoomLog, Unavailable
from crowdcue.room import codec
from crowdcue.room.commands import Command, Sync, Vote
from crowdcue.room.reduce import Applied
from crowdcue.room.refusal import Outcome, Refused
from crowdcue.tasks import Tasks

log = logging.getLogger(__name__)

#: Commands in one entry (each song of a sync counts too), so that it is applied in a few milliseconds.
MAX_BATCH: Final = 500
#: Commands of one room that wait for the append in flight; at the log's slowest that is a second's worth.
MAX_WAITING: Final = 20_000
#: After so long without an answer from the log the outcome is unknown to the caller (s).
PATIENCE: Final = 5.0
#: First and longest pause before an append is settled again by its number (s).
SETTLE_FIRST: Final = 0.1
SETTLE_LONGEST: Final = 1.0

UNAVAILABLE: Final = Refused("unavailable", "The outcome is unknown; repeat with the same id.", 1)
BUSY: Final = Refused("too_many", "Too many commands are waiting in this room.", 1)
NO_ROOM: Final = Refused("no_such_room", "This party is over.")


class Ticket(NamedTuple):
    """A command on its way; `on_outcome` is called exactly once. `origin`: the listener that gave it, if any."""

    command: Command
    on_outcome: Callable[[Outcome], None]
    origin: Any


class _Batch:
    """Tickets that share an entry; they are answered together, by the entry or by giving up.

    `written` are those whose commands are in the entry, `places` where in it each ticket's answer is.
    """

    __slots__ = ("patience", "places", "position", "tickets", "written")

    def __init__(self, tickets: list[Ticket]) -> None:
        self.tickets: list[Ticket] | None = tickets
        self.written, self.places = _collapse(tickets)
        self.position: Position | None = None
        self.patience: asyncio.TimerHandle | None = None

    def take(self) -> list[Ticket]:
        """The tickets, for whoever answers them; nobody gets them a second time."""
        tickets, self.tickets = self.tickets or [], None
        if self.patience is not None:
            self.patience.cancel()
        return tickets

    def give_up(self, outcome: Refused) -> None:
        for ticket in self.take():
            _refuse(ticket.command, ticket.on_outcome, outcome)


def _collapse(tickets: list[Ticket]) -> tuple[list[Ticket], list[int]]:
    """Of a client's votes on one song only the last is written, and answers for those before it.

    Not over another command, which may be about that song; and not from or to a downvote, which a party may refuse
    while it takes the other.
    """
    written: list[Ticket] = []
    places: list[int] = []
    latest: dict[tuple[Any, str], int] = {}
    for ticket in tickets:
        command = ticket.command
        if not isinstance(command, Vote):
            latest.clear()
        elif ticket.origin is not None:
            vote = (ticket.origin, command.song_id)
            place = latest.get(vote)
            if place is not None and (written[place].command.value < 0) == (command.value < 0):  # type: ignore[union-attr]
                written[place] = ticket
                places.append(place)
                continue
            latest[vote] = len(written)
        places.append(len(written))
        written.append(ticket)
    return written, places


def _refuse(command: Command, on_outcome: Callable[[Outcome], None], outcome: Refused) -> None:
    meters.answered((command,), (outcome,))
    on_outcome(outcome)


class Appender:
    """The way of a room's commands into its log. `producer` names this room on this node for one lifetime."""

    def __init__(self, store: RoomLog, replica: Replica, tasks: Tasks, producer: str) -> None:
        self._store = store
        self._replica = replica
        self._tasks = tasks
        self._producer = producer
        self._number = 0
        self._waiting: deque[Ticket] = deque()
        self._batches: dict[int, _Batch] = {}
        self._task: asyncio.Task[None] | None = None
        self._ended: Refused | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        return self._task is None and not self._waiting and not self._batches

    def submit(self, command: Command, on_outcome: Callable[[Outcome], None], origin: Any = None) -> None:
        """Have the command appended; its outcome comes when this node has applied it."""
        if self._ended is not None:
            _refuse(command, on_outcome, self._ended)
        elif len(self._waiting) >= MAX_WAITING:
            _refuse(command, on_outcome, BUSY)
        else:
            self._waiting.append(Ticket(command, on_outcome, origin))
            if self._task is None:
                self._task = self._tasks.spawn(self._run(), f"append {self._replica.code}")

    def end(self, outcome: Refused) -> None:
        """Answer all that waits, and whatever comes, with this refusal."""
        self._ended = outcome
        for batch in list(self._batches.values()):
            batch.give_up(outcome)
        self._batches.clear()
        self._give_up_waiting(outcome)

    async def close(self) -> None:
        """Wait until what was submitted is answered, at most as long as callers are patient."""
        task = self._task
        if task is not None:
            await asyncio.wait({task}, timeout=PATIENCE + SETTLE_LONGEST)
        self.end(UNAVAILABLE)

    # An entry was applied, by whatever way it came

    def applied(self, entry: Entry, applied: Applied) -> list[Ticket] | None:
        """Tell the callers of an entry that this appender made. Its tickets, one for each command in it; None for
        others' entries."""
        if entry.producer != self._producer:
            return None
        batch = self._batches.pop(entry.number, None)
        if batch is None or batch.tickets is None:
            return None
        tickets, outcomes = batch.take(), applied.outcomes
        answers = outcomes if len(tickets) == len(outcomes) else [outcomes[place] for place in batch.places]
        for ticket, outcome in zip(tickets, answers, strict=True):
            ticket.on_outcome(outcome)
        meters.answered([ticket.command for ticket in tickets], answers)
        return batch.written

    def rebuilt(self) -> None:
        """The room was built anew: entries that were written are in it or lost, and nobody can say which."""
        for number, batch in list(self._batches.items()):
            if batch.position is not None:
                batch.give_up(UNAVAILABLE)
                del self._batches[number]

    # The loop

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(0)  # what arrives in this turn of the event loop rides along
            while self._waiting and self._ended is None:
                tickets = self._next_tickets()
                self._number += 1
                number, batch = self._number, _Batch(tickets)
                self._batches[number] = batch
                # The caller's patience lasts until the entry is applied here, not only until it is written.
                batch.patience = loop.call_later(PATIENCE, self._out_of_patience, number)
                try:
                    await self._commit(number, batch)
                except Exception:
                    log.exception(
                        "room %(room)s: append %(number)d failed",
                        {"room": self._replica.code, "number": number},
                    )
                    batch.give_up(UNAVAILABLE)
                    self._batches.pop(number, None)
        finally:
            self._task = None

    def _next_tickets(self) -> list[Ticket]:
        """What goes into the next entry: the oldest that wait, as many as it should hold."""
        tickets: list[Ticket] = []
        weight = 0
        while self._waiting and weight < MAX_BATCH:
            ticket = self._waiting.popleft()
            tickets.append(ticket)
            weight += 1 + (len(ticket.command.songs) if isinstance(ticket.command, Sync) else 0)
        return tickets

    async def _commit(self, number: int, batch: _Batch) -> None:
        payload = codec.encode_batch(ticket.command for ticket in batch.written)
        size, began = len(batch.tickets or ()), asyncio.get_running_loop().time()
        position = await self._settle(number, payload)
        if position is None:
            return
        meters.append_seconds.observe(asyncio.get_running_loop().time() - began)
        meters.batch_size.observe(size)
        batch.position = position
        self._replica.offer_own(position, self._producer, number, payload)
        if number in self._batches and (batch.tickets is None or self._replica.holds(position)):
            # Its callers were out of patience: nobody waits, and its entry may be lost by now. Or a rebuild read it
            # before its position was known here: it is in the room, its outcome is lost.
            batch.give_up(UNAVAILABLE)
            del self._batches[number]

    async def _settle(self, number: int, payload: bytes) -> Position | None:
        """Append until the log answers: asking again with the same number never writes twice (L7).

        None: the room ended, or the entry came back by another way and needs no answer any more.
        """
        loop = asyncio.get_running_loop()
        began, pause = loop.time(), SETTLE_FIRST
        while self._ended is None and number in self._batches:
            try:
                return await self._store.append(self._replica.code, self._producer, number, payload)
            except Unavailable as error:
                known = {"room": self._replica.code, "number": number, "error": error}
                log.warning("room %(room)s: append %(number)d is unsettled: %(error)s", known)
            except NoSuchRoom:
                self._replica.request_catch_up()  # puts the room back, or finds that it is gone
            await asyncio.sleep(pause)
            pause = min(2 * pause, SETTLE_LONGEST)
            if loop.time() - began > PATIENCE:
                self._give_up_waiting(UNAVAILABLE)
        return None

    def _out_of_patience(self, number: int) -> None:
        batch = self._batches[number]
        batch.give_up(UNAVAILABLE)
        if batch.position is None:
            self._give_up_waiting(UNAVAILABLE)
        else:
            del self._batches[number]  # written, but not read again in time; its entry may be lost by now

    def _give_up_waiting(self, outcome: Refused) -> None:
        while self._waiting:
            ticket = self._waiting.popleft()
            _refuse(ticket.command, ticket.on_outcome, outcome)
