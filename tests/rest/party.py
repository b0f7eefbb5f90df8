"""A node's HTTP faces in this process, over a memory or a SQLite log, and callers who talk to them.

Every JSON answer is held against the OpenAPI document: its status must be documented, its body must have the shape.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from openapi_schema_validator import OAS31Validator

from crowdcue.faces import app, openapi
from crowdcue.faces.auth import Identity
from crowdcue.faces.context import Context
from crowdcue.live.registry import MAIN, Registry
from crowdcue.log.contract import RoomLog
from crowdcue.log.presence import MemoryPresence
from crowdcue.music.library import Library
from crowdcue.node import LibrarySongs
from crowdcue.tasks import Tasks

BASE = "http://party.test"
#: Longer answers are not held to the document: it takes seconds, and they are many of the same (bytes).
LONGEST_CHECKED = 8 * 1024
DOCUMENT: dict[str, Any] = openapi.document()


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    # Fixed addresses go before those with parameters, as the longer ones before the shorter.
    paths = sorted(DOCUMENT["paths"], key=lambda path: ("{" in path, -len(path)))
    return [(re.compile(re.sub(r"\{\w+\}", ".+" if p.endswith("{id}") else "[^/]+", p)), p) for p in paths]


@cache
def _validator(path: str, method: str, status: str) -> OAS31Validator | None:
    responses = DOCUMENT["paths"][path][method]["responses"]
    assert status in responses, f"{method} {path} answers {status}, which is not documented"
    schema = responses[status].get("content", {}).get("application/json", {}).get("schema")
    return None if schema is None else OAS31Validator({**schema, "components": DOCUMENT["components"]})


async def hold_to_document(response: httpx.Response) -> None:
    """Fail when an answer is not as the document says."""
    method = response.request.method.lower()
    found = next((p for pattern, p in _patterns() if pattern.fullmatch(response.request.url.path)), None)
    if found is None or method not in DOCUMENT["paths"][found]:
        return
    await response.aread()
    validator = _validator(found, method, str(response.status_code))
    if (
        validator is not None
        and response.headers["content-type"] == "application/json"
        and (len(response.content) <= LONGEST_CHECKED)
    ):
        validator.validate(response.json())


class Party:
    """One node. `caller()` makes somebody new, who keeps what they are given, as a browser does."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.transport = httpx.ASGITransport(app.build(context))
        self._callers: list[httpx.AsyncClient] = []

    def caller(
        self, token: str | None = None, host: str | None = None, address: str = ""
    ) -> httpx.AsyncClient:
        """A caller, with a member token and a room's host token if given, from an address of their own."""
        headers = {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if host is not None:
            headers["X-Crowdcue-Host"] = host
        transport = self.transport
        if address:
            transport = httpx.ASGITransport(app.build(self.context), client=(address, 1))
        client = httpx.AsyncClient(
            transport=transport,
            base_url=BASE + self.context.root_path,
            headers=headers,
            event_hooks={"response": [hold_to_document]},
        )
        self._callers.append(client)
        return client

    def member(self, name: str) -> httpx.AsyncClient:
        """A new member of this name."""
        return self.caller(self.context.identity.issue(name).token)

    async def host_token(self, code: str = MAIN) -> str:
        """The host token of a room."""
        live = await self.context.registry.get(code)
        return self.context.identity.host_token(code, live.room.host_generation)

    async def host(self, code: str = MAIN) -> httpx.AsyncClient:
        """A new member with host rights in a room."""
        return self.caller(self.context.identity.issue("Host").token, await self.host_token(code))

    async def close(self) -> None:
        """Hang up for all callers."""
        await asyncio.gather(*[client.aclose() for client in self._callers])


@contextlib.asynccontextmanager
async def party_over(
    store: RoomLog, data: Path, music: Path, *, open_party: bool = False, root_path: str = ""
) -> AsyncIterator[Party]:
    """A party for the length of a `with` block. `data` keeps the cache of tags from test to test."""
    async with contextlib.AsyncExitStack() as ending:
        tasks = Tasks()
        await store.start()
        ending.push_async_callback(store.close)
        ending.push_async_callback(tasks.close)
        library = Library([music], data)
        await library.start()
        ending.push_async_callback(library.close)
        registry = Registry(store, MemoryPresence(), LibrarySongs(library), tasks)
        ending.push_async_callback(registry.close)
        await registry.ensure_main()
        context = Context(
            registry=registry,
            library=library,
            identity=Identity(b"a secret of these tests", everybody_hosts=open_party),
            tasks=tasks,
            public_url=f"{BASE}{root_path}",
            root_path=root_path,
            open_party=open_party,
            ready=True,
            proved_at=float("inf"),
        )
        party = Party(context)
        ending.push_async_callback(party.close)
        yield party


def song(
    id_: Any, title: str = "Title", artist: str = "Artist", duration: Any = 200, **more: Any
) -> dict[str, Any]:
    """The body of an add."""
    return {"id": id_, "title": title, "artist": artist, "duration": duration, **more}


def ids(tracks: list[dict[str, Any]]) -> list[Any]:
    """The ids of tracks."""
    return [track["id"] for track in tracks]


def refusal(response: httpx.Response) -> tuple[int, str]:
    """(status, code) of an error."""
    assert response.status_code >= 400, f"this is no error: {response.text[:200]}"
    body = response.json()
    assert body["message"], "an error has a line for a person"
    return response.status_code, body["code"]
