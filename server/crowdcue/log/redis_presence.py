"""Who is in a room right now, across the nodes, kept in Redis with a time to live."""

from __future__ import annotations

from .contract import PRESENCE_TTL
from .redis_entry import key
from .redis_store import Call, RedisStore, Script

_BEAT = Script.load("presence")


class RedisPresence:
    """The contract's `Presence`; one round trip a beat. Raises `Unavailable`."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    async def beat(self, room: str, node: str, report: bytes) -> list[bytes]:
        """Store this node's report and answer every live node's, in the order of their names."""
        call = Call((key(room, "here"),), (node, report, round(PRESENCE_TTL * 1_000)))
        reports: list[bytes] = await self._store.run(_BEAT, call)
        return reports

    async def leave(self, room: str, node: str) -> None:
        """Withdraw this node's report; unknown rooms and nodes are fine."""
        await self._store.command("HDEL", key(room, "here"), node)
