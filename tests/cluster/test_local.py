"""The local cluster itself: it starts and ends cleanly, tells what went wrong, and starts again what dies."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from loadtest.cluster import Cluster, ClusterError, ports
from loadtest.cluster.compose import ROOT


def processes(folder: Path) -> set[int]:
    """The ids of all processes that work in this folder, whatever they call themselves."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink().is_relative_to(folder):
                found.add(int(entry.name))
    return found


def test_it_leaves_nothing_behind(music: Path) -> None:
    with Cluster(1, music=music) as cluster:
        folder = cluster.folder
        assert len(processes(folder)) >= 4, "Redis, a node, Nginx and its workers"
        assert folder.is_dir()
    assert not processes(folder)
    assert not folder.exists()


def test_it_leaves_nothing_behind_after_an_error(music: Path, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Cluster(1, music=music, folder=tmp_path / "here"):
        raise ZeroDivisionError
    assert not processes(tmp_path / "here")
    assert (tmp_path / "here" / "cluster.log").is_file(), "a folder that was given is kept"


def test_a_start_that_fails_says_why_and_leaves_nothing_behind(music: Path, tmp_path: Path) -> None:
    wrong = {"CROWDCUE_DURABILITY": "sometimes"}
    with pytest.raises(ClusterError, match="'sometimes' is not one of"):
        Cluster(2, music=music, folder=tmp_path, node_environment=wrong).start()
    assert not processes(tmp_path)


def test_a_death_is_told_at_the_end(music: Path, tmp_path: Path) -> None:
    cluster = Cluster(1, music=music, folder=tmp_path).start()
    os.kill(cluster.node(1).pid, signal.SIGKILL)
    assert ports.wait(lambda: "code -9" in cluster.tail(), 10, lambda: True)
    with pytest.raises(ClusterError, match="ended by themselves: node1"):
        cluster.__exit__(None)
    assert not processes(tmp_path)


def test_no_nodes() -> None:
    with pytest.raises(ClusterError):
        Cluster(0)


def test_the_command(music: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "loadtest.cluster",
        "--nodes",
        "2",
        "--port",
        "0",
        "--grpc-port",
        "0",
        "--open",
    ]
    child = subprocess.Popen(
        [*command, "--music", str(music), "--folder", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    killed = restarted = False
    lines: list[str] = []
    assert child.stdout is not None
    with child.stdout as out:
        for line in out:
            lines.append(line)
            if "2 nodes are ready" in line:
                pid = int((tmp_path / "node2" / "lock").read_text())
                os.kill(pid, signal.SIGKILL)
                killed = True
            if killed and re.match(r"node2 +\| ended by itself with code -9; it is started again", line):
                restarted = True
            if restarted and re.match(r"node2 +\|   Music ", line):
                child.send_signal(signal.SIGINT)
    text = "".join(lines)
    assert child.wait(30) == 0, text
    assert restarted, text
    assert re.search(r"nginx +\| .*GET /health/live", text) and re.search(r"redis +\| ", text)
    assert not processes(tmp_path)
