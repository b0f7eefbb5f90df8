"""One change to every listener: CPU per frame delivered, beside nchan and bare Starlette in the same run.

All systems have their listeners connected at once and take turns, so that a busy machine troubles them alike. A change
is published when the one before has reached everybody; each is a message of 200 bytes, checked on every listener.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from collections import Counter
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from loadtest.cluster import ports
from loadtest.cpu import Meter, resident
from loadtest.crowd import all_at, allow_sockets, connect, enter, gather_crowd, until
from loadtest.frames import Socket
from loadtest.http1 import Http
from loadtest.ledger import Ledger
from loadtest.nchan import MODULE, nchan
from loadtest.phone import Phone
from loadtest.progress import Progress
from loadtest.result import Result
from loadtest.target import Target, running, scratch
from loadtest.views import Views

from .votes import compare

#: A change that has not reached everybody after so long never will (s).
PATIENCE: Final = 20.0
#: Between two changes (s): above Crowdcue's tick, so that none waits for it.
PAUSE: Final = 0.06
SIZE: Final = 200
#: How long the idle systems are watched (s). Keepalive comes every 20 s, evenly spread by the arrivals.
IDLE: Final = 4.0


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this scenario."""
    parser.add_argument("--listeners", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=60, help="changes, for each system")
    parser.add_argument("--repeats", type=int, default=3, help="turns that the systems take")
    parser.add_argument("--alone", action="store_true", help="without nchan and Starlette")


QUICK: Final = {"listeners": 30, "rounds": 6, "repeats": 2, "alone": True}


class System(Protocol):
    """Something that can deliver one message to many."""

    name: str
    pid: int | None

    async def publish(self, number: int) -> None:
        """Send message `number` (from 1) to everybody, and return when all have it."""


class Reached:
    """Counts who has the message that is under way."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.missing = 0
        self.all = asyncio.Event()

    def start(self) -> None:
        """A message sets out."""
        self.missing = self.count
        self.all.clear()

    def one(self) -> None:
        """It reached somebody."""
        self.missing -= 1
        if not self.missing:
            self.all.set()

    async def wait(self) -> None:
        """Until it has reached everybody. Raises `TimeoutError`."""
        async with asyncio.timeout(PATIENCE):
            await self.all.wait()


class Ear(Socket):
    """A listener of a peer: every message must come, once, in order."""

    __slots__ = ("_errors", "_last", "_reached", "ready")

    def __init__(self, host: str, path: str, reached: Reached, errors: Counter[str]) -> None:
        super().__init__(host, path, None)
        self._reached = reached
        self._errors = errors
        self._last = 0
        self.ready: asyncio.Future[None] = self.loop.create_future()

    def opened(self) -> None:
        """Listening."""
        self.ready.set_result(None)

    def received(self, payload: bytes, now: float) -> None:  # noqa: ARG002
        """The number stands in front."""
        number = int(payload[:8])
        if number != self._last + 1 or len(payload) != SIZE:
            self._errors["a peer's message out of order"] += 1
        self._last = number
        self._reached.one()


class Peer:
    """nchan, or Starlette: POST /pub, WebSocket /sub."""

    def __init__(self, name: str, pid: int, port: int, listeners: int) -> None:
        self.name = name
        self.pid: int | None = pid
        self.errors: Counter[str] = Counter()
        self._port = port
        self._reached = Reached(listeners)

    async def fill(self, progress: Progress) -> None:
        """Connect the listeners."""
        self._http = await self._publisher()

        async def one(_: int) -> Ear:
            ear = await connect(
                f"ws://127.0.0.1:{self._port}/sub", lambda host: Ear(host, "/sub", self._reached, self.errors)
            )
            await ear.ready
            return ear

        self.ears = await gather_crowd(self._reached.count, one, progress, f"{self.name}: listeners arrive")

    async def publish(self, number: int) -> None:
        """One message to all."""
        self._reached.start()
        if (
            self._http.transport.is_closing()
        ):  # servers hang up on publishers who have long had nothing to say
            self._http = await self._publisher()
        await self._http.ask("POST", "/pub", b"%08d" % number + b"x" * (SIZE - 8))
        await self._reached.wait()

    async def _publisher(self) -> Http:
        make = lambda: Http(f"127.0.0.1:{self._port}")  # noqa: E731
        return (await asyncio.get_running_loop().create_connection(make, "127.0.0.1", self._port))[1]


class CountingPhone(Phone):
    """A phone that says when a patch has come."""

    reached: Reached

    def received(self, payload: bytes, now: float) -> None:
        """As ever, and count."""
        patches = self.patches
        super().received(payload, now)
        if self.patches != patches:
            self.reached.one()


class Crowdcue:
    """The system under test: the change is the party's name, made so long that its patch has 200 bytes."""

    name = "crowdcue"

    def __init__(self, target: Target, code: str, listeners: int, errors: Counter[str]) -> None:
        self.pid = target.pids.get("node")
        self.errors = errors
        self.views = Views()
        self.sizes: Counter[int] = Counter()
        self._url = f"{target.ws}/ws/{code}"
        self._path = urlsplit(self._url).path
        self._reached = Reached(listeners)
        self.last = 0

    async def fill(self, progress: Progress) -> None:
        """Connect the listeners, and one who makes the changes."""

        def listener(host: str) -> Phone:
            phone = CountingPhone(host, self._path, self.views, self.errors)
            phone.reached = self._reached
            return phone

        self.phones = await gather_crowd(
            self._reached.count, lambda _: enter(self._url, listener), progress, "crowdcue: listeners arrive"
        )
        self._host = await enter(
            self._url, lambda host: Phone(host, self._path, self.views, self.errors, on_answer=self._answered)
        )

    def _answered(self, phone: Phone, number: int, message: dict[str, Any], _: float) -> None:
        phone.waiting.pop(number, None)
        if message["t"] == "done":
            self.last = message["seq"]
        else:
            self.errors[f"refused: {message['code']}"] += 1

    async def publish(self, number: int) -> None:
        """One change."""
        self._reached.start()
        self._host.transport.write(self._host.command("settings", name=f"{number:03d}"[-3:] + "é" * 77))
        await self._reached.wait()

    async def fresh(self) -> Phone:
        """A newcomer, to compare with."""
        return await enter(self._url, lambda host: Phone(host, self._path, Views(), self.errors))


async def run(told: argparse.Namespace, target: Target, progress: Progress) -> Result:
    """Let the systems take turns."""
    allow_sockets()
    result = Result(
        "fanout",
        {"listeners": told.listeners, "rounds": told.rounds, "repeats": told.repeats, "system": target.about},
    )
    code, _ = await asyncio.to_thread(target.room, 10)
    ours = Crowdcue(target, code, told.listeners, result.errors)
    before = resident(ours.pid) if ours.pid else 0
    with contextlib.ExitStack() as ending:
        peers = [] if told.alone else await asyncio.to_thread(_peers, ending, told.listeners)
        systems: list[Any] = [ours, *peers]
        for system in systems:
            await system.fill(progress)
        await asyncio.sleep(1.5)
        if ours.pid:
            result.add(
                "memory of the node a listener", (resident(ours.pid) - before) / told.listeners / 1024, "KiB"
            )
        idle = await _idle(systems)
        costs: dict[str, list[float]] = {s.name: [] for s in systems}
        net: dict[str, list[float]] = {s.name: [] for s in systems}
        walls: dict[str, list[float]] = {s.name: [] for s in systems}
        client: dict[str, list[float]] = {s.name: [] for s in systems}
        numbers = Counter[str]()
        rounds = max(told.rounds // told.repeats, 1)
        for repeat in range(told.repeats):
            for system in systems:
                meter = Meter({"node": system.pid} if system.pid else {}).start()
                for number in range(rounds):
                    progress.show(f"{system.name} {repeat + 1}/{told.repeats}", number + 1, rounds)
                    numbers[system.name] += 1
                    began = time.monotonic()
                    try:
                        await system.publish(numbers[system.name])
                    except TimeoutError:
                        result.errors[f"{system.name}: listeners that a change never reached"] += (
                            system._reached.missing
                        )
                        break
                    walls[system.name].append(time.monotonic() - began)
                    await asyncio.sleep(max(PAUSE - walls[system.name][-1], 0.001))
                meter.stop()
                frames = rounds * told.listeners
                costs[system.name].append(meter.nodes / frames * 1e6)
                net[system.name].append((meter.nodes - idle[system.name] * meter.wall) / frames * 1e6)
                client[system.name].append(meter.used["client"] / frames * 1e6)
        for peer in peers:
            result.errors.update(peer.errors)
        await _check(ours, result)
        for name, share in idle.items():
            result.add(f"CPU while nothing happens, {name}", share * 100, "% of a core")
        _figures(result, costs, client, walls)
        for name, found in net.items():
            result.add(f"CPU a frame without what idling costs, {name}", statistics.median(found), "µs")
        for phone in ours.phones:
            phone.close()
    return result


async def _idle(systems: list[Any]) -> dict[str, float]:
    """Share of a core that each system takes with its listeners connected and nothing to say: keepalive, mostly."""
    meter = Meter({system.name: system.pid for system in systems if system.pid}).start()
    await asyncio.sleep(IDLE)
    shares = meter.stop().shares()
    return {system.name: shares.get(system.name, 0.0) for system in systems}


def _peers(ending: contextlib.ExitStack, listeners: int) -> list[Peer]:
    folder = ending.enter_context(scratch())
    found = []
    if MODULE.exists():
        process, port = ending.enter_context(nchan(folder))
        found.append(Peer("nchan", process.pid, port, listeners))
    port = ports.free(1)[0]
    command = [sys.executable, "-m", "loadtest.peers", "asgi", str(port)]
    process = ending.enter_context(running("starlette", command, folder, port, "/ready"))
    return [*found, Peer("starlette", process.pid, port, listeners)]


async def _check(ours: Crowdcue, result: Result) -> None:
    if not await until(lambda: all_at(ours.phones, ours.last), PATIENCE):
        result.errors["listeners that never saw the last change"] += 1
    fresh = await ours.fresh()
    compare(result, Ledger(), ours.views, ours.phones, [fresh])
    fresh.close()


def _figures(
    result: Result,
    costs: dict[str, list[float]],
    client: dict[str, list[float]],
    walls: dict[str, list[float]],
) -> None:
    middle = {name: statistics.median(found) for name, found in costs.items()}
    peer = middle.get("nchan")
    for name, cost in middle.items():
        target = peer if name == "crowdcue" else None
        result.add(f"CPU a frame, {name}", cost, "µs", target)
    if "starlette" in middle:
        result.add("crowdcue / starlette", middle["crowdcue"] / max(middle["starlette"], 1e-9), "", 0.5)
    if peer:
        result.add("crowdcue / nchan", middle["crowdcue"] / max(peer, 1e-9), "", 1.0)
    result.add("CPU a frame, load client", statistics.median(client["crowdcue"]), "µs")
    for name, times in walls.items():
        result.add_latency(f"published → all have it, {name}", times)
