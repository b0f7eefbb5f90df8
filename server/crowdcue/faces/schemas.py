"""JSON Schemas of what clients are sent, for the OpenAPI and the AsyncAPI document; tests hold them to the code."""

from __future__ import annotations

from typing import Any, Final

import orjson

from crowdcue.room.forms import Record
from crowdcue.room.refusal import CODES
from crowdcue.room.settings import TABLE_FORM
from crowdcue.room.song import SONG_FORM

Schema = dict[str, Any]

MS: Final[Schema] = {"type": "integer", "description": "Milliseconds of log time since 1970."}


def of_record(record: Record) -> Schema:
    """The schema of a form that the server checks, as plain maps and lists."""
    schema: Schema = orjson.loads(orjson.dumps(record.schema))
    return schema


def ref(name: str) -> Schema:
    """A reference to a schema of `SHARED` (or of the document's own)."""
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None, about: str = "") -> Schema:
    """An object with these fields; more may come in later versions."""
    schema: Schema = {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }
    return {"description": about, **schema} if about else schema


_INTEGER: Final[Schema] = {"type": "integer"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_TEXT: Final[Schema] = {"type": "string"}
_SONG: Final = of_record(SONG_FORM)

#: The fields that every song has or may have, as it is sent.
SONG_FIELDS: Final[dict[str, Schema]] = {
    name: _SONG["properties"][name] for name in ("id", "title", "artist", "duration")
}
SONG_EXTRAS: Final[dict[str, Schema]] = {"album": _TEXT, "uri": _TEXT, "artwork": _TEXT}

SHARED: Final[dict[str, Schema]] = {
    "Song": record(SONG_FIELDS, SONG_EXTRAS, "One song; duration in seconds."),
    "Code": {
        "type": "string",
        "enum": list(CODES),
        "description": "\n".join(f"- `{code}`: {about}" for code, about in CODES.items()),
    },
    "By": record({"id": _TEXT, "name": _TEXT}, about="Who added a song."),
    "Settings": {**of_record(TABLE_FORM), "description": "Settings of a room."},
}
del SHARED["Settings"]["additionalProperties"]

ITEM_FIELDS: Final[dict[str, Schema]] = {
    "score": _INTEGER,
    "up": _COUNT,
    "down": _COUNT,
    "by": ref("By"),
    "added_at": MS,
    "key": {"type": "array", "items": _INTEGER, "description": "Play order is ascending by this."},
}

ITEM: Final = record({**SONG_FIELDS, **ITEM_FIELDS}, SONG_EXTRAS, "A queued song.")
ITEM_CHANGES: Final = record(
    {"id": SONG_FIELDS["id"]},
    {**{name: SONG_FIELDS[name] for name in ("title", "artist", "duration")}, **SONG_EXTRAS, **ITEM_FIELDS},
    "What is different about a queued song; whole when it is new.",
)
PLAYING: Final = record(
    {
        "song": ref("Song"),
        "play": {**_INTEGER, "description": "Rises with every song started."},
        "position": {
            **_INTEGER,
            "description": "Position is `position + (paused_at ?? now) - started_at` (ms).",
        },
        "started_at": MS,
        "paused_at": nullable(MS),
        "paused_by": {"enum": ["host", "auto", None]},
    },
    {
        "played_at": MS,
        "by": ref("By"),
        "score": _INTEGER,
        "skip": record({"votes": _COUNT, "needed": _COUNT}),
    },
    "What plays.",
)
PLAY: Final = record(
    {"song": ref("Song"), "play": _INTEGER, "played_at": MS},
    {"ended_at": MS, "by": ref("By"), "score": _INTEGER, "reason": {"enum": ["end", "error", "skip"]}},
    "A finished play.",
)
