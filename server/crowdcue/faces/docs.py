"""The page at /docs and the documents it is made from: served as they are, with no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from crowdcue.faces import asyncapi, openapi
from crowdcue.faces.context import Context
from crowdcue.faces.docs_page import page
from crowdcue.faces.http import body_tag, has_tag

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STYLE: Final = Path(__file__).with_name("docs.css")


def routes(context: Context) -> list[BaseRoute]:
    """`/docs`, its style, and the documents it is made from. Each is made when it is first asked for."""
    made: dict[str, bytes] = {}
    makers: dict[str, tuple[str, Callable[[], bytes]]] = {
        "/docs": ("text/html; charset=utf-8", lambda: page(context.root_path).encode()),
        "/docs.css": ("text/css; charset=utf-8", lambda: _STYLE.read_bytes()),
        "/openapi.json": ("application/json", lambda: orjson.dumps(openapi.document(context.root_path))),
        "/asyncapi.yaml": ("application/yaml", lambda: asyncapi.text().encode()),
    }

    def route(path: str) -> Route:
        mime, make = makers[path]

        async def serve(request: Request) -> Response:
            body = made.get(path)
            if body is None:
                body = made[path] = make()
            headers = {
                "ETag": body_tag(body),
                "Cache-Control": "no-cache",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": _POLICY,
                "Referrer-Policy": "no-referrer",
                "X-Frame-Options": "DENY",
            }
            if has_tag(request, headers["ETag"]):
                return Response(status_code=304, headers=headers)
            return Response(body, headers=headers, media_type=mime)

        return Route(path, serve)

    return [route(path) for path in makers]
