"""Nothing that was acknowledged is lost: a server under load is killed, again and again, and must know it all."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from tests.support.servers import Server
from tests.support.talk import Talk, song

ROUNDS = 4
PEOPLE = 4
#: Commands of one person on their way at once: so that the kill meets a batch in the making.
AT_ONCE = 20
#: Acknowledged commands before the kill, at least: a round that proves nothing is no round.
ENOUGH = 300


class Person:
    """One who adds and votes as fast as answers come, and remembers what was acknowledged."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.token = ""
        self.id = ""
        self.added: set[str] = set()
        self.asked: set[str] = set()
        self.votes: dict[str, int] = {}
        self.unsure: set[str] = (
            set()
        )  # songs with votes asked for and never answered: they may be there or not
        self.acknowledged = 0
        self.refused: list[object] = []

    async def party(self, server: Server, seed: int) -> None:
        """Until the line breaks."""
        dice = random.Random(f"{self.name} {seed}")
        talk = await Talk(
            server, codec=dice.choice(("json", "msgpack")), name=self.name, token=self.token or None
        ).open()
        assert self.id in ("", talk.you["id"]), "the same token is the same member"
        self.token, self.id = talk.token, talk.you["id"]
        pending: dict[str, tuple[str, int]] = {}  # id → song, vote (0: an add)
        try:
            while True:
                while len(pending) < AT_ONCE:
                    songs = [id_ for id_ in self.added if id_ not in self.unsure]
                    if songs and dice.random() < 0.6:
                        song_id, value = dice.choice(songs), dice.choice((-1, 1))
                        self.unsure.add(song_id)
                        pending[await talk.ask("vote", None, song_id=song_id, value=value)] = song_id, value
                    else:
                        song_id = f"{self.name}-{len(self.asked)}"
                        self.asked.add(song_id)
                        pending[await talk.ask("add", None, song=song(song_id))] = song_id, 0
                message = await talk.receive()
                if message["t"] == "refused":
                    self.refused.append(message)
                elif message["t"] == "done":
                    self.note(*pending.pop(message["id"]))
        except ConnectionClosed:
            pass

    def note(self, song_id: str, value: int) -> None:
        """One more command was acknowledged."""
        self.acknowledged += 1
        if value:
            self.votes[song_id] = value
            self.unsure.discard(song_id)
        else:
            self.added.add(song_id)

    async def finds_it_all(self, server: Server) -> None:
        """After the restart."""
        assert not self.refused
        async with Talk(server, token=self.token) as talk:
            assert talk.you["id"] == self.id and talk.you["name"] == self.name
            there = {id_ for id_ in talk.model.items if id_.startswith(f"{self.name}-")}
            assert self.added <= there <= self.asked, (
                "what was acknowledged, and nothing that was never asked"
            )
            self.added = there
            for song_id in there:
                mine, item = talk.model.mine.get(song_id, 0), talk.item(song_id)
                assert item["by"] == {"id": self.id, "name": self.name}
                if song_id not in self.unsure:
                    assert mine == self.votes.get(song_id, 0), song_id
                assert item["score"] == mine, "nobody else voted on it, and no vote counts twice"
                self.votes[song_id] = mine
            self.unsure.clear()


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    people = [Person(f"p{number}") for number in range(PEOPLE)]
    with await asyncio.to_thread(server.start):
        for seed in range(ROUNDS):
            before = sum(person.acknowledged for person in people)
            async with asyncio.TaskGroup() as tasks:
                for person in people:
                    tasks.create_task(person.party(server, seed))
                async with asyncio.timeout(30):
                    while sum(person.acknowledged for person in people) < before + ENOUGH:
                        await asyncio.sleep(0.005)
                server.kill()
            await asyncio.to_thread(server.start)
            for person in people:
                await person.finds_it_all(server)
    assert sum(person.acknowledged for person in people) >= ROUNDS * ENOUGH
    assert all(person.votes for person in people)
