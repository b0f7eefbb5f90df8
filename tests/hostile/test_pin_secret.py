"""A room's PIN is found nowhere: in no frame, answer, document, metric, log line, export or file of the server."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import grpc
import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from crowdcue.admin.transfer import export
from crowdcue.faces import queue_pb2 as pb
from crowdcue.node import Options
from tests.support.servers import Server, crowdcue
from tests.support.talk import Talk, new_room, song

#: Nothing else looks like them, in text or in bytes.
FIRST, SECOND, WRONG = "739155280463", "604418829357", "918273645546"
PINS = (FIRST, SECOND, WRONG)


class Overhearing(Talk):
    """A client that keeps every frame as it came."""

    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)  # type: ignore[arg-type]
        self.frames: list[bytes] = []

    def decode(self, frame: str | bytes) -> dict[str, object]:
        """Keep it."""
        self.frames.append(frame.encode() if isinstance(frame, str) else frame)
        return super().decode(frame)


def nowhere(data: bytes, where: str) -> None:
    """Fail if one of the PINs is in the data."""
    for pin in PINS:
        assert pin.encode() not in data, f"the PIN is in {where}"


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_the_pin_is_nowhere(tmp_path: Path, log_format: str) -> None:
    server = Server(tmp_path / "data", "--log-format", log_format, open_party=False)
    await asyncio.to_thread(server.start)
    room = new_room(server, pin=FIRST)
    frames: list[bytes] = []
    for codec in ("json", "msgpack"):
        host = await Overhearing(server, room.code, codec=codec, host=room.host_token).open()
        guest = await Overhearing(server, room.code, codec=codec, pin=SECOND if frames else FIRST).open()
        for pin in (FIRST, SECOND, None, SECOND, FIRST, SECOND):
            await host.do("settings", pin=pin)
        await host.refused("settings", "bad_request", pin=WRONG + "0")
        await host.do("add", song=song("x" + codec))
        with contextlib.suppress(ConnectionClosed):
            while True:
                await guest.receive()
        late = await Overhearing(server, room.code, codec=codec, pin=WRONG, greet=False).open()
        await late.send(t="hello", pin=WRONG)
        closed = await late.closed()
        frames += [*host.frames, *guest.frames, *late.frames, closed.reason.encode()]
        await host.leave()
    assert len(frames) > 20
    nowhere(b"\n".join(frames), "a frame")

    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as web:
        for path in ("queue", "history", "metadata/xjson", "invite", "qr.svg", "host-link"):
            for pin in (WRONG, SECOND, ""):
                answer = await web.get(f"/api/rooms/{room.code}/{path}", headers={"X-Crowdcue-Pin": pin})
                nowhere(f"{answer.headers}".encode() + answer.content, path)
        made = await web.post("/api/rooms", json={"settings": {"pin": WRONG + "0"}})
        nowhere(made.content, "a refusal")
        for path in ("/metrics", "/health/ready", f"/r/{room.code}", f"/r/{room.code}/stage"):
            answer = await web.get(path)
            nowhere(f"{answer.headers}".encode() + answer.content, path)
        cookies = "".join(f"{cookie.value}" for cookie in web.cookies.jar)
        nowhere(cookies.encode(), "a cookie")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        watch = channel.unary_stream(
            "/queue.QueueService/Watch",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=lambda data: data,
        )
        metadata = (("room", room.code), ("x-crowdcue-pin", SECOND))
        nowhere(await watch(pb.Empty(), metadata=metadata).read(), "a stream")

    await export(Options(data=server.data), room.code, tmp_path / "out.jsonl")
    exported = (tmp_path / "out.jsonl").read_bytes()
    assert b'"pin":true' in exported, "that there is one is no secret"
    nowhere(exported, "an export")
    backup = crowdcue("backup", "--data", str(server.data), str(tmp_path / "backup.sqlite3"))
    assert backup.returncode == 0, backup.stderr
    await asyncio.to_thread(server.stop)
    nowhere(server.log.encode(), "the log")
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.name == "rooms.sqlite3" for file in files)
    for file in files:
        nowhere(file.read_bytes(), file.name)


def test_the_search_can_find_one() -> None:
    with pytest.raises(AssertionError, match="in a frame"):
        nowhere(b'{"pin": "' + FIRST.encode() + b'"}', "a frame")
