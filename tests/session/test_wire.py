"""The two codecs: the same maps in both, and maps that are put together from encoded parts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcue.wire import JSON, MSGPACK, WIRES, BadFrame, ClientWire, choose

scalars = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20) | st.floats(-1e9, 1e9)
)
maps = st.dictionaries(
    st.text(max_size=20),
    st.recursive(
        scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=4), v, max_size=4)
    ),
    min_size=1,
    max_size=14,
)
votes = st.dictionaries(st.text(max_size=9), st.sampled_from([-1, 1]), max_size=40)


def read(wire: ClientWire, payload: bytes) -> dict[str, Any]:
    return wire.decode(payload.decode() if wire.text else payload)


@pytest.mark.parametrize("wire", [JSON, MSGPACK])
@settings(deadline=None, max_examples=60)
@given(maps, votes)
def test_what_is_encoded_is_decoded_whole_or_in_parts(
    wire: ClientWire, message: dict[str, Any], mine: dict[str, int]
) -> None:
    assert read(wire, wire.encode(message)) == message
    message.pop("mine", None)
    if message:
        assert read(wire, wire.close_map(wire.open_map(message), "mine", mine)) == {**message, "mine": mine}


@pytest.mark.parametrize("wire", [JSON, MSGPACK])
def test_the_other_frame_type_is_no_frame(wire: ClientWire) -> None:
    with pytest.raises(BadFrame):
        wire.decode(b"{}" if wire is JSON else "\x80")


@pytest.mark.parametrize(
    ("offered", "wire", "confirmed"),
    [
        ([], JSON, None),
        (["soap"], JSON, None),
        (["soap", "crowdcue.v1.msgpack"], MSGPACK, "crowdcue.v1.msgpack"),
        (["crowdcue.v1.json", "crowdcue.v1.msgpack"], JSON, "crowdcue.v1.json"),
        (["crowdcue.v2.json", "crowdcue.v1.msgpack", "crowdcue.v1.json"], MSGPACK, "crowdcue.v1.msgpack"),
    ],
)
def test_the_first_codec_that_both_speak_is_chosen(
    offered: list[str], wire: ClientWire, confirmed: str | None
) -> None:
    assert choose(offered) == (wire, confirmed)


def test_codecs_go_by_their_names() -> None:
    assert {name: wire.subprotocol for name, wire in WIRES.items()} == {name: name for name in WIRES}
