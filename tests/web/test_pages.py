"""The way into a party, the way back after a crash, and pages that everyone can use."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.support.servers import Server

from .conftest import LOUD, WEB, Party, Scheme, Visitor, create

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]


async def test_a_party_is_created_on_the_landing_page(party: Party) -> None:
    founder = await party.visitor(party.url, "Hanna", size=(1280, 720))
    await founder.page.get_by_label("Or start a party of your own").fill("Roof party")
    await founder.press("Start")
    await founder.live()
    await expect(founder.page.get_by_role("heading", level=1)).to_have_text("Roof party")
    await expect(founder.page.get_by_role("button", name="Settings of the party")).to_be_visible()
    assert re.search(r"/r/[A-HJKMNP-Z2-9]{6}$", founder.page.url)


async def test_a_code_is_understood_however_it_is_typed(party: Party) -> None:
    guest = await party.visitor(party.url, "Gero")
    await guest.page.get_by_label("Have a code?").fill("nonsense!")
    await guest.press("Join")
    await expect(guest.page.get_by_role("alert").first).to_contain_text("six letters")
    await guest.page.get_by_label("Have a code?").fill(f" {party.code[:3].lower()} {party.code[3:].lower()}")
    await guest.press("Join")
    await guest.live()
    await expect(guest.page.get_by_role("heading", level=1)).to_have_text("Garden party")


async def test_the_house_party_is_one_tap_away(party: Party) -> None:
    guest = await party.visitor(party.url, "Gero")
    await guest.page.get_by_role("link", name="Step into the house party").click()
    await guest.live()
    assert guest.page.url.endswith("/r/MAIN")


@pytest.mark.parametrize("page", ["", "/stage"])
async def test_a_wrong_code_says_what_to_do(party: Party, page: str) -> None:
    lost = await party.visitor(f"{party.url}/r/ZZZZZZ{page}", "Gero")
    await expect(lost.page.get_by_role("heading", name="No party here")).to_be_visible()
    await lost.page.get_by_role("link", name="Type another code").click()
    await expect(lost.page.get_by_label("Have a code?")).to_be_visible()


async def test_below_a_sub_path_everything_works(tmp_path: Path, tunes: Path, browser: Browser) -> None:
    with Server(tmp_path / "data", "--root-path", "/party", music=[tunes]) as server:
        party = Party(f"{server.url}/party", "MAIN", "", browser)
        guest = await party.visitor(party.url, "Gero")
        outside: list[str] = []
        guest.page.on("request", lambda request: outside.append(request.url))
        guest.page.on("websocket", lambda socket: outside.append(socket.url))
        await guest.page.get_by_role("link", name="Step into the house party").click()
        await guest.live()
        stage = await party.stage()
        await guest.add("Tone 1")
        await expect(stage.page.get_by_role("heading", name="Tone 1")).to_be_visible()
        await expect(stage.page.locator("#visualiser")).to_have_attribute("data-level", LOUD)
        await expect(stage.page.get_by_alt_text("QR code of")).to_be_visible()
        assert [url for url in outside if f":{server.port}/party/" not in url] == []
        assert len(outside) > 4
        assert guest.complaints + stage.complaints == []
        await party.close()


async def test_after_a_crash_everything_is_there_and_taps_made_meanwhile_count(
    tmp_path: Path, tunes: Path, browser: Browser
) -> None:
    with Server(tmp_path / "data", open_party=False, music=[tunes]) as server:
        party = await create(server.url, browser)
        anna, stage = await party.phone("Anna"), await party.stage(host=False)
        await anna.add("Tone 1", "Tone 2", "Tone 3")
        await anna.press("Vote up Tone 3")
        await expect(stage.page.locator("aside [data-song]").first).to_contain_text("Tone 3")

        await asyncio.to_thread(server.kill)
        await expect(anna.page.locator("body")).to_have_attribute("data-connection", "offline")
        await expect(anna.page.get_by_text("Your taps are kept.")).to_be_visible()
        await anna.press("Vote up Tone 2")
        await anna.press("Vote up Tone 2")
        await anna.press("Vote up Tone 1")
        await expect(anna.page.get_by_text("2 taps are kept and will be sent.")).to_be_visible()

        await asyncio.to_thread(server.start)
        for visitor in (anna, stage):
            await visitor.live()
        await expect(stage.page.locator("aside [data-song]")).to_contain_text(["Tone 1", "Tone 3", "Tone 2"])
        await expect(anna.page.get_by_text("will be sent")).to_have_count(0)
        assert await anna.titles() == ["Tone 1", "Tone 3", "Tone 2"]
        pressed = anna.page.get_by_role("button", name="Vote up", exact=False, pressed=True)
        await expect(pressed).to_have_count(2)
        # That the server is gone the browsers report themselves; anything else would be ours.
        gone = re.compile("WebSocket connection to|ERR_CONNECTION_(REFUSED|RESET)")
        assert not [line for line in anna.complaints + stage.complaints if not gone.search(line)]
        await party.close()


async def _audit(visitor: Visitor) -> list[str]:
    await visitor.page.evaluate((WEB / "node_modules/axe-core/axe.min.js").read_text())
    found: list[str] = await visitor.page.evaluate(
        """axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
             violations.filter(({ impact }) => impact !== 'minor')
               .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`)))"""
    )
    return found


@pytest.mark.parametrize("scheme", ["dark", pytest.param("light", marks=pytest.mark.long)])
async def test_axe_finds_nothing_on_any_page(party: Party, scheme: Scheme) -> None:
    host = await party.phone("Hanna", host=True, scheme=scheme)
    found = await _audit(host)
    stage = await party.stage()
    await host.add("Tone 1", "Tone 2", "Tone 3")
    await expect(host.rows()).to_have_count(2)
    await stage.page.close()  # the song stays, and a drawing stage would only slow the audits down
    found += await _audit(host)
    for tab in ("Search", "History"):
        await host.tab(tab).click()
        found += await _audit(host)
    await host.tab("Queue").click()
    sheets = ("Show large Tone 1", "About Tone 2", "Settings of the party", "here. Invite")
    for opener in sheets:
        await host.page.get_by_role("button", name=opener).first.click()
        await expect(host.page.locator("dialog")).to_be_visible()
        found += await _audit(host)
        await host.page.keyboard.press("Escape")
        await expect(host.page.locator("dialog")).to_have_count(0)
    await host.page.set_viewport_size({"width": 1280, "height": 720})
    await expect(host.page.locator("aside")).to_be_visible()
    found += await _audit(host)
    for path in ("/", "/r/ZZZZZZ", f"/r/{party.code}/stage", "/r/MAIN", "/r/MAIN/stage"):
        other = await party.visitor(party.url + path, scheme=scheme, size=(1280, 720))
        await expect(other.page.locator("h1, h2").first).to_be_visible()
        found += await _audit(other)
    assert found == []
