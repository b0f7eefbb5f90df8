"""compose.yaml and Dockerfile, without Docker: their form, and that they fit the server, Nginx and each other."""

from __future__ import annotations

import fnmatch
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from loadtest.__main__ import _parser as load_parser
from loadtest.cluster.compose import ROOT, BadCompose, interpolate, read

from crowdcue.cli import _parser

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
NODES = [name for name in SERVICES if re.fullmatch(r"node\d+", name)]


def fits_the_schema(path: Path) -> str | None:
    """What the Compose specification's own schema has against this file; None if nothing."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return None if done.returncode == 0 else done.stdout + done.stderr


def scaled(count: int) -> str:
    """What nginx/scale.sh prints."""
    command = ["sh", str(ROOT / "nginx" / "scale.sh"), str(count)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout


def test_it_is_a_compose_file() -> None:
    assert fits_the_schema(ROOT / "compose.yaml") is None


def test_the_schema_can_refuse(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((ROOT / "compose.yaml").read_text().replace("healthcheck:", "helthcheck:", 1))
    assert "helthcheck" in (fits_the_schema(wrong) or "")


def test_five_equal_nodes() -> None:
    assert [f"node{n}" for n in range(1, 6)] == NODES
    bodies = [{k: v for k, v in SERVICES[name].items() if k != "build"} for name in NODES]
    assert all(body == bodies[0] for body in bodies)
    assert "build" in SERVICES["node1"] and not any("build" in SERVICES[name] for name in NODES[1:])


def test_everybody_waits_for_what_they_need() -> None:
    assert SERVICES["node1"]["depends_on"] == {"redis": {"condition": "service_healthy"}}
    healthy = {name: {"condition": "service_healthy"} for name in NODES}
    assert SERVICES["nginx"]["depends_on"] == healthy
    for name, service in SERVICES.items():
        for other in service.get("depends_on", {}):
            assert "healthcheck" in SERVICES[other], f"{name} waits for {other}'s health"
        if "profiles" not in service:
            assert service["restart"] == "unless-stopped" and "healthcheck" in service


def test_profiles() -> None:
    assert {name: body["profiles"] for name, body in SERVICES.items() if "profiles" in body} == {
        "test": ["test"],
        "load": ["load"],
    }


def test_the_checks_and_the_load_can_be_called() -> None:
    services = read({})
    python, flag, module, *rest = services["load"].command
    assert (python, flag, module) == ("python", "-m", "loadtest")
    told = load_parser().parse_args(rest)
    assert told.target == services["test"].environment["CROWDCUE_TEST_URL"] == "http://nginx:8080"
    assert services["test"].environment["CROWDCUE_TEST_NODES"].split() == [
        f"http://{name}:8080" for name in NODES
    ]
    assert services["test"].command[:3] == ("python", "-m", "pytest")
    assert (ROOT / services["test"].command[-1]).is_file()


def test_redis_keeps_what_it_acknowledged() -> None:
    words = list(read({})["redis"].command)
    flags = dict(zip(words[1::2], words[2::2], strict=True))
    assert flags["--appendonly"] == "yes"
    assert flags["--maxmemory-policy"] == "noeviction"
    # The nodes promise what Redis does: PROTOCOL of durability, disk ↔ always.
    durability = read({})["node1"].environment["CROWDCUE_DURABILITY"]
    assert flags["--appendfsync"] == {"disk": "always", "process": "everysec"}[durability]
    assert "redis:/data" in SERVICES["redis"]["volumes"]
    assert "ports" not in SERVICES["redis"], "nobody outside reaches Redis"


def test_the_nodes_know_every_variable() -> None:
    serve = next(a for a in _parser()._actions if a.choices and "serve" in a.choices).choices["serve"]  # type: ignore[index]
    flags = {flag for action in serve._actions for flag in action.option_strings}
    for name in read({})["node1"].environment:
        assert f"--{name.removeprefix('CROWDCUE_').lower().replace('_', '-')}" in flags, name


def test_nginx_gets_what_its_templates_need_and_no_more() -> None:
    used = {
        name
        for template in (ROOT / "nginx" / "templates").iterdir()
        for name in re.findall(r"\$\{(CROWDCUE_\w+)\}", template.read_text())
    }
    used |= set(re.findall(r"\$\{(CROWDCUE_\w+)", (ROOT / "nginx" / "nodes.sh").read_text()))
    given = read({})["nginx"].environment
    assert {name for name in given if re.search(given["NGINX_ENVSUBST_FILTER"], name)} == used
    assert int(given["CROWDCUE_NODES"]) == len(NODES)


def test_ports_agree() -> None:
    services = read({})
    node, nginx = services["node1"].environment, services["nginx"].environment
    assert node["CROWDCUE_REDIS"] == "redis://redis:6379/0"
    # nodes.sh's defaults
    assert (node["CROWDCUE_PORT"], node["CROWDCUE_GRPC_PORT"]) == ("8080", "50051")
    published = [port.rpartition(":")[2] for port in SERVICES["nginx"]["ports"]]
    assert published == [nginx["CROWDCUE_HTTP_PORT"], nginx["CROWDCUE_GRPC_PORT"]]
    assert all("ports" not in SERVICES[name] for name in NODES)


def test_mounted_files_are_there_and_can_run() -> None:
    for mount in SERVICES["nginx"]["volumes"]:
        assert (ROOT / mount.split(":")[0]).exists(), mount
    assert (ROOT / "nginx" / "nodes.sh").stat().st_mode & 0o111, "the image only runs what is executable"


def test_settings_of_the_shell_arrive() -> None:
    told = {"OPEN": "yes", "ROOT_PATH": "/party", "MUSIC": "/srv/music", "PORT": "80", "SECRET": "s"}
    node, nginx = read(told)["node1"].environment, read(told)["nginx"].environment
    assert node["CROWDCUE_MUSIC"] == "/music" and read({})["node1"].environment["CROWDCUE_MUSIC"] == ""
    assert node["CROWDCUE_PUBLIC_URL"] == "http://localhost:80/party"
    assert (
        read({"PUBLIC_URL": "https://x.org"})["node1"].environment["CROWDCUE_PUBLIC_URL"] == "https://x.org"
    )
    assert node["CROWDCUE_OPEN"] == "yes" and node["CROWDCUE_SECRET"] == "s"
    assert node["CROWDCUE_ROOT_PATH"] == nginx["CROWDCUE_ROOT_PATH"] == "/party"


@pytest.mark.parametrize("count", [1, 5, 8])
def test_another_number_of_nodes(tmp_path: Path, count: int) -> None:
    text = scaled(count)
    override = tmp_path / "compose.override.yaml"
    override.write_text(
        text.replace("!override", "")
    )  # Compose's own tag: replace the map instead of merging
    assert fits_the_schema(override) is None
    more: dict[str, Any] = yaml.safe_load(override.read_text())["services"]
    unused = {name for name, body in more.items() if body.get("profiles") == ["unused"]}
    running = {*NODES, *(name for name, body in more.items() if "extends" in body)} - unused
    assert running == {f"node{n}" for n in range(1, count + 1)}
    assert more["nginx"]["environment"]["CROWDCUE_NODES"] == count
    assert set(more["nginx"]["depends_on"]) == running


@pytest.mark.parametrize("count", ["0", "five", "-1", ""])
def test_no_number_of_nodes(count: str) -> None:
    done = subprocess.run(
        ["sh", str(ROOT / "nginx" / "scale.sh"), count], capture_output=True, timeout=10, check=False
    )
    assert done.returncode == 2 and not done.stdout


# Filling in, as Compose does


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a ${X} $X b", "a x x b"),
        ("${NO:-d}${X:-d}${EMPTY:-d}${EMPTY-d}", "dxd"),
        ("${X:+there}${EMPTY:+there}${NO:+there}${EMPTY+set}", "thereset"),
        ("${NO:-http://h:${P:-80}${X}}/", "http://h:80x/"),
        ("$$X costs $$5", "$X costs $5"),
        ("${X:?needed}", "x"),
    ],
)
def test_interpolation(text: str, result: str) -> None:
    assert interpolate(text, {"X": "x", "EMPTY": ""}) == result


@pytest.mark.parametrize("text", ["${X", "${NO:?needed}", "${X:-${Y}"])
def test_interpolation_refuses(text: str) -> None:
    with pytest.raises(BadCompose):
        interpolate(text, {"X": ""} if "X:-" in text else {})


# Dockerfile


def stages() -> dict[str, list[list[str]]]:
    """The Dockerfile's stages by name, each a list of instructions as words."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        words = line.split() if not line.startswith("#") else []
        if words and words[0] == "FROM":
            found[words[-1]] = []
        if words:
            found[list(found)[-1]].append(words)
    return found


def test_dockerfile_stages() -> None:
    found = stages()
    targets = {body["build"]["target"] for body in SERVICES.values() if "build" in body}
    assert targets == {"node", "test"} <= found.keys()
    assert list(found)[-1] == "node", "a build without a target makes a node"
    for name in ("node", "test"):
        assert ["USER", "crowdcue"] in found[name], "nothing runs as root"
    words = [instruction[0] for instruction in found["node"]]
    assert "HEALTHCHECK" in words and words[-2:] == ["ENTRYPOINT", "CMD"]
    assert SERVICES["node1"]["command"] == ["serve"]
    for name, body in found.items():
        for instruction in body:
            source = next((word[7:] for word in instruction if word.startswith("--from=")), None)
            assert source is None or list(found).index(source) < list(found).index(name)
            if instruction[0] == "RUN":
                shlex.split(" ".join(instruction[1:]))


def test_dockerfile_copies_what_is_there_and_not_ignored() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().split("\n") if line and line[0] != "#"]
    assert ignored[0] == "*"
    for body in stages().values():
        for instruction in body:
            if instruction[0] != "COPY" or any(word.startswith("--from") for word in instruction):
                continue
            for source in instruction[1:-1]:
                assert (ROOT / source).exists(), source
                top = source.split("/")[0]
                assert any(
                    fnmatch.fnmatch(top, rule.strip("!/")) for rule in ignored[1:] if rule[0] == "!"
                ), source


def test_health_checks_ask_an_address_that_exists() -> None:
    for test in (SERVICES["node1"]["healthcheck"]["test"], SERVICES["nginx"]["healthcheck"]["test"]):
        assert "8080" in test[-1] and "/health/" in test[-1]
    compile(SERVICES["node1"]["healthcheck"]["test"][-1], "healthcheck", "exec")
