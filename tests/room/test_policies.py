"""The three policies by examples: which key a song gets, and how fair deals out turns."""

from __future__ import annotations

from crowdcue.room import commands as c
from tests.support.story import Story, song


def keys(story: Story) -> dict[str, tuple[int, ...]]:
    return {id_: item.key for id_, item in story.room.items.items()}


def turns(story: Story) -> dict[str, int]:
    return {id_: item.turn for id_, item in story.room.items.items()}


def test_votes_sorts_by_score_then_arrival() -> None:
    story = Story(policy="votes")
    story.adds("anna", "x", "y")
    story.votes("ben", "y", 1)
    story.votes("ben", "x", -1)
    assert keys(story) == {"x": (1, 1), "y": (-1, 2)}


def test_first_come_ignores_votes() -> None:
    story = Story(policy="first_come")
    story.adds("anna", "x", "y")
    story.votes("ben", "y", 1)
    assert keys(story) == {"x": (1,), "y": (2,)}
    assert story.queue == ["x", "y"]


def test_fair_plays_everybodys_first_song_before_anybodys_second() -> None:
    story = Story(policy="fair")
    story.adds("anna", "a1", "a2", "a3")
    story.adds("ben", "b1", "b2")
    assert story.queue == ["a1", "b1", "a2", "b2", "a3"]


def test_fair_votes_move_a_song_within_its_turn_only() -> None:
    story = Story(policy="fair")
    story.adds("anna", "a1", "a2")
    story.adds("ben", "b1")
    for fan in ("f1", "f2", "f3"):
        story.votes(fan, "a2")
    assert story.queue == ["a1", "b1", "a2"]
    story.votes("f1", "b1")
    assert story.queue == ["b1", "a1", "a2"]


def test_fair_counts_what_plays_as_a_turn_taken() -> None:
    story = Story(policy="fair")
    story.adds("anna", "a1")
    story.next()
    story.adds("anna", "a2")
    story.adds("ben", "b1")
    assert story.queue == ["b1", "a2"]


def test_fair_newcomers_join_the_current_turn_without_credit_for_the_hours_before() -> None:
    story = Story(policy="fair")
    story.adds("anna", *[f"a{i}" for i in range(8)])
    for _ in range(5):
        story.next()  # turn 4 plays
    story.adds("late", "l1", "l2", "l3")
    assert turns(story) == {"a5": 5, "a6": 6, "a7": 7, "l1": 4, "l2": 5, "l3": 6}
    assert story.queue == ["l1", "a5", "l2", "a6", "l3", "a7"]


def test_fair_remembers_turns_taken_within_the_current_turn() -> None:
    story = Story(policy="fair")
    story.adds("anna", "a1")
    story.adds("ben", "b1")
    story.next()
    story.next()  # b1 plays, a1 is over: both had turn 0
    story.adds("anna", "a2")
    story.adds("cleo", "c1")
    assert turns(story) == {"a2": 1, "c1": 0}


def test_fair_old_turns_give_no_debt() -> None:
    story = Story(policy="fair")
    story.adds("anna", "a1")
    story.adds("ben", "b1", "b2", "b3")
    for _ in range(3):
        story.next()  # a1, b1, b2: the room is in turn 1
    story.adds("anna", "a2")
    assert turns(story)["a2"] == 1


def test_fair_removal_renumbers_only_that_guests_songs() -> None:
    story = Story(policy="fair")
    story.adds("anna", "a1", "a2", "a3")
    story.adds("ben", "b1", "b2", "b3")
    before = story.room.seq
    story.removes("anna", "a1")
    assert turns(story) == {"a2": 0, "a3": 1, "b1": 0, "b2": 1, "b3": 2}
    assert {id_ for id_, seq in story.room.touched.items() if seq > before} == {"a2", "a3"}
    story.removes("ben", "b3")
    assert turns(story) == {"a2": 0, "a3": 1, "b1": 0, "b2": 1}


def test_fair_removal_never_gives_a_turn_that_was_taken() -> None:
    story = Story(policy="fair")
    story.adds("anna", "a1", "a2", "a3")
    story.next()
    story.removes("anna", "a2")
    assert turns(story) == {"a3": 1}


def test_removing_the_songs_and_adding_them_again_wins_nothing() -> None:
    story = Story(policy="fair")
    story.adds("anna", "a1", "a2")
    story.adds("ben", "b1")
    story.next()
    for id_ in ("a2", "b1"):
        story.removes("host", id_)
    story.adds("anna", "a2")
    story.adds("ben", "b1")
    assert story.queue == ["b1", "a2"]


def test_a_switch_to_fair_deals_turns_as_if_all_had_come_under_it() -> None:
    story = Story(policy="votes")
    story.adds("anna", "a0", "a1", "a2")
    story.adds("ben", "b1")
    story.next()  # a0
    story.votes("cleo", "a2")
    assert story.queue == ["a2", "a1", "b1"]
    story.sets(policy="fair")
    assert turns(story) == {"a1": 1, "a2": 2, "b1": 0}
    assert story.queue == ["b1", "a1", "a2"]
    story.sets(policy="votes")
    assert story.queue == ["a2", "a1", "b1"]
    story.sets(policy="first_come")
    assert story.queue == ["a1", "a2", "b1"]


def test_a_switch_there_and_back_forgets_the_turns_of_before() -> None:
    story = Story(policy="fair")
    story.adds("anna", *[f"a{i}" for i in range(6)])
    for _ in range(4):
        story.next()
    story.sets(policy="votes")
    story.sets(policy="fair")
    assert turns(story) == {"a4": 1, "a5": 2}
    assert story.room.turn == 0


def test_sync_under_fair_keeps_the_order_given() -> None:
    story = Story(policy="fair")
    story.adds("anna", "x")
    story.next()
    story.do(c.Sync("host", 0, None, "Host", [song(i) for i in ("c", "a", "b")]))
    assert story.queue == ["c", "a", "b"]


def test_a_setting_set_to_what_it_is_deals_nothing_again() -> None:
    story = Story(policy="fair")
    story.adds("anna", "a1", "a2")
    changed = story.room.changed
    story.sets(policy="fair")
    assert story.room.changed == changed
