"""A small language for scenarios: people with hands do things in a party and see what comes of it, by any face.

    async with Scenario(reach, ("json", "rest", "msgpack")) as (anna, ben, host, everyone):
        await anna.adds("x", "y")
        await ben.votes("y", +1)
        await everyone.sees("y", "x")

A new face is a new subclass of `Hand` and a line in `FACES`; a new way to reach the server is a new `Reach`.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Protocol

import grpc
import httpx
import pytest
from loadtest.cluster import Cluster

from crowdcue.client import Party, PinNeeded, Refused
from crowdcue.faces import queue_pb2 as pb
from tests.support.servers import Server
from tests.support.talk import RoomKey, new_room, song

#: Nothing that is awaited takes longer than this on a busy machine (s).
PATIENCE = 15.0


class No(Exception):
    """The party refused, with this stable code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@contextlib.contextmanager
def refused(code: str) -> Iterator[None]:
    """What stands in the block is refused with this code."""
    with pytest.raises(No) as no:
        yield
    assert no.value.code == code


class Reach(Protocol):
    """How the server is reached: one node, or one of many behind a balancer."""

    def address(self, person: int) -> str:
        """The base address (http) for the so-many-th person of a scenario."""
        ...

    def rpc(self, person: int) -> str:
        """The same for gRPC: `host:port`."""
        ...

    def new_room(self) -> RoomKey:
        """A room of its own for a scenario. Blocking."""
        ...


class OneNode:
    """Everybody talks to the same server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def address(self, person: int) -> str:
        """The server's."""
        return self._server.url

    def rpc(self, person: int) -> str:
        """The server's."""
        return f"127.0.0.1:{self._server.grpc_port}"

    def new_room(self) -> RoomKey:
        """Made there."""
        return new_room(self._server)


class ManyNodes:
    """Everybody talks to the balancer in front of many nodes."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def address(self, person: int) -> str:
        """The balancer's, whoever asks: it spreads people by itself."""
        return self._cluster.url

    def rpc(self, person: int) -> str:
        """The balancer's."""
        return self._cluster.grpc

    def new_room(self) -> RoomKey:
        """Made by whichever node is asked."""
        made = httpx.post(f"{self._cluster.url}/api/rooms", json={"name": "Scenario"}, trust_env=False).json()
        return RoomKey(made["code"], made["host_token"])


class Hand(ABC):
    """One person's way into a party. Verbs raise `No` when refused, and answer only when it is done.

    What one hand has done, every other must see: at once where it asks (REST), soon where it is told (WebSocket).
    """

    def __init__(self, address: str, code: str, host_token: str | None) -> None:
        self.address, self.code, self.host_token = address, code, host_token
        self.pin: str | None = None  #: what they show from their next coming on
        self._token: str | None = None

    @abstractmethod
    async def enters(self) -> None:
        """Come in; for the second time as the same member."""

    @abstractmethod
    async def leaves(self) -> None:
        """Go."""

    @abstractmethod
    async def adds(self, *ids: str) -> None:
        """Add songs told by their ids."""

    @abstractmethod
    async def removes(self, song_id: str) -> None:
        """Take a song out."""

    @abstractmethod
    async def votes(self, song_id: str, value: int) -> None:
        """Make one's vote on a song -1, 0 or +1."""

    @abstractmethod
    async def plays_next(self) -> None:
        """Go on to the next song."""

    @abstractmethod
    async def clears(self) -> None:
        """Empty the queue."""

    @abstractmethod
    async def sees(self, *ids: str, **scores: int) -> None:
        """The queue is this, in this order, with these scores where given."""

    @abstractmethod
    async def hears(self, song_id: str | None, *before: str) -> None:
        """This plays, after these (oldest first)."""

    @abstractmethod
    async def locks(self, pin: str | None) -> None:
        """Set the room's PIN, as its host."""

    async def comes_back(self) -> None:
        """Leave and enter again."""
        await self.leaves()
        await self.enters()

    async def comes_as_a_stranger(self, pin: str | None = None) -> None:
        """Leave and enter as somebody new, who shows this PIN."""
        await self.leaves()
        self._token, self.pin = None, pin
        await self.enters()


class SocketHand(Hand):
    """By WebSocket, through the client library."""

    codec: Any = "json"

    def __init__(self, address: str, code: str, host_token: str | None) -> None:
        super().__init__(address, code, host_token)
        self._party: Party | None = None

    @property
    def party(self) -> Party:
        """The open party."""
        assert self._party is not None
        return self._party

    async def enters(self) -> None:
        """With the token of the last time."""
        self._party = Party(
            self.address,
            self.code,
            token=self._token,
            host=self.host_token,
            pin=self.pin,
            codec=self.codec,
            timeout=PATIENCE,
        )
        try:
            await self._party.__aenter__()
        except PinNeeded as refusal:
            raise No(str(refusal)) from refusal
        self._token = self._party.token

    async def leaves(self) -> None:
        """Close."""
        await self.party.close()

    async def _do(self, op: str, **fields: Any) -> None:
        try:
            await self.party.do(op, **fields)
        except Refused as refusal:
            raise No(refusal.code) from refusal

    async def adds(self, *ids: str) -> None:
        """One by one."""
        for id_ in ids:
            await self._do("add", song=song(id_))

    async def removes(self, song_id: str) -> None:
        """The op `remove`."""
        await self._do("remove", song_id=song_id)

    async def votes(self, song_id: str, value: int) -> None:
        """The op `vote`, which sets."""
        await self._do("vote", song_id=song_id, value=value)

    async def plays_next(self) -> None:
        """The op `play_next`."""
        await self._do("play_next")

    async def clears(self) -> None:
        """The op `clear`."""
        await self._do("clear")

    async def locks(self, pin: str | None) -> None:
        """The op `settings`."""
        await self._do("settings", pin=pin)

    async def sees(self, *ids: str, **scores: int) -> None:
        """Wait until the view is so."""

        def so() -> bool:
            seen = {item["id"]: item["score"] for item in self.party.queue}
            return list(seen) == list(ids) and all(seen[id_] == score for id_, score in scores.items())

        await self._until(so, f"{ids} {scores}")

    async def hears(self, song_id: str | None, *before: str) -> None:
        """Wait until the view is so."""

        def so() -> bool:
            playing, history = self.party.playing, self.party.history
            now = None if playing is None else playing["song"]["id"]
            return now == song_id and [play["song"]["id"] for play in reversed(history)] == list(before)

        await self._until(so, f"{before} and then {song_id}")

    async def _until(self, so: Any, what: str) -> None:
        changes = self.party.changes()
        try:
            async with asyncio.timeout(PATIENCE):
                while not so():
                    await anext(changes)
        except TimeoutError:
            queue = [(item["id"], item["score"]) for item in self.party.queue]
            raise AssertionError(f"expected {what}; queue {queue}, playing {self.party.playing}") from None
        finally:
            await changes.aclose()


class JsonHand(SocketHand):
    """By WebSocket in JSON."""


class MsgpackHand(SocketHand):
    """By WebSocket in MessagePack."""

    codec = "msgpack"


class RestHand(Hand):
    """By REST. What it sees it asks for once: an answered write must show in every later read."""

    def __init__(self, address: str, code: str, host_token: str | None) -> None:
        super().__init__(address, code, host_token)
        self._client: httpx.AsyncClient | None = None

    async def enters(self) -> None:
        """With the token of the last time, or with one that the first answer brings."""
        headers = {} if self.host_token is None else {"X-Crowdcue-Host": self.host_token}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        if self.pin is not None:
            headers["X-Crowdcue-Pin"] = self.pin
        base = f"{self.address}/api/rooms/{self.code}/"
        self._client = httpx.AsyncClient(base_url=base, headers=headers, timeout=PATIENCE, trust_env=False)

    async def leaves(self) -> None:
        """Close."""
        assert self._client is not None
        await self._client.aclose()

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        assert self._client is not None
        answer = await self._client.request(method, path, **more)
        self._token = answer.headers.get("X-Crowdcue-Token", self._token)
        body = answer.json()
        if answer.status_code != 200:
            assert 400 <= answer.status_code < 600 and body["message"]
            raise No(body["code"])
        return body

    async def adds(self, *ids: str) -> None:
        """One by one."""
        for id_ in ids:
            queue = (await self._ask("POST", "add_track", json=song(id_)))["queue"]
            assert id_ in [track["id"] for track in queue]

    async def removes(self, song_id: str) -> None:
        """Unknown songs change nothing here, by contract."""
        await self._ask("POST", "remove_track", json={"id": song_id})

    async def votes(self, song_id: str, value: int) -> None:
        """In steps, from wherever the vote is: two lead to either end."""
        for up in {1: (True, True), -1: (False, False), 0: (True, True, False)}[value]:
            await self._ask("POST", "vote", params={"up": up}, json={"id": song_id})

    async def plays_next(self) -> None:
        """`POST play_next`."""
        await self._ask("POST", "play_next")

    async def clears(self) -> None:
        """The queue only: `POST sync` with nothing, because `POST clear` takes the history too."""
        await self._ask("POST", "sync", json=[])

    async def locks(self, pin: str | None) -> None:
        """This face has no such request, but when a room is made."""
        pytest.skip("REST cannot change settings")

    async def sees(self, *ids: str, **scores: int) -> None:
        """Ask once."""
        seen = {track["id"]: track["votes"] for track in await self._ask("GET", "queue")}
        assert list(seen) == list(ids), seen
        assert {id_: seen[id_] for id_ in scores} == scores

    async def hears(self, song_id: str | None, *before: str) -> None:
        """Ask once; the history holds what plays as well."""
        heard = [track["id"] for track in await self._ask("GET", "history")]
        assert heard == [*before, *([] if song_id is None else [song_id])]


class RpcHand(Hand):
    """By gRPC. What it sees it asks for once, like REST."""

    def __init__(self, address: str, code: str, host_token: str | None) -> None:
        super().__init__(address, code, host_token)
        self._channel: grpc.aio.Channel | None = None

    async def enters(self) -> None:
        """With the token of the last time, or with one that the first answer brings."""
        self._channel = grpc.aio.insecure_channel(self.address)

    async def leaves(self) -> None:
        """Close."""
        assert self._channel is not None
        await self._channel.close()

    async def _ask(self, name: str, request: Any, answer: Any) -> Any:
        assert self._channel is not None
        metadata = [("room", self.code)]
        if self.host_token is not None:
            metadata.append(("x-crowdcue-host", self.host_token))  # `host` is not for proxies
        if self._token is not None:
            metadata.append(("authorization", f"Bearer {self._token}"))
        if self.pin is not None:
            metadata.append(("x-crowdcue-pin", self.pin))
        method = self._channel.unary_unary(
            f"/queue.QueueService/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        call = method(request, metadata=tuple(metadata), timeout=PATIENCE)
        try:
            issued = dict(await call.initial_metadata()).get("x-crowdcue-token")
            self._token = str(issued) if issued else self._token
            return await call
        except grpc.aio.AioRpcError as error:
            raise No(str(dict(error.trailing_metadata() or ()).get("code"))) from error

    async def adds(self, *ids: str) -> None:
        """One by one."""
        for id_ in ids:
            told = song(id_)
            track = pb.Track(
                id=id_, title=told["title"], artist=told["artist"], duration=round(told["duration"])
            )
            queue = (await self._ask("AddTrack", track, pb.QueueResponse)).queue
            assert id_ in [track.id for track in queue]

    async def removes(self, song_id: str) -> None:
        """Unknown songs change nothing here, by contract."""
        await self._ask("RemoveTrack", pb.TrackId(id=song_id), pb.QueueResponse)

    async def votes(self, song_id: str, value: int) -> None:
        """In steps, from wherever the vote is: two lead to either end."""
        for up in {1: (True, True), -1: (False, False), 0: (True, True, False)}[value]:
            await self._ask("VoteTrack", pb.VoteRequest(id=song_id, up=up), pb.QueueResponse)

    async def plays_next(self) -> None:
        """This face answers an empty track when nothing plays now, and also when nothing did before."""
        idle = not (await self._queue() or await self._plays())
        await self._ask("PlayNext", pb.Empty(), pb.Track)
        if idle:
            raise No("queue_empty")

    async def clears(self) -> None:
        """This face has no such call."""
        pytest.skip("gRPC cannot clear the queue")

    async def locks(self, pin: str | None) -> None:
        """This face has no such call."""
        pytest.skip("gRPC cannot change settings")

    async def sees(self, *ids: str, **scores: int) -> None:
        """Ask once."""
        seen = {track.id: track.votes for track in await self._queue()}
        assert list(seen) == list(ids), seen
        assert {id_: seen[id_] for id_ in scores} == scores

    async def hears(self, song_id: str | None, *before: str) -> None:
        """Ask once; the history holds what plays as well."""
        answer = await self._ask("GetHistory", pb.Empty(), pb.QueueList)
        heard = [track.id for track in answer.queue]
        assert heard == [*before, *([] if song_id is None else [song_id])]

    async def _plays(self) -> bool:
        """Whether something plays, by the state that a stream begins with."""
        assert self._channel is not None
        method = self._channel.unary_stream(
            "/queue.QueueService/Watch",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=pb.Update.FromString,
        )
        stream = method(
            pb.Empty(), metadata=(("room", self.code), ("authorization", f"Bearer {self._token}"))
        )
        playing: bool = (await stream.read()).HasField("playing")
        stream.cancel()
        return playing

    async def _queue(self) -> Any:
        return (await self._ask("GetQueue", pb.Empty(), pb.QueueList)).queue


class Everyone:
    """All the hands of a scenario, who must all see the same."""

    def __init__(self, hands: list[Hand]) -> None:
        self._hands = hands

    async def sees(self, *ids: str, **scores: int) -> None:
        """As `Hand.sees`."""
        await asyncio.gather(*[hand.sees(*ids, **scores) for hand in self._hands])

    async def hears(self, song_id: str | None, *before: str) -> None:
        """As `Hand.hears`."""
        await asyncio.gather(*[hand.hears(song_id, *before) for hand in self._hands])


FACES: dict[str, type[Hand]] = {
    "json": JsonHand,
    "msgpack": MsgpackHand,
    "rest": RestHand,
    "grpc": RpcHand,
}


class Scenario:
    """A room and three people in it: two guests and the host, each by the face given. Yields them, and everyone."""

    def __init__(self, reach: Reach, faces: tuple[str, str, str]) -> None:
        self._reach, self._faces = reach, faces
        self._hands: list[Hand] = []

    async def __aenter__(self) -> tuple[Hand, Hand, Hand, Everyone]:
        room = await asyncio.to_thread(self._reach.new_room)
        tokens = (None, None, room.host_token)
        for person, (face, token) in enumerate(zip(self._faces, tokens, strict=True)):
            address = self._reach.rpc(person) if face == "grpc" else self._reach.address(person)
            hand = FACES[face](address, room.code, token)
            await hand.enters()
            self._hands.append(hand)
        anna, ben, host = self._hands
        return anna, ben, host, Everyone(self._hands)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hand in self._hands:
            await hand.leaves()
