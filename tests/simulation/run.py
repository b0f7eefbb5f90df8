"""Runs one scenario from beginning to end, in a loop of its own, with the code's bounds made small."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

from crowdcue.live import appender, listener, registry, replica
from crowdcue.room import state, view
from tests.simulation import acts, checks
from tests.simulation.loop import SimLoop
from tests.simulation.party import Party
from tests.simulation.steps import Bounds, Scenario

#: What the world may take to be right again after the last fault (simulated seconds).
HEALING = 5.0
#: The music goes on for ever: when it has been stopped, what it asked for last is done after so long (s).
LAST_WORDS = 0.2
#: … unless something was written meanwhile; so often it is waited again.
LAST_TRIES = 5
#: A command that was written and then lost with the log's tail is given up after the appender's patience only;
#: then it is asked again and answered (s).
PATIENCE = appender.PATIENCE + 3.0
#: What the code itself tells of faults that it was made to meet.
EXPECTED = ("is gone", "is put back", "is closed")


@dataclass(slots=True)
class Result:
    """How a run went. `failure` is the first broken promise; `story` what happened, step by step."""

    scenario: Scenario
    counts: Counter[str]
    failure: str | None
    story: str


def run(scenario: Scenario) -> Result:
    """The run of this scenario; the same scenario always runs the same way."""
    with _no_collection():
        return _played(scenario)


def _played(scenario: Scenario) -> Result:
    complaints = _Complaints()
    with _small(scenario.bounds), _seeded(scenario.seed), complaints.heard():
        loop = SimLoop()
        try:
            party = loop.run_until_complete(_run(loop, scenario, complaints))
        finally:
            loop.close()
    return Result(scenario, party.counts, party.failure, "\n".join(party.notes))


async def _run(loop: SimLoop, scenario: Scenario, complaints: _Complaints) -> Party:
    party = Party(scenario)
    loop.set_exception_handler(lambda _, context: party.broken(f"the loop tells: {_told(context)}"))
    complaints.party = party
    try:
        await party.begin()
        await party.go(acts.take)
        if party.failure is None:
            party.note("the world heals")
            await party.heal()
            await asyncio.sleep(HEALING)
            await _look(party)
    except Exception as error:
        party.broken(f"the run fell over: {error!r}")
    party.counts["entries"] = len(party.ledger.entries)
    await party.end()
    return party


async def _look(party: Party) -> None:
    await party.stop_the_clocks()
    for _ in range(LAST_TRIES):
        written = len(party.ledger.entries)
        await asyncio.sleep(LAST_WORDS)
        if len(party.ledger.entries) == written:
            break  # else an entry is on its way to the nodes
    if party.failure is None:
        for problem in await checks.verify(party):
            party.broken(problem)
    if any(phone.pending for phone in party.phones.values()) or not checks.settled(party):
        await asyncio.sleep(PATIENCE)
        await party.stop_the_clocks()  # a room that fell idle may have been opened again since
        await asyncio.sleep(LAST_WORDS)
    for problem in checks.unanswered(party):
        party.broken(problem)


def _told(context: dict[str, Any]) -> str:
    return f"{context['message']}: {context.get('exception')!r}"


class _Complaints(logging.Handler):
    """An error in the log is a broken promise too."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.party: Party | None = None

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if self.party is not None and not any(expected in line for expected in EXPECTED):
            error = record.exc_info[1] if record.exc_info else None
            self.party.broken(f"an error is logged: {line} {error!r}")

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """While this runs."""
        log = logging.getLogger("crowdcue")
        before = log.level, log.propagate
        log.addHandler(self)
        log.setLevel(logging.ERROR)
        log.propagate = False
        try:
            yield
        finally:
            log.removeHandler(self)
            log.level, log.propagate = before


class _Secrets:
    """In the place of the module `secrets`: names of producers come from the seed too."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(f"{seed} secrets")
        self.choice = self._dice.choice

    def token_hex(self, size: int) -> str:
        return self.token_bytes(size).hex()

    def token_bytes(self, size: int) -> bytes:
        return self._dice.randbytes(size)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    with mock.patch.object(registry, "secrets", _Secrets(seed)):
        yield


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """A run is short: its world, to which nothing leads any more, is collected when it is over, not walked again and
    again meanwhile. What was there before is not walked at all."""
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        gc.unfreeze()
        if enabled:
            gc.enable()


@contextlib.contextmanager
def _small(bounds: Bounds) -> Iterator[None]:
    """The bounds of the code as the scenario wants them."""
    wanted: list[tuple[Any, str, Any]] = [
        (replica, "CHECKPOINT_ENTRIES", bounds.checkpoint_entries),
        (replica, "CHECKPOINT_PLAYS", bounds.checkpoint_plays),
        (state, "KEEP_VERSIONS", bounds.keep_versions),
        (view, "KEEP_VERSIONS", bounds.keep_versions),
        (state, "KEEP_DELETED", bounds.keep_deleted),
        (listener, "PATCH_LIMIT", bounds.patch_limit),
        (listener, "CUT_LIMIT", bounds.cut_limit),
        (listener, "CUT_AFTER", bounds.cut_after),
        (registry, "IDLE", bounds.idle),
        (appender, "MAX_BATCH", bounds.max_batch),
    ]
    changed = [
        (place, name, getattr(place, name), value) for place, name, value in wanted if value is not None
    ]
    for place, name, _, value in changed:
        setattr(place, name, value)
    try:
        yield
    finally:
        for place, name, real, _ in changed:
            setattr(place, name, real)
