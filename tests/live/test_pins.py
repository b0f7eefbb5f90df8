"""The PIN of a room on its nodes: sealed the same everywhere; set, it lets those inside stay; changed, it does not."""

from __future__ import annotations

import asyncio

from crowdcue.live.pins import MAX_PIN, Pins
from crowdcue.live.room import ADMIT_AT_ONCE, LiveRoom
from crowdcue.room import commands as c
from crowdcue.room.refusal import Done
from tests.live.world import CODE, Screen, World, add
from tests.support.story import code

LOCKED = (4423, "pin_needed")


async def locks(room: LiveRoom, pin: str) -> None:
    """The host sets the PIN, and whatever follows from it happens."""
    assert isinstance(await room.do(c.Lock("host", 0, None, {}, room.seal_pin(pin))), Done)
    await asyncio.sleep(0.2)


def closed(*screens: Screen) -> list[tuple[int, str] | None]:
    return [screen.sink.closed for screen in screens]


# Seals


def test_a_seal_is_the_same_wherever_the_key_is_and_hides_the_pin() -> None:
    one, same, other = Pins(b"a"), Pins(b"a"), Pins(b"b")
    seal = one.seal(CODE, "1234")
    assert seal == same.seal(CODE, "1234")
    assert "1234" not in seal
    assert len({seal, other.seal(CODE, "1234"), one.seal("PARTY3", "1234"), one.seal(CODE, "12345")}) == 4
    assert one.seal(CODE, "") == ""


def test_only_the_pin_fits_its_seal() -> None:
    pins = Pins(b"a")
    seal = pins.seal(CODE, "0123")
    assert pins.fits(CODE, "0123", seal)
    for wrong in ("", "123", "01234", "0123 ", "٠١٢٣", "\ud800", seal, "0" * 4_000):
        assert not pins.fits(CODE, wrong, seal)
    long = "1" * MAX_PIN
    assert pins.fits(CODE, long, pins.seal(CODE, long))
    assert not pins.fits(CODE, long + "1", pins.seal(CODE, long + "1"))
    assert not pins.fits(CODE, "", pins.seal(CODE, "")), "nothing is no PIN"


# Rooms


async def test_whoever_is_inside_when_the_pin_is_set_stays_and_may_come_back_on_any_node(
    world: World,
) -> None:
    first, room = await world.party()
    second = await world.node(start=True)
    anna, ben = await first.watch("anna"), await second.watch("ben")
    await locks(room, "1234")
    assert closed(anna, ben) == [None, None]
    elsewhere = await second.open()
    for live in (room, elsewhere):
        assert [live.room.lets_in(member) for member in ("anna", "ben", "cleo")] == [True, True, False]
        assert live.is_pin("1234")
        assert not live.is_pin("4321")


async def test_another_pin_sends_everybody_out_on_every_node_but_hosts(world: World) -> None:
    first, room = await world.party()
    second = await world.node(start=True)
    await locks(room, "1234")
    await room.admit("anna")
    host, anna = await first.watch("host", counts=True), await first.watch("anna")
    ben, other = await second.watch("ben"), await second.watch("host", counts=True)
    await locks(room, "5678")
    assert closed(host, anna, ben, other) == [None, LOCKED, LOCKED, None]
    assert not room.room.lets_in("anna")


async def test_the_same_pin_again_and_no_pin_send_nobody_out(world: World) -> None:
    node, room = await world.party()
    anna = await node.watch("anna")
    for pin in ("1234", "1234", "", "5678"):
        await locks(room, pin)
        assert closed(anna) == [None]
    assert room.room.lets_in("anna")


async def test_who_was_on_the_threshold_when_the_pin_came_has_to_show_it(world: World) -> None:
    _, room = await world.party()
    second = await world.node()
    elsewhere = await second.open()
    second.carry = lambda on_hint, code, entry: None  # it does not hear of the PIN …
    await locks(room, "1234")
    version = room.room.version
    assert not elsewhere.room.pin
    late = await second.watch("late", since=version)  # … until it must know this version
    assert closed(late) == [LOCKED]


async def test_a_pin_that_a_node_reads_late_lets_those_inside_stay(world: World) -> None:
    _, room = await world.party()
    second = await world.node(start=True)
    ben = await second.watch("ben")
    second.carry = lambda on_hint, code, entry: None
    await locks(room, "1234")
    await asyncio.sleep(3)
    assert closed(ben) == [None]
    assert room.room.lets_in("ben")


async def test_after_a_loss_of_the_logs_tail_the_door_is_minded_again(world: World) -> None:
    first, room = await world.party(start=True)
    second = await world.node(start=True)
    elsewhere = await second.open()
    await locks(room, "1234")
    kept = room.room.seq
    await room.admit("anna")
    anna = await first.watch("anna")
    world.store.roll_back(CODE, kept)
    await elsewhere.do(add("host", "new"))
    await asyncio.sleep(3)
    assert closed(anna) == [None]
    assert elsewhere.room.lets_in("anna"), "who is inside is written down anew"

    kept = room.room.seq
    await locks(room, "5678")
    await room.admit("cleo")
    cleo = await first.watch("cleo")
    world.store.roll_back(CODE, kept)
    await elsewhere.do(add("host", "newer"))
    await asyncio.sleep(3)
    assert elsewhere.is_pin("1234"), "the change of the PIN is lost"
    assert closed(cleo) == [LOCKED]


async def test_a_crowd_that_is_inside_is_let_in_by_a_few_commands(world: World) -> None:
    node, room = await world.party()
    crowd = [f"guest{number}" for number in range(ADMIT_AT_ONCE + 1)]
    for member in crowd:
        await node.watch(member)
    before = room.room.seq
    await locks(room, "1234")
    assert all(room.room.lets_in(member) for member in crowd)
    assert room.room.seq - before <= 3


async def test_a_pin_shown_too_late_is_the_wrong_one(world: World) -> None:
    _, room = await world.party()
    await locks(room, "1234")
    showing = asyncio.ensure_future(room.do(c.Admit("anna", c.NODE, None, ["anna"], room.seal_pin("0000"))))
    assert code(await showing) == "bad_pin"
