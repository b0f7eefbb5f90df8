"""Whatever a client sends, the conversation answers with an effect and never raises."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcue.room import ops
from crowdcue.session import BAD_MESSAGE, Close, Effect, Send, Session, Submit
from crowdcue.wire import JSON, MSGPACK, ClientWire
from tests.room import strategies as some
from tests.session.playbook import ANNA, Around

EFFECTS = get_args(Effect)

plain = some.values(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | some.members
    | some.song_ids
)
fields = st.sampled_from(
    [
        "song",
        "song_id",
        "value",
        "want",
        "name",
        "expected",
        "play",
        "reason",
        "position",
        "at",
        "token",
        "since",
        "as",
    ]
)


def messages(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Maps that come near to what is meant."""
    return st.fixed_dictionaries(
        {"t": st.sampled_from(["do", "ping", "hello"]) | values},
        optional={"id": st.just("i") | values, "op": st.sampled_from(list(ops.OPS)) | values},
    ).flatmap(lambda head: st.dictionaries(fields, values, max_size=4).map(lambda rest: {**rest, **head}))


texts = st.text(max_size=60) | (plain | messages(plain)).map(json.dumps)
frames = st.binary(max_size=60) | (some.anything | messages(some.anything)).map(msgpack.packb)


def log_time() -> int:
    return 5


@pytest.mark.parametrize("wire", [JSON, MSGPACK], ids=["json", "msgpack"])
@pytest.mark.parametrize("joined", [False, True])
@settings(deadline=None, max_examples=150)
@given(st.data())
def test_whatever_is_sent_has_an_effect(wire: ClientWire, joined: bool, data: st.DataObject) -> None:
    session = Session(wire)
    if joined:
        session.receive('{"t":"hello"}' if wire is JSON else msgpack.packb({"t": "hello"}), 0.0, log_time)
        session.joined(ANNA, Around())
    likely, unlikely = (texts, frames) if wire is JSON else (frames, texts)
    frame = data.draw(st.one_of(likely, likely, unlikely))
    effect = session.receive(frame, 1.0, log_time)
    assert isinstance(effect, EFFECTS)
    if isinstance(effect, Close):
        assert effect.code == BAD_MESSAGE
        assert len(effect.reason.encode()) <= 123
        assert isinstance(session.receive(frame, 1.0, log_time), Close)
    elif isinstance(effect, Send):
        assert joined
        wire.decode(effect.frame.decode() if wire.text else effect.frame)
    elif isinstance(effect, Submit):
        assert joined
        assert effect.command.member == "anna"
