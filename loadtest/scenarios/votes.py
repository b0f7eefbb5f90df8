"""A storm of votes into one room: closed loop with k in flight on each socket, or open loop at a fixed rate.

In the open loop votes are sent when the schedule says, whatever the server does, and latency counts from the scheduled
time: a stall is not hidden by callers that wait for it.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import time
from collections import Counter
from typing import Any, Final, NamedTuple

from loadtest.bare import bare_echo
from loadtest.cpu import Meter
from loadtest.crowd import all_at, allow_sockets, enter, gather_crowd, until
from loadtest.ledger import Ledger
from loadtest.phone import Phone, VoteFrames
from loadtest.progress import Progress
from loadtest.result import Plot, Result
from loadtest.target import Target
from loadtest.views import Version, Views

#: Answers and patches that are still under way at the end get this long (s).
PATIENCE: Final = 15.0
#: The open loop sends what is due so often (s); lateness within it counts as latency.
BEAT: Final = 0.002


class Cast(NamedTuple):
    """A vote on its way."""

    song: str
    value: int
    intended: float


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this scenario."""
    parser.add_argument("--voters", type=int, default=500, help="sockets that vote, and listen")
    parser.add_argument("--listeners", type=int, default=0, help="sockets that only listen")
    parser.add_argument("--songs", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument(
        "--in-flight", type=int, default=8, help="closed loop: votes in flight on each socket"
    )
    parser.add_argument("--rate", type=float, default=0.0, help="open loop: votes a second in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peers", action="store_true", help="closed loop: a bare echo in the same run")


#: The targets with one and with eight in flight (12,000 and 20,000) as shares of that machine's bare echo (31,000).
SHARES: Final = (0.39, 0.65)

QUICK: Final = {"voters": 20, "songs": 10, "seconds": 0.5}


class Storm:
    """The voters and their books."""

    def __init__(self, songs: list[str], told: argparse.Namespace, errors: Counter[str]) -> None:
        self.ledger = Ledger()
        self.errors = errors
        self.latency: list[float] = []
        self.acknowledged: list[tuple[float, int, float]] = []  # intended, seq, when answered
        self.sending = False
        self._songs = songs
        self._frames = VoteFrames(songs)
        self._random = random.Random(told.seed)
        self._closed = not told.rate

    def vote(self, phone: Phone, intended: float) -> bytes:
        """The frame of a vote that is scheduled for `intended`."""
        song = self._songs[int(self._random.random() * len(self._songs))]
        value = 1 if self._random.random() < 0.75 else -1 if self._random.random() < 0.6 else 0
        phone.number += 1
        phone.waiting[phone.number] = Cast(song, value, intended)
        return self._frames.frame(song, value, phone.number)

    def answered(self, phone: Phone, number: int, message: dict[str, Any], now: float) -> None:
        """Note an answer, and in the closed loop send the next."""
        cast = phone.waiting.pop(number, None)
        if cast is None:
            self.errors["an answer to nothing that was asked"] += 1
        elif message["t"] == "done":
            self.ledger.acknowledged(message["seq"], phone.member, cast.song, cast.value)
            self.latency.append(now - cast.intended)
            self.acknowledged.append((cast.intended, message["seq"], now))
        else:
            self.errors[f"refused: {message['code']}"] += 1
        if self._closed and self.sending:
            phone.out.append(self.vote(phone, now))

    async def closed_loop(self, voters: list[Phone], in_flight: int, seconds: float, show: Any) -> None:
        """Keep so many in flight on each socket."""
        self.sending, began = True, time.monotonic()
        for phone in voters:
            phone.transport.write(b"".join(self.vote(phone, time.monotonic()) for _ in range(in_flight)))
        while (gone := time.monotonic() - began) < seconds:
            show(gone)
            await asyncio.sleep(min(0.1, seconds - gone))
        self.sending = False

    async def open_loop(self, voters: list[Phone], rate: float, seconds: float, show: Any) -> None:
        """Send on schedule."""
        began, sent, count = time.monotonic(), 0, int(rate * seconds)
        while sent < count:
            now = time.monotonic()
            due = min(int((now - began) * rate) + 1, count)
            for number in range(sent, due):
                phone = voters[number % len(voters)]
                phone.transport.write(self.vote(phone, began + number / rate))
            sent = due
            show(now - began)
            await asyncio.sleep(max(min(began + sent / rate - time.monotonic(), 0.1), BEAT))


async def run(told: argparse.Namespace, target: Target, progress: Progress) -> Result:
    """Drive the storm, then hold the room to its word."""
    allow_sockets()
    code, songs = await asyncio.to_thread(target.room, told.songs)
    result = Result("votes", {**{k: getattr(told, k) for k in _SHOWN}, "system": target.about})
    views, url = Views(), f"{target.ws}/ws/{code}"
    storm = Storm(songs, told, result.errors)

    def make(host: str, token: str | None = None) -> Phone:
        return Phone(host, f"/ws/{code}", views, result.errors, token=token, on_answer=storm.answered)

    voters = await gather_crowd(told.voters, lambda _: enter(url, make), progress, "voters arrive")
    passive = await gather_crowd(told.listeners, lambda _: enter(url, make), progress, "listeners arrive")
    phones = voters + passive
    await asyncio.sleep(1.2)  # the last `here` goes out within a second; it is not what is measured
    patches = sum(p.patches for p in phones)
    meter = Meter(target.pids).start()
    began = time.monotonic()
    show = lambda gone: progress.show("votes", gone, told.seconds, f"{len(storm.latency):,}")  # noqa: E731
    if told.rate:
        await storm.open_loop(voters, told.rate, told.seconds, show)
    else:
        await storm.closed_loop(voters, told.in_flight, told.seconds, show)
    if not await until(lambda: not any(p.waiting for p in voters), PATIENCE):
        result.errors["votes without an answer"] += sum(len(p.waiting) for p in voters)
        storm.ledger.unsettled |= {(p.member, c.song) for p in voters for c in p.waiting.values()}
    meter.stop()
    lasted = time.monotonic() - began
    last = max((vote.seq for vote in storm.ledger.votes), default=0)
    if not await until(lambda: all_at(phones, last), PATIENCE):
        late = sum(p.version is None or p.version.seq < last for p in phones)
        result.errors["listeners that never saw the last votes"] += late
    await check(result, storm, views, phones, url, make, progress)
    _figures(result, told, storm, views, phones, meter, lasted, patches)
    for phone in phones:
        phone.close()
    if told.peers and not told.rate:
        bare = await bare_echo(told.voters, 1, told.seconds, result.errors, progress)
        result.add("bare echo, one in flight, messages a second and core", bare, "/s/core")
        if meter.nodes:
            share = len(storm.latency) / meter.nodes / bare
            result.add("share of the bare echo's rate", share, "", SHARES[told.in_flight >= 8], most=False)
    return result


_SHOWN: Final = ("voters", "listeners", "songs", "seconds", "in_flight", "rate")


async def check(
    result: Result, storm: Storm, views: Views, phones: list[Phone], url: str, make: Any, progress: Progress
) -> None:
    """A fresh state, every version seen, and every voter's own votes against the book."""
    own = storm.ledger.own_of_all()
    fresh_views = Views()
    voters = [p for p in phones if p.member in own]

    def again(host: str, token: str | None) -> Phone:
        phone: Phone = make(host, token)
        phone.views = fresh_views
        return phone

    rejoined = await gather_crowd(
        len(voters), lambda n: enter(url, lambda host: again(host, voters[n].token)), progress, "checking"
    )
    loose = storm.ledger.unsettled
    for phone in rejoined:
        wanted = own.get(phone.member, {})
        for song in wanted.keys() | phone.mine.keys():
            if (phone.member, song) not in loose and phone.mine.get(song, 0) != wanted.get(song, 0):
                result.errors["a voter's own vote is not what was acknowledged"] += 1
    result.checked.append(f"{len(rejoined):,} members came back and found their own votes")
    compare(result, storm.ledger, views, phones, rejoined)
    for phone in rejoined:
        phone.close()


def compare(result: Result, ledger: Ledger, views: Views, phones: list[Phone], fresh: list[Phone]) -> None:
    """Patches applied = fresh state, on every listener; every version seen = what was acknowledged."""
    result.errors.update(views.errors)
    final = max((p.version for p in fresh if p.version is not None), key=lambda v: v.seq, default=None)
    if final is None:
        return
    for phone in phones:
        seen = phone.version
        if not isinstance(seen, Version) or seen.seq != final.seq or seen.mark != final.mark:
            result.errors["listeners at another version than a fresh state"] += 1
        elif not seen.same(final):
            result.errors["listeners whose patches do not add up to the fresh state"] += 1
    result.errors.update(ledger.check([*views.known.values(), final], final.seq))
    patches = sum(p.patches for p in phones)
    result.checked.append(
        f"{patches:,} patches ({views.patches:,} different) add up on {len(phones):,} listeners"
    )
    if ledger.votes:
        result.checked.append(
            f"{len(ledger.votes):,} acknowledged votes, in {len(views.known):,} versions and in the end state"
        )


def _figures(
    result: Result, told: argparse.Namespace, storm: Storm, views: Views, phones: list[Phone],
    meter: Meter, lasted: float, patches_before: int,
) -> None:  # fmt: skip
    votes = len(storm.latency)
    result.cpu = meter.shares()
    result.add("votes acknowledged", votes, "")
    result.add("votes a second", votes / lasted, "/s")
    if meter.nodes:
        at_least = None if told.rate else 20_000 if told.in_flight >= 8 else 12_000
        result.add(
            "votes a second and core of the nodes", votes / meter.nodes, "/s/core", at_least, most=False
        )
        result.add("CPU of the nodes a vote", meter.nodes / max(votes, 1) * 1e6, "µs")
    if meter.used.get("redis"):
        result.add("CPU of Redis a vote", meter.used["redis"] / max(votes, 1) * 1e6, "µs")
    frames = (sum(p.patches for p in phones) - patches_before) / len(phones)
    result.add(
        "frames a listener", max(frames - 1, 0) / lasted, "/s", 20
    )  # n frames have n - 1 spaces between them
    result.add_latency("intended → acknowledged", storm.latency)
    seen, by_all = seen_latency(storm, views, len(phones))
    targets = (
        {50: 15.0, 99: 60.0}
        if told.rate and told.rate <= 5
        else {50: 45.0, 99: 100.0}
        if told.rate and told.rate <= 100
        else None
    )
    result.add_latency("intended → seen by a listener", seen, targets)
    result.add_latency("intended → seen by all listeners", by_all)
    result.plots.append(timeline("acknowledged", storm.acknowledged))


def seen_latency(storm: Storm, views: Views, listeners: int) -> tuple[list[float], list[float]]:
    """From each vote's intended time to the first version that shows it: on each listener (sampled), and on all."""
    versions = sorted(views.known.values(), key=lambda v: v.seq)
    each: list[float] = []
    every: list[float] = []
    at = 0
    stride = max(1, math.ceil(len(storm.acknowledged) * listeners / 2_000_000))
    for place, (intended, seq, _) in enumerate(sorted(storm.acknowledged, key=lambda a: a[1])):
        while at < len(versions) and versions[at].seq < seq:
            at += 1
        if at == len(versions):
            break
        arrivals = versions[at].arrivals
        if arrivals and len(arrivals) >= listeners:
            every.append(max(arrivals) - intended)
        if place % stride == 0:
            each.extend(arrival - intended for arrival in arrivals)
    return [max(t, 0.0) for t in each], [max(t, 0.0) for t in every]


def timeline(name: str, acknowledged: list[tuple[float, int, float]]) -> Plot:
    """Latency over the run: p50 and the worst of each fiftieth of it."""
    plot = Plot("Latency over the run", "s", "ms", {})
    if acknowledged:
        began = min(a[0] for a in acknowledged)
        width = max((max(a[0] for a in acknowledged) - began) / 50, 1e-6)
        buckets: dict[int, list[float]] = {}
        for intended, _, answered in acknowledged:
            buckets.setdefault(int((intended - began) / width), []).append((answered - intended) * 1000)
        plot.lines[f"{name}, p50"] = [(b * width, sorted(t)[len(t) // 2]) for b, t in sorted(buckets.items())]
        plot.lines[f"{name}, max"] = [(b * width, max(t)) for b, t in sorted(buckets.items())]
    return plot
