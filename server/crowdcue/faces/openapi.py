"""The REST API as OpenAPI 3.1, made from the forms that check the bodies and the table of refusal codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from crowdcue import __version__
from crowdcue.faces import media, rest, rest_rooms, schemas
from crowdcue.faces.http import MAX_BODY, MAX_SYNC_BODY
from crowdcue.faces.schemas import Schema, record, ref
from crowdcue.faces.status import HTTP
from crowdcue.room.ops import MAX_COMMAND_ID
from crowdcue.room.refusal import CODES, Code
from crowdcue.room.song import SONG_FORM
from crowdcue.room.state import MAX_QUEUE

_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_ID: Final[Schema] = {
    "anyOf": [schemas.SONG_FIELDS["id"], {"type": "integer", "minimum": 0, "maximum": rest.MOST_EXACT}],
    "description": "A song's id. Canonical decimals up to 2^53-1 are numbers in answers; both are accepted.",
}
_QUEUE: Final[Schema] = {"type": "array", "items": ref("Track"), "description": "In play order."}


def _with_numeric_id(schema: Schema) -> Schema:
    return {**schema, "properties": {**schema["properties"], "id": _ID}}


_SCHEMAS: Final[dict[str, Schema]] = {
    **schemas.SHARED,
    "Track": record(
        {**schemas.SONG_FIELDS, "id": _ID, "votes": {"type": "integer", "description": "Up less down."}},
        {
            **schemas.SONG_EXTRAS,
            "up": _COUNT,
            "down": _COUNT,
            "by": ref("By"),
            "added_at": schemas.MS,
            "play": {
                "type": "integer",
                "description": "The number of the play; of what plays or was played.",
            },
            "played_at": schemas.MS,
            "ended_at": schemas.MS,
            "reason": {"enum": ["end", "error", "skip"], "description": "Why the play ended."},
        },
        "A song as REST shows it.",
    ),
    "NewTrack": {
        **_with_numeric_id(schemas.of_record(SONG_FORM)),
        "description": "A song to queue; other fields (`votes` …) are accepted and ignored.",
    },
    "TrackId": _with_numeric_id(schemas.of_record(rest.ID_FORM)),
    "MessageAndQueue": record({"message": _TEXT, "queue": _QUEUE}),
    "Error": record(
        {
            "code": {
                "anyOf": [ref("Code"), {"const": "not_found", "description": "There is no such address."}]
            },
            "message": {"type": "string", "description": "A line for a person."},
        },
        about="What went wrong: a stable code and a line for a person.",
    ),
}


@dataclass(frozen=True, slots=True)
class _Doc:
    """One operation, in few words."""

    method: str
    path: str
    about: str
    answer: Schema | None
    more: str = ""
    body: Schema | None = None
    body_needed: bool = True
    query: dict[str, tuple[Schema, str]] = field(default_factory=dict)
    codes: tuple[Code, ...] = ()
    read: bool = False
    host: bool = False
    tag: str = "Queue"
    member: bool = True
    mime: str = "application/json"


_WRITE: Final[tuple[Code, ...]] = ("bad_request", "forbidden", "too_large", "too_many", "unavailable")
#: What a room with a PIN says to those who have not shown it.
_PIN: Final[tuple[Code, ...]] = ("pin_needed", "bad_pin", "too_many")
_SAYS_QUEUE: Final = ref("MessageAndQueue")

_TRACK_DOCS: Final = (
    _Doc(
        "post",
        "add_track",
        "Queue a song; one that is queued already gets your upvote",
        _SAYS_QUEUE,
        more="What the library says of a song of this id goes before what the body says.",
        body=ref("NewTrack"),
        codes=(*_WRITE, "queue_full", "not_now"),
    ),
    _Doc(
        "post",
        "remove_track",
        "Take a song out of the queue",
        _SAYS_QUEUE,
        more="Guests remove what they added, hosts everything. An unknown id leaves the queue as it is.",
        body=ref("TrackId"),
        codes=_WRITE,
    ),
    _Doc(
        "post",
        "vote",
        "Move your own vote one step up or down",
        record({"queue": _QUEUE}),
        more="Your vote is -1, 0 or +1; a step beyond stays where it is.",
        body=ref("TrackId"),
        query={"up": ({"type": "boolean", "default": True}, "true: up, false: down")},
        codes=(*_WRITE, "no_such_song"),
    ),
    _Doc("get", "queue", "What is queued, in play order", _QUEUE, read=True),
    _Doc(
        "get",
        "metadata/{id}",
        "What is known of a song: queued, playing, played or in the library",
        ref("Track"),
        codes=("no_such_song",),
        read=True,
    ),
    _Doc(
        "post",
        "play_next",
        "End what plays and start the first of the queue",
        record({"now_playing": schemas.nullable(ref("Track"))}),
        more="With nothing queued nothing plays afterwards. `expected` guards against skipping twice: the play "
        "that you want to end, or null for none; no body means whatever plays.",
        body=schemas.of_record(rest.PLAY_NEXT_FORM),
        body_needed=False,
        codes=(*_WRITE, "queue_empty", "stale"),
        host=True,
    ),
    _Doc(
        "get",
        "history",
        "What was played, oldest first; what plays comes last",
        {"type": "array", "items": ref("Track")},
        more="The newest `limit` plays before the play `before`. The last 100,000 plays can be read, by pages.",
        query={
            "limit": (
                {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": rest.HISTORY_MOST,
                    "default": rest.HISTORY_DEFAULT,
                },
                "At most so many plays",
            ),
            "before": (
                {"type": "integer", "minimum": 0, "maximum": rest.MOST_EXACT},
                "Only plays with a lower number: the `play` of the first track of the page you have",
            ),
        },
        codes=("bad_request",),
        read=True,
    ),
    _Doc(
        "post",
        "sync",
        "Put these songs in place of the queue, votes at 0",
        _SAYS_QUEUE,
        body={"type": "array", "items": ref("NewTrack"), "maxItems": MAX_QUEUE},
        codes=(*_WRITE, "queue_full"),
        host=True,
    ),
    _Doc(
        "post",
        "clear",
        "Empty queue and history, and stop what plays",
        record({"message": _TEXT}),
        codes=_WRITE,
        host=True,
    ),
)

_ROOM_DOCS: Final = (
    _Doc(
        "post",
        "/api/rooms",
        "Create a party; who creates it is a host",
        record({"code": _TEXT, "host_token": _TEXT}),
        body=schemas.of_record(rest_rooms.CREATE_FORM),
        codes=_WRITE,
        tag="Rooms",
    ),
    _Doc(
        "get",
        "/api/rooms/{code}/invite",
        "How guests find the party",
        record(
            {"code": _TEXT, "name": _TEXT, "url": _TEXT, "qr": _TEXT},
            {"wifi": _TEXT, "pin": {"const": True, "description": "Guests must know the PIN."}},
        ),
        more="`wifi`: a QR code that joins the guests' network, where the server was told of one.",
        codes=("no_such_room", "unavailable"),
        tag="Rooms",
        read=True,
        member=False,
    ),
    _Doc(
        "delete",
        "/api/rooms/{code}",
        "End a party for good: its queue, its history and its code",
        record({"message": _TEXT}),
        more="Whoever is in it is told that it is over. `MAIN` cannot be ended.",
        codes=("unauthorised", "forbidden", *_PIN, "no_such_room", "unavailable"),
        tag="Rooms",
        host=True,
    ),
    _Doc(
        "get",
        "/api/rooms/{code}/host-link",
        "The links that make their bearer a host; for hosts",
        record({"url": _TEXT, "stage": _TEXT}),
        codes=("unauthorised", "forbidden", *_PIN, "no_such_room", "unavailable"),
        tag="Rooms",
    ),
    _Doc(
        "get",
        "/api/rooms/{code}/qr.svg",
        "The guests' link as a QR code",
        _TEXT,
        codes=("no_such_room", "unavailable"),
        tag="Rooms",
        read=True,
        member=False,
        mime="image/svg+xml",
    ),
    _Doc(
        "get",
        "/api/rooms/{code}/wifi.svg",
        "The guests' Wi-Fi as a QR code, if the server was told of one; for hosts' screens",
        _TEXT,
        codes=("unauthorised", "forbidden", *_PIN, "no_such_room", "unavailable"),
        tag="Rooms",
        read=True,
        mime="image/svg+xml",
    ),
    _Doc(
        "get",
        "/api/search",
        "Songs of the library, best first",
        record({"songs": {"type": "array", "items": ref("Song")}}),
        more="With an empty `q`: the library by title.",
        query={
            "q": ({"type": "string", "maxLength": media.MAX_QUERY, "default": ""}, "What somebody typed"),
            "limit": (
                {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": media.SEARCH_MOST,
                    "default": media.SEARCH_DEFAULT,
                },
                "At most so many songs",
            ),
        },
        codes=("bad_request",),
        tag="Music",
        member=False,
    ),
    _Doc(
        "get",
        "/media/{id}",
        "A song's sound, whole or in byte ranges",
        None,
        codes=("no_such_song",),
        tag="Music",
        read=True,
        member=False,
        mime="audio/*",
    ),
    _Doc(
        "get",
        "/artwork/{id}",
        "A song's picture",
        None,
        codes=("no_such_song",),
        tag="Music",
        read=True,
        member=False,
        mime="image/*",
    ),
    _Doc(
        "get",
        "/health/live",
        "Whether this process answers",
        record({"status": _TEXT}),
        tag="Health",
        member=False,
    ),
    _Doc(
        "get",
        "/health/ready",
        "Whether this node should get traffic",
        record({"status": _TEXT}),
        codes=("unavailable",),
        tag="Health",
        member=False,
    ),
)


def document(root_path: str = "") -> dict[str, Any]:
    """The OpenAPI document of a node that serves below `root_path`."""
    paths: dict[str, dict[str, Any]] = {}
    for doc in _TRACK_DOCS:
        name = doc.path.partition("/")[0]
        paths.setdefault(f"/api/rooms/{{code}}/{doc.path}", {})[doc.method] = _operation(
            doc, name, in_room=True
        )
        paths.setdefault(f"/{doc.path}", {})[doc.method] = _operation(doc, f"{name}_main", in_room=False)
    for doc in _ROOM_DOCS:
        name = (
            doc.path.strip("/")
            .replace("/{code}", "")
            .replace("/{id}", "")
            .replace("/", "_")
            .replace(".", "_")
        )
        if doc.method == "delete":
            name = f"delete_{name}"
        paths.setdefault(doc.path, {})[doc.method] = _operation(doc, name, in_room="{code}" in doc.path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Crowdcue",
            "version": __version__,
            "summary": "A party's shared music queue over HTTP.",
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": root_path or "/"}],
        "tags": [
            {"name": "Queue", "description": "One party's queue, under its room code."},
            {"name": "Queue of MAIN", "description": "The same for the house party, at the root."},
            {"name": "Rooms", "description": "Making a party and inviting people to it."},
            {"name": "Music", "description": "The library's songs."},
            {"name": "Health", "description": "For balancers and supervisors."},
        ],
        "security": [{}, {"member": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {
                "member": {"type": "http", "scheme": "bearer", "description": "A member token."},
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "crowdcue",
                    "description": "The same, in browsers.",
                },
                "host": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Crowdcue-Host",
                    "description": "The room's host token, beside the member token. Its rights stay with the member.",
                },
            },
        },
    }


_ABOUT: Final = f"""\
Everyone is a *member*, known by a signed token. Callers without one get one, as a cookie and in the header \
`X-Crowdcue-Token`, and are that member as long as they send it back. Host rights in a room come with its host token \
in `X-Crowdcue-Host`. A room may have a PIN: who is neither a host nor has shown it yet sends it in \
`X-Crowdcue-Pin`, once; without it even reads are refused. (A party served with `--open` has no limits, everybody is \
a host, and callers without a token are known by their address.)

A write answers when it is applied, and a read on any node then shows it. Reads carry an `ETag` of the room's version. \
A write with an `Idempotency-Key` (1 to {MAX_COMMAND_ID} characters) is applied once, however often it is sent.

Bodies are JSON of {MAX_BODY // 1024} KiB at most ({MAX_SYNC_BODY // 1024 // 1024} MiB for `sync`). Errors are \
`{{"code", "message"}}` with a code that stays the same on every face."""

_CODE_PARAMETER: Final = {
    "name": "code",
    "in": "path",
    "required": True,
    "description": "The room code, in upper or lower case; `MAIN` is the house party.",
    "schema": {"type": "string", "pattern": "^([A-HJKMNP-Za-hjkmnp-z2-9]{6}|[Mm][Aa][Ii][Nn])$"},
    "example": "MAIN",
}


def _operation(doc: _Doc, name: str, *, in_room: bool) -> dict[str, Any]:
    codes = list(doc.codes)
    if doc.member:
        codes += ["unauthorised", "internal"]
        if doc.tag == "Queue":
            codes += [*_PIN, "no_such_room", "unavailable"] if in_room else [*_PIN, "unavailable"]
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": doc.about,
        "tags": [doc.tag if doc.tag != "Queue" or in_room else "Queue of MAIN"],
        "parameters": _parameters(doc, in_room),
        "responses": _responses(doc, codes),
    }
    more = " ".join(filter(None, (doc.more, "Hosts." if doc.host else "")))
    if more:
        operation["description"] = more
    if doc.body is not None:
        content = {"application/json": {"schema": doc.body}}
        operation["requestBody"] = {"required": doc.body_needed, "content": content}
    if doc.host:
        operation["security"] = [{}, {"member": []}, {"cookie": []}, {"member": [], "host": []}]
    return operation


def _parameters(doc: _Doc, in_room: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [dict(_CODE_PARAMETER)] if in_room else []
    if "{id}" in doc.path:
        found.append(
            {"name": "id", "in": "path", "required": True, "description": "A song's id", "schema": _ID}
        )
    for name, (schema, about) in doc.query.items():
        found.append({"name": name, "in": "query", "description": about, "schema": schema})
    if doc.method == "post" and doc.tag == "Queue":
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "Your own name for this request: it is applied once, and answered the same.",
                "schema": {"type": "string", "minLength": 1, "maxLength": MAX_COMMAND_ID},
            }
        )
    if doc.tag == "Queue":
        found.append(
            {
                "name": "X-Crowdcue-Pin",
                "in": "header",
                "description": "The PIN, for a room that has one; once shown, it is not needed again.",
                "schema": _TEXT,
            }
        )
    if doc.read:
        found.append(
            {
                "name": "If-None-Match",
                "in": "header",
                "description": "The ETag of the answer you have",
                "schema": _TEXT,
            }
        )
    return found


def _responses(doc: _Doc, codes: list[Code]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if doc.read:
        headers["ETag"] = {"description": "The version of the answer.", "schema": _TEXT}
    if doc.member:
        headers["X-Crowdcue-Token"] = {
            "description": "Your new member token, if you sent none.",
            "schema": _TEXT,
        }
    ok: dict[str, Any] = {"description": "Done." if doc.method == "post" else "Here it is."}
    if headers:
        ok["headers"] = headers
    ok["content"] = {doc.mime: {"schema": doc.answer} if doc.answer is not None else {}}
    responses: dict[str, Any] = {"200": ok}
    if doc.mime == "audio/*":
        responses["206"] = {"description": "The range that you asked for.", "content": {doc.mime: {}}}
        responses["416"] = {"description": "The song has no such range."}
    if doc.read:
        responses["304"] = {"description": "You have this version already."}
    by_status: dict[int, list[Code]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(HTTP[code], []).append(code)
    for status, those in sorted(by_status.items()):
        error: dict[str, Any] = {
            "description": " ".join(f"`{code}`: {CODES[code]}" for code in those),
            "content": {"application/json": {"schema": ref("Error")}},
        }
        if status in (429, 503):
            error["headers"] = {
                "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
            }
        responses[str(status)] = error
    return responses
