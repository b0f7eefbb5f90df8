"""Log lines: readable or one JSON object each, with the ids of room and member, and never with a token."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from crowdcue import logs
from tests.support.servers import Server, free_port
from tests.support.talk import Talk, new_room


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger of its own, so that the tests' own logging stays as it is."""
    made = logging.Logger("crowdcue.test")
    yield made
    made.handlers.clear()


def line(logger: logging.Logger, *args: object, exc_info: bool = False) -> dict[str, object]:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.JsonFormatter())
    logger.addHandler(handler)
    logger.warning(*args, exc_info=exc_info)
    text = out.getvalue()
    assert text.count("\n") == 1, "one line"
    found: dict[str, object] = json.loads(text)
    return found


def test_ids_are_fields_of_their_own(logger: logging.Logger) -> None:
    found = line(logger, "room %(room)s: %(member)s", {"room": "PARTY2", "member": "m1"})
    assert found.pop("at") and found == {
        "level": "warning",
        "logger": "crowdcue.test",
        "message": "room PARTY2: m1",
        "room": "PARTY2",
        "member": "m1",
    }


def test_a_line_stays_one_line_whatever_is_in_it(logger: logging.Logger) -> None:
    found = line(logger, "%(name)s", {"name": 'a"\n\r\u2028{}\ud800', "message": "not yours", "big": 2**70})
    assert found["message"] == 'a"\n\r\u2028{}?' and found["big"] == str(2**70)


def test_what_is_long_is_cut(logger: logging.Logger) -> None:
    found = line(logger, "%(text)s", {"text": "x" * 100_000})
    assert len(str(found["text"])) == len(str(found["message"])) == logs.MAX_FIELD


def test_a_traceback_comes_along(logger: logging.Logger) -> None:
    try:
        raise ValueError("why")
    except ValueError:
        found = line(logger, "failed: %s", "x", exc_info=True)
        assert "ValueError: why" in str(found["traceback"])


@pytest.mark.parametrize("kind", logs.FORMATS)
async def test_no_token_is_in_the_log(tmp_path: Path, kind: logs.Format) -> None:
    secret, metrics = "a-signing-key-of-this-test", "a-metrics-token-of-this-test"
    server = Server(
        tmp_path / "data",
        "--log-format",
        kind,
        open_party=False,
        port=free_port(),
        env={"CROWDCUE_SECRET": secret, "CROWDCUE_METRICS_TOKEN": metrics},
    )
    with await asyncio.to_thread(server.start):
        room = await asyncio.to_thread(new_room, server)
        async with Talk(server, room.code, host=room.host_token) as host:
            token = host.token
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            await client.get(f"/r/{room.code}?host={room.host_token}")
            await client.get("/queue", headers={"Authorization": f"Bearer {token}x"})
            await client.post("/vote", content=b"{", headers={"X-Crowdcue-Host": room.host_token})
            scraped = await client.get("/metrics", headers={"Authorization": f"Bearer {metrics}"})
            assert scraped.status_code == 200
        await asyncio.to_thread(server.stop)
        for kept in (secret, metrics, token, room.host_token):
            assert kept not in server.log
        claims = [text for text in server.log.splitlines() if f"is a host of room {room.code}" in text]
        assert len(claims) == 2, "who made the room, and who showed the token"
        if kind == "json":
            assert json.loads(claims[1])["room"] == room.code and json.loads(claims[1])["member"].startswith(
                "m"
            )
