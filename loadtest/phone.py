"""One client of a room, as lean as it gets: says hello, follows patches, votes, and keeps account of answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgpack

from .frames import BadServer, Socket, frame
from .views import Version, Views

SUBPROTOCOL: Final = "crowdcue.v1.msgpack"
#: A client that is not in the room after so long has failed (s).
JOIN_TIMEOUT: Final = 60.0
_PATCH: Final = b"\xa1t\xa5patch"
_DONE: Final = b"\xa1t\xa4done"

Answer = Callable[["Phone", int, dict[str, Any], float], None]


class Phone(Socket):
    """A listener of a room, perhaps a voter. `version` is what it sees; `mine` its own votes as the server told them.

    `on_answer(phone, number, message, now)` gets every `done` and `refused`.
    """

    __slots__ = (
        "_hello",
        "errors",
        "joined",
        "member",
        "mine",
        "number",
        "on_answer",
        "patches",
        "token",
        "version",
        "views",
        "waiting",
    )

    def __init__(
        self,
        host: str,
        path: str,
        views: Views,
        errors: Counter[str],
        *,
        token: str | None = None,
        since: Version | None = None,
        player: bool = False,
        on_answer: Answer | None = None,
    ) -> None:
        super().__init__(host, path, SUBPROTOCOL)
        self.views = views
        self.errors = errors
        self.version: Version | None = since
        self.mine: dict[str, int] = {}
        self.member = ""
        self.token = token
        self.patches = 0
        self.number = 0
        self.waiting: dict[int, Any] = {}
        self.on_answer = on_answer
        self.joined: asyncio.Future[None] = self.loop.create_future()
        hello: dict[str, Any] = {"t": "hello", "name": "Load"}
        if token:
            hello["token"] = token
        if since is not None:
            hello["since"] = [since.seq, since.mark]
        if player:
            hello["as"] = "player"
        self._hello = frame(msgpack.packb(hello))

    def opened(self) -> None:
        """Introduce ourselves."""
        self.transport.write(self._hello)

    def ended(self, code: int) -> None:
        """Whatever was waiting stays unanswered."""
        if not self.joined.done():
            self.joined.set_exception(BadServer(f"closed with {code} before the room was there"))

    def received(self, payload: bytes, now: float) -> None:
        """Dispatch on the first field, which the server always writes first."""
        head = payload[1:9]
        if head == _PATCH[:8]:
            version = self.version
            if version is None:
                self.errors["a patch before any state"] += 1
                return
            after = self.views.patch(version, payload)
            if after is not version:
                after.arrivals.append(now)
                self.version = after
            self.patches += 1
            if not self.joined.done():
                self.joined.set_result(None)
        elif head[:7] == _DONE:
            message = msgpack.unpackb(payload)
            if self.on_answer is not None:
                self.on_answer(self, int(message["id"]), message, now)
        else:
            self._other(msgpack.unpackb(payload), now)

    def _other(self, message: dict[str, Any], now: float) -> None:
        kind = message["t"]
        if kind == "state":
            self.version = self.views.state(message)
            self.version.arrivals.append(now)
            self.mine = message["mine"]
            if not self.joined.done():
                self.joined.set_result(None)
        elif kind == "welcome":
            self.member = message["you"]["id"]
            self.token = message["token"]
        elif kind == "mine":
            self.mine = {**({} if message.get("all") else self.mine), **message["votes"]}
        elif kind == "refused":
            if self.on_answer is not None:
                self.on_answer(self, int(message["id"]), message, now)
            else:
                self.errors[f"refused: {message['code']}"] += 1
        elif kind not in ("here", "pong"):
            self.errors[f"unknown message {kind!r}"] += 1

    def command(self, op: str, note: Any = None, **fields: Any) -> bytes:
        """The frame of a command, noted as waiting; the caller sends it."""
        self.number += 1
        self.waiting[self.number] = note
        return frame(msgpack.packb({"t": "do", "id": str(self.number), "op": op, **fields}))


class VoteFrames:
    """Votes encoded ahead: all but the id, which comes last in the map."""

    def __init__(self, songs: list[str]) -> None:
        self._heads = {
            (song, value): b"\x85"
            + msgpack.packb({"t": "do", "op": "vote", "song_id": song, "value": value})[1:]
            + b"\xa2id"
            for song in songs
            for value in (-1, 0, 1)
        }

    def frame(self, song: str, value: int, number: int) -> bytes:
        """One vote as a frame."""
        digits = b"%d" % number
        body = b"%b%c%b" % (self._heads[song, value], 0xA0 | len(digits), digits)
        return b"\x82%c\0\0\0\0%b" % (0x80 | len(body), body) if len(body) < 126 else frame(body)
