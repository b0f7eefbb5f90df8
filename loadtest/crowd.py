"""Many clients at once: connecting them at a bounded pace, waiting until they have seen what they must."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from urllib.parse import urlsplit

from .frames import BadServer, Socket
from .phone import JOIN_TIMEOUT, Phone
from .progress import Progress
from .views import Version

#: Handshakes at once: a crowd arrives, but not in one packet.
ABREAST: Final = 128
#: How often a state that only others can reach is looked at (s).
_LOOK: Final = 0.01

S = TypeVar("S", bound=Socket)


def allow_sockets() -> None:
    """Allow as many open files as the system lets us. A listener is one here and one in the server."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def connect(url: str, make: Callable[[str], S]) -> S:
    """Open one connection to `ws://host:port/…`; `make` gets the host. Raises `OSError`."""
    parts = urlsplit(url)
    _, made = await asyncio.get_running_loop().create_connection(
        lambda: make(parts.netloc), parts.hostname or "", parts.port or 80
    )
    return made


async def gather_crowd(
    count: int, join: Callable[[int], Awaitable[S]], progress: Progress, what: str, abreast: int = ABREAST
) -> list[S]:
    """`count` clients, `abreast` of them arriving at any time. Raises the first failure."""
    joined: list[S | None] = [None] * count
    numbers = iter(range(count))
    done = 0

    async def usher() -> None:
        nonlocal done
        for number in numbers:
            joined[number] = await join(number)
            done += 1
            progress.show(what, done, count)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(abreast, count)):
            group.create_task(usher())
    return [one for one in joined if one is not None]


async def enter(url: str, make: Callable[[str], Phone]) -> Phone:
    """Connect a phone and wait until it has the room. Raises `BadServer` or `OSError`."""
    phone = await connect(url, make)
    try:
        async with asyncio.timeout(JOIN_TIMEOUT):
            await phone.joined
    except TimeoutError:
        raise BadServer(f"no state within {JOIN_TIMEOUT:g} s") from None
    return phone


async def until(reached: Callable[[], bool], patience: float) -> bool:
    """Whether it was reached within `patience` s."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while not reached():
        if loop.time() > end:
            return False
        await asyncio.sleep(_LOOK)
    return True


def all_at(phones: list[Phone], seq: int) -> bool:
    """Whether all of them have seen version `seq`."""
    return all(isinstance(p.version, Version) and p.version.seq >= seq for p in phones)
