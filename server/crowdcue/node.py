"""One running node: puts the concrete log, library and faces together, serves, and drains when told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import io
import ipaddress
import logging
import os
import random
import resource
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

import segno
import segno.helpers
import uvicorn
import uvloop

from crowdcue import logs
from crowdcue.faces import app, rpc
from crowdcue.faces.auth import Identity
from crowdcue.faces.context import Context
from crowdcue.faces.frames import FramesProtocol
from crowdcue.faces.guard import GuardedHttp
from crowdcue.live.pins import Pins
from crowdcue.live.registry import MAIN, Registry
from crowdcue.log.contract import Durability, Presence, RoomLog, Unavailable
from crowdcue.log.presence import MemoryPresence
from crowdcue.log.sqlite import SqliteLog
from crowdcue.music import demo
from crowdcue.music.library import Library
from crowdcue.room.song import Song
from crowdcue.tasks import Tasks
from crowdcue.wire import MAX_FRAME

log = logging.getLogger(__name__)

#: WebSocket keepalive (s): below the idle limits of common proxies.
PING_EVERY: Final = 20.0
#: Connections waiting to be accepted: a room full of phones wakes at once.
BACKLOG: Final = 4_096
DEFAULT_GRPC_PORT: Final = 50051
#: The path through the log is proved so often (s).
PROVE_EVERY: Final = 2.0
#: Threads get their turn after so long (s): with the default of 5 ms a busy event loop starved the log's writer.
SWITCH_INTERVAL: Final = 0.001
#: Clients are sent away over at most so long when the node stops (s).
DRAIN: Final = 5.0
#: Readiness fails for so long before the first client is sent away (s).
DRAIN_NOTICE: Final = 0.3


#: New objects that make the garbage collector look. Almost everything here is freed by counting references, and at
#: Python's own 700 it walks all songs over and over while they are read, and all listeners while a crowd arrives.
COLLECT: Final = (50_000, 20, 50)


class BadSetting(Exception):
    """A setting that cannot work; the message is the one line that the operator sees."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `crowdcue serve` was told."""

    data: Path
    host: str = "0.0.0.0"
    port: int = 8080
    music: list[Path] = field(default_factory=list)
    redis: str | None = None
    durability: Durability = "disk"
    grpc_port: int | None = None
    open_party: bool = False
    public_url: str | None = None
    root_path: str = ""
    trusted_proxies: str = ""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    secret: str | None = field(default=None, repr=False)
    metrics_token: str | None = field(default=None, repr=False)
    wifi: str | None = None
    wifi_password: str | None = field(default=None, repr=False)
    log_format: logs.Format = "text"


class LibrarySongs:
    """The library as the live rooms see it: songs by id, and one to break the silence with."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def find(self, song_id: str) -> Song | None:
        """The song of this id."""
        found = self._library.get(song_id)
        if found is None:
            return None
        artwork = f"/artwork/{found.id}" if found.has_artwork else None
        return Song(
            found.id, found.title, found.artist, found.duration_ms, found.album, f"/media/{found.id}", artwork
        )

    def pick(self, avoid: list[str]) -> Song | None:
        """Some song, none of `avoid` if possible."""
        found = self._library.pick(set(avoid)) or self._library.pick()
        return None if found is None else self.find(found.id)


def run(options: Options) -> int:
    """Serve until SIGINT or SIGTERM; the exit code. Raises `BadSetting`."""
    logs.set_up(options.log_format)
    _raise_open_files()
    sys.setswitchinterval(SWITCH_INTERVAL)
    with _data_folder(options.data), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options))
    return 0


def open_store(options: Options) -> tuple[RoomLog, Presence]:
    """The log and the presence that the options ask for, not started yet. Raises `BadSetting`."""
    if options.redis:
        # Only here: a living room starts a tenth faster without it.
        from crowdcue.log.redis import RedisLog

        try:
            shared = RedisLog(options.redis, options.durability)
        except ValueError as error:
            raise BadSetting(f"--redis: {error}") from error
        return shared, shared.presence
    return SqliteLog(options.data / "rooms.sqlite3", options.durability), MemoryPresence()


async def signing_secret(options: Options, store: RoomLog) -> bytes:
    """The key that signs tokens: as set, else made once and kept in the store."""
    if options.secret:
        return options.secret.encode()
    return await store.secret("signing", secrets.token_bytes(32))


async def _serve(options: Options) -> None:
    for folder in options.music:
        if not folder.is_dir():
            raise BadSetting(f"--music {folder}: there is no such folder")
    listening = _listen(options)
    async with contextlib.AsyncExitStack() as ending:
        ending.callback(listening.close)
        tasks = Tasks()
        store, presence = open_store(options)
        try:
            await store.start()
        except (OSError, Unavailable) as error:
            raise BadSetting(f"cannot open the log: {error}") from error
        ending.push_async_callback(store.close)
        ending.push_async_callback(tasks.close)
        library = Library(options.music or [options.data / "demo"], options.data, spawn=tasks.spawn)
        ending.push_async_callback(library.close)
        secret = await signing_secret(options, store)
        registry = Registry(store, presence, LibrarySongs(library), tasks, Pins(secret))
        ending.push_async_callback(registry.close)
        identity = Identity(secret, everybody_hosts=options.open_party)
        context = Context(
            registry=registry,
            library=library,
            identity=identity,
            tasks=tasks,
            public_url=options.public_url or _own_url(options, listening.getsockname()[1]),
            root_path=options.root_path,
            open_party=options.open_party,
            metrics_token=options.metrics_token,
            wifi=wifi_data(options.wifi, options.wifi_password),
        )
        await _serve_context(options, context, listening, secret)


def wifi_data(name: str | None, password: str | None) -> str | None:
    """What a QR code must say to join this network; without a password it is an open one. Raises `BadSetting`."""
    if name is None:
        if password is not None:
            raise BadSetting("--wifi-password needs --wifi")
        return None
    if not 1 <= len(name.encode()) <= 32:
        raise BadSetting("--wifi: the name of a network has 1 to 32 bytes")
    if password is not None and not 8 <= len(password) <= 63:
        raise BadSetting("--wifi-password: a password has 8 to 63 characters")
    # An open network says so: some phones take a code without `T:` for a broken one.
    return str(segno.helpers.make_wifi_data(name, password, "WPA" if password else "nopass"))


async def _serve_context(options: Options, context: Context, listening: socket.socket, secret: bytes) -> None:
    main = await context.registry.ensure_main()
    host_token = context.identity.host_token(MAIN, main.room.host_generation)
    context.registry.start()
    (options.data / "address").write_text(context.public_url, encoding="utf-8")
    config = _uvicorn_config(options, context)
    try:
        config.load()  # reads the certificate: uvicorn itself would do it later, and answer with a traceback
    except OSError as error:
        raise BadSetting(
            f"--tls-cert {options.tls_cert} --tls-key {options.tls_key}: {error.strerror or error}"
        ) from error
    server = _Server(config)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    context.tasks.spawn(_prove_forever(context, secret), "readiness")
    context.tasks.spawn(_get_ready(options, context, host_token), "library")
    context.tasks.spawn(_stop_when(stop, server, context), "stop")
    async with contextlib.AsyncExitStack() as ending:
        await _serve_rpc(options, context, ending)
        await server.serve([listening])


async def _serve_rpc(options: Options, context: Context, ending: contextlib.AsyncExitStack) -> None:
    host = f"[{options.host}]" if ":" in options.host else options.host
    trusted = [
        ipaddress.ip_network(part.strip(), strict=False)
        for part in filter(None, options.trusted_proxies.split(","))
    ]
    port = DEFAULT_GRPC_PORT if options.grpc_port is None else options.grpc_port
    try:
        server = await rpc.serve(context, f"{host}:{port}", trusted)
    except RuntimeError as error:
        if options.grpc_port is not None:
            raise BadSetting(
                f"cannot listen for gRPC on {host} port {port}: it is taken, or the address is not of this machine"
            ) from error
        log.warning("gRPC is off: port %d is taken (choose another with --grpc-port)", port)
        return
    context.rpc = server
    ending.push_async_callback(server.stop)


class _Server(uvicorn.Server):
    """uvicorn, without its own signal handlers: draining comes first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _uvicorn_config(options: Options, context: Context) -> uvicorn.Config:
    return uvicorn.Config(
        app.build(context),
        http=GuardedHttp,
        ws=FramesProtocol,
        ws_max_size=MAX_FRAME,
        ws_per_message_deflate=False,
        ws_ping_interval=PING_EVERY,
        ws_ping_timeout=PING_EVERY,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(options.trusted_proxies),
        forwarded_allow_ips=options.trusted_proxies or None,
        timeout_graceful_shutdown=5,
        ssl_certfile=options.tls_cert,
        ssl_keyfile=options.tls_key,
    )


async def _prove_forever(context: Context, secret: bytes) -> None:
    """Keep proving that what this node writes reaches its subscribers: readiness rests on it."""
    failing = False
    while True:
        try:
            await context.registry.store.prove()
            if (
                context.registry.store.shared
            ):  # a Redis that lost everything gets its key back, before anybody needs it
                await context.registry.store.secret("signing", secret)
            context.proved_at, failing = asyncio.get_running_loop().time(), False
        except Unavailable as error:
            if not failing:
                log.warning("perhaps not ready soon: %s", error)
            failing = True
        await asyncio.sleep(PROVE_EVERY)


async def _get_ready(options: Options, context: Context, host_token: str) -> None:
    gc.set_threshold(*COLLECT)
    try:
        if not options.music:
            await asyncio.to_thread(demo.make_demo_tunes, options.data / "demo")
        await context.library.start(_progress(sys.stderr))
    except OSError as error:
        log.error("the music cannot be read: %s", error)
    gc.collect()
    gc.freeze()  # the library lives as long as the node: full collections need not walk it, holding up the loop
    context.ready = True
    print(welcome_text(context.public_url, MAIN, host_token, len(context.library)), flush=True)


def _progress(out: TextIO) -> Callable[[int, int], None]:
    """Shows how far the scan of the music is: one line that is written over on a terminal."""

    def show(done: int, total: int) -> None:
        if out.isatty():
            end = "\n" if done >= total else "\r"
            out.write(f"Reading music: {done} of {total} files{end}")
            out.flush()

    return show


def welcome_text(url: str, code: str, host_token: str, songs: int) -> str:
    """What the terminal shows when the party can begin: the address, its QR code, the host's link."""
    guest = f"{url}/r/{code}"
    qr = io.StringIO()
    segno.make(guest, error="m").terminal(qr, compact=True)
    return (
        f"\n{qr.getvalue()}\n"
        f"  Guests   {guest}\n"
        f"  Host     {guest}?host={host_token}\n"
        f"  Stage    {guest}/stage?host={host_token}\n"
        f"  Music    {songs} songs\n"
    )


async def _stop_when(stop: asyncio.Event, server: uvicorn.Server, context: Context) -> None:
    await stop.wait()
    context.draining = True
    if context.rpc is not None:
        await context.rpc.drain()
    await asyncio.sleep(DRAIN_NOTICE)
    for listening in server.servers:
        listening.close()  # who is sent away must not come back here
    conversations = list(context.conversations)
    random.shuffle(conversations)  # in no order, a few at a time, so that they do not all come back at once
    waves = max(1, min(len(conversations) // 50, int(DRAIN / 0.05)))
    for wave in range(waves):
        await asyncio.gather(*[c.close(4503, str(random.randint(1, 3))) for c in conversations[wave::waves]])
        await asyncio.sleep(0.05 if waves > 1 else 0)
    server.should_exit = True


def _listen(options: Options) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        return socket.create_server((options.host, options.port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise BadSetting(f"cannot listen on {options.host} port {options.port}: {error}") from error


def _own_url(options: Options, port: int) -> str:
    """Where phones in the same network reach this machine."""
    scheme = "https" if options.tls_cert else "http"
    host = options.host if options.host not in ("0.0.0.0", "::") else lan_address()
    default = {"http": 80, "https": 443}[scheme]
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}{'' if port == default else f':{port}'}{options.root_path}"


def lan_address() -> str:
    """The address of the interface that would carry traffic out. Nothing is sent: connecting UDP only routes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 (RFC 5737): routed like any, owned by nobody
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


@contextlib.contextmanager
def _data_folder(folder: Path) -> Iterator[None]:
    """Make the data folder and hold its lock; a second server on it is refused."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise BadSetting(f"--data {folder}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadSetting(f"--data {folder}: another server uses this folder") from None
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _raise_open_files() -> None:
    """A listener is an open file: allow as many as the system lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
