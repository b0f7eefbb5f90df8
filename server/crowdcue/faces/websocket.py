"""The WebSocket face `/ws/CODE`: carries out what `session.Session` decides, for one connection at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope
from starlette.types import Send as AsgiSend
from starlette.websockets import WebSocket, WebSocketDisconnect

from crowdcue.faces.auth import BadToken, ClaimFailed, Member, cookie_token, same_origin
from crowdcue.faces.context import Context
from crowdcue.faces.door import NotLetIn
from crowdcue.faces.frames import EXTENSION, FrameSink, QueueSink
from crowdcue.live.listener import Listener
from crowdcue.live.registry import normal_code
from crowdcue.live.replica import Refusing
from crowdcue.live.room import LiveRoom
from crowdcue.log.contract import NoSuchRoom, Unavailable
from crowdcue.room.refusal import Outcome
from crowdcue.session import (
    BAD_TOKEN,
    DRAINING,
    HELLO_TIMEOUT,
    LOCKED,
    NO_HELLO,
    NO_SUCH_ROOM,
    REMOVED,
    TOO_MANY,
    Close,
    Effect,
    Ignore,
    Join,
    React,
    Send,
    Session,
    Submit,
)
from crowdcue.wire import choose

log = logging.getLogger(__name__)

#: Connections of one member to one room on one node: tabs, and a few that the network has not given up yet.
MEMBER_CONNECTIONS: Final = 32
#: Connections from one address: everyone at a party shares one, so this only stops the absurd.
ADDRESS_CONNECTIONS: Final = 5_000
#: When a node cannot serve now, clients come back after so many seconds.
COME_BACK: Final = "2"


class Conversation:
    """One accepted WebSocket, from the handshake to the end."""

    def __init__(self, context: Context, websocket: WebSocket, code: str) -> None:
        self._context = context
        self._code = code
        self._websocket = websocket
        self._loop = asyncio.get_running_loop()
        self._wire, self._subprotocol = choose(websocket.scope["subprotocols"])
        self._session = Session(self._wire)
        self._room: LiveRoom | None = None
        self._listener: Listener | None = None
        self._closing = False
        self._over = False  # nothing that still comes is listened to
        self._sink: FrameSink | QueueSink | None = None

    async def run(self) -> None:
        """Accept, talk until either side ends it, clean up."""
        await self._websocket.accept(self._subprotocol)
        self._sink = self._websocket.scope.get("extensions", {}).get(EXTENSION)
        if self._sink is None:
            self._sink = QueueSink(self._websocket.send, self._context.tasks.spawn)
        self._sink.close_with = self.close_soon
        self._context.conversations.add(self)
        try:
            if await self._open_room():
                await self._talk()
        except WebSocketDisconnect:
            pass
        finally:
            self._context.conversations.discard(self)
            if self._listener is not None and self._room is not None:
                self._room.detach(self._listener)
            if isinstance(self._sink, QueueSink):
                self._sink.end()

    def close_soon(self, code: int, reason: str) -> None:
        """Have the connection closed from outside its own task."""
        self._context.tasks.spawn(self.close(code, reason))

    async def close(self, code: int, reason: str) -> None:
        """Close with a code; a second close, or one after the client left, does nothing."""
        if not self._closing:
            self._closing = True
            with contextlib.suppress(RuntimeError, OSError, WebSocketDisconnect):
                await self._websocket.close(code, reason[:120])

    async def _open_room(self) -> bool:
        if not same_origin(self._websocket.headers, self._context.public_url):
            await self.close(REMOVED, "this page is not of this party")
            return False
        if self._context.draining:
            await self.close(DRAINING, COME_BACK)
            return False
        code = normal_code(self._code)
        try:
            if code is None:
                raise NoSuchRoom
            self._room = await self._context.registry.get(code)
        except NoSuchRoom:
            await self.close(NO_SUCH_ROOM, "there is no such party")
        except (Unavailable, Refusing) as error:
            log.warning("room %(room)s cannot be served now: %(error)s", {"room": code, "error": error})
            await self.close(DRAINING, COME_BACK)
        return self._room is not None

    async def _talk(self) -> None:
        try:
            async with asyncio.timeout(HELLO_TIMEOUT):
                frame = await self._receive()
        except TimeoutError:
            await self.close(NO_HELLO, "no hello came")
            return
        while frame is not None and not self._closing:
            effect = self._decide(frame)
            if isinstance(effect, Join):
                await self._join(effect)
                if self._listener is not None and isinstance(self._sink, FrameSink):
                    self._sink.listen(self._heard)  # from here on only the end comes through ASGI
            elif not self._carry_out(effect):
                assert isinstance(effect, Close)
                await self.close(effect.code, effect.reason)
                return
            frame = await self._receive()

    def _heard(self, frame: str | bytes) -> None:
        """A message that the server hands over as it comes."""
        if self._over:
            return
        try:
            effect = self._decide(frame)
            if not self._carry_out(effect):
                assert isinstance(effect, Close)
                self._over = True
                self.close_soon(effect.code, effect.reason)
        except Exception:
            member = self._listener.member if self._listener is not None else None
            log.exception(
                "a message of %(member)s in room %(room)s could not be handled",
                {"member": member, "room": self._code[:16]},
            )
            self._over = True
            self.close_soon(1011, "internal")

    def _decide(self, frame: str | bytes) -> Effect:
        assert self._room is not None
        return self._session.receive(frame, self._loop.time(), self._room.now)

    def _carry_out(self, effect: Effect) -> bool:
        """False when the effect is the end of the conversation."""
        if isinstance(effect, Submit):
            self._submit(effect)
        elif isinstance(effect, Send):
            self._push(effect.frame)
        elif isinstance(effect, React):
            self._react(effect)
        else:
            return isinstance(effect, Ignore)
        return True

    async def _receive(self) -> str | bytes | None:
        message: Message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        frame: str | bytes = message["text"] if message.get("text") is not None else message["bytes"]
        return frame

    def _push(self, payload: bytes) -> None:
        assert self._listener is not None
        self._listener.push(payload)

    def _submit(self, effect: Submit) -> None:
        assert self._room is not None and self._listener is not None
        session, listener, id_ = self._session, self._listener, effect.id

        def answered(outcome: Outcome) -> None:
            listener.push(session.answer(id_, outcome))

        self._room.submit(effect.command, answered, listener)

    def _react(self, effect: React) -> None:
        assert self._room is not None and self._listener is not None
        self._room.react(self._listener.name, effect.emoji)

    # Joining

    async def _join(self, join: Join) -> None:
        room, identity = self._room, self._context.identity
        assert room is not None and self._sink is not None
        try:
            member = self._member(join)
            actor = await identity.actor(room, member, join.host, player=join.player)
        except BadToken as error:
            await self.close(BAD_TOKEN, str(error))
            return
        except ClaimFailed as error:
            await self.close(TOO_MANY, error.refused.message)
            return
        if not self._context.open_party and room.connections(member.id) >= MEMBER_CONNECTIONS:
            await self.close(TOO_MANY, "you are here too often")
            return
        known = room.room.members.get(member.id)
        if known is not None and known.banned:
            await self.close(REMOVED, "a host sent you away")
            return
        host = identity.is_host(room, actor)
        if not await self._pass_door(room, member, join.pin, host=host):
            return
        # From here to `attach` nothing is waited for: who was let in is let in by the PIN that `attach` finds.
        listener = Listener(self._sink, self._wire, member.id, actor.name, player=join.player, host=host)
        self._session.joined(actor, room)
        welcome: dict[str, Any] = {
            "t": "welcome",
            "you": {"id": actor.member, "name": actor.name, "role": "host" if host else "guest"},
            "token": member.token,
            "now": room.now(),
        }
        listener.push(self._wire.encode(welcome))
        try:
            await room.attach(listener, join.since)
        except Unavailable:
            await self.close(DRAINING, COME_BACK)
            return
        self._listener = listener

    async def _pass_door(self, room: LiveRoom, member: Member, pin: str | None, *, host: bool) -> bool:
        """Whether they may come in; if not, the connection is closed, with the code of the refusal as its reason."""
        client = self._websocket.client
        try:
            await self._context.door.enter(room, member.id, pin, client.host if client else "", host=host)
        except NotLetIn as error:
            refused = error.refused
            if refused.code in ("pin_needed", "bad_pin"):
                await self.close(LOCKED, refused.code)
            elif refused.code == "too_many" and refused.retry_after is not None:
                await self.close(TOO_MANY, str(refused.retry_after))
            else:
                await self.close(DRAINING, COME_BACK)
            return False
        except NoSuchRoom:
            await self.close(NO_SUCH_ROOM, "this party is over")
            return False
        except Unavailable:
            await self.close(DRAINING, COME_BACK)
            return False
        return True

    def _member(self, join: Join) -> Member:
        identity = self._context.identity
        token = join.token or cookie_token(self._websocket.headers)
        if token is None:
            return identity.issue(join.name)
        member = identity.member(token)
        if not member.name and join.name:  # a browser's cookie is issued before its owner has a name
            member = Member(member.id, join.name, member.token)
        return member


def app(context: Context) -> ASGIApp:
    """All WebSockets. Not a route of the application: its layers would cost each listener their frames for hours."""
    addresses: Counter[str] = Counter()

    async def endpoint(scope: Scope, receive: Receive, send: AsgiSend) -> None:
        websocket = WebSocket(scope, receive, send)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if not path.startswith("/ws/"):
            await websocket.close()  # before it is accepted: HTTP 403
            return
        address = websocket.client.host if websocket.client else ""
        if not context.open_party and addresses[address] >= ADDRESS_CONNECTIONS:
            await websocket.accept()
            await websocket.close(TOO_MANY, "too many connections from your network")
            return
        addresses[address] += 1
        try:
            await Conversation(context, websocket, path[4:]).run()
        finally:
            addresses[address] -= 1
            if not addresses[address]:
                del addresses[address]

    return endpoint
