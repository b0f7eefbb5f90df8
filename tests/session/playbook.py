"""A tiny language for conversations: a frame goes in, its effect must be looked at before the next one."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import msgpack
import orjson

from crowdcue.room import ops
from crowdcue.room.commands import Command
from crowdcue.room.refusal import Outcome
from crowdcue.room.song import Song
from crowdcue.session import BAD_MESSAGE, Close, Effect, Ignore, Join, React, Send, Session, Submit
from crowdcue.wire import MSGPACK, ClientWire

ANNA = ops.Actor("anna", "Anna", 0)
LOG_TIME = 1_234_567


class Around:
    """A room with 3 members, no player, and a library of one song."""

    present = 3
    attached = False

    def find_song(self, song_id: str) -> Song | None:
        return Song("lib", "Title", "Artist", 1_000) if song_id == "lib" else None

    def seal_pin(self, pin: str) -> str:
        return f"seal of {len(pin)}" if pin else ""


class Play:
    """One conversation. Leaving the `with` with an effect nobody looked at is an unfinished play and fails."""

    def __init__(self, wire: ClientWire, *, actor: ops.Actor = ANNA, joined: bool = True) -> None:
        self.session = Session(wire)
        self.now = 5_000.0
        self._wire = wire
        self._effect: Effect | None = None
        if joined:
            self.says(t="hello").joins()
            self.session.joined(actor, Around())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if kind is None:
            assert self._effect is None, f"unfinished play: nobody looked at {self._effect}"

    # Frames in

    def says(self, **message: Any) -> Self:
        """The client sends a map."""
        return self.sends_value(message)

    def sends_value(self, value: Any) -> Self:
        """The client sends any value in its codec."""
        data: bytes = msgpack.packb(value) if self._wire is MSGPACK else orjson.dumps(value)
        return self.sends(data if self._wire is MSGPACK else data.decode())

    def sends(self, frame: str | bytes) -> Self:
        """The client sends this very frame."""
        assert self._effect is None, f"nobody looked at {self._effect}"
        self._effect = self.session.receive(frame, self.now, lambda: LOG_TIME)
        return self

    # Effects out

    def _takes(self) -> Effect:
        assert self._effect is not None, "nothing was said"
        effect, self._effect = self._effect, None
        return effect

    def joins(self) -> Join:
        effect = self._takes()
        assert isinstance(effect, Join), effect
        return effect

    def submits(self, command: Command | None = None) -> Submit:
        effect = self._takes()
        assert isinstance(effect, Submit), effect
        assert command is None or effect.command == command
        return effect

    def hears(self, **message: Any) -> None:
        assert self._sent() == message

    def is_refused(self, code: str, id_: str = "i") -> dict[str, Any]:
        message = self._sent()
        assert (message["t"], message["id"], message["code"]) == ("refused", id_, code), message
        assert message["message"]
        return message

    def reacts(self, emoji: str) -> None:
        """The effect: show this to everybody."""
        assert self._takes() == React(emoji)

    def is_ignored(self) -> None:
        """The effect: nothing."""
        assert self._takes() == Ignore()

    def is_closed(self, code: int = BAD_MESSAGE) -> str:
        effect = self._takes()
        assert isinstance(effect, Close), effect
        assert effect.code == code
        assert 0 < len(effect.reason.encode()) <= 123
        return effect.reason

    def _sent(self) -> dict[str, Any]:
        effect = self._takes()
        assert isinstance(effect, Send), effect
        return self.reads(effect.frame)

    def reads(self, frame: bytes) -> dict[str, Any]:
        """What the client makes of a frame."""
        message = msgpack.unpackb(frame) if self._wire is MSGPACK else orjson.loads(frame)
        assert isinstance(message, dict)
        return message

    def answered(self, submit: Submit, outcome: Outcome) -> dict[str, Any]:
        """The outcome comes; what the client hears of it."""
        return self.reads(self.session.answer(submit.id, outcome))
