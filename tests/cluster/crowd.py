"""Guests who add and vote through Nginx without pause, and remember every answer that they were given."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from types import TracebackType
from typing import NamedTuple, Self

import httpx

from crowdcue.client import Party, Refused

#: For what needs several reconnects on a busy machine (s).
PATIENCE = 30.0


class Answered(NamedTuple):
    """What was acknowledged: a guest's song, or a guest's vote on one."""

    guest: int
    song: str
    vote: bool


class Crowd:
    """`async with Crowd(url, code, 60) as crowd:` they act until the block ends; then `verify` what became of it.
    With several addresses they spread over them.

    Everything that a guest asks for is answered in the end: the client library asks again after a broken line. So the
    room must hold exactly what was acknowledged, no more and no less. `forgets`: the test lets the log lose songs, so
    a vote on one that is gone by then is refused.
    """

    def __init__(
        self,
        urls: str | list[str],
        code: str,
        guests: int,
        *,
        pause: float = 0.05,
        patience: float = PATIENCE,
        forgets: bool = False,
    ) -> None:
        urls = [urls] if isinstance(urls, str) else urls
        self.parties = [
            Party(urls[n % len(urls)], code, name=f"Guest {n}", timeout=patience) for n in range(guests)
        ]
        self._patience = patience
        self.added: set[str] = set()
        self.votes: dict[tuple[int, str], int] = {}
        #: When each song, and each guest's vote on a song, was acknowledged last (the loop's time, s).
        self.when: dict[Answered, float] = {}
        self.answers = 0
        self._forgets = forgets
        self._pause = pause
        self._stop = asyncio.Event()
        self._acting: list[asyncio.Task[None]] = []
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        await asyncio.gather(*[self._stack.enter_async_context(party) for party in self.parties])
        self._acting = [
            asyncio.create_task(self._act(number, party)) for number, party in enumerate(self.parties)
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.rest()
        finally:
            for task in self._acting:
                task.cancel()
            await self._stack.aclose()

    async def rest(self) -> None:
        """Have everybody finish what they do; they stay and look on."""
        self._stop.set()
        async with asyncio.timeout(self._patience):
            await asyncio.gather(*self._acting)  # a refused or lost command shows here

    async def acknowledged(self, more: int) -> None:
        """Wait until so many further commands have been answered."""
        wanted = self.answers + more
        async with asyncio.timeout(self._patience):
            while self.answers < wanted:
                await asyncio.sleep(0.01)

    def away(self) -> list[Party]:
        """Those whose connection broke since the start, whether or not they are back."""
        return [party for party in self.parties if party.reconnects or not party.connected]

    async def verify(self, nodes: list[str], code: str) -> None:
        """Every node holds exactly what was acknowledged, each member's votes included."""
        scores = self.scores()
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as web:
            for url in nodes:
                queue = (await web.get(f"{url}/api/rooms/{code}/queue")).json()
                assert len(queue) == len(self.added), f"songs on {url}"
                assert {str(track["id"]): track["votes"] for track in queue} == scores, f"on {url}"
        number = random.randrange(len(self.parties))
        async with Party(nodes[0], code, token=self.parties[number].token) as again:
            mine = {song: value for (who, song), value in self.votes.items() if who == number and value}
            assert again.mine == mine

    def scores(self) -> dict[str, int]:
        """What was acknowledged: each song and the votes for it."""
        scores = Counter(dict.fromkeys(self.added, 0))
        for (_, song), value in self.votes.items():
            scores[song] += value
        return dict(scores)

    async def _act(self, number: int, party: Party) -> None:
        chance, clock = random.Random(number), asyncio.get_running_loop().time
        step = 0
        while not self._stop.is_set():
            step += 1
            if step % 5 == 1 or not party.queue:
                song = f"s{number}-{step}"
                await party.add({"id": song, "title": song, "artist": "An artist", "duration": 200})
                self.added.add(song)
                self.when[Answered(number, song, False)] = clock()
            else:
                song, value = chance.choice(party.queue)["id"], chance.choice([-1, 0, 1])
                try:
                    await party.vote(song, value)
                except Refused as refused:
                    if not (self._forgets and refused.code == "no_such_song"):
                        raise
                else:
                    self.votes[number, song] = value
                    self.when[Answered(number, song, True)] = clock()
            self.answers += 1
            await asyncio.sleep(self._pause * chance.uniform(0.5, 1.5))
