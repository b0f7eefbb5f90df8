"""A real master, its replica and a sentinel for tests, on loopback."""

from __future__ import annotations

import time

from .redis_group import RedisGroup
from .redis_server import PATIENCE, RedisServer

SERVICE = "party"


class _Sentinel(RedisServer):
    """A redis-server in sentinel mode, which wants a config file that it may rewrite."""

    def __init__(self, master: RedisServer) -> None:
        super().__init__()
        config = self.folder / "sentinel.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\nlogfile redis.log\ndir {self.folder}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {master.port} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 500\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )
        self.command_line = [self.command_line[0], str(config), "--sentinel"]


class RedisSentinel(RedisGroup):
    """`with RedisSentinel() as watched:` runs all three."""

    def __init__(self) -> None:
        self.master = RedisServer()
        self.replica = RedisServer("--replicaof", "127.0.0.1", str(self.master.port))
        self.sentinel = _Sentinel(self.master)
        super().__init__(self.master, self.replica, self.sentinel)

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{SERVICE}"

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
