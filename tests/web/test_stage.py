"""The stage: it makes sound, goes on by itself, and never stays silent over a broken song."""

from __future__ import annotations

import asyncio
import time

import pytest
from playwright.async_api import Playwright, expect

from .conftest import ATTENDED, CHROMIUM, FLAGS, LOUD, Party, Visitor

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]


_MOVES_ON = """() => new Promise((resolve) => {
  const audio = document.querySelector('#audio');
  const before = audio.currentTime;
  const timer = setInterval(() => {
    if (audio.currentTime < before + 0.3) return;
    clearInterval(timer);
    resolve();
  }, 50);
})"""


async def _heard(stage: Visitor) -> None:
    """The analyser hears something, and the song moves on."""
    await expect(stage.page.locator("#visualiser")).to_have_attribute("data-level", LOUD)
    async with asyncio.timeout(10):
        await stage.page.evaluate(_MOVES_ON)


async def test_the_music_plays_and_the_next_song_starts_by_itself(party: Party) -> None:
    guest = await party.phone("Gero")
    stage = await party.stage()
    await guest.add("Short 1", "Tone 1")
    await expect(stage.page.get_by_role("heading", name="Short 1")).to_be_visible()
    await _heard(stage)
    await expect(stage.page.get_by_role("heading", name="Tone 1")).to_be_visible()
    await _heard(stage)


async def test_a_hosts_stage_shows_how_to_join_the_wifi_and_no_other_screen_does(party: Party) -> None:
    stage = await party.stage()
    code = stage.page.get_by_alt_text("QR code that joins the Wi-Fi")
    await expect(code).to_be_visible()
    assert await code.evaluate("img => img.decode().then(() => img.naturalWidth)") > 0
    watching = await party.stage(host=False)
    await expect(watching.page.locator(".join .qr img")).to_have_count(1)
    await expect(watching.page.get_by_alt_text("QR code that joins the Wi-Fi")).to_have_count(0)


async def test_songs_that_cannot_be_played_are_passed_within_three_seconds(party: Party) -> None:
    stage = await party.stage()
    guest = await party.phone("Gero")
    for song in ({"id": "silent"}, {"id": "gone", "uri": "/media/nothing"}):
        await party.rest("add_track", {"title": "Broken", "artist": "Nobody", "duration": 100, **song})
    started = time.monotonic()
    await guest.add("Tone 1")
    await expect(stage.page.get_by_role("heading", name="Tone 1")).to_be_visible()
    assert time.monotonic() - started < 6, "two broken songs, three seconds each"
    await _heard(stage)
    stage.complaints = [line for line in stage.complaints if "404" not in line]


async def test_two_stages_sound_as_one(party: Party) -> None:
    guest = await party.phone("Gero")
    stages = [await party.stage(), await party.stage()]
    await stages[1].press("Play here, too")
    await guest.add("Tone 1")
    for stage in stages:
        await _heard(stage)
    where = "[document.querySelector('#audio').currentTime, performance.timeOrigin + performance.now()]"
    for _ in range(20):
        (a, at_a), (b, at_b) = [await stage.page.evaluate(where) for stage in stages]
        apart = abs((b - a) - (at_b - at_a) / 1000)
        if apart < 0.05:
            return
        await asyncio.sleep(0.5)  # closing a gap by ear takes its time
    pytest.fail(f"the stages are still {apart:.3f} s apart")


async def test_keys_pause_resume_and_go_on_and_the_volume_follows(party: Party) -> None:
    host = await party.phone("Hanna", host=True)
    stage = await party.stage()
    await host.add("Tone 1", "Tone 2")
    await _heard(stage)
    await stage.page.keyboard.press("Space")
    await expect(stage.page.get_by_text("Paused", exact=True)).to_be_visible()
    assert await stage.page.evaluate("document.querySelector('#audio').paused")
    await stage.page.keyboard.press("Space")
    await _heard(stage)
    await stage.page.keyboard.press("n")
    await expect(stage.page.get_by_role("heading", name="Tone 2")).to_be_visible()
    await stage.page.keyboard.press("?")
    await expect(stage.page.get_by_role("heading", name="Keys")).to_be_visible()


async def test_without_host_rights_the_stage_shows_everything_and_is_silent(party: Party) -> None:
    guest = await party.phone("Gero")
    watcher = await party.stage(host=False)
    await guest.add("Tone 1", "Tone 2")
    await expect(watcher.page.locator("aside [data-song]")).to_have_count(2)
    await expect(watcher.page.get_by_alt_text("QR code of", exact=False)).to_be_visible()
    await expect(watcher.page.locator(".code")).to_have_text(party.code)
    await expect(watcher.page.get_by_role("button", name="Start the music")).to_have_count(0)
    assert await watcher.page.evaluate("document.querySelector('#audio').getAttribute('src')") is None


async def test_one_tap_starts_the_music_where_the_browser_asks_for_it(
    party: Party, playwright: Playwright
) -> None:
    strict = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, ATTENDED])
    try:
        stage = await party.gated_stage(strict)
        guest = await party.phone("Gero")
        await guest.add("Tone 1")
        await stage.press("Start the music")
        await _heard(stage)
        await expect(stage.page.get_by_role("button", name="Start the music")).to_have_count(0)
    finally:
        await strict.close()
