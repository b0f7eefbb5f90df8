"""What clients are sent, by examples: patches hold what changed and nothing else."""

from __future__ import annotations

from typing import Any

from crowdcue.room import commands as c
from crowdcue.room import view
from tests.support.story import Story


def changes(story: Story, version: tuple[int, str]) -> dict[str, Any]:
    """The patch since a version, its own version aside."""
    patch = view.since(story.room, *version)
    assert patch is not None
    assert (patch.pop("t"), patch.pop("seq"), patch.pop("mark")) == ("patch", *story.room.version)
    return patch


def party() -> Story:
    story = Story()
    story.adds("anna", "x", "y", "z")
    return story


def test_a_vote_is_a_score_a_count_and_a_key() -> None:
    story = party()
    version = story.room.version
    story.votes("ben", "y")
    assert changes(story, version) == {"set": [{"id": "y", "score": 1, "up": 1, "key": [-1, 2]}]}
    story.votes("ben", "y", -1)
    assert changes(story, version) == {"set": [{"id": "y", "score": -1, "up": 0, "down": 1, "key": [1, 2]}]}


def test_a_vote_under_first_come_moves_nothing() -> None:
    story = Story(policy="first_come")
    story.adds("anna", "x")
    version = story.room.version
    story.votes("ben", "x")
    assert changes(story, version) == {"set": [{"id": "x", "score": 1, "up": 1}]}


def test_no_change_is_an_empty_patch() -> None:
    story = party()
    version = story.room.version
    story.votes("ben", "x", 0)
    assert changes(story, version) == {}


def test_a_removal_is_an_id() -> None:
    story = party()
    version = story.room.version
    story.removes("anna", "y")
    assert changes(story, version) == {"del": ["y"]}


def test_a_song_that_came_and_went_is_only_deleted() -> None:
    story = party()
    version = story.room.version
    story.adds("ben", "w")
    story.removes("ben", "w")
    assert changes(story, version) == {"del": ["w"]}


def test_a_song_deleted_and_added_again_comes_whole() -> None:
    story = party()
    story.votes("ben", "y")
    version = story.room.version
    story.removes("anna", "y")
    between = story.room.version
    story.adds("cleo", "y")
    whole = view.item_wire(story.room.items["y"])
    assert changes(story, version) == {"del": ["y"], "set": [whole]}
    assert changes(story, between) == {"set": [whole]}


def test_the_next_song_is_a_deletion_what_plays_and_a_play() -> None:
    story = party()
    version = story.room.version
    story.next()
    patch = changes(story, version)
    assert patch == {"del": ["x"], "playing": story.playing}
    version = story.room.version
    story.next()
    patch = changes(story, version)
    assert set(patch) == {"del", "playing", "history"}
    assert [play["song"]["id"] for play in patch["history"]] == ["x"]


def test_the_end_of_the_music_is_a_null() -> None:
    story = Story()
    story.adds("anna", "x")
    story.next()
    version = story.room.version
    story.next()
    assert changes(story, version)["playing"] is None


def test_settings_and_volume_are_the_room() -> None:
    story = party()
    version = story.room.version
    story.sets(name="New", skip_share=250)
    story.do(c.Volume("host", 0, None, 12))
    assert changes(story, version) == {
        "room": {"name": "New", "skip_share": 0.25, "volume": 12},
    }


def test_a_new_policy_sends_keys_only() -> None:
    story = party()
    version = story.room.version
    story.sets(policy="first_come")
    patch = changes(story, version)
    assert patch["room"] == {"policy": "first_come"}
    assert sorted(patch["set"], key=lambda item: str(item["id"])) == [
        {"id": "x", "key": [1]},
        {"id": "y", "key": [2]},
        {"id": "z", "key": [3]},
    ]


def test_own_votes() -> None:
    story = party()
    story.votes("ben", "x", -1)
    story.votes("ben", "z")
    assert view.mine(story.room, "ben") == {"x": -1, "z": 1}
    assert view.mine(story.room, "nobody") == {}
    assert view.own_votes(story.room, "ben", ["x", "y", "gone"]) == {"x": -1, "y": 0}
    assert view.own_votes(story.room, "nobody", ["x"]) == {}
