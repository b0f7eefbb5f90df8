"""Sound in step: pages with shaky networks and wrong clocks play as one; songs change softly and equally loud."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import WebSocketRoute, expect

from crowdcue import client
from tests.support.servers import Server

from .conftest import Party, Visitor, create

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]

#: What ears forgive between two speakers in one room (ms).
FORGIVEN: Final = 50.0
#: A frame is held up by a random part of this, each way (s).
JITTER: Final = 0.08

#: A clock that is two hours ahead and runs fast, for all that the page knows; `trueNow` stays right.
WRONG_CLOCK: Final = """(() => {
  const now = performance.now.bind(performance), date = Date.now;
  globalThis.trueNow = () => performance.timeOrigin + now();
  performance.now = () => now() * 1.0002 + 7_200_000;
  Date.now = () => date() + 7_200_000;
})()"""
RIGHT_CLOCK: Final = "globalThis.trueNow = () => performance.timeOrigin + performance.now()"

#: Samples of the media position: [true time in ms, position in s, seeks so far, largest change of rate].
LISTEN: Final = """(seconds) => new Promise((resolve) => {
  const samples = [];
  let seeks = 0, rate = 0;
  document.querySelectorAll('audio').forEach((a) => a.addEventListener('seeking', () => seeks++));
  const timer = setInterval(() => {
    const audio = document.querySelector('#audio');
    rate = Math.max(rate, Math.abs(audio.playbackRate - 1));
    if (!audio.paused && !audio.seeking) samples.push([trueNow(), audio.currentTime]);
    if (samples.length < seconds * 10) return;
    clearInterval(timer);
    resolve({ samples, seeks, rate });
  }, 100);
})"""


class Jitter:
    """Between one page and the server: every frame arrives in order, but late by a random part of `most` s."""

    def __init__(self, seed: int, most: float) -> None:
        self._random = random.Random(seed)
        self._most = most

    def route(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        page.on_message(self._late(server))
        server.on_message(self._late(page))

    def _late(self, to: WebSocketRoute) -> Callable[[str | bytes], None]:
        loop = asyncio.get_running_loop()
        last = loop.time()

        def pass_on(message: str | bytes) -> None:
            nonlocal last
            last = max(last, loop.time() + self._random.random() * self._most)
            loop.call_at(last, to.send, message)

        return pass_on


async def _with_clock(visitor: Visitor, script: str, jitter: Jitter | None) -> None:
    await visitor.page.add_init_script(script)
    if jitter:
        await visitor.page.route_web_socket(re.compile("/ws/"), jitter.route)
    await visitor.page.reload()
    await visitor.live()


async def _listen_along(visitor: Visitor) -> None:
    await (
        visitor.page.get_by_role("region", name="Now playing")
        .get_by_role("button", name="Show large")
        .click()
    )
    await visitor.press("Listen along")


@pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=[pytest.mark.long, pytest.mark.alone])])
async def test_stage_and_phones_sound_as_one_over_a_shaky_network(
    server: Server, party: Party, seconds: int
) -> None:
    stage = await party.stage()
    await _with_clock(stage, RIGHT_CLOCK, None)
    phones = [await party.phone("Anna"), await party.phone("Ben")]
    await _with_clock(phones[0], WRONG_CLOCK, Jitter(1, JITTER))
    await _with_clock(phones[1], RIGHT_CLOCK, Jitter(2, JITTER))
    async with client.Party(server.url, party.code, name="Clock") as bot:
        ids = {song["title"]: song["id"] for song in await _songs(party)}
        await bot.add(ids["Long"])
        pages = [stage, *phones]
        for phone in phones:
            await _listen_along(phone)
        await asyncio.gather(*(page.page.evaluate(_RUNS) for page in pages))
        await asyncio.sleep(6)  # the pings that a good clock is made of take their time
        for _ in range(3):
            heard = await asyncio.gather(*(page.page.evaluate(LISTEN, seconds) for page in pages))
            assert bot.playing is not None
            zero = bot.playing["started_at"] - bot.playing["position"]
            against_clock = [
                [position * 1000 - (at - zero) for at, position in found["samples"]] for found in heard
            ]
            apart = sorted(max(errors) - min(errors) for errors in zip(*against_clock, strict=False))
            p95 = apart[int(len(apart) * 0.95)]
            if p95 <= FORGIVEN or seconds > 10:
                break
            # When other tests keep the machine busy, its sound itself breaks off for a moment, and half a second of ten
            # is enough to fail: listen again. A clock or a correction that is wrong is wrong each time.
    report = {
        "seconds": seconds,
        "apart_p50_ms": round(apart[len(apart) // 2], 1),
        "apart_p95_ms": round(p95, 1),
        "apart_max_ms": round(apart[-1], 1),
        "against_clock_p95_ms": [round(sorted(map(abs, e))[int(len(e) * 0.95)], 1) for e in against_clock],
        "seeks": [found["seeks"] for found in heard],
        "rate_off_by_at_most": [round(found["rate"], 4) for found in heard],
    }
    print("\nsound in step:", json.dumps(report))
    assert p95 <= FORGIVEN, report
    assert max(found["rate"] for found in heard) <= 0.0201, "no ear hears the correction"


async def _songs(party: Party) -> list[dict[str, str]]:
    import httpx

    async with httpx.AsyncClient(trust_env=False) as http:
        found = (await http.get(f"{party.url}/api/search", params={"q": "", "limit": 50})).json()["songs"]
        return list(found)


_RUNS: Final = """() => new Promise((resolve) => {
  const timer = setInterval(() => {
    const audio = document.querySelector('#audio');
    if (!audio || audio.paused || audio.currentTime < 0.1) return;
    clearInterval(timer);
    resolve();
  }, 50);
})"""


async def test_listening_ends_with_a_tap_and_never_speaks_for_the_room(party: Party) -> None:
    await party.rest("add_track", {"id": "x", "title": "No sound", "artist": "Nobody", "duration": 300})
    async with client.Party(party.url, party.code, host=party.host_token, player=True) as stage:
        guest = await party.phone("Gero")
        await expect(guest.page.get_by_role("region", name="Now playing")).to_contain_text("No sound")
        await _listen_along(guest)
        await guest.page.wait_for_timeout(3_500)  # a stage would have given the song up by now
        assert stage.playing is not None, "a listener without a sound must not end the song for everyone"
        ids = {song["title"]: song["id"] for song in await _songs(party)}
        await stage.add(ids["Tone 1"])
        await stage.play_next()
        await guest.page.evaluate(_RUNS)
        await guest.press("Stop listening")
        await expect(guest.page.locator("#audio")).to_have_js_property("paused", True)


async def test_the_second_stage_is_silent_until_the_first_goes_away(party: Party) -> None:
    guest = await party.phone("Gero")
    first = await party.stage()
    await guest.add("Tone 1")
    await first.page.evaluate(_RUNS)
    second = await party.stage()
    await expect(second.page.get_by_text("Another screen has the sound.")).to_be_visible()
    assert await second.page.evaluate("document.querySelector('#audio').getAttribute('src')") is None
    await first.page.context.close()
    party.visitors.remove(first)
    await second.page.evaluate(_RUNS)
    await expect(second.page.get_by_text("Another screen has the sound.")).to_have_count(0)


async def test_songs_overlap_at_the_change_and_are_equally_loud(party: Party) -> None:
    host = await party.phone("Hanna", host=True)
    stage = await party.stage()
    await host.add("Quiet", "Tone 2")
    await stage.page.evaluate(_RUNS)
    # The quiet song was measured by its own sound and is lifted; the loud one is not.
    await expect(stage.page.locator("#audio")).to_have_attribute("data-gain", re.compile(r"^1\.[2-9]|^2"))
    await stage.page.evaluate(
        """() => new Promise((resolve) => {
          globalThis.most = 0;
          const timer = setInterval(() => {
            const sounding = [...document.querySelectorAll('audio')].filter((a) => a.src && !a.paused).length;
            globalThis.most = Math.max(globalThis.most, sounding);
          }, 40);
          resolve();
        })"""
    )
    async with client.Party(party.url, party.code, host=party.host_token) as bot:
        await bot.seek(35_500)
    await expect(stage.page.get_by_role("heading", name="Tone 2")).to_be_visible()
    await stage.page.wait_for_timeout(500)
    assert await stage.page.evaluate("globalThis.most") == 2, "for a moment both songs are heard"
    await expect(stage.page.locator("#audio")).to_have_attribute("data-gain", re.compile(r"^(0\.|1\.[01])"))


async def test_a_stage_plays_on_by_itself_after_the_server_was_gone(
    tmp_path: Path, tunes: Path, party: Party
) -> None:
    with Server(tmp_path / "data", open_party=False, music=[tunes]) as server:
        other = await create(server.url, party.browser)
        stage = await other.stage()
        guest = await other.phone("Gero")
        await guest.add("Tone 1", "Tone 2")
        await stage.page.evaluate(_RUNS)
        await asyncio.to_thread(server.kill)
        await expect(stage.page.locator("body")).to_have_attribute("data-connection", "offline")
        await asyncio.to_thread(server.start)
        await stage.live()
        await stage.page.evaluate(_RUNS)
        await expect(stage.page.get_by_role("heading", name="Tone 1")).to_be_visible()
        await other.close()
