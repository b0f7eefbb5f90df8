"""The `crowdcue` command: reads flags and environment, and says in one line what is wrong with them."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import platformdirs

from crowdcue import __version__
from crowdcue.logs import FORMATS


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, exit code 2."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"crowdcue: {message}\n")
        raise SystemExit(2)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise argparse.ArgumentTypeError(f"{text!r} is not an http or https address")
    return text.rstrip("/")


def _root_path(text: str) -> str:
    path = "/" + text.strip("/") if text.strip("/") else ""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", path):
        raise argparse.ArgumentTypeError(f"{text!r} is not a path")
    return path


def _networks(text: str) -> str:
    for part in filter(None, text.split(",")):
        try:
            ipaddress.ip_network(part.strip(), strict=False)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{part!r} is not an address or a network") from None
    return text


def _flag(text: str) -> bool:
    known = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
        "": False,
    }
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is neither yes nor no")
    return known[text.lower()]


def _add_store(parser: argparse.ArgumentParser) -> None:
    default = platformdirs.user_data_path("crowdcue")
    parser.add_argument(
        "--data", type=Path, default=default, metavar="DIR", help=f"where rooms are kept (default: {default})"
    )
    parser.add_argument("--redis", metavar="URL", help="share rooms with other nodes through this Redis")
    parser.add_argument(
        "--durability",
        choices=("disk", "process"),
        default="disk",
        help="what an acknowledged change survives: power loss, or the end of the process",
    )
    parser.add_argument(
        "--public-url", type=_url, metavar="URL", help="the address that guests use, sub-path included"
    )
    parser.add_argument(
        "--root-path",
        type=_root_path,
        default="",
        metavar="PATH",
        help="the sub-path behind a proxy, like /party",
    )
    parser.add_argument(
        "--secret", help="the key that signs tokens, the same on all nodes (default: made once and kept)"
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="crowdcue", description="A party's shared music queue.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"crowdcue {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve the party", allow_abbrev=False)
    serve.add_argument("--host", default="0.0.0.0", help="the address to listen on (default: all)")
    serve.add_argument("--port", type=_port, default=8080, help="the port to listen on (default: 8080)")
    serve.add_argument(
        "--music",
        type=Path,
        action="append",
        metavar="DIR",
        help="a folder of music; may be given more than once (default: demo tunes)",
    )
    serve.add_argument("--grpc-port", type=_port, help="the port of the gRPC API (default: 50051)")
    serve.add_argument(
        "--open",
        dest="open_party",
        action="store_true",
        help="everybody is a host and nothing is limited: for trusted networks and tests",
    )
    serve.add_argument(
        "--trusted-proxies",
        type=_networks,
        default="",
        metavar="CIDR,…",
        help="whose X-Forwarded headers are believed",
    )
    serve.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve https with this certificate …")
    serve.add_argument("--tls-key", type=Path, metavar="FILE", help="… and this key")
    serve.add_argument(
        "--wifi", metavar="NAME", help="the guests' network: the stage shows a QR code that joins it …"
    )
    serve.add_argument(
        "--wifi-password", metavar="PASSWORD", help="… with this password (better in the environment)"
    )
    serve.add_argument(
        "--metrics-token", metavar="TOKEN", help="opens /metrics from elsewhere than this machine"
    )
    serve.add_argument(
        "--log-format", choices=FORMATS, default="text", help="how log lines look (default: text)"
    )
    _add_store(serve)
    for sub in (serve, *_operators(commands), _webhook(commands)):
        _defaults_from_environment(sub)
    return parser


def _operators(commands: argparse._SubParsersAction[_Parser]) -> list[_Parser]:
    """The commands beside `serve`."""

    def add(name: str, about: str) -> _Parser:
        sub = commands.add_parser(name, help=about, allow_abbrev=False)
        _add_store(sub)
        return sub

    link = add("host-link", "print the host's link of a room again")
    link.add_argument("code", metavar="CODE")
    link.add_argument("--rotate", action="store_true", help="make all links of before worthless")
    delete = add("delete", "delete a room for good")
    delete.add_argument("code", metavar="CODE")
    export = add("export", "write a room to a file")
    export.add_argument("code", metavar="CODE")
    export.add_argument("file", type=Path, metavar="FILE")
    bring = add("import", "make a new room from an exported file")
    bring.add_argument("file", type=Path, metavar="FILE")
    bring.add_argument("--code", metavar="CODE", help="the code it gets (default: a new one)")
    backup = add("backup", "copy the embedded rooms to a file, also while the server runs")
    backup.add_argument("file", type=Path, metavar="FILE")
    doctor = add("doctor", "check what a party needs on this machine")
    doctor.add_argument(
        "--host", default="0.0.0.0", help="the address that will be listened on (default: all)"
    )
    doctor.add_argument("--port", type=_port, default=8080, help="the port (default: 8080)")
    doctor.add_argument("--music", type=Path, action="append", metavar="DIR", help="a folder of music")
    return [link, delete, export, bring, backup, doctor]


def _webhook(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    hook = commands.add_parser(
        "webhook", help="tell another program what happens in a party", allow_abbrev=False
    )
    hook.add_argument("url", type=_url, metavar="URL", help="where the party is")
    hook.add_argument("code", metavar="CODE", help="the party's code")
    hook.add_argument(
        "target", type=_url, metavar="TARGET", help="the address that gets a POST for what happens"
    )
    hook.add_argument("--webhook-key", metavar="KEY", help="signs what is sent (better in the environment)")
    hook.add_argument("--pin", metavar="PIN", help="the party's PIN, if it has one")
    hook.add_argument("--host-token", metavar="TOKEN", help="come in with the host's rights")
    return hook


def _defaults_from_environment(parser: argparse.ArgumentParser) -> None:
    """Every flag may be set as CROWDCUE_<FLAG>; a flag on the command line goes before."""
    for action in parser._actions:
        flag = next((text for text in action.option_strings if text.startswith("--")), None)
        if flag is None or flag == "--help":
            continue
        name = "CROWDCUE_" + flag[2:].upper().replace("-", "_")
        value = os.environ.get(name)
        if value is None and flag == "--redis":
            name, value = "REDIS_URL", os.environ.get("REDIS_URL")
        if value is None or (value == "" and flag != "--root-path"):
            continue
        try:
            if isinstance(action.const, bool):
                action.default = _flag(value)
            elif flag == "--music":
                action.default = [Path(part) for part in value.split(os.pathsep) if part]
            elif action.choices is not None and value not in action.choices:
                raise argparse.ArgumentTypeError(
                    f"{value!r} is not one of {', '.join(map(str, action.choices))}"
                )
            else:
                action.default = action.type(value) if callable(action.type) else value
        except (argparse.ArgumentTypeError, ValueError) as error:
            parser.error(f"{name}: {error}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    parser = _parser()
    parsed = parser.parse_args(_music_from_command_line(arguments))
    # gRPC's core writes to the terminal past all loggers; what matters of it, we say ourselves. It reads this once.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if parsed.command == "webhook":
        return _tell(parsed)
    # Imported late, so that --help and mistakes answer at once.
    from crowdcue import node

    common = {
        name: getattr(parsed, name)
        for name in ("data", "redis", "durability", "public_url", "root_path", "secret")
    }
    try:
        if parsed.command != "serve":
            return _operate(parsed, common)
        if bool(parsed.tls_cert) != bool(parsed.tls_key):
            raise node.BadSetting("--tls-cert and --tls-key belong together")
        return node.run(
            node.Options(
                **common,
                host=parsed.host,
                port=parsed.port,
                music=parsed.music or [],
                grpc_port=parsed.grpc_port,
                open_party=parsed.open_party,
                trusted_proxies=parsed.trusted_proxies,
                tls_cert=parsed.tls_cert,
                tls_key=parsed.tls_key,
                metrics_token=parsed.metrics_token,
                wifi=parsed.wifi,
                wifi_password=parsed.wifi_password,
                log_format=parsed.log_format,
            )
        )
    except node.BadSetting as error:
        sys.stderr.write(f"crowdcue: {error}\n")
        return 2


def _tell(parsed: argparse.Namespace) -> int:
    """Relay a party's changes until it is over; the exit code."""
    from crowdcue import logs
    from crowdcue.client import CrowdcueError, Party, webhook

    async def run() -> None:
        target = webhook.Target(parsed.target, parsed.webhook_key)
        async with Party(
            parsed.url, parsed.code, name="Webhook", pin=parsed.pin, host=parsed.host_token
        ) as party:
            await webhook.relay(party, target)

    logs.set_up("text")
    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        pass
    except CrowdcueError as error:
        sys.stderr.write(f"crowdcue: {error}\n")
        return 1
    return 0


def _operate(parsed: argparse.Namespace, common: dict[str, Any]) -> int:
    """Run a command beside `serve`; the exit code. Raises `node.BadSetting`."""
    from crowdcue import logs, node
    from crowdcue.admin import backup, doctor, rooms, transfer

    options = node.Options(**common)
    if parsed.command == "doctor":
        options = replace(options, host=parsed.host, port=parsed.port, music=parsed.music or [])
        logs.quiet()  # what the log would warn of is among the findings
        text, code = doctor.told(asyncio.run(doctor.doctor(options)))
        print(text)
        return code
    if parsed.command == "backup":
        print(backup.backup(options, parsed.file))
        return 0
    work = {
        "host-link": lambda: rooms.host_link(options, parsed.code, rotate=parsed.rotate),
        "delete": lambda: rooms.delete(options, parsed.code),
        "export": lambda: transfer.export(options, parsed.code, parsed.file),
        "import": lambda: transfer.import_room(options, parsed.file, parsed.code),
    }
    print(asyncio.run(work[parsed.command]()))
    return 0


def _music_from_command_line(arguments: list[str]) -> list[str]:
    """Folders on the command line replace those of the environment instead of adding to them."""
    if any(text == "--music" or text.startswith("--music=") for text in arguments):
        os.environ.pop("CROWDCUE_MUSIC", None)
    return arguments
