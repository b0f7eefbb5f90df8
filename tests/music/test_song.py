"""Ids, names from files, and the wire form of a library song."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crowdcue.music.image import MAX_IMAGE_BYTES, image_mime
from crowdcue.music.song import LibrarySong, clean_text, make_song, name_from_path, song_id
from tests.music.makers import png

GOLDEN = "sP_wDG-N8Q5M"


def test_an_id_is_short_safe_and_depends_on_the_path_below_the_root_only() -> None:
    assert song_id("a/b.mp3") == GOLDEN, "a change here changes every id in every queue and history"
    assert song_id("a/b.mp3") == song_id("a/b.mp3")
    assert song_id("a/b.mp3") != song_id("a/c.mp3")
    assert song_id("a/b.mp3", 0) != song_id("a/b.mp3", 1), "two roots may hold the same path"


def test_an_id_is_the_same_for_both_ways_to_write_an_accent() -> None:
    assert song_id(unicodedata.normalize("NFC", "Café.mp3")) == song_id(
        unicodedata.normalize("NFD", "Café.mp3")
    )


@given(st.text(st.characters(blacklist_categories=[]), min_size=1), st.integers(0, 50))
@example("\ud800", 0)
@example("\udce9.mp3", 1)
def test_every_path_has_a_good_id(path: str, root: int) -> None:
    id = song_id(path, root)
    assert 1 <= len(id) <= 12
    assert set(id) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert not id.isdigit()
    name_from_path(path)[1].encode()


@pytest.mark.parametrize(
    ("path", "artist", "title"),
    [
        ("ABBA - Waterloo.mp3", "ABBA", "Waterloo"),
        ("x/y/07 - ABBA - Waterloo.mp3", "ABBA", "Waterloo"),
        ("07. Waterloo.mp3", None, "Waterloo"),
        ("1-07 Waterloo.mp3", None, "Waterloo"),
        ("ABBA - 07 - Waterloo.mp3", "ABBA", "Waterloo"),
        ("Some_Song_Here.mp3", None, "Some Song Here"),
        ("99.mp3", None, "99"),
        ("1999.mp3", None, "1999"),
        ("a-ha – Take On Me.m4a", "a-ha", "Take On Me"),
        ("A - B - C.mp3", "A", "B - C"),
        (" - .mp3", None, "-"),
        ("\x01\x02.mp3", None, "Untitled"),
    ],
)
def test_a_file_name_tells_artist_and_title(path: str, artist: str | None, title: str) -> None:
    assert name_from_path(path) == (artist, title)


def test_tags_are_cleaned_as_the_contract_wants() -> None:
    assert clean_text("  a\x00b\n\tc ") == "a b c"
    assert clean_text("e\u0301") == "é"
    assert clean_text("x" * 500) == "x" * 200
    assert clean_text("evil\u202egpj.exe") == "evilgpj.exe"
    assert clean_text("<b>bold</b>") == "<b>bold</b>", "text stays text; pages escape it"
    assert clean_text("\x00\x1f") is None


@given(st.text(st.characters(blacklist_categories=[])))
def test_cleaned_text_keeps_the_limits(raw: str) -> None:
    text = clean_text(raw)
    if text is None:
        return
    assert 1 <= len(text) <= 200
    assert unicodedata.is_normalized("NFC", text)
    assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in text)
    text.encode()  # no lone surrogates: it can be sent


def test_the_wire_form() -> None:
    song = LibrarySong("s1", "T", "A", 61_000, "L", "audio/mpeg", True)
    assert song.wire() == {
        "id": "s1", "title": "T", "artist": "A", "duration": 61, "album": "L", "uri": "/media/s1",
        "artwork": "/artwork/s1",
    }  # fmt: skip
    bare = LibrarySong("s1", "T", "A", 61_234, None, "audio/mpeg", False).wire()
    assert bare == {"id": "s1", "title": "T", "artist": "A", "duration": 61.234, "uri": "/media/s1"}
    assert isinstance(song.wire()["duration"], int)


@pytest.mark.parametrize("duration", [0, -5, 86_400_001])
def test_a_duration_outside_the_contract_is_refused(duration: int) -> None:
    with pytest.raises(ValueError, match="cannot be played"):
        make_song(
            "a.mp3",
            0,
            title="t",
            artist="a",
            album=None,
            duration_ms=duration,
            mime="audio/mpeg",
            has_artwork=False,
        )


def test_pictures_are_known_by_their_first_bytes() -> None:
    assert image_mime(png()) == "image/png"
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x00\x10\x00\x20\x03" + bytes(20)
    assert image_mime(jpeg) == "image/jpeg"
    assert image_mime(b"GIF89a\x10\x00\x10\x00\x00\x00\x00") == "image/gif"
    assert image_mime(b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(14)) == "image/webp"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html><script>alert(1)</script>",
        png(60_000, 60_000),
        png(0, 5),
        png(padding=MAX_IMAGE_BYTES),
        b"\xff\xd8\xff" + b"\xe0\x00\x00" * 9,
        b"\xff\xd8\xff" + b"\xff" * 100,
        png()[:20],
    ],
)
def test_anything_else_is_no_picture(data: bytes) -> None:
    assert image_mime(data) is None


@given(
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF1234WEBPVP8 "]), st.binary()
)
def test_no_bytes_break_the_recognition(start: bytes, rest: bytes) -> None:
    assert image_mime(start + rest) in (None, "image/jpeg", "image/png", "image/gif", "image/webp")
