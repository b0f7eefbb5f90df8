"""One party, followed live: its view, its changes, and commands that are answered however often the line breaks."""

from __future__ import annotations

import asyncio
import json
import secrets
import urllib.request
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self
from urllib.parse import urlencode

from crowdcue.client.commands import Commands, Result
from crowdcue.client.connection import Connection, Hello
from crowdcue.client.errors import Closed, Ended, NotReachable, Refused
from crowdcue.client.follower import Follower
from crowdcue.client.link import api_url
from crowdcue.client.view import Song
from crowdcue.tasks import Tasks

#: Commands on their way at once; more wait here. After a reconnect they are sent again, and the server knows the
#: answers to the last 64 of a member: this leaves some to the member's other connections.
MAX_IN_FLIGHT: Final = 32
#: A command whose outcome is unknown is repeated after so long, with the same id (s).
REPEAT_AFTER: Final = 0.5
#: Answers to HTTP requests are short; a server that takes longer is in trouble (s).
HTTP_TIMEOUT: Final = 10.0


class _Done(NamedTuple):
    """A command that was done; `rollbacks`: how often the room had gone back by then."""

    seq: int
    result: Result
    rollbacks: int


class Party(Follower, Commands):
    """A party, followed live: `async with Party("http://server:8080", "MAIN", name="My bot") as party: …`

    `token`: who you are, from an earlier `party.token`; without it you are a new member called `name`. `host`: the
    room's host token. `pin`: the room's PIN, if it has one. `player`: you make the music sound. `codec`: "msgpack"
    (small) or "json" (readable).
    Entering waits up to `timeout` s for the first connection (`NotReachable`); later ones are retried for ever.
    """

    def __init__(
        self,
        url: str,
        code: str,
        *,
        name: str | None = None,
        token: str | None = None,
        host: str | None = None,
        pin: str | None = None,
        player: bool = False,
        codec: Literal["msgpack", "json"] = "msgpack",
        timeout: float = 30.0,
    ) -> None:
        super().__init__()
        self._url, self._code, self._timeout = url, code, timeout
        self._tasks = Tasks()
        self._connection = Connection(
            url,
            code,
            codec,
            Hello(token, host, name, player, pin),
            self._tasks,
            version=lambda: self.version,
            unanswered=self._unanswered,
            received=self._received,
        )
        self._rollbacks = 0  # states that went back: what was acknowledged may be lost
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._asked: dict[str, tuple[dict[str, Any], asyncio.Future[_Done | None]]] = {}
        self._ids = secrets.token_hex(6)  # so that no other `Party` of the same member has made the same
        self._number = 0

    # What is known

    @property
    def you(self) -> dict[str, Any]:
        """Your `id`, `name` and `role` ("host" or "guest")."""
        return self._connection.you

    @property
    def token(self) -> str | None:
        """Keep it: who comes with it again is the same member, with the same votes."""
        return self._connection.hello.token

    @property
    def connected(self) -> bool:
        """Whether there is a connection right now."""
        return self._connection.connected

    @property
    def reconnects(self) -> int:
        """Connections after the first."""
        return max(self._connection.opened - 1, 0)

    def server_time(self) -> float:
        """The server's clock (log time, ms)."""
        return self._connection.clock.now(asyncio.get_running_loop().time())

    def position(self) -> float | None:
        """Where in the song the music is (ms), or None when nothing plays."""
        playing = self.playing
        if playing is None:
            return None
        paused: float | None = playing["paused_at"]
        at = playing["position"] + (self.server_time() if paused is None else paused) - playing["started_at"]
        return float(min(max(at, 0), playing["song"]["duration"] * 1000))

    async def search(self, words: str = "", limit: int = 20) -> list[Song]:
        """Songs of the library that fit these words; without words, the library's list. Raises `OSError`."""
        address = api_url(self._url, "search", urlencode({"q": words, "limit": limit}))

        def ask() -> list[Song]:
            with urllib.request.urlopen(address, timeout=HTTP_TIMEOUT) as answer:
                songs: list[Song] = json.load(answer)["songs"]
                return songs

        return await asyncio.to_thread(ask)

    # Commands

    async def do(self, op: str, *, follow: bool = True, **fields: Any) -> Result:
        """Give a command by its name and wait for the answer; `follow`: and until the view shows it.

        It is kept and sent again (with the same id, so it applies once) until it is answered, whatever happens to
        the connection; `asyncio.timeout` takes it back. Raises `Refused` or `Ended`.
        """
        self._number += 1
        id_ = f"{self._ids}-{self._number}"
        message = {**fields, "t": "do", "id": id_, "op": op}
        async with self._slots:
            done = await self._ask(id_, message)
            while done is None:  # nothing tells when the outcome can be known; only asking again does
                await asyncio.sleep(REPEAT_AFTER)
                done = await self._ask(id_, message)
        while follow and self._view.seq < done.seq and self._rollbacks == done.rollbacks:
            if self._over is not None:
                raise self._over
            await self._changed.wait()
        return done.result

    async def _ask(self, id_: str, message: dict[str, Any]) -> _Done | None:
        """The answer when it is done; None when the outcome is unknown."""
        if self._over is not None:
            raise self._over
        answer: asyncio.Future[_Done | None] = asyncio.get_running_loop().create_future()
        self._asked[id_] = message, answer
        try:
            await self._connection.send(message)
            return await answer
        finally:
            del self._asked[id_]

    # Coming and going

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._run(), f"party {self._code}")
        try:
            async with asyncio.timeout(self._timeout):
                while self._view.seq < 0:
                    if self._over is not None:
                        raise self._over
                    await self._changed.wait()
        except TimeoutError:
            await self.close()
            message = f"no answer from {self._url} within {self._timeout:g} s"
            raise NotReachable(message) from self._connection.trouble
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave. Commands that wait raise `Closed`."""
        self._end(Closed("you have left"))
        await self._tasks.close()

    async def _run(self) -> None:
        try:
            await self._connection.run()
        except Ended as why:
            self._end(why)
        except Exception as bug:
            self._end(Ended(f"a bug in the client: {bug!r}"))
            raise  # the owner of the task logs it

    def _end(self, why: Ended) -> None:
        if self._over is None:
            self._over = why
        for _, answer in self._asked.values():
            if not answer.done():
                answer.set_exception(self._over)
        self._pulse()

    # Called by the connection

    def _unanswered(self) -> list[dict[str, Any]]:
        return [message for message, answer in self._asked.values() if not answer.done()]

    def _received(self, message: dict[str, Any]) -> None:
        if message["t"] in ("done", "refused"):
            self._answered(message)
            return
        before = self._view.seq
        self._view.apply(message)
        if self._view.seq < before:
            self._rollbacks += 1
        self._pulse()

    def _answered(self, message: dict[str, Any]) -> None:
        asked, answer = self._asked.get(message["id"], (None, None))
        if asked is None or answer is None or answer.done():
            return
        if message["t"] == "refused":
            code, text = message["code"], message["message"]
            if code == "unavailable":
                answer.set_result(None)
            else:
                answer.set_exception(Refused(code, text, message.get("retry_after")))
            return
        result = message.get("result") or {}
        if asked["op"] == "vote":
            self._view.voted(asked["song_id"], asked["value"], message["seq"])
            self._pulse()
        elif asked["op"] == "rename":
            self._connection.you = {**self.you, **result}
        answer.set_result(_Done(message["seq"], result, self._rollbacks))
