"""The Redis log when the disk under Redis is full: unavailable while it is, whole afterwards."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from crowdcue.log.contract import Unavailable
from crowdcue.log.redis import RedisLog
from tests.support.redis_server import RedisServer

from .helpers import PATIENCE, verify

#: The disk, and what fills most of it (bytes).
DISK = 8 * 1024 * 1024
FILLER = 6 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("making a small disk needs the right to mount one")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_l2_a_full_disk_is_unavailable_and_the_same_number_works_when_there_is_space(
    disk: Path,
) -> None:
    """L2, L7: Redis refuses writes whole (appendfsync everysec); what was answered before and after is all there."""
    filler = disk / "filler"
    filler.write_bytes(bytes(FILLER))
    with RedisServer("--dir", str(disk), appendfsync="everysec") as server:
        log = RedisLog(server.url, "process")
        await log.start()
        try:
            await log.create("ROOM")
            number, refused = 0, False
            async with asyncio.timeout(PATIENCE):
                while not refused:
                    number += 1
                    try:
                        answer = await log.append("ROOM", "node", number, os.urandom(50_000))
                        assert answer.seq == number
                    except Unavailable:
                        refused = True
            filler.unlink()
            async with asyncio.timeout(PATIENCE):
                while True:
                    try:
                        answer = await log.append("ROOM", "node", number, b"at last")
                        break
                    except Unavailable:
                        await asyncio.sleep(0.1)
            assert answer.seq == number, "refused is not written"
            entries = await verify(log, "ROOM")
            assert [entry.number for entry in entries] == list(range(1, number + 1))
        finally:
            await log.close()
