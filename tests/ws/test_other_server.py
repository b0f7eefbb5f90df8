"""The faces on another ASGI server, Hypercorn: no extension, plain sends, the same party."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config

from crowdcue.faces import app, websocket
from crowdcue.faces.frames import QueueSink
from crowdcue.log.memory import MemoryLog
from tests.rest.party import Party, party_over
from tests.support.servers import Server
from tests.support.talk import Talk, both_act, new_room


@contextlib.asynccontextmanager
async def on_hypercorn(party: Party) -> AsyncIterator[Server]:
    """The party's application on Hypercorn; yields where it is, in the shape that `Talk` wants."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config, over = Config(), asyncio.Event()
    config.bind = [f"127.0.0.1:{port}"]
    config.errorlog = None
    serving = asyncio.create_task(
        serve(cast("Any", app.build(party.context)), config, shutdown_trigger=cast("Any", over.wait))
    )
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            await asyncio.sleep(0.02)
    url = f"127.0.0.1:{port}"
    try:
        yield cast("Server", SimpleNamespace(url=f"http://{url}", ws_url=f"ws://{url}"))
    finally:
        over.set()
        await serving


async def test_a_party_on_another_asgi_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sinks: list[object] = []
    real = websocket.Conversation._join

    async def join(self: websocket.Conversation, effect: Any) -> None:
        sinks.append(self._sink)
        await real(self, effect)

    monkeypatch.setattr(websocket.Conversation, "_join", join)
    (tmp_path / "music").mkdir()
    async with (
        party_over(MemoryLog(), tmp_path, tmp_path / "music", open_party=True) as party,
        on_hypercorn(party) as server,
    ):
        room = await asyncio.to_thread(new_room, server)
        async with Talk(server, room.code) as anna, Talk(server, room.code, codec="msgpack") as ben:
            await both_act(anna, ben, 30)
            assert anna.model.items == ben.model.items
            async with Talk(server, room.code) as carla:
                assert carla.model.items == anna.model.items, "patches add up to a fresh state"
        stranger = await Talk(server, "NOSUCH", greet=False).open()
        assert (await stranger.closed()).code == 4404
    assert len(sinks) == 3 and all(isinstance(sink, QueueSink) for sink in sinks)
