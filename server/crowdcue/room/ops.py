"""What clients may ask, by name: one table from each `op` to its form and to the command it becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from crowdcue.room import commands as c
from crowdcue.room import forms
from crowdcue.room.forms import Record
from crowdcue.room.refusal import Refused
from crowdcue.room.settings import SETTINGS_FORM
from crowdcue.room.song import LONGEST_SONG, SONG_FORM, SONG_ID, Song

#: A person's or a bot's name.
NICKNAME: Final = forms.text(1, 64)
MEMBER_ID: Final = forms.text(1, 80)
#: Characters in the client's own name for a command. It is echoed, so it is never normalised.
MAX_COMMAND_ID: Final = 64
_PLAY: Final = forms.whole(0, 2**53 - 1)


class Actor(NamedTuple):
    """Who asks: member id, name, and the rights that the node vouches for (`commands.HOST` …)."""

    member: str
    name: str
    rights: int


class Around(Protocol):
    """What a command must know of the world when it is made."""

    @property
    def present(self) -> int:
        """Members connected right now."""

    @property
    def attached(self) -> bool:
        """Whether a player that counts is attached right now."""

    def find_song(self, song_id: str) -> Song | None:
        """The library's song of this id."""

    def seal_pin(self, pin: str) -> str:
        """What the room keeps of this PIN: enough to know it again, and not the PIN; "" stays so."""


Build = Callable[[Actor, str | None, dict[str, Any], Around], "c.Command | Refused"]


class Op(NamedTuple):
    """One op: the form of its fields, a line for the documents, and how it becomes a command."""

    form: Record
    about: str
    build: Build


def add_song(actor: Actor, id_: str | None, song: Song, around: Around) -> c.Add:
    """Add a song a client described; what the library says of it is better known."""
    known = around.find_song(song.id)
    return c.Add(actor.member, actor.rights, id_, actor.name, known or song, known is not None)


def _add(actor: Actor, id_: str | None, fields: dict[str, Any], around: Around) -> c.Command | Refused:
    if "song" in fields:
        return add_song(actor, id_, Song(**fields["song"]), around)
    if "song_id" not in fields:
        raise forms.BadForm("song or song_id is missing")
    song = around.find_song(fields["song_id"])
    if song is None:
        return Refused("no_such_song", f"The library has no song {fields['song_id']!r}.")
    return c.Add(actor.member, actor.rights, id_, actor.name, song, True)


def _settings(actor: Actor, id_: str | None, fields: dict[str, Any], around: Around) -> c.Command:
    if "pin" not in fields:
        return c.Settings(actor.member, actor.rights, id_, fields)
    changes = {name: value for name, value in fields.items() if name != "pin"}
    return c.Lock(actor.member, actor.rights, id_, changes, around.seal_pin(fields["pin"]))


def _expected(fields: dict[str, Any]) -> int:
    if "expected" not in fields:
        return c.ANY_PLAY
    return fields["expected"] or c.NO_PLAY


def _plain(kind: Callable[..., c.Command], *names: str) -> Build:
    """For the ops whose fields are their command's."""
    return lambda actor, id_, fields, around: kind(
        actor.member, actor.rights, id_, *[fields[name] for name in names]
    )


OPS: Final[dict[str, Op]] = {
    "add": Op(
        Record({}, {"song": SONG_FORM.form, "song_id": SONG_ID}),
        "Queue a song, whole or by its id in the library; one that is queued already gets your upvote.",
        _add,
    ),
    "remove": Op(
        Record({"song_id": SONG_ID}, {}),
        "Take a song out of the queue: your own, or any as a host.",
        _plain(c.Remove, "song_id"),
    ),
    "vote": Op(
        Record({"song_id": SONG_ID, "value": forms.one_of(-1, 0, 1)}, {}),
        "Set your vote on a queued song.",
        _plain(c.Vote, "song_id", "value"),
    ),
    "skip": Op(
        Record({"want": forms.flag()}, {}),
        "Say whether you want what plays to be skipped.",
        lambda actor, id_, fields, around: c.Skip(
            actor.member, actor.rights, id_, fields["want"], around.present, around.attached
        ),
    ),
    "rename": Op(Record({"name": NICKNAME}, {}), "Change your own name.", _plain(c.Rename, "name")),
    "play_next": Op(
        Record({}, {"expected": forms.nullable(_PLAY)}),
        "End what plays (if it is what you expect) and start the first of the queue. Hosts.",
        lambda actor, id_, fields, around: c.PlayNext(
            actor.member, actor.rights, id_, _expected(fields), around.attached
        ),
    ),
    "ended": Op(
        Record({"play": _PLAY, "reason": forms.one_of("end", "error")}, {}),
        "From a player: this play came to its end, or cannot be played.",
        lambda actor, id_, fields, around: c.Ended(
            actor.member, actor.rights, id_, fields["play"], fields["reason"], around.attached
        ),
    ),
    "pause": Op(
        Record({}, {}),
        "Stop the music where it is. Hosts.",
        lambda actor, id_, fields, around: c.Pause(actor.member, actor.rights, id_, c.ANY_PLAY),
    ),
    "resume": Op(
        Record({}, {}),
        "Let the music go on. Hosts.",
        lambda actor, id_, fields, around: c.Resume(actor.member, actor.rights, id_, c.ANY_PLAY),
    ),
    "seek": Op(
        Record({"position": forms.rounded(0, LONGEST_SONG * 1000)}, {}),
        "Go to a position (ms) in what plays. Hosts.",
        _plain(c.Seek, "position"),
    ),
    "volume": Op(
        Record({"value": forms.rounded(0, 100)}, {}),
        "Set the volume of the stage, 0-100. Hosts.",
        _plain(c.Volume, "value"),
    ),
    "clear": Op(
        Record({}, {}),
        "Empty the queue. Hosts.",
        lambda actor, id_, fields, around: c.Clear(actor.member, actor.rights, id_, False),
    ),
    "promote": Op(
        Record({"member": MEMBER_ID}, {}),
        "Give another member host rights. Hosts.",
        lambda actor, id_, fields, around: c.Promote(actor.member, actor.rights, id_, fields["member"]),
    ),
    "ban": Op(
        Record({"member": MEMBER_ID}, {}),
        "Send a guest away for good, with their songs and votes. Hosts.",
        lambda actor, id_, fields, around: c.Ban(actor.member, actor.rights, id_, fields["member"], True),
    ),
    "unban": Op(
        Record({"member": MEMBER_ID}, {}),
        "Let somebody come back who was sent away. Hosts.",
        lambda actor, id_, fields, around: c.Ban(actor.member, actor.rights, id_, fields["member"], False),
    ),
    "settings": Op(
        SETTINGS_FORM,
        "Change settings of the room: any of the fields. Hosts.",
        _settings,
    ),
}

#: Fields that every `do` has beside those of its op.
ENVELOPE: Final = ("t", "id", "op")


def command(
    actor: Actor, id_: str | None, op: object, message: dict[str, Any], around: Around
) -> c.Command | Refused:
    """The command that a `do` message (or its like on another face) asks for, or why it cannot be."""
    known = OPS.get(op) if isinstance(op, str) else None
    if known is None:
        return Refused("bad_request", f"{str(op)[:64]!r} is not an op.")
    try:
        if known.form.closed:
            message = {name: value for name, value in message.items() if name not in ENVELOPE}
        return known.build(actor, id_, known.form.check(message, str(op)), around)
    except forms.BadForm as error:
        return Refused("bad_request", str(error))
