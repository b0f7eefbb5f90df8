"""What people do with a queue, whatever faces they come by."""

from __future__ import annotations

import asyncio

from tests.support.scenario import Scenario, refused


async def test_votes_decide_the_order(scenario: Scenario) -> None:
    async with scenario as (anna, ben, host, everyone):
        await anna.adds("x", "y", "z")
        await everyone.sees("x", "y", "z")
        await ben.votes("z", +1)
        await everyone.sees("z", "x", "y", z=1)
        await host.votes("x", -1)
        await everyone.sees("z", "y", "x", x=-1)
        await ben.votes("y", +1)
        await anna.votes("y", +1)
        await everyone.sees("y", "z", "x", y=2, z=1, x=-1)


async def test_one_person_is_one_vote(scenario: Scenario) -> None:
    async with scenario as (anna, ben, _, everyone):
        await anna.adds("x")
        for _ in range(3):
            await ben.votes("x", +1)
        await everyone.sees("x", x=1)
        await ben.comes_back()
        await ben.votes("x", +1)
        await everyone.sees("x", x=1)
        await ben.votes("x", -1)
        await everyone.sees("x", x=-1)
        await ben.votes("x", 0)
        await everyone.sees("x", x=0)


async def test_adding_what_waits_is_a_vote_for_it(scenario: Scenario) -> None:
    async with scenario as (anna, ben, host, everyone):
        await anna.adds("x", "y")
        await ben.adds("y")
        await everyone.sees("y", "x", y=1, x=0)
        await host.adds("y")
        await everyone.sees("y", "x", y=2)


async def test_songs_are_played_in_turn_and_remembered(scenario: Scenario) -> None:
    async with scenario as (anna, ben, host, everyone):
        await anna.adds("x", "y")
        await ben.votes("y", +1)
        await host.plays_next()
        await everyone.hears("y")
        await everyone.sees("x")
        await host.plays_next()
        await everyone.hears("x", "y")
        await everyone.sees()
        await host.plays_next()
        await everyone.hears(None, "y", "x")
        with refused("queue_empty"):
            await host.plays_next()


async def test_votes_die_with_the_song(scenario: Scenario) -> None:
    async with scenario as (anna, ben, host, everyone):
        await anna.adds("x")
        await ben.votes("x", +1)
        await host.plays_next()
        await anna.adds("x")
        await everyone.sees("x", x=0)
        with refused("no_such_song"):
            await ben.votes("y", +1)


async def test_guests_remove_what_is_theirs_and_hosts_anything(scenario: Scenario) -> None:
    async with scenario as (anna, ben, host, everyone):
        await anna.adds("x", "y", "z")
        with refused("forbidden"):
            await ben.removes("x")
        await everyone.sees("x", "y", "z")
        await anna.removes("x")
        await host.removes("y")
        await everyone.sees("z")
        await anna.comes_back()
        await anna.removes("z")
        await everyone.sees()


async def test_guests_do_not_do_the_hosts_work(scenario: Scenario) -> None:
    async with scenario as (anna, ben, host, everyone):
        await anna.adds("x")
        for guest in (anna, ben):
            with refused("forbidden"):
                await guest.plays_next()
            with refused("forbidden"):
                await guest.clears()
        await everyone.sees("x")
        await everyone.hears(None)
        await host.clears()
        await everyone.sees()


async def test_hands_that_do_the_same_at_the_same_time(scenario: Scenario) -> None:
    async with scenario as (anna, ben, host, everyone):
        hands = (anna, ben, host)
        await asyncio.gather(*[hand.adds("x", "y", "z") for hand in hands])
        for hand in hands:
            await asyncio.gather(*[hand.votes(song_id, 0) for song_id in "xyz"])
        await asyncio.gather(
            *[hand.votes("y", +1) for hand in hands], *[hand.votes("z", -1) for hand in hands]
        )
        await everyone.sees("y", "x", "z", x=0, y=3, z=-3)
