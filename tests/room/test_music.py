"""What plays, by examples: next, ended, skipping by vote, pause, resume, seek, volume, cooldown, history."""

from __future__ import annotations

import pytest

from crowdcue.room import commands as c
from crowdcue.room.refusal import Outcome
from tests.support.story import Story, code, result


def skips(story: Story, member: str, *, want: bool = True, present: int = 0) -> Outcome:
    return story.do(c.Skip(member, 0, None, want, present, True))


def music(song_count: int = 3, **settings: int | str | bool) -> Story:
    """A party where the first song plays."""
    story = Story(**settings)
    story.adds("anna", *[f"s{i}" for i in range(song_count)])
    story.next()
    return story


# Next


def test_play_next_starts_the_first_and_says_what_plays() -> None:
    story = Story()
    story.adds("anna", "x", "y")
    story.votes("ben", "y")
    assert result(story.next())["playing"]["song"]["id"] == "y"
    assert story.playing == {
        "song": {"id": "y", "title": "Title of y", "artist": "Artist of y", "duration": 180},
        "play": 1,
        "position": 0,
        "started_at": story.at,
        "paused_at": None,
        "paused_by": None,
        "played_at": story.at,
        "by": {"id": "anna", "name": "Anna"},
        "score": 1,
        "skip": {"votes": 0, "needed": 2},
    }
    assert story.queue == ["x"]
    assert story.room.votes == 0


def test_play_next_with_nothing_queued_ends_the_music_and_then_is_queue_empty() -> None:
    story = music(1)
    assert result(story.next()) == {"playing": None}
    assert code(story.next()) == "queue_empty"
    assert [play["reason"] for play in story.state["history"]] == ["skip"]


def test_only_the_first_of_those_who_expect_a_play_counts() -> None:
    story = music()
    assert code(story.next(1)) == "done"
    assert code(story.next(1)) == "stale"
    assert code(story.next(c.NO_PLAY)) == "stale"
    assert story.playing is not None
    assert story.playing["play"] == 2


def test_expecting_silence_starts_the_music_once() -> None:
    story = Story()
    story.adds("anna", "x", "y")
    assert code(story.next(7)) == "stale"
    assert code(story.next(c.NO_PLAY)) == "done"
    assert code(story.next(c.NO_PLAY)) == "stale"
    assert code(Story().next(c.NO_PLAY)) == "queue_empty"


def test_guests_do_not_play_next() -> None:
    story = music()
    assert code(story.do(c.PlayNext("anna", 0, None, c.ANY_PLAY, True))) == "forbidden"
    assert code(story.do(c.PlayNext("anna", c.PLAYER, None, c.ANY_PLAY, True))) == "forbidden"


def test_started_with_no_player_it_is_paused_at_0_by_itself() -> None:
    story = Story()
    story.adds("anna", "x")
    story.next(attached=False)
    assert story.playing is not None
    assert (story.playing["paused_at"], story.playing["paused_by"]) == (story.at, "auto")


def test_the_nodes_own_next_is_an_end_not_a_skip() -> None:
    story = music()
    story.do(c.PlayNext("house", c.NODE, None, 1, True))
    assert story.room.history[-1].reason == "end"


# Ended


@pytest.mark.parametrize("reason", ["end", "error"])
def test_a_host_player_ends_the_play_it_names(reason: str) -> None:
    story = music()
    assert code(story.do(c.Ended("host", c.PLAYER, None, 1, reason, True))) == "done"  # type: ignore[arg-type]
    assert story.room.history[-1].reason == reason
    assert code(story.do(c.Ended("host", c.PLAYER, None, 1, "end", True))) == "stale"


def test_any_player_counts_when_the_clock_is_anyones_but_a_guest_without_sound_never() -> None:
    story = music()
    assert code(story.do(c.Ended("anna", c.PLAYER, None, 1, "end", True))) == "forbidden"
    story.sets(clock="anyone")
    assert code(story.do(c.Ended("anna", 0, None, 1, "end", True))) == "forbidden"
    assert code(story.do(c.Ended("anna", c.PLAYER, None, 1, "end", True))) == "done"


# Skipping by vote


def test_a_skip_needs_the_share_and_the_minimum() -> None:
    story = music(skip_share=500, skip_minimum=2)
    assert result(skips(story, "a", present=5)) == {"skipped": False, "votes": 1, "needed": 3}
    assert result(skips(story, "a", present=5)) == {"skipped": False, "votes": 1, "needed": 3}
    assert result(skips(story, "b", present=5)) == {"skipped": False, "votes": 2, "needed": 3}
    assert story.playing is not None
    assert story.playing["skip"] == {"votes": 2, "needed": 3}
    assert result(skips(story, "c", present=5)) == {"skipped": True, "votes": 3, "needed": 3}
    assert story.playing["play"] == 2
    assert story.playing["skip"] == {"votes": 0, "needed": 2}
    assert story.room.history[-1].reason == "skip"


def test_one_alone_does_not_pass_the_minimum() -> None:
    story = music(skip_minimum=2)
    assert result(skips(story, "a", present=1)) == {"skipped": False, "votes": 1, "needed": 2}
    story = music(skip_minimum=1)
    assert result(skips(story, "a", present=1)) == {"skipped": True, "votes": 1, "needed": 1}


@pytest.mark.parametrize("present", [0, -1, -(2**60)])
def test_a_skip_cannot_pass_with_nobody_voting(present: int) -> None:
    story = music(skip_share=1, skip_minimum=1)
    assert result(skips(story, "a", want=False, present=present)) == {
        "skipped": False,
        "votes": 0,
        "needed": 1,
    }


def test_a_share_is_rounded_up() -> None:
    story = music(skip_share=334, skip_minimum=1)
    assert result(skips(story, "a", present=3))["needed"] == 2


def test_a_skip_vote_can_be_taken_back() -> None:
    story = music()
    skips(story, "a", present=3)
    assert result(skips(story, "a", want=False, present=3)) == {"skipped": False, "votes": 0, "needed": 2}


def test_skipping_is_refused_when_off_or_when_nothing_plays() -> None:
    assert code(skips(music(skip_share=0), "a")) == "forbidden"
    assert code(skips(Story(), "a")) == "stale"


def test_clients_see_how_many_are_needed_from_the_start_and_0_when_it_is_off() -> None:
    story = music(skip_minimum=3)
    assert story.state["playing"]["skip"] == {"votes": 0, "needed": 3}
    version = story.room.version
    story.sets(skip_share=0)
    assert story.state["playing"]["skip"] == {"votes": 0, "needed": 0}
    assert story.room.version != version
    story.next()
    assert story.state["playing"]["skip"] == {"votes": 0, "needed": 0}
    story.sets(skip_share=500, skip_minimum=4)
    assert story.state["playing"]["skip"] == {"votes": 0, "needed": 4}


# Pause, resume, seek, volume


def test_a_pause_stops_and_a_resume_goes_on_from_there() -> None:
    story = music()
    story.wait(10)
    story.do(c.Pause("host", 0, None, c.ANY_PLAY))
    paused = story.at
    story.wait(100)
    assert story.playing is not None
    assert (story.playing["paused_at"], story.playing["paused_by"]) == (paused, "host")
    story.do(c.Resume("host", 0, None, c.ANY_PLAY))
    assert (story.playing["position"], story.playing["started_at"]) == (10_000, story.at)
    assert (story.playing["paused_at"], story.playing["paused_by"]) == (None, None)


def test_a_nodes_pause_is_automatic_and_yields_to_a_hosts() -> None:
    story = music()
    assert code(story.do(c.Pause("house", c.NODE, None, 9))) == "stale"
    assert code(story.do(c.Pause("house", c.NODE, None, 1))) == "done"
    paused = story.at
    assert code(story.do(c.Pause("house", c.NODE, None, 1))) == "stale"
    story.wait(5)
    assert code(story.do(c.Pause("host", 0, None, c.ANY_PLAY))) == "done"
    assert story.playing is not None
    assert (story.playing["paused_at"], story.playing["paused_by"]) == (paused, "host")
    assert code(story.do(c.Resume("house", c.NODE, None, 1))) == "stale", "a host's pause stays"
    assert story.playing["paused_by"] == "host"


def test_a_node_resumes_an_automatic_pause_only() -> None:
    story = music()
    assert code(story.do(c.Resume("house", c.NODE, None, 1))) == "stale"
    story.do(c.Pause("house", c.NODE, None, 1))
    assert code(story.do(c.Resume("house", c.NODE, None, 2))) == "stale"
    assert code(story.do(c.Resume("house", c.NODE, None, 1))) == "done"
    assert story.playing is not None
    assert story.playing["paused_by"] is None


def test_pausing_twice_and_resuming_twice_changes_nothing() -> None:
    story = music()
    first = story.do(c.Pause("host", 0, None, c.ANY_PLAY))
    assert story.do(c.Pause("host", 0, None, c.ANY_PLAY)) == first
    second = story.do(c.Resume("host", 0, None, c.ANY_PLAY))
    assert story.do(c.Resume("host", 0, None, c.ANY_PLAY)) == second


@pytest.mark.parametrize(("position", "reached"), [(60_000, 60_000), (10**12, 180_000), (-5, 0)])
def test_a_seek_stays_within_the_song(position: int, reached: int) -> None:
    story = music()
    story.wait(5)
    story.do(c.Seek("host", 0, None, position))
    assert story.playing is not None
    assert (story.playing["position"], story.playing["started_at"]) == (reached, story.at)


def test_a_seek_while_paused_stays_paused_at_the_new_place() -> None:
    story = music()
    story.do(c.Pause("host", 0, None, c.ANY_PLAY))
    story.wait(50)
    story.do(c.Seek("host", 0, None, 30_000))
    story.wait(50)
    assert story.room.playing is not None
    assert story.room.playing.at(story.at) == 30_000
    story.do(c.Resume("host", 0, None, c.ANY_PLAY))
    assert story.room.playing.at(story.at + 1_000) == 31_000


@pytest.mark.parametrize(
    "command",
    [
        c.Pause("host", 0, None, c.ANY_PLAY),
        c.Resume("host", 0, None, c.ANY_PLAY),
        c.Seek("host", 0, None, 0),
        c.Ended("host", 0, None, 1, "end", True),
    ],
)
def test_with_nothing_playing_it_is_stale(command: c.Command) -> None:
    assert code(Story().do(command)) == "stale"


@pytest.mark.parametrize(("value", "kept"), [(0, 0), (55, 55), (1_000, 100), (-4, 0)])
def test_the_volume_is_part_of_the_room(value: int, kept: int) -> None:
    story = Story()
    story.do(c.Volume("host", 0, None, value))
    assert story.state["room"]["volume"] == kept


# History and cooldown


def test_the_history_is_newest_first_bounded_and_without_what_plays() -> None:
    story = Story()
    story.adds("anna", *[f"s{i}" for i in range(25)])
    story.wait(1)
    for _ in range(24):
        story.next()
        story.wait(1)
    history = story.state["history"]
    assert [play["play"] for play in history] == list(range(23, 3, -1))
    assert history[0]["ended_at"] - history[0]["played_at"] == 1_000
    assert history[0]["by"] == {"id": "anna", "name": "Anna"}


def test_the_cooldown_is_counted_from_the_end_of_the_last_play() -> None:
    story = music(2, cooldown=60)
    assert code(story.adds("ben", "s0")) == "not_now", "what plays has the whole wait before it"
    story.next()
    story.wait(59.5)
    refused = story.adds("ben", "s0")
    assert code(refused) == "not_now"
    assert refused.retry_after == 1  # type: ignore[union-attr]
    story.wait(0.5)
    assert code(story.adds("ben", "s0")) == "done"


def test_open_parties_know_no_cooldown_and_no_limit_per_guest() -> None:
    story = music(1, cooldown=60, songs_per_guest=1)
    story.adds("ben", "x")
    assert code(story.adds("ben", "y")) == "too_many"
    assert code(story.adds("ben", "s0", "y", rights=c.UNLIMITED)) == "done"
