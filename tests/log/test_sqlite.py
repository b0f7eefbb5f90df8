"""What only the embedded log has: its file, its disk, its threads."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crowdcue.log import sqlite_thread
from crowdcue.log.contract import Play, Snapshot, Unavailable
from crowdcue.log.sqlite import SqliteLog

from .helpers import Hints, append_many, verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


async def opened(path: Path) -> SqliteLog:
    log = SqliteLog(path)
    await log.start()
    return log


async def refusal(path: Path) -> str:
    """The line that the operator reads."""
    with pytest.raises((Unavailable, OSError)) as caught:
        await SqliteLog(path).start()
    return str(caught.value)


async def test_the_file_is_its_owners_alone(path: Path) -> None:
    log = await opened(path)
    await log.secret("signing", b"key")
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {"log.db": 0o600, "log.db-wal": 0o600, "log.db-shm": 0o600}
    await log.close()
    path.chmod(0o644)
    log = await opened(path)
    assert path.stat().st_mode & 0o777 == 0o600
    await log.close()
    assert [file.name for file in path.parent.iterdir()] == ["log.db"]


async def test_an_unknown_format_is_refused_with_a_clear_line(path: Path) -> None:
    log = await opened(path)
    await log.create("ROOM")
    await log.close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 7")
    db.close()
    line = await refusal(path)
    assert str(path) in line
    assert "format 7" in line


async def test_a_file_of_something_else_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"not a database at all, but long enough to have a header" * 100)
    before = path.read_bytes()
    assert str(path) in await refusal(path)
    assert path.read_bytes() == before
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE other (x)")
    db.close()
    assert "another program" in await refusal(path)


async def test_a_missing_folder_is_named(path: Path) -> None:
    assert "nowhere" in await refusal(path.parent / "nowhere" / "log.db")
    assert str(path.parent) in await refusal(path.parent)


async def test_a_full_disk_is_unavailable_and_the_same_number_works_when_there_is_space(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """L2, L7: no half-written batch, and one entry for one number however often it is asked."""
    log = await opened(path)
    await log.create("ROOM")
    hints = Hints()
    await log.subscribe("ROOM", hints)
    await append_many(log, "ROOM", "node", 5)

    def page_limit(db: sqlite3.Connection, spare: int) -> None:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + spare}")

    await log._writer.submit(lambda db: page_limit(db, 2))
    payload = b"x" * 100_000
    for _ in range(3):
        with pytest.raises(Unavailable, match="full"):
            await log.append("ROOM", "node", 6, payload)
    head = (await log.positions(["ROOM"]))["ROOM"]
    assert head.seq == 5
    taken = Snapshot(head.seq, head.chain, 0, b"small, so that only its plays find no space")
    with pytest.raises(Unavailable):
        await log.checkpoint("ROOM", taken, [Play(1, payload)], 0)
    assert await log.snapshot("ROOM") is None
    await log._writer.submit(lambda db: page_limit(db, 100_000))
    assert (await log.append("ROOM", "node", 6, payload)).seq == 6
    assert (await log.append("ROOM", "node", 6, payload)).seq == 6
    assert await log.checkpoint("ROOM", taken, [Play(1, payload)], 0)
    assert len(await verify(log, "ROOM")) == 6
    assert len(await hints.wait_for(6)) == 6
    await log.close()
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 2, "one line when it begins and one when it ends"


FILE_LIMIT = """
import asyncio, pathlib, resource, sys
from crowdcue.log.contract import Unavailable
from crowdcue.log.sqlite import SqliteLog
from tests.log.helpers import verify

async def main():
    path = pathlib.Path(sys.argv[1])
    log = SqliteLog(path)
    await log.start()
    await log.create("ROOM")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    number, refused = 1, 0
    while number <= 300:
        try:
            answer = await log.append("ROOM", "node", number, b"x" * 5_000)
        except Unavailable:
            refused += 1
            if refused == 3:
                resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            continue
        assert answer.seq == number, (answer, number)
        number += 1
    assert len(await verify(log, "ROOM")) == 300
    await log.close()
    log = SqliteLog(path)
    await log.start()
    assert len(await verify(log, "ROOM")) == 300
    await log.close()
    print("refused", refused)

asyncio.run(main())
"""


def test_writes_that_really_fail_leave_the_log_whole(path: Path) -> None:
    """L2: the system refuses to let the file grow (RLIMIT_FSIZE), at whatever write that happens."""
    done = subprocess.run(
        [sys.executable, "-c", FILE_LIMIT, str(path)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "refused 3"


async def test_a_stalled_disk_does_not_block_the_loop_or_reads_and_the_queue_is_bounded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds the write lock, as a stalled disk would hold a commit."""
    monkeypatch.setattr(sqlite_thread, "MAX_WAITING", 10)
    log = await opened(path)
    await log.create("ROOM")
    await append_many(log, "ROOM", "node", 3)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = [asyncio.create_task(log.append("ROOM", "node", number, b"x")) for number in range(4, 14)]
    begun = time.monotonic()
    assert len(await log.read("ROOM", 0)) == 3
    assert time.monotonic() - begun < 2
    with pytest.raises(Unavailable, match="keep up"):
        await log.append("ROOM", "node", 14, b"x")
    assert not any(task.done() for task in waiting)
    other.execute("ROLLBACK")
    other.close()
    assert [answer.seq for answer in await asyncio.gather(*waiting)] == list(range(4, 14))
    assert (await log.append("ROOM", "node", 14, b"x")).seq == 14
    await log.close()


async def test_bytes_that_wait_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_thread, "MAX_WAITING_BYTES", 1_000)
    log = await opened(path)
    await log.create("ROOM")
    with pytest.raises(Unavailable):
        await log.append("ROOM", "node", 1, b"x" * 1_001)
    assert (await log.append("ROOM", "node", 1, b"x" * 999)).seq == 1
    assert (await log.append("ROOM", "node", 2, b"x" * 999)).seq == 2
    await log.close()


async def test_a_bug_in_one_job_is_raised_to_its_caller_only(path: Path) -> None:
    """A room name that SQLite cannot store fails alone, and the appends beside it are kept."""
    log = await opened(path)
    await log.create("ROOM")
    good = [log.append("ROOM", "node", number, b"x") for number in (1, 2)]
    results = await asyncio.gather(
        good[0], log.append("\ud800", "node", 1, b"x"), good[1], return_exceptions=True
    )
    assert isinstance(results[1], UnicodeEncodeError)
    assert len(await verify(log, "ROOM")) == 2
    await log.close()


async def test_a_job_that_fails_after_it_wrote_leaves_nothing_behind(path: Path) -> None:
    """L2: the transaction is undone, also for a fault that SQLite knows nothing of."""
    log = await opened(path)

    def work(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO secrets (name, value) VALUES ('half', x'00')")
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await log._writer.submit(work)
    assert await log.secret("half", b"whole") == b"whole"
    await log.close()


async def test_a_large_log_and_archive_open_and_read_quickly(path: Path) -> None:
    """By index: processor time for the first 1,000 entries behind any place, and the newest plays."""
    log = await opened(path)
    for room in ("ROOM", "OTHER"):
        await log.create(room)
        await append_many(log, room, "node", 5_000)
    last = (await log.read("ROOM", 4_999))[0]
    plays = [Play(play, b"p" * 200) for play in range(1, 50_001)]
    assert await log.checkpoint("ROOM", Snapshot(last.seq, last.chain, 0, b"s"), plays, 0)
    await log.close()
    begun = time.process_time()
    log = await opened(path)
    assert len(await log.read("ROOM", 4_000)) == 1_000
    assert (await log.plays("ROOM", None, 1))[0].play == 50_000
    assert len(await log.positions(["ROOM", "OTHER"])) == 2
    spent = time.process_time() - begun
    await log.close()
    assert spent < 0.5
    with sqlite3.connect(path) as db:
        for statement in (
            "SELECT * FROM entries WHERE room = 'R' AND seq > 5 ORDER BY seq LIMIT 10",
            "SELECT * FROM plays WHERE room = 'R' AND play < 5 ORDER BY play DESC LIMIT 10",
            "DELETE FROM plays WHERE room = 'R' AND play <= 5",
        ):
            plan = " ".join(row[3] for row in db.execute("EXPLAIN QUERY PLAN " + statement))
            assert "SEARCH" in plan, plan
            assert "TEMP B-TREE" not in plan, plan
    db.close()


def test_synchronous_is_full_for_disk_and_normal_for_process(path: Path) -> None:
    from crowdcue.log.sqlite_file import open_writer

    for durability, level in (("disk", 2), ("process", 1)):
        db = open_writer(path, "disk" if durability == "disk" else "process")
        assert db.execute("PRAGMA synchronous").fetchone()[0] == level
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        db.close()
