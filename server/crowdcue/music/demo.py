"""The demo tunes: twelve short pieces of our own, rendered into a folder once, for a party without files."""

import contextlib
import io
import json
import logging
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen.id3
import numpy as np

from crowdcue.music import covers_calm, covers_lively, tunes_calm, tunes_lively
from crowdcue.music.synth import RATE, Audio

log = logging.getLogger(__name__)

VERSION = 1
"""Raise it when a tune or a cover changes: the files are then made anew."""
MANIFEST = ".manifest.json"
_PARTIAL = ".making-"
_A, _B = "Crowdcue House Party, Side A", "Crowdcue House Party, Side B"


@dataclass(frozen=True, slots=True)
class Tune:
    """One demo tune. The file name gives its id, so it stays as it is even if the title were to change."""

    file: str
    title: str
    artist: str
    album: str
    render: Callable[[], Audio]
    cover: Callable[[], bytes]


def _tune(slug: str, title: str, artist: str, album: str) -> Tune:
    """The functions that render and draw a tune are named after its file."""
    name = slug.replace("-", "_")
    lively = album == _A
    tunes, covers = (tunes_lively, covers_lively) if lively else (tunes_calm, covers_calm)
    return Tune(f"{slug}.wav", title, artist, album, getattr(tunes, name), getattr(covers, name))


TUNES = (
    _tune("midnight-tram", "Midnight Tram", "Odette Line", _A),
    _tune("sunday-pancakes", "Sunday Pancakes", "The Slow Kitchen", _B),
    _tune("neon-coastline", "Neon Coastline", "Vice Meridian", _A),
    _tune("rua-das-flores", "Rua das Flores", "João & the Tiles", _B),
    _tune("pixel-picnic", "Pixel Picnic", "8-Bit Basket", _A),
    _tune("paper-lanterns", "Paper Lanterns", "Mei Aoki Trio", _B),
    _tune("velvet-elevator", "Velvet Elevator", "Going Up", _A),
    _tune("low-tide", "Low Tide", "Harbour Sleep", _B),
    _tune("copper-kettle", "The Copper Kettle", "Fenwick & Daughters", _A),
    _tune("last-bus-home", "Last Bus Home", "Ruby Delacroix", _B),
    _tune("dub-garden", "Dub Garden", "King Fennel", _A),
    _tune("glass-staircase", "Glass Staircase", "Ensemble Prisma", _B),
)


def make_demo_tunes(folder: Path, progress: Callable[[int, int], None] | None = None) -> int:
    """Make sure that all demo tunes are in `folder`, which is created; returns how many had to be made.

    Blocking, about two seconds of CPU the first time: meant for a thread. `progress(done, total)` is called
    there, after each tune that is made. A file appears under its name only when it is complete, so being
    killed in the middle costs nothing but the tune at hand. Raises OSError when the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_PARTIAL}*"):  # of a run that was killed
        with contextlib.suppress(OSError):
            left.unlink()
    sizes = _read_manifest(folder)
    missing = [tune for tune in TUNES if not _is_made(folder / tune.file, sizes.get(tune.file))]
    for done, tune in enumerate(missing, len(TUNES) - len(missing) + 1):
        data = wav_file(tune.render(), tune.title, tune.artist, tune.album, tune.cover())
        write_atomically(folder / tune.file, data)
        sizes[tune.file] = len(data)
        # After each tune, so that a restart in the middle goes on where this run stopped.
        write_atomically(folder / MANIFEST, json.dumps({"version": VERSION, "sizes": sizes}).encode())
        if progress is not None:
            progress(done, len(TUNES))
    return len(missing)


def wav_file(sound: Audio, title: str, artist: str, album: str, cover: bytes) -> bytes:
    """A 16-bit WAV file of a (2, n) recording with its tags and a PNG cover in an ID3 chunk."""
    samples = np.clip(np.round(sound.T * 32767), -32768, 32767).astype("<i2").tobytes()
    id3: Any = mutagen.id3  # it has no types of its own
    utf8 = id3.Encoding.UTF8
    tags = id3.ID3()
    tags.add(id3.TIT2(encoding=utf8, text=title))
    tags.add(id3.TPE1(encoding=utf8, text=artist))
    tags.add(id3.TALB(encoding=utf8, text=album))
    front = id3.PictureType.COVER_FRONT
    tags.add(id3.APIC(encoding=utf8, mime="image/png", type=front, desc="", data=cover))
    tagged = io.BytesIO()
    tags.save(tagged, padding=lambda _: 0)
    channels = sound.shape[0]
    layout = struct.pack("<HHIIHH", 1, channels, RATE, RATE * channels * 2, channels * 2, 16)
    body = b"".join((_chunk(b"fmt ", layout), _chunk(b"data", samples), _chunk(b"id3 ", tagged.getvalue())))
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is there as a whole or not at all, also after a power cut."""
    partial = path.with_name(f"{_PARTIAL}{os.getpid()}-{path.name}")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _read_manifest(folder: Path) -> dict[str, int]:
    """File sizes by name; empty when there is no manifest, or one of another version."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if manifest["version"] == VERSION:
            return {str(name): int(size) for name, size in manifest["sizes"].items()}
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("the list of demo tunes is not readable, they are made anew: %s", error)
    return {}


def _is_made(path: Path, size: int | None) -> bool:
    try:
        return size is not None and path.stat().st_size == size
    except OSError:
        return False
