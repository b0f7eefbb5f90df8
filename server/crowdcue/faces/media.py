"""The music over HTTP: search, the songs' bytes in any ranges, and their pictures."""

from __future__ import annotations

import asyncio
import os
import re
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from crowdcue.faces.context import Context
from crowdcue.faces.gate import plain
from crowdcue.faces.http import Problem, body_tag, has_tag, json_response, problem, whole_parameter

#: Songs of one search.
SEARCH_DEFAULT: Final = 50
SEARCH_MOST: Final = 500
#: Nobody types more; what is longer costs time and finds nothing.
MAX_QUERY: Final = 200
#: Files under an id hardly ever change, and then their tag does too.
MEDIA_AGE: Final = "private, max-age=3600"
ARTWORK_AGE: Final = "private, max-age=86400"

#: One range of bytes: from-to, from on, or the last so many. Longer numbers are no positions in a file.
_RANGE: Final = re.compile(r"([0-9]{1,15})-([0-9]{0,15})|-[0-9]{1,15}")


def routes(context: Context) -> list[BaseRoute]:
    """Search, media and artwork."""
    library = context.library

    async def search(request: Request) -> Response:
        query = request.query_params.get("q", "")
        if len(query) > MAX_QUERY:
            raise problem("bad_request", f"q may have {MAX_QUERY} characters at most.")
        limit = whole_parameter(request, "limit", 1, SEARCH_MOST, SEARCH_DEFAULT)
        assert limit is not None
        songs = [song.wire() for song in library.search(query, limit)]
        return json_response(orjson.dumps({"songs": songs}), headers={"Cache-Control": "no-cache"})

    def find(song_id: str) -> tuple[Path, str, os.stat_result] | None:
        found = library.file(song_id)
        if found is None:
            return None
        path, mime = found
        try:
            return path, mime, path.stat()
        except OSError:
            return None

    async def media(request: Request) -> Response:
        found = await asyncio.to_thread(
            find, request.path_params["id"]
        )  # the folder may be on a slow network
        if found is None:
            raise _unknown()
        path, mime, stat = found
        headers = {
            "ETag": f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"',
            "Cache-Control": MEDIA_AGE,
            "X-Content-Type-Options": "nosniff",
        }
        if _is_current(request, headers["ETag"], stat.st_mtime):
            return Response(status_code=304, headers=headers)
        if not _has_good_range(request):
            return _Whole(path, headers=headers, media_type=mime, stat_result=stat)
        return FileResponse(path, headers=headers, media_type=mime, stat_result=stat)

    async def artwork(request: Request) -> Response:
        found = await library.artwork(request.path_params["id"])
        if found is None:
            raise _unknown()
        picture, mime = found
        tag = body_tag(picture)
        headers = {"ETag": tag, "Cache-Control": ARTWORK_AGE, "X-Content-Type-Options": "nosniff"}
        if has_tag(request, tag):
            return Response(status_code=304, headers=headers)
        return Response(picture, headers=headers, media_type=mime)

    return [
        Route("/api/search", plain(search)),
        Route("/media/{id:path}", plain(media)),
        Route("/artwork/{id:path}", plain(artwork)),
    ]


def _unknown() -> Problem:
    return problem("no_such_song", "The library has no such song or picture.")


def _is_current(request: Request, tag: str, modified: float) -> bool:
    """Whether the caller's copy is the file as it is (RFC 9110, 13.2.2: the tag goes before the date)."""
    if "if-none-match" in request.headers:
        return has_tag(request, tag)
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return int(modified) <= parsedate_to_datetime(since).timestamp()
    except (ValueError, OverflowError):
        return False


def _has_good_range(request: Request) -> bool:
    """Whether a Range header is there in a form that we know; any other is to be ignored (RFC 9110, 14.2)."""
    unit, _, ranges = request.headers.get("range", "").partition("=")
    if unit.strip().lower() != "bytes":
        return False
    for one in ranges.split(","):
        match = _RANGE.fullmatch(one.strip())
        if match is None or (match[2] and int(match[2]) < int(match[1])):
            return False
    return True


class _Whole(FileResponse):
    """The whole file, whatever range was asked for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)
