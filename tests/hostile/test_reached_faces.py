"""Bounds of the faces and of the operator's files that were not reached elsewhere, each reached."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from starlette.requests import Request

from crowdcue import session
from crowdcue.admin import doctor, lines, transfer
from crowdcue.faces import frames, http, media, rpc, websocket
from crowdcue.faces import queue_pb2 as pb
from crowdcue.log.memory import MemoryLog
from crowdcue.node import BadSetting
from crowdcue.room.forms import BadForm
from tests.ops.test_commands import as_lines, read
from tests.rest.party import Party, party_over, song
from tests.support.story import Story


@pytest.fixture
async def party(tmp_path: Path) -> AsyncIterator[Party]:
    """The HTTP faces in this process."""
    (tmp_path / "music").mkdir()
    async with party_over(MemoryLog(), tmp_path, tmp_path / "music", open_party=True) as made:
        yield made


async def test_a_peer_that_acknowledges_nothing_is_gone() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    frames.tune(writer.transport)
    sock = writer.get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == frames.USER_TIMEOUT
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(("length", "stays"), [(http.MAX_DISCARD, True), (http.MAX_DISCARD + 1, False)])
async def test_the_rest_of_a_refused_body_is_read_up_to_a_length(length: int, stays: bool) -> None:
    headers = [(b"content-length", str(length).encode())]
    with pytest.raises(http.Problem) as refused:
        await http.read_body(Request({"type": "http", "method": "POST", "headers": headers}), http.MAX_BODY)
    assert refused.value.refused.code == "too_large"
    assert (refused.value.headers or {}).get("Connection") == (None if stays else "close")


async def test_a_search_finds_so_much(party: Party) -> None:
    caller = party.member("Anna")
    assert (await caller.get("/api/search", params={"limit": media.SEARCH_MOST})).status_code == 200
    assert (await caller.get("/api/search", params={"limit": media.SEARCH_MOST + 1})).status_code == 400


async def test_a_client_that_never_says_hello_is_sent_away(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert session.HELLO_TIMEOUT == 10, "as the protocol says"
    monkeypatch.setattr(websocket, "HELLO_TIMEOUT", 0.05)
    sent: list[Any] = []
    came = iter([{"type": "websocket.connect"}])

    async def receive() -> Any:
        return next(came, None) or await asyncio.sleep(60, {"type": "websocket.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/ws/MAIN", "client": ("10.0.0.1", 1), "headers": []}
    async with asyncio.timeout(5):
        await websocket.app(party.context)({**scope, "subprotocols": [], "query_string": b""}, receive, send)
    assert sent[-1]["code"] == session.NO_HELLO


# gRPC


@pytest.fixture
async def channel(party: Party, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a server with small bounds."""
    monkeypatch.setattr(rpc, "HISTORY", 3)
    monkeypatch.setattr(rpc, "MAX_REQUESTS", 2)
    server = await rpc.serve(party.context, "127.0.0.1:0", [])
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as made:
        yield made
    await server.stop()


def method(channel: grpc.aio.Channel, name: str, answer: Any) -> Any:
    return channel.unary_unary(
        f"/queue.QueueService/{name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString,
    )


async def test_a_history_over_grpc_is_one_message(party: Party, channel: grpc.aio.Channel) -> None:
    host = await party.host()
    for number in range(5):
        await host.post("/add_track", json=song(f"s{number}"))
        await host.post("/play_next")
    found = await method(channel, "GetHistory", pb.QueueList)(pb.Empty())
    assert [track.id for track in found.queue] == ["s1", "s2", "s3", "s4"], "three, and what plays"


async def test_a_message_over_grpc_has_so_many_bytes(channel: grpc.aio.Channel) -> None:
    ask = method(channel, "GetMetadata", pb.Track)
    await ask(pb.TrackId(id="x" * (rpc.MAX_MESSAGE - 100)))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(pb.TrackId(id="x" * (rpc.MAX_MESSAGE + 1)))
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_requests_over_grpc_are_so_many_at_once(channel: grpc.aio.Channel) -> None:
    watch = channel.unary_stream("/queue.QueueService/Watch")
    streams = [watch(b"") for _ in range(rpc.MAX_REQUESTS)]
    for stream in streams:
        await stream.read()
    ask = method(channel, "GetQueue", pb.QueueList)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(pb.Empty(), timeout=1)
    assert refused.value.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED)
    streams[0].cancel()
    async with asyncio.timeout(10):
        while True:
            try:
                await ask(pb.Empty(), timeout=1)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)  # the server has not heard of it yet
            else:
                break


# The operator's files


def test_a_folder_is_looked_through_up_to_so_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        (tmp_path / f"{number}.mp3").touch()
    monkeypatch.setattr(doctor, "MOST_FILES", 5)
    assert doctor._count_songs(tmp_path) == doctor.MOST_FILES


def test_so_many_plays_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story()
    story.adds("anna", *"abcdef")
    for _ in range(6):
        story.next()
    written = as_lines(story)
    plays = sum("play" in line for line in written)
    assert plays > 3
    monkeypatch.setattr(lines, "MAX_PLAYS", plays)
    read(written)
    monkeypatch.setattr(lines, "MAX_PLAYS", plays - 1)
    with pytest.raises(BadForm, match="more than"):
        read(written)


def test_a_line_of_a_file_has_so_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MAX_LINE", 1_000)
    path = tmp_path / "party"
    path.write_bytes(b'"' + b"x" * 998 + b'"\n')
    with pytest.raises(BadSetting, match="line 1: the line is too long"):
        transfer.read_file(path)
