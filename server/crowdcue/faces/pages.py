"""The web pages: serves what `web/` builds, with the cookie that makes a browser a member."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from crowdcue.faces.auth import COOKIE, COOKIE_AGE, BadToken, Member, cookie_token
from crowdcue.faces.coding import Assets, compressed
from crowdcue.faces.context import Context
from crowdcue.faces.sketch import Sketched
from crowdcue.live.registry import normal_code
from crowdcue.live.replica import Refusing
from crowdcue.log.contract import NoSuchRoom, Unavailable
from crowdcue.room.state import Room

#: No script or style but our own, nothing from elsewhere but music that guests may link to.
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self' data: blob:; font-src 'self'; "
    "media-src 'self' http: https:; connect-src 'self' ws: wss:; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
#: Over TLS a browser is asked to stay with it, for as long as a party lasts: the same name may serve plainly next week.
_STAY_SECURE: Final = "max-age=86400"
_NOT_BUILT: Final = (
    "<!doctype html><title>Crowdcue</title><p>The pages are not built yet: run <code>make party</code>."
)
#: A page waits no longer than this for the songs that it is to show at once (s).
GLANCE: Final = 0.3
_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_BASE: Final = re.compile(r'<base href="[^"]*"\s*/?>')


def find_pages() -> Path | None:
    """The folder of built pages: in an installed package, or in a checkout after `npm run build`."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "web", package.parent.parent / "web" / "dist"):
        if (folder / "index.html").is_file():
            return folder
    return None


@lru_cache
def policy_of(page: str) -> str:
    """The Content-Security-Policy of a built page: the styles that stand in it are named by their hashes."""
    hashes = [base64.b64encode(sha256(style.encode()).digest()).decode() for style in _STYLE.findall(page)]
    return CONTENT_POLICY.format(styles="".join(f" 'sha256-{known}'" for known in hashes))


def known_member(context: Context, request: Request) -> Member | None:
    """Who the browser's cookie stands for; None when it has none, or one that this party did not sign."""
    token = cookie_token(request.headers)
    try:
        return None if token is None else context.identity.member(token)
    except BadToken:
        return None


async def glance(context: Context, code: str, member: Member | None) -> Room | None:
    """The room as it stands on this node, to be read at once; None: it has a PIN, they were sent away, or no answer."""
    if context.draining:
        return None
    try:
        async with asyncio.timeout(GLANCE):
            live = await context.registry.get(code)
    except (NoSuchRoom, Unavailable, Refusing, TimeoutError):
        return None  # the page comes all the same, and its socket is told what is the matter
    if live.room.pin:
        return None  # who has shown it sees the songs a moment later
    known = None if member is None else live.room.members.get(member.id)
    return None if known is not None and known.banned else live.room


def routes(context: Context) -> list[BaseRoute]:
    """Landing, phone and stage, and the files they load."""
    folder = find_pages()
    pages: dict[str, Sketched] = {}

    def page(name: str) -> Sketched:
        if name not in pages:
            html = _NOT_BUILT if folder is None else (folder / name).read_text(encoding="utf-8")
            pages[name] = Sketched.of(_BASE.sub(f'<base href="{context.root_path}/">', html, count=1))
        return pages[name]

    def answer(
        request: Request, member: Member | None, page: Sketched, room: Room | None = None, status: int = 200
    ) -> Response:
        """The page, with a sketch of the room if there is one; who is nobody yet becomes a member by it."""
        html = page.plain if room is None else page.of_room(room)
        headers = {**_HEADERS, "Content-Security-Policy": policy_of(page.plain)}
        response = compressed(request, HTMLResponse(html, status, headers=headers))
        if member is None:
            response.set_cookie(
                COOKIE,
                context.identity.issue_nameless(),
                max_age=COOKIE_AGE,
                path=context.root_path or "/",
                secure=request.url.scheme == "https",
                httponly=True,
                samesite="lax",
            )
        if request.url.scheme == "https":
            response.headers["Strict-Transport-Security"] = _STAY_SECURE
        return response

    async def landing(request: Request) -> Response:
        return answer(request, known_member(context, request), page("index.html"))

    async def phone(request: Request) -> Response:
        member, code = known_member(context, request), normal_code(request.path_params["code"])
        if code is None:
            return answer(request, member, page("room.html"), status=404)
        return answer(request, member, page("room.html"), await glance(context, code, member))

    async def stage(request: Request) -> Response:
        status = 200 if normal_code(request.path_params["code"]) else 404
        return answer(request, known_member(context, request), page("stage.html"), status=status)

    found: list[BaseRoute] = [
        Route("/", landing),
        Route("/r/{code}", phone),
        Route("/r/{code}/stage", stage),
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
