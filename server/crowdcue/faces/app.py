"""The ASGI application: all HTTP and WebSocket faces on one context, under the sub-path if there is one."""

from __future__ import annotations

import logging

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from crowdcue.faces import docs, media, metrics, pages, rest, websocket
from crowdcue.faces.context import Context

log = logging.getLogger(__name__)


class SubPath:
    """Serves the applications for HTTP and WebSockets below a sub-path, whether or not the proxy has stripped it."""

    def __init__(self, http: ASGIApp, websockets: ASGIApp, root_path: str) -> None:
        self._http = http
        self._websockets = websockets
        self._root = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the sub-path where Starlette expects it: in `root_path` and in front of `path`."""
        if scope["type"] in ("http", "websocket") and self._root:
            path: str = scope["path"]
            if not (path == self._root or path.startswith(self._root + "/")):
                path = self._root + path
            scope = {**scope, "root_path": self._root, "path": path}
        await (self._websockets if scope["type"] == "websocket" else self._http)(scope, receive, send)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "bad_request"}.get(error.status_code, "bad_request")
    return JSONResponse({"code": code, "message": error.detail}, error.status_code, error.headers)


async def _bug(_: Request, __: Exception) -> Response:
    return JSONResponse({"code": "internal", "message": "Something went wrong on our side."}, 500)


def build(context: Context) -> ASGIApp:
    """The application of one node."""
    app = Starlette(
        routes=[
            *rest.routes(context),
            *media.routes(context),
            *docs.routes(context),
            *metrics.routes(context, context.metrics_token),
            *pages.routes(context),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _bug},
    )
    return SubPath(app, websocket.app(context), context.root_path)
