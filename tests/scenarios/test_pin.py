"""A room with a PIN, whatever faces its people come by."""

from __future__ import annotations

from tests.support.scenario import Scenario, refused


async def test_a_pin_keeps_strangers_out_and_those_inside_in(scenario: Scenario) -> None:
    async with scenario as (anna, ben, host, everyone):
        await anna.adds("x")
        await ben.votes("x", +1)
        await host.locks("2468")
        await everyone.sees("x", x=1)
        await anna.comes_back()
        await anna.sees("x")
        with refused("pin_needed"):
            await ben.comes_as_a_stranger()
            await ben.sees("x")
        with refused("bad_pin"):
            await ben.comes_as_a_stranger(pin="8642")
            await ben.sees("x")
        await ben.comes_as_a_stranger(pin="2468")
        await ben.adds("y")
        await everyone.sees("x", "y")
        ben.pin = None
        await ben.comes_back()
        await ben.removes("y")
        await everyone.sees("x")


async def test_another_pin_all_must_show_but_the_host(scenario: Scenario) -> None:
    async with scenario as (anna, ben, host, everyone):
        await host.locks("2468")
        await anna.comes_as_a_stranger(pin="2468")
        await anna.adds("x")
        await host.locks("1357")
        await host.comes_back()
        await host.sees("x")
        with refused("bad_pin"):
            await anna.comes_back()
            await anna.sees("x")
        anna.pin = "1357"
        await anna.comes_back()
        await anna.sees("x")
        with refused("pin_needed"):
            await ben.comes_back()
            await ben.adds("y")
        await host.locks(None)
        await ben.comes_back()
        await ben.adds("y")
        await everyone.sees("x", "y")
