"""A plain WebSocket client that believes nothing: every message it gets is held against the contract."""

from __future__ import annotations

import asyncio
import json
import secrets
import urllib.request
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgpack
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.client_model import ClientModel
from tests.support.servers import Server

Message = dict[str, Any]

#: Nothing that is awaited takes longer than this on a busy machine (s).
PATIENCE = 15.0
#: Messages kept for a failing test to show.
KEEP = 50

_NUMBER = (int, float)
_ITEM = {
    "id": str,
    "title": str,
    "artist": str,
    "duration": _NUMBER,
    "score": int,
    "up": int,
    "down": int,
    "by": dict,
    "added_at": int,
    "key": list,
}
_PLAYING = {"song": dict, "play": int, "position": int, "started_at": int}
_SHAPES: dict[str, dict[str, Any]] = {
    "welcome": {"you": dict, "token": str, "now": int},
    "state": {"seq": int, "mark": str, "room": dict, "queue": list, "history": list, "mine": dict},
    "patch": {"seq": int, "mark": str},
    "mine": {"votes": dict},
    "done": {"id": str, "seq": int},
    "refused": {"id": str, "code": str, "message": str},
    "you": {"you": dict},
    "here": {"members": int, "players": int},
    "pong": {"at": _NUMBER, "now": int},
}


class Closed(NamedTuple):
    """How a connection ended: close code (1006: without a close frame) and reason."""

    code: int
    reason: str


class RoomKey(NamedTuple):
    """A room and what makes a host of it."""

    code: str
    host_token: str


def post(server: Server, path: str, body: object, headers: dict[str, str] | None = None) -> Any:
    """POST JSON to a server and the JSON of its answer. Blocking; raises `urllib.error.HTTPError`."""
    request = urllib.request.Request(
        f"{server.url}{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", **(headers or {})},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def new_room(server: Server, **settings: Any) -> RoomKey:
    """A room of its own for a test."""
    made = post(server, "/api/rooms", {"name": "A test", "settings": settings})
    return RoomKey(made["code"], made["host_token"])


def library(server: Server) -> list[dict[str, Any]]:
    """The songs of a server's library."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{server.url}/api/search?limit=100", timeout=PATIENCE) as answer:
        songs: list[dict[str, Any]] = json.load(answer)["songs"]
        return songs


def song(id_: str, duration: float = 180, **more: Any) -> dict[str, Any]:
    """A song as a client describes it."""
    return {"id": id_, "title": f"Title of {id_}", "artist": "An artist", "duration": duration, **more}


def has_shape(message: Message, shape: dict[str, Any]) -> None:
    """Fail unless the fields are there and of their types (true and false are not numbers)."""
    for name, kind in shape.items():
        assert name in message, f"{name} is missing in {message}"
        value = message[name]
        assert isinstance(value, kind) and not isinstance(value, bool), f"{name} of {message}"


def check(message: Message) -> None:
    """Hold one message of the server against the contract."""
    kind = message["t"]
    assert type(kind) is str
    has_shape(
        message, _SHAPES.get(kind, {})
    )  # kinds that this does not know are additions, which are welcome
    if kind in ("welcome", "you"):
        has_shape(message["you"], {"id": str, "name": str, "role": str})
        assert message["you"]["role"] in ("host", "guest")
    if kind == "state":
        assert "playing" in message
        assert {"code", "name", "policy"} <= message["room"].keys()
        assert all(value in (-1, 1) for value in message["mine"].values())
        assert len(message["history"]) <= 20
        keys = [item["key"] for item in message["queue"]]
        assert keys == sorted(keys), "the queue of a state is in play order"
        for item in message["queue"]:
            has_shape(item, _ITEM)
            assert item["score"] == item["up"] - item["down"]
            assert all(type(part) is int for part in item["key"])
            has_shape(item["by"], {"id": str, "name": str})
        for play in message["history"]:
            has_shape(play, {"song": dict, "play": int, "played_at": int})
    if message.get("playing") is not None:
        has_shape(message["playing"], _PLAYING)
        assert {"paused_at", "paused_by"} <= message["playing"].keys()
    if kind == "mine":
        assert all(value in (-1, 0, 1) for value in message["votes"].values())


class Talk:
    """One conversation. `async with Talk(server, room.code, name="Anna") as anna: …` has said hello and is let in.

    `model` is what an independent client shows after the messages so far. `player`: as a player. Further
    keyword arguments go into the hello.
    """

    def __init__(
        self,
        server: Server,
        code: str = "MAIN",
        *,
        codec: str | None = "json",
        greet: bool = True,
        player: bool = False,
        **hello: Any,
    ) -> None:
        self.model = ClientModel()
        self.you: dict[str, Any] = {}
        self.token = ""
        self.recent: deque[Message] = deque(maxlen=KEEP)
        self.here: Message | None = None
        self._url = f"{server.ws_url}/ws/{code}"
        self._codec = codec
        self._greet = greet
        self._hello = {**hello, "as": "player"} if player else hello
        self._number = 0
        self._prefix = secrets.token_hex(4)  # the same member may have other conversations
        self.unanswered: set[str] = set()
        self._votes: dict[str, tuple[str, int]] = {}  # own votes asked for: id → song, value
        self._socket: ClientConnection | None = None

    @property
    def socket(self) -> ClientConnection:
        """The connection."""
        assert self._socket is not None
        return self._socket

    @property
    def version(self) -> list[Any]:
        """What `since` takes."""
        return [self.model.seq, self.model.mark]

    @property
    def queue(self) -> list[str]:
        """The ids of the queue in play order."""
        return [item["id"] for item in self.model.queue]

    def item(self, song_id: str) -> dict[str, Any]:
        """One queued song."""
        return self.model.items[song_id]

    @property
    def play(self) -> int:
        """The number of what plays."""
        assert self.model.playing is not None
        play: int = self.model.playing["play"]
        return play

    # Coming and going

    async def open(self, headers: dict[str, str] | None = None, **more: Any) -> Self:
        """Connect, and say hello unless told not to."""
        subprotocols = None if self._codec is None else [Subprotocol(f"crowdcue.v1.{self._codec}")]
        self._socket = await connect(
            self._url,
            subprotocols=subprotocols,
            additional_headers=headers,
            compression=None,
            max_size=None,
            proxy=None,
            close_timeout=1,
            **more,
        )
        if self._greet:
            await self.say_hello(**self._hello)
        return self

    async def say_hello(self, **hello: Any) -> Message:
        """Say hello; the first message about the room (`state`, or `patch` on a resume)."""
        await self.send(t="hello", **hello)
        welcome = await self.receive()
        assert welcome["t"] == "welcome", welcome
        self.you, self.token = welcome["you"], welcome["token"]
        first = await self.receive()
        assert first["t"] in ("state", "patch"), f"after welcome comes {first}"
        return first

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.socket.close()

    async def leave(self) -> None:
        """Close in order."""
        await self.socket.close()

    def vanish(self) -> None:
        """Be gone, as a phone in a lift."""
        self.socket.transport.abort()

    # Talking

    async def send(self, **message: Any) -> None:
        """Send one message in the chosen codec."""
        await self.send_raw(self.encode(message))

    async def send_raw(self, frame: str | bytes) -> None:
        """Send one frame as it is."""
        await self.socket.send(frame)

    def encode(self, message: Message) -> str | bytes:
        """A message as a frame."""
        if self._codec == "msgpack":
            packed: bytes = msgpack.packb(message)
            return packed
        return json.dumps(message)

    def decode(self, frame: str | bytes) -> Message:
        """A frame as a message; fails for the wrong frame type."""
        message: Message
        if self._codec == "msgpack":
            assert isinstance(frame, bytes), "MessagePack comes in binary frames"
            message = msgpack.unpackb(frame)
        else:
            assert isinstance(frame, str), "JSON comes in text frames"
            message = json.loads(frame)
        return message

    async def receive(self, timeout: float = PATIENCE) -> Message:
        """The next message, checked and taken into the model."""
        async with asyncio.timeout(timeout):
            message = self.decode(await self.socket.recv())
        check(message)
        self.recent.append(message)
        if message["t"] == "here":
            self.here = message
        if message["t"] == "you":
            self.you = message["you"]
        self.model.receive(message)
        if message["t"] in ("done", "refused"):
            self.unanswered.discard(message["id"])
            self._take_own_vote(message)
        return message

    def _take_own_vote(self, message: Message) -> None:
        """Who votes knows it from the `done`: `mine` goes to the member's other connections."""
        song_id, value = self._votes.pop(message["id"], ("", 0))
        if song_id and message["t"] == "done":
            self.model.receive({"t": "mine", "votes": {song_id: value}})

    async def expect(self, kind: str, **fields: Any) -> Message:
        """The next message of this kind (and these fields), whatever comes before it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.receive()
                if message["t"] == kind and all(message.get(n) == v for n, v in fields.items()):
                    return message

    async def ask(self, op: str, id_: str | None = None, **fields: Any) -> str:
        """Send a `do` and do not wait; its id."""
        self._number += 1
        id_ = id_ or f"{self._prefix}-{self._number}"
        self.unanswered.add(id_)
        if op == "vote":
            self._votes[id_] = fields.get("song_id", ""), fields.get("value", 0)
        await self.send(t="do", id=id_, op=op, **fields)
        return id_

    async def answer(self, id_: str) -> Message:
        """The `done` or `refused` of this id."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.receive()
                if message["t"] in ("done", "refused") and message["id"] == id_:
                    return message

    async def answers(self, ids: list[str]) -> list[Message]:
        """The answers to these ids, in the order of the ids; refusals may overtake."""
        got: dict[str, Message] = {}
        async with asyncio.timeout(PATIENCE):
            while not got.keys() >= set(ids):
                message = await self.receive()
                if message["t"] in ("done", "refused"):
                    got[message["id"]] = message
        return [got[id_] for id_ in ids]

    async def do(self, op: str, id_: str | None = None, **fields: Any) -> Message:
        """Give a command; its `done`, once this client has reached the version in which it shows."""
        done = await self.answer(await self.ask(op, id_, **fields))
        assert done["t"] == "done", done
        await self.until(lambda: self.model.seq >= done["seq"])
        return done

    async def refused(self, op: str, code: str, id_: str | None = None, **fields: Any) -> Message:
        """Give a command that is refused with this code."""
        message = await self.answer(await self.ask(op, id_, **fields))
        assert message["t"] == "refused", message
        assert message["code"] == code, message
        assert message["message"], "a refusal says why"
        return message

    async def until(self, true: Callable[[], bool], timeout: float = PATIENCE) -> None:
        """Receive until this is so."""
        try:
            async with asyncio.timeout(timeout):
                while not true():
                    await self.receive()
        except TimeoutError:
            raise AssertionError(f"it did not come to that; last: {list(self.recent)[-5:]}") from None

    async def sees(self, *ids: str) -> None:
        """Receive until the queue is this."""
        await self.until(lambda: self.queue == list(ids))

    async def settle(self) -> None:
        """Receive what is on its way: everything that was sent before the answer to a ping."""
        self._number += 1
        await self.send(t="ping", at=self._number)
        await self.expect("pong", at=self._number)

    async def quiet(self, seconds: float) -> list[Message]:
        """What comes in the next `seconds`."""
        came: list[Message] = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    came.append(await self.receive())
        except TimeoutError:
            return came

    async def closed(self, timeout: float = PATIENCE) -> Closed:
        """Receive until the server ends the connection."""
        async with asyncio.timeout(timeout):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed as error:
                return Closed(error.rcvd.code, error.rcvd.reason) if error.rcvd else Closed(1006, "")


async def both_act(anna: Talk, ben: Talk, songs: int) -> None:
    """One adds songs while the other votes for them; all is answered, and both see it."""
    for number in range(songs):
        await anna.ask("add", song=song(f"s{number}"))
        await ben.ask("vote", song_id=f"s{number // 2}", value=1)
    await anna.until(lambda: not anna.unanswered)
    await ben.until(lambda: not ben.unanswered)
    done = await ben.do("rename", name="Ben")
    await anna.until(lambda: anna.model.seq >= done["seq"])
    assert len(anna.queue) == songs


async def fresh_view(server: Server, code: str, token: str) -> dict[str, Any]:
    """What a member who comes anew is shown."""
    async with Talk(server, code, token=token) as talk:
        return talk.model.view()
