"""The demo tunes: made once, whole or not at all, cheap, musical by measure, and with artwork that browsers show."""

import io
import json
import struct
import time
import wave
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from crowdcue.music import demo
from crowdcue.music.demo import MANIFEST, TUNES, make_demo_tunes
from crowdcue.music.image import image_mime
from crowdcue.music.library import Library
from crowdcue.music.synth import RATE, Mix, pitch


class Rendered:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.progress: list[tuple[int, int]] = []
        began = time.process_time()
        self.made = make_demo_tunes(folder, lambda done, total: self.progress.append((done, total)))
        self.cpu = time.process_time() - began

    def sound(self, name: str) -> NDArray[np.float64]:
        with wave.open(io.BytesIO((self.folder / name).read_bytes())) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return samples.reshape(-1, 2).astype(np.float64) / 32768


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return Rendered(tmp_path_factory.mktemp("demo") / "tunes")


def test_all_twelve_are_made_in_a_few_seconds_of_cpu(rendered: Rendered) -> None:
    assert rendered.made == len(TUNES) == 12
    assert rendered.progress == [(n, 12) for n in range(1, 13)]
    assert rendered.cpu < 12, (
        "about two seconds on a quick machine, five on a slow one; this is no measurement"
    )


def test_they_are_not_made_again(rendered: Rendered) -> None:
    began = time.process_time()
    assert make_demo_tunes(rendered.folder) == 0
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize("tune", TUNES, ids=lambda tune: tune.file)
def test_a_tune_is_of_even_loudness_without_clipping_or_clicks(rendered: Rendered, tune: demo.Tune) -> None:
    sound = rendered.sound(tune.file)
    assert 20 <= len(sound) / RATE <= 40
    assert np.abs(sound).max() < 0.9, "no clipping"
    level = 20 * np.log10(np.sqrt(np.mean(sound**2)))
    assert -18.5 < level < -16, "none is louder than the next"
    assert np.abs(sound[:16]).max() < 0.03, "no click at the start"
    assert np.abs(sound[-RATE // 20 :]).max() < 0.003, "silent at the end"
    assert np.abs(sound.mean(axis=0)).max() < 0.002, "no offset"
    seconds = sound[: len(sound) // RATE * RATE].reshape(-1, RATE * 2)
    levels = np.sqrt((seconds**2).mean(axis=1))
    assert levels[:-3].min() > 0.01, "no hole in the middle"
    left, right = sound[:, 0], sound[:, 1]
    assert 0.1 < np.corrcoef(left, right)[0, 1] < 0.999, "stereo, and fine on one loudspeaker"


def test_the_tunes_differ(rendered: Rendered) -> None:
    shapes = []
    for tune in TUNES:
        spectrum = np.abs(np.fft.rfft(rendered.sound(tune.file).mean(axis=1)[: 1 << 19]))
        hertz = np.fft.rfftfreq(1 << 19, 1 / RATE)
        edges = np.geomspace(40, 14_000, 60)
        bands = np.array([spectrum[(hertz >= low) & (hertz < high)].sum() for low, high in pairwise(edges)])
        shapes.append(bands / np.linalg.norm(bands))
        assert 200 < (hertz * spectrum).sum() / spectrum.sum() < 4_500, tune.file
        assert bands[edges[:-1] < 250].sum() / bands.sum() > 0.03, f"{tune.file} has a bass"
    likeness = np.array(shapes) @ np.array(shapes).T
    np.fill_diagonal(likeness, 0)
    assert likeness.max() < 0.98


def test_titles_artists_and_files_are_distinct() -> None:
    for field in ("file", "title", "artist"):
        assert len({getattr(tune, field) for tune in TUNES}) == 12


async def test_the_library_serves_them_like_any_folder(rendered: Rendered, tmp_path: Path) -> None:
    library = Library([rendered.folder], tmp_path)
    await library.start()
    try:
        assert sorted(song.title for song in library.songs()) == sorted(tune.title for tune in TUNES)
        assert library.search("midnite tram")[0].artist == "Odette Line"
        assert library.search("joao")[0].id == "s" + library.search("joao")[0].id[1:]
        covers = set()
        for song in library.songs():
            assert song.wire()["artwork"] == f"/artwork/{song.id}"
            art = await library.artwork(song.id)
            assert art is not None
            assert art[1] == "image/png"
            covers.add(art[0])
        assert len(covers) == 12
    finally:
        await library.close()


@pytest.mark.parametrize("tune", TUNES[:2], ids=lambda tune: tune.file)
def test_a_cover_is_a_whole_png(tune: demo.Tune) -> None:
    data = tune.cover()
    assert image_mime(data) == "image/png"
    assert data == tune.cover(), "the same bytes each time"
    at, pixels = 8, b""
    while at < len(data):
        length = struct.unpack(">I", data[at : at + 4])[0]
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        pixels += body if kind == b"IDAT" else b""
        at += 12 + length
    size = struct.unpack(">I", data[16:20])[0]
    assert len(zlib.decompress(pixels)) == size * (size * 3 + 1)


def test_a_run_that_was_killed_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def tiny(name: str, fails: bool = False) -> demo.Tune:
        def render() -> NDArray[np.float32]:
            calls.append(name)
            if fails:
                raise KeyboardInterrupt
            return np.zeros((2, 100), np.float32)

        return demo.Tune(f"{name}.wav", name, "x", "y", render, lambda: b"png")

    monkeypatch.setattr(demo, "TUNES", (tiny("a"), tiny("b", fails=True), tiny("c")))
    with pytest.raises(KeyboardInterrupt):
        make_demo_tunes(tmp_path)
    (tmp_path / ".making-1-b.wav").write_bytes(b"half")
    (tmp_path / "b.wav").write_bytes(b"half")
    monkeypatch.setattr(demo, "TUNES", (tiny("a"), tiny("b"), tiny("c")))
    assert make_demo_tunes(tmp_path) == 2
    assert calls == ["a", "b", "b", "c"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [MANIFEST, "a.wav", "b.wav", "c.wav"]
    (tmp_path / "c.wav").unlink()
    assert make_demo_tunes(tmp_path) == 1
    (tmp_path / MANIFEST).write_text("{broken")
    assert make_demo_tunes(tmp_path) == 3
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**manifest, "version": 0}))
    assert make_demo_tunes(tmp_path) == 3


def test_pitches() -> None:
    assert pitch("a4") == 440
    assert round(pitch("c4"), 2) == 261.63
    assert pitch("bb3") == pitch("a#3")
    with pytest.raises(ValueError, match="no such note"):
        pitch("h4")


def test_what_lies_behind_the_end_of_a_mix_is_dropped() -> None:
    mix = Mix(60, 1, seed=1)
    mix.hit(np.ones(RATE * 60, np.float32), 0, 0.1)
    mix.hit(np.ones(10, np.float32), 1000, 0.1)
    assert np.isfinite(mix.master()).all()
