"""The gRPC face on a real server, driven as a stranger would: from the service description alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from crowdcue.faces import queue_pb2 as pb
from tests.support.servers import Server

Metadata = tuple[tuple[str, str], ...]


class Client:
    """One caller: a channel, and the metadata that it sends with every call."""

    def __init__(self, channel: grpc.aio.Channel, *metadata: tuple[str, str]) -> None:
        self.channel = channel
        self.metadata = metadata

    def call(self, name: str, request: Any, answer: Any, *more: tuple[str, str]) -> Any:
        method = self.channel.unary_unary(
            f"/queue.QueueService/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return method(request, metadata=self.metadata + more, timeout=10)

    async def add(self, song_id: str, *more: tuple[str, str]) -> list[str]:
        track = pb.Track(id=song_id, title=f"Title {song_id}", artist="Artist", duration=180)
        return [t.id for t in (await self.call("AddTrack", track, pb.QueueResponse, *more)).queue]

    async def vote(self, song_id: str, up: bool = True) -> dict[str, int]:
        answer = await self.call("VoteTrack", pb.VoteRequest(id=song_id, up=up), pb.QueueResponse)
        return {track.id: track.votes for track in answer.queue}

    async def queue(self) -> list[str]:
        return [track.id for track in (await self.call("GetQueue", pb.Empty(), pb.QueueList)).queue]

    def watch(self) -> Any:
        method = self.channel.unary_stream(
            "/queue.QueueService/Watch",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=pb.Update.FromString,
        )
        return method(pb.Empty(), metadata=self.metadata)


async def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    """The status and the stable code that a call fails with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    trailing = dict(caught.value.trailing_metadata() or ())
    return caught.value.code(), str(trailing.get("code"))


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("open")) as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("closed"), open_party=False) as server:
        yield server


@pytest_asyncio.fixture
async def client(open_server: Server) -> AsyncIterator[Client]:
    """A caller in a room of its own on the open server."""
    async with httpx.AsyncClient(base_url=open_server.url) as http:
        code = (await http.post("/api/rooms", json={"name": "rpc"})).json()["code"]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{open_server.grpc_port}") as channel:
        yield Client(channel, ("room", code))


@pytest_asyncio.fixture
async def guest(server: Server) -> AsyncIterator[Client]:
    """A caller without rights in the house party of the closed server."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield Client(channel)


async def test_the_queue_from_adding_to_history(client: Client) -> None:
    assert await client.add("a") == ["a"]
    assert await client.add("b") == ["a", "b"]
    assert await client.vote("b") == {"b": 1, "a": 0}
    assert await client.vote("b") == {"b": 1, "a": 0}, "a vote is -1, 0 or +1"
    assert await client.vote("b", up=False) == {"a": 0, "b": 0}
    assert await client.vote("b", up=False) == {"a": 0, "b": -1}
    removed = await client.call("RemoveTrack", pb.TrackId(id="b"), pb.QueueResponse)
    assert [track.id for track in removed.queue] == ["a"]
    playing = await client.call("PlayNext", pb.Empty(), pb.Track)
    assert (playing.id, playing.title, playing.duration) == ("a", "Title a", 180)
    assert await client.call("PlayNext", pb.Empty(), pb.Track) == pb.Track(), "the queue ran dry"
    assert await client.call("PlayNext", pb.Empty(), pb.Track) == pb.Track(), "nothing to play"
    history = await client.call("GetHistory", pb.Empty(), pb.QueueList)
    assert [track.id for track in history.queue] == ["a"]


async def test_history_ends_with_what_plays(client: Client) -> None:
    for song_id in ("a", "b"):
        await client.add(song_id)
        await client.call("PlayNext", pb.Empty(), pb.Track)
    history = await client.call("GetHistory", pb.Empty(), pb.QueueList)
    assert [track.id for track in history.queue] == ["a", "b"]


async def test_metadata(client: Client) -> None:
    await client.add("a")
    assert (await client.call("GetMetadata", pb.TrackId(id="a"), pb.Track)).title == "Title a"
    assert await client.call("GetMetadata", pb.TrackId(id="nobody"), pb.Track) == pb.Track()
    await client.call("PlayNext", pb.Empty(), pb.Track)
    assert (await client.call("GetMetadata", pb.TrackId(id="a"), pb.Track)).title == "Title a"


async def test_removing_what_is_not_there_changes_nothing(client: Client) -> None:
    await client.add("a")
    answer = await client.call("RemoveTrack", pb.TrackId(id="b"), pb.QueueResponse)
    assert [track.id for track in answer.queue] == ["a"]


async def test_refusals(client: Client) -> None:
    vote = client.call("VoteTrack", pb.VoteRequest(id="nobody", up=True), pb.QueueResponse)
    assert await refusal(vote) == (grpc.StatusCode.NOT_FOUND, "no_such_song")
    for wrong in (
        pb.Track(title="T", artist="A", duration=1),
        pb.Track(id="a/b", title="T", artist="A", duration=1),
        pb.Track(id="a", artist="A", duration=1),
        pb.Track(id="a", title="T\n", artist="A", duration=1),
        pb.Track(id="a", title="T", artist="A"),
        pb.Track(id="a", title="T", artist="A", duration=-5),
        pb.Track(id="a", title="T" * 201, artist="A", duration=5),
    ):
        call = client.call("AddTrack", wrong, pb.QueueResponse)
        assert await refusal(call) == (grpc.StatusCode.INVALID_ARGUMENT, "bad_request"), wrong
    nowhere = Client(client.channel, ("room", "ZZZZZZ"))
    assert await refusal(nowhere.queue()) == (grpc.StatusCode.NOT_FOUND, "no_such_room")
    forged = Client(client.channel, *client.metadata, ("authorization", "Bearer forged"))
    assert await refusal(forged.add("x")) == (grpc.StatusCode.UNAUTHENTICATED, "unauthorised")
    assert await client.queue() == []


async def test_an_idempotency_key_makes_repeating_safe(client: Client) -> None:
    key = ("idempotency-key", "once")
    await client.add("a", key)
    await client.call("PlayNext", pb.Empty(), pb.Track)
    assert await client.add("a", key) == [], "the first answer again, not a second song"


async def test_callers_of_an_open_party_share_their_address(client: Client, open_server: Server) -> None:
    assert await client.add("a") == ["a"]
    assert await client.vote("a") == {"a": 1}
    async with grpc.aio.insecure_channel(f"127.0.0.1:{open_server.grpc_port}") as other:
        assert await Client(other, *client.metadata).vote("a") == {"a": 1}, "the same member votes once"


async def test_guests_get_a_token_and_no_host_rights(guest: Client, server: Server) -> None:
    call = guest.call("AddTrack", pb.Track(id="g", title="T", artist="A", duration=5), pb.QueueResponse)
    token = dict(await call.initial_metadata())["x-crowdcue-token"]
    await call
    assert await refusal(guest.call("PlayNext", pb.Empty(), pb.Track)) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "forbidden",
    )
    stranger = guest.call("RemoveTrack", pb.TrackId(id="g"), pb.QueueResponse)
    assert await refusal(stranger) == (grpc.StatusCode.PERMISSION_DENIED, "forbidden")
    known = Client(guest.channel, ("authorization", f"Bearer {token}"))
    await known.call("RemoveTrack", pb.TrackId(id="g"), pb.QueueResponse)
    assert await guest.queue() == []


async def test_the_host_token_gives_host_rights_for_good(guest: Client, server: Server) -> None:
    call = guest.call("GetQueue", pb.Empty(), pb.QueueList)
    await call
    add = guest.call("AddTrack", pb.Track(id="h", title="T", artist="A", duration=5), pb.QueueResponse)
    token = ("authorization", f"Bearer {dict(await add.initial_metadata())['x-crowdcue-token']}")
    await add
    wrong = guest.call("PlayNext", pb.Empty(), pb.Track, token, ("host", "forged"))
    assert await refusal(wrong) == (grpc.StatusCode.UNAUTHENTICATED, "unauthorised")
    played = await guest.call("PlayNext", pb.Empty(), pb.Track, token, ("host", server.host_token))
    assert played.id == "h"
    assert await guest.call("PlayNext", pb.Empty(), pb.Track, token) == pb.Track()


async def test_watch_tells_the_room_and_then_what_changes(client: Client) -> None:
    await client.add("a")
    stream = client.watch()
    first = await stream.read()
    assert first.whole
    assert [item.id for item in first.set] == ["a"]
    await client.add("b")
    added = await stream.read()
    assert not added.whole
    assert [(item.id, item.title, list(item.key)) for item in added.set] == [("b", "Title b", [0, 2])]
    assert added.seq > first.seq
    await client.vote("b")
    voted = await stream.read()
    assert [(item.id, item.score, list(item.key)) for item in voted.set] == [("b", 1, [-1, 2])]
    assert not voted.set[0].HasField("title"), "only what changed"
    await client.call("PlayNext", pb.Empty(), pb.Track)
    started = await stream.read()
    assert list(started.removed) == ["b"]
    assert started.playing_changed
    assert started.playing.song.id == "b"
    await client.call("PlayNext", pb.Empty(), pb.Track)
    ended = await stream.read()
    assert [played.song.id for played in ended.history] == ["b"]
    stream.cancel()


async def test_health_and_reflection(client: Client) -> None:
    health = health_pb2_grpc.HealthStub(client.channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service="queue.QueueService"), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflect = reflection_pb2_grpc.ServerReflectionStub(client.channel)
    answers = reflect.ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=5
    )
    names = {service.name async for answer in answers for service in answer.list_services_response.service}
    assert "queue.QueueService" in names


async def test_a_taken_grpc_port_is_a_bad_setting(open_server: Server, tmp_path: Path) -> None:
    from tests.support.servers import crowdcue

    music = tmp_path / "music"
    music.mkdir()
    port = str(open_server.grpc_port)
    ended = crowdcue(
        *("serve", "--host", "127.0.0.1", "--port", "0", "--grpc-port", port),
        *("--data", str(tmp_path / "data"), "--music", str(music)),
    )
    assert ended.returncode == 2
    assert port in ended.stderr.splitlines()[-1]


async def test_the_host_token_has_a_second_name_for_callers_behind_a_proxy(
    guest: Client, server: Server
) -> None:
    await guest.add("p")
    call = guest.call("PlayNext", pb.Empty(), pb.Track, ("x-crowdcue-host", server.host_token))
    assert (await call).id == "p"


async def test_bytes_that_are_no_message_and_forged_tokens_on_reads_are_refused(client: Client) -> None:
    for data in (b"\xff\xff\xff", b"\x0a\x02\xff\xfe"):
        raw = client.channel.unary_unary("/queue.QueueService/AddTrack")
        call = raw(data, metadata=client.metadata, timeout=10)
        assert await refusal(call) == (grpc.StatusCode.INVALID_ARGUMENT, "bad_request")
    forged = Client(client.channel, *client.metadata, ("authorization", "Bearer forged"))
    assert await refusal(forged.queue()) == (grpc.StatusCode.UNAUTHENTICATED, "unauthorised")
