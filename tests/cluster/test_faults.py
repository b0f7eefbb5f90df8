"""Nodes, Redis and Nginx killed or restarted while a crowd is busy: nobody stays away, nothing answered is lost."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import httpx
import pytest
from loadtest.cluster import Cluster
from websockets.asyncio.client import ClientConnection, connect

from tests.cluster.crowd import Crowd

#: The promise to guests of a node that is killed (s).
BACK_WITHIN = 3.0


@pytest.fixture(autouse=True)
def whole(cluster: Cluster) -> Iterator[None]:
    """Each test leaves all nodes running."""
    yield
    for number in cluster.nodes:
        if not cluster.node(number).running:
            cluster.start_node(number)


@pytest.fixture
def code(cluster: Cluster) -> str:
    made = httpx.post(f"{cluster.url}/api/rooms", json={"name": "A test"}, trust_env=False, timeout=15)
    return str(made.json()["code"])


async def reach(cluster: Cluster, client: str) -> tuple[int, ClientConnection]:
    """A plain WebSocket through Nginx, and the number of the node it came to."""
    socket = await connect(f"{cluster.ws_url}/ws/MAIN?client={client}", proxy=None, open_timeout=15)
    assert socket.response is not None
    # After retries Nginx lists all the addresses that it tried; the last one answered.
    address = socket.response.headers["X-Crowdcue-Node"].split(", ")[-1]
    urls = [url.removeprefix("http://") for url in cluster.node_urls]
    return urls.index(address) + 1, socket


async def test_sockets_stick_and_spread(cluster: Cluster) -> None:
    numbers = []
    for client in range(60):
        number, socket = await reach(cluster, f"guest{client}")
        await socket.close()
        again, socket = await reach(cluster, f"guest{client}")
        await socket.close()
        assert again == number
        numbers.append(number)
    assert set(numbers) == set(cluster.nodes)


async def test_a_handshake_finds_another_node_and_later_its_own(cluster: Cluster) -> None:
    own, socket = await reach(cluster, "anna")
    await socket.close()
    await asyncio.to_thread(cluster.kill, own)
    other, socket = await reach(cluster, "anna")
    assert other != own
    await socket.close()
    await asyncio.to_thread(cluster.start_node, own)
    back, socket = await reach(cluster, "anna")
    assert back == own, "one refused connection does not put a node out"
    await socket.close()


async def test_a_killed_node(cluster: Cluster, code: str) -> None:
    clock = asyncio.get_running_loop().time
    async with Crowd(cluster.url, code, 50) as crowd:
        await crowd.acknowledged(100)
        assert not crowd.away()
        began = clock()
        await asyncio.to_thread(cluster.kill, 2)
        async with asyncio.timeout(10):
            while not crowd.away() or not all(party.connected for party in crowd.parties):
                await asyncio.sleep(0.01)
        took = clock() - began
        assert crowd.away(), "the node had guests"
        print(f"{len(crowd.away())} guests of a killed node were back after {took:.2f} s")
        assert took < BACK_WITHIN
        await crowd.acknowledged(200)
    alive = [url for number, url in zip(cluster.nodes, cluster.node_urls, strict=True) if number != 2]
    await crowd.verify(alive, code)
    await asyncio.to_thread(cluster.start_node, 2)
    await crowd.verify([cluster.node_urls[1]], code)


async def test_a_drained_node(cluster: Cluster, code: str) -> None:
    async with Crowd(cluster.url, code, 60) as crowd:
        await crowd.acknowledged(60)
        await asyncio.to_thread(cluster.restart, 4)
        await crowd.acknowledged(100)
        assert crowd.away()
    await crowd.verify(cluster.node_urls, code)


async def test_a_killed_redis(cluster: Cluster, code: str) -> None:
    async with Crowd(cluster.url, code, 30) as crowd:
        await crowd.acknowledged(100)
        await asyncio.to_thread(cluster.kill_redis)
        await asyncio.to_thread(cluster.start_redis)
        await crowd.acknowledged(100)
    await crowd.verify(cluster.node_urls, code)


async def test_a_killed_nginx(cluster: Cluster, code: str) -> None:
    async with Crowd(cluster.url, code, 30) as crowd:
        await crowd.acknowledged(60)
        await asyncio.to_thread(cluster.kill_nginx)
        await asyncio.to_thread(cluster.start_nginx)
        await crowd.acknowledged(100)
        assert len(crowd.away()) == 30
    await crowd.verify(cluster.node_urls, code)


@pytest.mark.long
async def test_a_rolling_restart(cluster: Cluster, code: str) -> None:
    async with Crowd(cluster.url, code, 60) as crowd:
        for number in cluster.nodes:
            await crowd.acknowledged(200)
            await asyncio.to_thread(cluster.restart, number)
        await crowd.acknowledged(200)
        assert len(crowd.away()) == 60, "everybody's node was restarted"
    await crowd.verify(cluster.node_urls, code)


@pytest.mark.long
async def test_node_after_node_is_killed(cluster: Cluster, code: str) -> None:
    async with Crowd(cluster.url, code, 60) as crowd:
        for number in [*cluster.nodes, *cluster.nodes]:
            await crowd.acknowledged(300)
            await asyncio.to_thread(cluster.kill, number)
            await crowd.acknowledged(100)
            await asyncio.to_thread(cluster.start_node, number)
        await crowd.acknowledged(300)
    await crowd.verify(cluster.node_urls, code)


@pytest.mark.long
async def test_a_node_that_hangs(cluster: Cluster) -> None:
    """It accepts connections (the kernel does) and never answers: reads are answered by another node all the same."""
    headers = {
        "Authorization": "Bearer somebody"
    }  # a bad token: any node says 401, and it keeps the caller on one node
    async with httpx.AsyncClient(base_url=cluster.url, trust_env=False, timeout=40, headers=headers) as web:
        address = (await web.get("/queue")).headers["X-Crowdcue-Node"]
        number = [url.removeprefix("http://") for url in cluster.node_urls].index(address) + 1
        cluster.node(number).signal(signal.SIGSTOP)
        try:
            answer = await web.get("/queue")
        finally:
            cluster.node(number).signal(signal.SIGCONT)
        tried = answer.headers["X-Crowdcue-Node"].split(", ")
        assert answer.status_code == 401 and tried[0] == address and len(tried) == 2
