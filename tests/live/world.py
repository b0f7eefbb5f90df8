"""A small world for the live layer: nodes over one store in memory, screens that watch, faults on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from crowdcue.live.listener import Listener, Sink
from crowdcue.live.pins import Pins
from crowdcue.live.registry import Registry
from crowdcue.live.room import LiveRoom
from crowdcue.log.contract import Entry, OnHint, Unavailable
from crowdcue.log.memory import MemoryLog, MemoryStore
from crowdcue.log.presence import MemoryPresence
from crowdcue.room import codec, view
from crowdcue.room import commands as c
from crowdcue.room.refusal import Outcome
from crowdcue.room.song import Song
from crowdcue.tasks import Tasks
from crowdcue.wire import JSON, ClientWire
from tests.support.client_model import ClientModel
from tests.support.story import song

CODE = "PARTY2"
PINS = Pins(b"a secret of these tests")


class FakeSink(Sink):
    """A way out that remembers what was written; while `stuck`, bytes pile up until `drain`."""

    def __init__(self, wire: ClientWire) -> None:
        self.wire = wire
        self.frames: list[bytes] = []
        self.messages: list[tuple[float, dict[str, Any]]] = []
        self.stuck = False
        self.waiting = 0
        self.closed: tuple[int, str] | None = None
        self.aborted = False
        self.heard = asyncio.Event()

    def prepare(self, payload: bytes, text: bool) -> bytes:
        assert text is self.wire.text
        return bytes([0x81 if text else 0x82]) + payload

    def write(self, frame: bytes) -> None:
        if self.stuck:
            self.waiting += len(frame)
        self.frames.append(frame)
        payload = frame[1:]
        message = self.wire.decode(payload.decode() if self.wire.text else payload)
        self.messages.append((asyncio.get_running_loop().time(), message))
        self.heard.set()

    def buffered(self) -> int:
        return self.waiting

    def drain(self) -> None:
        self.waiting, self.stuck = 0, False

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def abort(self) -> None:
        self.aborted = True


class Screen:
    """A client: its listener, its sink, and what it makes of the messages."""

    def __init__(self, room: LiveRoom, member: str, wire: ClientWire, *, player: bool, counts: bool) -> None:
        self.room = room
        self.sink = FakeSink(wire)
        self.listener = Listener(self.sink, wire, member, member.title(), player=player, host=counts)
        self.answers: list[Outcome] = []

    def take(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The messages so far (of one kind), and forget all of them."""
        messages = [message for _, message in self.sink.messages if kind in (None, message["t"])]
        self.sink.messages.clear()
        return messages

    def kinds(self) -> list[str]:
        """The kinds of the messages so far, in order."""
        return [message["t"] for _, message in self.sink.messages]

    def model(self) -> ClientModel:
        """What a client shows that got every message so far."""
        model = ClientModel()
        for _, message in self.sink.messages:
            model.receive(message)
        return model

    def give(self, command: c.Command) -> None:
        """Give a command over this connection."""
        self.room.submit(command, self.answers.append, self.listener)

    def leave(self) -> None:
        self.room.detach(self.listener)

    def sees_the_room(self) -> None:
        """What the client made of its messages is what a fresh state says."""
        fresh = ClientModel()
        room = self.room.room
        fresh.receive({**view.state(room), "mine": view.mine(room, self.listener.member)})
        assert self.model().view() == fresh.view()


class Songs:
    """A library of a few songs, in a fixed order."""

    def __init__(self, *ids: str) -> None:
        self.songs = {id_: song(id_, 60) for id_ in ids}
        self.avoided: list[str] = []

    def find(self, song_id: str) -> Song | None:
        return self.songs.get(song_id)

    def pick(self, avoid: list[str]) -> Song | None:
        self.avoided = avoid
        fresh = [s for id_, s in self.songs.items() if id_ not in avoid]
        return (fresh or list(self.songs.values()) or [None])[0]  # type: ignore[list-item]


class Node:
    """One node: its view of the store, its open rooms. `gate` and `carry` may be set to make faults."""

    def __init__(self, world: World, songs: Songs, **log: Any) -> None:
        self.gate: Callable[[str, str, str], Awaitable[None]] | None = None
        self.carry: Callable[[OnHint, str, Entry], None] | None = None
        self.operations: list[tuple[str, str]] = []
        self.log = MemoryLog(world.store, clock=world.clock, gate=self._gate, carry=self._carry, **log)
        self.log.shared = True
        self.tasks = Tasks()
        self.registry = Registry(self.log, world.presence, songs, self.tasks, PINS)
        self.screens: list[Screen] = []

    async def _gate(self, operation: str, room: str, moment: str) -> None:
        self.operations.append((operation, moment))
        if self.gate is not None:
            await self.gate(operation, room, moment)

    def _carry(self, on_hint: OnHint, room: str, entry: Entry) -> None:
        if self.carry is None:
            on_hint(room, entry)
        else:
            self.carry(on_hint, room, entry)

    def count(self, operation: str) -> int:
        """How often the log was asked to do this."""
        return sum(asked == operation and moment == "before" for asked, moment in self.operations)

    async def open(self, code: str = CODE) -> LiveRoom:
        return await self.registry.get(code)

    async def watch(
        self,
        member: str = "anna",
        *,
        since: tuple[int, str] | None = None,
        player: bool = False,
        counts: bool = False,
        wire: ClientWire = JSON,
        code: str = CODE,
    ) -> Screen:
        """Somebody's screen in a room of this node."""
        room = await self.open(code)
        screen = Screen(room, member, wire, player=player, counts=counts)
        await room.attach(screen.listener, since)
        self.screens.append(screen)
        return screen

    async def stop(self) -> None:
        """The node goes down in order."""
        for screen in self.screens:
            screen.leave()
        await self.registry.close()
        await self.tasks.close()
        await self.log.close()

    async def die(self) -> None:
        """The node is gone, with no last word."""
        await self.log.close()
        await self.tasks.close()


class World:
    """The store, the presence and the clock that all nodes share."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.loop = asyncio.get_running_loop()
        self.presence = MemoryPresence(self.loop.time)
        self.ahead = 1_000_000_000_000  #: log time less loop time (ms)
        self.nodes: list[Node] = []

    def clock(self) -> int:
        return int(self.loop.time() * 1000) + self.ahead

    async def node(self, *songs: str, start: bool = False, **log: Any) -> Node:
        """One more node; `start`: with its housekeeping."""
        node = Node(self, Songs(*songs), **log)
        await node.log.start()
        if start:
            node.registry.start()
        self.nodes.append(node)
        return node

    async def party(self, *songs: str, start: bool = False, **settings: Any) -> tuple[Node, LiveRoom]:
        """A node with a room, of which "host" is the host."""
        node = await self.node(*songs, start=start)
        room = await node.registry.create(settings, CODE)
        await room.do(c.Claim("host", c.NODE, None, "Host"))
        return node, room

    async def close(self) -> None:
        for node in self.nodes:
            node.gate = node.carry = None
            await node.stop()


def add(member: str, id_: str, seconds: int = 180) -> c.Add:
    return c.Add(member, 0, None, member.title(), song(id_, seconds), False)


def vote(member: str, id_: str, value: int = 1) -> c.Vote:
    return c.Vote(member, 0, None, id_, value)


def digests(*rooms: LiveRoom) -> set[str]:
    return {codec.digest(room.room) for room in rooms}


def fails(*operations: str, moment: str = "before") -> Callable[[str, str, str], Awaitable[None]]:
    """A gate that cannot be passed by these operations."""

    async def gate(operation: str, room: str, when: str) -> None:
        if operation in operations and when == moment:
            raise Unavailable("the cable is out")

    return gate
