"""A TCP proxy that parts a network: what one side sends and is sent is held back, while others pass as before."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

#: Loopback's address of those on the other side; everybody else comes from 127.0.0.1.
FAR = "127.0.0.2"
#: How long its own thread may take for anything (s).
PATIENCE = 10.0


class Partition:
    """`with Partition(port, target):` forwards the one port of loopback to the other, until `cut`.

    While it is cut, bytes from and to connections that come from `FAR` stand still: nobody is told anything, as when
    packets vanish. After `heal` what waited is delivered, as TCP's own repetitions would.
    """

    def __init__(self, port: int, target: int, *, all_far: bool = False) -> None:
        """`all_far`: whoever comes this way is on the other side."""
        self.port = port
        self._all_far = all_far
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def cut(self) -> None:
        """From now on the far side hears and says nothing."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def heal(self) -> None:
        """Everybody reaches everybody again."""
        self._loop.call_soon_threadsafe(self._whole.set)

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _start(self) -> None:
        self._whole, self._always = asyncio.Event(), asyncio.Event()
        self._whole.set()
        self._always.set()
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=512)

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far = self._all_far or writer.get_extra_info("peername")[0] == FAR
        passes = self._whole if far else self._always
        with contextlib.suppress(OSError, ExceptionGroup, asyncio.CancelledError):
            await passes.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pass(reader, back, passes))
                    both.create_task(self._pass(there, writer, passes))
            finally:
                back.close()
        writer.close()
        self._tasks.discard(task)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: asyncio.Event
    ) -> None:
        """One way of a connection; its end ends the other way too."""
        while data := await reader.read(65536):
            await passes.wait()
            writer.write(data)
            await writer.drain()
        await passes.wait()
        raise ConnectionResetError("one side has closed")
