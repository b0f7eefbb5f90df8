"""A server that follows a script, to see what the client does when things go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

State = dict[str, Any]


def state(seq: int = 1, **more: Any) -> State:
    room = {"code": "MAIN", "name": "Party"}
    empty: State = {"room": room, "playing": None, "queue": [], "history": [], "mine": {}}
    return {"t": "state", "seq": seq, "mark": f"m{seq}", **empty, **more}


class Guest:
    """The server's end of one connection."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.hello: dict[str, Any] = {}

    async def receive(self) -> dict[str, Any]:
        """The next message that is not a ping; pings are answered."""
        while True:
            message: dict[str, Any] = json.loads(await self.socket.recv())
            if message["t"] != "ping":
                return message
            await self.send(t="pong", at=message["at"], now=1_000)

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def welcome(self, *, token: str = "token-1", **first: Any) -> None:
        """Take the hello and let the client in; `first`: the state or patch to begin with."""
        self.hello = await self.receive()
        await self.send(t="welcome", you={"id": "m1", "name": "Bot", "role": "guest"}, token=token, now=1_000)
        await self.send(**(first or state()))

    async def stay(self) -> None:
        """Answer pings until the client leaves."""
        with contextlib.suppress(Exception):
            while True:
                await self.receive()


Act = Callable[[Guest], Awaitable[None]]


@contextlib.asynccontextmanager
async def acting(*acts: Act) -> AsyncIterator[str]:
    """A server whose first connection plays the first act, and so on; the last one is played for all later ones.

    Yields its address. Whatever an act asserts wrongly fails the test at the end.
    """
    failures: list[BaseException] = []
    number = 0

    async def one(socket: ServerConnection) -> None:
        nonlocal number
        act = acts[min(number, len(acts) - 1)]
        number += 1
        try:
            await act(Guest(socket))
        except Exception as error:
            failures.append(error)

    async with serve(one, "127.0.0.1", 0, subprotocols=[Subprotocol("crowdcue.v1.json")]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with asyncio.timeout(20):
            yield f"http://127.0.0.1:{port}"
    assert not failures, failures
