"""A WebSocket to a party that comes back by itself: hello, resume, resend, pings, and heeding close codes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from crowdcue.client.clock import ServerClock
from crowdcue.client.link import BAD_TOKEN, Backoff, socket_url
from crowdcue.client.view import BadView
from crowdcue.tasks import Tasks
from crowdcue.wire import JSON, MSGPACK, BadFrame, ClientWire

#: A fresh state of the fullest queue is about 4 MiB; beyond this it is no party (bytes).
MAX_FRAME: Final = 32 * 1024 * 1024
#: A few pings at once learn the server's clock; then now and then one, since clocks drift (s).
FIRST_PINGS: Final = 4
FIRST_PING_EVERY: Final = 0.1
PING_EVERY: Final = 20.0
#: How long a server may take to answer our close frame when we leave (s).
CLOSE_TIMEOUT: Final = 1.0


@dataclass(slots=True)
class Hello:
    """What this client says of itself in each hello; `token` is learned from the first welcome."""

    token: str | None
    host: str | None
    name: str | None
    player: bool
    pin: str | None = field(default=None, repr=False)

    def message(self, version: tuple[int, str] | None) -> dict[str, Any]:
        """The hello message, resuming from `version` if there is one."""
        hello: dict[str, Any] = {"t": "hello"}
        given = {"token": self.token, "host": self.host, "name": self.name, "pin": self.pin}
        hello.update({field: value for field, value in given.items() if value is not None})
        if self.player:
            hello["as"] = "player"
        if version is not None and self.token is not None:
            hello["since"] = list(version)
        return hello


class Connection:
    """Keeps a connection until it is told for good that there is none.

    `version()`: where to resume. `unanswered()`: commands to send on a new connection. `received(message)`: every
    message but welcomes and pongs; when it raises `BadView`, a new connection asks for a fresh state.
    """

    def __init__(
        self,
        url: str,
        code: str,
        codec: Literal["msgpack", "json"],
        hello: Hello,
        tasks: Tasks,
        *,
        version: Callable[[], tuple[int, str]],
        unanswered: Callable[[], list[dict[str, Any]]],
        received: Callable[[dict[str, Any]], None],
    ) -> None:
        self.hello = hello
        self.you: dict[str, Any] = {}
        self.clock = ServerClock()
        self.opened = 0
        self.trouble: BaseException | None = None
        self._address = socket_url(url, code, secrets.token_hex(8))
        self._wire: ClientWire = MSGPACK if codec == "msgpack" else JSON
        self._tasks = tasks
        self._version, self._unanswered, self._received = version, unanswered, received
        self._socket: ClientConnection | None = None
        self._resumable = False
        self._backoff = Backoff()

    @property
    def connected(self) -> bool:
        """Whether there is a connection over which commands can go."""
        return self._socket is not None

    async def send(self, message: dict[str, Any]) -> None:
        """Send now if there is a connection; else it is for `unanswered` to have it sent later."""
        if self._socket is not None:
            await self._send(self._socket, message)

    async def run(self) -> None:
        """Connect, and again, and again. Ends only by being cancelled or by raising an `Ended`."""
        while True:
            code, reason = await self._connect()
            pause = self._backoff.after(code, reason)
            if code == BAD_TOKEN:
                self.hello.token = None
            await asyncio.sleep(pause)

    async def _connect(self) -> tuple[int | None, str]:
        """One connection from hello to its end; the close code and reason it ended with, None if none came about."""
        try:
            async with connect(
                self._address,
                subprotocols=[Subprotocol(self._wire.subprotocol)],
                compression=None,
                max_size=MAX_FRAME,
                close_timeout=CLOSE_TIMEOUT,
            ) as socket:
                await self._converse(socket)
                return socket.close_code, socket.close_reason or ""
        except ConnectionClosed as closed:
            self.trouble = closed
            return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
        except (BadView, BadFrame) as error:
            self.trouble = error
            self._resumable = False
            return None, ""
        except (OSError, TimeoutError, InvalidHandshake) as error:
            self.trouble = error
            return None, ""

    async def _converse(self, socket: ClientConnection) -> None:
        loop = asyncio.get_running_loop()
        said_hello = loop.time()
        await self._send(socket, self.hello.message(self._version() if self._resumable else None))
        pinger: asyncio.Task[None] | None = None
        try:
            async for frame in socket:
                message = self._wire.decode(frame)
                kind = message.get("t")
                if kind == "welcome":
                    self.you, self.hello.token = message["you"], message["token"]
                    self.clock.restart()
                    self.clock.sample(said_hello, loop.time(), message["now"])
                    pinger = self._tasks.spawn(self._ping(socket), "ping")
                elif kind == "you":  # somebody made us a host
                    self.you = message["you"]
                elif kind == "pong":
                    self.clock.sample(message["at"], loop.time(), message["now"])
                elif kind is not None:
                    self._received(message)
                    if self._socket is None and kind in ("state", "patch"):
                        await self._open(socket)
        finally:
            self._socket = None
            if pinger is not None:
                pinger.cancel()

    async def _open(self, socket: ClientConnection) -> None:
        """The view is up to date: let commands through, those of the last connection first."""
        self._backoff.worked()
        self._resumable = True
        self.opened += 1
        waiting = self._unanswered()
        self._socket = socket
        for message in waiting:
            await self._send(socket, message)

    async def _send(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        """Send; a line that just broke is no error, what is unanswered goes out on the next one."""
        try:
            await socket.send(self._wire.encode(message), text=self._wire.text)
        except ConnectionClosed as closed:
            self.trouble = closed

    async def _ping(self, socket: ClientConnection) -> None:
        loop, sent = asyncio.get_running_loop(), 0
        while True:
            await self._send(socket, {"t": "ping", "at": loop.time()})
            sent += 1
            await asyncio.sleep(FIRST_PING_EVERY if sent < FIRST_PINGS else PING_EVERY)
