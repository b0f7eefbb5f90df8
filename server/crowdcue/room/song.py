"""What a song is, and the limits on what people may say of one."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from crowdcue.room import forms

LONGEST_SONG: Final = 86_400  # seconds: a day
SONG_ID: Final = forms.text(1, 64, without="/?#", never=(".", ".."))
TITLE: Final = forms.text(1, 200)

#: The form of a song as clients send it; other fields (votes, score …) are accepted and left out.
SONG_FORM: Final = forms.Record(
    required={
        "id": SONG_ID,
        "title": TITLE,
        "artist": TITLE,
        "duration": forms.milli(0, LONGEST_SONG, above=True),
    },
    optional={
        "album": forms.nullable(forms.text(0, 200)),
        "uri": forms.nullable(forms.text(0, 2_048)),
        "artwork": forms.nullable(forms.text(0, 2_048)),
    },
)

_CANONICAL = re.compile(r"0|[1-9][0-9]{0,15}")
_MOST_EXACT = 2**53 - 1  # the largest whole number that every JSON reader keeps exactly


class Song(NamedTuple):
    """One song; `duration` in ms, `uri` and `artwork` as the client or the library gave them."""

    id: str
    title: str
    artist: str
    duration: int
    album: str | None = None
    uri: str | None = None
    artwork: str | None = None

    def wire(self) -> dict[str, Any]:
        """The song as clients see it: duration in seconds, absent fields left out."""
        seconds, rest = divmod(self.duration, 1000)
        song: dict[str, Any] = {
            "id": self.id,
            "title": self.title,
            "artist": self.artist,
            "duration": self.duration / 1000 if rest else seconds,
        }
        if self.album:
            song["album"] = self.album
        if self.uri:
            song["uri"] = self.uri
        if self.artwork:
            song["artwork"] = self.artwork
        return song


def parse_song(value: Any, name: str = "song") -> Song:
    """A song from what a client sent; raises `forms.BadForm`."""
    return Song(**SONG_FORM.check(value, name))


def number_id(song_id: str) -> str | int:
    """The id as a number when it is a canonical decimal below 2**53, as REST shows it."""
    if _CANONICAL.fullmatch(song_id) and int(song_id) <= _MOST_EXACT:
        return int(song_id)
    return song_id


def text_id(value: Any) -> Any:
    """The reverse of `number_id` for input: whole numbers in range become text, all else stays as it is."""
    if type(value) is int and 0 <= value <= _MOST_EXACT:
        return str(value)
    return value
