"""Every bound has a name, a reason, a line in docs/limits.md, and a test that knows it."""

from __future__ import annotations

import re

from tests.hostile.bounds import PAGE, Bound, bounds, page, texts_of_tests

#: Bounds that no test names yet (their effect may be tested all the same). This list may only become shorter.
UNTESTED: set[str] = {
    "admin.doctor.MOST_FILES",
    "admin.lines.MAX_PLAYS",
    "admin.transfer.MAX_LINE",
    "faces.frames.USER_TIMEOUT",
    "faces.http.MAX_DISCARD",
    "faces.media.SEARCH_MOST",
    "faces.rpc.HISTORY",
    "faces.rpc.MAX_MESSAGE",
    "faces.rpc.MAX_REQUESTS",
    "live.replica.CATCH_UP_TIMEOUT",
    "log.redis.APPEND_TIMEOUT",
    "log.redis_subscriber.SUBSCRIBE_TIMEOUT",
    "log.redis_url.CONNECT_TIMEOUT",
    "log.redis_url.MAX_CONNECTIONS",
    "log.redis_writer.CLOSE_TIMEOUT",
    "log.sqlite_file.BUSY_TIMEOUT",
    "log.sqlite_file.WAL_LIMIT",
    "music.fold.MAX_FOLDED",
    "music.fold._TABLE_LIMIT",
    "music.folder.MAX_DEPTH",
    "music.image.MAX_IMAGE_PIXELS",
    "music.library.MAX_SONGS",
    "music.search.MAX_WORDS",
    "music.search._MAX_ALIKE",
    "music.search._MAX_CANDIDATES",
    "music.song.MAX_DURATION_MS",
    "music.song.MAX_TEXT",
    "music.tags._MAX_PICTURES",
    "music.tagworker.MAX_REASON",
    "music.tagworker.MEMORY_LIMIT",
    "session.HELLO_TIMEOUT",
}
#: Bounds whose comment does not stand above or behind them. Likewise.
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


def test_every_bound_is_tested_or_known_not_to_be() -> None:
    text = texts_of_tests()
    untested = {f"{b.module}.{b.name}" for b in bounds() if not re.search(rf"\b{b.name}\b", text)}
    assert untested - UNTESTED == set(), "a new bound needs a test that names it"


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
