"""The distributed log: the contract over one Redis, or a cluster, that many nodes share.

A room's entries are a stream whose ids are their seqs: `read` finds its place by the index of the stream, and
trimming drops whole blocks from the old end. Whatever changes a room is one script on keys of one hash tag.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from redis.asyncio import RedisCluster
from redis.exceptions import RedisError

from crowdcue.tasks import Tasks

from .contract import (
    KEEP_ENTRIES,
    KEEP_PLAYS,
    PRODUCER_TTL,
    TOMBSTONE_TTL,
    Durability,
    Entry,
    NoSuchRoom,
    OnHint,
    Play,
    Position,
    RoomExists,
    Snapshot,
    Trimmed,
    Unavailable,
)
from .redis_entry import PARTS, key, pack_hint, room_of, unpack
from .redis_presence import RedisPresence
from .redis_store import Call, RedisStore, Script
from .redis_subscriber import RedisSubscriber
from .redis_writer import RedisWriter

logger = logging.getLogger(__name__)

#: An append's answer is given up after so long (s); the caller asks again, which is safe (L2).
APPEND_TIMEOUT = 3.0
#: Anything else may take longer (s): a snapshot or a page of entries is large.
TIMEOUT = 5.0
#: The sentinels are asked for the master this often (s): one that they have deposed may go on taking writes until it
#: hears of it, and all of these are lost.
FOLLOW_EVERY = 1.0
#: Keys looked at in one step of SCAN; a larger step would keep other commands waiting.
SCAN_COUNT = 1_000

_CREATE, _POSITION, _RESTORE = Script.load("create"), Script.load("position"), Script.load("restore")
_DELETE = Script.load("delete")
_CHECKPOINT, _TRIM = Script.load("checkpoint"), Script.load("trim")


class RedisLog:
    """The contract's `RoomLog` in the Redis at `url`, and the `presence` beside it."""

    shared = True

    def __init__(
        self,
        url: str,
        durability: Durability = "disk",
        *,
        skew: Callable[[], int] = lambda: 0,
        keep_entries: int = KEEP_ENTRIES,
        keep_plays: int = KEEP_PLAYS,
    ) -> None:
        """Raises `ValueError` for a URL of no known form. `skew` (ms) makes Redis's clock jump in tests."""
        self._durability = durability
        self._skew = skew
        self._keep_entries = keep_entries
        self._keep_plays = keep_plays
        self._store = RedisStore(url, TIMEOUT)
        self._append_store = RedisStore(url, APPEND_TIMEOUT)
        self._writer = RedisWriter(self._append_store, skew)
        self._subscriber = RedisSubscriber(self._store)
        self._tasks = Tasks()
        self._open = False
        self._own_channel = f"~{secrets.token_hex(8)}"  # no room's code: `prove` hears itself there
        self._proving = False
        self._proofs = 0
        self._proof: asyncio.Future[None] | None = None
        #: The contract's `Presence` over the same connections.
        self.presence = RedisPresence(self._store)

    async def start(self) -> None:
        """Reach Redis once; raises `Unavailable` with a line that names it (never its password)."""
        try:
            await self._store.command("EXISTS", key("MAIN", "head"))
        except Unavailable:
            await self._store.close()
            await self._append_store.close()
            raise
        await self._check_settings()
        self._writing = self._tasks.spawn(self._writer.run(), "append to redis")
        if self._store.has_sentinels:
            self._tasks.spawn(self._follow_sentinels(), "follow the sentinels")
        self._open = True

    async def close(self) -> None:
        """Finish appends in flight, then let go of the connections. Closing twice is fine."""
        if not self._open:
            return
        self._open = False
        await self._writer.close(self._writing)
        await self._subscriber.close()
        await self._tasks.close()
        await self._append_store.close()
        await self._store.close()

    async def create(self, room: str) -> Position:
        birth = secrets.token_hex(20)
        keys = (key(room, "head"), key(room, "tombstone"))
        at = await self._run(_CREATE, keys, (birth, self._skew()))
        if at is None:
            raise RoomExists(room)
        return Position(0, birth, int(at), int(at))

    async def delete(self, room: str, *, for_good: bool = True) -> None:
        keys = [key(room, part) for part in ("tombstone", *PARTS)]
        await self._run(_DELETE, keys, (self._skew(), int(for_good)))

    async def append(self, room: str, producer: str, number: int, payload: bytes) -> Position:
        self._check_open()
        return await asyncio.shield(self._writer.submit(room, producer, number, payload))

    async def read(self, room: str, after: int, limit: int = 1_000) -> list[Entry]:
        self._check_open()
        # Two commands in this order, not one script: Lua would copy every payload. If the room is trimmed in
        # between, the entries are still whole, and `first` never excuses a gap.
        found, (seq, first) = await self._store.commands(
            ("XRANGE", key(room, "entries"), f"{after + 1}-0", "+", "COUNT", max(limit, 1)),
            ("HMGET", key(room, "head"), "seq", "first"),
        )
        if seq is None:
            raise NoSuchRoom(room)
        entries = [unpack(fields[b"e"] if isinstance(fields, dict) else fields[1]) for _, fields in found]
        if entries and entries[0].seq == after + 1 and entries[-1].seq == after + len(entries):
            return entries[: max(limit, 0)]
        if after < int(first) - 1:
            raise Trimmed(f"{room} holds entries from {int(first)}, not from {after + 1}")
        if entries:
            raise Unavailable(f"Redis has lost entries of {room} after {after}")
        return []

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        self._check_open()
        if not rooms:
            return {}
        skew = self._skew()
        answers = await self._store.run_many(
            _POSITION, [Call((key(room, "head"),), (skew,)) for room in rooms]
        )
        return {
            room: Position(int(answer[0]), answer[1].decode(), int(answer[2]), int(answer[3]))
            for room, answer in zip(rooms, answers, strict=True)
            if answer
        }

    async def snapshot(self, room: str) -> Snapshot | None:
        self._check_open()
        known, kept = await self._store.commands(
            ("HEXISTS", key(room, "head"), "seq"),
            ("HMGET", key(room, "snapshot"), "seq", "chain", "plays", "data"),
        )
        if not known:
            raise NoSuchRoom(room)
        seq, chain, plays, data = kept
        return None if seq is None else Snapshot(int(seq), chain.decode(), int(plays), data)

    async def checkpoint(self, room: str, snapshot: Snapshot, plays: Sequence[Play], cleared: int) -> bool:
        args: list[str | bytes | int] = [snapshot.seq, snapshot.chain, snapshot.plays, snapshot.data]
        args += [cleared, self._skew(), PRODUCER_TTL, self._keep_plays]
        for play in plays:
            args += [play.play, play.data]
        stored = await self._run(_CHECKPOINT, tuple(key(room, part) for part in PARTS), args)
        if stored < 0:
            raise NoSuchRoom(room)
        if not stored:
            return False
        kept = await self.snapshot(room)
        if kept is None or (kept.seq == snapshot.seq and kept != snapshot):
            raise Unavailable(f"the snapshot of {room} does not read back as it was written")
        await self._run(_TRIM, (key(room, "head"), key(room, "entries")), (self._keep_entries,))
        return True

    async def plays(self, room: str, before: int | None, limit: int) -> list[Play]:
        self._check_open()
        if limit < 1 or (before is not None and before < 1):
            return []
        newest = "+" if before is None else f"({before}-0"
        found = await self._store.command("XREVRANGE", key(room, "plays"), newest, "-", "COUNT", limit)
        return [Play(int(name.partition(b"-")[0]), fields[b"p"]) for name, fields in found]

    async def restore(self, room: str, snapshot: Snapshot, at: int) -> bool:
        args = (snapshot.seq, snapshot.chain, snapshot.plays, snapshot.data, at, self._skew(), TOMBSTONE_TTL)
        keys = tuple(key(room, part) for part in (*PARTS, "tombstone"))
        return bool(await self._run(_RESTORE, keys, args))

    async def rooms(self) -> dict[str, int]:
        self._check_open()
        # SCAN, since an index of all rooms could not be written in one step with a room of another slot.
        try:
            heads = {
                name async for name in self._store.client.scan_iter(match=key("*", "head"), count=SCAN_COUNT)
            }
        except (RedisError, OSError) as error:
            raise self._store.unavailable(error) from error
        names = sorted(heads)
        found: dict[str, int] = {}
        for start in range(0, len(names), SCAN_COUNT):
            part = names[start : start + SCAN_COUNT]
            times = await self._store.commands(*(("HGET", name, "at") for name in part))
            found |= {room_of(name): int(at) for name, at in zip(part, times, strict=True) if at is not None}
        return found

    async def subscribe(self, room: str, on_hint: OnHint) -> None:
        self._check_open()
        await self._subscriber.subscribe(room, on_hint)

    async def unsubscribe(self, room: str) -> None:
        await self._subscriber.unsubscribe(room)

    async def whisper(self, room: str, payload: bytes) -> None:
        self._check_open()
        await self._store.command(self._writer.publish, key(room, "hints"), pack_hint(0, payload))

    async def prove(self) -> None:
        self._check_open()
        if not self._proving:
            await self._subscriber.subscribe(self._own_channel, self._proved)
            self._proving = True
        self._proof = asyncio.get_running_loop().create_future()
        self._proofs += 1
        entry = pack_hint(self._proofs)
        await self._store.command(self._writer.publish, key(self._own_channel, "hints"), entry)
        try:
            await asyncio.wait_for(self._proof, TIMEOUT)
        except TimeoutError:
            raise Unavailable("what this node publishes does not come back from Redis") from None

    def _proved(self, _: str, entry: Entry | None) -> None:
        if entry is not None and entry.number == self._proofs and self._proof and not self._proof.done():
            self._proof.set_result(None)

    async def secret(self, name: str, default: bytes) -> bytes:
        self._check_open()
        where = f"crowdcue:secret:{name}"
        _, kept = await self._store.commands(("SET", where, default, "NX"), ("GET", where))
        if kept is None:
            raise Unavailable(f"Redis does not keep the secret {name}")
        value: bytes = kept
        return value

    async def _follow_sentinels(self) -> None:
        while True:
            await self._append_store.follow_sentinels()
            master = await self._store.follow_sentinels()
            if master is not None:
                logger.warning("the sentinels name another master: %s port %d", *master)
                self._subscriber.connect_anew()
            await asyncio.sleep(FOLLOW_EVERY)

    async def _run(self, script: Script, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Any:
        self._check_open()
        return await self._store.run(script, Call(keys, args))

    def _check_open(self) -> None:
        if not self._open:
            raise Unavailable("the log is closed")

    async def clock(self) -> float:
        """Redis's own time (s since 1970)."""
        self._check_open()
        where = {"target_nodes": RedisCluster.RANDOM} if self._store.is_cluster else {}
        seconds, micros = await self._store.command("TIME", **where)
        return int(seconds) + int(micros) / 1_000_000

    async def _check_settings(self) -> None:
        for line in await self.problems():
            logger.warning("%s", line)

    async def problems(self) -> list[str]:
        """A line for each way in which Redis keeps less than was asked for. CONFIG may be forbidden: then that."""
        client = self._store.client
        where = {"target_nodes": RedisCluster.RANDOM} if isinstance(client, RedisCluster) else {}
        found: dict[str, str] = {}
        try:
            for name in ("appendonly", "appendfsync", "maxmemory-policy"):
                answer = await self._store.command("CONFIG GET", name, **where)
                pairs = (
                    answer.items()
                    if isinstance(answer, dict)
                    else zip(answer[::2], answer[1::2], strict=True)
                )
                found |= {_text(option): _text(value) for option, value in pairs}
        except Unavailable as error:
            return [f"whether Redis keeps what it acknowledges is unknown: {error}"]
        lines: list[str] = []
        if found.get("appendonly") != "yes":
            lines.append("Redis has appendonly off: a restart of Redis loses the newest entries, or all")
        elif self._durability == "disk" and found.get("appendfsync") != "always":
            lines.append(
                f"durability is disk, but Redis has appendfsync {found.get('appendfsync')}: a power cut may lose about "
                "the last second; set appendfsync always, or choose --durability process"
            )
        if found.get("maxmemory-policy", "noeviction") != "noeviction":
            lines.append("Redis may evict rooms: set maxmemory-policy noeviction")
        return lines


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
