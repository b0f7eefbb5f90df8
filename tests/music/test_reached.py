"""Bounds of the library that files and searches can reach, each reached."""

from __future__ import annotations

import inspect
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crowdcue.music import fold, folder, image, library, search, song, tags, tagworker
from tests.music.makers import png, wav
from tests.music.test_search import song as library_song


@pytest.mark.parametrize("text", ["x" * 5_000, "a " * 5_000, "ﷺ" * 500, "é" * 5_000])
def test_so_much_of_a_text_is_looked_at(text: str) -> None:
    assert len(fold.fold(text)) <= fold.MAX_FOLDED


def test_the_table_of_characters_does_not_grow_with_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "_TABLE_LIMIT", 100)
    table = fold._Folding()
    monkeypatch.setattr(fold, "_folding", table)
    for start in range(0x1000, 0x3000, 0x100):
        fold.fold("".join(map(chr, range(start, start + 0x100))))
    assert len(table) == fold._TABLE_LIMIT


def test_folders_within_folders_are_followed_so_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MAX_DEPTH", 3)
    here = tmp_path
    for depth in range(6):
        wav(here / f"{depth}.wav")
        here = here / "deeper"
        here.mkdir()
    found = [Path(entry.relative).name for entry in folder.walk(tmp_path, 0, 100)]
    assert sorted(found) == [f"{depth}.wav" for depth in range(folder.MAX_DEPTH + 1)]


def test_pictures_of_so_many_pixels_are_shown() -> None:
    side = int(image.MAX_IMAGE_PIXELS**0.5)
    assert image.image_mime(png(side, side)) == "image/png"
    assert image.image_mime(png(side, side + 1)) is None


def test_a_library_has_so_many_songs_unless_told_otherwise() -> None:
    assert inspect.signature(library.Library).parameters["max_songs"].default == library.MAX_SONGS


def test_so_many_words_of_a_search_count() -> None:
    words = [f"word{chr(97 + n) * 4}" for n in range(search.MAX_WORDS + 3)]
    index = search.SearchIndex(
        [library_song(" ".join(words)), library_song(" ".join(words[: search.MAX_WORDS]))]
    )
    assert len(index.search(" ".join(words), 10)) == 2, "both have all the words that count"


def test_so_many_misspellings_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    index = search.SearchIndex([library_song(f"banan{chr(97 + n)}") for n in range(26)])
    everything = len(index.search("banan0", 100))
    assert everything > 20
    monkeypatch.setattr(search, "_MAX_ALIKE", 5)
    assert len(index.search("banan0", 100)) == 5
    monkeypatch.setattr(search, "_MAX_ALIKE", 400)
    monkeypatch.setattr(search, "_MAX_CANDIDATES", 4)
    assert len(index.search("banan0", 100)) == 4


def made(milliseconds: int) -> song.LibrarySong:
    return song.make_song(
        "x.mp3", 0, title="t", artist="a", album=None, duration_ms=milliseconds, mime="m", has_artwork=False
    )


def test_a_song_has_a_longest_duration_and_a_longest_title() -> None:
    assert made(song.MAX_DURATION_MS).duration_ms == song.MAX_DURATION_MS
    with pytest.raises(ValueError, match="cannot be played"):
        made(song.MAX_DURATION_MS + 1)
    assert len(song.clean_text("x" * 9 * song.MAX_TEXT) or "") == song.MAX_TEXT


def test_so_many_pictures_of_a_file_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def pictures(_: Any) -> Iterator[tuple[int, bytes]]:
        for number in range(1_000):
            looked.append(number)
            yield tags._FRONT_COVER, b"no picture"

    monkeypatch.setattr(tags, "_pictures", pictures)
    assert tags._best_picture(None) is None
    assert len(looked) == tags._MAX_PICTURES + 1


def test_a_reader_gives_a_short_reason() -> None:
    answer = io.BytesIO()
    asked = json.dumps({"op": "tags", "path": "/no/" + "x" * 200 + "/y" * 500}) + "\n"
    tagworker.serve(io.BytesIO(asked.encode()), answer, 10)
    reply = json.loads(answer.getvalue().splitlines()[1])
    assert len(reply["error"]) == tagworker.MAX_REASON


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system may ignore it")
def test_a_reader_has_so_much_memory() -> None:
    program = (
        "from crowdcue.music.tagworker import MEMORY_LIMIT, limit_memory\n"
        "limit_memory()\n"
        "bytes(MEMORY_LIMIT // 4)\n"
        "try: bytes(MEMORY_LIMIT)\n"
        "except MemoryError: print('no more')\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "no more\n"
