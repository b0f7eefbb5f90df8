"""Entries and snapshots as MessagePack bytes; the only module of the core that knows how they are stored."""

from __future__ import annotations

import hashlib
import itertools
import types
import typing
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import msgpack

from crowdcue.room.commands import KINDS, NUMBERS, Command, Step, Vote
from crowdcue.room.refusal import Done, Refused
from crowdcue.room.song import Song
from crowdcue.room.state import KEEP_HISTORY, RULES_VERSION, Answer, Item, Member, Play, Playing, Room

#: The format of entries and of snapshots that this code writes and reads.
ENTRY_FORMAT: Final = 1
SNAPSHOT_FORMAT: Final = 1
#: Of a room with a PIN: one part more, which code that knows nothing of PINs must not overlook.
SNAPSHOT_WITH_PIN: Final = 2

_MALFORMED: Final = Refused("bad_request", "This command is malformed.")


class UnknownFormat(Exception):
    """Written by a newer version of the code: to go on would part ways with it in silence (R9)."""


# Entries


def encode_batch(commands: Iterable[Command]) -> bytes:
    """The payload of an entry that holds these commands, in order."""
    return msgpack.packb([ENTRY_FORMAT, [(NUMBERS[type(c)], *c) for c in commands]])  # type: ignore[no-any-return]


def decode_batch(payload: bytes) -> list[Command | Refused]:
    """The commands of an entry; one that is malformed is a refusal in its place. Raises `UnknownFormat`."""
    try:
        batch = msgpack.unpackb(payload, strict_map_key=False)
    except Exception:
        return []  # not a batch at all: the entry keeps its place in the log and changes nothing
    if not isinstance(batch, list) or len(batch) != 2 or not isinstance(batch[1], list):
        return []
    if batch[0] != ENTRY_FORMAT:
        raise UnknownFormat(f"entry format {batch[0]!r}")
    return [_decode_command(fields) for fields in batch[1]]


def _decode_command(fields: Any) -> Command | Refused:
    if type(fields) is not list or not fields or type(fields[0]) is not int:
        return _MALFORMED
    shape = _SHAPES.get(fields[0])
    if shape is None:
        raise UnknownFormat(f"command kind {fields[0]}")
    if tuple(map(type, fields)) not in shape.types:
        return _MALFORMED
    try:
        for place, refine in shape.refined:
            fields[place] = refine(fields[place])
    except (TypeError, ValueError):
        return _MALFORMED
    return shape.make(fields[1:])


class _Shape(NamedTuple):
    """How a kind of command lies in the log: all types its fields may have together, one look for all of them,
    then the few fields by their place that need a closer look or another form."""

    make: Callable[[Iterable[Any]], Command]
    types: frozenset[tuple[type, ...]]
    refined: list[tuple[int, Callable[[Any], Any]]]


def _song(value: list[Any]) -> Song:
    song = Song(*value)
    texts = (song.id, song.title, song.artist)
    more = (song.album, song.uri, song.artwork)
    if not all(type(t) is str for t in texts) or not all(t is None or type(t) is str for t in more):
        raise TypeError("song")
    if type(song.duration) is not int or song.duration <= 0:
        raise ValueError("duration")
    return song


def _songs(value: list[Any]) -> list[Song]:
    if not all(type(song) is list for song in value):
        raise TypeError("songs")
    return [_song(song) for song in value]


def _changes(value: dict[Any, Any]) -> dict[str, int | str | bool]:
    if all(type(k) is str and type(v) in (int, str, bool) for k, v in value.items()):
        return value
    raise TypeError("changes")


def _texts(value: list[Any]) -> list[str]:
    if all(type(text) is str for text in value):
        return value
    raise TypeError("texts")


def _one_of(*values: object) -> Callable[[Any], Any]:
    def refine(value: Any) -> Any:
        if value in values:
            return value
        raise ValueError(value)

    return refine


_Form = tuple[tuple[type, ...], Callable[[Any], Any] | None]


def _form(kind: type[Command], field: str, hint: Any) -> _Form:
    """The types that a field of a command may have in the log, and what takes the closer look."""
    if (kind, field) in ((Vote, "value"), (Step, "by")):
        return (int,), _one_of(-1, 0, 1)
    if hint is Song:
        return (list,), _song
    if hint == list[Song]:
        return (list,), _songs
    if hint == list[str]:
        return (list,), _texts
    if typing.get_origin(hint) is dict:
        return (dict,), _changes
    if typing.get_origin(hint) is typing.Literal:
        return (str,), _one_of(*typing.get_args(hint))
    if isinstance(hint, types.UnionType):
        return typing.get_args(hint), None
    return (hint,), None


def _shape(kind: type[Command]) -> _Shape:
    forms = [_form(kind, field, hint) for field, hint in typing.get_type_hints(kind).items()]
    together = frozenset(itertools.product((int,), *[accepted for accepted, _ in forms]))
    refined = [(place, refine) for place, (_, refine) in enumerate(forms, 1) if refine is not None]
    return _Shape(kind._make, together, refined)


_SHAPES: Final = {number: _shape(kind) for number, kind in KINDS.items()}


# Snapshots


def freeze(room: Room) -> list[Any]:
    """A copy of the room in plain values, quick enough for the event loop; `pack` may run beside it."""
    members = {member: index for index, member in enumerate(room.members.values())}
    playing = room.playing
    return [
        SNAPSHOT_WITH_PIN if room.pin else SNAPSHOT_FORMAT,
        room.rules,
        [room.code, room.seq, room.chain, room.at, room.changed, room.horizon],
        [dict(room.settings), dict(room.settings_at), room.volume, room.host_generation],
        [[m.id, m.name, m.host, m.banned] for m in room.members.values()],
        [
            room.arrivals,
            room.turn,
            room.sweep_at,
            room.swept,
            [[members[m], turn] for m, turn in room.taken.items()],
        ],
        [_freeze_item(item, members) for item in room.items.values()],
        list(room.touched.items()),
        list(room.deleted.items()),
        None if playing is None else _freeze_playing(playing, members),
        [room.playing_at, room.plays, room.cleared],
        [_freeze_play(play) for play in room.history],
        list(room.recent.items()),
        [[*memory, answer.at, list(answer.outcome)] for memory, answer in room.answers.items()],
        [room.marks_from, bytes(room.marks)],
        *([[room.pin, list(room.admitted)]] if room.pin else ()),
    ]


def _freeze_item(item: Item, members: dict[Member, int]) -> list[Any]:
    return [
        list(item.song),
        members[item.by],
        [item.added_at, item.number, item.born, item.turn, item.up, item.down],
        list(item.key),
        [item.up_at, item.down_at, item.key_at, item.by_at],
        [2 * members[m] + (value > 0) for m, value in item.votes.items()],
    ]


def _freeze_playing(playing: Playing, members: dict[Member, int]) -> list[Any]:
    return [
        playing.play,
        list(playing.song),
        members[playing.by],
        [playing.turn, playing.up, playing.down, playing.played_at, playing.started_at, playing.position],
        [playing.paused_at, playing.paused_by],
        [members[m] for m in playing.skips],
        playing.skips_needed,
    ]


def _freeze_play(play: Play) -> list[Any]:
    return [
        play.play,
        list(play.song),
        [play.by_id, play.by_name],
        [play.up, play.down, play.played_at, play.ended_at, play.reason, play.seq],
    ]


def pack(frozen: list[Any]) -> bytes:
    """The snapshot's bytes."""
    return msgpack.packb(frozen)  # type: ignore[no-any-return]


def encode_room(room: Room) -> bytes:
    """The room as a snapshot."""
    return pack(freeze(room))


def digest(room: Room) -> str:
    """A canonical fingerprint: equal logs give equal digests on every machine (R8)."""
    return hashlib.sha256(encode_room(room)).hexdigest()


def decode_room(data: bytes) -> Room:
    """The room of a snapshot; raises `UnknownFormat`, or `ValueError` when it is damaged."""
    try:
        frozen = msgpack.unpackb(data, strict_map_key=False)
        if frozen[0] not in (SNAPSHOT_FORMAT, SNAPSHOT_WITH_PIN):
            raise UnknownFormat(f"snapshot format {frozen[0]!r}")
        if frozen[1] != RULES_VERSION:
            raise UnknownFormat(f"rules version {frozen[1]!r}")
        return _thaw(frozen)
    except UnknownFormat:
        raise
    except Exception as error:
        raise ValueError("damaged snapshot") from error


def _thaw(frozen: list[Any]) -> Room:
    (
        _,
        rules,
        head,
        values,
        members_,
        turns,
        items,
        touched,
        deleted,
        playing,
        plays,
        history,
        recent,
        answers,
        marks,
        *door,
    ) = frozen
    code, seq, chain, at, changed, horizon = head
    room = Room(code, seq, chain, at, rules, changed, horizon, marks=bytearray(marks[1]))
    room.marks_from = marks[0]
    room.settings.update(values[0])
    room.settings_at, room.volume, room.host_generation = values[1:]
    if bool(door) is not (frozen[0] == SNAPSHOT_WITH_PIN):
        raise ValueError("a PIN where there is none, or none where there is one")
    if door:
        room.pin, room.admitted = door[0][0], OrderedDict.fromkeys(door[0][1])
    members = [Member(*fields) for fields in members_]
    room.members = {m.id: m for m in members}
    room.bans = sum(m.banned for m in members)
    room.arrivals, room.turn, room.sweep_at, room.swept = turns[:4]
    room.taken = {members[index]: turn for index, turn in turns[4]}
    for fields in items:
        item = _thaw_item(fields, members)
        room.items[item.song.id] = item
        item.by.items.append(item)
        item.by.live += 1
        room.votes += len(item.votes)
    room.touched = dict(touched)
    room.deleted = OrderedDict(deleted)
    if playing is not None:
        room.playing = _thaw_playing(playing, members)
    room.playing_at, room.plays, room.cleared = plays
    room.history = deque((_thaw_play(fields) for fields in history), maxlen=KEEP_HISTORY)
    room.recent = OrderedDict(recent)
    for member_id, id_, answered_at, outcome in answers:
        kind = Refused if isinstance(outcome[0], str) else Done
        room.answers[member_id, id_] = Answer(answered_at, kind(*outcome))
        room.members[member_id].answered.append(id_)
    return room


def _thaw_item(fields: list[Any], members: list[Member]) -> Item:
    song, by, numbers, key, changed, votes = fields
    added_at, number, born, turn, up, down = numbers
    item = Item(Song(*song), members[by], added_at, number, born, turn, up, down, tuple(key))
    item.up_at, item.down_at, item.key_at, item.by_at = changed
    for vote in votes:
        member = members[vote >> 1]
        item.votes[member] = 1 if vote & 1 else -1
        member.live += 1
    return item


def _thaw_playing(fields: list[Any], members: list[Member]) -> Playing:
    play, song, by, numbers, paused, skips, needed = fields
    turn, up, down, played_at, started_at, position = numbers
    playing = Playing(
        play, Song(*song), members[by], turn, up, down, played_at, started_at, position, *paused
    )
    playing.skips = {members[index]: True for index in skips}
    playing.skips_needed = needed
    return playing


def encode_play(play: Play) -> bytes:
    """One finished play, as the archive keeps it."""
    return msgpack.packb(_freeze_play(play))  # type: ignore[no-any-return]


def decode_play(data: bytes) -> Play:
    """The reverse of `encode_play`."""
    return _thaw_play(msgpack.unpackb(data))


def _thaw_play(fields: list[Any]) -> Play:
    play, song, by, rest = fields
    return Play(play, Song(*song), *by, *rest)
