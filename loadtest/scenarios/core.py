"""The core without a network: the reducer, the size of a patch, opening a room with a long past. In this process."""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Final

import msgpack

from crowdcue.live.replica import read_room
from crowdcue.log.contract import Play, Snapshot, link
from crowdcue.log.sqlite import SqliteLog
from crowdcue.room import codec, view
from crowdcue.room import commands as c
from crowdcue.room.reduce import reduce
from crowdcue.room.song import Song
from crowdcue.room.state import Room
from loadtest.progress import Progress
from loadtest.result import Plot, Result
from loadtest.target import Target, scratch

BATCH: Final = 50


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this scenario."""
    parser.add_argument("--votes", type=int, default=100_000, help="votes for each length of the queue")
    parser.add_argument("--voters", type=int, default=10_000)
    parser.add_argument(
        "--plays", type=int, default=100_000, help="finished plays of the room that is opened"
    )


QUICK: Final = {"votes": 2_000, "voters": 200, "plays": 300}


class Bench:
    """A room and a chain of entries."""

    def __init__(self, songs: int) -> None:
        self.room = Room("BENCH2", 0, "0" * 40)
        self._at = 1_000
        for start in range(0, songs, 500):
            ids = [f"song{n:08d}" for n in range(start, min(start + 500, songs))]
            self.apply(
                codec.encode_batch(
                    c.Add(
                        "host",
                        c.HOST | c.UNLIMITED,
                        None,
                        "Host",
                        Song(i, f"A song called {i}", "X", 200_000),
                        False,
                    )
                    for i in ids
                )
            )

    def apply(self, payload: bytes) -> None:
        """The next entry."""
        room = self.room
        self._at += 5
        chain = link(room.chain, room.seq + 1, self._at, "p", room.seq + 1, payload)
        reduce(room, room.seq + 1, chain, self._at, payload)


def vote_batches(songs: int, votes: int, voters: int) -> list[bytes]:
    """Entries of 50 votes of changing members on changing songs."""
    return [
        codec.encode_batch(
            c.Vote(
                f"m{n * 7_919 % voters:012d}", 0, str(n), f"song{n * 104_729 % songs:08d}", 1 if n % 4 else -1
            )
            for n in range(start, start + BATCH)
        )
        for start in range(0, votes, BATCH)
    ]


def reducer(songs: int, votes: int, voters: int) -> float:
    """CPU of one vote (µs), from the entry's bytes to the changed room."""
    bench, batches = Bench(songs), vote_batches(songs, votes, voters)
    for payload in batches[: len(batches) // 5]:
        bench.apply(payload)
    began = time.process_time()
    for payload in batches[len(batches) // 5 :]:
        bench.apply(payload)
    return (time.process_time() - began) / (len(batches) - len(batches) // 5) / BATCH * 1e6


def patch_size(songs: int) -> int:
    """Bytes of the MessagePack patch for one vote."""
    bench = Bench(songs)
    version = bench.room.version
    for n in range(60):  # a score of two digits, as on a real evening
        bench.apply(codec.encode_batch([c.Vote(f"m{n}", 0, None, f"song{songs // 2:08d}", 1)]))
    version = bench.room.version
    bench.apply(codec.encode_batch([c.Vote("somebody", 0, None, f"song{songs // 2:08d}", 1)]))
    patch = view.since(bench.room, *version)
    assert patch is not None
    return len(msgpack.packb(patch))


async def opening(folder: Path, plays: int, progress: Progress) -> tuple[list[float], list[float]]:
    """CPU and wall time (s) of opening a room with so many finished plays, snapshot and tail from disk."""
    store = SqliteLog(folder / "rooms.sqlite3", "process")
    await store.start()
    filler = Filler(store, "BENCH2")
    await filler.begin()
    for start in range(0, plays, 100):
        progress.show("filling the archive", start, plays)
        batch: list[c.Command] = []
        for n in range(start, min(start + 100, plays)):
            song = Song(f"play{n:08d}", f"Play {n}", "X", 200_000)
            batch += [c.Add("h", 9, None, "H", song, False), c.PlayNext("h", 9, None, c.ANY_PLAY, True)]
        await filler.append(batch)
        await filler.checkpoint()
    for n in range(200):  # a tail behind the snapshot, as a node that died leaves it
        await filler.append([c.Volume("h", 9, None, n % 100)])
    cpu, wall = [], []
    for _ in range(5):
        began, used = time.monotonic(), time.process_time()
        await read_room("BENCH2", store)
        wall.append(time.monotonic() - began)
        cpu.append(time.process_time() - used)
    await store.close()
    return cpu, wall


class Filler:
    """Writes a room's log as a node does, batch after batch."""

    def __init__(self, store: SqliteLog, code: str) -> None:
        self._store = store
        self._code = code
        self._number = 0
        self._finished: list[Play] = []

    async def begin(self) -> None:
        """Make the room."""
        self._room = Room(self._code, 0, (await self._store.create(self._code)).chain)

    async def append(self, batch: list[c.Command]) -> None:
        """One entry, stored and applied."""
        self._number += 1
        payload = codec.encode_batch(batch)
        at = await self._store.append(self._code, "p", self._number, payload)
        applied = reduce(self._room, at.seq, at.chain, at.at, payload)
        self._finished += [Play(play.play, codec.encode_play(play)) for play in applied.plays]

    async def checkpoint(self) -> None:
        """Store a snapshot and the plays since the last one."""
        room, plays = self._room, self._finished
        self._finished = []
        data = codec.pack(codec.freeze(room))
        last = plays[-1].play if plays else 0
        await self._store.checkpoint(
            self._code, Snapshot(room.seq, room.chain, last, data), plays, room.cleared
        )


async def run(told: argparse.Namespace, target: Target, progress: Progress) -> Result:  # noqa: ARG001
    """All of it; the target is not used."""
    result = Result("core", {"votes": told.votes, "voters": told.voters, "plays": told.plays})
    line: list[tuple[float, float]] = []
    for songs in (10, 100, 1_000, 10_000):
        progress.say(f"reducer with {songs:,} songs")
        cost = statistics.median(reducer(songs, told.votes, told.voters) for _ in range(3))
        line.append((songs, cost))
        target_rate = 200_000 if songs == 1_000 else None
        result.add(f"reducer, {songs:,} songs", 1e6 / cost, "votes/s", target_rate, most=False)
    result.add("reducer, slowest to fastest", max(y for _, y in line) / min(y for _, y in line), "", 2.0)
    result.plots.append(Plot("Cost of a vote in the reducer", "songs queued", "µs", {"vote": line}))
    for songs in (100, 1_000):
        result.add(f"patch of one vote, {songs:,} songs", patch_size(songs), "bytes", 80)
    with scratch() as folder:
        cpu, wall = await opening(folder, told.plays, progress)
    result.add(f"opening a room with {told.plays:,} plays, CPU", statistics.median(cpu) * 1000, "ms", 50)
    result.add(f"opening a room with {told.plays:,} plays, wall", statistics.median(wall) * 1000, "ms")
    return result
