"""One simulated node: the real registry, replicas, appenders and fan-outs over a log with weather; it can die."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from crowdcue.live.registry import Registry
from crowdcue.live.room import LiveRoom
from crowdcue.tasks import Tasks
from tests.live.world import Songs
from tests.simulation.ledger import CODE
from tests.simulation.weather import Weather, WeatherLog, WeatherPresence

if TYPE_CHECKING:
    from tests.simulation.line import Line
    from tests.simulation.party import Party


class MortalTasks(Tasks):
    """Tasks of a process: when it is dead, nothing that still refers to it gets to do anything."""

    def __init__(self) -> None:
        super().__init__()
        self.dead = False

    def spawn(self, work: Coroutine[Any, Any, None], name: str | None = None) -> asyncio.Task[None]:
        task = super().spawn(work, name)
        if self.dead:
            task.cancel()
        return task

    def kill(self) -> None:
        """Every task stops where it stands."""
        self.dead = True
        for task in list(self._tasks):
            task.cancel()


class Node:
    """A machine: its weather stays, the process on it comes and goes."""

    def __init__(self, party: Party, index: int) -> None:
        self.name = f"node{index}"
        self.up = False
        self.lines: dict[Line, None] = {}  # in the order they came: a seed always runs the same way
        self._party = party
        self._lives = 0
        self.weather = Weather(random.Random(f"{party.scenario.seed} {index}"), party.counts)
        self.weather.before_checkpoint = party.ledger.before_checkpoint

    async def boot(self) -> None:
        """A new process."""
        party = self._party
        self._lives += 1
        self.tasks = MortalTasks()
        keep = party.scenario.bounds.keep_entries
        self.log = WeatherLog(party.store, self.weather, party.clock, 10_000 if keep is None else keep)
        self.log.on_restored = party.put_back
        await self.log.start()
        presence = WeatherPresence(party.presence, self.weather)
        self.registry = Registry(self.log, presence, Songs("lib0", "lib1", "lib2"), self.tasks)
        self.registry.node = f"{self.name}.{self._lives}"
        self.registry.start()
        self.up = True

    async def room(self) -> LiveRoom:
        """The party's room on this node."""
        return await self.registry.get(CODE)

    @property
    def open_room(self) -> LiveRoom | None:
        """The room, if it is open here."""
        if not self.up or CODE in self.registry._closing:
            return None
        return next((room for room in self.registry.rooms if room.gone is None), None)

    async def crash(self) -> None:
        """Gone, with no last word."""
        self.up = False
        self.tasks.kill()
        for opening in list(self.registry._opening.values()):
            opening.cancel()
        for room in self.registry.rooms:
            room._clock.close()
            room._fanout.close()
        await self.log.close()
        for line in list(self.lines):
            line.broken()

    async def stop(self) -> None:
        """The process ends in order: clients are sent away, rooms closed."""
        self.up = False
        registry, tasks, log = self.registry, self.tasks, self.log  # the next process may start meanwhile
        for line in list(self.lines):
            line.close(4503, "1")
        await registry.close()
        tasks.kill()
        await log.close()
