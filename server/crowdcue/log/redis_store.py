"""One Redis as the log sees it: scripts that answer once or not at all, and errors of one kind."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import RedisCluster
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import NoScriptError, RedisClusterException, RedisError
from redis.exceptions import TimeoutError as NoAnswer

from .contract import Unavailable
from .redis_url import MAX_CONNECTIONS, connect, shown

_FOLDER = Path(__file__).parent
_COMMON = (_FOLDER / "common.lua").read_text()


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and the name that Redis keeps it under."""

    text: str
    sha: str

    @classmethod
    def load(cls, name: str) -> Script:
        """The script in `name`.lua, with what all scripts share in front."""
        text = _COMMON + (_FOLDER / f"{name}.lua").read_text()
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a script; all keys belong to one room."""

    keys: Sequence[str]
    args: Sequence[str | bytes | int]


class RedisStore:
    """A client with its own timeout, for commands that may be asked twice (only idempotent ones are here)."""

    def __init__(self, url: str, timeout: float) -> None:
        """`timeout`: seconds until an answer is given up. Raises `ValueError` for a URL of no known form."""
        self._shown = shown(url)
        self.client = connect(url, timeout)
        self.is_cluster = isinstance(self.client, RedisCluster)
        pool = None if isinstance(self.client, RedisCluster) else self.client.connection_pool
        self._sentinels = pool if isinstance(pool, SentinelConnectionPool) else None
        self._master: tuple[str, int] | None = None  # as the sentinels said last
        #: redis-py raises when its connections run out; here callers wait for one instead.
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)

    async def close(self) -> None:
        await self.client.aclose()
        if self._sentinels is not None:  # which leaves the sentinels' own connections open
            for sentinel in self._sentinels.sentinel_manager.sentinels:
                await sentinel.aclose()

    @property
    def has_sentinels(self) -> bool:
        """Whether sentinels say which server is the master."""
        return self._sentinels is not None

    async def follow_sentinels(self) -> tuple[str, int] | None:
        """Ask the sentinels for the master; its address if it is another than the last time, else None.

        Then no new command goes to the old one. None also when they name no master.
        """
        if self._sentinels is None:
            return None
        try:
            found: tuple[str, int] = await self._sentinels.get_master_address()  # type: ignore[no-untyped-call]
        except (RedisError, OSError):
            return None
        before, self._master = self._master, found
        if before in (None, found):
            return None
        # redis-py has closed the idle connections; those in use would go on with the old master when they are free.
        await self._sentinels.update_active_connections_for_reconnect()  # type: ignore[no-untyped-call]
        return found

    async def command(self, *args: str | bytes | int, **options: Any) -> Any:
        """One idempotent command. Raises `Unavailable`."""
        return (await self._perform([args], **options))[0]

    async def commands(self, *many: Sequence[str | bytes | int]) -> list[Any]:
        """Several idempotent commands in one round trip. Raises `Unavailable` when one of them fails."""
        return await self._perform(many)

    async def run(self, script: Script, call: Call) -> Any:
        """One run of an idempotent script. Raises `Unavailable`."""
        return (await self.run_many(script, [call]))[0]

    async def run_many(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        """Runs in order and in one round trip. Raises `Unavailable` when one of them fails."""
        return [self._checked(answer) for answer in await self.try_many(script, calls)]

    async def try_many(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        """Like `run_many`, but an answer may be an exception. Raises `Unavailable` if none can be had."""
        answers = await self._send([("EVALSHA", script.sha, len(c.keys), *c.keys, *c.args) for c in calls])
        missed = [index for index, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if missed:  # a restart or SCRIPT FLUSH; nothing ran, and EVAL brings the script back
            again = [
                ("EVAL", script.text, len(calls[i].keys), *calls[i].keys, *calls[i].args) for i in missed
            ]
            for index, answer in zip(missed, await self._send(again), strict=True):
                answers[index] = answer
        return answers

    def unavailable(self, error: BaseException) -> Unavailable:
        """The error as the log's callers know it."""
        return Unavailable(f"Redis at {self._shown} does not answer as it should: {error}")

    def _checked(self, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise self.unavailable(answer) from answer
        return answer

    async def _perform(self, many: Sequence[Sequence[str | bytes | int]], **options: Any) -> list[Any]:
        return [self._checked(answer) for answer in await self._send(many, **options)]

    async def _send(self, commands: Sequence[Sequence[str | bytes | int]], **options: Any) -> list[Any]:
        """Ask once more after a lost connection (a server that came back, an idle one that was cut), not after
        a timeout: a server that has stalled would only get more to do.
        """
        async with self._turns:
            try:
                try:
                    return await self._send_once(commands, options)
                except LostConnection:
                    return await self._send_once(commands, options)
            except (RedisError, RedisClusterException, OSError) as error:
                raise self.unavailable(error) from error

    async def _send_once(
        self, commands: Sequence[Sequence[str | bytes | int]], options: dict[str, Any]
    ) -> list[Any]:
        if len(commands) == 1:
            try:
                return [await self.client.execute_command(*commands[0], **options)]
            except (LostConnection, NoAnswer):
                raise
            except RedisError as error:
                return [error]
        if isinstance(self.client, RedisCluster):
            pipe: Any = self.client.pipeline()
        else:
            pipe = self.client.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        answers: list[Any] = await pipe.execute(raise_on_error=False)
        return answers
