"""Every Nginx configuration that we hand out passes `nginx -t`; those with a door of their own are walked through."""

from __future__ import annotations

import re
import shlex
import shutil
import ssl
import subprocess
from pathlib import Path

import grpc
import httpx
import pytest
from loadtest.cluster import edge, ports
from loadtest.cluster.compose import ROOT, read

from crowdcue.faces import queue_pb2 as pb
from tests.cluster.scripted import Nodes, client, nginx, settings

EXAMPLES = ROOT / "nginx" / "examples"


def example(name: str, **changes: str) -> str:
    """An example with other addresses and paths in it; each change must apply."""
    text = (EXAMPLES / f"{name}.conf").read_text(encoding="utf-8")
    for change in changes.values():
        old, _, new = change.partition("→")
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for party.example.org that nobody else trusts."""
    folder = tmp_path_factory.mktemp("certs")
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=party.example.org"
    extension = "subjectAltName=DNS:party.example.org"
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run(
        ["openssl", *request.split(), "-addext", extension, *files],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return folder


@pytest.mark.parametrize("root_path", ["", "/party"])
def test_the_configuration_is_valid(tmp_path: Path, root_path: str) -> None:
    edge.render(tmp_path, settings(["10.0.0.11", "10.0.0.12:81"], tmp_path, CROWDCUE_ROOT_PATH=root_path))
    said = edge.check(tmp_path)
    assert "test is successful" in said
    # On Debian's 1.22 that is; later versions would only have us write `listen … http2` differently.
    assert "[warn]" not in said.replace('the "listen ... http2" directive is deprecated', "")
    for file in (tmp_path / "conf.d").iterdir():
        assert "CROWDCUE_" not in re.sub(r"(?m)#.*$", "", file.read_text()), f"{file.name} was not filled in"


def test_a_wrong_configuration_is_noticed(tmp_path: Path) -> None:
    edge.render(tmp_path, settings(["10.0.0.11"], tmp_path), extra="no_such_directive on;")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        edge.check(tmp_path)
    assert "no_such_directive" in caught.value.output


def test_workers_have_files_for_both_sides() -> None:
    text = (ROOT / "nginx" / "nginx.conf").read_text()
    numbers = {
        name: int(re.search(rf"{name} (\d+);", text)[1])  # type: ignore[index]
        for name in ("worker_connections", "worker_rlimit_nofile")
    }
    assert numbers["worker_rlimit_nofile"] > numbers["worker_connections"] >= 2 * 5_000
    assert "worker_shutdown_timeout" in text


def test_the_timeouts_fit_the_nodes() -> None:
    from crowdcue.node import PING_EVERY

    locations = (ROOT / "nginx/templates/crowdcue-locations.inc.template").read_text()
    websocket = locations[locations.index("/ws/ {") :]
    for name in ("proxy_read_timeout", "proxy_send_timeout"):
        found = re.search(rf"{name} (\d+)s;", websocket)
        assert found is not None and int(found[1]) > 2 * PING_EVERY


# nodes.sh


def lists(folder: Path, **environment: str) -> dict[str, list[str]]:
    """What nodes.sh writes."""
    subprocess.run(
        [str(ROOT / "nginx" / "nodes.sh"), str(folder)],
        env={"PATH": "/usr/bin:/bin", **environment},
        check=True,
        capture_output=True,
        timeout=10,
    )
    return {file.name: file.read_text().splitlines() for file in folder.iterdir()}


def test_nodes_by_number_as_in_compose(tmp_path: Path) -> None:
    environment = read({})["nginx"].environment
    found = lists(tmp_path, **environment)
    options = "max_fails=100 fail_timeout=5s resolve;"
    assert found == {
        "crowdcue-nodes-http.inc": [f"server node{n}:8080 {options}" for n in range(1, 6)],
        "crowdcue-nodes-grpc.inc": [f"server node{n}:50051 {options}" for n in range(1, 6)],
        "crowdcue-resolver.conf": ["resolver 127.0.0.11 valid=2s ipv6=off;"],
    }


def test_nodes_by_address(tmp_path: Path) -> None:
    lists(tmp_path, CROWDCUE_NODES="3", CROWDCUE_RESOLVER="127.0.0.11")
    found = lists(tmp_path, CROWDCUE_NODES="10.0.0.1 b:81 c:82:83")
    assert [line.split()[1] for line in found["crowdcue-nodes-http.inc"]] == ["10.0.0.1:8080", "b:81", "c:82"]
    assert [line.split()[1] for line in found["crowdcue-nodes-grpc.inc"]] == [
        "10.0.0.1:50051",
        "b:50051",
        "c:83",
    ]
    assert "resolve" not in "".join(found["crowdcue-nodes-http.inc"])
    assert "crowdcue-resolver.conf" not in found, "the one of an earlier run is gone"


@pytest.mark.parametrize("nodes", ["", " ", "0"])
def test_no_nodes_is_an_error(tmp_path: Path, nodes: str) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        lists(tmp_path, CROWDCUE_NODES=nodes)


@pytest.mark.skipif(shutil.which("envsubst") is None, reason="needs envsubst (Debian: gettext-base)")
def test_our_substitution_is_that_of_envsubst() -> None:
    environment = settings(["127.0.0.1"], Path("/tmp"), CROWDCUE_ROOT_PATH="/party")
    ours = {name: value for name, value in environment.items() if name.startswith("CROWDCUE_")}
    for template in (ROOT / "nginx" / "templates").glob("*.template"):
        text = template.read_text()
        done = subprocess.run(
            ["envsubst", " ".join(f"${{{name}}}" for name in ours)],  # as the official image calls it
            env=ours | {"PATH": "/usr/bin:/bin"},
            input=text,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        assert edge.substitute(text, ours) == done.stdout


# The examples


def test_tls(nodes: Nodes, tmp_path: Path, certificate: Path) -> None:
    plain, secure = ports.free(2)
    text = example(
        "tls",
        plain=f"listen 80;→listen 127.0.0.1:{plain};",
        secure=f"listen 443→listen 127.0.0.1:{secure}",
        certs=f"/etc/nginx/certs→{certificate}",
    )
    trust = ssl.create_default_context(cafile=certificate / "fullchain.pem")
    host = {"Host": "party.example.org"}
    more = {"crowdcue-tls.conf": text}
    with (
        nginx(tmp_path, settings(nodes.addresses, tmp_path), more),
        httpx.Client(verify=trust, trust_env=False) as web,
    ):
        moved = web.post(f"http://127.0.0.1:{plain}/add_track?x=1", headers=host)
        assert moved.status_code == 308
        assert moved.headers["location"] == "https://party.example.org/add_track?x=1"
        named = {"extensions": {"sni_hostname": "party.example.org"}, "headers": host}
        answer = web.get(f"https://127.0.0.1:{secure}/queue", **named)  # type: ignore[arg-type]
        assert answer.status_code == 200
        assert nodes.seen[-1].headers["x-forwarded-proto"] == "https"
        assert nodes.seen[-1].headers["host"] == "party.example.org"
        # The scripted nodes speak no gRPC: that Nginx answers for them in gRPC's way shows that the path goes there.
        root = (certificate / "fullchain.pem").read_bytes()
        options = [("grpc.ssl_target_name_override", "party.example.org"), ("grpc.enable_http_proxy", 0)]
        with grpc.secure_channel(
            f"127.0.0.1:{secure}", grpc.ssl_channel_credentials(root), options=options
        ) as channel:
            ask = channel.unary_unary(
                "/queue.QueueService/GetQueue",
                request_serializer=pb.Empty.SerializeToString,
                response_deserializer=pb.QueueList.FromString,
            )
            with pytest.raises(grpc.RpcError) as caught:
                ask(pb.Empty(), timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert caught.value.details() == "The party cannot be reached right now."


def test_a_party_below_a_site(nodes: Nodes, tmp_path: Path) -> None:
    (port,) = ports.free(1)
    text = example("subpath", port=f"listen 8081→listen 127.0.0.1:{port}")
    told = settings(nodes.addresses, tmp_path, CROWDCUE_ROOT_PATH="/party")
    with nginx(tmp_path, told, {"crowdcue-site.conf": text}), client(f"http://127.0.0.1:{port}") as web:
        assert web.get("/").text == "The site around the party.\n"
        assert not nodes.seen
        for path in ("/party/r/MAIN", "/party/ws/MAIN", "/party/assets/a.js", "/party/api/search?q=a"):
            assert web.get(path).status_code == 200
            assert nodes.seen[-1].path == path
        assert web.post("/party/sync", content=b"x" * 100_000).status_code == 200
        assert web.get("/party").headers["location"] == "/party/"
        assert web.get("/elsewhere").status_code == 404
        assert web.get("/r/MAIN").status_code == 404


# docs/deployment.md


def test_the_steps_of_the_documentation_work(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    (block,) = [found for found in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "envsubst" in found]
    etc, cache = tmp_path / "etc", tmp_path / "cache"
    (http, rpc) = ports.free(2)
    block = block.replace("/etc/nginx", str(etc)).replace("/var/cache/nginx", str(cache))
    block = block.replace("/var/log/nginx", str(tmp_path)).replace("HTTP_PORT=80 ", f"HTTP_PORT={http} ")
    block = block.replace("GRPC_PORT=50051", f"GRPC_PORT={rpc}")
    nginx_t = shlex.join([*edge.command(etc, foreground=False), "-t"])
    assert block.endswith("nginx -t\n")
    block = block.removesuffix("nginx -t\n") + f"printf 'types {{}}' > {etc}/mime.types\n{nginx_t}\n"
    done = subprocess.run(
        ["sh", "-eu", "-c", block], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "server 10.0.0.12:8080" in (etc / "conf.d" / "crowdcue-nodes-http.inc").read_text()
