"""The way into the log: group commit, answers that come exactly once, and what a silent log does to callers."""

from __future__ import annotations

import asyncio

import pytest

from crowdcue.live import appender
from crowdcue.live.room import LiveRoom
from crowdcue.log.contract import Unavailable
from crowdcue.room import codec
from crowdcue.room import commands as c
from crowdcue.room.refusal import Done, Outcome, Refused
from tests.live.world import CODE, Node, World, add, digests, fails, vote
from tests.support.story import code


def give(room: LiveRoom, *commands: c.Command) -> list[Outcome]:
    """Submit all; the list fills with outcomes as they come."""
    outcomes: list[Outcome] = []
    for command in commands:
        room.submit(command, outcomes.append)
    return outcomes


class Shut:
    """A gate that holds appends until it is opened."""

    def __init__(self, node: Node, moment: str = "before") -> None:
        self.open = asyncio.Event()
        self.reached = asyncio.Event()
        self._moment = moment
        node.gate = self

    async def __call__(self, operation: str, room: str, moment: str) -> None:
        if operation == "append" and moment == self._moment:
            self.reached.set()
            await self.open.wait()


async def test_an_outcome_says_in_which_version_the_command_shows(world: World) -> None:
    _node, room = await world.party()
    outcome = await room.do(add("anna", "x"))
    assert outcome == Done(room.room.seq, {"song_id": "x", "added": True})
    assert code(await room.do(c.Remove("ben", 0, None, "x"))) == "forbidden"


async def test_what_arrives_together_is_one_append(world: World) -> None:
    node, room = await world.party()
    await room.do(add("anna", "x"))
    before = node.count("append")
    outcomes = give(room, *[vote(f"v{i}", "x") for i in range(300)])
    await asyncio.sleep(0.01)
    assert len(outcomes) == 300
    assert node.count("append") == before + 1
    assert room.room.items["x"].up == 300


async def test_a_clients_votes_on_a_song_collapse_to_the_last_within_a_batch(world: World) -> None:
    _node, room = await world.party()
    await room.do(add("anna", "x"))
    entries: list[int] = []
    real = codec.decode_batch

    def decode(payload: bytes) -> list[c.Command | Refused]:
        commands = real(payload)
        entries.append(len(commands))
        return commands

    here, there = object(), object()  # two tabs of one guest
    outcomes: list[list[Outcome]] = []

    def votes(origin: object, *values: int) -> None:
        for value in values:
            outcomes.append([])
            room.submit(vote("ben", "x", value), outcomes[-1].append, origin)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(codec, "decode_batch", decode)
        votes(None, 1, 0, 1)  # nobody listens: nothing is known of whose they are
        votes(here, 1, 0, 1, 0)
        votes(here, -1, -1, 1)
        room.submit(vote("ben", "y", 1), lambda _: None, here)
        votes(there, 0, 1)
        room.submit(c.Remove("ben", 0, None, "y"), lambda _: None, here)
        votes(there, 1, 0)
        await asyncio.sleep(0.01)
    assert entries == [3 + 1 + 2 + 1 + 1 + 1 + 1]
    assert [len(answers) for answers in outcomes] == [1] * len(outcomes)
    assert all(answers == [Done(room.room.seq)] for answers in outcomes)
    assert room.room.items["x"].votes == {}


async def test_a_refused_downvote_does_not_take_the_upvote_with_it(world: World) -> None:
    _node, room = await world.party()
    await room.do(add("anna", "x"))
    await room.do(c.Settings("anna", c.HOST, None, {"downvotes": False}))
    outcomes: list[Outcome] = []
    for value in (1, -1):
        room.submit(vote("ben", "x", value), outcomes.append, room)
    await asyncio.sleep(0.01)
    assert isinstance(outcomes[0], Done) and code(outcomes[1]) == "forbidden"
    assert room.room.items["x"].up == 1


async def test_one_append_is_in_flight_and_what_comes_meanwhile_rides_in_the_next(world: World) -> None:
    node, room = await world.party()
    await room.do(add("anna", "x"))
    before, shut = node.count("append"), Shut(node)
    outcomes = give(room, vote("first", "x"))
    await shut.reached.wait()
    for i in range(200):
        room.submit(vote(f"v{i}", "x"), outcomes.append)
        await asyncio.sleep(0.001)
    assert (node.count("append"), len(outcomes)) == (before + 1, 0)
    shut.open.set()
    await asyncio.sleep(0.01)
    assert (node.count("append"), len(outcomes)) == (before + 2, 201)


async def test_a_batch_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appender, "MAX_BATCH", 10)
    node, room = await world.party()
    await room.do(add("anna", "x"))
    before = node.count("append")
    outcomes = give(room, *[vote(f"v{i}", "x") for i in range(35)])
    await asyncio.sleep(0.01)
    assert (node.count("append"), len(outcomes)) == (before + 4, 35)


async def test_what_waits_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appender, "MAX_WAITING", 5)
    _node, room = await world.party()
    outcomes = give(room, *[add("anna", f"s{i}") for i in range(8)])
    assert [code(outcome) for outcome in outcomes] == ["too_many"] * 3
    await asyncio.sleep(0.01)
    assert [code(outcome) for outcome in outcomes[3:]] == ["done"] * 5


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_append_that_failed_or_whose_answer_was_lost_is_written_once(
    world: World, moment: str
) -> None:
    node, room = await world.party()
    await room.do(add("anna", "x"))
    node.gate = fails("append", moment=moment)
    node.carry = lambda on_hint, room_code, entry: None
    seq = room.room.seq
    outcomes = give(room, c.Step("ben", 0, None, "x", 1), c.Step("ben", 0, None, "x", -1))
    await asyncio.sleep(1)
    assert outcomes == []
    node.gate = None
    await asyncio.sleep(1.5)
    assert [code(outcome) for outcome in outcomes] == ["done", "done"]
    assert room.room.seq == world.store.rooms[CODE].seq == seq + 1


async def test_an_entry_that_came_back_by_its_hint_needs_no_answer_of_the_log(world: World) -> None:
    node, room = await world.party()
    node.gate = fails("append", moment="after")
    assert code(await room.do(add("anna", "x"))) == "done"
    tried = node.count("append")
    await asyncio.sleep(3)
    assert node.count("append") == tried, "it is settled"
    assert code(await room.do(add("anna", "y"))) == "done"


async def test_a_log_that_does_not_answer_makes_the_outcome_unknown_once(world: World) -> None:
    node, room = await world.party()
    node.gate = fails("append", "positions", "read")
    began = world.loop.time()
    outcomes = give(room, add("anna", "x"))
    await asyncio.sleep(2)
    outcomes_of_later = give(room, add("anna", "y"))
    while not outcomes:
        await asyncio.sleep(0.1)
    assert world.loop.time() - began == pytest.approx(appender.PATIENCE, abs=0.2)
    assert [code(o) for o in outcomes + outcomes_of_later] == ["unavailable", "unavailable"]
    await asyncio.sleep(5)
    node.gate = None
    await asyncio.sleep(3)
    assert len(outcomes + outcomes_of_later) == 2, "nobody is answered twice"
    assert list(room.room.items) == ["x"], "the one in flight was settled, the waiting one was never sent"
    assert code(await room.do(add("anna", "z"))) == "done"


async def test_an_append_that_hangs_makes_the_outcome_unknown_too(world: World) -> None:
    node, room = await world.party()
    shut = Shut(node)
    outcomes = give(room, add("anna", "x"))
    await asyncio.sleep(appender.PATIENCE + 0.1)
    assert [code(o) for o in outcomes] == ["unavailable"]
    shut.open.set()
    await asyncio.sleep(0.1)
    assert list(room.room.items) == ["x"]
    assert len(outcomes) == 1
    assert room._appender.idle


async def test_written_but_never_read_is_unknown_too(world: World) -> None:
    node, room = await world.party()
    other = await world.node()
    elsewhere = await other.open()
    node.carry = lambda on_hint, room_code, entry: None
    await elsewhere.do(add("ben", "x"))
    node.gate = fails("positions", "read")
    outcomes = give(room, add("anna", "y"))
    await asyncio.sleep(appender.PATIENCE + 0.1)
    assert [code(o) for o in outcomes] == ["unavailable"]
    node.gate = None
    await asyncio.sleep(2)
    assert set(room.room.items) == {"x", "y"}
    assert room._appender.idle
    assert len(outcomes) == 1


async def test_cancelling_the_wait_does_not_take_the_command_back(world: World) -> None:
    node, room = await world.party()
    shut = Shut(node)
    waiter = asyncio.get_running_loop().create_task(room.do(add("anna", "x")))
    await shut.reached.wait()
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    shut.open.set()
    await asyncio.sleep(0.1)
    assert "x" in room.room.items


async def test_an_entry_that_only_a_rebuild_has_read_leaves_no_caller_waiting(world: World) -> None:
    """The append is written and its answer still under way when a failover makes the room be built anew."""
    node, room = await world.party()
    other = await world.node()
    elsewhere = await other.open()
    await room.do(add("anna", "x"))
    head = room.room.seq
    await room.do(add("anna", "lost"))
    world.store.roll_back(CODE, head)
    node.carry = lambda on_hint, room_code, entry: None
    await elsewhere.catch_up()
    shut = Shut(node, "after")
    outcomes = give(room, add("anna", "y"))
    await shut.reached.wait()  # y is written
    await room.catch_up()
    assert set(room.room.items) == {"x", "y"}
    shut.open.set()
    await asyncio.sleep(0.1)
    assert [code(o) for o in outcomes] == ["unavailable"]
    assert room._appender.idle
    await elsewhere.catch_up()
    assert len(digests(room, elsewhere)) == 1


async def test_a_bug_in_a_backend_answers_all_and_does_not_stop_the_room(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    node, room = await world.party()

    async def broken(operation: str, room_code: str, moment: str) -> None:
        if operation == "append":
            raise ZeroDivisionError

    node.gate = broken
    assert code(await room.do(add("anna", "x"))) == "unavailable"
    assert "append" in caplog.text
    node.gate = None
    assert code(await room.do(add("anna", "x"))) == "done"


async def test_closing_a_room_answers_what_was_submitted(world: World) -> None:
    node, room = await world.party()
    outcomes = give(room, add("anna", "x"))
    await node.registry.close()
    assert [code(o) for o in outcomes] == ["done"]
    assert [code(o) for o in give(room, add("anna", "y"))] == ["unavailable"]


async def test_many_callers_of_a_dying_node_are_all_answered(world: World) -> None:
    node, room = await world.party()
    node.gate = fails("append", "positions", "read")
    outcomes = give(room, *[add("anna", f"s{i}") for i in range(50)])
    await asyncio.sleep(0.05)
    outcomes_late = give(room, add("anna", "late"))
    await node.registry.close()
    assert {code(o) for o in outcomes + outcomes_late} == {"unavailable"}
    assert len(outcomes + outcomes_late) == 51


async def test_unavailable_is_what_the_contract_calls_it() -> None:
    with pytest.raises(Unavailable):
        await fails("append")("append", "", "before")
