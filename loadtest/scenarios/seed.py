"""The classic experiment: callers who each send one request after the other, over REST, gRPC or WebSocket, and a count.

Adds: every acknowledged song must be in the queue, once, on every node. Votes (on a small queue that is there already):
every song's votes must be what the callers' acknowledged steps add up to, on every node.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import sys
import time
from collections import Counter
from typing import Any, Final

from loadtest.callers import Caller, Refused, new_tokens, open_caller
from loadtest.cluster import ports
from loadtest.cpu import Meter
from loadtest.progress import Progress
from loadtest.result import Result
from loadtest.target import Target, running, scratch

FACES: Final = ("rest", "grpc", "ws")
#: Targets for one request at a time, embedded log, ten-song queue (requests a second and core).
BARE: Final = {"rest": ("Starlette", "asgi"), "grpc": ("grpc.aio", "grpc")}
TARGETS: Final = {"rest": 5_000, "grpc": 2_000}


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this scenario."""
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--requests", type=int, default=200, help="of each worker, in each trial")
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--kind", choices=("adds", "votes"), default="adds")
    parser.add_argument("--songs", type=int, default=10, help="votes: songs in the queue")
    parser.add_argument(
        "--peers", action="store_true", help="votes: bare Starlette and grpc.aio in the same run"
    )
    parser.add_argument("--face", choices=FACES, action="append", help="default: all three")


QUICK: Final = {"workers": 4, "requests": 5, "trials": 1}


async def run(told: argparse.Namespace, target: Target, progress: Progress) -> Result:
    """Trial after trial, each in a new room."""
    result = Result("seed", {k: getattr(told, k) for k in ("kind", "workers", "requests", "trials")})
    result.parameters["system"] = target.about
    for face in told.face or FACES:
        if face == "grpc" and not target.grpc:
            continue
        rates, cores, times = [], [], list[float]()
        for trial in range(told.trials):
            what = f"{face}, trial {trial + 1}"
            lasted, meter = await _trial(told, target, face, result, times, progress, what)
            done = told.workers * told.requests
            rates.append(done / lasted)
            if meter.nodes:
                cores.append(done / meter.nodes)
                result.cpu = meter.shares()
        result.add(f"{face}: requests a second", statistics.median(rates), "/s")
        if cores:
            promised = TARGETS.get(face) if told.kind == "votes" and len(target.nodes) == 1 else None
            median = statistics.median(cores)
            result.add(
                f"{face}: requests a second and core of the nodes", median, "/s/core", promised, most=False
            )
        result.add_latency(f"{face}: request → answer", times)
        if told.peers and face in BARE:
            bare = await _bare(told, face, progress)
            result.add(f"{face}: bare {BARE[face][0]}, requests a second and core", bare, "/s/core")
            if cores:
                result.add(f"{face}: share of the bare server's rate", statistics.median(cores) / bare, "")
    return result


async def _bare(told: argparse.Namespace, face: str, progress: Progress) -> float:
    """Requests a second and core of a server that does nothing: the same callers, the same answer of ten songs."""
    with contextlib.ExitStack() as ending:
        folder = ending.enter_context(scratch())
        port, ready = ports.free(2)
        kind = BARE[face][1]
        command = [sys.executable, "-m", "loadtest.peers", kind, str(port), str(ready)]
        check = (port, "/ready") if kind == "asgi" else (ready, "/ready")
        process = await asyncio.to_thread(ending.enter_context, running(kind, command, folder, *check))
        url = f"http://127.0.0.1:{port}"
        target = Target(url, [url], f"127.0.0.1:{port}")
        callers = [
            await open_caller(
                face,
                target,
                "BARE22",
                "none",
            )
            for _ in range(told.workers)
        ]
        rates = []
        for _ in range(told.trials):
            meter = Meter({"node": process.pid}).start()
            async with asyncio.TaskGroup() as group:
                for caller in callers:
                    group.create_task(_ask_bare(caller, told.requests))
            rates.append(told.workers * told.requests / max(meter.stop().nodes, 1e-9))
            progress.show(f"bare {face}", len(rates), told.trials)
        for caller in callers:
            await caller.close()
    return float(statistics.median(rates))


async def _ask_bare(caller: Caller, requests: int) -> None:
    for _ in range(requests):
        await caller.step("song00000001", True)


async def _trial(
    told: argparse.Namespace, target: Target, face: str, result: Result, times: list[float],
    progress: Progress, what: str,
) -> tuple[float, Meter]:  # fmt: skip
    code, songs = await asyncio.to_thread(target.room, told.songs if told.kind == "votes" else 0)
    tokens = await new_tokens(target, code, told.workers)
    callers = [await open_caller(face, target, code, token) for token in tokens]
    book = Book()
    meter = Meter(target.pids).start()
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number, caller in enumerate(callers):
            group.create_task(_work(told, caller, number, songs, book, result, times, progress, what))
    meter.stop()
    lasted = time.monotonic() - began
    for caller in callers:
        await caller.close()
    for node in target.nodes:
        queue = await asyncio.to_thread(target.get, f"/api/rooms/{code}/queue", node)
        _compare(told, book, queue, result)
    result.checked.append(
        f"{what}: {book.done:,} acknowledged requests against the queue of {len(target.nodes)} node(s)"
    )
    return lasted, meter


class Book:
    """What was acknowledged."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.unknown: set[str] = set()
        self.own: dict[tuple[int, str], int] = {}
        self.done = 0


async def _work(
    told: argparse.Namespace, caller: Caller, number: int, songs: list[str], book: Book, result: Result,
    times: list[float], progress: Progress, what: str,
) -> None:  # fmt: skip
    dice = random.Random(number)
    for request in range(told.requests):
        progress.show(what, book.done, told.workers * told.requests)
        began = time.monotonic()
        song_id, up = f"w{number:03d}r{request:06d}", dice.random() < 0.7
        if songs:
            song_id = dice.choice(songs)
        try:
            if not songs:
                await caller.add(song_id)
                book.added.append(song_id)
            else:
                await caller.step(song_id, up)
                own = book.own.get((number, song_id), 0) + (1 if up else -1)
                book.own[number, song_id] = min(max(own, -1), 1)
        except Refused as error:
            result.errors[f"refused: {error}"] += 1
            book.unknown.add(song_id)
        except Exception as error:
            result.errors[f"request failed: {error!r}"] += 1
            book.unknown.add(song_id)
            return
        book.done += 1
        times.append(time.monotonic() - began)


def _compare(told: argparse.Namespace, book: Book, queue: list[dict[str, Any]], result: Result) -> None:
    found = Counter(str(track["id"]) for track in queue)
    twice = sum(count > 1 for count in found.values())
    if twice:
        result.errors["songs that are in the queue twice"] += twice
    if told.kind == "adds":
        lost = set(book.added) - found.keys()
        extra = found.keys() - set(book.added) - book.unknown
        if lost:
            result.errors["acknowledged songs that are not in the queue"] += len(lost)
        if extra:
            result.errors["songs in the queue that nobody added"] += len(extra)
        return
    wanted: Counter[str] = Counter()
    for (_, song_id), value in book.own.items():
        wanted[song_id] += value
    for track in queue:
        song_id = str(track["id"])
        if song_id not in book.unknown and track["votes"] != wanted[song_id]:
            result.errors["songs whose votes are not what was acknowledged"] += 1
