"""The documents and the code say the same; the page shows them with no script and nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from starlette.routing import Route

from crowdcue.faces import asyncapi, docs, media, openapi, rest
from crowdcue.log.memory import MemoryLog
from crowdcue.room import view
from crowdcue.room.ops import OPS, Actor
from crowdcue.room.refusal import CODES, Done, Refused
from crowdcue.session import answer
from tests.rest.party import Party, party_over, song

ASYNCAPI_FILE = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"


def test_the_openapi_document_is_valid() -> None:
    validate(openapi.document("/sub"))


async def test_every_route_is_documented_and_every_document_has_its_route(open_party: Party) -> None:
    served = set()
    for route in [*rest.routes(open_party.context), *media.routes(open_party.context)]:
        assert isinstance(route, Route)
        assert route.methods is not None
        served |= {(method.lower(), route.path.replace(":path", "")) for method in route.methods - {"HEAD"}}
    paths = openapi.document()["paths"]
    assert served == {(method, path) for path, methods in paths.items() for method in methods}


def test_every_refusal_code_is_documented() -> None:
    text = str(openapi.document()["components"]["schemas"]["Code"])
    assert all(f"`{code}`: {about}" in text for code, about in CODES.items())
    mentioned = str(openapi.document()["paths"])
    assert [code for code in CODES if f"`{code}`" not in mentioned] == []


def test_the_file_of_the_asyncapi_document_is_in_step() -> None:
    wanted = "run: python -m crowdcue.faces.asyncapi > docs/asyncapi.yaml"
    assert ASYNCAPI_FILE.read_text(encoding="utf-8") == asyncapi.text(), wanted
    assert yaml.safe_load(asyncapi.text()) == asyncapi.document()


@pytest.mark.parametrize(
    "value",
    [
        {
            "a": "yes",
            "b": "no: way",
            "c": ["- x", "#", "", " ", "1", "1.0", "~", "null", "a\nb", "a\n\nb\n", " a\nb"],
        },
        {"t": {"x": []}, "y": {}, "z": [[1, [2]], {"k": "v"}], "n": None, "f": 0.5, "on": True},
        {
            "m": [
                "a\n b",
                "a \nb",
                "\n",
                "a\n\n",
                "tab\tb",
                "é 'x' \"y\"",
                "a\r\nb",
                "a\u2028b",
                "*x",
                "&x",
                "!x",
            ]
        },
    ],
)
def test_the_yaml_writer(value: Any) -> None:
    assert yaml.safe_load(asyncapi.to_yaml(value)) == value


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)


def test_the_asyncapi_document_refers_to_what_it_has() -> None:
    document = asyncapi.document()
    for reference in _references(document):
        at: Any = document
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]
    assert {name for name in document["components"]["messages"] if name.startswith("do_")} == {
        f"do_{op}" for op in OPS
    }


def _holds(name: str, message: dict[str, Any]) -> None:
    document = asyncapi.document()
    schema = {**document["components"]["messages"][name]["payload"], "components": document["components"]}
    OAS31Validator(schema).validate(message)
    assert set(message) <= set(schema["properties"]), "every field is documented"


async def test_what_the_server_sends_is_as_documented(party: Party) -> None:
    """States and patches of a room in which everything has happened."""
    anna, host = party.member("Anna"), await party.host()
    live = await party.context.registry.get("MAIN")
    mark = live.room.version
    _holds("state", {**view.state(live.room), "mine": {}})
    library = party.context.library.songs()[0]
    for one in (song("a", album="b"), song("b", duration=1.5), song("c"), song(library.id), song("d")):
        await anna.post("/add_track", json=one)
    await host.post("/vote", json={"id": "b"})
    await host.post("/play_next")
    await host.post("/play_next")
    await host.post("/remove_track", json={"id": "c"})
    before = live.room.version
    await host.post("/vote", json={"id": "d"})
    member = next(iter(live.room.members))
    settings = OPS["settings"].build(Actor(member, "x", 1), None, {"skip_share": 250, "name": "N"}, live)
    assert not isinstance(settings, Refused)
    assert isinstance(await live.do(settings), Done)
    state = {**view.state(live.room), "mine": view.mine(live.room, member)}
    assert state["playing"]
    assert state["history"]
    assert state["queue"]
    _holds("state", state)
    for seq, at in (mark, before):
        patch = view.since(live.room, seq, at)
        assert patch is not None
        assert patch["set"]
        _holds("patch", patch)
    _holds("done", answer("x", Done(5, {"song_id": "a"})))
    _holds("refused", answer("x", Refused("not_now", "Not now.", 5)))


@pytest.mark.parametrize("code", CODES)
def test_every_refusal_is_as_documented(code: Any) -> None:
    _holds("refused", answer("x", Refused(code, "A line.")))


# The page


class _Page(HTMLParser):
    """Collects what a page loads, links to, and holds of ids; fails on script."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        assert tag not in ("script", "style", "iframe", "img", "object"), tag
        assert not any(name.startswith("on") or name == "style" for name in found), (tag, attrs)
        if tag == "link":
            self.loads.append(found["href"] or "")
        if tag == "a":
            self.links.append(found["href"] or "")
        if "id" in found:
            self.ids.append(found["id"] or "")
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("root_path", ["", "/sub"])
async def test_the_page_works_with_no_internet_and_no_script(tags: Path, music: Path, root_path: str) -> None:
    async with party_over(MemoryLog(), tags, music, root_path=root_path) as party:
        caller = party.caller()
        answer = await caller.get("/docs")
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        page = _Page()
        page.feed(answer.text)
        page.close()
        assert page.open == []
        assert page.loads
        for address in [*page.loads, *page.links]:
            assert not re.match(r"[a-z]+:|//", address), address
            if address.startswith("#"):
                assert address[1:] in page.ids, address
            else:
                assert (await caller.get(f"/{address}")).status_code == 200
        assert len(page.ids) == len(set(page.ids))
        assert not re.search(r"url\(|@import|https?:", (await caller.get("/docs.css")).text)


async def test_the_page_shows_every_operation_op_and_code(open_party: Party) -> None:
    text = (await open_party.caller().get("/docs")).text
    for path in openapi.document()["paths"]:
        assert f"<code>{path}</code>" in text
    for op in OPS:
        assert f"do {op}" in text
    for code in CODES:
        assert f"<code>{code}</code>" in text
    for number in asyncapi.CLOSE_CODES:
        assert str(number) in text


async def test_the_documents_are_served(open_party: Party) -> None:
    caller = open_party.caller()
    assert (await caller.get("/openapi.json")).json() == openapi.document()
    assert yaml.safe_load((await caller.get("/asyncapi.yaml")).text) == asyncapi.document()
    for route in docs.routes(open_party.context):
        assert isinstance(route, Route)
        first = await caller.get(route.path)
        again = await caller.get(route.path, headers={"If-None-Match": first.headers["ETag"]})
        assert (first.status_code, again.status_code) == (200, 304)
