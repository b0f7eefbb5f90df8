"""Hints from Redis: own connections that notice a silent link, come back, and have every room caught up (L3, L4).

redis-py's PubSub is not used: its health check does not see a link that has gone silent. One connection serves
a single server; in a cluster there is one per master, with sharded channels.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any

from redis.asyncio import RedisCluster
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisClusterException, RedisError

from crowdcue.tasks import Tasks

from .contract import Entry, OnHint, Unavailable
from .redis_entry import key, room_of, unpack
from .redis_store import RedisStore

logger = logging.getLogger(__name__)

#: A PING this often (s), so that a healthy link is never silent for long.
PING_EVERY = 2.0
#: A link without a byte for so long (s) is dead, whatever TCP believes.
SILENCE = 5.0
#: How long `subscribe` waits for its confirmation (s): time enough for one dead link to be replaced.
SUBSCRIBE_TIMEOUT = 8.0
#: Before connecting again: at least, and at most (s), so that the nodes do not all come back at once.
PAUSE = (0.1, 1.0)
#: Channels in one SUBSCRIBE after a reconnect; bounds the size of the command.
#: Sharded channels of different slots may not share a command at all.
SUBSCRIBE_AT_ONCE = 500

_FAULTS = (RedisError, RedisClusterException, OSError)


class _Link:
    """One server's connection, and the rooms listened to there."""

    def __init__(self) -> None:
        self.rooms: set[str] = set()
        self.connection: Any = None  # while it is up
        self.down = False  # said to be so in the log


class RedisSubscriber:
    """Keeps every subscribed room's hints flowing, or says that they may have been missed."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._tasks = Tasks()
        self._hints: dict[str, OnHint] = {}
        self._known: set[str] = set()  # rooms confirmed once; a confirmation of theirs means catching up
        self._waiters: dict[str, asyncio.Future[None]] = {}
        self._links: dict[str, _Link] = {}
        self._verbs = ("SSUBSCRIBE", "SUNSUBSCRIBE") if store.is_cluster else ("SUBSCRIBE", "UNSUBSCRIBE")

    async def close(self) -> None:
        """End every link; nothing is delivered afterwards."""
        self._hints.clear()
        await self._tasks.close()
        for waiter in self._waiters.values():
            if not waiter.done():
                waiter.set_exception(Unavailable("the log is closed"))

    def connect_anew(self) -> None:
        """Leave every server that hints come from, for the one that is master now."""
        for link in self._links.values():
            link.connection = None  # its task notices

    async def subscribe(self, room: str, on_hint: OnHint) -> None:
        """Answers once Redis has confirmed; raises `Unavailable` if it does not in time."""
        self._hints[room] = on_hint
        waiter = self._waiters.get(room)
        if waiter is None:
            waiter = self._waiters[room] = asyncio.get_running_loop().create_future()
            try:
                await self._place(room)
            except _FAULTS as error:
                self._forget(room)
                raise self._store.unavailable(error) from error
        try:
            async with asyncio.timeout(SUBSCRIBE_TIMEOUT):
                await asyncio.shield(waiter)
        except TimeoutError:
            self._forget(room)
            raise Unavailable(f"Redis did not confirm the subscription of {room}") from None

    async def unsubscribe(self, room: str) -> None:
        for link in self._links.values():
            if room in link.rooms and link.connection is not None:
                try:
                    await link.connection.send_command(self._verbs[1], key(room, "hints"), check_health=False)
                except _FAULTS:
                    link.connection = None  # its task notices and connects anew, without this room
        self._forget(room)

    def _forget(self, room: str) -> None:
        self._hints.pop(room, None)
        self._known.discard(room)
        waiter = self._waiters.pop(room, None)
        if waiter is not None and not waiter.done():
            waiter.set_exception(Unavailable(f"the subscription of {room} was given up"))
            waiter.exception()  # perhaps nobody waits for it any more
        for link in self._links.values():
            link.rooms.discard(room)

    async def _place(self, room: str) -> None:
        """Have the room listened to on the link of the server that it lives on."""
        address = await self._address(room)
        link = self._links.get(address)
        if link is None:
            link = self._links[address] = _Link()
            self._tasks.spawn(self._serve(address, link), f"hints from {address or 'redis'}")
        link.rooms.add(room)
        if link.connection is not None:
            await link.connection.send_command(self._verbs[0], key(room, "hints"), check_health=False)

    async def _address(self, room: str) -> str:
        client = self._store.client
        if not isinstance(client, RedisCluster):
            return ""
        await client.initialize()
        node = client.get_node_from_key(key(room, "hints"))
        return str(node.name) if node is not None else ""

    def _connection(self, address: str) -> Any:
        client = self._store.client
        if not isinstance(client, RedisCluster):
            return client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        node = client.get_node(node_name=address)
        if node is None:
            raise LostConnection(f"{address} has left the cluster")
        return node.connection_class(**node.connection_kwargs)

    async def _serve(self, address: str, link: _Link) -> None:
        """Keep one server's link up; in a cluster, for as long as it has rooms."""
        while True:
            try:
                await self._listen(address, link)
            except _FAULTS as error:
                if not link.down:  # one line when it goes, one when it is back
                    link.down = True
                    logger.warning("hints from Redis stopped: %s", error)
            await asyncio.sleep(random.uniform(*PAUSE))
            if self._store.is_cluster and await self._moved(address, link):
                return

    async def _moved(self, address: str, link: _Link) -> bool:
        """After a cluster's link was lost: hand every room to the master it lives on now."""
        client = self._store.client
        assert isinstance(client, RedisCluster)
        try:
            await client.nodes_manager.initialize()
            if all([await self._address(room) == address for room in link.rooms]):
                return not link.rooms and self._links.pop(address, None) is not None
            del self._links[address]
            for room in link.rooms:
                await self._place(room)
        except _FAULTS as error:
            logger.warning("the cluster does not say where its rooms are: %s", error)
            self._links[address] = link
            return False
        return True

    async def _listen(self, address: str, link: _Link) -> None:
        """One connection's life; ends by an exception."""
        loop = asyncio.get_running_loop()
        connection = self._connection(address)
        try:
            await connection.connect()
            rooms = sorted(link.rooms)
            link.connection = connection  # from here on `_place` speaks for newcomers
            step = 1 if self._store.is_cluster else SUBSCRIBE_AT_ONCE
            for start in range(0, len(rooms), step):
                names = [key(room, "hints") for room in rooms[start : start + step]]
                await connection.send_command(self._verbs[0], *names, check_health=False)
            heard = loop.time()
            ping_at = heard
            while link.connection is connection:
                now = loop.time()
                if now - heard > SILENCE:
                    raise LostConnection(f"not a byte for {SILENCE} s")
                if now >= ping_at:
                    await connection.send_command("PING", check_health=False)
                    ping_at = now + PING_EVERY
                reply = await connection.read_response(timeout=max(ping_at - now, 0.01))
                if reply is not None:
                    heard = loop.time()
                    self._take(link, reply)
        finally:
            link.connection = None
            await connection.disconnect(nowait=True)

    def _take(self, link: _Link, reply: Any) -> None:
        if not isinstance(reply, list):
            return  # a PONG while nothing is subscribed
        kind, name = reply[0], reply[1]
        if kind in (b"message", b"smessage"):
            try:
                entry = unpack(reply[2])
            except ValueError:
                logger.warning("a hint that is none, on %r", name)
                return
            self._tell(room_of(name), entry)
        elif kind in (b"subscribe", b"ssubscribe"):
            self._confirm(link, room_of(name))
        elif kind == b"sunsubscribe" and room_of(name) in link.rooms:
            raise LostConnection(f"{room_of(name)} has moved to another master")

    def _confirm(self, link: _Link, room: str) -> None:
        if room not in link.rooms:
            return
        if link.down:
            link.down = False
            logger.warning("hints from Redis flow again")
        if room in self._known:
            self._tell(room, None)
        self._known.add(room)
        waiter = self._waiters.get(room)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _tell(self, room: str, entry: Entry | None) -> None:
        on_hint = self._hints.get(room)
        if on_hint is None:
            return
        try:
            on_hint(room, entry)
        except Exception:
            logger.exception("a hint of room %s was not taken", room)
