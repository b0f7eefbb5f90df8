"""A scenario under way: carries out its steps one by one, heals the world at the end, and keeps count."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

from crowdcue.log.contract import Entry
from crowdcue.log.memory import MemoryLog, MemoryStore
from crowdcue.log.presence import MemoryPresence
from crowdcue.room import commands as c
from crowdcue.tasks import Tasks
from tests.simulation.ledger import BIRTH, CODE, Ledger
from tests.simulation.node import Node
from tests.simulation.phone import Phone
from tests.simulation.steps import Scenario, Step

#: Log time less loop time at the start (ms).
EPOCH = 1_000_000_000_000
#: An entry reaches every node in fair weather within so long (s) …
PROMPT = 0.3
#: … and the log has not just lost something (s).
SHOCK = 8.0
#: Lines of the story of a run that are kept.
MOST_NOTES = 400


class Broken(AssertionError):
    """A promise was broken."""


class Party:
    """The world of one run."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.loop = asyncio.get_running_loop()
        self.counts: Counter[str] = Counter()
        self.tasks = Tasks()
        self.notes: list[str] = []
        self.failure: str | None = None
        self.store = MemoryStore()
        self.ledger = Ledger(self.store)
        self.presence = MemoryPresence(self.loop.time)
        self.ahead = EPOCH
        self.began = self.loop.time()
        self.floor = 0  # what was acknowledged and is not lost, so that every read must see it
        self.losses = 0  # failovers and flushes so far
        self.lost_at = -SHOCK  # when the last was
        self._written: list[tuple[float, Entry]] = []  # when each entry was
        self.newest: tuple[Node, str] | None = None  # of the replicas when all was forgotten
        self.must_be_kept: list[str] = []  # chains that the newest replica has saved
        self.rest_sent: Counter[tuple[str, str]] = Counter()
        self.rest_done: Counter[tuple[str, str]] = Counter()
        self.nodes = [Node(self, index) for index in range(scenario.nodes)]
        self.phones = {person.name: Phone(self, person) for person in scenario.people}

    def clock(self) -> int:
        """The clock of the machine that the log is on (ms)."""
        return int(self.loop.time() * 1000) + self.ahead

    def note(self, line: str) -> None:
        """Something worth telling when the run fails."""
        if len(self.notes) < MOST_NOTES:
            self.notes.append(f"{self.loop.time() - self.began:7.3f} s  {line}")

    def broken(self, why: str) -> None:
        """A promise was broken; the first is the one to tell."""
        if self.failure is None:
            self.failure = why
            self.note(f"BROKEN: {why}")

    def _record(self, code: str, entry: Entry | None) -> None:
        if entry is None or not entry.seq:
            return  # a whisper: in no log
        self.ledger.record(entry)
        self._written.append((self.loop.time(), entry))
        self.loop.call_later(PROMPT, self.is_everywhere)

    def is_everywhere(self) -> None:
        """A hint arrives, so nodes in fair weather need not wait until they look where the log is."""
        now = self.loop.time()
        if now < self.lost_at + SHOCK or self.failure is not None:
            return
        due = next((entry.seq for at, entry in reversed(self._written) if at <= now - PROMPT + 0.001), 0)
        for node in self.nodes:
            live, weather = node.open_room, node.weather
            if weather.trouble_since < self.lost_at + SHOCK and now < weather.trouble_until + SHOCK:
                continue  # the trouble may have held up what the loss makes it do
            if live is not None and weather.fair and live.room.seq < due:
                self.broken(f"{node.name} has not heard of entry {due} in fair weather")

    def some_node(self, dice: random.Random) -> Node | None:
        """Any node that is up."""
        up = [node for node in self.nodes if node.up]
        return dice.choice(up) if up else None

    def acknowledged(self, seq: int) -> None:
        """Somebody was told that version `seq` shows what they asked for."""
        if seq > self.floor and not self.losses:
            self.floor = seq

    # The course of a run

    async def begin(self) -> None:
        """A store with an empty room, and all nodes up."""
        births = MemoryLog(self.store, clock=self.clock, birth=lambda: BIRTH)
        await births.start()
        await births.create(CODE)
        await births.close()
        recorder = MemoryLog(self.store)
        await recorder.start()
        await recorder.subscribe(CODE, self._record)
        for node in self.nodes:
            await node.boot()
        room = await self.nodes[0].room()
        await room.do(c.Create("house", c.NODE, None, CODE, dict(self.scenario.settings)))

    async def go(self, take: Callable[[Party, Step], Awaitable[None]]) -> None:
        """All steps, each at its time; `take` carries out one."""
        for step in self.scenario.steps:
            wait = self.began + step.at / 1000 - self.loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            if self.failure is not None:
                return
            await take(self, step)

    async def heal(self) -> None:
        """Nothing is wrong any more: all nodes up, all phones awake and connected."""
        for node in self.nodes:
            node.weather.clear()
            if not node.up:
                await node.boot()
        for phone in self.phones.values():
            phone.wake()
            if phone.line is None:
                phone.connect(self.nodes[len(phone.person.name) % len(self.nodes)])

    async def stop_the_clocks(self) -> None:
        """The room is open everywhere, and nobody acts by themselves any more: all can be looked at."""
        for node in self.nodes:
            try:
                room = await node.room()
            except Exception as error:
                self.broken(f"{node.name} cannot open the room: {error!r}")
                return
            room._clock.close()

    async def end(self) -> None:
        """Switch everything off."""
        for phone in self.phones.values():
            phone.leave()
        for node in self.nodes:
            if node.up:
                await node.crash()
        await self.tasks.close()
        for _ in range(5):  # what was cancelled gets to end
            await asyncio.sleep(0)

    def put_back(self) -> None:
        """The room is in the log again: the newest replica's past must be in it."""
        if self.newest is not None:
            self.must_be_kept.append(self.newest[1])
            self.newest = None

    def lost(self, kind: str) -> None:
        """The log has lost something by this kind of accident."""
        self.counts[kind] += 1
        self.losses += 1
        self.lost_at = self.loop.time()
        self.floor = 0
        self.newest = None
