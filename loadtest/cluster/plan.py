"""From compose.yaml to this machine: what each process is called with, on which ports and in which folders."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from . import ports
from .compose import BadCompose, Service, read


class Plan:
    """The commands and environments of a cluster of `count` nodes below `folder`.

    `variables` stand for the shell's in compose.yaml. `port` and `grpc_port` are Nginx's, 0 for free ones. `music` is
    the folder that all nodes serve. Raises `BadCompose`, and `OSError` when there are no free ports.
    """

    def __init__(
        self, count: int, folder: Path, music: Path, variables: Mapping[str, str], port: int, grpc_port: int
    ) -> None:
        self.nodes = range(1, count + 1)
        self.folder = folder
        self.music = music
        self.root_path = variables.get("ROOT_PATH", "")
        self._services = read(variables)
        free = ports.free(2 * count + 3)
        self.port, self.grpc_port, self.redis_port = port or free[0], grpc_port or free[1], free[2]
        self.node_ports = dict(zip(self.nodes, free[3::2], strict=True))
        self.node_grpc_ports = dict(zip(self.nodes, free[4::2], strict=True))

    @property
    def url(self) -> str:
        """The party through Nginx."""
        return f"http://127.0.0.1:{self.port}{self.root_path}"

    def service(self, name: str) -> Service:
        """The service of compose.yaml. Its nodes are all the same; beyond its five, the first is the model."""
        for known in (name, re.sub(r"^node\d+$", "node1", name)):
            if known in self._services:
                return self._services[known]
        raise BadCompose(f"compose.yaml has no service {name}")

    def redis_command(self) -> list[str]:
        """Redis with the flags of compose.yaml."""
        program, *flags = self.service("redis").command
        data = self.folder / "redis"
        data.mkdir(exist_ok=True)
        where = ["--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", str(data)]
        return [shutil.which(program) or program, *flags, *where]

    def node_command(self, number: int) -> list[str]:
        """A node with the command of compose.yaml."""
        return [sys.executable, "-m", "crowdcue", *self.service(f"node{number}").command]

    def node_environment(self, number: int, more: Mapping[str, str]) -> dict[str, str]:
        """A node's environment: compose.yaml's, with our ports and folders in place of the container's, then `more`."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CROWDCUE_") and k != "REDIS_URL"}
        written = {
            # An address in Compose's network becomes ours.
            name: re.sub(r"\bredis:6379\b", f"127.0.0.1:{self.redis_port}", value)
            for name, value in self.service(f"node{number}").environment.items()
        }
        here = {
            "CROWDCUE_HOST": "127.0.0.1",
            "CROWDCUE_PORT": str(self.node_ports[number]),
            "CROWDCUE_GRPC_PORT": str(self.node_grpc_ports[number]),
            "CROWDCUE_DATA": str(self.folder / f"node{number}"),
            "CROWDCUE_MUSIC": str(self.music),
            "CROWDCUE_PUBLIC_URL": self.url,
            "CROWDCUE_TRUSTED_PROXIES": "127.0.0.0/8",
            "PYTHONUNBUFFERED": "1",
        }
        return {**kept, **written, **here, **more}

    def nginx_environment(self, access_log: str) -> dict[str, str]:
        """What Nginx's templates are filled in with: compose.yaml's, with our addresses."""
        nodes = [f"127.0.0.1:{self.node_ports[n]}:{self.node_grpc_ports[n]}" for n in self.nodes]
        return {
            **self.service("nginx").environment,
            "CROWDCUE_NODES": " ".join(nodes),
            "CROWDCUE_RESOLVER": "",  # addresses need no name server
            "CROWDCUE_HTTP_PORT": f"127.0.0.1:{self.port}",
            "CROWDCUE_GRPC_PORT": f"127.0.0.1:{self.grpc_port}",
            "CROWDCUE_NGINX_TEMP": str(self.folder / "nginx" / "temp"),
            "CROWDCUE_ACCESS_LOG": access_log,
        }
