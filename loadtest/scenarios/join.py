"""A storm of arrivals: handshake, hello, whole state; then everybody cut off at once and back with a resume."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgpack

from loadtest.bare import bare_join
from loadtest.cpu import Meter, resident
from loadtest.crowd import all_at, allow_sockets, enter, gather_crowd, until
from loadtest.phone import Phone
from loadtest.progress import Progress
from loadtest.result import Result
from loadtest.target import Target
from loadtest.views import Views


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this scenario."""
    parser.add_argument("--phones", type=int, default=5000)
    parser.add_argument("--songs", type=int, default=100)
    parser.add_argument("--abreast", type=int, default=256, help="handshakes under way at once")
    parser.add_argument(
        "--storms", type=int, default=3, help="times that everybody is cut off and comes back"
    )
    parser.add_argument("--peers", action="store_true", help="a bare server in the same run")


QUICK: Final = {"phones": 40, "songs": 10, "storms": 1}


async def run(told: argparse.Namespace, target: Target, progress: Progress) -> Result:
    """Arrive, rest, be cut off, come back."""
    allow_sockets()
    result = Result("join", {k: getattr(told, k) for k in ("phones", "songs", "abreast", "storms")})
    result.parameters["system"] = target.about
    code, songs = await asyncio.to_thread(target.room, told.songs)
    views, url, path = Views(), f"{target.ws}/ws/{code}", f"/ws/{code}"
    pid = target.pids.get("node")
    first = await enter(url, lambda host: Phone(host, path, views, result.errors))  # opens the room
    await asyncio.sleep(1.0)
    before = resident(pid) if pid else 0
    times: list[float] = []

    async def timed(make: Phone | None) -> Phone:
        began = time.monotonic()
        since = make.version if make is not None else None
        token = make.token if make is not None else None
        phone = await enter(
            url, lambda host: Phone(host, path, views, result.errors, since=since, token=token)
        )
        times.append(time.monotonic() - began)
        return phone

    meter = Meter(target.pids).start()
    phones = await gather_crowd(
        told.phones, lambda _: timed(None), progress, "everybody arrives", told.abreast
    )
    meter.stop()
    _figures(result, "join", meter, told.phones, times, 1500)
    result.cpu = meter.shares()
    if told.peers and meter.nodes and first.version is not None:
        size = len(msgpack.packb(list(first.version.items.values())))  # nearly all of a state
        bare = await bare_join(told.phones, size, result.errors, progress, told.abreast)
        result.add("bare server: arrivals a second and core", bare, "/s/core")
        result.add("share of the bare server's rate", told.phones / meter.nodes / bare, "")
    if pid:
        await asyncio.sleep(2.0)
        idle = (resident(pid) - before) / told.phones / 1024
        result.add("memory of the node an idle listener", idle, "KiB", 20 if told.phones >= 5000 else None)
    for storm in range(told.storms):
        phones = await _storm(told, result, target, phones, timed, times, progress, f"storm {storm + 1}")
    host = await enter(url, lambda host: Phone(host, path, Views(), result.errors))
    joined = [first, *phones]
    await _one_more_vote(host, songs, joined)
    fresh = await enter(url, lambda host: Phone(host, path, Views(), result.errors))
    _all_alike(result, joined, fresh)
    for phone in [*joined, host, fresh]:
        phone.close()
    result.errors.update(views.errors)
    return result


async def _storm(
    told: argparse.Namespace,
    result: Result,
    target: Target,
    phones: list[Phone],
    timed: Callable[[Phone | None], Awaitable[Phone]],
    times: list[float],
    progress: Progress,
    what: str,
) -> list[Phone]:
    """Everybody loses the network at once, and comes back with the version they had."""
    members = {phone.member for phone in phones}
    for phone in phones:
        phone.abort()
    await asyncio.sleep(
        3.0
    )  # the node has let go of them all: what they left behind is not part of what follows
    times.clear()
    meter = Meter(target.pids).start()
    back = await gather_crowd(len(phones), lambda n: timed(phones[n]), progress, what, told.abreast)
    meter.stop()
    _figures(result, what, meter, told.phones, times, 1500)
    if {phone.member for phone in back} != members:
        result.errors["came back as somebody else"] += 1
    return back


def _figures(result: Result, what: str, meter: Meter, count: int, times: list[float], target: float) -> None:
    result.add(f"{what}: arrivals a second", count / meter.wall, "/s")
    if meter.nodes:
        result.add(f"{what}: arrivals a second and core", count / meter.nodes, "/s/core", target, most=False)
    result.add_latency(f"{what}: connect → in the room", times)


async def _one_more_vote(host: Phone, songs: list[str], phones: list[Phone]) -> None:
    """A change after it all, which everybody must see."""
    done: asyncio.Future[int] = host.loop.create_future()
    host.on_answer = lambda phone, number, message, now: done.set_result(message.get("seq", -1))
    host.transport.write(host.command("vote", song_id=songs[0], value=1))
    seq = await asyncio.wait_for(done, 10)
    await until(lambda: all_at(phones, seq), 15)


def _all_alike(result: Result, phones: list[Phone], fresh: Phone) -> None:
    assert fresh.version is not None
    for phone in phones:
        if (
            phone.version is None
            or phone.version.seq != fresh.version.seq
            or not phone.version.same(fresh.version)
        ):
            result.errors["listeners that do not see the last change, or see another room"] += 1
    result.checked.append(
        f"{len(phones):,} listeners see the change made after the storms, as a newcomer does"
    )
