"""The pure part of the client: messages in, snapshots out; by hand, and on recordings shared with other clients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crowdcue.client import Change, Snapshot, View
from crowdcue.client.view import BadView

GOLDEN = sorted((Path(__file__).parent.parent / "golden").glob("*.json"))
RECORDINGS = [path for path in GOLDEN if "steps" in json.loads(path.read_text(encoding="utf-8"))]


def item(id_: str, *key: int, **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "title": id_.upper(),
        "artist": "A",
        "duration": 10,
        "score": 0,
        "up": 0,
        "down": 0,
        "by": {"id": "m1", "name": "Anna"},
        "added_at": 1,
        "key": list(key),
        **more,
    }


def play(number: int) -> dict[str, Any]:
    return {"song": {"id": f"s{number}", "title": "T", "artist": "A", "duration": 1}, "play": number}


def state(*items: dict[str, Any], seq: int = 5, **more: Any) -> dict[str, Any]:
    return {
        "t": "state",
        "seq": seq,
        "mark": f"m{seq}",
        "room": {"code": "MAIN", "name": "Party", "policy": "votes"},
        "playing": None,
        "queue": list(items),
        "history": [],
        "mine": {},
        **more,
    }


def patch(seq: int, **more: Any) -> dict[str, Any]:
    return {"t": "patch", "seq": seq, "mark": f"m{seq}", **more}


def viewing(*messages: dict[str, Any]) -> View:
    view = View()
    for message in messages:
        view.apply(message)
    return view


def ids(snapshot: Snapshot) -> list[str]:
    return [item["id"] for item in snapshot.queue]


@pytest.mark.skipif(not RECORDINGS, reason="no recordings are made yet")
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recorded_frames_give_the_recorded_views(path: Path) -> None:
    steps = json.loads(path.read_text(encoding="utf-8"))["steps"]
    assert steps
    view = View()
    for number, step in enumerate(steps):
        view.apply(step["frame"])
        now = view.snapshot
        seen = {
            "seq": now.seq,
            "mark": now.mark,
            "room": now.room,
            "playing": now.playing,
            "queue": list(now.queue),
            "history": list(now.history),
            "mine": now.mine,
        }
        assert seen == {name: step["view"][name] for name in seen}, f"step {number}"


def test_nothing_is_known_before_the_first_state() -> None:
    now = View().snapshot
    assert (now.seq, now.queue, now.playing, now.mine) == (-1, (), None, {})


def test_the_queue_is_in_the_order_of_the_keys() -> None:
    now = viewing(state(item("b", 0, 2), item("c", -1, 9), item("a", 0, 1))).snapshot
    assert ids(now) == ["c", "a", "b"]


def test_a_patch_merges_known_songs_and_takes_new_ones_whole() -> None:
    view = viewing(state(item("a", 0, 1), item("b", 0, 2)))
    view.apply(patch(6, set=[{"id": "b", "score": 1, "up": 1, "key": [-1, 2]}, item("c", 0, 3)]))
    now = view.snapshot
    assert ids(now) == ["b", "a", "c"]
    assert now.queue[0] == item("b", -1, 2, score=1, up=1)
    assert now.version == (6, "m6")


def test_a_song_deleted_and_set_in_one_patch_comes_back_whole() -> None:
    view = viewing(state(item("a", 0, 1, score=3, up=3, album="Old")))
    view.apply(patch(9, **{"del": ["a"], "set": [item("a", 0, 7)]}))
    assert view.snapshot.queue == (item("a", 0, 7),)


def test_changes_of_an_unknown_song_are_no_view() -> None:
    view = viewing(state())
    with pytest.raises(BadView):
        view.apply(patch(6, set=[{"id": "x", "score": 1}]))


@pytest.mark.parametrize(
    "message", [{"t": "state"}, {"t": "patch"}, {"t": "mine"}, {"t": "patch", "seq": 1, "set": 3}]
)
def test_a_message_without_its_fields_is_no_view(message: dict[str, Any]) -> None:
    with pytest.raises(BadView):
        viewing(state()).apply(message)


def test_playing_is_replaced_and_null_ends_it() -> None:
    view = viewing(state(playing=play(1)))
    view.apply(patch(6, playing=play(2)))
    assert view.snapshot.playing == play(2)
    view.apply(patch(7))
    assert view.snapshot.playing == play(2)
    view.apply(patch(8, playing=None))
    assert view.snapshot.playing is None


def test_history_grows_in_front_and_ends_at_twenty() -> None:
    view = viewing(state(history=[play(n) for n in range(19, 0, -1)]))
    view.apply(patch(6, history=[play(21), play(20)]))
    assert [p["play"] for p in view.snapshot.history] == list(range(21, 1, -1))


def test_settings_merge() -> None:
    view = viewing(state())
    view.apply(patch(6, room={"policy": "fair"}))
    assert view.snapshot.room == {"code": "MAIN", "name": "Party", "policy": "fair"}


def test_own_votes_merge_replace_and_leave_no_zeros() -> None:
    view = viewing(state(item("a", 1), item("b", 2), mine={"a": 1}))
    view.apply({"t": "mine", "votes": {"a": 0, "b": -1}})
    assert view.snapshot.mine == {"b": -1}
    view.apply({"t": "mine", "votes": {"a": 1, "b": 0}, "all": True})
    assert view.snapshot.mine == {"a": 1}


def test_votes_die_with_the_song() -> None:
    view = viewing(state(item("a", 1), item("b", 2), mine={"a": 1, "b": 1}))
    view.apply(patch(6, **{"del": ["a"]}))
    assert view.snapshot.mine == {"b": 1}


def test_a_vote_of_old_dies_when_the_song_leaves_and_comes_back_in_one_patch() -> None:
    view = viewing(state(item("a", 1), mine={"a": 1}))
    view.apply(patch(9, **{"del": ["a"], "set": [item("a", 7)]}))
    assert view.snapshot.mine == {}


def test_a_vote_for_the_song_that_came_back_outlives_the_patch_that_tells_of_both() -> None:
    view = viewing(state(item("a", 1)))
    view.voted(
        "a", 1, seq=8
    )  # its `done` comes before the patch up to 9, which holds the deletion at 6 as well
    view.apply(patch(9, **{"del": ["a"], "set": [item("a", 7, up=1, score=1)]}))
    assert view.snapshot.mine == {"a": 1}


def test_a_state_may_go_back_and_replaces_everything() -> None:
    view = viewing(state(item("a", 1), seq=9, mine={"a": 1}), {"t": "here", "members": 3, "players": 1})
    view.apply(state(item("b", 1), seq=4))
    now = view.snapshot
    assert (now.seq, ids(now), now.mine) == (4, ["b"], {})
    assert now.here == {"members": 3, "players": 1}, "who is here is not in the log"


def test_snapshots_stay_what_they_were() -> None:
    view = viewing(state(item("a", 1), item("b", 2), mine={"a": 1}))
    old = view.snapshot
    was = json.dumps([old.queue, old.mine, old.room, old.history])
    view.apply(patch(6, set=[{"id": "b", "key": [0], "score": 5}], room={"name": "New"}, history=[play(1)]))
    view.apply(patch(7, **{"del": ["a"]}))
    assert json.dumps([old.queue, old.mine, old.room, old.history]) == was
    assert view.snapshot is view.snapshot, "no new object without a change"


def test_messages_that_are_not_about_the_view_change_nothing() -> None:
    view = viewing(state(item("a", 1)))
    before = view.snapshot
    view.apply({"t": "something new", "seq": 99})
    assert view.snapshot is before


def test_a_change_tells_what_came_what_went_and_what_plays() -> None:
    view = viewing(state(item("a", 1), item("b", 2)))
    before = view.snapshot
    view.apply(patch(6, **{"del": ["a"], "set": [item("c", 0)], "playing": play(1)}))
    change = Change(before, view.snapshot)
    assert [i["id"] for i in change.added] == ["c"]
    assert [i["id"] for i in change.removed] == ["a"]
    assert change.started == play(1)
    assert change.new_first is not None and change.new_first["id"] == "c"
    same = Change(view.snapshot, view.snapshot)
    assert (same.added, same.removed, same.started, same.new_first) == ([], [], None, None)
