"""The backends under the contract suite, each behind the same few handles."""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from crowdcue.log.clock import time_ms
from crowdcue.log.contract import RoomLog
from crowdcue.log.memory import MemoryLog, MemoryStore
from crowdcue.log.redis import RedisLog
from crowdcue.log.sqlite import SqliteLog
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_server import RedisServer


class Backend(ABC):
    """One store, and the logs opened on it. The suite knows nothing else of a backend."""

    #: Whether several logs may be open on the store at once, as several nodes are.
    many_nodes: bool
    #: Random histories that are worth their time on this backend.
    histories = 60

    def __init__(self) -> None:
        #: Added to the store's clock (ms). Change it, and the clock jumps.
        self.skew = 0
        self._opened: list[RoomLog] = []

    def clock(self) -> int:
        return time_ms() + self.skew

    @abstractmethod
    def new_log(self, **options: Any) -> RoomLog:
        """A log on this store, not started. `options`: `keep_entries`, `keep_plays`."""

    async def open(self, **options: Any) -> RoomLog:
        """A started log on this store, with everything that was kept there."""
        log = self.new_log(**options)
        await log.start()
        self._opened.append(log)
        return log

    async def stop(self) -> None:
        """Close every log; the store keeps its data."""
        while self._opened:
            await self._opened.pop().close()

    async def reopen(self, **options: Any) -> RoomLog:
        """Close every log and open a new one on the same data."""
        await self.stop()
        return await self.open(**options)

    @abstractmethod
    def remove(self) -> None:
        """Throw the data away. All logs are closed by now."""


class MemoryBackend(Backend):
    many_nodes = True

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()

    def new_log(self, **options: Any) -> RoomLog:
        return MemoryLog(self.store, clock=self.clock, **options)

    def remove(self) -> None:
        self.store = MemoryStore()


class RedisBackend(Backend):
    many_nodes = True
    histories = 25

    def __init__(self, server: RedisServer | RedisCluster) -> None:
        super().__init__()
        self._server = server
        server.command("FLUSHALL")

    def new_log(self, **options: Any) -> RoomLog:
        return RedisLog(self._server.url, skew=lambda: self.skew, **options)

    def remove(self) -> None:
        self._server.command("FLUSHALL")


class SqliteBackend(Backend):
    many_nodes = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="crowdcue-log-"))

    def new_log(self, **options: Any) -> RoomLog:
        return SqliteLog(self.folder / "log.db", clock=self.clock, **options)

    def remove(self) -> None:
        shutil.rmtree(self.folder)
