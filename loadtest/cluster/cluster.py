"""The local cluster: Redis, N nodes and Nginx as child processes, started, watched, broken on purpose and ended."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TextIO

from . import edge, ports
from .plan import Plan
from .process import Log, Process

#: A start with cold caches on a busy machine; a quiet one needs a second or two (s).
START: Final = 60.0
#: As `stop_grace_period` of the nodes: they drain for up to 5 s and let requests finish for up to 5 s more (s).
STOP: Final = 20.0
#: A process that keeps dying is started again after 1, 2, 4 … s, at most this many.
SLOWEST_RESTART: Final = 60.0


class ClusterError(Exception):
    """The cluster cannot start, or a part of it ended by itself; the message has the last lines of its log."""


class Cluster:
    """`with Cluster(nodes=5) as cluster:` starts all and waits until it is ready; the end stops all.

    `port`, `grpc_port`: Nginx's, 0 for free ones. `folder`: keeps data and logs (none: a temporary one). `music`: a
    folder that all nodes serve (none: the demo tunes, made once for all). `variables`: what the shell would set for
    compose.yaml, like OPEN, ROOT_PATH, REDIS_MEMORY. `node_environment`: more for the nodes. `nginx_extra`: lines for
    Nginx's http block. `access_log`: where Nginx tells which node answered what; by default nowhere. `terminal`: gets
    every line of every process. `supervise`: start again what dies, as compose.yaml's restart policy says; else the
    end of the `with` block raises `ClusterError`.

    Nodes are numbered from 1. All calls block; a test with live clients uses `asyncio.to_thread`.
    """

    def __init__(
        self,
        nodes: int = 5,
        *,
        port: int = 0,
        grpc_port: int = 0,
        folder: Path | None = None,
        music: Path | None = None,
        variables: Mapping[str, str] | None = None,
        node_environment: Mapping[str, str] | None = None,
        nginx_extra: str = "",
        access_log: str = "off",
        terminal: TextIO | None = None,
        supervise: bool = False,
    ) -> None:
        if nodes < 1:
            raise ClusterError("a cluster has one node at least")
        self._own_folder = folder is None
        self.folder = folder.resolve() if folder else Path(tempfile.mkdtemp(prefix="crowdcue-cluster-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_music = music is None
        self.plan = plan = Plan(
            nodes, self.folder, (music or self.folder / "demo").resolve(), variables or {}, port, grpc_port
        )
        self.log = Log(self.folder / "cluster.log", terminal)
        self._supervise = supervise
        self._closing = threading.Event()
        self._restarting = threading.Lock()  # nobody starts again what `close` has begun to stop
        self._failures: dict[str, int] = {}
        self._dead: list[str] = []
        self._nginx_folder = self.folder / "nginx"
        self._nginx_environment = plan.nginx_environment(access_log)
        self._nginx_extra = nginx_extra
        self._redis = Process("redis", plan.redis_command(), os.environ, self.log, self._died)
        self._nginx = Process("nginx", edge.command(self._nginx_folder), os.environ, self.log, self._died)
        self._nodes = {
            number: Process(
                f"node{number}",
                plan.node_command(number),
                plan.node_environment(number, node_environment or {}),
                self.log,
                self._died,
            )
            for number in plan.nodes
        }

    # Where it is

    @property
    def nodes(self) -> range:
        """The numbers of the nodes."""
        return self.plan.nodes

    @property
    def url(self) -> str:
        """The party through Nginx, `http://127.0.0.1:PORT` and the sub-path."""
        return self.plan.url

    @property
    def ws_url(self) -> str:
        """The same for WebSockets, `ws://…`."""
        return "ws" + self.url.removeprefix("http")

    @property
    def grpc(self) -> str:
        """gRPC through Nginx, `127.0.0.1:PORT`."""
        return f"127.0.0.1:{self.plan.grpc_port}"

    @property
    def node_urls(self) -> list[str]:
        """Each node itself, without Nginx, in the order of their numbers."""
        return [f"http://127.0.0.1:{port}{self.plan.root_path}" for port in self.plan.node_ports.values()]

    @property
    def redis_url(self) -> str:
        """The Redis that the nodes share."""
        return f"redis://127.0.0.1:{self.plan.redis_port}/0"

    @property
    def host_token(self) -> str:
        """The host token of MAIN, as a node has printed it. Raises `ClusterError` before one is ready."""
        for node in self._nodes.values():
            if found := node.find(r"/r/MAIN\?host=(\S+)"):
                return found[1]
        raise ClusterError("no node has printed the host's link yet")

    def node(self, number: int) -> Process:
        """A node's process: its id, its last lines, and `signal` to make it hang."""
        return self._nodes[number]

    def tail(self, lines: int = 60) -> str:
        """The last lines of everybody's log."""
        try:
            return "\n".join(self.log.path.read_text(encoding="utf-8").splitlines()[-lines:])
        except OSError:
            return ""

    # Starting and ending

    def start(self) -> Cluster:
        """Start all in the order of compose.yaml's dependencies, each when what it needs is ready.

        Raises `ClusterError`; what had started is stopped again.
        """
        atexit.register(self.close)
        try:
            if self._make_music:
                # Imported here: it loads numpy, which a cluster with a music folder does not need.
                from crowdcue.music.demo import make_demo_tunes

                make_demo_tunes(self.plan.music)
            self.start_redis()
            for node in self._nodes.values():
                node.start()
            for number in self.nodes:
                self._wait_node(number)
            edge.render(self._nginx_folder, self._nginx_environment, extra=self._nginx_extra)
            self.start_nginx()
        except OSError as error:
            self.close()
            raise ClusterError(f"cannot start: {error}") from error
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Stop all, Nginx first and Redis last. May be called twice, and after a start that failed."""
        with self._restarting:
            self._closing.set()
        self._nginx.stop(STOP)
        stopping = [threading.Thread(target=node.stop, args=(STOP,)) for node in self._nodes.values()]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        self._redis.stop(STOP)
        self.log.close()
        atexit.unregister(self.close)
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Cluster:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        dead, text = list(self._dead), self.tail()
        self.close()
        if dead and kind is None and not self._supervise:
            raise ClusterError(f"ended by themselves: {', '.join(dead)}\n{text}")

    # Faults

    def kill(self, number: int) -> None:
        """End a node as a power cut would."""
        self._nodes[number].kill()

    def stop(self, number: int) -> None:
        """Have a node drain and end."""
        self._nodes[number].stop(STOP)

    def start_node(self, number: int) -> None:
        """Start a node again, on the same ports, and wait until it is ready."""
        self._nodes[number].start()
        self._wait_node(number)

    def restart(self, number: int) -> None:
        """Drain a node and start it again."""
        self.stop(number)
        self.start_node(number)

    @property
    def redis(self) -> Process:
        """Redis' process: `signal` makes it hang."""
        return self._redis

    def stop_redis(self) -> None:
        """Have Redis end in good order."""
        self._redis.stop(STOP)

    def kill_redis(self) -> None:
        """End Redis as a power cut would."""
        self._redis.kill()

    def start_redis(self) -> None:
        """Start Redis on the data it left behind, and wait until it answers."""
        self._redis.start()
        self._wait(self._redis, lambda: ports.redis_answers(self.plan.redis_port))

    def kill_nginx(self) -> None:
        """End Nginx with all its workers."""
        self._nginx.kill()

    def start_nginx(self) -> None:
        """Start Nginx, and wait until it answers for a node."""
        self._nginx.start()
        path = f"{self.plan.root_path}/health/live"
        self._wait(self._nginx, lambda: ports.http_status(self.plan.port, path) == 200)

    # Waiting and watching

    def _wait_node(self, number: int) -> None:
        port, path = self.plan.node_ports[number], f"{self.plan.root_path}/health/ready"
        self._wait(self._nodes[number], lambda: ports.http_status(port, path) == 200)

    def _wait(self, process: Process, ready: ports.Question) -> None:
        if not ports.wait(ready, START, lambda: process.running and not self._closing.is_set()):
            state = "is not ready" if process.running else "ended"
            raise ClusterError("\n".join([f"{process.name} {state}:", *process.lines]))

    def _died(self, process: Process, code: int) -> None:
        """Called on the thread that has read the process's output, which may well wait here."""
        if self._closing.is_set():
            return
        self._dead.append(process.name)
        again = self._supervise and self.plan.service(process.name).restart != "no"
        self.log.line(
            process.name, f"ended by itself with code {code}{'; it is started again' if again else ''}"
        )
        if again:
            failures = self._failures[process.name] = self._failures.get(process.name, 0) + 1
            self._closing.wait(min(2.0 ** (failures - 1), SLOWEST_RESTART))
            with self._restarting:
                if not self._closing.is_set():
                    process.start()
