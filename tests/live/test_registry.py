"""Opening and closing rooms: once for all who come, closed when idle, deleted when long unused."""

from __future__ import annotations

import asyncio

import pytest

from crowdcue.live import registry
from crowdcue.live.registry import ALPHABET, MAIN, normal_code
from crowdcue.log.contract import NoSuchRoom, RoomExists, Unavailable
from tests.live.world import CODE, World, add, fails
from tests.support.story import code


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("party2", "PARTY2"),
        ("PARTY2", "PARTY2"),
        ("main", MAIN),
        ("", None),
        ("PARTY", None),
        ("PARTY22", None),
        ("PARTY0", None),
        ("PARTYI", None),
        ("PARTYO", None),
        ("PARTY1", None),
        ("ſARTY2", "SARTY2"),
        ("../ABC", None),
        ("ﬀABCD", "FFABCD"),
        ("PARTÝ2", None),
    ],
)
def test_codes_as_people_type_them(typed: str, normal: str | None) -> None:
    assert normal_code(typed) == normal


def test_the_alphabet_has_no_letters_that_look_like_digits() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET) == 31
    assert not set("ILO01") & set(ALPHABET) - {"L"}


async def test_a_room_opens_once_for_all_who_come_at_once(world: World) -> None:
    await world.party()
    node = await world.node()
    rooms = await asyncio.gather(*[node.open() for _ in range(20)])
    assert len(set(map(id, rooms))) == 1
    assert node.count("subscribe") == 1


async def test_one_impatient_caller_does_not_spoil_it_for_the_others(world: World) -> None:
    await world.party()
    node = await world.node()
    opened = asyncio.Event()

    async def slow(operation: str, room: str, moment: str) -> None:
        if operation == "snapshot":
            await opened.wait()

    node.gate = slow
    loop = asyncio.get_running_loop()
    first, second = loop.create_task(node.open()), loop.create_task(node.open())
    await asyncio.sleep(1)
    first.cancel()
    await asyncio.sleep(0)
    opened.set()
    assert (await second).code == CODE


async def test_an_opening_that_failed_can_be_tried_again(world: World) -> None:
    await world.party()
    node = await world.node()
    node.gate = fails("snapshot")
    with pytest.raises(Unavailable):
        await node.open()
    node.gate = None
    assert (await node.open()).code == CODE
    assert node.registry.rooms == [await node.open()]


async def test_a_node_has_room_for_so_many_rooms(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_OPEN", 1)
    node, _ = await world.party()
    with pytest.raises(Unavailable):
        await node.registry.create({})


async def test_new_rooms_get_codes_of_their_own_and_their_settings(world: World) -> None:
    node = await world.node()
    rooms = [await node.registry.create({"name": f"Party {i}", "policy": "fair"}) for i in range(5)]
    assert len({room.code for room in rooms}) == 5
    assert all(normal_code(room.code) == room.code for room in rooms)
    assert [room.room.settings["name"] for room in rooms] == [f"Party {i}" for i in range(5)]
    with pytest.raises(RoomExists):
        await node.registry.create({}, rooms[0].code)


async def test_the_house_party_is_one_on_all_nodes(world: World) -> None:
    nodes = [await world.node() for _ in range(3)]
    rooms = await asyncio.gather(*[node.registry.ensure_main() for node in nodes])
    assert {room.code for room in rooms} == {MAIN}
    await asyncio.sleep(1)
    await asyncio.gather(*[room.catch_up() for room in rooms])
    assert {room.room.settings["name"] for room in rooms} == {"The house party"}


# Idle and unused


async def test_a_room_nobody_listens_to_is_closed_and_opens_again(world: World) -> None:
    node, room = await world.party(start=True)
    await room.do(add("anna", "x"))
    anna = await node.watch("anna")
    await asyncio.sleep(200)
    assert node.registry.rooms == [room]
    anna.leave()
    await asyncio.sleep(registry.IDLE - 3)
    assert node.registry.rooms == [room]
    await asyncio.sleep(6)
    assert node.registry.rooms == []
    again = await node.open()
    assert again is not room
    assert list(again.room.items) == ["x"]


async def test_a_room_that_is_used_without_listeners_stays_open(world: World) -> None:
    node, room = await world.party(start=True)
    for _ in range(5):
        await asyncio.sleep(registry.IDLE - 5)
        assert await node.open() is room
    await asyncio.sleep(registry.IDLE + 3)
    assert node.registry.rooms == []


async def test_who_comes_just_before_a_room_would_be_closed_is_not_left_in_a_closed_one(world: World) -> None:
    node, _ = await world.party(start=True)
    await asyncio.sleep(registry.IDLE - 0.5)
    room = await node.open()
    await asyncio.sleep(5)  # a token is looked at, a host's claim is written …
    assert node.registry.rooms == [room]


async def test_who_comes_while_a_room_closes_gets_a_new_one(world: World) -> None:
    node, room = await world.party(start=True)
    await room.do(add("anna", "x"))
    closing = asyncio.get_running_loop().create_task(node.registry._close(room))
    await asyncio.sleep(0)
    again = await node.open()
    assert again is not room
    await closing
    assert node.registry.rooms == [again]
    assert code(await again.do(add("ben", "y"))) == "done"
    await asyncio.sleep(0.1)
    assert set(again.room.items) == {"x", "y"}, "the new one follows the log"


async def test_rooms_unused_for_30_days_are_deleted(world: World) -> None:
    node, room = await world.party(start=True)
    await node.registry.ensure_main()
    await node.registry.create({}, "QUIET2")
    anna = await node.watch("anna")
    await asyncio.sleep(100)
    assert room in node.registry.rooms
    world.ahead += registry.UNUSED - 200_000
    assert await node.registry.delete_unused() == []
    world.ahead += 300_000
    assert await node.registry.delete_unused() == ["QUIET2"]
    assert set(world.store.rooms) == {MAIN, CODE}, "an open room is in use"
    with pytest.raises(NoSuchRoom):
        await node.open("QUIET2")
    anna.leave()


async def test_housekeeping_survives_a_log_that_is_away_and_bugs(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    node, room = await world.party(start=True)
    node.gate = fails("positions", "rooms")
    await asyncio.sleep(10)

    async def broken(operation: str, room_code: str, moment: str) -> None:
        if operation == "positions":
            raise ZeroDivisionError

    node.gate = broken
    await asyncio.sleep(3)
    assert "housekeeping failed" in caplog.text
    node.gate = None
    before = node.count("positions")
    await asyncio.sleep(5)
    assert node.count("positions") >= before + 4
    await node.registry._close(room)
    assert node.registry.rooms == []
