"""Webhooks: what is told of a change, and that a receiver that fails or dawdles misses nothing and costs nothing."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from crowdcue.client import Change, Party, webhook
from crowdcue.client.view import Snapshot
from tests.support.servers import Server, clean_environment
from tests.support.talk import new_room, song


def item(name: str, up: int = 0) -> dict[str, Any]:
    return {**song(name), "up": up, "down": 0, "score": up, "key": name}


def snapshot(seq: int = 1, **more: Any) -> Snapshot:
    return Snapshot(seq, "m", {"code": "MAIN", "name": "House"}, **more)


def told(before: Snapshot, after: Snapshot) -> list[tuple[str, str | None]]:
    found = webhook.message(Change(before, after))
    events = [] if found is None else found["events"]
    return [(event["event"], event["song"]["id"] if "song" in event else None) for event in events]


def play(name: str, number: int, paused_at: int | None = None) -> dict[str, Any]:
    return {"song": song(name), "play": number, "paused_at": paused_at}


def test_what_is_told() -> None:
    empty = snapshot()
    assert told(empty, snapshot(2, queue=(item("a"),))) == [("added", "a")]
    assert told(snapshot(queue=(item("a"),)), snapshot(2, queue=(item("a", 1),))) == [("voted", "a")]
    assert told(snapshot(queue=(item("a"),)), empty) == [("removed", "a")]
    assert told(empty, snapshot(2)) == [] and told(empty, snapshot(2, here={"members": 3})) == []
    playing = snapshot(playing=play("a", 1), queue=(item("b"),))
    after = snapshot(2, playing=play("b", 2), history=(play("a", 1),))
    assert told(playing, after) == [("finished", "a"), ("started", "b")]
    paused = snapshot(3, playing=play("a", 1, 5), queue=(item("b"),))
    assert told(playing, paused) == [("paused", None)] and told(paused, playing) == [("resumed", None)]
    assert told(paused, snapshot(4, queue=(item("b"),))) == [("stopped", None)]


def test_the_message_shows_the_queue_and_no_more_than_a_screenful() -> None:
    found = webhook.message(Change(snapshot(), snapshot(7, queue=tuple(item(str(n)) for n in range(30)))))
    assert found is not None and len(found["queue"]) == webhook.SHOWN and len(found["events"]) == 30
    assert found["version"] == [7, "m"] and found["room"] == {"code": "MAIN", "name": "House"}


class Receiver(ThreadingHTTPServer):
    """Keeps what it takes; answers with the statuses of `script` first, then 204."""

    def __init__(self, *script: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = list(script)
        self.taken: list[dict[str, Any]] = []
        self.signatures: list[tuple[str | None, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    def events(self) -> list[tuple[str, str | None]]:
        return [
            (e["event"], e["song"]["id"] if "song" in e else None) for m in self.taken for e in m["events"]
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.script.pop(0) if self.server.script else 204
        if status == 204:
            self.server.taken.append(json.loads(body))
            self.server.signatures.append((self.headers["X-Crowdcue-Signature"], body))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def receiving(*script: int) -> Iterator[Receiver]:
    receiver = Receiver(*script)
    thread = threading.Thread(target=receiver.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("hooks") / "data", open_party=False) as running:
        yield running


async def until_told(receiver: Receiver, *events: tuple[str, str]) -> None:
    async with asyncio.timeout(20):
        while receiver.events() != list(events):
            await asyncio.sleep(0.02)


async def test_a_receiver_that_fails_for_a_while_misses_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "FIRST_PAUSE", 0.05)
    room = await asyncio.to_thread(new_room, server)
    with receiving(503, 429, 503) as receiver:
        async with Party(server.url, room.code, name="Anna") as party:
            relay = asyncio.create_task(webhook.relay(party, webhook.Target(receiver.url, "key", 0.01)))
            await asyncio.sleep(0)  # it looks from here on
            for name in ("a", "b", "c"):
                await party.add(song(name))
            await until_told(receiver, ("added", "a"), ("added", "b"), ("added", "c"))
            relay.cancel()
    for given, body in receiver.signatures:
        assert given == webhook.signature("key", body)
    assert webhook.signature("other key", receiver.signatures[0][1]) != receiver.signatures[0][0]


@pytest.mark.parametrize("status", [400, 302])
async def test_what_a_receiver_refuses_for_good_is_not_sent_again(server: Server, status: int) -> None:
    room = await asyncio.to_thread(new_room, server)
    with receiving(status) as receiver:
        async with Party(server.url, room.code, name="Anna") as party:
            relay = asyncio.create_task(webhook.relay(party, webhook.Target(receiver.url, every=0.01)))
            await asyncio.sleep(0)
            await party.add(song("a"))
            async with asyncio.timeout(20):
                while receiver.script:
                    await asyncio.sleep(0.02)
            await party.add(song("b"))
            await until_told(receiver, ("added", "b"))
            relay.cancel()
    assert receiver.signatures[0][0] is None, "no key, no signature"


async def test_the_command(server: Server, tmp_path: Path) -> None:
    room = await asyncio.to_thread(new_room, server)
    with receiving() as receiver:
        relay = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "crowdcue", "webhook", server.url, room.code, receiver.url,
            env={**clean_environment(), "CROWDCUE_WEBHOOK_KEY": "from the environment"}, cwd=tmp_path,
        )  # fmt: skip
        try:
            async with Party(server.url, room.code, name="Anna") as party, asyncio.timeout(20):
                changes = party.changes()
                while party.here.get("members") != 2:  # the relay is there
                    await anext(changes)
                await party.add(song("a"))
                await until_told(receiver, ("added", "a"))
        finally:
            relay.terminate()
            await relay.wait()
    given, body = receiver.signatures[0]
    assert given == webhook.signature("from the environment", body)
