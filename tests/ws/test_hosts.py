"""Host rights and settings: how they are gained, that they stay, and what each setting does to a room."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.servers import Server
from tests.support.talk import RoomKey, Talk, new_room, song


async def test_a_host_token_makes_a_host_for_good_in_that_room(house: Server, room: RoomKey) -> None:
    other = await asyncio.to_thread(new_room, house)
    async with Talk(house, room.code, host=room.host_token, name="Anna") as anna:
        assert anna.you["role"] == "host"
        await anna.do("settings", name="Anna's party")
    async with Talk(house, room.code, token=anna.token) as again:  # without the host token
        assert again.you["role"] == "host" and again.you["id"] == anna.you["id"]
        await again.do("settings", name="Still Anna's party")
    async with Talk(house, other.code, token=anna.token) as elsewhere:
        assert elsewhere.you["role"] == "guest"
        await elsewhere.refused("settings", "forbidden", name="Not Anna's party")
    async with Talk(house, room.code) as guest:
        assert guest.you["role"] == "guest"


async def test_host_rights_reach_the_members_other_connections(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code) as phone:
        await phone.refused("clear", "forbidden")
        async with Talk(house, room.code, token=phone.token, host=room.host_token):
            await phone.do("clear")


async def test_a_host_makes_another_member_a_host(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code, host=room.host_token) as host, Talk(house, room.code) as guest:
        await guest.refused("promote", "forbidden", member=guest.you["id"])
        await host.do("promote", member=guest.you["id"])
        await guest.until(lambda: guest.you["role"] == "host")
        await guest.do("clear")


async def test_a_guest_who_was_sent_away_stays_away_until_they_may_come_back(
    house: Server, room: RoomKey
) -> None:
    async with Talk(house, room.code, host=room.host_token) as host:
        guest = await Talk(house, room.code).open()
        await guest.do("add", song=song("x"))
        await host.do("ban", member=guest.you["id"])
        assert (await guest.closed()).code == 4403
        await host.sees()
        again = await Talk(house, room.code, greet=False).open()
        await again.send(t="hello", token=guest.token)
        assert (await again.closed()).code == 4403
        await host.refused("ban", "forbidden", member=host.you["id"])
        await host.do("unban", member=guest.you["id"])
        async with Talk(house, room.code, token=guest.token) as back:
            await back.do("add", song=song("y"))


async def test_with_open_everybody_is_a_host(open_server: Server) -> None:
    async with Talk(open_server) as anybody:
        assert anybody.you["role"] == "host"
        await anybody.do("settings", name=anybody.model.room["name"])


async def test_the_cookie_says_who_a_browser_is(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code, name="Anna") as anna:
        browser = Talk(house, room.code, greet=False)
        await browser.open({"Cookie": f"other=1; crowdcue={anna.token}"})
        await browser.say_hello()
        assert browser.you == anna.you
        await browser.leave()
        bot = Talk(house, room.code, greet=False)
        await bot.open({"Cookie": f"crowdcue={anna.token}"})
        async with Talk(house, room.code, name="Ben") as ben:
            await bot.say_hello(token=ben.token)
            assert bot.you == ben.you, "the hello's own token goes before the cookie"
        await bot.leave()


SETTINGS: list[dict[str, Any]] = [
    {"name": "Silvester 🎆"},
    {"policy": "fair"},
    {"policy": "first_come"},
    {"songs_per_guest": 3},
    {"cooldown": 3600},
    {"downvotes": False},
    {"skip_share": 0.25},
    {"skip_minimum": 5},
    {"longest": 600},
    {"library_only": True},
    {"clock": "anyone"},
    {"autofill": True},
    {"policy": "votes", "downvotes": True, "name": "All at once"},
]


@pytest.mark.parametrize("codec", ["json", "msgpack"])
async def test_each_setting_is_set_and_told_to_all(house: Server, room: RoomKey, codec: str) -> None:
    async with (
        Talk(house, room.code, codec=codec, host=room.host_token) as host,
        Talk(house, room.code) as guest,
    ):
        for changes in SETTINGS:
            await host.ask("settings", None, **changes)
            patch = await guest.expect("patch")
            assert patch["room"].items() <= changes.items(), "only what changed"
            for name, value in changes.items():
                assert guest.model.room[name] == value
                assert type(guest.model.room[name]) is type(value)
        async with Talk(house, room.code) as new:
            assert new.model.room == guest.model.room


async def test_settings_that_change_nothing_make_no_version(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code, host=room.host_token) as host:
        before = host.version
        done = await host.do("settings", policy="votes", cooldown=0)
        assert done["seq"] == before[0], "the last version there was"
        await host.do("settings")
        await host.settle()
        assert host.version == before


async def test_policies(house: Server, room: RoomKey) -> None:
    async with (
        Talk(house, room.code, host=room.host_token) as anna,
        Talk(house, room.code) as ben,
        Talk(house, room.code) as eve,
    ):
        for id_ in ("a1", "a2", "a3"):
            await anna.do("add", song=song(id_))
        for id_ in ("b1", "b2"):
            await ben.do("add", song=song(id_))
        await eve.do("vote", song_id="a3", value=1)
        await eve.do("vote", song_id="a1", value=-1)
        await eve.sees("a3", "a2", "b1", "b2", "a1")
        await anna.do("settings", policy="first_come")
        await eve.sees("a1", "a2", "a3", "b1", "b2")
        await anna.do("settings", policy="fair")
        await eve.sees("b1", "a1", "a2", "b2", "a3")  # one of each in turn, votes within the turn
        await anna.do("settings", policy="votes")
        await eve.sees("a3", "a2", "b1", "b2", "a1")


async def test_without_downvotes_those_given_are_taken_back(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code, host=room.host_token) as host, Talk(house, room.code) as guest:
        await host.do("add", song=song("x"))
        await guest.do("vote", song_id="x", value=-1)
        await host.do("settings", downvotes=False)
        await guest.until(lambda: guest.item("x")["down"] == 0 and guest.model.mine == {})
        assert any(message == {"t": "mine", "votes": {}, "all": True} for message in guest.recent)
