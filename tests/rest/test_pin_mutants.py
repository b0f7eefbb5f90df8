"""The tests of the PIN can fail: with any one part of the door taken out, one of them does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from crowdcue.faces.door import Door
from crowdcue.faces.gate import Call
from crowdcue.limits import Buckets
from crowdcue.live.pins import Pins
from crowdcue.live.room import LiveRoom
from crowdcue.room.refusal import Done
from crowdcue.room.state import Room
from tests.rest import test_pin
from tests.rest.party import Party


async def _nothing(*_: Any, **__: Any) -> Done:
    return Done(0)


def _yes(*_: Any) -> bool:
    return True


def _no_wait(*_: Any) -> float:
    return 0.0


Test = Callable[[Party], Awaitable[None]]
STRANGERS: Test = test_pin.test_nothing_is_read_or_written_without_the_pin
AGAIN: Test = lambda party: test_pin.test_once_shown_it_is_not_asked_for_again(party, True)  # noqa: E731
TRIES: Test = lambda party: test_pin.test_who_tries_too_many_from_one_address_has_to_wait(  # noqa: E731
    party, lambda _: None
)

#: What is taken out, and the test that must notice.
MUTANTS: dict[str, tuple[type, str, Any, Test]] = {
    "nobody is asked": (Door, "enter", _nothing, STRANGERS),
    "readers are not asked": (Call, "_enter", _nothing, STRANGERS),
    "writers are not asked": (Call, "_pass_door", _nothing, STRANGERS),
    "everybody is let in": (Room, "lets_in", _yes, STRANGERS),
    "every PIN is right": (Pins, "fits", _yes, STRANGERS),
    "nobody is remembered": (LiveRoom, "admit", _nothing, AGAIN),
    "nobody has to wait": (Buckets, "wait", _no_wait, TRIES),
}


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_door_with_a_part_taken_out_is_noticed(
    party: Party, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    where, part, instead, test = MUTANTS[name]
    monkeypatch.setattr(where, part, instead)
    with pytest.raises(AssertionError):
        await test(party)


@pytest.mark.parametrize("test", [STRANGERS, AGAIN], ids=["strangers", "again"])
async def test_whole_it_is_not(party: Party, test: Test) -> None:
    await test(party)
