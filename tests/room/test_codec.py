"""Entries and snapshots as bytes: what is malformed, what is of the future, and that nothing is lost on the way."""

from __future__ import annotations

import msgpack
import pytest

from crowdcue.room import codec
from crowdcue.room import commands as c
from crowdcue.room.reduce import reduce
from crowdcue.room.refusal import Refused
from crowdcue.room.rules import RULES
from crowdcue.room.state import Play
from tests.room.test_members import EXAMPLES
from tests.support.story import BIRTH, Story, code, song


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_every_command_comes_back_from_its_bytes(kind: type[c.Command]) -> None:
    command = EXAMPLES[kind]("anna", 3)
    assert codec.decode_batch(codec.encode_batch([command, command])) == [command, command]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        b"\x00",
        b"\xc0",
        b"no batch at all",
        msgpack.packb([1]),
        msgpack.packb([1, {}]),
        msgpack.packb({"a": 1}),
        msgpack.packb([1, [], 3]),
        b"\x91" * 10000,
        msgpack.packb([1, None]),
    ],
)
def test_what_is_no_batch_keeps_its_place_and_changes_nothing(payload: bytes) -> None:
    story = Story()
    before, head = story.room.version, story.room.seq
    assert story.append(payload).outcomes == []
    assert story.room.version == before
    assert story.room.seq == head + 1


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        {},
        "vote",
        [None],
        [True, "anna", 0, None, "x", 1],
        [5],
        [5, "anna", 0, None, "x"],
        [5, "anna", 0, None, "x", 1, 1],
        [5, 7, 0, None, "x", 1],
        [5, "anna", "0", None, "x", 1],
        [5, "anna", True, None, "x", 1],
        [5, "anna", 0, 9, "x", 1],
        [5, "anna", 0, None, b"x", 1],
        [5, "anna", 0, None, "x", 2],
        [5, "anna", 0, None, "x", True],
        [5, "anna", 0, None, "x", 1.0],
        [6, "anna", 0, None, "x", -2],
        [3, "anna", 0, None, "Anna", "abcd", False],
        [3, "anna", 0, None, "Anna", ["x", "t", "a", 0, None, None, None], False],
        [3, "anna", 0, None, "Anna", ["x", "t", "a", 1.5, None, None, None], False],
        [3, "anna", 0, None, "Anna", ["x", "t", "a", 5, 1, None, None], False],
        [3, "anna", 0, None, "Anna", ["x", "t", "a"], False],
        [3, "anna", 0, None, "Anna", None, False],
        [10, "anna", 0, None, 1, "bored", True],
        [10, "anna", 0, None, 1, [], True],
        [16, "anna", 1, None, "Anna", [["x"]]],
        [16, "anna", 1, None, "Anna", {}],
        [17, "anna", 1, None, {"name": 1.5}],
        [17, "anna", 1, None, {1: "name"}],
        [17, "anna", 1, None, []],
    ],
)
def test_a_malformed_command_is_refused_in_its_place(fields: object) -> None:
    good = [5, "ben", 0, None, "x", 1]
    story = Story()
    story.adds("anna", "x")
    outcomes = story.append(msgpack.packb([1, [fields, good]])).outcomes
    assert [code(outcome) for outcome in outcomes] == ["bad_request", "done"]
    assert story.room.items["x"].up == 1


@pytest.mark.parametrize(
    "batch",
    [[2, []], [0, []], ["one", []], [1, [[99, "m"]]], [1, [[5, "a", 0, None, "x", 1], [0]]], [1, [[-1]]]],
)
def test_a_format_or_kind_of_the_future_stops_before_anything_changes(batch: object) -> None:
    story = Story()
    story.adds("anna", "x")
    before, seq = codec.digest(story.room), story.room.seq
    with pytest.raises(codec.UnknownFormat):
        reduce(story.room, seq + 1, BIRTH, story.at, msgpack.packb(batch))
    assert (codec.digest(story.room), story.room.seq) == (before, seq)


def test_a_bug_in_a_rule_is_the_same_refusal_on_every_node(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(change: object, command: object) -> None:
        raise ZeroDivisionError

    story = Story()
    story.adds("anna", "x")
    monkeypatch.setitem(RULES, c.Rename, RULES[c.Rename]._replace(apply=broken))  # type: ignore[arg-type]
    outcomes = story.commit(c.Rename("anna", 0, "id", "A"), c.Vote("anna", 0, None, "x", 1))
    assert [code(outcome) for outcome in outcomes] == ["internal", "done"]
    assert "Rename failed in room PARTY2" in caplog.text
    assert story.last.votes[0][:2] == (1, "anna")
    assert code(story.do(c.Rename("anna", 0, "id", "A"))) == "internal", (
        "the answer is remembered like any other"
    )


# Snapshots


def eventful() -> Story:
    story = Story(policy="fair", cooldown=60)
    story.adds("anna", *"abcdef")
    story.adds("ben", *"uvw")
    story.votes("cleo", "c", -1)
    story.votes("anna", "u", 1)
    story.do(c.Rename("ben", 0, "r1", "Benny"))
    story.do(c.Remove("ben", 0, "r2", "nothing"))
    story.wait(2)
    story.next()
    story.next()
    story.do(c.Skip("cleo", 0, "r3", True, 9, True))
    story.removes("anna", "d")
    story.do(c.Volume("host", 0, "r4", 33))
    story.do(c.Pause("host", 0, None, c.ANY_PLAY))
    return story


def test_a_snapshot_keeps_everything() -> None:
    room = eventful().room
    again = codec.decode_room(codec.encode_room(room))
    assert codec.digest(again) == codec.digest(room)
    assert codec.encode_room(again) == codec.encode_room(room)
    assert again.votes == room.votes
    assert {m.id: m.live for m in again.members.values()} == {m.id: m.live for m in room.members.values()}
    assert {m.id: m.answered for m in again.members.values()} == {
        m.id: m.answered for m in room.members.values()
    }


def test_a_frozen_room_does_not_change_any_more() -> None:
    story = eventful()
    frozen = codec.freeze(story.room)
    before = codec.pack(frozen)
    story.votes("anna", "v")
    story.sets(name="Else")
    story.next()
    story.do(c.Clear("host", 0, "z", True))
    assert codec.pack(frozen) == before


def test_snapshots_of_the_future_are_refused_and_damaged_ones_told() -> None:
    frozen = codec.freeze(eventful().room)
    for index in (0, 1):
        with pytest.raises(codec.UnknownFormat):
            codec.decode_room(codec.pack([*frozen[:index], 3, *frozen[index + 1 :]]))
    data = codec.pack(frozen)
    for damaged in (
        b"",
        b"\xc1",
        data[:-1],
        data[1:],
        codec.pack([1, 1]),
        codec.pack(frozen[:-1]),
        b"\x01",
        codec.pack([codec.SNAPSHOT_WITH_PIN, *frozen[1:]]),
        codec.pack([*frozen, ["seal", []]]),
    ):
        with pytest.raises(ValueError, match="damaged"):
            codec.decode_room(damaged)


def test_a_play_comes_back_from_its_bytes() -> None:
    play = Play(7, song("x"), "anna", "Anna", 3, 1, 10, 20, "skip", 99)
    assert codec.decode_play(codec.encode_play(play)) == play


def test_a_malformed_command_is_a_refusal_value() -> None:
    assert all(isinstance(r, Refused) for r in codec.decode_batch(msgpack.packb([1, [None, []]])))
