"""One song of the library: what it is called, how its id is made, and what tags may carry; no I/O here."""

import base64
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypedDict

MAX_TEXT = 200
"""Longest title, artist or album, in code points: the wire contract's limit for any song."""
MAX_DURATION_MS = 86_400_000
"""A day. The wire contract allows no longer song, and a longer file is a broken header far more often than
music."""
UNKNOWN_ARTIST = "Unknown artist"
UNTITLED = "Untitled"

_ID_BYTES = 8  # 64 bits: among 200,000 songs the chance of any collision is about one in a billion
_DROPPED = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)  # they reorder text far outside the tag
_TRACK_NUMBER = re.compile(r"^\(?\d{1,3}(?:-\d{1,3})?\)?(?:\s*[.)_-]\s*|\s+)(?=\S)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DASH = re.compile(r"\s+[-–—]\s+")


class Tags(TypedDict):
    """What the scan keeps of a file. Texts are clean and at most 200 characters, None when missing or
    empty."""

    title: str | None
    artist: str | None
    album: str | None
    duration_ms: int
    mime: str
    picture: bool


@dataclass(frozen=True, slots=True)
class LibrarySong:
    """A playable song. `title` and `artist` are 1 to 200 characters, NFC, without control characters."""

    id: str
    title: str
    artist: str
    duration_ms: int
    album: str | None
    mime: str
    has_artwork: bool

    def wire(self) -> dict[str, str | int | float]:
        """The wire contract's song: duration in seconds (an int when whole), addresses as paths."""
        whole, rest = divmod(self.duration_ms, 1000)
        song: dict[str, str | int | float] = {
            "id": self.id,
            "title": self.title,
            "artist": self.artist,
            "duration": whole if rest == 0 else self.duration_ms / 1000,
            "uri": f"/media/{self.id}",
        }
        if self.album is not None:
            song["album"] = self.album
        if self.has_artwork:
            song["artwork"] = f"/artwork/{self.id}"
        return song


def song_id(relative: str, root: int = 0) -> str:
    """The id of the file at `relative` (posix, as `os.scandir` names it) in the root with this index: 12
    characters.

    It depends on nothing else, so nodes that serve the same folders in the same order agree on it wherever
    the folders are mounted. The index is part of it (0 adds nothing) so that two roots may hold the same
    relative path. The leading letter keeps an id from ever looking like a number, which some faces would turn
    into one.
    """
    # NFC, because the same folder copied through macOS has decomposed names.
    path = unicodedata.normalize("NFC", relative).encode("utf-8", "surrogatepass")
    salt = b"" if root == 0 else str(root).encode()
    digest = hashlib.blake2b(path, digest_size=_ID_BYTES, salt=salt).digest()
    return "s" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def clean_text(raw: object) -> str | None:
    """`raw` as a title may be shown: NFC, no control characters, single spaces, cut to 200; None when
    empty."""
    text = str(raw)[: MAX_TEXT * 8]  # tags can be megabytes; what follows is linear in the length
    text = "".join(_shown(char) for char in text) if not text.isascii() or not text.isprintable() else text
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return text[:MAX_TEXT].rstrip() or None


def _shown(char: str) -> str:
    if char in _BIDI:
        return ""
    return " " if unicodedata.category(char) in _DROPPED else char


def name_from_path(relative: str) -> tuple[str | None, str]:
    """(artist or None, title) read from a file name: `07 - Artist - Title.mp3`, `Artist - Title.mp3`,
    `Title.mp3`."""
    # Undecodable bytes in a name come as surrogates; they are shown as the replacement sign.
    stem = _SURROGATE.sub("\ufffd", PurePosixPath(relative).stem)
    if " " not in stem:
        stem = stem.replace("_", " ")
    stem = _TRACK_NUMBER.sub("", stem, count=1)
    parts = _DASH.split(stem, maxsplit=1)
    if len(parts) == 2:
        artist, title = clean_text(parts[0]), clean_text(_TRACK_NUMBER.sub("", parts[1], count=1))
        if artist and title:
            return artist, title
    return None, clean_text(stem) or UNTITLED


def make_song(
    relative: str,
    root: int,
    *,
    title: str | None,
    artist: str | None,
    album: str | None,
    duration_ms: int,
    mime: str,
    has_artwork: bool,
) -> LibrarySong:
    """A song from its (possibly missing) tags; what is missing comes from the file name. Texts are cleaned
    here.

    Raises ValueError for a duration outside 1 ms to one day.
    """
    if not 0 < duration_ms <= MAX_DURATION_MS:
        raise ValueError(f"a song of {duration_ms} ms cannot be played")
    title, artist, album = (clean_text(text) if text else None for text in (title, artist, album))
    if title is None:
        named_artist, title = name_from_path(relative)
        artist = artist or named_artist
    return LibrarySong(
        id=song_id(relative, root),
        title=title,
        artist=artist or UNKNOWN_ARTIST,
        duration_ms=duration_ms,
        album=album,
        mime=mime,
        has_artwork=has_artwork,
    )
