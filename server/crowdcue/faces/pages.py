"""The web pages: serves what `web/` builds, with the cookie that makes a browser a member."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from crowdcue.faces.auth import COOKIE, COOKIE_AGE, BadToken, cookie_token
from crowdcue.faces.coding import Assets, compressed
from crowdcue.faces.context import Context
from crowdcue.live.registry import normal_code

#: No script or style but our own files, nothing from elsewhere but music that guests may link to.
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "media-src 'self' http: https:; connect-src 'self' ws: wss:; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
_NOT_BUILT: Final = (
    "<!doctype html><title>Crowdcue</title><p>The pages are not built yet: run <code>make party</code>."
)
_BASE: Final = re.compile(r'<base href="[^"]*"\s*/?>')


def find_pages() -> Path | None:
    """The folder of built pages: in an installed package, or in a checkout after `npm run build`."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "web", package.parent.parent / "web" / "dist"):
        if (folder / "index.html").is_file():
            return folder
    return None


def routes(context: Context) -> list[BaseRoute]:
    """Landing, phone and stage, and the files they load."""
    folder = find_pages()
    pages: dict[str, str] = {}

    def page(name: str) -> str:
        if folder is None:
            return _NOT_BUILT
        if name not in pages:
            html = (folder / name).read_text(encoding="utf-8")
            pages[name] = _BASE.sub(f'<base href="{context.root_path}/">', html, count=1)
        return pages[name]

    def with_member(request: Request, response: Response) -> Response:
        """Give the browser a member if it has none, or one that this party did not sign."""
        token = cookie_token(request.headers)
        try:
            if token is None:
                raise BadToken
            context.identity.member(token)
        except BadToken:
            response.set_cookie(
                COOKIE,
                context.identity.issue_nameless(),
                max_age=COOKIE_AGE,
                path=context.root_path or "/",
                secure=request.url.scheme == "https",
                httponly=True,
                samesite="lax",
            )
        return response

    def html(request: Request, text: str, status: int = 200) -> Response:
        return compressed(request, HTMLResponse(text, status, headers=_HEADERS))

    async def landing(request: Request) -> Response:
        return with_member(request, html(request, page("index.html")))

    async def room(request: Request) -> Response:
        name = "stage.html" if request.url.path.endswith("/stage") else "room.html"
        status = 200 if normal_code(request.path_params["code"]) else 404
        return with_member(request, html(request, page(name), status))

    found: list[BaseRoute] = [
        Route("/", landing),
        Route("/r/{code}", room),
        Route("/r/{code}/stage", room),
    ]
    if folder is not None:
        found.append(Mount("/assets", Assets(directory=folder / "assets", check_dir=False)))
        for extra in sorted(folder.iterdir()):
            if extra.is_file() and extra.suffix in {".svg", ".png", ".ico", ".webmanifest", ".txt", ".js"}:
                found.append(Route(f"/{extra.name}", _file(extra)))
    return found


def _file(path: Path) -> Callable[[Request], Awaitable[Response]]:
    async def one(_: Request) -> Response:
        # A service worker decides what installed pages load: it must never be an old one.
        kept = "no-cache" if path.suffix == ".js" else "public, max-age=3600"
        return FileResponse(path, headers={"Cache-Control": kept})

    return one
