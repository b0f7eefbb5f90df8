"""Run by the kill test as its own process: appends as fast as it can and prints what was acknowledged."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from crowdcue.log.contract import Durability, Snapshot
from crowdcue.log.sqlite import SqliteLog

ROOMS = ("A", "B", "C")


async def produce(log: SqliteLog, room: str, producer: str) -> None:
    for number in range(1, 1_000_000):
        answer = await log.append(room, producer, number, b"%d of %s " % (number, producer.encode()) * 20)
        os.write(1, f"{room} {number} {answer.seq} {answer.chain}\n".encode())
        if number % 40 == 0:  # snapshots and trimming are killed at random moments too
            await log.checkpoint(room, Snapshot(answer.seq, answer.chain, 0, b"s" * 20_000), [], 0)


async def main(path: str, durability: Durability, producer: str) -> None:
    log = SqliteLog(Path(path), durability)
    await log.start()
    await asyncio.gather(*(produce(log, room, producer) for room in ROOMS))


if __name__ == "__main__":
    chosen: Durability = "disk" if sys.argv[2] == "disk" else "process"
    asyncio.run(main(sys.argv[1], chosen, sys.argv[3]))
