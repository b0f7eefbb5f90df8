"""Rooms over REST: creating one, and what a guest needs to find it: its invitation and its QR code."""

from __future__ import annotations

import functools
import io
import time
from typing import Any, Final

import orjson
import segno
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from crowdcue.faces.context import Context
from crowdcue.faces.gate import Call, Gate, address, plain
from crowdcue.faces.http import Problem, body_tag, has_tag, json_response, problem, unless_known
from crowdcue.limits import Buckets
from crowdcue.live.registry import MAIN, normal_code
from crowdcue.live.room import LiveRoom
from crowdcue.log.contract import NoSuchRoom
from crowdcue.room import forms, settings
from crowdcue.room.commands import Lock
from crowdcue.room.refusal import Refused

#: Rooms that one member, or one address, may make at once, and then per second: nobody gives so many parties.
CREATE_BURST: Final = 100
CREATE_RATE: Final = 1 / 5

CREATE_FORM: Final = forms.Record(
    {},
    {
        "name": forms.nullable(settings.TABLE["name"][0]),
        "settings": forms.nullable(settings.SETTINGS_FORM.form),
    },
)


def room_url(context: Context, code: str) -> str:
    """Where a guest's phone finds the room; the sub-path is part of `public_url`."""
    return f"{context.public_url}/r/{code}"


@functools.lru_cache(maxsize=256)
def qr_svg(url: str) -> bytes:
    """A QR code as SVG, dark on light with its quiet zone, as large as the page makes it."""
    out = io.BytesIO()
    code = segno.make(url, error="m", micro=False)
    code.save(out, kind="svg", border=4, dark="#000", light="#fff", omitsize=True, xmldecl=False, nl=False)
    return out.getvalue()


def routes(context: Context, gate: Gate) -> list[BaseRoute]:
    """Create, delete, invite, QR code, the host's link."""
    members, addresses = Buckets(CREATE_BURST, CREATE_RATE), Buckets(CREATE_BURST, CREATE_RATE)

    def slow_down(call: Call) -> None:
        if not context.open_party:
            now = time.monotonic()
            wait = members.take(call.member.id, now) or addresses.take(address(call.request), now)
            if wait:
                raise problem("too_many", "You have made many parties; wait a moment.", wait)

    async def create(call: Call) -> Response:
        body: dict[str, Any] = CREATE_FORM.check(await call.json())
        values: dict[str, settings.Value] = dict(body.get("settings") or {})
        if body.get("name") is not None:
            values["name"] = body["name"]
        pin = str(values.pop("pin", ""))
        slow_down(call)
        live = await context.registry.create(values)
        token = context.identity.host_token(live.code, live.room.host_generation)
        actor = await context.identity.actor(live, call.member, token)  # who makes a party is its first host
        if pin:  # before anybody else is told the code
            outcome = await live.do(Lock(actor.member, actor.rights, None, {}, live.seal_pin(pin)))
            if isinstance(outcome, Refused):
                raise Problem(outcome)
        return json_response(orjson.dumps({"code": live.code, "host_token": token}))

    async def room(request: Request) -> LiveRoom:
        code = normal_code(request.path_params["code"])
        if code is None:
            raise NoSuchRoom
        return await context.registry.get(code)

    async def invite(request: Request) -> Response:
        live = await room(request)
        # Open to whoever knows the code, PIN or not: it is what is written on the invitation, and nothing inside.
        state, code = await live.fresh(), live.code
        found: dict[str, Any] = {
            "code": code,
            "name": state.settings["name"],
            "url": room_url(context, code),
            "qr": f"/api/rooms/{code}/qr.svg",
        }
        if state.pin:
            found["pin"] = True
        if context.wifi is not None:
            found["wifi"] = f"/api/rooms/{code}/wifi.svg"
        body = orjson.dumps(found)
        return unless_known(request, body_tag(body), body)

    async def qr(request: Request) -> Response:
        return picture(request, qr_svg(room_url(context, (await room(request)).code)))

    async def wifi(call: Call) -> Response:
        live = await call.room()
        if not context.identity.is_host(live, await call.actor(live)):
            raise problem("forbidden", "The network's password is for the host's screens.")
        if context.wifi is None:
            raise problem("no_such_room", "The network of this party is not told here.")
        return picture(call.request, qr_svg(context.wifi))

    def picture(request: Request, svg: bytes) -> Response:
        headers = {
            "ETag": body_tag(svg),
            "Cache-Control": "private, max-age=3600",
            "X-Content-Type-Options": "nosniff",
        }
        if has_tag(request, body_tag(svg)):
            return Response(status_code=304, headers=headers)
        return Response(svg, headers=headers, media_type="image/svg+xml")

    async def host_link(call: Call) -> Response:
        live = await call.room()
        if not context.identity.is_host(live, await call.actor(live)):
            raise problem("forbidden", "Only a host of this party may hand on its host's link.")
        token = context.identity.host_token(live.code, live.room.host_generation)
        url = room_url(context, live.code)
        return json_response(
            orjson.dumps({"url": f"{url}?host={token}", "stage": f"{url}/stage?host={token}"})
        )

    async def delete(call: Call) -> Response:
        live = await call.room()
        if not context.identity.is_host(live, await call.actor(live)):
            raise problem("forbidden", "Only a host of this party may end it.")
        if live.code == MAIN:
            raise problem("forbidden", "The house party always exists; clear it instead.")
        await context.registry.delete(live.code)
        return json_response(b'{"message":"This party is over."}')

    return [
        Route("/api/rooms/{code}", gate.endpoint(delete, writes=True), methods=["DELETE"]),
        Route("/api/rooms/{code}/host-link", gate.endpoint(host_link)),
        Route("/api/rooms", gate.endpoint(create, writes=True), methods=["POST"]),
        Route("/api/rooms/{code}/invite", plain(invite)),
        Route("/api/rooms/{code}/qr.svg", plain(qr)),
        Route("/api/rooms/{code}/wifi.svg", gate.endpoint(wifi)),
    ]
