"""An evening in fast motion: phones that vote now and then, add a song, fall asleep and wake; a stage that plays on.

`--speed 60` puts a minute into each second. Songs are added once each, so that every acknowledged add must be found in
the queue, playing, or in the history at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from typing import Any, Final

from loadtest.cpu import Meter, resident
from loadtest.crowd import all_at, allow_sockets, enter, gather_crowd, until
from loadtest.ledger import Ledger
from loadtest.phone import Phone
from loadtest.progress import Progress
from loadtest.result import Result
from loadtest.target import Target, song
from loadtest.views import Version, Views

from .votes import PATIENCE, compare

# What one phone does in real time (s between two of them, on average).
VOTES_EVERY: Final = 120.0
ADDS_EVERY: Final = 1_800.0
SLEEPS_EVERY: Final = 300.0
SLEEPS_FOR: Final = 120.0
SONG: Final = 200.0
#: The evening goes on in steps of so long (s).
STEP: Final = 0.02


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this scenario."""
    parser.add_argument("--phones", type=int, default=1000)
    parser.add_argument("--songs", type=int, default=60, help="songs queued at the beginning")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--speed", type=float, default=60.0, help="seconds of the evening in one second")
    parser.add_argument("--seed", type=int, default=1)


QUICK: Final = {"phones": 25, "songs": 10, "seconds": 2.0, "speed": 200.0}


class Evening:
    """The crowd and its books."""

    def __init__(
        self, url: str, code: str, songs: list[str], told: argparse.Namespace, errors: Counter[str]
    ) -> None:
        self.views = Views()
        self.ledger = Ledger()
        self.errors = errors
        self.latency: list[float] = []
        self.wake: list[float] = []
        self.added: dict[str, int] = {}
        self.counts: Counter[str] = Counter()
        self.phones: list[Phone] = []
        self.asleep: list[tuple[float, Phone]] = []
        self._url = f"{url}/ws/{code}"
        self._path = f"/ws/{code}"
        self._dice = random.Random(told.seed)
        self._told = told
        self._songs = list(songs)

    async def come(self, asleep: Phone | None = None) -> Phone:
        """A phone arrives, or wakes with the version it had."""
        since = asleep.version if asleep else None
        token = asleep.token if asleep else None

        def make(host: str) -> Phone:
            phone = Phone(
                host, self._path, self.views, self.errors, token=token, since=since, on_answer=self._answered
            )
            phone.number = (
                asleep.number if asleep else 0
            )  # an id used before would get its first answer again
            return phone

        return await enter(self._url, make)

    async def host(self) -> Phone:
        """The stage: a player with host rights (in an open party everybody has them)."""
        return await enter(
            self._url,
            lambda host: Phone(
                host, self._path, self.views, self.errors, player=True, on_answer=self._answered
            ),
        )

    def _answered(self, phone: Phone, number: int, message: dict[str, Any], now: float) -> None:
        op, note, sent = phone.waiting.pop(number)
        self.latency.append(now - sent)
        if message["t"] == "refused":
            # The song may have begun to play since the phone saw it; nothing else may be refused.
            if (op, message["code"]) not in (("vote", "no_such_song"), ("play_next", "queue_empty")):
                self.errors[f"{op} refused: {message['code']}"] += 1
            self.counts[f"{op} came too late"] += 1
            return
        self.counts[op] += 1
        if op == "vote":
            self.ledger.acknowledged(message["seq"], phone.member, *note)
        elif op == "add":
            self.added[note] = message["seq"]

    def do(self, phone: Phone, op: str, note: Any, **fields: Any) -> None:
        """One command from a phone."""
        phone.transport.write(phone.command(op, (op, note, time.monotonic()), **fields))

    def live(self, length: float, group: asyncio.TaskGroup) -> None:
        """Let `length` seconds of the evening pass."""
        awake = len(self.phones)
        for _ in range(self._times(awake * length / VOTES_EVERY)):
            phone = self._dice.choice(self.phones)
            if isinstance(phone.version, Version) and phone.version.items:
                song_id = self._dice.choice(list(phone.version.items))
                value = self._dice.choice((1, 1, 1, -1, 0))
                self.do(phone, "vote", (song_id, value), song_id=song_id, value=value)
        for _ in range(self._times(awake * length / ADDS_EVERY)):
            self._songs.append(f"late{len(self._songs):08d}")
            self.do(self._dice.choice(self.phones), "add", self._songs[-1], song=song(self._songs[-1]))
        for _ in range(self._times(awake * length / SLEEPS_EVERY)):
            phone = self._dice.choice(self.phones)
            if not phone.waiting:
                self.phones.remove(phone)
                phone.abort()
                self.counts["fell asleep"] += 1
                until = time.monotonic() + self._dice.expovariate(1 / SLEEPS_FOR) / self._told.speed
                self.asleep.append((until, phone))
        self.wake_up(group, time.monotonic())

    def wake_up(self, group: asyncio.TaskGroup, now: float) -> None:
        """Those whose time has come."""
        due = [phone for at, phone in self.asleep if at <= now]
        self.asleep = [(at, phone) for at, phone in self.asleep if at > now]
        for phone in due:
            group.create_task(self._wake(phone))

    async def _wake(self, phone: Phone) -> None:
        began = time.monotonic()
        try:
            self.phones.append(await self.come(phone))
        except Exception as error:
            self.errors[f"a phone that woke could not come back: {error!r}"] += 1
            return
        self.wake.append(time.monotonic() - began)
        self.counts["woke"] += 1

    def _times(self, expected: float) -> int:
        whole = int(expected)
        return whole + (self._dice.random() < expected - whole)


async def run(told: argparse.Namespace, target: Target, progress: Progress) -> Result:
    """Spend the evening."""
    allow_sockets()
    code, songs = await asyncio.to_thread(target.room, told.songs)
    result = Result("mixed", {k: getattr(told, k) for k in ("phones", "songs", "seconds", "speed")})
    result.parameters["system"] = target.about
    evening = Evening(target.ws, code, songs, told, result.errors)
    evening.phones = await gather_crowd(told.phones, lambda _: evening.come(), progress, "phones arrive")
    stage = await evening.host()
    meter = Meter(target.pids).start()
    began = before = time.monotonic()
    next_song = began
    async with asyncio.TaskGroup() as group:
        while (now := time.monotonic()) - began < told.seconds:
            evening.live((now - before) * told.speed, group)
            before = now
            if now >= next_song:
                evening.do(stage, "play_next", None)
                next_song = now + SONG / told.speed
            progress.show("the evening", now - began, told.seconds, f"{len(evening.phones):,} awake")
            await asyncio.sleep(STEP)
        evening.wake_up(group, float("inf"))
    meter.stop()
    await _end(evening, stage, target, code, result)
    result.cpu = meter.shares()
    for what, count in sorted(evening.counts.items()):
        result.add(what, count, "")
    result.add_latency("command → answer", evening.latency)
    result.add_latency("wake → everything there", evening.wake)
    if meter.nodes:
        result.add("CPU of the nodes", meter.nodes / meter.wall * 100, "% of a core")
        result.add("memory of the node", resident(next(iter(target.pids.values()))) / 2**20, "MiB")
    for phone in [*evening.phones, stage]:
        phone.close()
    return result


async def _end(evening: Evening, stage: Phone, target: Target, code: str, result: Result) -> None:
    phones = [*evening.phones, stage]
    if not await until(lambda: not any(p.waiting for p in phones), PATIENCE):
        result.errors["commands without an answer"] += sum(len(p.waiting) for p in phones)
    evening.do(stage, "pause", None)  # nothing changes by itself any more
    await until(lambda: not stage.waiting, PATIENCE)
    await asyncio.sleep(0.2)
    fresh = await enter(evening._url, lambda host: Phone(host, evening._path, Views(), result.errors))
    assert isinstance(fresh.version, Version)
    last = fresh.version.seq
    if not await until(lambda: all_at(phones, last), PATIENCE):
        result.errors["phones that never saw the end"] += 1
    compare(result, evening.ledger, evening.views, phones, [fresh])
    history = await asyncio.to_thread(target.get, f"/api/rooms/{code}/history?limit=1000")
    there = fresh.version.items.keys() | {str(track["id"]) for track in history}
    lost = evening.added.keys() - there
    if lost:
        result.errors["acknowledged songs that are nowhere"] += len(lost)
    result.checked.append(f"{len(evening.added):,} acknowledged adds in the queue, playing or in the history")
    fresh.close()
