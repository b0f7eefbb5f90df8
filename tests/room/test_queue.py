"""The queue by examples: adding, removing, voting, clearing, syncing."""

from __future__ import annotations

import pytest

from crowdcue.room import commands as c
from crowdcue.room import rules, view
from crowdcue.room.refusal import Done
from tests.support.story import Story, code, result, song


def test_a_song_is_queued_whole_with_score_0() -> None:
    story = Story()
    story.adds("anna", "x")
    (item,) = story.state["queue"]
    assert item == {
        "id": "x",
        "title": "Title of x",
        "artist": "Artist of x",
        "duration": 180,
        "score": 0,
        "up": 0,
        "down": 0,
        "by": {"id": "anna", "name": "Anna"},
        "added_at": story.at,
        "key": [0, 1],
    }
    assert view.mine(story.room, "anna") == {}


def test_adding_a_queued_song_is_an_upvote_and_says_so() -> None:
    story = Story()
    assert result(story.adds("anna", "x")) == {"song_id": "x", "added": True}
    assert result(story.adds("ben", "x")) == {"song_id": "x", "added": False}
    assert result(story.adds("ben", "x")) == {"song_id": "x", "added": False}
    assert [(i["id"], i["score"]) for i in story.state["queue"]] == [("x", 1)]
    assert view.mine(story.room, "ben") == {"x": 1}


def test_a_fraction_of_a_second_is_kept() -> None:
    story = Story()
    story.do(c.Add("anna", 0, None, "Anna", song("x")._replace(duration=1_500), False))
    assert story.state["queue"][0]["duration"] == 1.5


def test_guests_remove_their_own_songs_only_and_hosts_all() -> None:
    story = Story()
    story.adds("anna", "x", "y", "z")
    assert code(story.removes("ben", "x")) == "forbidden"
    assert code(story.removes("anna", "x")) == "done"
    assert code(story.removes("host", "y")) == "done"
    assert code(story.do(c.Remove("ben", c.HOST, None, "z"))) == "done"
    assert story.queue == []


def test_removing_what_is_not_there_is_no_such_song_for_everybody() -> None:
    story = Story()
    assert code(story.removes("anna", "x")) == "no_such_song"
    assert code(story.removes("host", "x")) == "no_such_song"


def test_a_vote_is_set_not_added() -> None:
    story = Story()
    story.adds("anna", "x", "y")
    for value, score, up, down in [(1, 1, 1, 0), (1, 1, 1, 0), (-1, -1, 0, 1), (0, 0, 0, 0), (0, 0, 0, 0)]:
        assert code(story.votes("ben", "x", value)) == "done"
        item = story.room.items["x"]
        assert (item.score, item.up, item.down) == (score, up, down)
    assert code(story.votes("ben", "nothing", 1)) == "no_such_song"


def test_a_vote_that_changes_nothing_is_done_in_the_last_version_there_was() -> None:
    story = Story()
    story.adds("anna", "x")
    first = story.votes("ben", "x", 1)
    assert isinstance(first, Done)
    again = story.votes("ben", "x", 1)
    assert again == first
    assert story.room.seq == first.seq + 1
    assert story.last.votes == []


def test_votes_move_songs_and_ties_go_to_the_first_come() -> None:
    story = Story()
    story.adds("anna", "x", "y", "z")
    story.votes("ben", "z")
    assert story.queue == ["z", "x", "y"]
    story.votes("anna", "y")
    assert story.queue == ["y", "z", "x"]
    story.votes("cleo", "y", -1)
    assert story.queue == ["z", "x", "y"]


def test_steps_go_from_the_members_own_vote_and_stay_within_one() -> None:
    story = Story()
    story.adds("anna", "x")
    story.votes("cleo", "x")
    seen = []
    for by in (1, 1, -1, -1, -1, 1):
        assert code(story.do(c.Step("ben", 0, None, "x", by))) == "done"
        seen.append(view.mine(story.room, "ben").get("x", 0))
    assert seen == [1, 1, 0, -1, -1, 0]
    assert story.room.items["x"].score == 1
    assert code(story.do(c.Step("ben", 0, None, "y", 1))) == "no_such_song"


def test_votes_die_with_the_item_and_a_song_added_again_starts_at_0() -> None:
    story = Story()
    story.adds("anna", "x")
    story.votes("ben", "x", -1)
    story.removes("anna", "x")
    assert story.room.votes == 0
    story.adds("anna", "x")
    assert story.state["queue"][0]["score"] == 0
    assert view.mine(story.room, "ben") == {}


def test_without_downvotes_a_downvote_is_forbidden_but_taking_one_back_is_not() -> None:
    story = Story(downvotes=False)
    story.adds("anna", "x")
    assert code(story.votes("ben", "x", -1)) == "forbidden"
    assert code(story.do(c.Step("ben", 0, None, "x", -1))) == "forbidden"
    assert code(story.votes("ben", "x", 1)) == "done"
    assert code(story.votes("ben", "x", 0)) == "done"


def test_switching_downvotes_off_sweeps_those_that_were_given() -> None:
    story = Story()
    story.adds("anna", "x", "y")
    for troll in ("t1", "t2", "t3"):
        story.votes(troll, "x", -1)
    story.votes("ben", "x", 1)
    assert story.queue == ["y", "x"]
    story.sets(downvotes=False)
    assert story.last.votes_reset
    item = story.room.items["x"]
    assert (item.up, item.down, story.queue) == (1, 0, ["x", "y"])
    assert story.room.votes == 1
    assert view.mine(story.room, "t1") == {}
    story.sets(downvotes=False)
    assert not story.last.votes_reset


def test_clear_empties_the_queue_and_leaves_what_plays_and_the_history() -> None:
    story = Story()
    story.adds("anna", "x", "y", "z")
    story.next()
    story.next()
    assert code(story.do(c.Clear("anna", 0, None, False))) == "forbidden"
    assert code(story.do(c.Clear("host", 0, None, False))) == "done"
    state = story.state
    assert state["queue"] == []
    assert state["playing"]["song"]["id"] == "y"
    assert [play["song"]["id"] for play in state["history"]] == ["x"]


def test_clear_of_everything_stops_the_music_and_forgets_the_past() -> None:
    story = Story(cooldown=3_600)
    story.adds("anna", "x", "y", "z")
    story.next()
    story.next()
    assert code(story.do(c.Clear("host", 0, None, True))) == "done"
    state = story.state
    assert (state["queue"], state["playing"], state["history"]) == ([], None, [])
    assert story.room.cleared == 2
    assert code(story.adds("anna", "x")) == "done", "no cooldown from plays that are forgotten"
    story.next()
    assert story.playing is not None
    assert story.playing["play"] == 3, "plays go on counting"


def test_sync_puts_songs_in_place_of_the_queue_with_no_votes() -> None:
    story = Story()
    story.adds("anna", "x", "y")
    story.votes("ben", "x")
    songs = [song("c"), song("x"), song("a"), song("c")._replace(title="another c")]
    assert code(story.do(c.Sync("anna", 0, None, "Anna", songs))) == "forbidden"
    assert code(story.do(c.Sync("host", 0, None, "Host", songs))) == "done"
    assert story.queue == ["c", "x", "a"]
    assert [i["score"] for i in story.state["queue"]] == [0, 0, 0]
    assert {i["by"]["id"] for i in story.state["queue"]} == {"host"}
    assert story.state["queue"][0]["title"] == "Title of c", "an id given twice counts once, as first given"
    assert story.room.votes == 0


def test_a_sync_that_does_not_fit_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_QUEUE", 2)
    story = Story()
    story.adds("anna", "x")
    songs = [song(f"s{i}") for i in range(3)]
    assert code(story.do(c.Sync("host", 0, None, "Host", songs))) == "queue_full"
    assert story.queue == ["x"]
