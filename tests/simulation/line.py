"""One connection: the real session and listener on the node's side of it, a phone on the other."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from crowdcue.live import listener
from crowdcue.live.listener import Listener, Sink
from crowdcue.live.replica import Refusing
from crowdcue.live.room import LiveRoom
from crowdcue.log.contract import NoSuchRoom, Unavailable
from crowdcue.room.commands import NODE, PLAYER, Claim
from crowdcue.room.ops import Actor
from crowdcue.room.refusal import Outcome, Refused
from crowdcue.session import REMOVED, Close, Effect, Join, Send, Session, Submit
from crowdcue.wire import JSON, MSGPACK, ClientWire

if TYPE_CHECKING:
    from tests.simulation.node import Node
    from tests.simulation.phone import Phone

WIRES: dict[str, ClientWire] = {"json": JSON, "msgpack": MSGPACK}


class Line(Sink):
    """A connection of a phone to a node, and the sink that the node writes to.

    `asleep`: the phone reads nothing, so bytes pile up. `cut`: the phone is gone; what is written goes nowhere.
    """

    def __init__(self, phone: Phone, node: Node) -> None:
        self.phone, self.node = phone, node
        self.wire = WIRES[phone.person.codec]
        self.session = Session(self.wire)
        self.listener: Listener | None = None
        self.asleep = False
        self.cut = False
        self.unread: deque[bytes] = deque()
        self.asked: Counter[str] = Counter()  # answers owed, by the command's id
        self._unread_bytes = 0
        self._inbox: deque[str | bytes] | None = deque()  # until the client is let in
        self._room: LiveRoom | None = None
        self._loop = phone.party.loop
        node.lines[self] = None
        node.tasks.spawn(self._open(), f"line of {phone.person.name}")

    # The phone's end

    def says(self, message: dict[str, Any]) -> None:
        """A message from the phone."""
        if message["t"] == "do":
            self.asked[message["id"]] += 1
        encoded = self.wire.encode(message)
        frame: str | bytes = encoded.decode() if self.wire.text else encoded
        if self._inbox is not None:
            self._inbox.append(frame)
        else:
            self._take(frame)

    def hang_up(self) -> None:
        """The phone is gone; the node notices at once, unless it is still letting the phone in."""
        if not self.cut:
            self.cut = True
            self._let_go()

    def _let_go(self) -> None:
        self.node.lines.pop(self, None)
        if self.listener is not None and self._room is not None:
            self._room.detach(self.listener)

    def wake(self) -> None:
        """The phone reads again."""
        self.asleep = False
        while self.unread and not self.cut and not self.asleep:
            frame = self.unread.popleft()
            self._unread_bytes -= len(frame)
            self.phone.hears(self, frame)

    # The sink

    def prepare(self, payload: bytes, text: bool) -> bytes:
        assert text is self.wire.text
        return payload

    def write(self, frame: bytes) -> None:
        if self.cut:
            return
        if self.asleep:
            self._pile_up(frame)
        else:
            self.phone.hears(self, frame)

    def _pile_up(self, frame: bytes) -> None:
        message = self.wire.decode(frame.decode() if self.wire.text else frame)
        state = self.listener.allowance if self.listener is not None else 0  # the last state's size
        if message["t"] == "patch" and self._unread_bytes > listener.PATCH_LIMIT + state:
            phone = self.phone
            phone.party.broken(
                f"{phone.person.name} sleeps on {self._unread_bytes} bytes and gets a patch more"
            )
        self.unread.append(frame)
        self._unread_bytes += len(frame)

    def buffered(self) -> int:
        return self._unread_bytes

    def close(self, code: int, reason: str) -> None:
        if not self.cut:
            self.cut = True
            self._loop.call_soon(self._closed, code)  # as a transport does: never within the write

    def _closed(self, code: int) -> None:
        self._let_go()
        self.phone.lost(self, code)

    def abort(self) -> None:
        if not self.cut:
            self.phone.party.counts["too slow"] += 1
            self.close(1006, "")

    def broken(self) -> None:
        """The node died."""
        if not self.cut:
            self.cut = True
            self.node.lines.pop(self, None)
            self.phone.lost(self, 1006)

    # The node's end: what the WebSocket face does

    async def _open(self) -> None:
        try:
            self._room = await self.node.room()
        except NoSuchRoom:
            self.close(4404, "there is no such party")
            return
        except (Unavailable, Refusing):
            self.close(4503, "2")
            return
        assert self._inbox is not None
        while self._inbox and not self.cut:
            effect = self.session.receive(self._inbox.popleft(), self._loop.time(), self._room.now)
            if isinstance(effect, Join):
                await self._join(effect)
            else:
                self._do(effect)
        self._inbox = None

    async def _join(self, join: Join) -> None:
        room, person = self._room, self.phone.person
        assert room is not None
        known = room.room.members.get(person.name)
        name = (known.name if known is not None else "") or join.name or person.name
        if person.host and not (known is not None and known.host):
            outcome = await room.do(Claim(person.name, NODE, None, name))
            if isinstance(outcome, Refused):
                self.close(4429, outcome.message)
                return
        actor = Actor(person.name, name, PLAYER if join.player else 0)
        known = room.room.members.get(person.name)
        if known is not None and known.banned:
            self.close(REMOVED, "a host sent you away")
            return
        host = known is not None and known.host
        entered = Listener(self, self.wire, person.name, name, player=join.player, host=host)
        self.session.joined(actor, room)
        you = {"id": actor.member, "name": name, "role": "host" if host else "guest"}
        entered.push(self.wire.encode({"t": "welcome", "you": you, "token": "", "now": room.now()}))
        try:
            await room.attach(entered, join.since)
        except Unavailable:
            self.close(4503, "2")
            return
        self.listener = entered
        if self.cut:
            room.detach(entered)

    def _take(self, frame: str | bytes) -> None:
        assert self._room is not None
        if not self.cut:
            self._do(self.session.receive(frame, self._loop.time(), self._room.now))

    def _do(self, effect: Effect) -> None:
        room, entered, session = self._room, self.listener, self.session
        if isinstance(effect, Close):
            self.close(effect.code, effect.reason)
            return
        assert room is not None and entered is not None
        if isinstance(effect, Send):
            entered.push(effect.frame)
        elif isinstance(effect, Submit):
            id_ = effect.id

            def answered(outcome: Outcome) -> None:
                entered.push(session.answer(id_, outcome))

            room.submit(effect.command, answered, entered)
        else:
            raise AssertionError("a second hello")
