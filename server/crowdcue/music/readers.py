"""A few child processes that read music files for the node, each file within limits of time and memory."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

from crowdcue.music.image import MAX_IMAGE_BYTES
from crowdcue.music.song import Tags

FILE_SECONDS = 5.0
"""For one file. A cold disk needs a tenth of a second; a network share that needs more is not a party's
music."""
START_SECONDS = 20.0
"""For the first answer of a child, which starts an interpreter first, perhaps on a busy single-board
computer."""
BATCH = 32
"""Files asked for at once: enough to hide the round trip, few enough to fit the pipe's 64 KiB of buffer."""
GOODBYE_SECONDS = 2.0
"""For a child to end by itself once nothing more is asked."""
ANSWER_BYTES = 1024 * 1024
"""Buffer for answers: a whole batch of the longest texts fits, so the child never waits while we still
ask."""


class ReadFailed(Exception):
    """A file that could not be read: damaged, unplayable, or over a limit; the message says why. `lasting` is
    False when it may work another day, as after a stall of the disk."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


class Reader:
    """One child process, started when first needed and again after it had to be killed. Not for concurrent
    use."""

    def __init__(self, file_seconds: float = FILE_SECONDS) -> None:
        self._seconds = file_seconds
        self._process: asyncio.subprocess.Process | None = None

    async def tags(self, paths: list[str]) -> AsyncIterator[tuple[str, Tags | ReadFailed]]:
        """Each path with its tags or the reason why not, in order."""
        at, retried = 0, False
        while at < len(paths):
            batch = paths[at : at + BATCH]
            try:
                pipe = await self._ask([{"op": "tags", "path": path} for path in batch])
            except OSError as error:
                # A child that died between two batches is no file's fault, and is replaced once.
                await self.close()
                if retried:
                    raise ReadFailed(f"the process that reads tags does not start: {error}") from error
                retried = True
                continue
            retried = False
            for path in batch:
                at += 1
                try:
                    yield path, cast("Tags", (await self._answer(pipe))["tags"])
                except ReadFailed as failure:
                    yield path, failure
                    if self._process is None:  # killed with the rest of the batch unanswered: ask a new one
                        break

    async def picture(self, path: str) -> tuple[bytes, str] | None:
        """The embedded picture of one file with its MIME type. Raises ReadFailed."""
        try:
            pipe = await self._ask([{"op": "picture", "path": path}])
        except OSError as error:
            await self.close()
            raise ReadFailed(f"the process that reads pictures is gone: {error}") from error
        header = await self._answer(pipe)
        size = int(header["bytes"])
        if size == 0:
            return None
        try:
            async with asyncio.timeout(self._seconds):
                data = await pipe.readexactly(min(size, MAX_IMAGE_BYTES))
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError) as error:
            await self.close()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise ReadFailed("its picture did not arrive") from error
        return data, str(header["mime"])

    async def close(self, *, busy: bool = False) -> None:
        """End the child, if there is one, at once when it is `busy`. May be called at any time, and twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # an idle child ends by itself now, and a dead one is not killed again
        try:
            async with asyncio.timeout(0 if busy else GOODBYE_SECONDS):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ask(self, asks: Iterable[dict[str, str]]) -> asyncio.StreamReader:
        """Send the questions; raises OSError when the child is gone or cannot be started."""
        started = self._process is None
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # the current folder, perhaps one of music, holds no modules of ours
                "-m",
                "crowdcue.music.tagworker",
                str(max(1, round(self._seconds) + 1)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=ANSWER_BYTES,
                # What this process can import, the child can, however it was set up.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                start_new_session=True,  # Ctrl-C in the terminal is for the node, which then ends the child
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        if started:
            try:
                await self._answer(stdout, START_SECONDS)
            except ReadFailed as failure:
                raise OSError(str(failure)) from failure
        stdin.write(b"".join(json.dumps(ask).encode() + b"\n" for ask in asks))
        await stdin.drain()
        return stdout

    async def _answer(self, pipe: asyncio.StreamReader, seconds: float | None = None) -> dict[str, Any]:
        seconds = seconds or self._seconds
        try:
            async with asyncio.timeout(seconds):
                line = await pipe.readline()
            answer = json.loads(line) if line else None
        except TimeoutError:
            await self.close(busy=True)
            raise ReadFailed(f"it took longer than {seconds:g} s to read") from None
        except asyncio.CancelledError:
            await self.close(busy=True)  # its answers belong to nobody now
            raise
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            await self.close()
            raise ReadFailed("reading it ended the process that did")
        if "error" in answer:
            raise ReadFailed(str(answer["error"]), lasting=True)
        return answer
