"""Nodes that do as a test says, and the real Nginx with our configuration in front of them."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx
from loadtest.cluster import edge, ports
from loadtest.cluster.compose import read
from loadtest.cluster.process import Log, Process


class Seen(NamedTuple):
    """A request as a node got it."""

    node: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


#: What a node answers: a whole HTTP response, or None to break the connection as a node does that is killed.
Answer = Callable[[Seen], bytes | None]


def response(body: str = "{}", status: str = "200 OK", **headers: str) -> bytes:
    """An HTTP response; header names are written with underscores."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def tell_node(seen: Seen) -> bytes:
    """The usual answer: which node this is."""
    return response(json.dumps({"node": seen.node}), Content_Type="application/json")


class Nodes:
    """Some nodes on loopback, all with the same `answer`; `seen` has every request in the order of arrival."""

    def __init__(self, count: int) -> None:
        self.seen: list[Seen] = []
        self.answer: Answer = tell_node
        self._servers = [self._listen() for _ in range(count)]

    @property
    def addresses(self) -> list[str]:
        """`host:port` of each."""
        return [f"127.0.0.1:{server.server_address[1]}" for server in self._servers]

    def _listen(self) -> socketserver.ThreadingTCPServer:
        nodes = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                line = self.rfile.readline().decode()
                if not line:
                    return
                headers: dict[str, str] = {}
                while (header := self.rfile.readline().decode().strip()) != "":
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = self.rfile.read(int(headers.get("content-length", "0")))
                method, path, _ = line.split()
                host, port = self.request.getsockname()
                seen = Seen(f"{host}:{port}", method, path, headers, body)
                nodes.seen.append(seen)
                answer = nodes.answer(seen)
                if answer is not None:
                    self.wfile.write(answer)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        server = Server(("127.0.0.1", ports.free(1)[0]), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server

    def close(self) -> None:
        """Stop all."""
        for server in self._servers:
            server.shutdown()
            server.server_close()


def settings(nodes: list[str], folder: Path, **more: str) -> dict[str, str]:
    """The variables of Nginx's templates for these nodes, the rest as in compose.yaml."""
    http, grpc = ports.free(2)
    return {
        **read({})["nginx"].environment,
        "CROWDCUE_NODES": " ".join(nodes),
        "CROWDCUE_RESOLVER": "",
        "CROWDCUE_HTTP_PORT": f"127.0.0.1:{http}",
        "CROWDCUE_GRPC_PORT": f"127.0.0.1:{grpc}",
        "CROWDCUE_NGINX_TEMP": str(folder / "temp"),
        "CROWDCUE_ACCESS_LOG": f"{folder}/access.log crowdcue",
        **more,
    }


@contextlib.contextmanager
def nginx(
    folder: Path, environment: Mapping[str, str], more: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Nginx on these settings; the address of its HTTP port."""
    edge.render(folder, environment, more=more)
    edge.check(folder)
    log = Log(folder / "nginx.log")
    process = Process("nginx", edge.command(folder), {}, log, lambda *_: None)
    process.start()
    place = environment["CROWDCUE_HTTP_PORT"]
    try:
        # /metrics is answered by Nginx itself, so no node sees that we asked.
        path = f"{environment['CROWDCUE_ROOT_PATH']}/metrics"
        up = ports.wait(
            lambda: ports.http_status(int(place.rpartition(":")[2]), path) == 404, 10, lambda: process.running
        )
        assert up, "\n".join(process.lines)
        yield f"http://{place}"
    finally:
        process.stop(5)
        log.close()


def client(url: str) -> httpx.Client:
    """An HTTP client for that Nginx, which asks no proxy of the environment."""
    return httpx.Client(base_url=url, trust_env=False, timeout=15)
