"""Whatever a caller sends over gRPC: a status that means something, no bug in the log, and others are served."""

from __future__ import annotations

import random
from collections.abc import Iterator

import grpc
import pytest

from crowdcue.faces import queue_pb2 as pb
from tests.support.servers import Server, serving

METHODS = (
    "AddTrack",
    "RemoveTrack",
    "VoteTrack",
    "GetQueue",
    "GetMetadata",
    "PlayNext",
    "GetHistory",
    "Nonsense",
)
CALLS = 600
BUGS = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DEADLINE_EXCEEDED}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("rpc") / "data") as running:
        yield running


def message(chance: random.Random) -> bytes:
    text = chance.choice(["", "a", "x" * 500, "\u0000", "é/..", "1"])
    kind = chance.randrange(5)
    if kind == 0:
        return chance.randbytes(chance.randrange(60))
    if kind == 1:
        return pb.VoteRequest(id=text, up=chance.random() < 0.5).SerializeToString()
    whole = pb.Track(id=text, title=text, artist=text, votes=chance.randrange(-(2**31), 2**31), duration=-5)
    if kind == 2:
        whole.duration = 100
    packed = whole.SerializeToString()
    return packed[: chance.randrange(len(packed) + 1)] if kind == 3 else packed


def metadata(chance: random.Random) -> list[tuple[str, str | bytes]]:
    keys = ["room", "authorization", "host", "idempotency-key", "x-forwarded-for", "junk"]
    values = ["", "MAIN", "main", "ABCDEF", "Bearer", "Bearer x", "x" * 900, "../..", "~!@#", "m"]
    found: list[tuple[str, str | bytes]] = [
        (chance.choice(keys), chance.choice(values)) for _ in range(chance.randrange(4))
    ]
    return [*found, ("room-bin", chance.randbytes(8))] if chance.random() < 0.2 else found


def test_no_call_is_a_bug(server: Server) -> None:
    chance = random.Random(20261123)
    seen: set[grpc.StatusCode] = set()
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        for _ in range(CALLS):
            call = channel.unary_unary(f"/queue.QueueService/{chance.choice(METHODS)}")
            sent, more = message(chance), metadata(chance)
            try:
                call(sent, metadata=more, timeout=10)
                seen.add(grpc.StatusCode.OK)
            except grpc.RpcError as error:
                status = error.code()
                seen.add(status)
                said = error.details() or ""
                assert status not in BUGS, (status, said, sent, more)
        queue = channel.unary_unary(
            "/queue.QueueService/GetQueue", response_deserializer=pb.QueueList.FromString
        )
        assert queue(b"", timeout=10) is not None
    assert "a gRPC call failed" not in server.log
    assert {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAUTHENTICATED} <= seen


def test_a_message_that_is_too_large_is_refused_unread(server: Server) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = channel.unary_unary("/queue.QueueService/AddTrack")
        with pytest.raises(grpc.RpcError) as refused:
            call(pb.Track(id="a", title="x" * 100_000).SerializeToString(), timeout=10)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
