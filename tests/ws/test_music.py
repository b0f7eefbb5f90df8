"""The music clock from outside: it starts, advances, passes what cannot be played, and heeds who counts as a player."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.servers import Server
from tests.support.talk import RoomKey, Talk, library, new_room, song


def stage(server: Server, room: RoomKey, **more: Any) -> Talk:
    """A stage: a player with host rights."""
    return Talk(server, room.code, host=room.host_token, player=True, **more)


async def starts(talk: Talk, song_id: str) -> dict[str, Any]:
    """Wait until this song plays and is not paused."""

    def so() -> bool:
        playing = talk.model.playing
        return playing is not None and playing["song"]["id"] == song_id and playing["paused_at"] is None

    await talk.until(so)
    assert talk.model.playing is not None
    return talk.model.playing


async def test_with_a_stage_the_first_song_starts_by_itself_and_the_next_follow(
    house: Server, room: RoomKey
) -> None:
    async with Talk(house, room.code) as guest:
        await guest.do("add", song=song("x", 0.8))
        await guest.do("add", song=song("y", 0.3))
        await asyncio.sleep(0.2)  # time in which it must not start
        await guest.settle()
        assert guest.model.playing is None
        async with stage(house, room):
            first = await starts(guest, "x")
            second = await starts(guest, "y")
            assert second["play"] == first["play"] + 1
            lasted = second["started_at"] - first["started_at"]
            assert 800 <= lasted < 3_000
            await guest.until(lambda: guest.model.playing is None)
            assert [play["song"]["id"] for play in guest.model.history] == ["y", "x"]
            await guest.do("add", song=song("z", 100))
            await starts(guest, "z")


async def test_a_player_that_reports_the_end_is_first(house: Server, room: RoomKey) -> None:
    async with stage(house, room) as player, stage(house, room) as other:
        await player.do("add", song=song("x", 100))
        await player.do("add", song=song("y", 100))
        play = (await starts(player, "x"))["play"]
        done = await player.do("ended", play=play, reason="end")
        assert done["result"]["playing"]["song"]["id"] == "y"
        await other.refused("ended", "stale", play=play, reason="end")
        await starts(other, "y")


async def test_songs_that_cannot_be_played_are_passed(house: Server, room: RoomKey) -> None:
    async with stage(house, room) as player:
        for id_ in ("a", "b", "good"):
            await player.do("add", song=song(id_, 100))
        for id_ in ("a", "b"):
            playing = await starts(player, id_)
            await player.do("ended", play=playing["play"], reason="error")
        await starts(player, "good")
        assert [play["song"]["id"] for play in player.model.history] == ["b", "a"]


async def test_a_guests_player_counts_only_if_the_room_says_so(house: Server, room: RoomKey) -> None:
    async with Talk(house, room.code, player=True) as speaker:
        await speaker.do("add", song=song("x", 100))
        await asyncio.sleep(0.2)  # time in which it must not start
        await speaker.settle()
        assert speaker.model.playing is None
        await speaker.refused("ended", "forbidden", play=1, reason="end")
        async with Talk(house, room.code, host=room.host_token) as host:
            await host.do("settings", clock="anyone")
            playing = await starts(speaker, "x")
            await speaker.do("ended", play=playing["play"], reason="end")
            await host.until(lambda: host.model.playing is None)


async def test_without_a_player_a_song_starts_paused_and_resumes_with_one(
    house: Server, room: RoomKey
) -> None:
    async with Talk(house, room.code, host=room.host_token) as host:
        await host.do("add", song=song("x", 100))
        await host.do("play_next")
        playing = host.model.playing or {}
        assert (playing["position"], playing["paused_by"]) == (0, "auto")
        async with stage(house, room):
            playing = await starts(host, "x")
            assert playing["position"] == 0 and playing["paused_by"] is None


async def test_the_hosts_remote(house: Server, room: RoomKey) -> None:
    async with stage(house, room) as player, Talk(house, room.code, host=room.host_token) as host:
        await host.do("add", song=song("x", 100))
        await starts(host, "x")
        await host.do("seek", position=50_000)
        playing = host.model.playing or {}
        assert playing["position"] == 50_000 and playing["paused_at"] is None
        await host.do("pause")
        paused = dict(host.model.playing or {})
        assert paused["paused_by"] == "host" and paused["paused_at"] >= paused["started_at"]
        at = paused["position"] + paused["paused_at"] - paused["started_at"]
        await host.do("pause")
        assert host.model.playing == paused, "a second pause changes nothing"
        await host.do("resume")
        playing = host.model.playing or {}
        assert (playing["position"], playing["paused_at"], playing["paused_by"]) == (at, None, None)
        await host.do("seek", position=86_000_000)
        assert (host.model.playing or {})["position"] == 100_000, "no further than the end"
        await host.do("volume", value=33)
        await player.until(lambda: player.model.room["volume"] == 33)


async def test_skipping_by_vote(house: Server) -> None:
    room = await asyncio.to_thread(new_room, house, skip_share=0.5, skip_minimum=2)
    async with (
        stage(house, room) as player,
        Talk(house, room.code) as anna,
        Talk(house, room.code) as ben,
    ):
        await player.do("add", song=song("x", 100))
        await player.do("add", song=song("y", 100))
        await starts(anna, "x")
        await anna.until(lambda: anna.here is not None and anna.here["members"] == 3)
        assert (await anna.do("skip", want=True))["result"]["skipped"] is False
        assert (await anna.do("skip", want=False))["result"]["skipped"] is False
        assert (await ben.do("skip", want=True))["result"]["skipped"] is False
        assert (await ben.do("skip", want=True))["result"]["skipped"] is False, "one person is one vote"
        assert (await anna.do("skip", want=True))["result"]["skipped"] is True
        await starts(ben, "y")


async def test_autofill_breaks_the_silence(house: Server) -> None:
    room = await asyncio.to_thread(new_room, house, autofill=True)
    known = {entry["id"] for entry in await asyncio.to_thread(library, house)}
    async with stage(house, room) as player:
        await player.until(lambda: player.model.playing is not None)
        first = (player.model.playing or {})["song"]["id"]
        assert first in known
        await player.until(lambda: bool(player.model.history) and player.model.playing is not None)
        assert (player.model.playing or {})["song"]["id"] != first


@pytest.mark.parametrize("codec", ["json", "msgpack"])
async def test_here_tells_who_is_here(house: Server, room: RoomKey, codec: str) -> None:
    async with Talk(house, room.code, codec=codec, name="Anna") as anna:
        await anna.until(lambda: anna.here is not None and anna.here["members"] == 1)
        async with (
            stage(house, room, name="The stage") as player,
            Talk(house, room.code, token=anna.token),
            Talk(house, room.code, name="Ben"),
        ):
            await anna.until(lambda: anna.here is not None and anna.here["members"] == 3)
            await player.until(lambda: player.here is not None and player.here["members"] == 3)
            assert anna.here is not None and anna.here["players"] == 1
            assert sorted(anna.here["names"]) == ["Anna", "Ben", "The stage"]
        await anna.until(lambda: anna.here is not None and anna.here["members"] == 1)
        assert (anna.here["players"], anna.here["names"]) == (0, ["Anna"])
