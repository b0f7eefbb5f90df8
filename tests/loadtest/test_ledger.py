"""The book of a run finds votes that were lost, doubled or shown too early."""

from __future__ import annotations

from typing import Any

from loadtest.ledger import Ledger
from loadtest.views import Version, Views


def version(seq: int, **votes: tuple[int, int]) -> Version:
    items = {song: {"up": up, "down": down, "score": up - down} for song, (up, down) in votes.items()}
    return Version(seq, "", items, None, (), {})


def ledger() -> Ledger:
    book = Ledger()
    book.acknowledged(1, "anna", "x", 1)
    book.acknowledged(2, "ben", "x", 1)
    book.acknowledged(3, "anna", "x", -1)
    return book


SOUND = [version(1, x=(1, 0)), version(2, x=(2, 0)), version(3, x=(1, 1))]


def test_what_was_acknowledged_is_there() -> None:
    assert not ledger().check(SOUND, 3)


def test_lost_vote_is_found_though_the_member_voted_again() -> None:
    assert ledger().check([version(1, x=(0, 0)), *SOUND[1:]], 3)


def test_doubled_vote_is_found() -> None:
    assert ledger().check([version(2, x=(3, 0)), version(3, x=(1, 1))], 3)


def test_score_that_does_not_fit_is_found() -> None:
    wrong = version(3, x=(1, 1))
    wrong.items["x"]["score"] = 2
    assert ledger().check([wrong], 3)


def test_log_that_ends_before_the_last_acknowledgement_is_found() -> None:
    assert ledger().check(SOUND[:2], 2)


def test_own_votes() -> None:
    book = ledger()
    book.acknowledged(4, "ben", "x", 0)
    assert book.own("anna") == {"x": -1}
    assert book.own_of_all() == {"anna": {"x": -1}, "ben": {}}


def item(song: str, key: int, **more: Any) -> dict[str, Any]:
    return {"id": song, "title": song, "up": 0, "down": 0, "score": 0, "key": [key], **more}


def state(seq: int, *items: dict[str, Any]) -> dict[str, Any]:
    return {"seq": seq, "mark": f"m{seq}", "queue": list(items), "playing": None, "history": [], "room": {}}


def test_equal_patches_are_applied_once_and_lost_ones_are_found() -> None:
    import msgpack

    views = Views()
    start = views.state(state(1, item("x", 1), item("y", 2)))
    first = msgpack.packb({"t": "patch", "seq": 2, "mark": "m2", "set": [{"id": "x", "up": 1}]})
    second = msgpack.packb({"t": "patch", "seq": 3, "mark": "m3", "set": [{"id": "y", "up": 1}]})
    assert views.patch(views.patch(start, first), second) is views.patch(views.patch(start, first), second)
    assert views.patches == 2 and not views.errors
    views.patch(start, second)  # without the first
    assert views.errors == {"two ways to one version lead to different states": 1}


def test_patch_of_an_unknown_song_is_found() -> None:
    import msgpack

    views = Views()
    views.patch(
        views.state(state(1)), msgpack.packb({"t": "patch", "seq": 2, "mark": "m", "set": [{"id": "z"}]})
    )
    assert views.errors == {"a patch changes a song that is not known": 1}
