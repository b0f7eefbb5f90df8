"""L8 of the embedded log by kill -9: what a killed process acknowledged is there, in one unbroken chain."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import pytest

from crowdcue.log.contract import Durability
from crowdcue.log.sqlite import SqliteLog

from .helpers import PATIENCE, verify
from .kill_child import ROOMS

ROUNDS = 5


async def append_until_killed(path: Path, durability: Durability, producer: str, lines: int) -> list[str]:
    """Kill the child with SIGKILL right after so many acknowledgements; answers all it had printed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.log.kill_child", str(path), durability, producer,
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert child.stdout is not None
    acknowledged: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE):
            while len(acknowledged) < lines:
                line = await child.stdout.readline()
                assert line, "the child ended by itself"
                acknowledged.append(line.decode())
    finally:
        child.kill()
        rest = await child.stdout.read()
        await child.wait()
    acknowledged += [line for line in rest.decode().splitlines(keepends=True) if line.endswith("\n")]
    return acknowledged


@pytest.mark.parametrize("durability", ["disk", "process"])
async def test_l8_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path, durability: Durability) -> None:
    """L1, L2, L8: several kills on one file; the last append of each room, perhaps unanswered, is settled."""
    path = tmp_path / "log.db"
    chance = random.Random()
    promised: dict[str, dict[int, tuple[str, str]]] = {room: {} for room in ROOMS}
    log = SqliteLog(path)
    await log.start()
    for room in ROOMS:
        await log.create(room)
    await log.close()
    for turn in range(ROUNDS):
        producer = f"child{turn}"
        lines = chance.randint(30, 300)
        print(f"round {turn}: kill after {lines} acknowledgements")
        last = dict.fromkeys(ROOMS, 0)
        for line in await append_until_killed(path, durability, producer, lines):
            room, number, seq, chain = line.split()
            assert int(seq) not in promised[room], "a place was given twice"
            promised[room][int(seq)] = (f"{producer}:{number}", chain)
            last[room] = int(number)
        log = SqliteLog(path)
        await log.start()
        for room in ROOMS:
            settled = await log.append(room, producer, last[room] + 1, b"settled")
            entries = await verify(log, room)
            assert settled.seq == entries[-1].seq == len(entries)
            there = {entry.seq: (f"{entry.producer}:{entry.number}", entry.chain) for entry in entries}
            assert promised[room].items() <= there.items()
            # Of each child at most one append more than it acknowledged, and that is the settled one.
            assert len(entries) == len(promised[room]) + turn + 1
        await log.close()
    assert sum(len(kept) for kept in promised.values()) >= ROUNDS * 30
