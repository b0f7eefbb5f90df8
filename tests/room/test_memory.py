"""What a room remembers, and the bound on each: answers by id, members, votes, songs, deleted ids, versions."""

from __future__ import annotations

import pytest

from crowdcue.room import commands as c
from crowdcue.room import reduce as reduce_module
from crowdcue.room import rules, state, view
from crowdcue.room.codec import decode_room, digest, encode_room
from tests.support.client_model import ClientModel
from tests.support.story import Story, code, result, song


def add(member: str, id_: str, song_id: str) -> c.Add:
    return c.Add(member, 0, id_, member.title(), song(song_id), False)


def counters_hold(story: Story) -> None:
    """The counts that rules keep equal what they count."""
    room = story.room
    assert room.votes == sum(len(item.votes) for item in room.items.values())
    live: dict[str, int] = dict.fromkeys(room.members, 0)
    for item in room.items.values():
        live[item.by.id] += 1
        for member in item.votes:
            assert room.members[member.id] is member
            live[member.id] += 1
    assert live == {id_: member.live for id_, member in room.members.items()}
    for member in room.members.values():
        assert member.items == [item for item in room.items.values() if item.by is member]
    assert len(room.answers) == sum(len(member.answered) for member in room.members.values())


# Answers


def test_the_same_id_by_the_same_member_gets_the_first_answer_and_is_not_applied_again() -> None:
    story = Story()
    first = story.do(add("anna", "id-1", "x"))
    story.removes("anna", "x")
    assert story.do(add("anna", "id-1", "x")) == first
    assert story.do(add("anna", "id-1", "quite another")) == first
    assert story.queue == []


def test_the_id_is_the_members_own() -> None:
    story = Story()
    story.do(add("anna", "id-1", "x"))
    assert result(story.do(add("ben", "id-1", "y")))["added"]
    assert story.queue == ["x", "y"]


def test_refusals_are_remembered_too() -> None:
    story = Story()
    assert code(story.do(c.Remove("anna", 0, "id-1", "x"))) == "no_such_song"
    story.adds("anna", "x")
    assert code(story.do(c.Remove("anna", 0, "id-1", "x"))) == "no_such_song"
    assert story.queue == ["x"]
    assert code(story.do(c.Clear("anna", 0, "id-2", False))) == "forbidden"
    story.do(c.Claim("anna", c.NODE, None, "Anna"))
    assert code(story.do(c.Clear("anna", 0, "id-2", False))) == "forbidden"


def test_steps_are_remembered_and_votes_need_no_memory() -> None:
    story = Story()
    story.adds("anna", "x")
    for _ in range(2):
        story.do(c.Step("ben", 0, "s", "x", 1))
        story.do(c.Vote("cleo", 0, "v", "x", 1))
    story.do(c.Vote("cleo", 0, "v", "x", -1))
    assert (story.room.items["x"].up, story.room.items["x"].down) == (1, 1)
    assert list(story.room.answers) == [("ben", "s")]


def test_play_next_with_the_same_id_plays_one_song() -> None:
    story = Story()
    story.adds("anna", "x", "y", "z")
    command = c.PlayNext("host", 0, "n", c.ANY_PLAY, True)
    first = story.do(command)
    assert story.commit(command, command) == [first, first]
    assert story.queue == ["y", "z"]


def test_the_same_id_twice_in_one_entry_is_applied_once() -> None:
    story = Story()
    assert len(set(map(str, story.commit(add("anna", "i", "x"), add("anna", "i", "y"))))) == 1
    assert story.queue == ["x"]


def test_sixty_four_answers_a_member() -> None:
    story = Story()
    for i in range(65):
        story.do(c.Remove("anna", 0, f"id-{i}", "x"))
    story.do(c.Remove("ben", 0, "id-0", "x"))
    story.adds("anna", "x")
    assert code(story.do(c.Remove("anna", 0, "id-1", "x"))) == "no_such_song", "the 64th last is known"
    assert code(story.do(c.Remove("anna", 0, "id-0", "x"))) == "done", "the 65th is not"
    counters_hold(story)


def test_ten_minutes_of_answers() -> None:
    story = Story()
    story.do(c.Remove("anna", 0, "id", "x"))
    story.adds("anna", "x")
    story.wait(600)
    assert code(story.do(c.Remove("anna", 0, "id", "x"))) == "no_such_song"
    story.wait(0.001)
    assert code(story.do(c.Remove("anna", 0, "id", "x"))) == "done"
    counters_hold(story)


def test_answers_of_a_room_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduce_module, "MAX_ANSWERS", 5)
    story = Story()
    for i in range(20):
        story.do(c.Remove(f"m{i % 7}", 0, f"id-{i}", "x"))
        assert len(story.room.answers) <= 5
        counters_hold(story)
    assert [id_ for _, id_ in story.room.answers] == [f"id-{i}" for i in range(15, 20)]


# Songs and votes


def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_QUEUE", 3)
    story = Story()
    story.adds("anna", "a", "b", "c")
    assert code(story.adds("anna", "d", rights=c.UNLIMITED)) == "queue_full"
    assert code(story.adds("ben", "a")) == "done", "an upvote needs no room"
    story.next()
    assert code(story.adds("anna", "d")) == "done"


def test_votes_are_bounded_and_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_VOTES", 3)
    story = Story()
    story.adds("anna", "x", "y")
    for voter in "abc":
        story.votes(voter, "x")
    assert code(story.votes("d", "x")) == "too_many"
    assert code(story.votes("a", "x", -1)) == "done", "a vote may turn"
    story.removes("anna", "x")
    assert code(story.votes("d", "y")) == "done"
    counters_hold(story)


# Members


@pytest.fixture
def small_table(monkeypatch: pytest.MonkeyPatch) -> Story:
    """A room for 6 members."""
    monkeypatch.setattr(state, "MAX_MEMBERS", 6)
    monkeypatch.setattr(state, "SWEEP_PAUSE", 5)
    return Story()


def test_members_with_nothing_in_the_room_make_way(small_table: Story) -> None:
    story = small_table  # the host is one
    story.adds("anna", "x")
    for i in range(4):
        story.votes(f"v{i}", "x")
    assert code(story.votes("late", "x")) == "too_many"
    assert code(story.adds("late", "y")) == "too_many"
    assert code(story.do(c.Rename("late", 0, None, "Late"))) == "too_many"
    assert code(story.do(c.Claim("late", c.NODE, None, "Late"))) == "too_many"
    for i in range(4):
        story.votes(f"v{i}", "x", 0)
    assert code(story.votes("late", "x")) == "done"
    assert set(story.room.members) == {"host", "anna", "late"}
    counters_hold(story)


def test_a_full_table_is_swept_now_and_then_only(small_table: Story) -> None:
    story = small_table
    story.adds("anna", "x")
    for i in range(4):
        story.votes(f"v{i}", "x")
    assert code(story.votes("late", "x")) == "too_many"
    story.votes("v0", "x", 0)
    swept = story.room.swept
    outcomes = [code(story.votes("late", "x")) for _ in range(6)]
    assert outcomes[0] == "too_many"
    assert outcomes[-1] == "done"
    assert story.room.swept - swept == 5


def test_the_sweep_spares_all_that_the_room_refers_to(small_table: Story) -> None:
    story = Story(policy="fair", skip_minimum=9)
    story.room.sweep_at = 6
    story.adds("player", "p")
    story.adds("adder", "q")
    story.next()
    story.next()  # p is over; what is left of the player is a turn taken
    story.do(c.Skip("skipper", 0, None, True, 3, True))
    story.do(c.Remove("asker", 0, "id", "x"))  # refused, and remembered
    story.adds("adder", "x")
    story.votes("nobody", "x")
    story.votes("nobody", "x", 0)
    assert len(story.room.members) == 6
    story.votes("voter", "x")
    assert set(story.room.members) == {"host", "player", "skipper", "asker", "adder", "voter"}
    assert digest(decode_room(encode_room(story.room))) == digest(story.room)


# Versions


def test_ids_of_deleted_songs_are_bounded_and_older_versions_get_a_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "KEEP_DELETED", 3)
    story = Story()
    story.adds("anna", *"abcde")
    versions = []
    for id_ in "abcde":
        versions.append(story.room.version)
        story.removes("anna", id_)
    assert len(story.room.deleted) == 3
    answers = [view.since(story.room, *version) for version in versions]
    assert [None if a is None else sorted(a["del"]) for a in answers] == [
        None,
        None,
        ["c", "d", "e"],
        ["d", "e"],
        ["e"],
    ]


def test_the_horizon_never_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "KEEP_DELETED", 3)
    story = Story()
    story.adds("anna", *"abc")
    for _ in "abc":
        story.next()
    before = story.room.version
    story.do(c.Clear("host", 0, None, True))
    assert view.since(story.room, *before) is None, "a patch cannot take history away"
    story.adds("anna", "x")
    story.removes("anna", "x")  # now the oldest deletion, from before the clear, is forgotten
    assert view.since(story.room, *before) is None


def test_ten_thousand_versions_can_be_resumed_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "KEEP_VERSIONS", 10)
    monkeypatch.setattr(view, "KEEP_VERSIONS", 10)
    story = Story()
    versions: dict[int, tuple[str, ClientModel]] = {}
    for i in range(50):
        story.adds("anna", f"s{i}")
        client = ClientModel()
        client.receive({**story.state, "mine": {}})
        seq, mark = story.room.version
        versions[seq] = (mark, client)
    head = story.room.seq
    assert len(story.room.marks) <= 4 * 2 * 10 + 4
    for seq, (mark, client) in versions.items():
        patch = view.since(story.room, seq, mark)
        assert (patch is None) == (seq < head - 10), seq
        if patch is not None:
            client.receive(patch)
            assert client.queue == story.state["queue"]


def test_versions_that_are_not_of_this_rooms_past_get_a_state() -> None:
    story = Story()
    story.adds("anna", "x")
    seq, mark = story.room.version
    assert view.since(story.room, seq, mark) is not None
    for other in [
        (seq, "00000000"),
        (seq, ""),
        (seq + 1, mark),
        (seq - 1, mark),
        (-1, ""),
        (2**53 - 1, mark),
    ]:
        assert view.since(story.room, *other) is None


def test_after_very_many_entries_that_changed_nothing_the_head_is_the_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "KEEP_VERSIONS", 5)
    story = Story()
    story.adds("anna", "x")
    for _ in range(30):
        story.votes("ben", "x", 0)
    assert story.room.version == (story.room.seq, story.room.mark(story.room.seq))
    assert story.state["seq"] == story.room.seq


def test_songs_remembered_for_the_cooldown_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "KEEP_RECENT", 3)
    story = Story(cooldown=1_000)
    story.adds("anna", *"abcdef")
    for _ in range(6):
        story.next()
    assert list(story.room.recent) == ["c", "d", "e"]
