"""A real Redis cluster of two masters for tests, on loopback."""

from __future__ import annotations

import time

from .redis_group import RedisGroup
from .redis_server import PATIENCE, RedisServer

SLOTS = 16_384


class RedisCluster(RedisGroup):
    """`with RedisCluster() as cluster:` runs one; every slot is served by one of `servers`."""

    def __init__(self) -> None:
        options = (
            "--cluster-enabled",
            "yes",
            "--cluster-config-file",
            "nodes.conf",
            "--cluster-node-timeout",
            "2000",
        )
        self.servers = [RedisServer(*options) for _ in range(2)]
        super().__init__(*self.servers)

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def command(self, *args: str | int) -> None:
        """The same command to every server."""
        for server in self.servers:
            server.command(*args)

    def owner(self, room: str) -> RedisServer:
        """The server that the room's slot is on, as the first one sees it."""
        slot = self._slot(room)
        nodes = str(self.servers[0].raw("CLUSTER", "NODES")).splitlines()
        for line in nodes:
            address, ranges = line.split()[1], [part for part in line.split()[8:] if not part.startswith("[")]
            for part in ranges:
                low, _, high = part.partition("-")
                if int(low) <= slot <= int(high or low):
                    return next(server for server in self.servers if f":{server.port}@" in address)
        raise RuntimeError(f"slot {slot} is on no server: {nodes}")

    def move(self, room: str) -> None:
        """Move the room's slot, with its keys, to the other server."""
        slot = self._slot(room)
        source = self.owner(room)
        target = next(server for server in self.servers if server is not source)
        source_id, target_id = str(source.raw("CLUSTER", "MYID")), str(target.raw("CLUSTER", "MYID"))
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        keys = str(source.raw("CLUSTER", "GETKEYSINSLOT", slot, 100)).split()
        source.command("MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", *keys)
        target.command("CLUSTER", "SETSLOT", slot, "NODE", target_id)
        source.command("CLUSTER", "SETSLOT", slot, "NODE", target_id)

    def _slot(self, room: str) -> int:
        return int(self.servers[0].raw("CLUSTER", "KEYSLOT", f"{{{room}}}"))

    def _form(self) -> None:
        half = SLOTS // 2
        self.servers[0].command("CLUSTER", "ADDSLOTSRANGE", 0, half - 1)
        self.servers[1].command("CLUSTER", "ADDSLOTSRANGE", half, SLOTS - 1)
        self.servers[0].command("CLUSTER", "MEET", "127.0.0.1", self.servers[1].port)
        self._wait()

    def _wait(self) -> None:
        """Until both know that all is well, and have known it for a moment: on a busy machine it comes and goes."""
        deadline = time.monotonic() + PATIENCE
        well = 0
        while True:
            states = [str(server.command("CLUSTER", "INFO")) for server in self.servers]
            if all("cluster_state:ok" in state or "'cluster_state': 'ok'" in state for state in states):
                well += 1
                if well == 5:
                    return
            else:
                well = 0
            if time.monotonic() > deadline:
                raise RuntimeError(f"the cluster did not come about: {states}")
            time.sleep(0.05)
