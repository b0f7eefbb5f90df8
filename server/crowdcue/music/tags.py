"""Reads one music file with mutagen: tags, length, picture; called in a child process only, since files may
be crafted."""

import base64
from collections.abc import Iterator
from typing import Any

from mutagen import File, MutagenError
from mutagen.aac import AAC
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from crowdcue.music.image import MAX_IMAGE_BYTES, image_mime
from crowdcue.music.song import MAX_DURATION_MS, Tags, clean_text

# Only what browsers play, so mutagen's rarer parsers never see a file.
_MIME = {
    MP3: "audio/mpeg",
    AAC: "audio/aac",
    MP4: "audio/mp4",
    FLAC: "audio/flac",
    OggFLAC: "audio/ogg",
    OggVorbis: "audio/ogg",
    OggOpus: "audio/ogg",
    WAVE: "audio/wav",
}
_FRONT_COVER = 3
_MAX_PICTURES = 16  # looked at in one file: the front cover is among the first


class Unplayable(Exception):
    """The file is damaged, or no browser plays it; the message says why."""


def read_tags(path: str) -> Tags:
    """Tags of the file at `path`. Raises Unplayable, or whatever the parser throws at a damaged file."""
    audio = _open(path)
    # `not <=` so that a NaN is refused as well
    seconds = float(audio.info.length)
    if not 0.001 <= seconds <= MAX_DURATION_MS / 1000:
        raise Unplayable(f"its length is {seconds} s")
    return {
        "title": _text(audio, "TIT2", "\xa9nam", "title"),
        "artist": _text(audio, "TPE1", "\xa9ART", "artist") or _text(audio, "TPE2", "aART", "albumartist"),
        "album": _text(audio, "TALB", "\xa9alb", "album"),
        "duration_ms": round(seconds * 1000),
        "mime": _MIME[type(audio)],
        "picture": _best_picture(audio) is not None,
    }


def read_picture(path: str) -> tuple[bytes, str] | None:
    """The embedded picture and its MIME type by magic number, or None. Raises what `read_tags` raises."""
    return _best_picture(_open(path))


def _open(path: str) -> Any:
    audio: Any = File(path, options=list(_MIME))
    if audio is None:
        raise Unplayable("it is no music file that browsers play")
    info = audio.info
    if isinstance(audio, MP4) and not info.codec.startswith(("mp4a", "Opus", "fLaC")):
        raise Unplayable(f"no browser plays its codec {info.codec or '(none)'!r}")
    if isinstance(audio, MP3) and info.layer != 3:
        raise Unplayable(f"no browser plays MPEG layer {info.layer}")
    return audio


def _text(audio: Any, id3: str, mp4: str, vorbis: str) -> str | None:
    tags: Any = audio.tags
    if not tags:
        return None
    values: Any
    if _is_id3(tags):
        values = getattr(tags.get(id3), "text", None)
    elif isinstance(audio, MP4):
        values = tags.get(mp4)
    else:
        try:
            values = tags.get(vorbis)
        except (KeyError, ValueError):  # some tag types refuse keys that they could not hold
            values = None
    if not isinstance(values, list):
        return None
    texts = [text for text in (clean_text(value) for value in values[:4]) if text]
    return clean_text(", ".join(texts))


def _best_picture(audio: Any) -> tuple[bytes, str] | None:
    """The front cover when there is one, else the first picture that is a good image."""
    best: tuple[bytes, str] | None = None
    for number, (kind, data) in enumerate(_pictures(audio)):
        if number >= _MAX_PICTURES:
            break
        mime = image_mime(data)
        if mime is None:
            continue
        if kind == _FRONT_COVER:
            return data, mime
        best = best or (data, mime)
    return best


def _pictures(audio: Any) -> Iterator[tuple[int, bytes]]:
    tags: Any = audio.tags
    if _is_id3(tags):
        yield from ((int(frame.type), bytes(frame.data)) for frame in tags.getall("APIC"))
    elif isinstance(audio, FLAC):
        yield from ((picture.type, picture.data) for picture in audio.pictures)
    elif isinstance(audio, MP4):
        yield from ((_FRONT_COVER, bytes(cover)) for cover in (tags or {}).get("covr", []))
    elif isinstance(audio, (OggVorbis, OggOpus, OggFLAC)) and tags:
        for encoded in tags.get("metadata_block_picture", []):
            if len(encoded) > MAX_IMAGE_BYTES * 2:
                continue
            try:
                picture: Any = _make_picture(base64.b64decode(encoded, validate=True))
            except (ValueError, MutagenError):  # one bad picture does not spoil the file
                continue
            yield picture.type, picture.data


def _is_id3(tags: object) -> bool:
    return isinstance(tags, ID3)  # a function, as the check would narrow to a class without types


def _make_picture(data: bytes) -> Any:
    make: Any = Picture
    return make(data)
