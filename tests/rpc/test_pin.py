"""A room with a PIN over gRPC: every call needs it, by metadata, until its member is known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import grpc
import httpx
import pytest
import pytest_asyncio

from crowdcue.faces import queue_pb2 as pb
from tests.rpc.test_rpc import Client, refusal
from tests.support.servers import Server
from tests.support.talk import RoomKey, Talk, new_room

PIN = "24681357"
NEEDED = (grpc.StatusCode.PERMISSION_DENIED, "pin_needed")
BAD = (grpc.StatusCode.PERMISSION_DENIED, "bad_pin")
SHOWN, WRONG = ("x-crowdcue-pin", PIN), ("x-crowdcue-pin", "1111")

CALLS = [
    ("GetQueue", pb.Empty(), pb.QueueList),
    ("GetHistory", pb.Empty(), pb.QueueList),
    ("GetMetadata", pb.TrackId(id="x"), pb.Track),
    ("AddTrack", pb.Track(id="y", title="T", artist="A", duration=9), pb.QueueResponse),
    ("RemoveTrack", pb.TrackId(id="x"), pb.QueueResponse),
    ("VoteTrack", pb.VoteRequest(id="x", up=True), pb.QueueResponse),
    ("PlayNext", pb.Empty(), pb.Track),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("locked"), open_party=False) as running:
        yield running


@pytest_asyncio.fixture
async def locked(server: Server) -> AsyncIterator[tuple[Client, RoomKey]]:
    """A stranger to a room with a PIN."""
    room = new_room(server, pin=PIN)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield Client(channel, ("room", room.code)), room


async def test_no_call_is_answered_without_the_pin(locked: tuple[Client, RoomKey]) -> None:
    stranger, _ = locked
    for call in CALLS:
        assert await refusal(stranger.call(*call)) == NEEDED
        assert await refusal(stranger.call(*call, WRONG)) == BAD
    assert await refusal(stranger.watch().read()) == NEEDED
    stranger.metadata += (WRONG,)
    assert await refusal(stranger.watch().read()) == BAD


async def test_with_the_pin_and_afterwards_as_the_member_who_showed_it(
    locked: tuple[Client, RoomKey],
) -> None:
    stranger, room = locked
    assert not (await stranger.call("GetQueue", pb.Empty(), pb.QueueList, SHOWN)).queue
    assert await refusal(stranger.call("GetQueue", pb.Empty(), pb.QueueList)) == NEEDED, "still nobody"
    track = pb.Track(id="x", title="T", artist="A", duration=9)
    call = stranger.call("AddTrack", track, pb.QueueResponse, SHOWN)
    token = dict(await call.initial_metadata())["x-crowdcue-token"]
    await call
    anna = Client(stranger.channel, ("room", room.code), ("authorization", f"Bearer {token}"))
    assert await anna.queue() == ["x"]
    assert await anna.vote("x") == {"x": 1}
    assert (await anna.watch().read()).set[0].id == "x"


async def test_a_member_who_shows_it_with_a_read_is_known_too(
    server: Server, locked: tuple[Client, RoomKey]
) -> None:
    stranger, room = locked
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        token = (await http.get("/queue")).headers["X-Crowdcue-Token"]
    anna = Client(stranger.channel, ("room", room.code), ("authorization", f"Bearer {token}"))
    assert await refusal(anna.queue()) == NEEDED
    await anna.call("GetQueue", pb.Empty(), pb.QueueList, SHOWN)
    assert await anna.queue() == []


async def test_hosts_need_none(locked: tuple[Client, RoomKey]) -> None:
    stranger, room = locked
    for name in ("host", "x-crowdcue-host"):
        host = Client(stranger.channel, ("room", room.code), (name, room.host_token))
        assert await host.queue() == []
        assert (await host.watch().read()).whole
    liar = Client(stranger.channel, ("room", room.code), ("x-crowdcue-host", "nonsense"))
    assert await refusal(liar.queue()) == (grpc.StatusCode.UNAUTHENTICATED, "unauthorised")


async def test_a_stream_ends_when_the_pin_changes_and_not_a_hosts(
    server: Server, locked: tuple[Client, RoomKey]
) -> None:
    stranger, room = locked
    guest = Client(stranger.channel, ("room", room.code), SHOWN)
    host = Client(stranger.channel, ("room", room.code), ("x-crowdcue-host", room.host_token))
    followed, hosts = guest.watch(), host.watch()
    assert (await followed.read()).whole
    assert (await hosts.read()).whole
    async with Talk(server, room.code, host=room.host_token) as talk:
        await talk.do("settings", pin="97531864")
        while (update := await followed.read()) is not grpc.aio.EOF:
            assert not update.set
        await talk.do("clear")
        await talk.do("add", song={"id": "z", "title": "T", "artist": "A", "duration": 9})
        while not (await hosts.read()).set:
            pass
