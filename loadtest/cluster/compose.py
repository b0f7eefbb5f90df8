"""Reads compose.yaml: the commands and environments of its services, with the variables of the shell filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

#: The top of the checkout, where compose.yaml and nginx/ are.
ROOT: Final = Path(__file__).resolve().parents[2]
#: `$$`, `$NAME`, or the opening of `${NAME…}`.
_VARIABLE: Final = re.compile(r"\$(?:(?P<dollar>\$)|(?P<plain>\w+)|\{(?P<name>\w+)(?P<operator>:?[-+?])?)")


class BadCompose(Exception):
    """A compose file that this reader does not understand; the message says where."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service: what it runs, its environment, and whether it is started again when it ends."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    restart: str


def read(variables: Mapping[str, str], path: Path = ROOT / "compose.yaml") -> dict[str, Service]:
    """The services by name; `variables` stand for the shell's. Raises `BadCompose` or `OSError`."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        services: dict[str, Any] = document["services"]
        return {name: _service(name, body, variables) for name, body in services.items()}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise BadCompose(f"{path}: {error!r}") from error


def _service(name: str, body: Mapping[str, Any], variables: Mapping[str, str]) -> Service:
    command = body.get("command", [])
    if not isinstance(command, list):
        raise BadCompose(f"{name}: write the command as a list, so that no shell takes it apart")
    environment = {
        key: interpolate("" if value is None else str(value), variables)
        for key, value in body.get("environment", {}).items()
    }
    words = tuple(interpolate(str(word), variables) for word in command)
    return Service(name, words, environment, str(body.get("restart", "no")))


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Fill in `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+instead}` (defaults may nest) and `$$`, as Compose does.

    Raises `BadCompose` for what is not closed or not supported.
    """
    result, rest = "", text
    while (found := _VARIABLE.search(rest)) is not None:
        result += rest[: found.start()]
        rest = rest[found.end() :]
        if found["dollar"]:
            result += "$"
        elif found["plain"]:
            result += variables.get(found["plain"], "")
        else:
            word, rest = _until_brace(rest, text)
            result += _value(variables.get(found["name"]), found["operator"], word, variables, text)
    return result + rest


def _until_brace(rest: str, text: str) -> tuple[str, str]:
    depth = 1
    for place, character in enumerate(rest):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return rest[:place], rest[place + 1 :]
    raise BadCompose(f"a brace is not closed in {text!r}")


def _value(
    value: str | None, operator: str | None, word: str, variables: Mapping[str, str], text: str
) -> str:
    if operator is None:
        return value or ""
    there = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("-"):
        return (value or "") if there else interpolate(word, variables)
    if operator.endswith("+"):
        return interpolate(word, variables) if there else ""
    if not there:
        raise BadCompose(f"{word or 'a variable is not set'} (in {text!r})")
    return value or ""
