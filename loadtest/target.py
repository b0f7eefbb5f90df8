"""What is put under load: a party that runs already, one node of our own, or a whole cluster."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .cluster import Cluster, ports
from .cluster.process import Log, Process

#: A start on a busy machine (s).
START: Final = 60.0
STOP: Final = 20.0


class TargetError(Exception):
    """The system under load cannot be started, or does not answer as it should."""


@dataclass(slots=True)
class Target:
    """Where the load goes. `pids`: processes whose CPU is reported, by name; those of nodes begin with `node`."""

    url: str
    nodes: list[str]
    grpc: str = ""
    node_grpc: list[str] = field(default_factory=list)
    pids: dict[str, int] = field(default_factory=dict)
    about: str = ""

    @property
    def ws(self) -> str:
        """WebSockets, through the balancer if there is one."""
        return "ws" + self.url.removeprefix("http")

    def post(self, path: str, value: Any, url: str | None = None) -> Any:
        """One JSON request. Raises `TargetError`."""
        body = json.dumps(value).encode()
        return self._ask(
            urllib.request.Request((url or self.url) + path, body, {"Content-Type": "application/json"})
        )

    def get(self, path: str, url: str | None = None) -> Any:
        """One JSON answer. Raises `TargetError`."""
        return self._ask(urllib.request.Request((url or self.url) + path))

    def _ask(self, request: urllib.request.Request) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                return json.load(response)
        except (OSError, ValueError) as error:
            raise TargetError(f"{request.full_url}: {error}") from error

    def room(self, songs: int, settings: dict[str, Any] | None = None) -> tuple[str, list[str]]:
        """A new room with so many songs queued: its code and their ids (12 characters, as a library's are)."""
        code: str = self.post("/api/rooms", {"name": "Load", **({"settings": settings} if settings else {})})[
            "code"
        ]
        ids = [f"song{number:08d}" for number in range(songs)]
        if ids:
            self.post(f"/api/rooms/{code}/sync", [song(song_id) for song_id in ids])
        return code, ids


def song(song_id: str) -> dict[str, Any]:
    """A song as a client describes it, of ordinary length."""
    return {"id": song_id, "title": f"A song called {song_id}", "artist": "The Loadtesters", "duration": 200}


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for the length of a `with` block."""
    folder = Path(tempfile.mkdtemp(prefix="crowdcue-load-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running(name: str, command: list[str], folder: Path, port: int, path: str) -> Iterator[Process]:
    """A process that answers `path` on `port` with 200, for the length of a `with` block. Raises `TargetError`."""
    log = Log(folder / f"{name}.log")
    process = Process(name, command, _environment(), log, lambda *_: None)
    try:
        try:
            process.start()
        except OSError as error:
            raise TargetError(f"cannot start {name}: {error}") from error
        if not ports.wait(lambda: ports.http_status(port, path) == 200, START, lambda: process.running):
            raise TargetError("\n".join([f"{name} is not ready:", *process.lines]))
        yield process
    finally:
        process.stop(STOP)
        log.close()


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CROWDCUE_") and k != "REDIS_URL"}
    # Processes of ours run in folders of their own, and some are modules of this package.
    root = str(Path(__file__).resolve().parent.parent)
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONPATH": root}


@contextlib.contextmanager
def one_node(redis: bool, durability: str = "disk") -> Iterator[Target]:
    """One node, with the embedded log or with a Redis of its own."""
    with scratch() as folder, contextlib.ExitStack() as ending:
        (folder / "music").mkdir()
        port, grpc_port, redis_port = ports.free(3)
        command = [sys.executable, "-m", "crowdcue", "serve", "--host", "127.0.0.1", "--open"]
        command += ["--port", str(port), "--grpc-port", str(grpc_port), "--durability", durability]
        command += ["--data", str(folder / "data"), "--music", str(folder / "music")]
        pids = {}
        if redis:
            pids["redis"] = ending.enter_context(_redis(folder, redis_port, durability)).pid
            command += ["--redis", f"redis://127.0.0.1:{redis_port}/0"]
        node = ending.enter_context(running("node", command, folder, port, "/health/ready"))
        url, grpc = f"http://127.0.0.1:{port}", f"127.0.0.1:{grpc_port}"
        about = f"one node, {'Redis' if redis else 'embedded log'}, durability {durability}"
        yield Target(url, [url], grpc, [grpc], {"node": node.pid, **pids}, about)


@contextlib.contextmanager
def _redis(folder: Path, port: int, durability: str) -> Iterator[Process]:
    log = Log(folder / "redis.log")
    (folder / "redis").mkdir()
    command = [shutil.which("redis-server") or "redis-server", "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--dir", str(folder / "redis"), "--appendonly", "yes", "--save", ""]
    command += ["--appendfsync", "always" if durability == "disk" else "everysec"]
    process = Process("redis", command, _environment(), log, lambda *_: None)
    try:
        process.start()
        if not ports.wait(lambda: ports.redis_answers(port), START, lambda: process.running):
            raise TargetError("\n".join(["redis is not ready:", *process.lines]))
        yield process
    finally:
        process.stop(STOP)
        log.close()


@contextlib.contextmanager
def cluster(nodes: int) -> Iterator[Target]:
    """So many nodes behind Nginx, sharing a Redis."""
    with scratch() as folder:
        (folder / "music").mkdir()
        with Cluster(
            nodes, music=folder / "music", folder=folder / "cluster", variables={"OPEN": "yes"}
        ) as made:
            pids = {f"node{n}": made.node(n).pid for n in made.nodes}
            pids |= {"redis": made._redis.pid, "nginx": made._nginx.pid}
            grpc = [f"127.0.0.1:{port}" for port in made.plan.node_grpc_ports.values()]
            about = f"{nodes} nodes behind Nginx, one Redis"
            yield Target(made.url, made.node_urls, made.grpc, grpc, pids, about)


def external(url: str, grpc: str, pids: dict[str, int]) -> Target:
    """A party that runs already, with `--open`."""
    url = url.rstrip("/")
    return Target(url, [url], grpc, [grpc] if grpc else [], pids, url)
