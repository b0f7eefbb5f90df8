"""A real master, its replica and a sentinel for tests, on loopback; perhaps with a way between them that can be cut."""

from __future__ import annotations

import time

from .partition import FAR, Partition
from .redis_group import RedisGroup
from .redis_server import PATIENCE, RedisServer, free_port

SERVICE = "party"


class _Sentinel(RedisServer):
    """A redis-server in sentinel mode, which wants a config file that it may rewrite."""

    def __init__(self, master_port: int, options: tuple[str, ...]) -> None:
        super().__init__()
        config = self.folder / "sentinel.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\nlogfile redis.log\ndir {self.folder}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {master_port} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 1500\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )
        self.command_line = [self.command_line[0], str(config), "--sentinel", *options]


class RedisSentinel(RedisGroup):
    """`with RedisSentinel() as watched:` runs all three; `master_options` are more of its command line.

    `parted`: the master is reached through `way`, which can be cut for the replica and the sentinel, not for others.
    """

    def __init__(self, *master_options: str, parted: bool = False) -> None:
        way, far = free_port(), ("--bind-source-addr", FAR) if parted else ()
        self.master = RedisServer(*master_options, *(("--replica-announce-port", str(way)) if parted else ()))
        self.way = Partition(way, self.master.port)
        port = way if parted else self.master.port
        # Protected, it would answer 127.0.0.1 only; it listens on loopback alone all the same.
        options = ("--replicaof", "127.0.0.1", str(port), "--protected-mode", "no")
        self.replica = RedisServer(*options, *far)
        self.sentinel = _Sentinel(port, far)
        #: Another way to the sentinel, for nodes that are on the master's side when it is cut.
        self.way_out = Partition(free_port(), self.sentinel.port, all_far=True)
        super().__init__(self.way, self.way_out, self.master, self.replica, self.sentinel)

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{SERVICE}"

    @property
    def inner_url(self) -> str:
        """By the way that can be cut."""
        return f"redis+sentinel://127.0.0.1:{self.way_out.port}/{SERVICE}"

    @property
    def master_port(self) -> int:
        """Where the sentinel sends whoever asks for the master."""
        return int(self.sentinel.raw("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE).split()[1])

    def _form(self) -> None:
        """Until the replica is in step and the sentinel knows it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            replicas = self.sentinel.command("SENTINEL", "REPLICAS", SERVICE)
            link = str(self.replica.command("INFO", "replication"))
            if replicas and ("master_link_status:up" in link or "'master_link_status': 'up'" in link):
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"the sentinel does not know the replica: {replicas} {link}")
            time.sleep(0.05)
