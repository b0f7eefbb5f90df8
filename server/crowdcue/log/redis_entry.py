"""How the Redis log names its keys and packs an entry: what the Lua scripts and the Python side share."""

from __future__ import annotations

from .contract import Entry

#: The parts of a room, all hash-tagged by its code, so that a cluster keeps them in one place.
PARTS = ("head", "entries", "producers", "snapshot", "plays")


def key(room: str, part: str) -> str:
    """The key of one part of a room, or its channel (`hints`)."""
    return f"crowdcue:{{{room}}}:{part}"


def room_of(name: bytes) -> str:
    """The room that a key or channel belongs to."""
    return name[name.index(b"{") + 1 : name.rindex(b"}")].decode()


def unpack(packed: bytes) -> Entry:
    """The entry that append.lua packed: "seq prev chain at number length producer+payload"."""
    seq, prev, chain, at, number, length, rest = packed.split(b" ", 6)
    end = int(length)
    return Entry(
        int(seq), prev.decode(), chain.decode(), int(at), rest[:end].decode(), int(number), rest[end:]
    )


def pack_hint(number: int, payload: bytes = b"") -> bytes:
    """An entry of no log that `unpack` understands: only its number and payload mean something."""
    return b"0 - - 0 %d 0 %b" % (number, payload)
