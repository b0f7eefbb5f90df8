"""The rooms that are open on this node: opened when somebody comes, followed, and closed when nobody is left."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from crowdcue.live.pins import Pins
from crowdcue.live.room import BEAT_EVERY, LiveRoom, Songs
from crowdcue.log.contract import NoSuchRoom, Presence, RoomExists, RoomLog, Unavailable
from crowdcue.room import settings
from crowdcue.room.commands import NODE, Create
from crowdcue.tasks import Tasks

log = logging.getLogger(__name__)

#: The house party, which always exists.
MAIN: Final = "MAIN"
ALPHABET: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH: Final = 6
#: Rooms open on one node at once.
MAX_OPEN: Final = 10_000
#: A room that nobody listens to is closed after so long (s).
IDLE: Final = 60.0
#: The open rooms' positions are looked at so often (s).
POLL: Final = 1.0
#: A room unused for so long is deleted (ms): 30 days.
UNUSED: Final = 30 * 86_400_000
#: How often that is looked for (s).
SWEEP_EVERY: Final = 3_600.0


def normal_code(text: str) -> str | None:
    """A room code as people may type it, in its one form; None when it cannot be one."""
    code = text.upper()
    if code == MAIN or (len(code) == CODE_LENGTH and all(c in ALPHABET for c in code)):
        return code
    return None


class Registry:
    """All rooms of a store as this node sees them. `pins`: as on the other nodes; without it, this one's own."""

    def __init__(
        self, store: RoomLog, presence: Presence, songs: Songs, tasks: Tasks, pins: Pins | None = None
    ) -> None:
        self.node = secrets.token_hex(8)
        self.store = store
        self._presence = presence
        self._songs = songs
        self._pins = pins or Pins(secrets.token_bytes(32))
        self._tasks = tasks
        self._open: dict[str, LiveRoom] = {}
        self._opening: dict[str, asyncio.Task[LiveRoom]] = {}
        self._closing: dict[str, asyncio.Event] = {}

    def start(self) -> None:
        """Follow the open rooms from now on, and look for unused ones."""
        self._tasks.spawn(_forever(self._poll, POLL), "positions")
        self._tasks.spawn(_forever(self._beat, BEAT_EVERY), "presence")
        self._tasks.spawn(_forever(self.delete_unused, SWEEP_EVERY), "unused rooms")

    async def close(self) -> None:
        """Close every room."""
        await asyncio.gather(
            *[self._close(room) for room in list(self._open.values())], return_exceptions=True
        )

    @property
    def rooms(self) -> list[LiveRoom]:
        """The rooms open right now."""
        return list(self._open.values())

    async def get(self, code: str) -> LiveRoom:
        """The room of this code (in its normal form), opened if need be.

        Raises `NoSuchRoom`, `Unavailable` or `replica.Refusing`.
        """
        room = self._open.get(code)
        if room is not None and room.gone is None and code not in self._closing:
            # Not to be closed as idle before the caller gets to it.
            room.used_at = asyncio.get_running_loop().time()
            return room
        opening = self._opening.get(code)
        if opening is None:
            opening = asyncio.get_running_loop().create_task(self._open_room(code))
            self._opening[code] = opening
            opening.add_done_callback(lambda _: self._opened(code))
        return await asyncio.shield(opening)

    def _opened(self, code: str) -> None:
        opening = self._opening.pop(code)
        if not opening.cancelled():
            opening.exception()  # perhaps everybody who waited has gone: that is no error

    async def _open_room(self, code: str) -> LiveRoom:
        if (closing := self._closing.get(code)) is not None:
            await closing.wait()
        if (gone := self._open.get(code)) is not None:
            await self._close(gone)  # it ended, and there is a new one of its code
        if len(self._open) >= MAX_OPEN:
            raise Unavailable("this node has as many rooms open as it can")
        producer = f"{self.node}-{secrets.token_hex(4)}"
        room = LiveRoom(
            code, self.node, self.store, self._presence, self._songs, self._tasks, producer, self._pins
        )
        await room.open()
        self._open[code] = room
        return room

    async def create(self, values: dict[str, settings.Value], code: str | None = None) -> LiveRoom:
        """A new room with these settings, under a fresh code unless one is given (then `RoomExists` may be raised)."""
        while True:
            new = code or "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
            try:
                await self.store.create(new)
                break
            except RoomExists:
                if code:
                    raise
        room = await self.get(new)
        await room.do(Create("house", NODE, None, new, values))
        return room

    async def ensure_main(self) -> LiveRoom:
        """The house party, made when it is not there yet."""
        try:
            return await self.get(MAIN)
        except NoSuchRoom:
            pass
        try:
            return await self.create({"name": "The house party"}, MAIN)
        except RoomExists:  # another node was quicker
            return await self.get(MAIN)

    async def delete(self, code: str) -> None:
        """Delete a room for good; whoever is in it is told that it is over. Raises `NoSuchRoom`, `Unavailable`.

        The other nodes find out within seconds, by their look at the open rooms' positions.
        """
        room = await self.get(code)
        await self.store.delete(code)
        room.end()
        log.info("room %(room)s is deleted", {"room": code})

    async def _close(self, room: LiveRoom) -> None:
        if (closing := self._closing.get(room.code)) is not None:
            await closing.wait()  # somebody is at it
            return
        closed = self._closing[room.code] = asyncio.Event()
        try:
            await room.close()
        finally:
            if self._open.get(room.code) is room:
                del self._open[room.code]
            del self._closing[room.code]
            closed.set()

    # Housekeeping

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        rooms = [room for room in self._open.values() if room.gone is None]
        asked = loop.time()
        positions = await self.store.positions([room.code for room in rooms]) if rooms else {}
        for room in rooms:
            room.polled(positions.get(room.code), asked, loop.time())
        for room in [r for r in self._open.values() if r.code not in self._closing]:
            if room.gone is not None or (
                room.idle and room.code != MAIN and loop.time() - room.used_at > IDLE
            ):
                await self._close(room)

    async def _beat(self) -> None:
        for room in self._open.values():
            room.beat()

    async def delete_unused(self) -> list[str]:
        """Delete the rooms unused for 30 days by the log's own time; the codes deleted."""
        rooms = await self.store.rooms()
        main = (await self.store.positions([MAIN])).get(MAIN)
        if main is None:
            return []
        unused = [
            code
            for code, at in rooms.items()
            if code != MAIN and code not in self._open and main.now - at > UNUSED
        ]
        for code in unused:
            await self.store.delete(code, for_good=False)  # another node may have it open: it puts it back
            log.info("room %(room)s was unused for 30 days and is deleted", {"room": code})
        return unused


async def _forever(work: Callable[[], Awaitable[object]], every: float) -> None:
    """Do `work` now and then, every so many seconds; a failure is told and does not end it."""
    while True:
        try:
            await work()
        except Unavailable as error:
            log.info("the log does not answer: %s", error)
        except Exception:
            log.exception("housekeeping failed and goes on")
        await asyncio.sleep(every)
