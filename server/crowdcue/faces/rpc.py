"""The gRPC face: `queue.QueueService` on a port of its own, with health service and reflection."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NoReturn, TypeAlias
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from crowdcue.faces import queue_pb2 as pb
from crowdcue.faces.auth import BadToken, ClaimFailed, Member
from crowdcue.faces.context import Context
from crowdcue.faces.door import NotLetIn
from crowdcue.faces.rpc_wire import RPC
from crowdcue.limits import Buckets
from crowdcue.live.listener import Listener, Sink
from crowdcue.live.meters import meters
from crowdcue.live.registry import MAIN, normal_code
from crowdcue.live.replica import Refusing
from crowdcue.live.room import LiveRoom
from crowdcue.log.contract import NoSuchRoom, Unavailable
from crowdcue.room import commands as c
from crowdcue.room import forms, ops
from crowdcue.room.ops import Actor
from crowdcue.room.refusal import CODES, Code, Refused
from crowdcue.room.song import SONG_ID, Song, parse_song
from crowdcue.room.state import Item, Playing
from crowdcue.session import BURST, RATE

log = logging.getLogger(__name__)

SERVICE: Final = "queue.QueueService"
#: Plays that GetHistory answers: as many as its one message may hold.
HISTORY: Final = 1_000
#: Requests at once, streams included; beyond it new ones wait in the client.
MAX_REQUESTS: Final = 10_000
MAX_MESSAGE: Final = 64 * 1024
#: Calls under way when the server stops have so long to end (s).
GRACE: Final = 1.0

STATUS: Final[dict[Code, grpc.StatusCode]] = {
    "bad_request": grpc.StatusCode.INVALID_ARGUMENT,
    "unauthorised": grpc.StatusCode.UNAUTHENTICATED,
    "forbidden": grpc.StatusCode.PERMISSION_DENIED,
    "pin_needed": grpc.StatusCode.PERMISSION_DENIED,
    "bad_pin": grpc.StatusCode.PERMISSION_DENIED,
    "no_such_room": grpc.StatusCode.NOT_FOUND,
    "no_such_song": grpc.StatusCode.NOT_FOUND,
    "queue_empty": grpc.StatusCode.FAILED_PRECONDITION,
    "queue_full": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "too_many": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "too_large": grpc.StatusCode.INVALID_ARGUMENT,
    "stale": grpc.StatusCode.FAILED_PRECONDITION,
    "not_now": grpc.StatusCode.FAILED_PRECONDITION,
    "unavailable": grpc.StatusCode.UNAVAILABLE,
    "internal": grpc.StatusCode.INTERNAL,
}
assert STATUS.keys() == CODES.keys()

Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


MALFORMED: Final = Refused("bad_request", "This is not a message of this call.")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class _Refusal(Exception):
    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message)
        self.refused = refused


class QueueService:
    """The service's methods; each takes the request message and the call."""

    def __init__(self, context: Context, trusted: list[Network]) -> None:
        self._context = context
        self._trusted = trusted
        self._writes = Buckets(BURST, RATE)

    # Reads

    async def get_queue(self, _: pb.Empty, call: Call) -> pb.QueueList:
        room = await self._reader(call)
        return pb.QueueList(queue=queue(room))

    async def get_metadata(self, request: pb.TrackId, call: Call) -> pb.Track:
        room = await self._reader(call)
        state, song_id = room.room, request.id
        item = state.items.get(song_id)
        if item is not None:
            return track(item)
        if state.playing is not None and state.playing.song.id == song_id:
            return track(state.playing)
        for play in reversed(state.history):
            if play.song.id == song_id:
                return song_track(play.song, play.up - play.down)
        known = room.find_song(song_id)
        return song_track(known, 0) if known is not None else pb.Track()

    async def get_history(self, _: pb.Empty, call: Call) -> pb.QueueList:
        room = await self._reader(call)
        playing = room.room.playing
        plays = await room.history(playing.play if playing is not None else None, HISTORY)
        tracks = [song_track(play.song, play.up - play.down) for play in reversed(plays)]
        if playing is not None:
            tracks.append(track(playing))
        return pb.QueueList(queue=tracks)

    # Writes

    async def add_track(self, request: pb.Track, call: Call) -> pb.QueueResponse:
        fields = {
            "id": request.id,
            "title": request.title,
            "artist": request.artist,
            "duration": request.duration,
        }
        song = checked(lambda: parse_song(fields, "track"))
        room, actor, key = await self._writer(call)
        await do(room, ops.add_song(actor, key, song, room))
        return pb.QueueResponse(message="Track added", queue=queue(room))

    async def remove_track(self, request: pb.TrackId, call: Call) -> pb.QueueResponse:
        song_id = checked(lambda: SONG_ID.check(request.id, "id"))
        room, actor, key = await self._writer(call)
        outcome = await room.do(c.Remove(actor.member, actor.rights, key, song_id))
        if isinstance(outcome, Refused) and outcome.code != "no_such_song":
            raise _Refusal(outcome)
        message = "Track removed" if not isinstance(outcome, Refused) else "No such track"
        return pb.QueueResponse(message=message, queue=queue(room))

    async def vote_track(self, request: pb.VoteRequest, call: Call) -> pb.QueueResponse:
        song_id = checked(lambda: SONG_ID.check(request.id, "id"))
        room, actor, key = await self._writer(call)
        await do(room, c.Step(actor.member, actor.rights, key, song_id, 1 if request.up else -1))
        return pb.QueueResponse(message="Vote counted", queue=queue(room))

    async def play_next(self, _: pb.Empty, call: Call) -> pb.Track:
        room, actor, key = await self._writer(call)
        outcome = await room.do(c.PlayNext(actor.member, actor.rights, key, c.ANY_PLAY, room.attached))
        if isinstance(outcome, Refused):
            if outcome.code == "queue_empty":
                return pb.Track()
            raise _Refusal(outcome)
        started: Any = (outcome.result or {}).get("playing")
        return song_track(parse_song(started["song"]), started["score"]) if started else pb.Track()

    async def watch(self, _: pb.Empty, call: Call) -> AsyncIterator[bytes]:
        room, actor, _key = await self._writer(call)
        host = self._context.identity.is_host(room, actor)
        sink = StreamSink()
        listener = Listener(sink, RPC, actor.member, actor.name, player=False, host=host)
        await room.attach(listener, None)
        try:
            while (frame := await sink.next()) is not None:
                yield frame
        finally:
            room.detach(listener)

    # Who and where

    async def _room(self, call: Call) -> LiveRoom:
        found = metadata(call)
        if "authorization" in found:
            self._known_member(found)  # a forged token is refused on reads too
        code = normal_code(found.get("room", MAIN))
        if code is None:
            raise NoSuchRoom("there is no such party")
        return await self._context.registry.get(code)

    async def _reader(self, call: Call) -> LiveRoom:
        """The room, no older than this call, for a caller who may look into it."""
        room = await self._room(call)
        state = await room.fresh()
        if state.pin:
            found, identity = metadata(call), self._context.identity
            host_token = _host_token(found)
            if host_token and not identity.is_host_token(host_token, room.code, state.host_generation):
                raise BadToken
            member = self._known_member(found).id if "authorization" in found else None
            await self._pass_door(
                room, member, found, call, host=bool(host_token) or identity.everybody_hosts
            )
        return room

    async def _pass_door(
        self, room: LiveRoom, member: str | None, found: dict[str, str], call: Call, *, host: bool
    ) -> None:
        pin, address = found.get("x-crowdcue-pin"), self._address(found, call)
        await self._context.door.enter(room, member, pin, address, host=host)

    async def _writer(self, call: Call) -> tuple[LiveRoom, Actor, str | None]:
        """The room, who asks, and their name for the command."""
        found = metadata(call)
        key = found.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= ops.MAX_COMMAND_ID:
            raise _Refusal(Refused("bad_request", "idempotency-key must have 1 to 64 characters"))
        room = await self._room(call)
        member = await self._member(found, call)
        identity = self._context.identity
        actor = await identity.actor(room, member, _host_token(found))
        await self._pass_door(room, actor.member, found, call, host=identity.is_host(room, actor))
        wait = 0.0 if self._context.open_party else self._writes.take(actor.member, time.monotonic())
        if wait:
            raise _Refusal(Refused("too_many", "That was too fast; wait a moment.", math.ceil(wait)))
        return room, actor, key

    async def _member(self, found: dict[str, str], call: Call) -> Member:
        identity = self._context.identity
        if "authorization" in found:
            return self._known_member(found)
        if self._context.open_party:
            return identity.anonymous(self._address(found, call))
        member = identity.issue()
        await call.send_initial_metadata((("x-crowdcue-token", member.token or ""),))
        return member

    def _known_member(self, found: dict[str, str]) -> Member:
        scheme, _, token = found["authorization"].partition(" ")
        if scheme.lower() != "bearer":
            raise BadToken
        return self._context.identity.member(token.strip())

    def _address(self, found: dict[str, str], call: Call) -> str:
        # "ipv4:127.0.0.1:4242", "ipv6:%5B::1%5D:4242", "unix:…"
        kind, _, rest = unquote(call.peer()).partition(":")
        address = rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else "local"
        forwarded = found.get("x-forwarded-for")
        if forwarded and self._is_trusted(address):
            return forwarded.rpartition(",")[2].strip()
        return address

    def _is_trusted(self, address: str) -> bool:
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self._trusted)


class StreamSink(Sink):
    """The way out to one `Watch` stream: what waits for the client to take it, counted."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._bytes = 0

    def prepare(self, payload: bytes, text: bool) -> bytes:  # noqa: ARG002
        """gRPC frames messages itself."""
        return payload

    def write(self, frame: bytes) -> None:
        """Queue an Update; messages that have no place in the stream are empty and left out."""
        if frame:
            self._bytes += len(frame)
            self._frames.put_nowait(frame)

    def buffered(self) -> int:
        """Bytes not taken by gRPC yet."""
        return self._bytes

    def close(self, code: int, reason: str) -> None:  # noqa: ARG002
        """End the stream after what is queued."""
        self._frames.put_nowait(None)

    def abort(self) -> None:
        """End the stream at once."""
        while not self._frames.empty():
            self._frames.get_nowait()
        self._bytes = 0
        self._frames.put_nowait(None)

    async def next(self) -> bytes | None:
        """The next Update, None at the end."""
        frame = await self._frames.get()
        self._bytes -= len(frame or b"")
        return frame


# Messages


def queue(room: LiveRoom) -> list[pb.Track]:
    """The queue in play order."""
    return [track(item) for item in room.room.ordered()]


def track(item: Item | Playing) -> pb.Track:
    """A queued or playing song."""
    return song_track(item.song, item.up - item.down)


def song_track(song: Song, votes: int) -> pb.Track:
    """A song as a Track: whole seconds, at least one."""
    duration = max(round(song.duration / 1000), 1)
    return pb.Track(id=song.id, title=song.title, artist=song.artist, votes=votes, duration=duration)


# Plumbing


def metadata(call: Call) -> dict[str, str]:
    """The call's text metadata; of a key given twice, the last."""
    return {str(key): value for key, value in call.invocation_metadata() or () if isinstance(value, str)}


def _host_token(found: dict[str, str]) -> str | None:
    # HTTP/2 proxies refuse a `host` beside the request's own authority: behind them it has another name.
    return found.get("host") or found.get("x-crowdcue-host")


def checked(parse: Callable[[], Any]) -> Any:
    """What `parse` answers; a bad form is a refusal."""
    try:
        return parse()
    except forms.BadForm as error:
        raise _Refusal(Refused("bad_request", str(error))) from error


async def do(room: LiveRoom, command: c.Command) -> None:
    """Submit a command; a refusal is raised."""
    outcome = await room.do(command)
    if isinstance(outcome, Refused):
        raise _Refusal(outcome)


async def fail(call: Call, error: Exception) -> NoReturn:
    """End the call with the status and the stable code of what went wrong."""
    if isinstance(error, _Refusal | ClaimFailed | NotLetIn):
        refused = error.refused
    elif isinstance(error, BadToken):
        refused = Refused("unauthorised", "This token is not of this party.")
    elif isinstance(error, NoSuchRoom):
        refused = Refused("no_such_room", "There is no such party.")
    elif isinstance(error, Unavailable | Refusing):
        refused = Refused("unavailable", "This cannot be answered now; repeat the call.", 1)
    else:
        log.error("a gRPC call failed", exc_info=error)
        refused = Refused("internal", "Something went wrong on our side.")
    meters.refusals["grpc", refused.code] += 1
    trailing = [("code", str(refused.code))]
    if refused.retry_after is not None:
        trailing.append(("retry-after", str(refused.retry_after)))
    await call.abort(STATUS[refused.code], refused.message, tuple(trailing))
    raise AssertionError("abort raises")


def _unary(method: Callable[[Any, Call], Any], request: Any) -> grpc.RpcMethodHandler:
    async def handle(message: Any, call: Call) -> Any:
        try:
            if message is None:
                raise _Refusal(MALFORMED)
            return await method(message, call)
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await fail(call, error)

    return grpc.unary_unary_rpc_method_handler(
        handle, request_deserializer=_parser(request), response_serializer=lambda m: m.SerializeToString()
    )


def _parser(request: Any) -> Callable[[bytes], Any]:
    """Parses a request message; None for bytes that are none, so that the handler can say so with a stable code."""

    def parse(data: bytes) -> Any:
        try:
            return request.FromString(data)
        except DecodeError:
            return None

    return parse


def _stream(method: Callable[[Any, Call], AsyncIterator[bytes]], request: Any) -> grpc.RpcMethodHandler:
    async def handle(message: Any, call: Call) -> AsyncIterator[bytes]:
        try:
            if message is None:
                raise _Refusal(MALFORMED)
            async for frame in method(message, call):
                yield frame
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await fail(call, error)

    return grpc.unary_stream_rpc_method_handler(handle, request_deserializer=_parser(request))


class RpcServer:
    """A running gRPC server; `port` is the one it got."""

    def __init__(self, server: grpc.aio.Server, healthy: health.aio.HealthServicer, port: int) -> None:
        self.port = port
        self._server = server
        self._healthy = healthy

    async def drain(self) -> None:
        """Tell health checks that new clients should go elsewhere."""
        await self._healthy.enter_graceful_shutdown()

    async def stop(self) -> None:
        """Take no new calls, and end those that last longer than a moment."""
        await self._server.stop(grace=GRACE)


async def serve(context: Context, address: str, trusted: list[Network]) -> RpcServer:
    """Start the gRPC server on `host:port`. Raises `RuntimeError`.

    Proxies in the networks `trusted` are believed when they say for whom they ask.
    """
    service = QueueService(context, trusted)
    server = grpc.aio.server(
        maximum_concurrent_rpcs=MAX_REQUESTS,
        options=[("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.so_reuseport", 0)],
    )
    handlers = {
        "AddTrack": _unary(service.add_track, pb.Track),
        "RemoveTrack": _unary(service.remove_track, pb.TrackId),
        "VoteTrack": _unary(service.vote_track, pb.VoteRequest),
        "GetQueue": _unary(service.get_queue, pb.Empty),
        "GetMetadata": _unary(service.get_metadata, pb.TrackId),
        "PlayNext": _unary(service.play_next, pb.Empty),
        "GetHistory": _unary(service.get_history, pb.Empty),
        "Watch": _stream(service.watch, pb.Empty),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    healthy = health.aio.HealthServicer()
    for name in ("", SERVICE):
        await healthy.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    port = server.add_insecure_port(address)
    await server.start()
    return RpcServer(server, healthy, port)
