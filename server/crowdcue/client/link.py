"""How to reach a party and when to try again: addresses, backoff, and what each close code asks of a client."""

from __future__ import annotations

import contextlib
import random
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from crowdcue.client.errors import BadMessage, BadToken, Ended, PartyOver, PinNeeded, Removed

#: First and longest pause before connecting again (s); in between it doubles.
FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 15.0

BAD_TOKEN: Final = 4401
DRAINING: Final = 4503
#: Close codes after which nobody should come back.
FINAL: Final[dict[int, type[Ended]]] = {
    4400: BadMessage,
    4403: Removed,
    4404: PartyOver,
    4423: PinNeeded,
}


def socket_url(url: str, code: str, client: str) -> str:
    """The WebSocket address of a party below the server's address (http or https, sub-path included)."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise ValueError(f"{url!r} is not an http or https address")
    path = f"{parts.path.rstrip('/')}/ws/{quote(code, safe='')}"
    return urlunsplit((scheme, parts.netloc, path, f"client={client}", ""))


def api_url(url: str, path: str, query: str = "") -> str:
    """An address of the REST face below the server's address."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}/api/{path}", query, ""))


class Backoff:
    """How long to wait before the next try: doubling, and never the same for two clients."""

    def __init__(self) -> None:
        self._pause = FIRST_PAUSE
        self._anew = False

    def worked(self) -> None:
        """The party let us in: the next trouble is a new one."""
        self._pause, self._anew = FIRST_PAUSE, False

    def after(self, code: int | None, reason: str) -> float:
        """Seconds to wait after a connection that ended with this close code (None: none came about).

        0 after the first 4401, which asks to drop the token and join anew. Raises the `Ended` that a final code means.
        """
        if code in FINAL:
            raise FINAL[code](reason)
        if code == BAD_TOKEN:
            if self._anew:
                raise BadToken(reason)
            self._anew = True
            return 0.0
        pause = random.uniform(0.5, 1.0) * self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        if code == DRAINING:
            with contextlib.suppress(ValueError):  # the reason carries seconds, if it carries anything
                pause += min(max(float(reason), 0.0), LONGEST_PAUSE)
        return pause
