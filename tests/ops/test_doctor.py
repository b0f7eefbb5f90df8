"""`crowdcue doctor`: each thing that may be wrong is found, and nothing is when all is well."""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from crowdcue.admin import doctor
from crowdcue.admin.doctor import Finding, told
from crowdcue.node import Options
from tests.support.redis_server import RedisServer
from tests.support.servers import Server, crowdcue, free_port, make_music, serving


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("doctor") / "data", open_party=False) as server:
        yield server


async def findings(check: Any, options: Options) -> dict[str, str]:
    """level → text of what a check found."""
    return {finding.level: finding.text async for finding in check(options)}


def test_told_says_one_line_a_finding_and_fails_for_bad_ones() -> None:
    well, ill = Finding("ok", "a", "fine"), Finding("bad", "b", "broken")
    assert told([well, Finding("note", "c", "hm")])[1] == 0
    assert told([well, ill]) == ("ok    a: fine\nbad   b: broken", 1)


def test_all_is_well_beside_a_running_server(house: Server) -> None:
    done = crowdcue("doctor", "--data", str(house.data), "--port", str(house.port), "--public-url", house.url)
    lines = done.stdout.splitlines()
    assert not [line for line in lines if line.startswith("bad") and "pages" not in line], done.stdout
    assert done.returncode == int("bad" in done.stdout) and not done.stderr
    assert any("WebSockets come through" in line for line in lines)
    assert any("a server answers there" in line for line in lines)


async def test_a_check_that_fails_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "check_pages", lambda options: 1 / 0)
    found = await doctor.doctor(Options(data=tmp_path, port=free_port()))
    assert [f.text for f in found if f.subject == "pages"] == [
        "this could not be checked: ZeroDivisionError('division by zero')"
    ]
    assert found[-1].subject == "address"


async def test_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    assert "bad" in await findings(doctor.check_data, Options(data=tmp_path / "file"))
    monkeypatch.setattr(doctor, "LITTLE_SPACE", 10**18)
    assert "bad" in await findings(doctor.check_data, Options(data=tmp_path))
    monkeypatch.setattr(doctor, "LITTLE_SPACE", 0)
    monkeypatch.setattr(doctor, "SOME_SPACE", 10**18)
    assert "note" in await findings(doctor.check_data, Options(data=tmp_path))
    monkeypatch.setattr(doctor, "SOME_SPACE", 0)
    assert "ok" in await findings(doctor.check_data, Options(data=tmp_path / "new" / "folder"))


async def test_a_log_that_is_none(tmp_path: Path) -> None:
    assert "ok" in await findings(doctor.check_log, Options(data=tmp_path))
    (tmp_path / "rooms.sqlite3").write_text("no database, but long enough to look at" * 100)
    assert "bad" in await findings(doctor.check_log, Options(data=tmp_path))


async def test_redis(tmp_path: Path) -> None:
    gone = Options(data=tmp_path, redis=f"redis://:secret@127.0.0.1:{free_port()}")
    found = await findings(doctor.check_log, gone)
    assert "does not answer" in found["bad"] and "secret" not in found["bad"]
    assert await findings(doctor.check_clock, gone) == {}
    with RedisServer() as redis:
        options = Options(data=tmp_path, redis=redis.url)
        assert set(await findings(doctor.check_log, options)) == {"ok"}
        assert set(await findings(doctor.check_clock, options)) == {"ok"}
        redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        assert "evict" in (await findings(doctor.check_log, options))["bad"]
        redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        redis.command("CONFIG", "SET", "appendfsync", "everysec")
        assert "appendfsync everysec" in (await findings(doctor.check_log, options))["bad"]
        process = Options(data=tmp_path, redis=redis.url, durability="process")
        assert set(await findings(doctor.check_log, process)) == {"ok"}


async def test_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ok" in await findings(doctor.check_clock, Options(data=tmp_path))
    with RedisServer() as redis:
        monkeypatch.setattr(doctor, "CLOCK_APART", -1.0)
        assert "bad" in await findings(doctor.check_clock, Options(data=tmp_path, redis=redis.url))
    monkeypatch.setattr(time, "time", lambda: 1_000.0)
    assert "never set" in (await findings(doctor.check_clock, Options(data=tmp_path)))["bad"]


async def test_music(tmp_path: Path) -> None:
    full, empty = make_music(tmp_path / "full", 3), tmp_path / "empty"
    empty.mkdir()
    assert "3 files" in (await findings(doctor.check_music, Options(data=tmp_path, music=[full])))["ok"]
    assert "no music" in (await findings(doctor.check_music, Options(data=tmp_path, music=[empty])))["bad"]
    gone = Options(data=tmp_path, music=[tmp_path / "gone"])
    assert "no folder" in (await findings(doctor.check_music, gone))["bad"]


async def test_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ok" in await findings(doctor.check_files, Options(data=tmp_path))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 512))
    assert "bad" in await findings(doctor.check_files, Options(data=tmp_path))


async def test_pages_that_are_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_pages", lambda: None)
    assert "bad" in await findings(doctor.check_pages, Options(data=tmp_path))


async def test_an_address_that_phones_cannot_reach(tmp_path: Path) -> None:
    options = Options(data=tmp_path, host="127.0.0.1", port=free_port())
    assert "phones cannot reach" in (await findings(doctor.check_address, options))["bad"]
    behind = Options(data=tmp_path, host="127.0.0.1", port=free_port(), public_url="http://party.test")
    assert "free" in (await findings(doctor.check_address, behind))["ok"]


class _Proxy(BaseHTTPRequestHandler):
    """A proxy that passes requests on, as far as health checks can tell, but no upgrades."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path.startswith("/health") else 400)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


async def test_a_proxy_that_drops_websockets(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        found = await findings(doctor.check_public_url, Options(data=tmp_path, public_url=url))
        assert "no WebSocket comes through" in found["bad"] and "ready" in found["ok"]
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()


async def test_a_public_address_that_leads_nowhere(tmp_path: Path) -> None:
    for url in (f"http://127.0.0.1:{free_port()}", "http://no-such-host.invalid"):
        found = await findings(doctor.check_public_url, Options(data=tmp_path, public_url=url))
        assert set(found) == {"bad"}


async def test_a_port_taken_by_something_else(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    server.server_close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken.listen()
        options = Options(
            data=tmp_path, host="127.0.0.1", port=taken.getsockname()[1], public_url="http://party.test"
        )
        monkey = pytest.MonkeyPatch()
        monkey.setattr(doctor, "PATIENCE", 0.3)
        try:
            assert "taken" in (await findings(doctor.check_address, options))["bad"]
        finally:
            monkey.undo()
