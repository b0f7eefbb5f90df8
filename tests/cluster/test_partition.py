"""A real partition under load: nodes still reach the old master while Sentinel has promoted the replica behind it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from crowdcue.client import Party
from crowdcue.log.redis import FOLLOW_EVERY
from tests.cluster.crowd import Answered, Crowd
from tests.cluster.test_many_redis import agreed, new_room
from tests.support.redis_sentinel import RedisSentinel
from tests.support.servers import Server

#: For promotion, demotion and clients to find their way, on a busy machine (s).
PATIENCE = 60.0
#: What a master acknowledged just before the cut may not have reached the replica (s).
IN_FLIGHT = 1.0
#: A node asks the sentinels once a second; an answer that it had to wait for may come a little later (s).
LEFT_WITHIN = FOLLOW_EVERY + 1.5
#: min-replicas-max-lag counts whole seconds and is looked at once a second: a master takes writes so much longer (s).
LAG, NOTICED_WITHIN = 2, 3.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.1)


async def all_see_the_same(crowd: Crowd, urls: list[str], code: str) -> dict[str, int]:
    """Every guest's live view and a newcomer's at every node are one; each song and its score."""
    async with contextlib.AsyncExitStack() as stack:
        fresh = [await stack.enter_async_context(Party(url, code, name="Newcomer")) for url in urls]
        async with asyncio.timeout(PATIENCE):
            while len({party.version for party in [*fresh, *crowd.parties]}) > 1:
                await asyncio.sleep(0.1)
        for party in [*fresh, *crowd.parties]:
            assert party.queue == fresh[0].queue, "a forked view was kept"
        return {item["id"]: item["score"] for item in fresh[0].queue}


def lost(crowd: Crowd, found: dict[str, int]) -> dict[Answered, float]:
    """What was acknowledged and is not so, and when it was acknowledged (the loop's time, s)."""

    def kept(what: Answered) -> bool:
        if not what.vote:
            return what.song in found
        return crowd.parties[what.guest].mine.get(what.song, 0) == crowd.votes[what.guest, what.song]

    return {what: when for what, when in crowd.when.items() if not kept(what)}


class Case(NamedTuple):
    """Whether two of the three nodes are cut off from the sentinel too, and whether Redis has min-replicas-to-write."""

    island: bool
    guarded: bool = False


@pytest.mark.long
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(island=False), id="the nodes hear the sentinel"),
        pytest.param(Case(island=True), id="two do not"),
        pytest.param(Case(island=True, guarded=True), id="two do not, min-replicas-to-write"),
    ],
)
@pytest.mark.timeout(240)
async def test_nodes_reach_a_master_that_the_sentinel_does_not(case: Case, tmp_path: Path) -> None:
    """Only what the old master took while it was cut off is lost.

    A node that hears the sentinel leaves the old master soon after it was deposed. One that does not stays until the
    network is whole; with `min-replicas-to-write` the old master takes nothing from it before long.
    """
    clock = asyncio.get_running_loop().time
    guard = ("--min-replicas-to-write", "1", "--min-replicas-max-lag", str(LAG)) if case.guarded else ()
    with RedisSentinel(*guard, parted=True) as watched, contextlib.ExitStack() as stack:
        inner = watched.inner_url if case.island else watched.url
        nodes = [
            stack.enter_context(Server(tmp_path / f"node{number}", "--redis", url))
            for number, url in enumerate([inner, inner, watched.url])
        ]
        urls = [node.url for node in nodes]
        code = await new_room(urls[0])
        async with Crowd(urls, code, 18, patience=PATIENCE, forgets=True) as crowd:
            await crowd.acknowledged(100)
            cut = clock()
            watched.way.cut()
            watched.way_out.cut()
            await until(lambda: watched.master_port == watched.replica.port)
            promoted = clock()
            await asyncio.sleep(LEFT_WITHIN)
            await crowd.acknowledged(100)
            watched.way.heal()
            watched.way_out.heal()
            healed = clock()
            await until(lambda: "role:slave" in watched.master.raw("INFO", "replication"))
            demoted = clock()
            await crowd.acknowledged(200)
            await crowd.rest()
            found = await all_see_the_same(crowd, urls, code)
            gone = lost(crowd, found)
            last = max(gone.values(), default=cut)
            print(
                f"{case}: promoted after {promoted - cut:.1f} s, healed after {healed - cut:.1f}, demoted after "
                f"{demoted - cut:.1f}; {len(gone)} of {len(crowd.when)} answers lost, the last after {last - cut:.1f} s"
            )
            assert gone, "the old master took commands that are lost: else there was no partition"
            for what, when in gone.items():
                stays = case.island and what.guest % len(nodes) < 2
                longest = (demoted + IN_FLIGHT) if stays else promoted + LEFT_WITHIN
                if case.guarded:
                    longest = min(longest, cut + LAG + NOTICED_WITHIN)
                assert cut - IN_FLIGHT <= when <= longest, (
                    f"{what} was answered {when - cut:.1f} s after the cut"
                )
            assert any(when > promoted for when in crowd.when.values() if when < healed), "nobody went on"
        assert await agreed(urls, code) == found
