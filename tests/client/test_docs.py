"""docs/bots.md says what the client library does: its program runs, its table of refusals is whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crowdcue import client
from crowdcue.client import Party, View
from crowdcue.client.commands import Commands
from crowdcue.room.refusal import CODES

PAGE = (Path(__file__).parent.parent.parent / "docs" / "bots.md").read_text(encoding="utf-8")


def test_the_program_is_a_program() -> None:
    (program,) = re.findall(r"```python\n(import.*?)```", PAGE, re.DOTALL)
    compile(program, "docs/bots.md", "exec")
    assert "http://localhost:8080" in program


def test_every_refusal_that_a_bot_may_meet_is_explained() -> None:
    # `unavailable` is asked again by the library; the others end a connection before there is a command.
    for code in CODES.keys() - {"unavailable", "unauthorised", "no_such_room", "pin_needed", "bad_pin"}:
        assert f"| `{code}` |" in PAGE


@pytest.mark.parametrize(
    "name", [name for name in vars(Commands) if not name.startswith("_") and name != "do"]
)
def test_every_command_is_told(name: str) -> None:
    assert f"`{name}(" in PAGE


@pytest.mark.parametrize("name", [name for name in dir(client) if name[0].isupper() and "Error" not in name])
def test_every_exception_is_in_the_tree(name: str) -> None:
    thing = getattr(client, name)
    if isinstance(thing, type) and issubclass(thing, Exception):
        assert f" {name} " in PAGE


def test_every_member_of_a_party_is_told() -> None:
    shown = set(vars(View())) | {"close", "connected", "reconnects", "server_time"}
    for name in dir(Party):
        if not name.startswith("_") and name not in shown:
            assert f"{name}" in PAGE, name
