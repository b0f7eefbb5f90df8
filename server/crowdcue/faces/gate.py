"""The steps before every REST handler: who calls, how often, which room, with which rights; and what went wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn

from starlette.requests import Request
from starlette.responses import Response

from crowdcue.faces.auth import (
    COOKIE,
    COOKIE_AGE,
    BadToken,
    ClaimFailed,
    Member,
    bearer_token,
    cookie_token,
    same_origin,
)
from crowdcue.faces.context import Context
from crowdcue.faces.door import NotLetIn
from crowdcue.faces.http import MAX_BODY, Problem, error_response, parse_json, problem, read_body
from crowdcue.limits import Buckets
from crowdcue.live.registry import normal_code
from crowdcue.live.replica import Refusing
from crowdcue.live.room import LiveRoom
from crowdcue.log.contract import NoSuchRoom, Unavailable
from crowdcue.room import forms
from crowdcue.room.ops import MAX_COMMAND_ID, Actor
from crowdcue.room.refusal import Refused
from crowdcue.room.state import Room
from crowdcue.session import BURST, RATE

log = logging.getLogger(__name__)

#: Members that one address may become at once, and then per second, by writing without a token. A party shares one
#: address, so this is far above what people do; it only stops a script from being a crowd.
NEWCOMERS_BURST: Final = 300
NEWCOMERS_RATE: Final = 10.0

_INTERNAL: Final = Refused("internal", "Something went wrong on our side.")
_NO_ROOM: Final = Refused("no_such_room", "There is no party of this code.")


class Call:
    """One request and its caller."""

    __slots__ = ("_gate", "issued", "member", "request")

    def __init__(self, gate: Gate, request: Request, member: Member, issued: bool) -> None:
        self._gate = gate
        self.request = request
        self.member = member
        self.issued = issued

    @property
    def command_id(self) -> str | None:
        """The Idempotency-Key. Raises `Problem`."""
        key = self.request.headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= MAX_COMMAND_ID:
            raise problem("bad_request", f"Idempotency-Key must have 1 to {MAX_COMMAND_ID} characters.")
        return key

    async def json(self, most: int = MAX_BODY) -> Any:
        """The value of the body, of `most` bytes. Raises `Problem`."""
        return parse_json(await read_body(self.request, most))

    async def room(self) -> LiveRoom:
        """The room that the address names. Raises `NoSuchRoom`, `Unavailable` or `Refusing`."""
        code = normal_code(self.request.path_params.get("code", "MAIN"))
        if code is None:
            raise NoSuchRoom
        return await self._gate.context.registry.get(code)

    async def look(self) -> tuple[LiveRoom, Room]:
        """The room that the address names, no older than this call, for a caller who may look into it.

        Raises what `room` raises, `BadToken` or `NotLetIn`.
        """
        live = await self.room()
        room = await live.fresh()
        if room.pin:
            await self._enter(live)
        return live, live.room

    async def _enter(self, live: LiveRoom) -> None:
        """Come in to look only: host rights count, and are not claimed for good."""
        headers, identity = self.request.headers, self._gate.context.identity
        token = headers.get("x-crowdcue-host")
        if token and not identity.is_host_token(token, live.code, live.room.host_generation):
            raise BadToken
        if self.issued and "x-crowdcue-pin" in headers:
            self._gate.newcomer(self)  # to be remembered costs an entry of the log
        await self._pass_door(live, host=bool(token) or identity.everybody_hosts)

    async def _pass_door(self, live: LiveRoom, *, host: bool) -> None:
        pin, door = self.request.headers.get("x-crowdcue-pin"), self._gate.context.door
        await door.enter(live, self.member.id, pin, address(self.request), host=host)

    async def actor(self, live: LiveRoom) -> Actor:
        """The caller in this room; a good host token makes them a host.

        Raises `BadToken`, `ClaimFailed`, `NotLetIn` or `Unavailable`.
        """
        identity = self._gate.context.identity
        host_token = self.request.headers.get("x-crowdcue-host") or None
        actor = await identity.actor(live, self.member, host_token)
        await self._pass_door(live, host=identity.is_host(live, actor))
        return actor


Handler = Callable[[Call], Awaitable[Response]]


class Gate:
    """Makes endpoints of handlers. One per node: it keeps count of who calls how often."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._writes = Buckets(BURST, RATE)
        self._newcomers = Buckets(NEWCOMERS_BURST, NEWCOMERS_RATE)

    def endpoint(self, handle: Handler, *, writes: bool = False) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a handler. Those that write are closed to other sites' pages, and have a rate."""

        async def run(request: Request) -> Response:
            call: Call | None = None
            try:
                if writes and not same_origin(request.headers, self.context.public_url):
                    raise problem("forbidden", "This page is not of this party.")
                call = self._identify(request)
                if writes:
                    self._slow_down(call)
                response = await handle(call)
            except Exception as error:
                response = answer_error(error)
            if call is not None and call.issued:
                self._hand_out(call, response)
            return response

        return run

    def _identify(self, request: Request) -> Call:
        identity, headers = self.context.identity, request.headers
        token = bearer_token(headers)
        if token is None and "cookie" in headers:
            token = cookie_token(headers)
        if token is not None:
            try:
                return Call(self, request, identity.member(token), False)
            except BadToken:
                # A browser cannot drop this cookie itself: its page may not read it.
                raise Problem(_BAD_TOKEN, self._drop_cookie(request)) from None
        if self.context.open_party:
            return Call(self, request, identity.anonymous(address(request)), False)
        return Call(self, request, identity.issue(), True)

    def _slow_down(self, call: Call) -> None:
        if self.context.open_party:
            return
        wait = self._writes.take(call.member.id, time.monotonic())
        if wait:
            self._turn_down(call, wait)
        if call.issued:
            self.newcomer(call)

    def newcomer(self, call: Call) -> None:
        """Count a new member who leaves a trace in a room. Raises `Problem` when there are too many of an address."""
        wait = self._newcomers.take(address(call.request), time.monotonic())
        if wait:
            self._turn_down(call, wait)

    @staticmethod
    def _turn_down(call: Call, wait: float) -> NoReturn:
        call.issued = False
        raise problem("too_many", "That was too fast; wait a moment.", wait)

    def _hand_out(self, call: Call, response: Response) -> None:
        token = call.member.token
        assert token is not None, "issued members have a token"
        response.headers["X-Crowdcue-Token"] = token
        response.set_cookie(
            COOKIE,
            token,
            max_age=COOKIE_AGE,
            path=self.context.root_path or "/",
            secure=call.request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )

    def _drop_cookie(self, request: Request) -> dict[str, str]:
        if bearer_token(request.headers) is not None:
            return {}
        path = self.context.root_path or "/"
        return {"Set-Cookie": f'{COOKIE}=""; Max-Age=0; Path={path}; HttpOnly; SameSite=Lax'}


_BAD_TOKEN: Final = Refused("unauthorised", "This token is not of this party.")


def address(request: Request) -> str:
    """Where the caller is, as far as trusted proxies tell."""
    return request.client.host if request.client is not None else ""


def answer_error(error: Exception) -> Response:
    """What the caller is told of an exception; one that nobody foresaw is logged."""
    if isinstance(error, Problem):
        return error_response(error.refused, error.headers)
    if isinstance(error, forms.BadForm):
        return error_response(Refused("bad_request", f"{error}."))
    if isinstance(error, NoSuchRoom):
        return error_response(_NO_ROOM)
    if isinstance(error, BadToken):
        return error_response(Refused("unauthorised", "This is not the host token of this party."))
    if isinstance(error, ClaimFailed | NotLetIn):
        return error_response(error.refused)
    if isinstance(error, Unavailable | Refusing):
        log.warning("a request cannot be served now: %s", error)
        return error_response(Refused("unavailable", "This party cannot be served right now; try again."))
    log.error("a request failed", exc_info=error)
    return error_response(_INTERNAL)


def plain(handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a handler that asks nobody who they are, and changes nothing."""

    async def run(request: Request) -> Response:
        try:
            return await handle(request)
        except Exception as error:
            return answer_error(error)

    return run
