"""Outbound webhooks: follows one party as a guest and tells another program's URL what happened, in JSON by POST.

It is a client, not a part of the nodes: one relay tells each thing once however many nodes serve the room, no guest can
make a node call an address, and a slow receiver costs the party nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Final

from crowdcue.client.party import Party
from crowdcue.client.view import Change

log = logging.getLogger(__name__)

#: The receiver's answer is waited for so long (s).
TIMEOUT: Final = 10.0
#: First and longest pause before a message is sent again (s).
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
#: Songs of the queue that a message shows, from the first.
SHOWN: Final = 20
#: Refusals that may pass; any other 4xx, or a redirection, will be the same next time.
PASSING: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go. With a `key` each is signed; at most one in `every` seconds."""

    url: str
    key: str | None = field(default=None, repr=False)
    every: float = 1.0


def message(change: Change) -> dict[str, Any] | None:
    """What is worth telling about a change; None when nothing is.

    `events` in order: `finished` (play), `started` (playing), `stopped`, `paused`, `resumed`, `removed` (song),
    `added` (song), `voted` (song with its score now). `queue` is what is next, the first 20.
    """
    before, after = change.before, change.after
    told = {play["play"] for play in before.history}
    events: list[dict[str, Any]] = [
        {"event": "finished", **play} for play in reversed(after.history) if play["play"] not in told
    ]
    if change.started is not None:
        events.append({"event": "started", **change.started})
    elif after.playing is None and before.playing is not None:
        events.append({"event": "stopped"})
    elif after.playing is not None and before.playing is not None:
        was, now = before.playing["paused_at"] is not None, after.playing["paused_at"] is not None
        if was != now:
            events.append({"event": "paused" if now else "resumed"})
    left = {change.started["song"]["id"]} if change.started is not None else set()
    events += [{"event": "removed", "song": item} for item in change.removed if item["id"] not in left]
    events += [{"event": "added", "song": item} for item in change.added]
    scores = {item["id"]: (item["up"], item["down"]) for item in before.queue}
    events += [
        {"event": "voted", "song": item}
        for item in after.queue
        if scores.get(item["id"], (item["up"], item["down"])) != (item["up"], item["down"])
    ]
    if not events:
        return None
    return {
        "id": str(uuid.uuid4()),
        "room": {"code": after.room["code"], "name": after.room["name"]},
        "version": list(after.version),
        "events": events,
        "playing": after.playing,
        "queue": list(after.queue[:SHOWN]),
    }


def signature(key: str, body: bytes) -> str:
    """The value of `X-Crowdcue-Signature`: `sha256=` and the HMAC of the body in hexadecimal digits."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


async def relay(party: Party, target: Target, post: Callable[[Target, bytes], int] | None = None) -> None:
    """Tell `target` what changes, until the party is over (`Ended`).

    What happens while a message is on its way, or sent again, is summed up in the next one: nothing piles up.
    """
    send = post or _post
    async for change in party.changes():
        told = message(change)
        if told is None:
            continue
        body, pause = json.dumps(told).encode(), FIRST_PAUSE
        while (trouble := await asyncio.to_thread(_try, send, target, body)) is not None:
            log.warning("%s: %s; once more in %.0f s", _shown(target.url), trouble, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        await asyncio.sleep(target.every)


def _try(send: Callable[[Target, bytes], int], target: Target, body: bytes) -> str | None:
    """None when it is taken, or will never be; else what was in the way."""
    try:
        status = send(target, body)
    except (OSError, HTTPException, ValueError) as error:
        return str(error) or type(error).__name__
    if 200 <= status < 300:
        return None
    if 300 <= status < 500 and status not in PASSING:
        log.error("%s refused a message with %d; it is not sent again", _shown(target.url), status)
        return None
    return f"answered {status}"


def _post(target: Target, body: bytes) -> int:
    """The answer's status. Raises `OSError`, `HTTPException` when there is none."""
    headers = {"Content-Type": "application/json", "User-Agent": "crowdcue-webhook"}
    if target.key is not None:
        headers["X-Crowdcue-Signature"] = signature(target.key, body)
    request = urllib.request.Request(target.url, body, headers, method="POST")
    try:
        with _OPENER.open(request, timeout=TIMEOUT) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code


def _shown(url: str) -> str:
    """The address without its query, which may hold a secret."""
    return url.partition("?")[0]


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET, or take the message to a stranger."""

    def redirect_request(self, *_: object) -> None:
        pass


_OPENER: Final = urllib.request.build_opener(_Stay)
