"""What takes ten seconds by the contract, all at the same time: silence before hello, a lost stage, a stuck reader."""

from __future__ import annotations

import asyncio
import socket

from websockets.asyncio.client import connect

from tests.support.servers import Server
from tests.support.talk import Talk, new_room, song


async def silent_clients_are_closed(server: Server) -> None:
    """4408, and nobody else is held up."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    silent = [await Talk(server, greet=False).open() for _ in range(3)]
    closed = await asyncio.gather(*[talk.closed(30) for talk in silent])
    assert [one.code for one in closed] == [4408] * 3
    assert 9 < loop.time() - began < 20


async def music_pauses_without_a_stage_and_goes_on_with_one(server: Server) -> None:
    """The last player that counts has been gone for 10 s: pause; one is back: resume, where it was."""
    room = await asyncio.to_thread(new_room, server)
    loop = asyncio.get_running_loop()
    async with Talk(server, room.code) as guest:
        stage = await Talk(server, room.code, host=room.host_token, player=True).open()
        await guest.do("add", song=song("x", 300))
        await guest.until(
            lambda: guest.model.playing is not None and guest.model.playing["paused_at"] is None
        )
        stage.vanish()
        left = loop.time()
        await guest.until(lambda: (guest.model.playing or {})["paused_by"] == "auto", 30)
        assert 9 < loop.time() - left < 20
        paused = dict(guest.model.playing or {})
        stage = await Talk(server, room.code, host=room.host_token, player=True).open()
        await guest.until(lambda: (guest.model.playing or {})["paused_at"] is None)
        playing = dict(guest.model.playing or {})
        assert playing["play"] == paused["play"] == 1
        assert playing["position"] == paused["position"] + paused["paused_at"] - paused["started_at"]
        # A pause by a host stays, whoever comes and goes.
        await stage.do("pause")
        await stage.leave()
        async with Talk(server, room.code, host=room.host_token, player=True) as again:
            await asyncio.sleep(0.3)  # time in which it must not resume
            await again.settle()
            assert (again.model.playing or {})["paused_by"] == "host"


async def a_stuck_reader_is_cut_off_while_others_go_on(server: Server) -> None:
    """One who never reads costs the server no more than its bounds, and is gone within seconds."""
    room = await asyncio.to_thread(new_room, server)
    narrow = socket.create_connection(("127.0.0.1", server.port))
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    loop = asyncio.get_running_loop()
    async with (
        Talk(server, room.code, codec="msgpack") as anna,
        connect(f"{server.ws_url}/ws/{room.code}", sock=narrow, max_queue=1, ping_interval=None) as stuck,
    ):
        await stuck.send('{"t": "hello"}')
        await stuck.recv()
        stuck.transport.pause_reading()
        began = loop.time()
        for wave in range(10):  # of 150 songs, about 700 bytes each
            songs = [song(f"s{wave}-{n}", album="a" * 200, uri="u" * 400) for n in range(150)]
            ids = [await anna.ask("add", song=one) for one in songs]
            assert {answer["t"] for answer in await anna.answers(ids)} == {"done"}
        await anna.until(lambda: len(anna.model.items) == 1_500)
        assert loop.time() - began < 15, "others go on"
        while anna.here is None or anna.here["members"] > 1:
            await anna.receive(30)  # who is here is told when it changes
        assert loop.time() - began < 25, "within 12 s or so, with room for a busy machine"
        stuck.transport.abort()


async def test_what_takes_ten_seconds(house: Server, open_server: Server) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(silent_clients_are_closed(house))
        tasks.create_task(music_pauses_without_a_stage_and_goes_on_with_one(house))
        tasks.create_task(a_stuck_reader_is_cut_off_while_others_go_on(open_server))
