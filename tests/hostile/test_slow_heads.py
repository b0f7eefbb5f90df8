"""Heads of requests that are slow, endless or many, on real sockets: bounded, and others are served meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from crowdcue.faces import guard
from crowdcue.faces.guard import MAX_HEAD, GuardedHttp


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers every request when its body is read."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[int]:
    """The port of a server in this loop."""
    config = uvicorn.Config(hello, port=0, http=GuardedHttp, lifespan="off", log_config=None, loop="none")
    server = uvicorn.Server(config)
    serving = asyncio.get_running_loop().create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def ask(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """What the server says until it hangs up, to bytes sent in these parts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                return await reader.read()
            return b""
    finally:
        writer.close()


CLOSE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


async def test_an_endless_head_is_cut() -> None:
    async with served() as port:
        line = b"X-Filler: " + b"x" * 1_000 + b"\r\n"
        # Who goes on sending meets a reset, and perhaps never reads the 431.
        for filler in ([line] * (2 * MAX_HEAD // len(line)), [b"X" * 4_000] * 20):
            assert b" 200 " not in await ask(port, CLOSE, *filler, b": x\r\n\r\n", pause=0.002)
        assert b" 431 " in await ask(port, CLOSE, line * 20, line * 20, pause=0.05), "who waits is told why"
        assert b" 200 " in await ask(port, CLOSE, *[line] * 20, b"\r\n", pause=0.001), "a long one is fine"


@pytest.mark.parametrize(
    "begin", [b"", b"GET / HT", CLOSE, b"\r\n" * 3], ids=["nothing", "part", "lines", "blank"]
)
async def test_a_slow_head_is_dropped(monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    monkeypatch.setattr(guard, "HEAD_TIMEOUT", 0.3)
    async with served() as port:
        async with asyncio.timeout(5):
            assert await ask(port, begin) == b""
            drip = [CLOSE, *[b"X: y\r\n"] * 20]
            assert b" 200 " not in await ask(port, *drip, pause=0.05), "a byte now and then buys no time"


async def test_hundreds_of_slow_ones_do_not_keep_others_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "HEAD_TIMEOUT", 1.0)
    async with served() as port:
        slow = [asyncio.get_running_loop().create_task(ask(port, b"GET / HT")) for _ in range(300)]
        await asyncio.sleep(0.1)
        async with asyncio.timeout(5):
            assert b" 200 " in await ask(port, CLOSE + b"\r\n")
        assert set(await asyncio.gather(*slow)) == {b""}


async def test_a_kept_connection_may_ask_again_and_has_time_for_a_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "HEAD_TIMEOUT", 0.3)
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    async with served() as port:
        said = await ask(port, post, b"x" * 60_000, b"x" * 40_000, CLOSE + b"\r\n", pause=0.4)
        assert said.count(b" 200 ") == 2, "a body is no head, however long"
        both = CLOSE.replace(b"close", b"keep-alive") + b"\r\n"
        assert (await ask(port, both + both + CLOSE + b"\r\n")).count(b" 200 ") == 3


async def test_the_second_head_of_a_connection_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "HEAD_TIMEOUT", 0.3)
    async with served() as port:
        first = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        filler = [b"X: " + b"x" * 4_000 + b"\r\n"] * 20
        said = await ask(
            port, first, b"GET / HTTP/1.1\r\nConnection: close\r\n", *filler, b"\r\n", pause=0.002
        )
        assert said.count(b" 200 ") <= 1
        said = await ask(port, first, b"GET / HTTP/1.1\r\nHost", pause=0.05)
        assert said.count(b"HTTP/1.1") == 1
