"""A room as lines of JSON and back: the form of an exported file, with no I/O.

The first line says what it is: `{"crowdcue": "room", "format": 1, …}`. Then come the room itself, its members, the
queue in play order, and the history from the newest play back; the last line counts them, so that a file that was
cut short is noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from crowdcue import __version__
from crowdcue.room import codec, forms, ops, order, settings, view
from crowdcue.room.song import parse_song
from crowdcue.room.state import (
    KEEP_HISTORY,
    KEEP_RECENT,
    MAX_BANNED,
    MAX_HOSTS,
    MAX_MEMBERS,
    MAX_QUEUE,
    MAX_VOTES,
    Item,
    Member,
    Play,
    Playing,
    Room,
)

FORMAT: Final = 1
#: Plays that are imported: as many as a room's archive keeps.
MAX_PLAYS: Final = 100_000

Line = dict[str, Any]
_COUNT: Final = forms.whole(0, 2**53)
_NAME: Final = forms.text(0, 64)
_ID: Final = ops.MEMBER_ID
_BY: Final = forms.Record({"id": _ID, "name": _NAME}, {})
_ROOM: Final = forms.Record(
    {"settings": settings.TABLE_FORM.form, "volume": forms.whole(0, 100), "host_generation": _COUNT},
    {"turn": _COUNT, "arrivals": _COUNT, "pin": forms.flag()},
)
_MEMBER: Final = forms.Record(
    {"id": _ID, "name": _NAME},
    {"host": forms.flag(), "banned": forms.flag(), "turn_taken": forms.nullable(_COUNT)},
)
_ITEM: Final = forms.Record({"by": _ID, "added_at": _COUNT, "number": _COUNT}, {"turn": _COUNT})
_PLAY: Final = forms.Record(
    {"play": _COUNT, "by": _BY.form, "up": _COUNT, "down": _COUNT, "played_at": _COUNT, "ended_at": _COUNT},
    {"reason": forms.text(1, 32)},
)
_PLAYING: Final = forms.Record(
    {"play": _COUNT, "by": _ID, "up": _COUNT, "down": _COUNT, "position": _COUNT, "played_at": _COUNT},
    {"turn": _COUNT},
)


# Out


def written(room: Room, plays: Iterable[Play], now: int) -> Iterator[Line]:
    """The lines of a room; `plays` newest first; `now`: log time (ms)."""
    yield {
        "crowdcue": "room",
        "format": FORMAT,
        "version": __version__,
        "code": room.code,
        "exported_at": now,
    }
    yield {
        "room": {
            "settings": {name: settings.wire(name, value) for name, value in room.settings.items()},
            "volume": room.volume,
            "host_generation": room.host_generation,
            "turn": room.turn,
            "arrivals": room.arrivals,
            **({"pin": True} if room.pin else {}),  # that there was one; nobody can tell which
        }
    }
    for member in room.members.values():
        more = {"turn_taken": room.taken[member]} if member in room.taken else {}
        yield {
            "member": {
                "id": member.id, "name": member.name, "host": member.host, "banned": member.banned, **more
            }
        }  # fmt: skip
    playing = room.playing
    if playing is not None:
        yield {
            "playing": {
                "play": playing.play,
                "song": playing.song.wire(),
                "by": playing.by.id,
                "turn": playing.turn,
                "up": playing.up,
                "down": playing.down,
                "played_at": playing.played_at,
                "position": playing.at(now),
            }
        }
    for item in room.ordered():
        yield {
            "item": {
                "song": item.song.wire(),
                "by": item.by.id,
                "added_at": item.added_at,
                "number": item.number,
                "turn": item.turn,
                "votes": {member.id: value for member, value in item.votes.items()},
            }
        }
    count = 0
    for play in plays:
        count += 1
        yield {
            "play": {
                "play": play.play,
                "song": play.song.wire(),
                "by": {"id": play.by_id, "name": play.by_name},
                "up": play.up,
                "down": play.down,
                "played_at": play.played_at,
                "ended_at": play.ended_at,
                "reason": play.reason,
            }
        }
    yield {"end": {"members": len(room.members), "items": len(room.items), "plays": count}}


# In


class Reader:
    """Builds a room from its lines: `take` each, then `finish`. Raises `forms.BadForm` for what cannot be."""

    def __init__(self) -> None:
        self.room = Room("", 0, "0" * 40)
        self.plays: list[Play] = []
        self.code = ""
        self.ended = False
        self.had_pin = False
        self._takers = {
            "room": self._room,
            "member": self._member,
            "playing": self._playing,
            "item": self._item,
            "play": self._play,
            "end": self._end,
        }

    def take(self, line: Any) -> None:
        """The next line."""
        if not isinstance(line, dict):
            raise forms.BadForm("a line must be a map")
        if not self.code:
            self._header(line)
            return
        kind = next(iter(line), None)
        if self.ended or len(line) != 1 or kind not in self._takers:
            raise forms.BadForm(f"{str(kind)[:32]!r} has no place here")
        if not isinstance(line[kind], dict):
            raise forms.BadForm(f"{kind} must be a map")
        self._takers[kind](line[kind])

    def _header(self, line: Line) -> None:
        if line.get("crowdcue") != "room" or not isinstance(line.get("code"), str):
            raise forms.BadForm("this is not an exported party")
        if line.get("format") != FORMAT:
            raise forms.BadForm(f"format {line.get('format')!r} is not known here, only {FORMAT}")
        self.code = line["code"]

    def _room(self, fields: Line) -> None:
        found = _ROOM.check(fields, "room")
        self.room.settings.update(found["settings"])
        self.room.volume, self.room.host_generation = found["volume"], found["host_generation"]
        self.room.turn, self.room.arrivals = found.get("turn", 0), found.get("arrivals", 0)
        self.had_pin = found.get("pin", False)

    def _member(self, fields: Line) -> None:
        found, room = _MEMBER.check(fields, "member"), self.room
        if found["id"] in room.members:
            raise forms.BadForm(f"member {found['id']!r} is there twice")
        member = Member(found["id"], found["name"], found.get("host", False), found.get("banned", False))
        room.members[member.id] = member
        room.bans += member.banned
        hosts = sum(m.host for m in room.members.values()) if member.host else 0
        if len(room.members) > MAX_MEMBERS or room.bans > MAX_BANNED or hosts > MAX_HOSTS:
            raise forms.BadForm("there are more members than a party can have")
        if found.get("turn_taken") is not None:
            room.taken[member] = found["turn_taken"]

    def _known(self, member_id: str) -> Member:
        member = self.room.members.get(member_id)
        if member is None:
            raise forms.BadForm(f"member {member_id!r} is not in this file")
        return member

    def _playing(self, fields: Line) -> None:
        found, song = _PLAYING.check(fields, "playing"), parse_song(fields.get("song"))
        if self.room.playing is not None:
            raise forms.BadForm("two songs cannot play at once")
        # Paused where it was: it goes on by itself when a player is there.
        self.room.playing = Playing(
            found["play"], song, self._known(found["by"]), found.get("turn", 0), found["up"], found["down"],
            found["played_at"], 0, min(found["position"], song.duration), paused_at=0, paused_by="auto",
        )  # fmt: skip
        self.room.plays = max(self.room.plays, found["play"])

    def _item(self, fields: Line) -> None:
        found, song, room = _ITEM.check(fields, "item"), parse_song(fields.get("song")), self.room
        if song.id in room.items:
            raise forms.BadForm(f"song {song.id!r} is queued twice")
        item = Item(
            song, self._known(found["by"]), found["added_at"], found["number"], 0, found.get("turn", 0)
        )
        votes = fields.get("votes", {})
        if not isinstance(votes, dict):
            raise forms.BadForm("votes must be a map")
        for member_id, value in votes.items():
            if type(value) is not int or value not in (-1, 1):
                raise forms.BadForm("a vote must be 1 or -1")
            member = self._known(member_id)
            item.votes[member] = value
            member.live += 1
            item.up += value > 0
            item.down += value < 0
        room.votes += len(item.votes)
        room.arrivals = max(room.arrivals, item.number)
        room.put(item)
        if len(room.items) > MAX_QUEUE or room.votes > MAX_VOTES:
            raise forms.BadForm("there are more songs or votes than a party can have")

    def _play(self, fields: Line) -> None:
        found, song = _PLAY.check(fields, "play"), parse_song(fields.get("song"))
        if self.plays and found["play"] >= self.plays[-1].play:
            raise forms.BadForm("plays must come newest first")
        if len(self.plays) >= MAX_PLAYS:
            raise forms.BadForm(f"there are more than {MAX_PLAYS} plays")
        by, up, down = found["by"], found["up"], found["down"]
        self.plays.append(
            Play(found["play"], song, by["id"], by["name"], up, down, found["played_at"], found["ended_at"],
                 found.get("reason", "end"), 0)
        )  # fmt: skip
        self.room.plays = max(self.room.plays, found["play"])

    def _end(self, fields: Line) -> None:
        counts = {"members": len(self.room.members), "items": len(self.room.items), "plays": len(self.plays)}
        if fields != counts:
            raise forms.BadForm(f"the file is not whole: it should hold {fields}, and holds {counts}")
        self.ended = True

    def finish(self, code: str, chain: str, at: int) -> Room:
        """The room under its new code, at the birth `chain` of its new log and the time `at` (ms)."""
        if not self.ended:
            raise forms.BadForm("the file ends too early")
        read = self.room
        room = Room(code, 0, chain, at)
        for name in ("settings", "volume", "host_generation", "turn", "arrivals", "taken", "members", "bans"):
            setattr(room, name, getattr(read, name))
        room.items, room.votes, room.touched, room.plays = read.items, read.votes, read.touched, read.plays
        room.playing = read.playing
        if room.playing is not None:
            room.playing.started_at = room.playing.paused_at = at
            if self.plays and self.plays[0].play >= room.playing.play:
                raise forms.BadForm("what plays must be newer than what was played")
        if len({item.number for item in room.items.values()}) != len(room.items):
            raise forms.BadForm("two songs have the same number")
        for member in room.members.values():
            member.items.sort(key=lambda item: item.number)  # as they were added
        for item in room.items.values():
            order.rekey(room, item)
        for play in reversed(self.plays[:KEEP_RECENT]):
            room.recent.pop(play.song.id, None)
            room.recent[play.song.id] = min(play.ended_at, at)
        room.history.extend(reversed(self.plays[:KEEP_HISTORY]))
        assert codec.digest(codec.decode_room(codec.encode_room(room))) == codec.digest(room)
        assert view.state(room)
        return room
