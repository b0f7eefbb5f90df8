"""Recorded logs give their recorded rooms, and recorded frames their recorded views, in this version as in any."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from crowdcue.log.contract import link
from crowdcue.room import codec, view
from crowdcue.room.reduce import reduce
from crowdcue.room.state import Room
from tests.golden.make import FOLDER, STORIES, encode
from tests.support.client_model import ClientModel

FILES = sorted(FOLDER.glob("*.json"))
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def read(file: Path) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return golden


def replay(golden: dict[str, Any]) -> Room:
    """The room that the recorded entries make."""
    first = golden["entries"][0]
    room = Room("PARTY2", 0, first[1])
    for seq, prev, chain, at, producer, number, payload in golden["entries"]:
        data = base64.b64decode(payload)
        assert chain == link(prev, seq, at, producer, number, data)
        assert (prev, seq) == (room.chain, room.seq + 1)
        reduce(room, seq, chain, at, data)
    return room


def test_there_is_a_file_for_each_story() -> None:
    assert {file.stem for file in FILES} == set(STORIES)
    assert all(file.stat().st_size < 60_000 for file in FILES)


@each_file
def test_the_entries_give_the_digest(file: Path) -> None:
    golden = read(file)
    assert codec.digest(replay(golden)) == golden["digest"]


@each_file
def test_the_frames_give_the_views(file: Path) -> None:
    client = ClientModel()
    for number, step in enumerate(read(file)["steps"]):
        client.receive(step["frame"])
        assert client.view() == step["view"], f"step {number}"


@each_file
def test_the_last_view_is_the_state_of_the_room(file: Path) -> None:
    golden = read(file)
    room, fresh = replay(golden), ClientModel()
    fresh.receive({**view.state(room), "mine": view.mine(room, "me")})
    assert golden["steps"][-1]["view"] == fresh.view()


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_told_the_same_way_every_time(name: str) -> None:
    assert encode(STORIES[name]().golden()) == encode(STORIES[name]().golden())
    kinds = {step["frame"]["t"] for step in STORIES[name]().golden()["steps"]}
    assert {"state", "patch"} <= kinds
