"""The conversation with one client, played in both codecs."""

from __future__ import annotations

import math
from typing import Any

import msgpack
import pytest

from crowdcue import session
from crowdcue.room import commands as c
from crowdcue.room.refusal import CODES, Done, Refused
from crowdcue.session import Join, Session
from crowdcue.wire import JSON, MSGPACK, ClientWire
from tests.session.playbook import ANNA, LOG_TIME, Play

pytestmark = pytest.mark.parametrize("wire", [JSON, MSGPACK], ids=["json", "msgpack"])


# Hello


@pytest.mark.parametrize(
    ("fields", "join"),
    [
        ({}, Join(None, None, None, None, False)),
        (
            {"token": None, "host": None, "name": None, "since": None, "as": None},
            Join(None, None, None, None, False),
        ),
        ({"token": "t", "host": "h", "name": "Anna"}, Join("t", "h", "Anna", None, False)),
        ({"since": [7, "abcd"]}, Join(None, None, None, (7, "abcd"), False)),
        ({"as": "player"}, Join(None, None, None, None, True)),
        ({"pin": "0042"}, Join(None, None, None, None, False, "0042")),
        ({"pin": None}, Join(None, None, None, None, False)),
        ({"from the future": [1, 2]}, Join(None, None, None, None, False)),
    ],
)
def test_hello(wire: ClientWire, fields: dict[str, Any], join: Join) -> None:
    with Play(wire, joined=False) as play:
        assert play.says(t="hello", **fields).joins() == join


def test_a_pin_is_not_told_when_its_effect_is(wire: ClientWire) -> None:
    with Play(wire, joined=False) as play:
        assert "0042" not in repr(play.says(t="hello", pin="0042").joins())
    settings = Play(wire).says(t="do", id="i", op="settings", pin="0042").submits().command
    assert "0042" not in repr(settings)


@pytest.mark.parametrize("token", ["", "x" * 2_000, "damaged\n"])
def test_a_damaged_token_is_no_bad_message(wire: ClientWire, token: str) -> None:
    with Play(wire, joined=False) as play:
        join = play.says(t="hello", token=token, host=token).joins()
        assert (join.token, join.host) == (token, token)


@pytest.mark.parametrize(
    "fields",
    [
        {"token": 5},
        {"host": []},
        {"name": "x" * 65},
        {"name": "a\x00b"},
        {"as": "boss"},
        {"as": True},
        {"since": 5},
        {"since": [1]},
        {"since": [1, "a", 2]},
        {"since": ["1", "a"]},
        {"since": [-1, "a"]},
        {"since": [True, "a"]},
        {"since": [2**53, "a"]},
        {"since": [1, "x" * 65]},
        {"since": [1.0, "a"]},
        {"since": {"0": 1}},
    ],
)
def test_a_malformed_hello_is_closed(wire: ClientWire, fields: dict[str, Any]) -> None:
    with Play(wire, joined=False) as play:
        play.says(t="hello", **fields).is_closed()


@pytest.mark.parametrize(
    "message", [{"t": "do", "id": "i", "op": "clear"}, {"t": "ping", "at": 1}, {"t": "bye"}, {}]
)
def test_the_first_message_must_be_hello(wire: ClientWire, message: dict[str, Any]) -> None:
    with Play(wire, joined=False) as play:
        assert "hello" in play.sends_value(message).is_closed()


def test_a_second_hello_is_closed(wire: ClientWire) -> None:
    with Play(wire) as play:
        play.says(t="hello").is_closed()


# Do


def test_a_do_becomes_a_command_and_its_outcome_a_done(wire: ClientWire) -> None:
    with Play(wire) as play:
        submit = play.says(t="do", id="i", op="vote", song_id="x", value=1).submits(
            c.Vote("anna", 0, "i", "x", 1)
        )
        assert play.answered(submit, Done(7)) == {"t": "done", "id": "i", "seq": 7}
        submit = play.says(t="do", id="ü" * 64, op="add", song_id="lib").submits()
        assert play.answered(submit, Done(8, {"added": True})) == {
            "t": "done",
            "id": "ü" * 64,
            "seq": 8,
            "result": {"added": True},
        }


@pytest.mark.parametrize("code", CODES)
def test_a_refusal_is_told_with_its_code(wire: ClientWire, code: Any) -> None:
    with Play(wire) as play:
        submit = play.says(t="do", id="i", op="clear").submits()
        assert play.answered(submit, Refused(code, "Because.")) == {
            "t": "refused",
            "id": "i",
            "code": code,
            "message": "Because.",
        }
        submit = play.says(t="do", id="i", op="clear").submits()
        assert play.answered(submit, Refused(code, "Because.", 3))["retry_after"] == 3


@pytest.mark.parametrize("id_", [None, "", "x" * 65, 5, True, ["i"], {}])
def test_a_do_without_a_valid_id_is_closed(wire: ClientWire, id_: object) -> None:
    with Play(wire) as play:
        play.says(t="do", id=id_, op="clear").is_closed()
    with Play(wire) as play:
        play.says(t="do", op="clear").is_closed()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"op": None},
        {"op": 5},
        {"op": ["vote"]},
        {"op": "dance"},
        {"op": "x" * 10_000},
        {"op": "vote"},
        {"op": "vote", "song_id": "x", "value": 5},
        {"op": "vote", "song_id": {"deep": [[[]]]}, "value": 1},
        {"op": "vote", "song_id": "x", "value": 2**64 - 1},
        {"op": "seek", "position": -(2**63)},
        {"op": "seek", "position": 1e300},
        {"op": "add", "song": {"id": "x", "title": "T", "artist": "A", "duration": 1e308}},
        {"op": "settings", "nonsense": 1},
    ],
)
def test_any_other_fault_in_a_do_is_refused_and_the_conversation_goes_on(
    wire: ClientWire, fields: dict[str, Any]
) -> None:
    with Play(wire) as play:
        play.says(t="do", id="i", **fields).is_refused("bad_request")
        play.says(t="ping", at=1).hears(t="pong", at=1, now=LOG_TIME)


def test_a_song_the_library_does_not_have_is_refused(wire: ClientWire) -> None:
    with Play(wire) as play:
        play.says(t="do", id="i", op="add", song_id="none").is_refused("no_such_song")


# Ping


@pytest.mark.parametrize("at", [0, -1, 1.5, 2**53, 1e300])
def test_a_ping_is_echoed_with_the_logs_time(wire: ClientWire, at: float) -> None:
    with Play(wire) as play:
        play.says(t="ping", at=at).hears(t="pong", at=at, now=LOG_TIME)


@pytest.mark.parametrize("at", [None, "1", True, [], {}])
def test_a_ping_without_a_number_is_closed(wire: ClientWire, at: object) -> None:
    with Play(wire) as play:
        play.says(t="ping", at=at).is_closed()


# Bad frames


@pytest.mark.parametrize("value", [None, 5, "hello", [], ["t", "hello"], True, 1.5])
def test_anything_but_a_map_is_closed(wire: ClientWire, value: object) -> None:
    for joined in (False, True):
        with Play(wire, joined=joined) as play:
            play.sends_value(value).is_closed()


@pytest.mark.parametrize("t", ["state", "welcome", "DO", "", None, 5, ["do"], {"do": 1}])
def test_an_unknown_t_is_closed(wire: ClientWire, t: object) -> None:
    with Play(wire) as play:
        play.says(t=t, id="i", op="clear").is_closed()


def test_after_a_close_everything_is_closed(wire: ClientWire) -> None:
    with Play(wire) as play:
        play.says(t="nonsense").is_closed()
        play.says(t="do", id="i", op="clear").is_closed()
        play.says(t="ping", at=1).is_closed()
    with Play(wire, joined=False) as play:
        play.says(t="nonsense").is_closed()
        play.says(t="hello").is_closed()


def test_the_wrong_frame_type_is_closed(wire: ClientWire) -> None:
    with Play(wire, joined=False) as play:
        play.sends('{"t":"hello"}' if wire is MSGPACK else b'{"t":"hello"}').is_closed()
    with Play(wire) as play:
        play.sends(msgpack.packb({"t": "ping", "at": 1}) if wire is JSON else "\x81\xa1t").is_closed()


BROKEN_JSON = [
    "",
    "{",
    "{}{}",
    "nonsense",
    '{"t":"ping","at":NaN}',
    '{"t":"ping","at":Infinity}',
    '{"t":"ping","at":1e999}',
    '{"t":"ping","at":01}',
    "{'t':'ping'}",
    '{"t":"\ud800"}',
    '{"t":"\\ud800"}',
    "\ufeff{}",
    "[" * 60_000,
    '{"a":' * 10_000 + "1" + "}" * 10_000,
]
BROKEN_MSGPACK = [
    b"",
    b"\xc1",
    b"\x81",
    b"\x81\xa1t",
    b"\x80\x80",
    b"\x81\xa1t\xa4pi",
    b"\xdf\xff\xff\xff\xff",
    b"\xdd\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\x81\xa1t\xa1\xff",
    b"\x81\x01\x01",
    b"\x81\x90\x01",
    b"\x91" * 60_000,
    b"\x81\xa1a" * 10_000,
    b"\xd6\xff\x00\x00\x00\x00",
    msgpack.packb({"t": "ping", "at": math.nan}),
    msgpack.packb({"t": "ping", "at": math.inf}),
    msgpack.packb({"t": "ping", "at": msgpack.Timestamp(5)}),
    msgpack.packb({b"t": b"ping", b"at": 1}),
]


def test_what_is_broken_is_closed(wire: ClientWire) -> None:
    frames: list[Any] = BROKEN_JSON if wire is JSON else BROKEN_MSGPACK
    for frame in frames:
        for joined in (False, True):
            with Play(wire, joined=joined) as play:
                play.sends(frame).is_closed()


def test_numbers_beyond_64_bits_harm_nobody(wire: ClientWire) -> None:
    if wire is JSON:
        big = "1" + "0" * 300
        with Play(wire) as play:
            play.sends(f'{{"t":"do","id":"i","op":"seek","position":{big}}}').is_refused("bad_request")
            play.sends(f'{{"t":"do","id":"i","op":"vote","song_id":"x","value":{big}}}').is_refused(
                "bad_request"
            )
            play.sends(f'{{"t":"do","id":{big},"op":"clear"}}').is_closed()


# Rate


def test_beyond_the_rate_it_is_too_many_until_some_time_has_passed(wire: ClientWire) -> None:
    with Play(wire) as play:
        for _ in range(session.BURST):
            play.answered(play.says(t="do", id="i", op="clear").submits(), Done(1))
        refused = play.says(t="do", id="i", op="clear").is_refused("too_many")
        assert refused["retry_after"] >= 1
        play.says(t="ping", at=1).hears(t="pong", at=1, now=LOG_TIME)
        play.now += 1
        for _ in range(int(session.RATE)):
            play.answered(play.says(t="do", id="i", op="clear").submits(), Done(1))
        play.says(t="do", id="i", op="clear").is_refused("too_many")
        play.now += 3_600
        for _ in range(session.BURST):
            play.answered(play.says(t="do", id="i", op="clear").submits(), Done(1))
        play.says(t="do", id="i", op="clear").is_refused("too_many")


def test_what_one_client_has_waiting_is_bounded(wire: ClientWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MAX_WAITING", 20)
    with Play(wire) as play:
        for _ in range(session.MAX_WAITING):
            submit = play.says(t="do", id="i", op="clear").submits()
        assert play.says(t="do", id="i", op="clear").is_refused("too_many")["retry_after"] == 1
        play.answered(submit, Done(1))
        play.says(t="do", id="i", op="clear").submits()
        play.says(t="do", id="i", op="clear").is_refused("too_many")


def test_clients_of_open_parties_know_no_limit_of_their_own(wire: ClientWire) -> None:
    with Play(wire, actor=ANNA._replace(rights=c.UNLIMITED)) as play:
        for _ in range(session.MAX_WAITING + 1):
            play.says(t="do", id="i", op="clear").submits()


# The play language itself


def test_an_unfinished_play_fails(wire: ClientWire) -> None:
    with pytest.raises(AssertionError, match="unfinished play"), Play(wire) as play:
        play.says(t="ping", at=1)
    with pytest.raises(AssertionError, match="nobody looked"), Play(wire) as play:
        play.says(t="ping", at=1).says(t="ping", at=2)
    assert Session(wire).actor is None


# Reactions


def test_a_few_reactions_at_once_and_then_one_a_second(wire: ClientWire) -> None:
    with Play(wire) as play:
        for _ in range(5):
            play.says(t="react", emoji="🎉").reacts("🎉")
        play.says(t="react", emoji="🎉").is_ignored()
        play.now += 1.0
        play.says(t="react", emoji="🔥").reacts("🔥")
        play.says(t="react", emoji="🔥").is_ignored()


@pytest.mark.parametrize("emoji", [None, 5, "", "x", "🎉🎉", ["🎉"]])
def test_other_things_than_reactions_are_bad_messages(wire: ClientWire, emoji: object) -> None:
    with Play(wire) as play:
        play.says(t="react", emoji=emoji).is_closed()
