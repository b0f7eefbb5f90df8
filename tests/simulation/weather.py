"""One node's way to the log and to presence, with the faults of the day: what is asked and answered may not arrive."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence

from crowdcue.log.contract import Entry, OnHint, Position, Snapshot, Unavailable
from crowdcue.log.memory import MemoryLog, MemoryStore
from crowdcue.log.presence import MemoryPresence

#: Kinds of bad weather that `Weather.set` knows, all with an end in loop time.
KINDS = (
    "hints lost",
    "hints doubled",
    "hints late",
    "log stalls",
    "answers stall",
    "answers slow",
    "log away",
    "appends fail",
    "answers lost",
    "appends late",
)
#: Those that end when they end.
DELAYS = ("log stalls", "answers stall", "answers slow")
#: A node that missed something, or was refused, may wait so long until it asks again (s); stalls just end.
SHOCK = 3.5


class Weather:
    """What becomes of one node's messages. `dice` belongs to the node, so that runs repeat."""

    def __init__(self, dice: random.Random, faults: Counter[str]) -> None:
        self.faults = faults  # those that hit something
        self._dice = dice
        self._until: dict[str, float] = {}
        self._calm = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.trouble_since = 0.0  # loop time
        self.trouble_until = 0.0  # loop time from when on all is well
        self.before_checkpoint: Callable[[], None] = lambda: None

    def set(self, kind: str, seconds: float) -> None:
        """Bad weather of this kind from now on, for so long."""
        assert kind in KINDS, kind
        now = self._loop.time()
        if now > self.trouble_until:
            self.trouble_since = now
        self._until[kind] = end = now + seconds
        end += 0.3 if kind in DELAYS else SHOCK
        self.trouble_until = max(self.trouble_until, end)
        self._calm.clear()

    def clear(self) -> None:
        """All is well again, at once."""
        self._until.clear()
        self.trouble_until = min(self.trouble_until, self._loop.time() + SHOCK)
        self._calm.set()
        self._calm = asyncio.Event()

    def bad(self, kind: str) -> bool:
        """Whether there is weather of this kind now; if so it is counted as a fault that hit."""
        if self._until and self._until.get(kind, 0.0) > self._loop.time():
            self.faults[kind] += 1
            return True
        return False

    @property
    def fair(self) -> bool:
        """Whether nothing stands, or has lately stood, between this node and the log."""
        return self.trouble_until <= self._loop.time()

    async def gate(self, operation: str, room: str, moment: str) -> None:
        """On the way to the log (`before`) or back (`after`)."""
        dice = self._dice
        if operation == "append" or dice.random() < 0.15:
            await asyncio.sleep(0.0005 + dice.random() * 0.006)
        if self._until:
            await self._hindered(operation, moment)
        if operation == "checkpoint" and moment == "before":
            self.before_checkpoint()

    async def _hindered(self, operation: str, moment: str) -> None:
        if self.bad("log away"):
            raise Unavailable("the node is cut off")
        stall = "log stalls" if moment == "before" else "answers stall"
        if self.bad(stall):
            await self._wait(self._until[stall])
        if operation == "append":
            if moment == "before" and self.bad("appends fail"):
                raise Unavailable("refused before it was written")
            if moment == "after" and self.bad("answers lost"):
                raise Unavailable("the answer was lost")

    async def way_back(self) -> None:
        """An answer takes its time; what it says may be old when it arrives."""
        if self._dice.random() < 0.15:
            await asyncio.sleep(0.0005 + self._dice.random() * 0.006)
        if self._until and self.bad("answers slow"):
            await asyncio.sleep(0.02 + self._dice.random() * 0.15)
        if self._until and self.bad("answers stall"):
            await self._wait(self._until["answers stall"])

    async def _wait(self, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await self._calm.wait()
        except TimeoutError:
            pass

    def carry(self, on_hint: OnHint, room: str, entry: Entry) -> None:
        """Bring a hint, or not, or twice, or late."""
        dice, later = self._dice, self._loop.call_later
        if not self._until:
            if dice.random() < 0.5:
                on_hint(room, entry)
            else:
                later(dice.random() * 0.008, on_hint, room, entry)
            return
        if self.bad("log away"):
            return
        if dice.random() < 0.6 and self.bad("hints lost"):
            return
        for _ in range(2 if dice.random() < 0.6 and self.bad("hints doubled") else 1):
            late = dice.random() < 0.5 and self.bad("hints late")
            later(dice.choice((0.02, 0.3, 2.5)) if late else dice.random() * 0.008, on_hint, room, entry)


class WeatherLog(MemoryLog):
    """A node's view of the store through its weather. A late append reaches the log after its caller gave it up."""

    def __init__(self, store: MemoryStore, weather: Weather, clock: Callable[[], int], keep: int) -> None:
        super().__init__(
            store, clock=clock, gate=weather.gate, carry=weather.carry, keep_entries=keep, shared=True
        )
        self.on_restored: Callable[[], None] = lambda: None
        self._weather = weather
        self._straight = MemoryLog(store, clock=clock, keep_entries=keep, shared=True)
        self._straight._open = True  # a way for what is on the wire already; it has no subscribers

    async def append(self, room: str, producer: str, number: int, payload: bytes) -> Position:
        if self._weather.bad("appends late"):
            loop = asyncio.get_running_loop()
            loop.call_later(0.4, lambda: _start(self._straight.append(room, producer, number, payload)))
            raise Unavailable("the connection broke while it was sent")
        return await super().append(room, producer, number, payload)

    async def read(self, room: str, after: int, limit: int = 1_000) -> list[Entry]:
        entries = await super().read(room, after, limit)
        await self._weather.way_back()
        return entries

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        positions = await super().positions(rooms)
        await self._weather.way_back()
        return positions

    async def snapshot(self, room: str) -> Snapshot | None:
        snapshot = await super().snapshot(room)
        await self._weather.way_back()
        return snapshot

    async def restore(self, room: str, snapshot: Snapshot, at: int) -> bool:
        restored = await super().restore(room, snapshot, at)
        if restored:
            self.on_restored()
        return restored


def _start(work: object) -> None:
    """Run a coroutine that never really waits, to its end."""
    try:
        work.send(None)  # type: ignore[attr-defined]
    except StopIteration:
        return
    except Exception:  # the log refuses what comes too late, and there is nobody to be told
        return
    raise AssertionError("it waited")


class WeatherPresence:
    """Presence is kept where the log is, and shares its weather."""

    def __init__(self, shared: MemoryPresence, weather: Weather) -> None:
        self._shared = shared
        self._weather = weather

    async def beat(self, room: str, node: str, report: bytes) -> list[bytes]:
        await self._weather.gate("beat", room, "before")
        return await self._shared.beat(room, node, report)

    async def leave(self, room: str, node: str) -> None:
        await self._weather.gate("leave", room, "before")
        await self._shared.leave(room, node)
