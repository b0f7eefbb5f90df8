"""The conversation with one client, sans I/O: a frame in, one effect out; whoever owns the socket carries it out.

new ──hello──▶ joining ──joined()──▶ live ──▶ closed
 └─ anything else: closed 4400
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from crowdcue.limits import Bucket
from crowdcue.room import forms, ops
from crowdcue.room.commands import UNLIMITED, Command
from crowdcue.room.ops import Actor, Around
from crowdcue.room.refusal import Done, Outcome, Refused
from crowdcue.wire import BadFrame, ClientWire

#: A client must say hello within so many seconds.
HELLO_TIMEOUT: Final = 10.0
#: Commands a client may send at once, and then per second: far beyond fingers, near what a busy bot needs.
BURST: Final = 120
RATE: Final = 30.0
#: Commands of one client that wait for the log.
MAX_WAITING: Final = 512

#: What guests may throw at the stage, and how many at once and then per second.
REACTIONS: Final = ("🎉", "❤️", "🔥", "😂", "👏", "🕺")
REACTION_BURST: Final = 5
REACTION_RATE: Final = 1.0

# Close codes: 44xx do not retry, except 4401 (once, anew), 4423 (with the PIN), 4408, 4429, 4503, 4508 (with backoff).
BAD_MESSAGE: Final = 4400
BAD_TOKEN: Final = 4401
REMOVED: Final = 4403
NO_SUCH_ROOM: Final = 4404
NO_HELLO: Final = 4408
LOCKED: Final = 4423
TOO_MANY: Final = 4429
DRAINING: Final = 4503
TOO_SLOW: Final = 4508


@dataclass(frozen=True, slots=True)
class Send:
    """Send this frame."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection with a code and a short reason (at most 123 bytes)."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Join:
    """Find out who this is and let them in: then call `joined`."""

    token: str | None
    host: str | None
    name: str | None
    since: tuple[int, str] | None
    player: bool
    pin: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand this command to the room; then send what `answer` makes of its outcome."""

    id: str
    command: Command


@dataclass(frozen=True, slots=True)
class React:
    """Show this emoji to everybody in the room."""

    emoji: str


@dataclass(frozen=True, slots=True)
class Ignore:
    """Do nothing: the client does too much of what costs others' attention."""


Effect = Send | Close | Join | Submit | React | Ignore

HELLO: Final = forms.Record(
    {},
    {
        # Whether a token is ours is not a question of form: one that is damaged is a bad token, not a bad message.
        "token": forms.nullable(forms.any_text()),
        "host": forms.nullable(forms.any_text()),
        "name": forms.nullable(ops.NICKNAME),
        "pin": forms.nullable(forms.any_text()),
        "as": forms.nullable(forms.one_of("player")),
    },
)


class Session:
    """One client's conversation in one codec. Times are in seconds of any steady clock."""

    __slots__ = ("_around", "_bucket", "_reactions", "_state", "_waiting", "actor", "wire")

    def __init__(self, wire: ClientWire) -> None:
        self.wire = wire
        self.actor: Actor | None = None
        self._around: Around | None = None
        self._state: Literal["new", "joining", "live", "closed"] = "new"
        self._bucket = Bucket(BURST, RATE)
        self._waiting = 0
        self._reactions: Bucket | None = None

    def receive(self, frame: str | bytes, now: float, log_time: Callable[[], int]) -> Effect:
        """What to do about a frame. `log_time` tells the log's time (ms), for pongs."""
        if self._state == "closed":
            return self._close(BAD_MESSAGE, "this conversation is over")
        try:
            message = self.wire.decode(frame)
        except BadFrame as error:
            return self._close(BAD_MESSAGE, str(error))
        kind = message.get("t")
        if self._state == "new":
            if kind != "hello":
                return self._close(BAD_MESSAGE, "the first message must be hello")
            return self._hello(message)
        if kind == "do":
            return self._do(message, now)
        if kind == "ping":
            return self._ping(message, log_time)
        if kind == "react":
            return self._react(message, now)
        return self._close(BAD_MESSAGE, "this message has no t that is known here")

    def joined(self, actor: Actor, around: Around) -> None:
        """The client is in the room as `actor`."""
        self.actor, self._around = actor, around
        self._state = "live"

    def answer(self, id_: str, outcome: Outcome) -> bytes:
        """The frame that tells the outcome of the command `id_` of a `Submit`."""
        self._waiting -= 1
        return self.wire.encode(answer(id_, outcome))

    def _hello(self, message: dict[str, Any]) -> Effect:
        try:
            fields = HELLO.check(message, "hello")
            since = _parse_since(message.get("since"))
        except forms.BadForm as error:
            return self._close(BAD_MESSAGE, str(error))
        self._state = "joining"
        player = fields.get("as") == "player"
        token, host, name, pin = (fields.get(field) for field in ("token", "host", "name", "pin"))
        return Join(token, host, name, since, player, pin)

    def _do(self, message: dict[str, Any], now: float) -> Effect:
        id_ = message.get("id")
        if type(id_) is not str or not 1 <= len(id_) <= ops.MAX_COMMAND_ID:
            return self._close(BAD_MESSAGE, f"a do needs an id of 1 to {ops.MAX_COMMAND_ID} characters")
        assert self.actor is not None and self._around is not None, "receive before joined"
        command = ops.command(self.actor, id_, message.get("op"), message, self._around)
        if not isinstance(command, Refused):
            refused = self._over_limit(now)
            if refused is None:
                self._waiting += 1
                return Submit(id_, command)
            command = refused
        return Send(self.wire.encode(answer(id_, command)))

    def _over_limit(self, now: float) -> Refused | None:
        assert self.actor is not None
        if self.actor.rights & UNLIMITED:
            return None  # what waits in a room is bounded for all together
        if self._waiting >= MAX_WAITING:
            return Refused("too_many", "Too many of your commands are waiting.", 1)
        if self._bucket.take(now):
            return Refused("too_many", "That was too fast; wait a moment.", 1)
        return None

    def _ping(self, message: dict[str, Any], log_time: Callable[[], int]) -> Effect:
        at = message.get("at")
        if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at):
            return self._close(BAD_MESSAGE, "at must be a number")
        return Send(self.wire.encode({"t": "pong", "at": at, "now": log_time()}))

    def _react(self, message: dict[str, Any], now: float) -> Effect:
        emoji = message.get("emoji")
        if not isinstance(emoji, str) or emoji not in REACTIONS:
            return self._close(BAD_MESSAGE, "emoji must be one of the reactions")
        if self._reactions is None:
            self._reactions = Bucket(REACTION_BURST, REACTION_RATE)
        return Ignore() if self._reactions.take(now) else React(emoji)

    def _close(self, code: int, reason: str) -> Close:
        self._state = "closed"
        return Close(code, reason)


def _parse_since(value: object) -> tuple[int, str] | None:
    if value is None:
        return None
    if isinstance(value, list) and len(value) == 2:
        seq, mark = value
        if type(seq) is int and 0 <= seq < 2**53 and type(mark) is str and len(mark) <= 64:
            return seq, mark
    raise forms.BadForm("since must be [seq, mark]")


def answer(id_: str, outcome: Outcome) -> dict[str, Any]:
    """The `done` or `refused` message of an outcome."""
    if isinstance(outcome, Done):
        done: dict[str, Any] = {"t": "done", "id": id_, "seq": outcome.seq}
        if outcome.result is not None:
            done["result"] = outcome.result
        return done
    refused: dict[str, Any] = {"t": "refused", "id": id_, "code": outcome.code, "message": outcome.message}
    if outcome.retry_after is not None:
        refused["retry_after"] = outcome.retry_after
    return refused
