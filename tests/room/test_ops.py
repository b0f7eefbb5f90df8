"""From what clients send to commands: the form of every op, and what each field refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcue.room import commands as c
from crowdcue.room import ops
from crowdcue.room.forms import BadForm, Record, text
from crowdcue.room.refusal import Refused
from crowdcue.room.song import Song, number_id, parse_song, text_id
from tests.room import strategies as some

ANNA = ops.Actor("anna", "Anna", c.PLAYER)
KNOWN = Song("lib", "From the library", "The house", 60_000, uri="/media/lib")
SONG = {"id": "x", "title": "T", "artist": "A", "duration": 3.5}


class Room:
    """What is around: 4 members, a player, a library of one song."""

    present = 4
    attached = True

    def find_song(self, song_id: str) -> Song | None:
        return KNOWN if song_id == KNOWN.id else None

    def seal_pin(self, pin: str) -> str:
        return f"seal of {pin}" if pin else ""


def make(op: object, **fields: Any) -> c.Command | Refused:
    message = {"t": "do", "id": "i", "op": op, **fields}
    return ops.command(ANNA, "i", op, message, Room())


HEAD = ("anna", c.PLAYER, "i")


@pytest.mark.parametrize(
    ("op", "fields", "command"),
    [
        ("add", {"song": SONG}, c.Add(*HEAD, "Anna", Song("x", "T", "A", 3_500), False)),
        ("add", {"song_id": "lib"}, c.Add(*HEAD, "Anna", KNOWN, True)),
        ("add", {"song": {**SONG, "id": "lib", "title": "My own"}}, c.Add(*HEAD, "Anna", KNOWN, True)),
        ("remove", {"song_id": "x"}, c.Remove(*HEAD, "x")),
        ("vote", {"song_id": "x", "value": -1}, c.Vote(*HEAD, "x", -1)),
        ("skip", {"want": True}, c.Skip(*HEAD, True, 4, True)),
        ("rename", {"name": "Ann"}, c.Rename(*HEAD, "Ann")),
        ("play_next", {}, c.PlayNext(*HEAD, c.ANY_PLAY, True)),
        ("play_next", {"expected": None}, c.PlayNext(*HEAD, c.NO_PLAY, True)),
        ("play_next", {"expected": 7}, c.PlayNext(*HEAD, 7, True)),
        ("ended", {"play": 3, "reason": "error"}, c.Ended(*HEAD, 3, "error", True)),
        ("pause", {}, c.Pause(*HEAD, c.ANY_PLAY)),
        ("resume", {}, c.Resume(*HEAD, c.ANY_PLAY)),
        ("seek", {"position": 1_500.4}, c.Seek(*HEAD, 1_500)),
        ("volume", {"value": 40}, c.Volume(*HEAD, 40)),
        ("clear", {}, c.Clear(*HEAD, False)),
        ("promote", {"member": "ben"}, c.Promote(*HEAD, "ben")),
        ("ban", {"member": "ben"}, c.Ban(*HEAD, "ben", True)),
        ("unban", {"member": "ben"}, c.Ban(*HEAD, "ben", False)),
        ("settings", {"skip_share": 0.25}, c.Settings(*HEAD, {"skip_share": 250})),
        ("settings", {"name": "P", "clock": "anyone"}, c.Settings(*HEAD, {"name": "P", "clock": "anyone"})),
        ("settings", {"name": "P", "pin": "1234"}, c.Lock(*HEAD, {"name": "P"}, "seal of 1234")),
        ("settings", {"pin": None}, c.Lock(*HEAD, {}, "")),
    ],
)
def test_every_op_becomes_its_command(op: str, fields: dict[str, Any], command: c.Command) -> None:
    assert make(op, **fields) == command


def test_every_op_is_in_the_examples_above() -> None:
    mark = next(m for m in test_every_op_becomes_its_command.pytestmark if m.name == "parametrize")
    assert {example[0] for example in mark.args[1]} == set(ops.OPS)


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        (None, {}),
        ("", {}),
        ("dance", {}),
        (["vote"], {}),
        ({}, {}),
        ("add", {}),
        ("add", {"song": "x"}),
        ("add", {"song": {**SONG, "duration": 0}}),
        ("add", {"song_id": "a/b"}),
        ("remove", {}),
        ("vote", {"song_id": "x"}),
        ("vote", {"song_id": "x", "value": 2}),
        ("vote", {"song_id": "x", "value": True}),
        ("vote", {"song_id": "x", "value": 1.0}),
        ("vote", {"song_id": 5, "value": 1}),
        ("skip", {"want": 1}),
        ("rename", {"name": " "}),
        ("rename", {"name": "x" * 65}),
        ("rename", {"name": "a\nb"}),
        ("play_next", {"expected": -1}),
        ("play_next", {"expected": True}),
        ("play_next", {"expected": 2**53}),
        ("ended", {"play": 1, "reason": "bored"}),
        ("seek", {"position": -1}),
        ("seek", {"position": math.nan}),
        ("seek", {"position": math.inf}),
        ("seek", {"position": 10**400}),
        ("volume", {"value": 101}),
        ("ban", {}),
        ("promote", {"member": ""}),
        ("unban", {"member": 5}),
        ("settings", {"skip_share": 1.1}),
        ("settings", {"skip_share": 10**400}),
        ("settings", {"volume": 3}),
        ("settings", {"colour": "red"}),
        ("settings", {"pin": "123"}),
        ("settings", {"pin": 1234}),
        ("settings", {"cooldown": "5"}),
    ],
)
def test_what_has_not_the_form_is_a_bad_request(op: object, fields: dict[str, Any]) -> None:
    refused = make(op, **fields)
    assert isinstance(refused, Refused)
    assert refused.code == "bad_request"
    assert refused.message


def test_a_song_that_the_library_does_not_have() -> None:
    refused = make("add", song_id="y")
    assert isinstance(refused, Refused)
    assert refused.code == "no_such_song"


# Songs


@pytest.mark.parametrize("id_", ["x", "x" * 64, "ä", "a b", "…", "...", "0"])
def test_good_song_ids(id_: str) -> None:
    assert parse_song({**SONG, "id": id_}).id == id_


@pytest.mark.parametrize(
    "id_",
    ["", "x" * 65, ".", "..", "a/b", "a?b", "a#b", "a\tb", "\x7f", "\x85", "\ud800", " ", 5, None, b"x"],
)
def test_bad_song_ids(id_: object) -> None:
    with pytest.raises(BadForm):
        parse_song({**SONG, "id": id_})


@pytest.mark.parametrize("duration", [0, -1, 86_400.001, math.nan, math.inf, "5", True, None, 10**400])
def test_bad_durations(duration: object) -> None:
    with pytest.raises(BadForm, match="duration"):
        parse_song({**SONG, "duration": duration})


@pytest.mark.parametrize(("duration", "ms"), [(86_400, 86_400_000), (0.0001, 1), (1, 1_000), (2.0004, 2_000)])
def test_durations_are_kept_in_ms(duration: float, ms: int) -> None:
    assert parse_song({**SONG, "duration": duration}).duration == ms


@pytest.mark.parametrize("field", ["title", "artist"])
@pytest.mark.parametrize("value", ["", "x" * 201, "a\x00b", "\u2028".join("ab") + "\x1b", 5, None])
def test_bad_titles(field: str, value: object) -> None:
    with pytest.raises(BadForm, match=field):
        parse_song({**SONG, field: value})


def test_text_is_normalised_before_it_is_measured() -> None:
    assert parse_song({**SONG, "id": "e\u0301", "title": "e\u0301" * 200})[:2] == ("é", "é" * 200)
    with pytest.raises(BadForm):
        parse_song({**SONG, "title": "\ufb03" + "x" * 10_000_000})


def test_fields_a_song_does_not_have_are_left_out_and_empty_ones_not_shown() -> None:
    song = parse_song({**SONG, "votes": 99, "score": 5, "album": None, "uri": "", "artwork": "/artwork/x"})
    assert song.wire() == {"id": "x", "title": "T", "artist": "A", "duration": 3.5, "artwork": "/artwork/x"}


@pytest.mark.parametrize(
    ("text_", "number"),
    [
        ("0", 0),
        ("12", 12),
        (str(2**53 - 1), 2**53 - 1),
        (str(2**53), None),
        ("01", None),
        ("-1", None),
        ("", None),
        ("1.0", None),
        ("٣", None),
        ("9" * 64, None),
        ("1\n", None),
    ],
)
def test_canonical_decimals_are_numbers_in_rest(text_: str, number: int | None) -> None:
    assert number_id(text_) == (text_ if number is None else number)
    if number is not None:
        assert text_id(number) == text_


@pytest.mark.parametrize("value", [-1, 2**53, True, 1.0, "x", None])
def test_other_values_are_no_numeric_ids(value: object) -> None:
    assert text_id(value) is value


# Forms


def test_forms_say_what_they_accept() -> None:
    for op in ops.OPS.values():
        schema = op.form.schema
        assert schema["type"] == "object"
        assert set(schema.get("required", [])) <= set(schema["properties"])
    assert ops.OPS["settings"].form.schema["additionalProperties"] is False


def test_a_record_stands_in_another() -> None:
    form = Record({"inner": Record({"a": text(1, 3)}, {}).form}, {})
    assert form.check({"inner": {"a": "b", "c": 1}}) == {"inner": {"a": "b"}}
    with pytest.raises(BadForm, match="inner must be a map"):
        form.check({"inner": []})


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(list(ops.OPS)),
    st.dictionaries(
        st.sampled_from(
            ["song", "song_id", "value", "want", "name", "expected", "play", "reason", "position"]
        )
        | st.text(max_size=5),
        some.anything | st.fixed_dictionaries(dict.fromkeys(SONG, some.anything)),
        max_size=4,
    ),
)
def test_whatever_is_sent_is_a_command_or_a_refusal(op: str, fields: dict[str, Any]) -> None:
    answer = make(op, **{k: v for k, v in fields.items() if k not in ops.ENVELOPE})
    if isinstance(answer, Refused):
        assert answer.code in ("bad_request", "no_such_song")
        answer.message.encode()
