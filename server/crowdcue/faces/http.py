"""What HTTP handlers share: bounded JSON bodies, answers, errors as `{"code", "message"}`, and entity tags."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from crowdcue.faces.status import HTTP
from crowdcue.live.meters import meters
from crowdcue.room.refusal import Code, Refused

#: Bodies are small maps, but for a whole queue that is replaced (bytes).
MAX_BODY: Final = 64 * 1024
MAX_SYNC_BODY: Final = 8 * 1024 * 1024
#: The rest of a refused body is read and dropped up to this length, so that the client lives to see the answer.
MAX_DISCARD: Final = 16 * 1024 * 1024
#: A body must be there by then (s): a whole queue from a slow phone takes less.
BODY_TIMEOUT: Final = 60.0
#: When a node cannot serve now, clients come back after so many seconds.
COME_BACK: Final = 1


class Problem(Exception):
    """The request ends here, with this refusal."""

    def __init__(self, refused: Refused, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(refused.message)
        self.refused = refused
        self.headers = dict(headers or {})


def problem(code: Code, message: str, retry_after: float | None = None) -> Problem:
    """A `Problem` to raise; `retry_after` in seconds, rounded up."""
    return Problem(Refused(code, message, None if retry_after is None else math.ceil(retry_after)))


def json_response(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of encoded JSON."""
    return Response(body, status, headers, media_type="application/json")


def error_response(refused: Refused, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a refusal: its status, `{"code", "message"}`, and Retry-After where it says when."""
    meters.refusals["http", refused.code] += 1
    known = dict(headers or {})
    retry_after = refused.retry_after
    if retry_after is None and refused.code in ("too_many", "unavailable"):
        retry_after = COME_BACK
    if retry_after is not None:
        known["Retry-After"] = str(retry_after)
    known["Cache-Control"] = "no-store"
    body = orjson.dumps({"code": refused.code, "message": refused.message})
    return json_response(body, HTTP[refused.code], known)


async def read_body(request: Request, most: int) -> bytes:
    """The body, at most `most` bytes of it. Raises `Problem` (`too_large`) without reading on."""
    length = request.headers.get("content-length")
    declared = int(length) if length is not None and length.isdecimal() and len(length) < 16 else None
    if declared is not None and declared > most:
        raise _too_large(most, declared)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise _too_large(most, declared)
                parts.append(part)
    except TimeoutError:
        slow = Refused("bad_request", "The body took too long to come.")
        raise Problem(slow, {"Connection": "close"}) from None
    except ClientDisconnect:
        raise problem("bad_request", "The request ended before its body did.") from None
    return b"".join(parts)


def _too_large(most: int, declared: int | None) -> Problem:
    refused = Refused("too_large", f"The body may have {most} bytes at most.")
    keep = declared is not None and declared <= MAX_DISCARD
    return Problem(refused, {} if keep else {"Connection": "close"})


def parse_json(body: bytes) -> Any:
    """The value of a JSON text, strictly: no NaN, no depth without end. Raises `Problem`."""
    try:
        return orjson.loads(body)
    except ValueError:
        raise problem("bad_request", "The body is not JSON.") from None


def whole_parameter(request: Request, name: str, least: int, most: int, default: int | None) -> int | None:
    """A whole number from the query. Raises `Problem`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdecimal() and len(text) <= 16 and least <= int(text) <= most:
        return int(text)
    raise problem("bad_request", f"{name} must be a whole number from {least} to {most}.")


def body_tag(body: bytes) -> str:
    """The (strong) entity tag of these very bytes."""
    return f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()[:16]}"'


def has_tag(request: Request, tag: str) -> bool:
    """Whether the caller holds the version of this entity tag already (If-None-Match, compared weakly)."""
    header = request.headers.get("if-none-match")
    if header is None:
        return False
    known = [one.strip().removeprefix("W/") for one in header.split(",")]
    return "*" in known or tag.removeprefix("W/") in known


def unless_known(request: Request, tag: str, body: bytes) -> Response:
    """The answer to a read: 304 without a body when the caller holds this version already."""
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if has_tag(request, tag):
        return Response(status_code=304, headers=headers)
    return json_response(body, headers=headers)
