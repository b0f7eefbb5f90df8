"""Each load, tiny, on a real node: it ends well on a sound party, and notices a broken one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadtest.__main__ import main
from loadtest.scenarios import fanout, mixed, votes

from tests.loadtest.lossy import Fault, LossyProxy
from tests.support.servers import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("load")) as running:
        yield running


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a broken party never delivers is not waited for long."""
    for module in (fanout, mixed, votes):
        monkeypatch.setattr(module, "PATIENCE", 4.0)
    monkeypatch.setattr(fanout, "IDLE", 0.1)


def load(scenario: str, url: str, *more: str) -> int:
    return main([scenario, "--quick", "--quiet", "--target", url, *more])


@pytest.mark.parametrize("scenario", ["fanout", "votes", "join", "mixed", "seed"])
def test_sound_party_is_found_correct(
    scenario: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    code = load(scenario, server.url)
    told = capsys.readouterr().out
    assert code == 0, told
    assert "correct" in told


def test_open_loop_counts_from_the_schedule(server: Server, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert load("votes", server.url, "--rate", "200", "--json", str(out)) == 0
    (result,) = json.loads(out.read_text())["results"]
    figures = {figure["name"]: figure["value"] for figure in result["figures"]}
    assert figures["votes acknowledged"] == 100
    assert figures["intended → seen by all listeners, p50"] > 0


def test_core_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["core", "--quick", "--quiet"]) == 0
    assert "reducer, 1,000 songs" in capsys.readouterr().out


def test_page_and_json(server: Server, tmp_path: Path) -> None:
    page, data = tmp_path / "out.html", tmp_path / "out.json"
    assert load("votes", server.url, "--html", str(page), "--json", str(data)) == 0
    assert "<svg" in page.read_text()
    assert "<script" not in page.read_text()
    assert json.loads(data.read_text())["results"][0]["correct"] is True


def test_proxy_alone_breaks_nothing(server: Server) -> None:
    with LossyProxy(server.port, "none") as proxy:
        assert load("votes", proxy.url) == 0


@pytest.mark.parametrize(
    ("scenario", "fault", "nth", "more"),
    [
        ("votes", "vote", 20, []),
        # Few votes in each patch: one that later patches make good word for word has done no harm.
        ("votes", "patch", 7, ["--rate", "60"]),
        ("mixed", "vote", 5, []),
        ("mixed", "patch", 40, []),
        ("fanout", "patch", 70, []),
        ("seed", "add", 4, []),
    ],
)
def test_broken_party_is_noticed(
    scenario: str,
    fault: Fault,
    nth: int,
    more: list[str],
    server: Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with LossyProxy(server.port, fault, nth) as proxy:
        code = load(scenario, proxy.url, *more)
        assert proxy.committed, "the fault never happened"
    told = capsys.readouterr().out
    assert code == 1, told
    assert "ERROR" in told
    assert "FAILED" in told


def test_nobody_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["votes", "--quick", "--quiet", "--target", "http://127.0.0.1:1"]) == 2
    assert "loadtest:" in capsys.readouterr().err
