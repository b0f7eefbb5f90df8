"""The contract of the log, rule L6 and the restoring of L3: the same tests for every backend."""

from __future__ import annotations

import asyncio

import pytest

from crowdcue.log.contract import (
    KEEP_ENTRIES,
    KEEP_PLAYS,
    PRODUCER_TTL,
    LogError,
    Play,
    RoomLog,
    Snapshot,
    Trimmed,
)

from .backends import Backend
from .conftest import PATIENTLY
from .helpers import append_many, verify


async def snapshot_at(log: RoomLog, room: str, seq: int, plays: int = 0, data: bytes = b"state") -> Snapshot:
    """A snapshot of the room after entry `seq`, which the log must still hold."""
    if seq == 0:
        chain = (await log.read(room, 0, 1))[0].prev
    else:
        chain = (await log.read(room, seq - 1, 1))[0].chain
    return Snapshot(seq, chain, plays, data)


async def test_l6_a_snapshot_is_kept_and_read_back(backend: Backend) -> None:
    """L6: the newest snapshot, byte for byte, also after a restart."""
    log = await backend.open()
    await log.create("ROOM")
    assert await log.snapshot("ROOM") is None
    await append_many(log, "ROOM", "node", 5)
    taken = await snapshot_at(log, "ROOM", 4, plays=2, data=bytes(range(256)) * 2_000)
    assert await log.checkpoint("ROOM", taken, [Play(1, b"a"), Play(2, b"\x00\xff")], 0)
    assert await log.snapshot("ROOM") == taken
    log = await backend.reopen()
    assert await log.snapshot("ROOM") == taken
    assert await log.plays("ROOM", None, 10) == [Play(2, b"\x00\xff"), Play(1, b"a")]
    assert len(await verify(log, "ROOM")) == 5


async def test_l6_only_a_newer_snapshot_is_taken_and_a_refused_one_changes_nothing(log: RoomLog) -> None:
    """L6: as new or older answers False; doing it twice harms nothing."""
    await log.create("ROOM")
    await append_many(log, "ROOM", "node", 6)
    newest = await snapshot_at(log, "ROOM", 4, data=b"four")
    assert await log.checkpoint("ROOM", newest, [Play(1, b"one")], 0)
    for seq in (4, 3):
        older = await snapshot_at(log, "ROOM", seq, data=b"late")
        assert not await log.checkpoint("ROOM", older, [Play(1, b"late"), Play(2, b"late")], 1)
    assert await log.snapshot("ROOM") == newest
    assert await log.plays("ROOM", None, 10) == [Play(1, b"one")]


async def test_l6_two_nodes_that_checkpoint_at_once_agree(backend: Backend) -> None:
    """L6: any node may do it; exactly one of them does."""
    log = await backend.open()
    other = await backend.open() if backend.many_nodes else log
    await log.create("ROOM")
    await append_many(log, "ROOM", "node", 3)
    taken = await snapshot_at(log, "ROOM", 3)
    done = await asyncio.gather(*(node.checkpoint("ROOM", taken, [], 0) for node in (log, other)))
    assert sorted(done) == [False, True]


async def test_l6_a_snapshot_of_another_past_is_refused(log: RoomLog) -> None:
    """L6, L3: one that the log's chain does not lead to (a fork, or beyond the head) is never planted."""
    await log.create("ROOM")
    await append_many(log, "ROOM", "node", 4)
    right = await snapshot_at(log, "ROOM", 3)
    for seq, chain in ((3, "f" * 40), (4, right.chain), (5, right.chain), (0, right.chain)):
        assert not await log.checkpoint("ROOM", Snapshot(seq, chain, 0, b"fork"), [Play(9, b"fork")], 0)
    assert await log.snapshot("ROOM") is None
    assert await log.plays("ROOM", None, 10) == []
    assert await log.checkpoint("ROOM", right, [], 0)


async def test_l6_trimming_stays_behind_the_previous_snapshot(backend: Backend) -> None:
    """L6: who loaded the snapshot before this one can still read its tail."""
    log = await backend.open(keep_entries=3)
    await log.create("ROOM")
    await append_many(log, "ROOM", "node", 20)
    assert await log.checkpoint("ROOM", await snapshot_at(log, "ROOM", 8), [], 0)
    assert len(await verify(log, "ROOM")) == 20
    assert await log.checkpoint("ROOM", await snapshot_at(log, "ROOM", 15), [], 0)
    with pytest.raises(Trimmed):
        await log.read("ROOM", 7)
    assert len(await verify(log, "ROOM", 8)) == 12
    log = await backend.reopen(keep_entries=3)
    with pytest.raises(Trimmed):
        await log.read("ROOM", 0)
    assert (await log.append("ROOM", "node", 21, b"on")).seq == 21
    assert len(await verify(log, "ROOM", 8)) == 13


async def test_l6_trimming_never_touches_the_last_entries(backend: Backend) -> None:
    """L6: the newest `keep_entries` stay, however new the snapshots are."""
    log = await backend.open(keep_entries=10)
    await log.create("ROOM")
    await append_many(log, "ROOM", "node", 25)
    for seq in (24, 25):
        assert await log.checkpoint("ROOM", await snapshot_at(log, "ROOM", seq), [], 0)
    assert len(await verify(log, "ROOM", 15)) == 10
    with pytest.raises(Trimmed):
        await log.read("ROOM", 14)


@PATIENTLY
async def test_l6_the_last_ten_thousand_entries_stay(log: RoomLog) -> None:
    """L6: with the real bound, and enough behind it that trimming takes several slices."""
    await log.create("ROOM")
    total = KEEP_ENTRIES + 5_000
    await append_many(log, "ROOM", "node", total)
    for seq in (total - 2, total - 1):
        assert await log.checkpoint("ROOM", await snapshot_at(log, "ROOM", seq), [], 0)
    assert len(await verify(log, "ROOM", total - KEEP_ENTRIES)) == KEEP_ENTRIES
    with pytest.raises(Trimmed):
        await log.read("ROOM", total - KEEP_ENTRIES - 1)


async def test_l6_the_archive_pages_newest_first_and_forgets_what_was_cleared(log: RoomLog) -> None:
    """L6: plays by pages, and everything up to `cleared` gone."""
    await log.create("ROOM")
    await append_many(log, "ROOM", "node", 3)
    plays = [Play(play, b"play %d" % play) for play in range(1, 31)]
    assert await log.checkpoint("ROOM", await snapshot_at(log, "ROOM", 1), plays[:20], 0)
    assert await log.checkpoint("ROOM", await snapshot_at(log, "ROOM", 2), plays[15:], 12)
    assert [play.play for play in await log.plays("ROOM", None, 4)] == [30, 29, 28, 27]
    assert await log.plays("ROOM", 15, 10) == [plays[13], plays[12]]
    assert await log.plays("ROOM", 13, 10) == []
    assert await log.plays("ROOM", None, 0) == []
    assert len(await log.plays("ROOM", None, 1_000)) == 18
    assert await log.checkpoint("ROOM", await snapshot_at(log, "ROOM", 3), [], 30)
    assert await log.plays("ROOM", None, 10) == []
    await log.delete("ROOM")
    assert await log.plays("ROOM", None, 10) == []


async def test_l6_the_archive_keeps_the_newest_plays_only(log: RoomLog) -> None:
    """L6: `KEEP_PLAYS`, the real bound."""
    await log.create("ROOM")
    await append_many(log, "ROOM", "node", 1)
    plays = [Play(play, b"p") for play in range(1, KEEP_PLAYS + 11)]
    assert await log.checkpoint("ROOM", await snapshot_at(log, "ROOM", 1), plays, 0)
    assert await log.plays("ROOM", 12, 10) == [Play(11, b"p")]
    assert (await log.plays("ROOM", None, 1))[0].play == KEEP_PLAYS + 10


async def test_l6_producers_are_forgotten_an_hour_after_their_last_append(backend: Backend) -> None:
    """L6: not before, for that is what makes a repeated append safe."""
    log = await backend.open()
    await log.create("ROOM")
    await log.append("ROOM", "old", 5, b"x")
    backend.skew += PRODUCER_TTL - 60_000
    await log.append("ROOM", "young", 5, b"x")
    assert await log.checkpoint("ROOM", await snapshot_at(log, "ROOM", 1), [], 0)
    assert (await log.append("ROOM", "old", 5, b"x")).seq == 1
    backend.skew += 120_000
    assert await log.checkpoint("ROOM", await snapshot_at(log, "ROOM", 2), [], 0)
    assert (await log.append("ROOM", "young", 5, b"x")).seq == 2
    assert (await log.append("ROOM", "old", 5, b"x")).seq == 3


async def test_l3_a_vanished_room_is_put_back_and_the_chain_goes_on(log: RoomLog) -> None:
    """L3: only if absent; what came before the snapshot is Trimmed, what comes after is linked to it."""
    await log.create("ROOM")
    await append_many(log, "ROOM", "node", 9)
    taken = await snapshot_at(log, "ROOM", 9, data=b"open replica")
    head = (await log.positions(["ROOM"]))["ROOM"]
    assert not await log.restore("ROOM", taken, head.at)
    await log.delete("ROOM", for_good=False)
    done = await asyncio.gather(*(log.restore("ROOM", taken, head.at) for _ in range(3)))
    assert sorted(done) == [False, False, True]
    assert await log.snapshot("ROOM") == taken
    found = (await log.positions(["ROOM"]))["ROOM"]
    assert (found.seq, found.chain, found.at) == (9, head.chain, head.at)
    with pytest.raises(Trimmed):
        await log.read("ROOM", 8)
    assert await log.read("ROOM", 9) == []
    after = await log.append("ROOM", "node", 10, b"on")
    assert after.seq == 10
    assert (await verify(log, "ROOM", 9))[0].prev == head.chain
    assert await log.checkpoint("ROOM", Snapshot(10, after.chain, 0, b"ten"), [], 0)
    assert len(await verify(log, "ROOM", 9)) == 1


async def test_l6_an_empty_room_can_be_snapshot_and_restored(log: RoomLog) -> None:
    """L3, L6: seq 0 is a version like any other."""
    birth = await log.create("ROOM")
    taken = Snapshot(0, birth.chain, 0, b"")
    assert await log.checkpoint("ROOM", taken, [], 0)
    assert not await log.checkpoint("ROOM", taken, [], 0)
    await log.delete("ROOM", for_good=False)
    assert await log.restore("ROOM", taken, birth.at)
    assert (await log.append("ROOM", "node", 1, b"x")).seq == 1
    assert (await verify(log, "ROOM"))[0].prev == birth.chain


async def test_l6_checkpoints_of_an_unknown_room_are_refused(log: RoomLog) -> None:
    """L6: a checkpoint never makes a room."""
    with pytest.raises(LogError):
        await log.checkpoint("NONE", Snapshot(1, "0" * 40, 0, b"x"), [Play(1, b"x")], 0)
    assert await log.rooms() == {}
