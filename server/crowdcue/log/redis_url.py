"""From a Redis URL to redis-py's asyncio clients: one server, sentinels, or a cluster."""

from __future__ import annotations

from typing import Any, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

Client: TypeAlias = "Redis | RedisCluster"

#: How long a connection may take to come about (s). Longer than a busy server needs, shorter than a guest waits.
CONNECT_TIMEOUT = 2.0
#: Connections of one client: reads of different rooms run side by side, and more only queue up in Redis.
MAX_CONNECTIONS = 64
FORMS = (
    "redis://host:port/db, rediss://host:port/db, redis+sentinel://host:port,host:port/service[/db] "
    "or redis+cluster://host:port,host:port"
)


def connect(url: str, timeout: float) -> Client:
    """A client that gives up an answer after `timeout` s and never repeats a command by itself.

    redis-py's own retries repeat a command whose answer was lost, and so would apply it twice with plain
    success. Raises `ValueError` with a line for the operator when the URL is not of a known form.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
        "max_connections": MAX_CONNECTIONS,
        "protocol": 2,
    }
    parts = urlsplit(url)
    if parts.scheme in ("redis", "rediss", "unix"):
        return Redis.from_url(url, **options)
    if parts.scheme == "redis+cluster":
        nodes = [ClusterNode(host, port) for host, port in _hosts(parts, 6379)]
        return RedisCluster(startup_nodes=nodes, **_credentials(parts), **options)
    if parts.scheme == "redis+sentinel":
        service, _, db = parts.path.strip("/").partition("/")
        if not service or (db and not db.isdecimal()):
            raise ValueError(f"{shown(url)}: a sentinel URL names a service, as in {FORMS}")
        waits = {
            name: options[name] for name in ("socket_timeout", "socket_connect_timeout", "retry", "protocol")
        }
        sentinel = Sentinel(_hosts(parts, 26379), sentinel_kwargs=waits)  # type: ignore[no-untyped-call]
        master: Redis = sentinel.master_for(service, db=int(db or 0), **_credentials(parts), **options)
        return master
    raise ValueError(f"{shown(url)} is not a Redis URL: use {FORMS}")


def shown(url: str) -> str:
    """The URL without its password and options, fit for a log line."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _hosts(parts: SplitResult, default: int) -> list[tuple[str, int]]:
    hosts: list[tuple[str, int]] = []
    for place in parts.netloc.rpartition("@")[2].split(","):
        try:
            one = urlsplit(f"//{place}")
            hosts.append((one.hostname or "localhost", one.port or default))
        except ValueError as error:
            raise ValueError(f"{place!r} is not a host and port: {error}") from error
    return hosts


def _credentials(parts: SplitResult) -> dict[str, Any]:
    given, _, _ = parts.netloc.rpartition("@")
    user, _, password = given.partition(":")
    found = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in found.items() if value}
