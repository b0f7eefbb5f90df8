"""Patches applied to a state equal a fresh state: long random runs with many hands, both codecs, and cut lines.

In a run, songs that left the queue come back only when everybody has seen them leave. Otherwise a patch may hold a
song's leaving and its coming back at once, and what a vote acknowledged in between was for cannot be told from outside.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from tests.support.servers import Server
from tests.support.talk import RoomKey, Talk, fresh_view, song

ROUNDS = 12
OPS = 30


class Run:
    """One random run. Everything it does follows from the seed but the timing."""

    def __init__(self, server: Server, room: RoomKey, seed: int) -> None:
        self.server, self.room = server, room
        self.random = random.Random(seed)
        self.seed = seed
        self.talks: list[Talk] = []
        self.songs = 0
        self.did: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()

    def some_song(self) -> str:
        known = sorted(self.talks[0].model.items)
        return self.random.choice(known) if known and self.random.random() < 0.9 else "unknown"

    def adding(self) -> tuple[str, dict[str, Any]]:
        """Adds and votes; songs of earlier rounds that have left may come again."""
        if self.random.random() < 0.4:
            return self.voting()
        if self.songs and self.random.random() < 0.5:
            return "add", {"song": song(f"s{self.random.randint(1, self.songs)}")}
        self.songs += 1
        return "add", {"song": song(f"s{self.songs}", album="An album" if self.songs % 3 else "")}

    def voting(self) -> tuple[str, dict[str, Any]]:
        return "vote", {"song_id": self.some_song(), "value": self.random.choice((-1, 0, 1, 1))}

    def changing(self) -> tuple[str, dict[str, Any]]:
        """Votes and everything else; nothing new."""
        pick = self.random.random()
        if pick < 0.45:
            return self.voting()
        if pick < 0.65:
            return "remove", {"song_id": self.some_song()}
        others: list[tuple[str, dict[str, Any]]] = [
            ("play_next", {}),
            ("rename", {"name": f"Name {self.random.randrange(99)}"}),
            ("settings", {"policy": self.random.choice(("votes", "fair", "first_come"))}),
            ("settings", {"downvotes": self.random.random() < 0.5, "cooldown": self.random.randrange(9)}),
            ("pause", {}),
            ("resume", {}),
            ("seek", {"position": self.random.randrange(100_000)}),
            ("skip", {"want": self.random.random() < 0.5}),
        ]
        if pick < 0.99:
            return self.random.choice(others)
        return "clear", {}

    async def play(self) -> None:
        """All rounds; after each phase everybody must see what a newcomer sees."""
        for round_ in range(ROUNDS):
            for phase in (self.adding, self.changing):
                for _ in range(OPS):
                    op, fields = phase()
                    self.did[op] += 1
                    await self.random.choice(self.talks).ask(op, None, **fields)
                    if self.random.random() < 0.2:
                        await asyncio.sleep(0)
                await self.reconnect_somebody()
                await self.converge(round_)

    async def reconnect_somebody(self) -> None:
        """Cut a line with answers and patches on their way, and resume where the client was."""
        old = self.random.choice(self.talks)
        await old.settle()  # what it asked for has been taken
        old.vanish()
        new = Talk(self.server, self.room.code, codec=self.random.choice(("json", "msgpack")), greet=False)
        await new.open()
        new.model = old.model
        first = await new.say_hello(token=old.token, since=old.version)
        self.kinds[first["t"]] += 1
        self.talks[self.talks.index(old)] = new

    async def converge(self, round_: int) -> None:
        for talk in self.talks:
            await talk.until(lambda talk=talk: not talk.unanswered)  # type: ignore[misc]
        volume = (self.talks[0].model.room["volume"] + 1) % 100
        done = await self.talks[0].do("volume", value=volume)
        for talk in self.talks:
            await talk.until(lambda talk=talk: talk.model.seq >= done["seq"])  # type: ignore[misc]
            await talk.settle()
            self.kinds.update(message["t"] for message in talk.recent)
            talk.recent.clear()
        for talk in self.talks:
            fresh = await fresh_view(self.server, self.room.code, talk.token)
            assert talk.model.view() == fresh, f"seed {self.seed}, round {round_}"


@pytest.mark.parametrize("seed", [1, 2])
async def test_everybody_sees_what_a_newcomer_sees(
    open_server: Server, open_room: RoomKey, seed: int
) -> None:
    run = Run(open_server, open_room, seed)
    try:
        for codec in ("json", "msgpack", "json"):
            run.talks.append(await Talk(open_server, open_room.code, codec=codec).open())
        token = run.talks[0].token  # and a second tab of the first
        run.talks.append(await Talk(open_server, open_room.code, codec="msgpack", token=token).open())
        await run.play()
    finally:
        for talk in run.talks:
            talk.vanish()
    assert run.did["vote"] > 100 and run.did["remove"] > 20 and run.did["play_next"] > 5, run.did
    assert run.kinds["patch"] > 100 and run.kinds["mine"] > 10, run.kinds
    assert run.songs > 30
