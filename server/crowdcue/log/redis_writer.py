"""The appends of one node on their way to Redis: one round trip in flight, what arrives meanwhile rides in the next.

A caller waits for its answer but does not own the write, so cancelling it cancels nothing (L7).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .contract import LogError, NoSuchRoom, Position, Unavailable
from .redis_entry import key
from .redis_store import Call, RedisStore, Script

logger = logging.getLogger(__name__)

#: Appends that may wait. A node has one in flight per open room, so more than this means that Redis has stalled.
MAX_WAITING = 4_096
#: Bytes of payload that may wait: bounds the memory that a stalled Redis can cost.
MAX_WAITING_BYTES = 64 * 1024 * 1024
#: Appends in one round trip; bounds how long the first of them waits for the last.
MAX_GROUP = 128
#: How long `close` waits for appends in flight (s): two answers' timeouts.
CLOSE_TIMEOUT = 7.0

APPEND = Script.load("append")


@dataclass(frozen=True, slots=True)
class _Append:
    room: str
    producer: str
    number: int
    payload: bytes
    future: asyncio.Future[Position]


class RedisWriter:
    """Takes appends, sends them in order, answers each."""

    def __init__(self, store: RedisStore, skew: Callable[[], int]) -> None:
        """`store` must be this writer's own: nothing else may queue up in front of an append."""
        self._store = store
        self._skew = skew
        self.publish = "SPUBLISH" if store.is_cluster else "PUBLISH"
        self._waiting: deque[_Append] = deque()
        self._bytes = 0  # of payload, waiting or in flight
        self._news = asyncio.Event()
        self._closing = False

    def submit(self, room: str, producer: str, number: int, payload: bytes) -> asyncio.Future[Position]:
        """Queue one append. Await the answer through `asyncio.shield`. Raises `Unavailable` when full."""
        if self._closing:
            raise Unavailable("the log is closed")
        if len(self._waiting) >= MAX_WAITING or self._bytes + len(payload) > MAX_WAITING_BYTES:
            raise Unavailable("Redis does not keep up: too much is waiting to be stored")
        future: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Append(room, producer, number, payload, future))
        self._bytes += len(payload)
        self._news.set()
        return future

    async def run(self) -> None:
        """Send until `close`; to be run as the one task of this writer."""
        try:
            while self._waiting or not self._closing:
                if not self._waiting:
                    self._news.clear()
                    await self._news.wait()
                    continue
                group = [self._waiting.popleft() for _ in range(min(MAX_GROUP, len(self._waiting)))]
                try:
                    await self._send(group)
                finally:
                    self._bytes -= sum(len(append.payload) for append in group)
                    _fail(group, Unavailable("the log closed before Redis answered"))
        finally:
            self._closing = True
            _fail(self._waiting, Unavailable("the log closed before this was sent"))

    async def close(self, task: asyncio.Task[None]) -> None:
        """Refuse new appends and give `run`, which is `task`, a moment to finish the others."""
        self._closing = True
        self._news.set()
        await asyncio.wait([task], timeout=CLOSE_TIMEOUT)

    async def _send(self, group: list[_Append]) -> None:
        try:
            answers = await self._store.try_many(APPEND, [self._call(append) for append in group])
        except Unavailable as error:
            _fail(group, error)
            return
        except Exception as error:  # a bug; the callers hear of it, the next group has its chance
            logger.exception("a group of appends failed")
            _fail(group, error)
            return
        for append, answer in zip(group, answers, strict=True):
            if not append.future.done():
                self._settle(append, answer)

    def _call(self, append: _Append) -> Call:
        room = append.room
        keys = (key(room, "head"), key(room, "entries"), key(room, "producers"), key(room, "hints"))
        return Call(keys, (append.producer, append.number, append.payload, self._skew(), self.publish))

    def _settle(self, append: _Append, answer: Any) -> None:
        if isinstance(answer, Exception):
            append.future.set_exception(self._store.unavailable(answer))
        elif answer[0] == b"ok":
            _, seq, chain, at, now = answer
            append.future.set_result(Position(int(seq), chain.decode(), int(at), int(now)))
        elif answer[0] == b"none":
            append.future.set_exception(NoSuchRoom(append.room))
        else:
            line = f"{append.producer} has sent number {int(answer[1])} to {append.room}"
            append.future.set_exception(LogError(f"{line}; {append.number} comes too late"))


def _fail(group: Iterable[_Append], error: Exception) -> None:
    """Give everyone in `group` who has no answer yet this one."""
    for append in group:
        if not append.future.done():
            append.future.set_exception(error)
