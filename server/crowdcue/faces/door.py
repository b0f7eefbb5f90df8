"""The door of rooms that have a PIN: who may come in and look, and how often somebody may be wrong about the PIN."""

from __future__ import annotations

import math
import time
from typing import Final

from crowdcue.limits import Buckets
from crowdcue.live.room import LiveRoom
from crowdcue.room.refusal import Refused
from crowdcue.room.rules import BAD_PIN, PIN_NEEDED

#: Wrong PINs for one room from one address, at once and then per second: a party shares one address and fingers slip,
#: but whoever tries PINs in turn needs days for the ten thousand of four digits.
ADDRESS_BURST: Final = 20
ADDRESS_RATE: Final = 1 / 30
#: … and for one room from everywhere, so that many addresses do not help much.
ROOM_BURST: Final = 60
ROOM_RATE: Final = 1 / 10


class NotLetIn(Exception):
    """The caller stays outside; `refused` says why."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message)
        self.refused = refused


class Door:
    """Lets people into rooms, and counts wrong PINs. One per node."""

    def __init__(self) -> None:
        self._addresses = Buckets(ADDRESS_BURST, ADDRESS_RATE)
        self._rooms = Buckets(ROOM_BURST, ROOM_RATE)

    async def enter(
        self, live: LiveRoom, member: str | None, pin: str | None, address: str, *, host: bool
    ) -> None:
        """Come back when the caller may be in the room as it is now; a member who shows the PIN is remembered by it.

        `member` None: somebody who is nobody yet, and shows the PIN each time. `host`: with host rights of whatever
        kind. Raises `NotLetIn` or `Unavailable`.
        """
        if host or live.room.lets_in(member):
            return
        await live.fresh()  # perhaps another node has let them in, or knows of another PIN, since a moment
        if live.room.lets_in(member):
            return
        if not pin:
            raise NotLetIn(PIN_NEEDED)
        now, here = time.monotonic(), f"{live.code} {address}"
        wait = max(self._addresses.wait(here, now), self._rooms.wait(live.code, now))
        if wait:
            # The right one is not looked at either: an answer would tell that it is right.
            raise NotLetIn(Refused("too_many", "Too many wrong PINs; wait a moment.", math.ceil(wait)))
        if not live.is_pin(pin):
            self._addresses.take(here, now)
            self._rooms.take(live.code, now)
            raise NotLetIn(BAD_PIN)
        if member is None:
            return
        outcome = await live.admit(member)
        if isinstance(outcome, Refused):
            raise NotLetIn(outcome)
