"""A thread that owns one SQLite connection: jobs go in from the event loop, answers come back to it.

What arrives while one transaction runs is taken next; appends that wait together share one commit (and one
fsync), and each is answered only after it. There is no timer: an idle log answers at the speed of the disk.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from .contract import Unavailable

logger = logging.getLogger(__name__)

#: Jobs that may wait for one thread. A node has one append in flight per open room, so more than this means
#: that the disk has stalled, and callers do better to hear it than to queue up.
MAX_WAITING = 4_096
#: Bytes of payload that may wait, for the same reason: it bounds the memory a stalled disk can cost.
MAX_WAITING_BYTES = 64 * 1024 * 1024
#: Appends that share one commit; bounds how long the first of them waits for the last.
MAX_GROUP = 256

T = TypeVar("T")
Connect = Callable[[], sqlite3.Connection]


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    shared: bool  # may share its transaction with its neighbours
    size: int
    after: Callable[[Any], None] | None


@dataclass(frozen=True, slots=True)
class _Outcome:
    job: _Job
    result: Any
    error: Exception | None


class SqliteThread:
    """Runs functions of a connection, each inside a transaction, in the order of `submit`."""

    def __init__(self, name: str, connect: Connect, *, writes: bool) -> None:
        self._connect = connect
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._wake = threading.Condition()
        self._waiting: deque[_Job] = deque()
        self._closing = False
        self._failing = False  # only the thread touches this
        self._pending = 0  # jobs and bytes not answered yet; only the loop touches these
        self._pending_bytes = 0

    async def start(self) -> None:
        """Open the connection on the thread; raises what `connect` raises."""
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._thread.start()
        await asyncio.shield(self._opened)

    async def close(self) -> None:
        """Finish what waits, then close the connection. Jobs submitted afterwards are refused."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        await asyncio.shield(self._closed)

    def submit(
        self,
        work: Callable[[sqlite3.Connection], T],
        *,
        shared: bool = False,
        size: int = 0,
        after: Callable[[T], None] | None = None,
    ) -> asyncio.Future[T]:
        """Have `work` run in a transaction; `after` is called with its result on the loop, after the commit.

        Await the answer through `asyncio.shield`: a cancelled caller must not stop what it asked for.
        """
        if self._pending >= MAX_WAITING or self._pending_bytes + size > MAX_WAITING_BYTES:
            raise Unavailable("the disk does not keep up: too much is waiting to be stored")
        future: asyncio.Future[T] = self._loop.create_future()
        with self._wake:
            if self._closing:
                raise Unavailable("the log is closed")
            self._waiting.append(_Job(work, future, shared, size, after))
            self._wake.notify()
        self._pending += 1
        self._pending_bytes += size
        return future

    # On the thread.

    def _run(self) -> None:
        try:
            connection = self._connect()
        except Exception as error:
            self._tell(self._settle_opening, error)
            return
        self._tell(self._settle_opening, None)
        while group := self._next():
            self._tell(self._settle, self._transact(connection, group))
        connection.close()
        self._tell(self._settle_closing)

    def _next(self) -> list[_Job]:
        """The next job, with the shareable ones behind it; empty when closing and all is done."""
        with self._wake:
            while not self._waiting and not self._closing:
                self._wake.wait()
            group: list[_Job] = []
            while self._waiting and len(group) < MAX_GROUP:
                if group and not (group[0].shared and self._waiting[0].shared):
                    break
                group.append(self._waiting.popleft())
            return group

    def _transact(self, connection: sqlite3.Connection, group: list[_Job]) -> list[_Outcome]:
        try:
            connection.execute(self._begin)
            outcomes = [self._attempt(connection, job) for job in group]
            connection.execute("COMMIT")
        except Exception as error:
            return self._undo(connection, group, error)
        if self._failing:
            self._failing = False
            logger.warning("the embedded log works again")
        return outcomes

    def _attempt(self, connection: sqlite3.Connection, job: _Job) -> _Outcome:
        changes = connection.total_changes
        try:
            return _Outcome(job, job.work(connection), None)
        except sqlite3.Error:
            raise
        except Exception as error:
            if connection.total_changes != changes:
                raise  # it wrote before it failed, so the whole transaction has to go
            return _Outcome(job, None, error)

    def _undo(self, connection: sqlite3.Connection, group: list[_Job], error: Exception) -> list[_Outcome]:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            logger.exception("the embedded log could not roll back")
        if not isinstance(error, sqlite3.Error):
            return [_Outcome(job, None, error) for job in group]
        if not self._failing:  # one line when it begins, one when it ends
            self._failing = True
            logger.error("the embedded log fails: %s", error)
        return [_Outcome(job, None, Unavailable(f"the embedded log fails: {error}")) for job in group]

    def _tell(self, settle: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(settle, *args)
        except RuntimeError:
            logger.debug("the event loop ended before the log was closed")

    # Back on the loop.

    def _settle_opening(self, error: Exception | None) -> None:
        if error is None:
            self._opened.set_result(None)
            return
        self._closing = True
        self._opened.set_exception(error)
        self._settle_closing()

    def _settle_closing(self) -> None:
        self._closed.set_result(None)

    def _settle(self, outcomes: list[_Outcome]) -> None:
        for outcome in outcomes:
            job = outcome.job
            self._pending -= 1
            self._pending_bytes -= job.size
            if outcome.error is not None:
                if not job.future.done():
                    job.future.set_exception(outcome.error)
                continue
            if not job.future.done():
                job.future.set_result(outcome.result)
            if job.after is not None:
                try:
                    job.after(outcome.result)
                except Exception:
                    logger.exception("a hint was not taken")
