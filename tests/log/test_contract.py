"""The contract of the log, rules L1 to L5 and L7: the same tests for every backend."""

from __future__ import annotations

import asyncio

import pytest

from crowdcue.log.contract import (
    TOMBSTONE_TTL,
    Entry,
    LogError,
    NoSuchRoom,
    Position,
    RoomExists,
    RoomLog,
    Snapshot,
    Unavailable,
    link,
)

from .backends import Backend
from .helpers import PATIENCE, Hints, append_many, verify

PAYLOADS = [b"", b"plain", b"\x00\xff\r\n\x00", bytes(range(256)) * 1_200, "❤".encode()]


async def test_l1_append_answers_with_a_gapless_seq_and_the_chain(log: RoomLog) -> None:
    """L1: seq is gapless from 1, and chain covers the previous chain and every field."""
    birth = await log.create("ROOM")
    assert birth.seq == 0
    chain = birth.chain
    for number, payload in enumerate(PAYLOADS, 1):
        position = await log.append("ROOM", "node", number, payload)
        chain = link(chain, number, position.at, "node", number, payload)
        assert (position.seq, position.chain) == (number, chain)
        assert position.now >= position.at
    entries = await verify(log, "ROOM")
    assert [entry.payload for entry in entries] == PAYLOADS
    assert entries[0].prev == birth.chain


async def test_l1_every_room_is_born_with_its_own_chain(log: RoomLog) -> None:
    """L1: the first chain is random, so a room deleted and made anew is another room."""
    chains = {(await log.create(room)).chain for room in ("A", "B", "C")}
    await log.delete("A")
    chains.add((await log.create("A")).chain)
    assert len(chains) == 4
    assert all(len(chain) == 40 and int(chain, 16) >= 0 for chain in chains)


async def test_l1_l8_what_was_answered_is_there_after_a_restart(backend: Backend) -> None:
    """L1, L8: an answer means kept."""
    log = await backend.open()
    birth = await log.create("ROOM")
    answers = await append_many(log, "ROOM", "node", 20)
    log = await backend.reopen()
    entries = await verify(log, "ROOM")
    assert [(entry.seq, entry.chain, entry.at) for entry in entries] == [
        (answer.seq, answer.chain, answer.at) for answer in answers
    ]
    assert entries[0].prev == birth.chain
    after = await log.append("ROOM", "node", 21, b"after")
    assert after.seq == 21
    await verify(log, "ROOM")


async def test_l1_rooms_are_apart_while_many_append_at_once(log: RoomLog) -> None:
    """L1, L2: eight rooms, three producers each, all in flight together."""
    rooms = [f"ROOM{index}" for index in range(8)]
    for room in rooms:
        await log.create(room)
    answers = await asyncio.gather(
        *(append_many(log, room, f"node{node}", 25) for room in rooms for node in range(3))
    )
    assert len(answers) == 24
    for index, room in enumerate(rooms):
        entries = await verify(log, room)
        by_seq = {entry.seq: entry.chain for entry in entries}
        mine = [position for part in answers[3 * index : 3 * index + 3] for position in part]
        assert {position.seq: position.chain for position in mine} == by_seq
        assert len(entries) == 75


async def test_l2_the_same_number_again_writes_nothing(backend: Backend) -> None:
    """L2, L7: (producer, number) has its first position for an answer, also after a restart."""
    log = await backend.open()
    await log.create("ROOM")
    hints = Hints()
    await log.subscribe("ROOM", hints)
    first = await log.append("ROOM", "one", 7, b"mine")
    await log.append("ROOM", "two", 7, b"another's")
    again = await log.append("ROOM", "one", 7, b"mine")
    assert (again.seq, again.chain, again.at) == (first.seq, first.chain, first.at)
    log = await backend.reopen()
    again = await log.append("ROOM", "one", 7, b"mine")
    assert (again.seq, again.chain, again.at) == (first.seq, first.chain, first.at)
    assert len(await verify(log, "ROOM")) == 2
    assert len(await hints.wait_for(2)) == 2


async def test_l2_the_same_number_twice_at_once_is_written_once(log: RoomLog) -> None:
    """L2: the check and the write are one step."""
    await log.create("ROOM")
    for number in range(1, 6):
        answers = await asyncio.gather(*(log.append("ROOM", "node", number, b"same") for _ in range(8)))
        assert {(answer.seq, answer.chain) for answer in answers} == {(number, answers[0].chain)}
    assert len(await verify(log, "ROOM")) == 5


async def test_l2_a_number_behind_the_last_is_refused(log: RoomLog) -> None:
    """L2: a ghost of an append given up long ago is not written behind its successors."""
    await log.create("ROOM")
    await log.append("ROOM", "node", 1, b"one")
    await log.append("ROOM", "node", 3, b"two was given up")
    with pytest.raises(LogError, match="too late"):
        await log.append("ROOM", "node", 2, b"ghost")
    assert [entry.number for entry in await verify(log, "ROOM")] == [1, 3]


async def test_l3_hints_come_in_order_and_are_the_entries(log: RoomLog) -> None:
    """L3: whoever listens is told each entry, once and in order while nothing goes wrong."""
    await log.create("ROOM")
    await log.create("OTHER")
    hints = Hints()
    await log.subscribe("ROOM", hints)
    await append_many(log, "ROOM", "node", 30)
    await append_many(log, "OTHER", "node", 3)
    assert await hints.wait_for(30) == await verify(log, "ROOM")
    assert {room for room, _ in hints.seen} == {"ROOM"}


async def test_l3_other_nodes_are_told_too(backend: Backend) -> None:
    """L3: a hint reaches every node that listens."""
    log = await backend.open()
    others = [await backend.open() for _ in range(2)] if backend.many_nodes else [log]
    await log.create("ROOM")
    listeners = [Hints() for _ in others]
    for other, hints in zip(others, listeners, strict=True):
        await other.subscribe("ROOM", hints)
    await append_many(log, "ROOM", "node", 10)
    entries = await verify(log, "ROOM")
    for hints in listeners:
        assert await hints.wait_for(10) == entries


async def test_l3_a_listener_that_fails_harms_nobody(log: RoomLog, caplog: pytest.LogCaptureFixture) -> None:
    """L3: the append is answered, the next hint comes, the fault is on record."""
    await log.create("ROOM")
    hints = Hints()

    def listener(room: str, entry: Entry | None) -> None:
        hints(room, entry)
        raise ValueError("a bug in the listener")

    await log.subscribe("ROOM", listener)
    await append_many(log, "ROOM", "node", 3)
    assert len(await hints.wait_for(3)) == 3
    assert "a bug in the listener" in caplog.text


async def test_l4_hints_flow_once_subscribe_returns_and_end_with_unsubscribe(log: RoomLog) -> None:
    """L4: nothing appended after `subscribe` is missed; after `unsubscribe` nothing comes."""
    await log.create("ROOM")
    await log.append("ROOM", "node", 1, b"before")
    hints = Hints()
    await log.subscribe("ROOM", hints)
    await log.append("ROOM", "node", 2, b"during")
    assert [entry.number for entry in await hints.wait_for(1)] == [2]
    await log.unsubscribe("ROOM")
    await log.unsubscribe("ROOM")
    await log.unsubscribe("NEVER")
    await log.append("ROOM", "node", 3, b"after")
    again = Hints()
    await log.subscribe("ROOM", again)
    await log.append("ROOM", "node", 4, b"again")
    assert [entry.number for entry in await again.wait_for(1)] == [4]
    assert [entry.number for entry in hints.entries] == [2]


async def test_l5_positions_answer_for_many_rooms(log: RoomLog) -> None:
    """L5: the heads of those rooms that exist."""
    assert await log.positions([]) == {}
    made = {room: await log.create(room) for room in ("A", "B", "C")}
    last = (await append_many(log, "B", "node", 4))[-1]
    found = await log.positions(["A", "B", "NONE"])
    assert sorted(found) == ["A", "B"]
    assert (found["A"].seq, found["A"].chain, found["A"].at) == (0, made["A"].chain, made["A"].at)
    assert (found["B"].seq, found["B"].chain, found["B"].at) == (4, last.chain, last.at)
    assert len(await log.positions([f"R{index}" for index in range(2_000)] + ["C"])) == 1


async def test_l7_a_cancelled_caller_does_not_cancel_the_append(log: RoomLog) -> None:
    """L7: what is in flight is written, and asking again settles what became of it."""
    await log.create("ROOM")
    hints = Hints()
    await log.subscribe("ROOM", hints)
    for number in range(1, 11):
        task = asyncio.create_task(log.append("ROOM", "node", number, b"mine"))
        await asyncio.sleep(0)  # lets it begin
        task.cancel()
        await asyncio.wait([task], timeout=PATIENCE)
        written = (await hints.wait_for(number))[-1]
        settled = await log.append("ROOM", "node", number, b"mine")
        assert (settled.seq, settled.chain) == (written.seq, written.chain) == (number, written.chain)
    assert len(await verify(log, "ROOM")) == 10


async def test_l7_close_finishes_what_is_in_flight(backend: Backend) -> None:
    """L7, L8: appends that were under way when the log closed are answered and kept."""
    log = await backend.open()
    await log.create("ROOM")
    tasks = [asyncio.create_task(log.append("ROOM", "node", number, b"late")) for number in range(1, 51)]
    await asyncio.sleep(0)
    await backend.stop()
    answers: list[Position] = await asyncio.gather(*tasks)
    assert [answer.seq for answer in answers] == list(range(1, 51))
    assert len(await verify(await backend.open(), "ROOM")) == 50


async def test_read_pages_and_stops_at_the_head(log: RoomLog) -> None:
    """`read` answers in order, at most `limit`, and nothing at or beyond the head."""
    await log.create("ROOM")
    assert await log.read("ROOM", 0) == []
    await append_many(log, "ROOM", "node", 12)
    assert [entry.seq for entry in await log.read("ROOM", 3, 4)] == [4, 5, 6, 7]
    assert [entry.seq for entry in await log.read("ROOM", 10, 4)] == [11, 12]
    assert await log.read("ROOM", 12) == []
    assert await log.read("ROOM", 99) == []
    assert await log.read("ROOM", 0, 0) == []


async def test_rooms_are_made_once_and_forgotten_whole(log: RoomLog) -> None:
    """`create` and `delete`."""
    made = await log.create("ROOM")
    with pytest.raises(RoomExists):
        await log.create("ROOM")
    last = (await append_many(log, "ROOM", "node", 3))[-1]
    await log.create("OTHER")
    assert sorted(await log.rooms()) == ["OTHER", "ROOM"]
    assert (await log.rooms())["ROOM"] == last.at >= made.at
    await log.delete("ROOM")
    await log.delete("ROOM")
    assert list(await log.rooms()) == ["OTHER"]
    assert await log.positions(["ROOM"]) == {}
    await log.create("ROOM")
    assert await log.read("ROOM", 0) == []
    assert (await log.append("ROOM", "node", 1, b"anew")).seq == 1
    await verify(log, "ROOM")


async def test_a_room_deleted_for_good_is_not_put_back(backend: Backend) -> None:
    """`delete`, `restore`: a tombstone stands in the way for a day, on every node and after a restart."""
    log = await backend.open()
    head = await log.create("ROOM")
    taken = Snapshot(0, head.chain, 0, b"state")
    await log.delete("ROOM")
    assert not await log.restore("ROOM", taken, head.at)
    if backend.many_nodes:
        assert not await (await backend.open()).restore("ROOM", taken, head.at)
    log = await backend.reopen()
    assert not await log.restore("ROOM", taken, head.at)
    assert await log.rooms() == {}, "a tombstone is no room"
    backend.skew += TOMBSTONE_TTL - 60_000
    assert not await log.restore("ROOM", taken, head.at)
    backend.skew += 120_000
    assert await log.restore("ROOM", taken, head.at), "after a day nobody remembers"


async def test_a_room_made_anew_where_one_was_deleted_may_vanish_and_come_back(log: RoomLog) -> None:
    """`create` takes the tombstone away; `delete` without `for_good` leaves none."""
    await log.delete("ROOM")
    head = await log.create("ROOM")
    await log.delete("ROOM", for_good=False)
    assert await log.restore("ROOM", Snapshot(0, head.chain, 0, b"state"), head.at)


async def test_an_unknown_room_is_said_to_be_so(log: RoomLog) -> None:
    """NoSuchRoom, from all that promise it, and nothing is made by asking."""
    with pytest.raises(NoSuchRoom):
        await log.append("NONE", "node", 1, b"x")
    with pytest.raises(NoSuchRoom):
        await log.read("NONE", 0)
    with pytest.raises(NoSuchRoom):
        await log.snapshot("NONE")
    assert await log.plays("NONE", None, 10) == []
    assert await log.rooms() == {}


async def test_a_secret_is_kept_as_first_given(backend: Backend) -> None:
    """`secret`: the first default wins, for everyone and for good."""
    log = await backend.open()
    answers = await asyncio.gather(*(log.secret("signing", bytes([value])) for value in range(5)))
    assert len(set(answers)) == 1
    assert await log.secret("other", b"\x00other") == b"\x00other"
    log = await backend.reopen()
    assert await log.secret("signing", b"late") == answers[0]


async def test_a_closed_log_says_unavailable_and_hints_no_more(backend: Backend) -> None:
    """After `close` everything raises `Unavailable`; closing again is fine."""
    log = await backend.open()
    await log.create("ROOM")
    hints = Hints()
    await log.subscribe("ROOM", hints)
    await backend.stop()
    await log.close()
    for call in (
        log.append("ROOM", "node", 1, b"x"),
        log.read("ROOM", 0),
        log.positions(["ROOM"]),
        log.rooms(),
        log.create("NEW"),
        log.subscribe("ROOM", hints),
    ):
        with pytest.raises(Unavailable):
            await call
    again = await backend.open()
    await again.append("ROOM", "node", 1, b"x")
    assert hints.seen == []
