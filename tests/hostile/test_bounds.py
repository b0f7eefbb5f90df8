"""Every bound has a name, a reason, a line in docs/limits.md, and a test that knows it."""

from __future__ import annotations

import re

from tests.hostile.bounds import PAGE, Bound, bounds, page, texts_of_tests

#: Bounds whose comment does not stand above or behind them. This list may only become shorter.
UNEXPLAINED: set[str] = {
    "music.fold.MAX_FOLDED",
    "music.folder.MAX_DEPTH",
    "music.image.MAX_IMAGE_BYTES",
    "music.image.MAX_IMAGE_PIXELS",
    "music.library.MAX_SONGS",
    "music.search.MAX_QUERY",
    "music.search.MAX_RESULTS",
    "music.search.MAX_WORDS",
    "music.search._MAX_CANDIDATES",
    "music.song.MAX_DURATION_MS",
    "music.song.MAX_TEXT",
    "music.synth.RATE",
    "music.tagworker.MAX_REASON",
    "music.tagworker.MEMORY_LIMIT",
}


def test_the_page_is_in_step() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.hostile.bounds > docs/limits.md"


def test_every_bound_says_why() -> None:
    assert {f"{b.module}.{b.name}" for b in bounds() if len(b.about) < 8} <= UNEXPLAINED


def test_every_bound_is_tested() -> None:
    text = texts_of_tests()
    untested = {f"{b.module}.{b.name}" for b in bounds() if not re.search(rf"\b{b.name}\b", text)}
    assert untested == set(), "a new bound needs a test that names it"


def test_the_bounds_that_matter_most_are_found() -> None:
    found = {f"{b.module}.{b.name}": b for b in bounds()}
    assert found["room.state.MAX_QUEUE"] == Bound("room.state", "MAX_QUEUE", 10_000, "songs waiting")
    for name in (
        "wire.MAX_FRAME",
        "live.registry.MAX_OPEN",
        "faces.guard.MAX_HEAD",
        "log.contract.KEEP_PLAYS",
    ):
        assert name in found
