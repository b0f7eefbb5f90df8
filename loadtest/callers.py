"""One request at a time over REST, gRPC or WebSocket, with the same four questions, for the classic experiment."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Protocol
from urllib.parse import urlsplit

import grpc
import orjson

from crowdcue.faces import queue_pb2 as pb

from .crowd import enter
from .frames import BadServer
from .http1 import Http
from .phone import Phone
from .target import Target, song
from .views import Views


class Refused(Exception):
    """The request was answered, but not done."""


class Caller(Protocol):
    """A member who asks one thing at a time. All raise `Refused`, or what the connection raises."""

    async def add(self, song_id: str) -> None:
        """Queue a song."""

    async def step(self, song_id: str, up: bool) -> None:
        """Move the own vote one step."""

    async def close(self) -> None:
        """Hang up."""


class RestCaller:
    """Over HTTP/JSON."""

    def __init__(self, url: str, code: str, token: str) -> None:
        self._url = urlsplit(url)
        self._base = f"{self._url.path}/api/rooms/{code}"
        self._headers = f"Authorization: Bearer {token}\r\n"

    async def open(self) -> RestCaller:
        """Connect."""
        make = lambda: Http(self._url.netloc)  # noqa: E731
        _, self._http = await asyncio.get_running_loop().create_connection(
            make, self._url.hostname or "", self._url.port or 80
        )
        return self

    async def _post(self, path: str, value: Any) -> None:
        status, body = await self._http.ask("POST", self._base + path, orjson.dumps(value), self._headers)
        if status != 200:
            raise Refused(f"{status} {body[:200]!r}")

    async def add(self, song_id: str) -> None:
        """POST add_track."""
        await self._post("/add_track", song(song_id))

    async def step(self, song_id: str, up: bool) -> None:
        """POST vote."""
        await self._post(f"/vote?up={'true' if up else 'false'}", {"id": song_id})

    async def close(self) -> None:
        """Hang up."""
        self._http.transport.close()


class RpcCaller:
    """Over gRPC."""

    def __init__(self, address: str, code: str, token: str) -> None:
        self._address = address
        self._metadata = (("room", code), ("authorization", f"Bearer {token}"))

    async def open(self) -> RpcCaller:
        """Connect: one channel of its own, as another machine would have."""
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
        self._channel = grpc.aio.insecure_channel(self._address, options)
        self._add = self._method("AddTrack")
        self._vote = self._method("VoteTrack")
        return self

    def _method(self, name: str) -> Any:
        return self._channel.unary_unary(
            f"/queue.QueueService/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=pb.QueueResponse.FromString,
        )

    async def _call(self, method: Any, request: Any) -> None:
        try:
            await method(request, metadata=self._metadata, timeout=30)
        except grpc.aio.AioRpcError as error:
            raise Refused(f"{error.code().name} {error.details()}") from error

    async def add(self, song_id: str) -> None:
        """AddTrack."""
        track = pb.Track(id=song_id, title=f"A song called {song_id}", artist="The Loadtesters", duration=200)
        await self._call(self._add, track)

    async def step(self, song_id: str, up: bool) -> None:
        """VoteTrack."""
        await self._call(self._vote, pb.VoteRequest(id=song_id, up=up))

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close()


class SocketCaller:
    """Over WebSocket; steps become values here, since this face sets votes."""

    def __init__(self, url: str, code: str, token: str) -> None:
        self._url = f"ws{url.removeprefix('http')}/ws/{code}?client={token[-12:]}"
        self._token = token
        self._own: dict[str, int] = {}
        self._views = Views()
        self._answer: asyncio.Future[dict[str, Any]] | None = None

    async def open(self) -> SocketCaller:
        """Connect and join."""
        path = urlsplit(self._url).path
        self._phone = await enter(
            self._url,
            lambda host: Phone(
                host, path, self._views, Counter(), token=self._token, on_answer=self._answered
            ),
        )
        return self

    def _answered(self, phone: Phone, number: int, message: dict[str, Any], _: float) -> None:
        if phone.waiting.pop(number, None) is not None and self._answer is not None:
            self._answer.set_result(message)

    async def _do(self, op: str, **fields: Any) -> None:
        self._answer = asyncio.get_running_loop().create_future()
        self._phone.transport.write(self._phone.command(op, True, **fields))
        try:
            message = await asyncio.wait_for(self._answer, 30)
        except TimeoutError:
            raise BadServer("no answer") from None
        if message["t"] != "done":
            raise Refused(message["code"])

    async def add(self, song_id: str) -> None:
        """`add`."""
        await self._do("add", song=song(song_id))

    async def step(self, song_id: str, up: bool) -> None:
        """`vote`."""
        value = self._own[song_id] = min(max(self._own.get(song_id, 0) + (1 if up else -1), -1), 1)
        await self._do("vote", song_id=song_id, value=value)

    async def close(self) -> None:
        """Hang up."""
        self._phone.close()


async def open_caller(face: str, target: Target, code: str, token: str) -> Caller:
    """A caller of `face` ("rest", "grpc", "ws"), through the balancer when there is one."""
    if face == "rest":
        return await RestCaller(target.url, code, token).open()
    if face == "grpc":
        return await RpcCaller(target.grpc, code, token).open()
    return await SocketCaller(target.url, code, token).open()


async def new_tokens(target: Target, code: str, count: int) -> list[str]:
    """Tokens of so many new members."""
    tokens: list[str] = []
    views = Views()
    for _ in range(count):
        phone = await enter(
            f"{target.ws}/ws/{code}", lambda host: Phone(host, f"/ws/{code}", views, Counter())
        )
        assert phone.token is not None
        tokens.append(phone.token)
        phone.close()
    return tokens
