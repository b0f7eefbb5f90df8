"""`crowdcue doctor`: one line for each thing that a party needs, and whether it is there."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import resource
import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from crowdcue.faces.pages import find_pages
from crowdcue.log.contract import Unavailable
from crowdcue.log.redis import RedisLog
from crowdcue.music.folder import AUDIO_SUFFIXES
from crowdcue.node import BadSetting, Options, lan_address, open_store

#: How long each answer is waited for (s).
PATIENCE: Final = 5.0
#: Less free space than this ends a party soon, or makes one think of it (bytes).
LITTLE_SPACE: Final = 200 * 1024 * 1024
SOME_SPACE: Final = 1024 * 1024 * 1024
#: Each listener is an open file: a party of a few hundred, and what else a node opens.
FEW_FILES: Final = 1_024
#: A clock further from Redis's own confuses whoever reads logs and certificates (s).
CLOCK_APART: Final = 2.0
#: 2026-01-01: a clock before it was never set, as on a board without a battery (s since 1970).
NEVER_SET: Final = 1_767_225_600
#: A folder is looked through up to so many files: finding some is enough.
MOST_FILES: Final = 20_000

Level = Literal["ok", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: `bad` keeps a party from working, `note` may."""

    level: Level
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:<4}  {self.subject}: {self.text}"


async def doctor(options: Options) -> list[Finding]:
    """All findings, in the order of the checks. Never raises for what is wrong with the surroundings."""
    checks: list[tuple[str, Callable[[Options], AsyncIterator[Finding]]]] = [
        ("data", check_data),
        ("log", check_log),
        ("clock", check_clock),
        ("music", check_music),
        ("files", check_files),
        ("pages", check_pages),
        ("address", check_address),
        ("public address", check_public_url),
    ]
    found: list[Finding] = []
    for subject, check in checks:
        try:
            found += [finding async for finding in check(options)]
        except Exception as error:  # a check that fails is a finding, not the end of the others
            found.append(Finding("bad", subject, f"this could not be checked: {error!r}"))
    return found


async def check_data(options: Options) -> AsyncIterator[Finding]:
    """The data folder can be written and has room."""
    folder = options.data
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("bad", "data", f"{options.data} cannot be written")
        return
    free = shutil.disk_usage(folder).free
    level: Level = "bad" if free < LITTLE_SPACE else "note" if free < SOME_SPACE else "ok"
    yield Finding(level, "data", f"{options.data} has {free // 1024**2} MiB free")


async def check_log(options: Options) -> AsyncIterator[Finding]:
    """The log can be opened; a Redis answers quickly and keeps what it is given."""
    if not options.redis and not (options.data / "rooms.sqlite3").exists():
        yield Finding("ok", "log", "embedded; the first start makes it")
        return
    try:
        store, _ = open_store(options)
        began = time.monotonic()
        async with asyncio.timeout(2 * PATIENCE):
            await store.start()
    except (BadSetting, Unavailable, OSError, TimeoutError) as error:
        yield Finding("bad", "log", str(error) or "Redis does not answer")
        return
    try:
        rooms = len(await store.rooms())
        took = (time.monotonic() - began) * 1000
        kind = "Redis" if options.redis else "embedded"
        yield Finding(
            "ok" if took < 1000 else "note", "log", f"{kind}, {rooms} parties, read in {took:.0f} ms"
        )
        await store.prove()
        if isinstance(store, RedisLog):
            for line in await store.problems():
                yield Finding("note" if "unknown" in line else "bad", "log", line)
    except Unavailable as error:
        yield Finding("bad", "log", str(error))
    finally:
        await store.close()


async def check_clock(options: Options) -> AsyncIterator[Finding]:
    """The clock is set, and near Redis's."""
    now = time.time()
    if now < NEVER_SET:
        yield Finding("bad", "clock", "it was never set: " + time.strftime("%Y-%m-%d", time.gmtime(now)))
        return
    if not options.redis:
        yield Finding("ok", "clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))
        return
    store, _ = open_store(options)
    assert isinstance(store, RedisLog)
    try:
        await store.start()
        apart = abs(await store.clock() - time.time())
    except Unavailable:
        return  # the log's own check says so
    finally:
        await store.close()
    level: Level = "ok" if apart < CLOCK_APART else "bad"
    yield Finding(level, "clock", f"{apart:.1f} s from Redis's")


async def check_music(options: Options) -> AsyncIterator[Finding]:
    """The folders are there, can be read, and hold music."""
    if not options.music:
        yield Finding("ok", "music", "the demo tunes, since no --music is given")
    for folder in options.music:
        if not folder.is_dir():
            yield Finding("bad", "music", f"{folder} is no folder")
            continue
        songs = await asyncio.to_thread(_count_songs, folder)
        if songs is None:
            yield Finding("bad", "music", f"{folder} cannot be read")
        elif not songs:
            yield Finding("bad", "music", f"{folder} holds no music that is known here")
        else:
            yield Finding("ok", "music", f"{folder} holds music, {songs} files at least")


def _count_songs(folder: Path) -> int | None:
    if not os.access(folder, os.R_OK | os.X_OK):
        return None
    seen = songs = 0
    for _, _, names in os.walk(folder):
        for name in names:
            seen += 1
            songs += Path(name).suffix.lower() in AUDIO_SUFFIXES
            if seen >= MOST_FILES:
                return songs
    return songs


async def check_files(options: Options) -> AsyncIterator[Finding]:  # noqa: ARG001
    """Enough files may be open at once."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    shown = "any number of" if hard == resource.RLIM_INFINITY else str(hard)
    few = hard != resource.RLIM_INFINITY and hard < FEW_FILES
    yield Finding("bad" if few else "ok", "open files", f"{shown} files may be open, one for each guest")


async def check_pages(options: Options) -> AsyncIterator[Finding]:  # noqa: ARG001
    """The web pages are built."""
    if find_pages() is None:
        yield Finding("bad", "pages", "they are not built yet: run make web")
    else:
        yield Finding("ok", "pages", "built")


async def check_address(options: Options) -> AsyncIterator[Finding]:
    """Phones can reach this machine, and the port is ours or free."""
    every = options.host in ("0.0.0.0", "::")
    host = lan_address() if every else options.host
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback and not options.public_url:
            yield Finding(
                "bad", "address", f"phones cannot reach {host}: join a network, or give --public-url"
            )
            return
    near = "127.0.0.1" if options.host == "0.0.0.0" else "::1" if options.host == "::" else options.host
    scheme = "https" if options.tls_cert else "http"
    shown = f"{scheme}://{_bracketed(host)}:{options.port}"
    if await asyncio.to_thread(_is_free, options.host, options.port):
        yield Finding("ok", "address", f"{shown}; the port is free")
        return
    url = f"{scheme}://{_bracketed(near)}:{options.port}{options.root_path}"
    status, _ = await asyncio.to_thread(_fetch, f"{url}/health/live")
    if status == 200 or options.tls_cert:
        yield Finding("ok", "address", f"{shown}; a server answers there")
    else:
        yield Finding("bad", "address", f"port {options.port} is taken by something that is not Crowdcue")


async def check_public_url(options: Options) -> AsyncIterator[Finding]:
    """What guests' phones use leads here, and lets WebSockets through."""
    url = options.public_url
    if url is None:
        return
    try:
        host = urlsplit(url).hostname or ""
        await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError as error:
        yield Finding("bad", "public address", f"{host} has no address: {error.strerror}")
        return
    status, said = await asyncio.to_thread(_fetch, f"{url}/health/ready")
    if status != 200:
        yield Finding("bad", "public address", f"{url} does not lead to a ready node: {said}")
        return
    yield Finding("ok", "public address", f"{url} leads to a ready node")
    try:
        yield await _try_websocket(url)
    except (OSError, WebSocketException, TimeoutError) as error:
        hint = "does the proxy pass Upgrade and Connection on?"
        yield Finding(
            "bad", "public address", f"no WebSocket comes through: {str(error) or 'no answer'}; {hint}"
        )


async def _try_websocket(url: str) -> Finding:
    address = "ws" + url.removeprefix("http") + "/ws/MAIN"
    options: dict[str, Any] = {"subprotocols": ["crowdcue.v1.json"], "open_timeout": PATIENCE, "proxy": None}
    async with asyncio.timeout(2 * PATIENCE), connect(address, **options) as socket_:
        if socket_.subprotocol is None:
            return Finding("bad", "public address", "the proxy drops Sec-WebSocket-Protocol")
        await socket_.send('{"t":"hello"}')
        answer = await socket_.recv()
        if not str(answer).startswith('{"t":"welcome"'):
            return Finding(
                "bad", "public address", f"a WebSocket comes through, but not a party: {answer!r:.80}"
            )
    return Finding("ok", "public address", "WebSockets come through")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return True
    except OSError:
        return False


def _fetch(url: str) -> tuple[int, str]:
    """The status of a GET, 0 without an answer, and a word on it."""
    try:
        with urlopen(Request(url), timeout=PATIENCE) as answer:
            return int(answer.status), "it answers"
    except HTTPError as error:
        return error.code, f"status {error.code}"
    except (URLError, OSError, ValueError) as error:
        return 0, str(getattr(error, "reason", error))


def told(findings: list[Finding]) -> tuple[str, int]:
    """The lines to print, and the exit code: 1 when something is wrong."""
    bad: list[Any] = [finding for finding in findings if finding.level == "bad"]
    return "\n".join(map(str, findings)), int(bool(bad))
