"""What holds of every room, whatever people did: the reducer's promises as properties."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crowdcue.room import codec, view
from crowdcue.room import commands as c
from crowdcue.room.order import KEYS
from crowdcue.room.refusal import CODES, Done, Refused
from tests.room import strategies as some
from tests.room.test_memory import counters_hold
from tests.support.client_model import ClientModel
from tests.support.story import Story, code

Log = list[tuple[int, list[c.Command]]]

few = settings(deadline=None, max_examples=60)


def party() -> Story:
    """A room where something plays and limits are in force, so that short logs reach far."""
    story = Story(songs_per_guest=2, cooldown=2, skip_minimum=1)
    story.adds("anna", "s0", "s1")
    story.adds("ben", "s2", "s3")
    story.next()
    return story


def told(log: Log, story: Story | None = None) -> Story:
    """The story of this log."""
    story = story or party()
    for wait, batch in log:
        story.wait(wait / 1000)
        story.commit(*batch)
    return story


def visible(story: Story) -> dict[str, Any]:
    """What clients see, versions aside."""
    state = story.state
    del state["seq"], state["mark"]
    return state


def room_is_sound(story: Story) -> None:
    room = story.room
    counters_hold(story)
    queue = story.state["queue"]
    assert [item["id"] for item in queue] == [i["id"] for i in sorted(queue, key=lambda item: item["key"])]
    assert len({tuple(item["key"]) for item in queue}) == len(queue), "no two songs share a key"
    for item in room.items.values():
        values = list(item.votes.values())
        assert item.score == item.up - item.down == sum(values)
        assert (item.up, item.down) == (values.count(1), values.count(-1))
        assert item.key == KEYS[str(room.settings["policy"])](item)
        assert item.born <= room.touched[item.song.id] <= room.seq
    assert room.touched.keys() == room.items.keys()
    assert list(room.touched.values()) == sorted(room.touched.values())
    assert list(room.deleted.values()) == sorted(room.deleted.values())
    assert room.changed <= room.seq
    turns: dict[str, list[int]] = {}
    if room.settings["policy"] == "fair":
        for item in sorted(room.items.values(), key=lambda item: item.number):
            turns.setdefault(item.by.id, []).append(item.turn)
        assert all(own == sorted(set(own)) for own in turns.values()), "one song a turn, in the order added"
        assert all(turn >= room.turn for own in turns.values() for turn in own)
    json.dumps(story.state, allow_nan=False)


@few
@given(some.logs)
def test_a_room_is_sound_after_every_entry(log: Log) -> None:
    story = party()
    for entry in log:
        told([entry], story)
        room_is_sound(story)


@settings(deadline=None, max_examples=200)
@given(st.lists(some.payloads, min_size=1, max_size=6))
@example([msgpack.packb([1, [[9, "host", 2**64 - 1, None, 2**64 - 1, True]]])])
@example([msgpack.packb([1, [[7, "a", 0, None, True, 2**64 - 1, True]]])])
def test_the_reducer_is_total(payloads: list[bytes]) -> None:
    story = party()
    for payload in payloads:
        before = codec.digest(story.room)
        try:
            applied = story.append(payload)
        except codec.UnknownFormat:
            batch = msgpack.unpackb(payload, strict_map_key=False)
            numbers = [f[0] for f in batch[1] if isinstance(f, list) and f and type(f[0]) is int]
            assert batch[0] != codec.ENTRY_FORMAT or any(n not in c.KINDS for n in numbers)
            assert codec.digest(story.room) == before
            continue
        for outcome in applied.outcomes:
            assert isinstance(outcome, Done) or outcome.code in CODES
            assert code(outcome) != "internal", "a rule failed"
        room_is_sound(story)
        again = codec.decode_room(codec.encode_room(story.room))
        assert codec.digest(again) == codec.digest(story.room)


@few
@given(some.logs)
def test_what_is_seen_changes_only_with_the_version(log: Log) -> None:
    story = party()
    for wait, batch in log:
        story.wait(wait / 1000)
        for command in batch:
            seen, version = visible(story), story.room.version
            story.do(command)
            assert story.room.version >= version
            if visible(story) != seen:
                assert story.room.changed == story.room.seq


@few
@given(some.logs, some.members, some.song_ids, st.sampled_from([-1, 0, 1]))
def test_a_vote_set_again_changes_nothing(log: Log, member: str, song_id: str, value: int) -> None:
    story = told(log)
    first = story.votes(member, song_id, value)
    seen, version = visible(story), story.room.version
    assert story.votes(member, song_id, value) == first
    assert (visible(story), story.room.version) == (seen, version)


@few
@given(some.logs, st.data())
def test_a_patch_between_two_versions_gives_the_later_state(log: Log, data: st.DataObject) -> None:
    member = data.draw(some.members)
    watchers: list[ClientModel] = []
    story = party()
    for entry in log:
        told([entry], story)
        if data.draw(st.booleans()):
            client = ClientModel()
            client.receive({**story.state, "mine": view.mine(story.room, member)})
            watchers.append(client)
        for client in watchers:
            if data.draw(st.integers(0, 3)) == 0:
                catches_up(client, story, member)
    for client in watchers:
        catches_up(client, story, member)


def catches_up(client: ClientModel, story: Story, member: str) -> None:
    mine = view.mine(story.room, member)
    patch = view.since(story.room, client.seq, client.mark)
    if patch is None:
        assert client.seq < story.room.horizon, "only a clear makes a state necessary here"
        client.receive({**story.state, "mine": mine})
    else:
        assert patch["seq"] >= client.seq
        client.receive(patch)
        assert client.mine.keys() <= {item["id"] for item in client.queue}
        client.receive({"t": "mine", "votes": mine, "all": True})
    state = ClientModel()
    state.receive({**story.state, "mine": mine})
    assert client.view() == state.view()


@few
@given(some.logs)
def test_own_votes_follow_from_patches_and_from_votes_set(log: Log) -> None:
    """A client that is told each patch and each vote of its member needs no `mine` with `all`."""
    story = party()
    clients = {member: ClientModel() for member in some.MEMBERS}
    for client in clients.values():
        client.receive({**story.state, "mine": {}})
    for entry in log:
        told([entry], story)
        patch = view.since(story.room, clients["anna"].seq, clients["anna"].mark)
        for member, client in clients.items():
            client.receive(patch or {**story.state, "mine": view.mine(story.room, member)})
            voted = {vote.song_id for vote in story.last.votes if vote.member == member}
            client.receive({"t": "mine", "votes": view.own_votes(story.room, member, voted)})
            if story.last.votes_reset:
                client.receive({"t": "mine", "votes": view.mine(story.room, member), "all": True})
            assert client.mine == view.mine(story.room, member)


@few
@given(some.logs, some.logs)
def test_a_snapshot_goes_on_like_the_room_it_was_taken_of(log: Log, more: Log) -> None:
    story = told(log)
    twin = copy.copy(story)
    twin.entries = list(story.entries)
    twin.room = codec.decode_room(codec.encode_room(story.room))
    assert codec.digest(twin.room) == codec.digest(story.room)
    for entry in more:
        told([entry], story)
        told([entry], twin)
        assert twin.last.outcomes == story.last.outcomes
        assert twin.state == story.state
    assert codec.digest(twin.room) == codec.digest(story.room)


@few
@given(some.logs)
def test_versions_rise_and_their_marks_stay(log: Log) -> None:
    story = party()
    marks = {0: story.room.mark(0), **{entry.seq: entry.chain[:8] for entry in story.entries}}
    for entry in log:
        told([entry], story)
        marks[story.room.seq] = story.entries[-1].chain[:8]
        seq, mark = story.room.version
        assert marks[seq] == mark
    assert {seq: story.room.mark(seq) for seq in marks} == marks
    assert story.room.mark(story.room.seq + 1) is None
    assert story.room.mark(-1) is None


@few
@given(some.logs)
def test_one_entry_or_many_make_the_same_room(log: Log) -> None:
    """Batching is for speed: it changes no outcome's code and nothing that is seen."""
    batched, single = party(), party()
    for wait, batch in log:
        batched.wait(wait / 1000)
        single.wait(wait / 1000)
        together = batched.commit(*batch)
        apart = [single.do(command) for command in batch]
        assert [code(o) for o in together] == [code(o) for o in apart]
        assert [o for o in together if isinstance(o, Refused)] == [o for o in apart if isinstance(o, Refused)]
    assert visible(batched) == visible(single)


def test_a_sound_room_is_not_trivially_sound() -> None:
    """The checks above can fail."""
    story = Story()
    story.adds("anna", "x")
    room_is_sound(story)
    story.room.votes += 1
    try:
        room_is_sound(story)
    except AssertionError:
        return
    raise AssertionError("a wrong count was not noticed")


@pytest.mark.long
def test_all_kinds_of_outcomes_are_met_by_the_strategies() -> None:
    """The logs above reach what they are meant to reach."""
    seen: set[str] = set()
    played = 0

    @settings(deadline=None, max_examples=200, database=None, derandomize=True)
    @given(some.logs)
    def run(log: Log) -> None:
        nonlocal played
        story = party()
        for wait, batch in log:
            story.wait(wait / 1000)
            seen.update(code(outcome) for outcome in story.commit(*batch))
            played += len(story.last.plays)

    run()
    assert seen >= {"done", "forbidden", "no_such_song", "stale", "not_now", "too_many"}
    assert played > 20
