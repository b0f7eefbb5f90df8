"""The WebSocket API as AsyncAPI 3, made from the ops, forms and codes that the server uses.

`python -m crowdcue.faces.asyncapi > docs/asyncapi.yaml` writes the copy that is kept in the repository.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Final

from crowdcue import __version__, session, wire
from crowdcue.faces import schemas
from crowdcue.faces.schemas import Schema, nullable, record, ref
from crowdcue.live.presence import MOST_NAMES
from crowdcue.room.ops import MAX_COMMAND_ID, OPS
from crowdcue.room.state import KEEP_HISTORY, KEEP_VERSIONS

_INTEGER: Final[Schema] = {"type": "integer"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_TEXT: Final[Schema] = {"type": "string"}
_SEQ: Final[Schema] = {"type": "integer", "minimum": 0, "description": "Counts the room's log entries."}
_MARK: Final[Schema] = {
    "type": "string",
    "description": "A fingerprint of the room's whole past up to `seq`.",
}
_ID: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": MAX_COMMAND_ID}

#: Close codes, and what a client does about them.
CLOSE_CODES: Final[dict[int, str]] = {
    session.BAD_MESSAGE: "Bad message. Do not retry.",
    session.BAD_TOKEN: "Bad token. Drop it and join anew, once.",
    session.REMOVED: "Removed, or a page of another site. Do not retry.",
    session.NO_SUCH_ROOM: "No such room. Do not retry.",
    session.LOCKED: "The room has a PIN; the reason is `pin_needed` or `bad_pin`. Retry with the PIN only.",
    session.NO_HELLO: "No hello came in time. Retry with backoff and jitter.",
    session.TOO_MANY: "Too many connections, or wrong PINs (the reason is seconds). Retry with backoff and jitter.",
    session.DRAINING: "This node is going away; the reason carries seconds. Retry with backoff and jitter.",
    session.TOO_SLOW: "Too slow to follow (such a client may see 1006). Retry with backoff and jitter.",
}


def _message(
    t: str, about: str, fields: dict[str, Schema], optional: dict[str, Schema] | None = None
) -> Schema:
    payload = record({"t": {"const": t}, **fields}, optional)
    return {"name": t, "summary": about, "payload": payload}


def _hello() -> Schema:
    fields = schemas.of_record(session.HELLO)["properties"]
    since = {
        "type": "array",
        "prefixItems": [_SEQ, _MARK],
        "minItems": 2,
        "maxItems": 2,
        "description": f"The version you hold, to resume from: one of the last {KEEP_VERSIONS}.",
    }
    about = f"First of all, within {session.HELLO_TIMEOUT:g} s: who you are, and what you hold already."
    return _message("hello", about, {}, {**fields, "since": nullable(since)})


def _do(name: str) -> Schema:
    op = OPS[name]
    form = schemas.of_record(op.form)
    fields = form["properties"]
    required = {field: fields[field] for field in form.get("required", ())}
    optional = {field: fields[field] for field in fields if field not in required}
    message = _message("do", op.about, {"id": _ID, "op": {"const": name}, **required}, optional)
    return {**message, "name": f"do {name}", "title": name}


def _from_client() -> dict[str, Schema]:
    return {
        "hello": _hello(),
        **{f"do_{name}": _do(name) for name in OPS},
        "ping": _message("ping", "Ask for the time.", {"at": {"type": "number", "description": "Echoed."}}),
    }


def _from_server() -> dict[str, Schema]:
    you = record({"id": _TEXT, "name": _TEXT, "role": {"enum": ["host", "guest"]}})
    settings = schemas.SHARED["Settings"]["properties"]
    volume: Schema = {"type": "integer", "minimum": 0, "maximum": 100}
    pin: Schema = {"type": "boolean", "description": "Whether there is a PIN. Absent: there never was one."}
    room = record({"code": _TEXT, **settings, "volume": volume}, {"pin": pin})
    history: Schema = {"type": "array", "items": ref("Play"), "maxItems": KEEP_HISTORY}
    vote: Schema = {"enum": [-1, 1]}
    return {
        "welcome": _message(
            "welcome",
            "You are in. Keep the token: with it you are the same member again.",
            {"you": you, "token": nullable(_TEXT), "now": schemas.MS},
        ),
        "state": _message(
            "state",
            "The whole room. May come at any time and replaces everything.",
            {
                "seq": _SEQ,
                "mark": _MARK,
                "room": room,
                "playing": nullable(ref("Playing")),
                "queue": {"type": "array", "items": ref("Item")},
                "history": {**history, "description": "Newest first, without what plays."},
                "mine": {
                    "type": "object",
                    "additionalProperties": vote,
                    "description": "Your votes by song id.",
                },
            },
        ),
        "patch": _message(
            "patch",
            "What changed. Apply in this order: del, set (unknown or just deleted ids come whole, others are a "
            f"shallow merge), playing, history (prepend, cut to {KEEP_HISTORY}), room (shallow merge).",
            {"seq": _SEQ, "mark": _MARK},
            {
                "del": {"type": "array", "items": _TEXT},
                "set": {"type": "array", "items": ref("ItemChanges")},
                "playing": nullable(ref("Playing")),
                "history": {**history, "description": "New plays, newest first."},
                "room": {"type": "object", "properties": {**settings, "volume": volume, "pin": pin}},
            },
        ),
        "mine": _message(
            "mine",
            "Your votes changed elsewhere: in another tab, or over another API.",
            {"votes": {"type": "object", "additionalProperties": {"enum": [-1, 0, 1]}}},
            {"all": {"const": True, "description": "These are all your votes."}},
        ),
        "done": _message(
            "done",
            "A command was applied; it shows in version `seq`.",
            {"id": _ID, "seq": _SEQ},
            {"result": {"type": "object"}},
        ),
        "refused": _message(
            "refused",
            "A command was not applied.",
            {"id": _ID, "code": ref("Code"), "message": _TEXT},
            {"retry_after": {"type": "integer", "description": "Seconds."}},
        ),
        "here": _message(
            "here",
            "Who is here; on change, at most once a second.",
            {"members": _COUNT, "players": _COUNT},
            {"names": {"type": "array", "items": _TEXT, "maxItems": MOST_NAMES}},
        ),
        "pong": _message("pong", "The answer to a ping.", {"at": {"type": "number"}, "now": schemas.MS}),
    }


def document() -> dict[str, Any]:
    """The AsyncAPI document, from the server's point of view: it *receives* what clients send."""
    theirs, ours = _from_client(), _from_server()
    channel = "#/channels/room"
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Crowdcue",
            "version": __version__,
            "description": _about(),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "room": {
                "address": "/ws/{code}",
                "title": "One room",
                "parameters": {"code": {"description": "The room code; `MAIN` is the house party."}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in (*theirs, *ours)},
                "bindings": {
                    "ws": {
                        "query": {
                            "type": "object",
                            "properties": {
                                "client": {
                                    "type": "string",
                                    "description": "Any id; keeps a client on one node behind a balancer.",
                                }
                            },
                        }
                    }
                },
            }
        },
        "operations": {
            "join": _operation("receive", ["hello"], channel, reply=["welcome"]),
            "do": _operation("receive", [f"do_{op}" for op in OPS], channel, reply=["done", "refused"]),
            "ping": _operation("receive", ["ping"], channel, reply=["pong"]),
            "follow": _operation("send", ["state", "patch", "mine", "here"], channel),
        },
        "components": {
            "messages": {**theirs, **ours},
            "schemas": {
                **schemas.SHARED,
                "Item": schemas.ITEM,
                "ItemChanges": schemas.ITEM_CHANGES,
                "Playing": schemas.PLAYING,
                "Play": schemas.PLAY,
            },
        },
    }


def _operation(action: str, names: list[str], channel: str, reply: list[str] | None = None) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in names],
    }
    if reply is not None:
        replies = [{"$ref": f"{channel}/messages/{name}"} for name in reply]
        operation["reply"] = {"channel": {"$ref": channel}, "messages": replies}
    return operation


def _about() -> str:
    closes = "\n".join(f"- {code}: {about}" for code, about in CLOSE_CODES.items())
    return f"""\
Every message is a map with `t`. Two subprotocols carry the same maps: `{wire.JSON.subprotocol}` in text frames, which \
is also what you get without asking, and `{wire.MSGPACK.subprotocol}` in binary frames. Frames have \
{wire.MAX_FRAME // 1024} KiB at most. Say `hello`; then come `welcome`, `state`, and from then on a `patch` for every \
change.

The same `id` by the same member is applied once and gets the first answer again. `unavailable` means that the \
outcome is unknown: repeat with the same id.

Handshakes are accepted and then, if need be, closed with a code:

{closes}
"""


def to_yaml(value: Any, indent: int = 0) -> str:
    """The document as YAML: block style, texts as they are in JSON where YAML might read something else into them."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{_scalar(name)}:{_nested(one, indent)}" for name, one in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{pad}-{_nested(one, indent)}" for one in value)
    return f"{pad}{_scalar(value)}\n"


def _nested(value: Any, indent: int) -> str:
    if isinstance(value, dict | list) and value:
        return "\n" + to_yaml(value, indent + 1)
    if isinstance(value, str) and "\n" in value.strip("\n") and not re.search(r"[^\S\n]\n|\A\s|\n\Z.", value):
        pad = "  " * (indent + 1)
        lines = "".join(f"{pad}{line}\n" if line else "\n" for line in value.rstrip("\n").split("\n"))
        return f" |{'' if value.endswith(chr(10)) else '-'}\n{lines}"
    return f" {_scalar(value)}\n"


_PLAIN: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_./$-]*( [A-Za-z0-9_./$-]+)*")
_WORDS: Final = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def text() -> str:
    """The document as it stands in `docs/asyncapi.yaml`."""
    return "# Made by `python -m crowdcue.faces.asyncapi`; do not edit.\n" + to_yaml(document())


if __name__ == "__main__":
    sys.stdout.write(text())
