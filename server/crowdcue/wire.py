"""The two codecs that clients choose from: the same maps as JSON text or as MessagePack bytes, strictly."""

from __future__ import annotations

from typing import Any, Final, Protocol

import msgpack
import orjson

#: Frames larger than this are refused before they are parsed (bytes).
MAX_FRAME: Final = 64 * 1024


class BadFrame(ValueError):
    """A frame that is not one map of the chosen codec."""


class Wire(Protocol):
    """A codec of messages to clients; `text`: its frames are text, not bytes."""

    subprotocol: str
    text: bool

    def encode(self, message: dict[str, Any]) -> bytes:
        """One frame's payload."""
        ...

    def open_map(self, message: dict[str, Any]) -> bytes:
        """All but the end of a map to which `close_map` adds one more field."""
        ...

    def close_map(self, head: bytes, name: str, value: object) -> bytes:
        """A map from `open_map` with one more field, without encoding the rest again."""
        ...


class ClientWire(Wire, Protocol):
    """A codec that clients speak too."""

    def decode(self, frame: str | bytes) -> dict[str, Any]:
        """The map in a frame; raises `BadFrame`."""
        ...


class JsonWire:
    """JSON in text frames."""

    subprotocol = "crowdcue.v1.json"
    text = True

    @staticmethod
    def decode(frame: str | bytes) -> dict[str, Any]:
        """The map in a frame; raises `BadFrame` (also for NaN, and for depth beyond the parser's bound)."""
        if not isinstance(frame, str):
            raise BadFrame("this connection speaks JSON in text frames")
        try:
            message = orjson.loads(frame)
        except ValueError as error:  # JSONDecodeError, and lone surrogates
            raise BadFrame("this is not JSON") from error
        if type(message) is not dict:
            raise BadFrame("a message is a map")
        return message

    @staticmethod
    def encode(message: dict[str, Any]) -> bytes:
        """One frame's payload, UTF-8."""
        return orjson.dumps(message)

    @staticmethod
    def open_map(message: dict[str, Any]) -> bytes:
        """All but the end of a map to which `close_map` adds one more field."""
        return orjson.dumps(message)[:-1]

    @staticmethod
    def close_map(head: bytes, name: str, value: object) -> bytes:
        """A map from `open_map` with one more field, without encoding the rest again."""
        return b"%b,%b:%b}" % (head, orjson.dumps(name), orjson.dumps(value))


#: One packer for all: each new one asks for a buffer of its own, which costs as much as packing a small message.
_pack = msgpack.Packer().pack


class MsgpackWire:
    """MessagePack in binary frames."""

    subprotocol = "crowdcue.v1.msgpack"
    text = False

    @staticmethod
    def decode(frame: str | bytes) -> dict[str, Any]:
        """The map in a frame; raises `BadFrame`."""
        if isinstance(frame, str):
            raise BadFrame("this connection speaks MessagePack in binary frames")
        try:
            message = msgpack.unpackb(frame)
        except Exception as error:  # the unpacker has a dozen exceptions, some of them plain ValueError
            raise BadFrame("this is not MessagePack") from error
        if type(message) is not dict:
            raise BadFrame("a message is a map")
        return message

    @staticmethod
    def encode(message: dict[str, Any]) -> bytes:
        """One frame's payload."""
        return _pack(message)  # type: ignore[no-any-return]

    @staticmethod
    def open_map(message: dict[str, Any]) -> bytes:
        """All but the end of a map to which `close_map` adds one more field: at most 14 fields."""
        body: bytes = _pack(message)
        assert len(message) < 15, "a map of 15 fields has a longer header"
        return bytes([body[0] + 1]) + body[1:]

    @staticmethod
    def close_map(head: bytes, name: str, value: object) -> bytes:
        """A map from `open_map` with one more field, without encoding the rest again."""
        return b"".join((head, _pack(name), _pack(value)))


JSON: Final = JsonWire()
MSGPACK: Final = MsgpackWire()
WIRES: Final[dict[str, ClientWire]] = {JSON.subprotocol: JSON, MSGPACK.subprotocol: MSGPACK}


def choose(subprotocols: list[str]) -> tuple[ClientWire, str | None]:
    """The first codec that the client offers and we speak, and the subprotocol to confirm; JSON if none."""
    for offered in subprotocols:
        if offered in WIRES:
            return WIRES[offered], offered
    return JSON, None
