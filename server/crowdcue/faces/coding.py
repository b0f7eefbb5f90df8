"""Which content coding an answer goes out in: read from Accept-Encoding, offered by what lies there compressed."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

#: The codings that the build makes of each file, the smallest first, and what their files' names end in.
SUFFIXES: Final = {"br": ".br", "gzip": ".gz"}
#: How long browsers and balancers keep a file whose name stands for its content.
FOREVER: Final = "public, max-age=31536000, immutable"
#: Shorter answers fit into a packet as they are (bytes).
WORTH_IT: Final = 1_000
#: A page is made anew for each visitor, so it is compressed with more haste than the files.
PAGE_LEVEL: Final = 6


def choose(accept: str | None, offered: Sequence[str]) -> str | None:
    """The coding of `offered` (the dearest first) that the Accept-Encoding likes best; None: as it is.

    What "as it is" (identity) is worth counts only where the header names it: then it must not be liked better.
    """
    if not accept:
        return None
    likes: dict[str, float] = {}
    for part in accept.lower().split(","):
        coding, *parameters = (piece.strip() for piece in part.split(";"))
        likes[coding.replace("x-gzip", "gzip")] = _quality(parameters)
    others = likes.get("*", 0.0)
    best, most = None, likes.get("identity", 0.0)
    for coding in offered:
        like = likes.get(coding, others)
        if like > 0 and (like > most or (best is None and like == most)):
            best, most = coding, like
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


def compressed(request: Request, response: Response) -> Response:
    """The answer, made on the spot and held whole, as small as the caller can read it."""
    response.headers.add_vary_header("Accept-Encoding")
    body = bytes(response.body)
    if len(body) >= WORTH_IT and choose(request.headers.get("accept-encoding"), ["gzip"]):
        # Without a time in it, equal answers are equal bytes.
        response.body = gzip.compress(body, PAGE_LEVEL, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


class Assets(StaticFiles):
    """Built files, compressed when they were built. Their names carry a hash of the content, so they never change."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file in the best coding that lies there; ranges and tags are those of the bytes as they are sent."""
        if path.endswith(tuple(SUFFIXES.values())):
            raise HTTPException(404)  # they are ways to send a file, and no files of their own
        offered = [coding for coding, suffix in SUFFIXES.items() if self._is_file(path + suffix)]
        coding = choose(Request(scope).headers.get("accept-encoding"), offered)
        response = await super().get_response(path + SUFFIXES.get(coding or "", ""), scope)
        response.headers["Cache-Control"] = FOREVER
        response.headers["X-Content-Type-Options"] = "nosniff"
        if offered:
            response.headers.add_vary_header("Accept-Encoding")
        if coding and response.status_code != 304:
            response.headers["Content-Encoding"] = coding
        return response

    def _is_file(self, path: str) -> bool:
        try:
            return self.lookup_path(path)[1] is not None
        except (OSError, ValueError):
            return False
