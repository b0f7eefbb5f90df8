"""One party on many nodes, seen from outside: the local cluster's or, by compose.yaml's `test` profile, a real one."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator

import grpc
import httpx
import pytest

from crowdcue.client import Party
from crowdcue.faces import queue_pb2 as pb
from tests.cluster.conftest import Reach

#: For one thing to happen on a busy machine (s).
PATIENCE = 15.0


def song(id_: str) -> dict[str, object]:
    return {"id": id_, "title": f"Title of {id_}", "artist": "An artist", "duration": 200}


def ids_everywhere(reach: Reach, code: str) -> list[list[str]]:
    """The queue's ids as each node tells them over REST."""
    with httpx.Client(trust_env=False, timeout=PATIENCE) as web:
        return [
            [str(t["id"]) for t in web.get(f"{url}/api/rooms/{code}/queue").json()] for url in reach.nodes
        ]


@contextlib.asynccontextmanager
async def guests(reach: Reach, code: str, through_nginx: int) -> AsyncIterator[list[Party]]:
    """One guest at each node, and some through Nginx."""
    async with contextlib.AsyncExitStack() as stack:
        urls = [*reach.nodes, *[reach.url] * through_nginx]
        yield [
            await stack.enter_async_context(Party(url, code, name=f"Guest {n}")) for n, url in enumerate(urls)
        ]


async def until_equal(parties: list[Party]) -> None:
    """Wait until all have the same version. The newest of them is reached by everybody (PROTOCOL of `done.seq`)."""
    async with asyncio.timeout(PATIENCE):
        while len({party.version for party in parties}) > 1:
            await asyncio.sleep(0.05)


async def test_all_nodes_show_the_same(reach: Reach, code: str) -> None:
    chance = random.Random(20)
    async with guests(reach, code, through_nginx=10) as all_guests:

        async def play(guest: Party, number: int) -> None:
            for step in range(12):
                if step % 3 == 0 or not guest.queue:
                    await guest.add(song(f"s{number}-{step}"))
                else:
                    await guest.vote(chance.choice(guest.queue)["id"], chance.choice([-1, 0, 1]))

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for number, guest in enumerate(all_guests):
                group.create_task(play(guest, number))
        await until_equal(all_guests)
        first, *others = all_guests
        assert len(first.queue) >= 4 * len(all_guests)
        assert any(item["score"] for item in first.queue)
        for other in others:
            assert (other.version, other.room, other.queue) == (first.version, first.room, first.queue)
    # The same through the other face, from every node.
    assert ids_everywhere(reach, code) == [[item["id"] for item in first.queue]] * len(reach.nodes)


async def test_a_change_is_seen_on_the_other_nodes_at_once(reach: Reach, code: str) -> None:
    async with guests(reach, code, through_nginx=0) as (anna, *others):
        clock = asyncio.get_running_loop().time
        slowest = 0.0
        for number in range(5):
            began = clock()
            await anna.add(song(f"s{number}"))
            async with asyncio.timeout(PATIENCE):
                while not all(len(other.queue) > number for other in others):
                    await asyncio.sleep(0.005)
            slowest = max(slowest, clock() - began)
    # Hints travel in milliseconds. A second would mean that they are lost and only the poll finds the change.
    assert slowest < 0.9


async def test_the_same_member_on_every_node(reach: Reach, code: str) -> None:
    async with Party(reach.nodes[0], code, name="Anna") as anna:
        await anna.add(song("a"))
        await anna.vote("a", -1)
        for url in [*reach.nodes[1:], reach.url]:
            async with Party(url, code, token=anna.token) as again:
                assert again.you["id"] == anna.you["id"] and again.you["name"] == "Anna"
                assert again.mine == {"a": -1}
        assert anna.queue[0]["score"] == -1


def test_many_threads_add_and_nothing_is_lost_or_doubled(reach: Reach, code: str) -> None:
    threads, each = 20, 50
    wrong: list[str] = []

    def add(thread: int) -> None:
        with httpx.Client(trust_env=False, timeout=60) as web:
            for number in range(each):
                answer = web.post(f"{reach.url}/api/rooms/{code}/add_track", json=song(f"t{thread}-{number}"))
                if answer.status_code != 200 or f'"t{thread}-{number}"' not in answer.text:
                    wrong.append(f"{answer.status_code} {answer.text[:200]}")

    running = [threading.Thread(target=add, args=(n,)) for n in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert not wrong
    wanted = {f"t{thread}-{number}" for thread in range(threads) for number in range(each)}
    for queue in ids_everywhere(reach, code):
        assert len(queue) == threads * each and set(queue) == wanted


def test_a_read_on_any_node_sees_the_write_before(reach: Reach, code: str) -> None:
    with httpx.Client(trust_env=False, timeout=PATIENCE) as web:
        for number in range(20):
            writer, reader = random.sample(reach.nodes, 2)
            path = f"/api/rooms/{code}"
            assert web.post(f"{writer}{path}/add_track", json=song(f"s{number}")).status_code == 200
            assert len(web.get(f"{reader}{path}/queue").json()) == number + 1


def test_the_same_key_on_two_nodes_is_one_write(reach: Reach, code: str) -> None:
    with httpx.Client(trust_env=False, timeout=PATIENCE) as web:
        web.post(f"{reach.url}/api/rooms/{code}/add_track", json=song("a"))
        headers = {"Authorization": f"Bearer {asyncio.run(token_of(reach, code))}", "Idempotency-Key": "once"}
        answers = [
            web.post(f"{url}/api/rooms/{code}/vote?up=true", json={"id": "a"}, headers=headers).json()
            for url in reach.nodes
        ]
        assert [answer["queue"][0]["votes"] for answer in answers] == [1] * len(answers)


async def token_of(reach: Reach, code: str) -> str:
    """A member's token."""
    async with Party(reach.url, code, name="Anna") as anna:
        assert anna.token is not None
        return anna.token


def test_music_through_nginx(reach: Reach) -> None:
    with httpx.Client(trust_env=False, timeout=PATIENCE, base_url=reach.url) as web:
        songs = web.get("/api/search").json()["songs"]
        assert songs
        address = f"/media/{songs[0]['id']}"
        whole = web.get(address)
        size = len(whole.content)
        assert whole.status_code == 200 and whole.headers["accept-ranges"] == "bytes" and size > 1000
        for asked, start, stop in (("0-99", 0, 100), ("500-", 500, size), ("-10", size - 10, size)):
            part = web.get(address, headers={"Range": f"bytes={asked}"})
            assert part.status_code == 206
            assert part.content == whole.content[start:stop]
            assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
        beyond = web.get(address, headers={"Range": f"bytes={size}-"})
        assert beyond.status_code == 416 and beyond.headers["content-range"] == f"bytes */{size}"
    # A listener may change nodes in the middle of a song: every node has the same bytes under the same id.
    with httpx.Client(trust_env=False, timeout=PATIENCE) as web:
        parts = Counter(
            web.get(f"{url}{address}", headers={"Range": "bytes=100-299"}).content for url in reach.nodes
        )
    assert parts == {whole.content[100:300]: len(reach.nodes)}


async def test_grpc_through_nginx(reach: Reach, code: str) -> None:
    options = [("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(reach.grpc, options=options) as channel:

        def method(name: str, request: type, response: type) -> grpc.aio.UnaryUnaryMultiCallable:
            return channel.unary_unary(
                f"/queue.QueueService/{name}",
                request_serializer=request.SerializeToString,  # type: ignore[attr-defined]
                response_deserializer=response.FromString,  # type: ignore[attr-defined]
            )

        add = method("AddTrack", pb.Track, pb.QueueResponse)
        vote = method("VoteTrack", pb.VoteRequest, pb.QueueResponse)
        get = method("GetQueue", pb.Empty, pb.QueueList)
        for number in range(20):  # each call without an id of its own may go to another node
            track = pb.Track(id=f"g{number}", title="A title", artist="An artist", duration=100)
            added = await add(track, metadata=(("room", code),), timeout=PATIENCE)
            assert len(added.queue) == number + 1
        stays = (("room", code), ("client-id", "bot-7"))
        await vote(pb.VoteRequest(id="g3", up=True), metadata=stays, timeout=PATIENCE)
        got = await get(pb.Empty(), metadata=stays, timeout=PATIENCE)
        assert len(got.queue) == 20 and (got.queue[0].id, got.queue[0].votes) == ("g3", 1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await vote(pb.VoteRequest(id="none", up=True), metadata=stays, timeout=PATIENCE)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert ids_everywhere(reach, code)[0][0] == "g3"


async def test_a_watch_through_nginx_tells_at_once(reach: Reach, code: str) -> None:
    options = [("grpc.enable_http_proxy", 0)]
    async with (
        grpc.aio.insecure_channel(reach.grpc, options=options) as channel,
        Party(reach.nodes[0], code, name="Anna") as anna,
    ):
        watch = channel.unary_stream(
            "/queue.QueueService/Watch",
            request_serializer=pb.Empty.SerializeToString,
            response_deserializer=pb.Update.FromString,
        )(pb.Empty(), metadata=(("room", code),))
        async with asyncio.timeout(PATIENCE):
            first = await watch.read()
            assert first.whole and not first.set
            await anna.add(song("a"))
            update = await watch.read()
        assert [item.id for item in update.set] == ["a"] and not update.whole
        watch.cancel()
