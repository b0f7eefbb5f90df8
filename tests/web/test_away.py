"""The page on a home screen while the party is out of reach: it waits, comes back by itself, and keeps no old code."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.support.servers import Server

from .conftest import create

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]

#: A browser with a window of its own for the page, as from an icon on the home screen.
INSTALLED = """(() => {
  const real = window.matchMedia.bind(window);
  window.matchMedia = (query) => query.includes('standalone') ? { matches: true, media: query } : real(query);
})()"""
CONTROLLED = "navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null)"


async def test_an_installed_page_waits_for_the_party_and_stores_no_code(
    tmp_path: Path, tunes: Path, browser: Browser
) -> None:
    with Server(tmp_path / "data", open_party=False, music=[tunes]) as server:
        party = await create(server.url, browser)
        anna = await party.visitor(party.url, "Anna")
        await anna.page.add_init_script(INSTALLED)
        await anna.page.goto(party.link)
        await anna.live()
        assert await anna.page.evaluate(CONTROLLED), "the worker stands by"
        answer = await anna.page.reload()
        assert answer is not None and answer.ok
        await anna.live()
        assert await anna.page.evaluate("caches.keys()") == [], "nothing is kept that could grow old"

        await asyncio.to_thread(server.stop)
        away = await anna.page.reload()
        assert away is not None and away.status == 503
        await expect(anna.page.get_by_role("heading", name="The party is out of reach")).to_be_visible()
        assert await anna.page.locator("script").count() == 0, "no code of before"

        await asyncio.to_thread(server.start)
        await anna.live()
        await expect(anna.page.get_by_role("heading", level=1)).to_have_text("Garden party")
        gone = re.compile("WebSocket connection to|ERR_CONNECTION_(REFUSED|RESET)|503")
        assert not [line for line in anna.complaints if not gone.search(line)]
        await party.close()


async def test_a_page_in_a_tab_has_no_worker(tmp_path: Path, tunes: Path, browser: Browser) -> None:
    with Server(tmp_path / "data", open_party=False, music=[tunes]) as server:
        party = await create(server.url, browser)
        anna = await party.phone("Anna")
        found = await anna.page.evaluate(
            "navigator.serviceWorker.getRegistrations().then((all) => all.length)"
        )
        assert found == 0
        await party.close()
