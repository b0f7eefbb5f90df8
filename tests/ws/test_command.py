"""The `crowdcue` command from outside: what it refuses and how, environment variables, the host's link."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest

from crowdcue import cli
from tests.support.servers import Server, crowdcue, free_port
from tests.support.talk import Talk, library, new_room

BAD_FLAGS: dict[str, list[str]] = {
    "no command": [],
    "an unknown command": ["dance"],
    "a port that is none": ["serve", "--port", "many"],
    "a port too high": ["serve", "--port", "70000"],
    "an unknown flag": ["serve", "--prot", "8080"],
    "half a flag": ["serve", "--por", "8080"],
    "a durability that is none": ["serve", "--durability", "maybe"],
    "a public address that is none": ["serve", "--public-url", "party"],
    "a sub-path that is none": ["serve", "--root-path", "a b?"],
    "a network that is none": ["serve", "--trusted-proxies", "everybody"],
    "a Wi-Fi password without a network": ["serve", "--wifi-password", "correct horse"],
    "a certificate without its key": ["serve", "--tls-cert", "cert.pem"],
}
BAD_VARIABLES = {
    "CROWDCUE_PORT": "many",
    "CROWDCUE_OPEN": "perhaps",
    "CROWDCUE_DURABILITY": "maybe",
    "CROWDCUE_PUBLIC_URL": "party",
    "CROWDCUE_ROOT_PATH": "a b?",
}
BAD_SURROUNDINGS: dict[str, list[str]] = {
    "music that is not there": ["--music", "/no/such/folder"],
    "a Redis that is none": ["--redis", "nonsense"],
    "an address that is not ours": ["--host", "203.0.113.7"],
    "a certificate that is not there": [
        "--host",
        "127.0.0.1",
        "--tls-cert",
        "/no/such.pem",
        "--tls-key",
        "/no/such.key",
    ],
    "a certificate that is none": ["--host", "127.0.0.1", "--tls-cert", __file__, "--tls-key", __file__],
}


def is_one_line(text: str) -> bool:
    return text.startswith("crowdcue: ") and text.endswith("\n") and text.count("\n") == 1


def refused(arguments: list[str], **environment: str) -> str:
    """The one line that the command refuses with, exit code 2."""
    done = crowdcue(*arguments, env=environment)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert is_one_line(done.stderr), done.stderr
    return done.stderr


def refused_here(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The same for what is refused before anything is started: in this process, which is quicker."""
    try:
        code: object = cli.main(arguments)
    except SystemExit as leaving:
        code = leaving.code
    assert code == 2
    out, err = capsys.readouterr()
    assert not out and is_one_line(err), err
    return err


@pytest.mark.parametrize("arguments", BAD_FLAGS.values(), ids=BAD_FLAGS.keys())
def test_a_bad_flag_is_one_clear_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    refused_here(arguments, capsys)


@pytest.mark.parametrize(("name", "value"), BAD_VARIABLES.items())
def test_the_environment_is_checked_like_flags(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert name in refused_here(["serve"], capsys), "the line names the variable"


@pytest.mark.parametrize("arguments", BAD_SURROUNDINGS.values(), ids=BAD_SURROUNDINGS.keys())
def test_what_turns_out_to_be_wrong_at_the_start_is_one_line_too(
    arguments: list[str], tmp_path: Path
) -> None:
    refused(["serve", "--data", str(tmp_path / "data"), "--port", str(free_port()), *arguments])


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(["serve", "--data", str(tmp_path / "file"), "--port", str(free_port())])


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refused(["serve", "--data", str(tmp_path), "--host", "127.0.0.1", "--port", port])
        assert port in line


def test_a_grpc_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        where = ["--host", "127.0.0.1", "--port", str(free_port()), "--grpc-port", port]
        assert port in refused(["serve", "--data", str(tmp_path / "data"), "--music", str(tmp_path), *where])


def test_a_second_server_on_the_same_data_is_refused(house: Server) -> None:
    line = refused(["serve", "--data", str(house.data), "--host", "127.0.0.1", "--port", str(free_port())])
    assert str(house.data) in line


async def test_the_environment_sets_what_flags_do_not(tmp_path: Path) -> None:
    """Every flag has its variable; of a repeated flag the last one counts."""
    environment = {
        "CROWDCUE_OPEN": "1",
        "CROWDCUE_PUBLIC_URL": "https://party.example/sub",
        "CROWDCUE_DURABILITY": "process",
        "CROWDCUE_PORT": "1",  # a flag goes before it
    }
    server = Server(
        tmp_path / "data", "--durability", "disk", open_party=False, env=environment, port=free_port()
    )
    with await asyncio.to_thread(server.start):
        assert "https://party.example/sub/r/MAIN?host=" in server.log
        async with Talk(server) as anybody:
            assert anybody.you["role"] == "host", "CROWDCUE_OPEN"


async def test_of_a_repeated_flag_the_last_one_counts(tmp_path: Path) -> None:
    port = free_port()
    server = Server(tmp_path / "data", "--port", "1", "--port", str(port), port=port)
    with await asyncio.to_thread(server.start):
        async with Talk(server) as anybody:
            await anybody.settle()


async def test_the_hosts_link_again_at_any_time(
    house: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room = await asyncio.to_thread(new_room, house)
    for code, typed in (("MAIN", "main"), (room.code, room.code.lower())):
        assert await asyncio.to_thread(cli.main, ["host-link", typed, "--data", str(house.data)]) == 0
        out, err = capsys.readouterr()
        link = re.fullmatch(rf"{re.escape(house.url)}/r/{code}\?host=(\S+)\n", out)
        assert link and not err, out + err
        async with Talk(house, code, host=link[1]) as host:
            assert host.you["role"] == "host"
    for code in ("NOSUCH", "!"):
        line = await asyncio.to_thread(refused_here, ["host-link", code, "--data", str(house.data)], capsys)
        assert f"no party {code}" in line
    await asyncio.to_thread(refused_here, ["host-link", "MAIN", "--data", str(tmp_path / "empty")], capsys)


async def test_it_prints_address_code_and_host_link(house: Server) -> None:
    assert f"{house.url}/r/MAIN" in house.log and "█" in house.log
    async with Talk(house, host=house.host_token) as host:
        assert host.you["role"] == "host"


async def test_ready_means_that_the_music_is_there(house: Server) -> None:
    assert len(await asyncio.to_thread(library, house)) == 6
