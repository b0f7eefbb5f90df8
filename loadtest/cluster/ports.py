"""Free ports of loopback, and the question whether somebody answers there."""

from __future__ import annotations

import http.client
import random
import socket
import time
from collections.abc import Callable
from typing import Final, TypeAlias

Question: TypeAlias = Callable[[], bool]

#: Below the range from which Linux takes the ports of outgoing connections (32768 on): a node that is down for a moment
#: must find its own port free when it comes back.
_RANGE: Final = range(20_000, 32_000)
#: How often we ask (s). A process from outside cannot be awaited, only asked.
_ASK_EVERY: Final = 0.05


def free(count: int) -> list[int]:
    """So many different TCP ports that nobody listens on now. Raises `OSError` when there are none."""
    found: list[int] = []
    for port in random.sample(_RANGE, len(_RANGE)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError("there are not enough free ports")


def wait(ready: Question, patience: float, alive: Question) -> bool:
    """Ask until `ready`; False after `patience` s, or when whom we ask is not `alive` any more."""
    until = time.monotonic() + patience
    while not ready():
        if time.monotonic() > until or not alive():
            return False
        time.sleep(_ASK_EVERY)
    return True


def http_status(port: int, path: str) -> int:
    """The status of a GET, 0 when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def redis_answers(port: int) -> bool:
    """Whether Redis is there and has read its data."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
