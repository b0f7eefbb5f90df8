"""The phone page: what guests and hosts do, seen by the others in the room."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from .conftest import Hold, Party

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]


async def test_a_vote_on_one_phone_reorders_the_other_and_the_stage(party: Party) -> None:
    anna = await party.phone("Anna", calm=False)
    ben = await party.phone("Ben", size=(1280, 720), calm=False)
    stage = await party.stage(host=False, calm=False)
    await anna.add("Tone 1", "Tone 2", "Tone 3")
    await expect(ben.rows()).to_have_count(3)
    assert await ben.titles() == ["Tone 1", "Tone 2", "Tone 3"]

    await ben.press("Vote up Tone 3")

    await expect(anna.rows().first).to_contain_text("Tone 3")
    await expect(anna.score("Tone 3")).to_have_attribute("data-score", "1")
    await expect(stage.page.locator("aside [data-song]").first).to_contain_text("Tone 3")
    assert await anna.titles() == ["Tone 3", "Tone 1", "Tone 2"]
    seq = await ben.page.locator("main").get_attribute("data-seq")
    await expect(anna.page.locator("main")).to_have_attribute("data-seq", str(seq))


async def test_a_vote_shows_before_the_server_answers_and_settles_after(party: Party) -> None:
    anna = await party.phone("Anna")
    await anna.add("Tone 1")
    hold = Hold()
    await anna.page.route_web_socket(re.compile("/ws/"), hold.route)
    await anna.page.reload()
    await anna.live()
    await expect(anna.score("Tone 1")).to_have_attribute("data-score", "0")

    hold.holding = True
    up = anna.page.get_by_role("button", name="Vote up Tone 1", exact=True)
    await up.click()
    await expect(anna.score("Tone 1")).to_have_attribute("data-score", "1", timeout=300)
    await expect(up).to_have_attribute("aria-pressed", "true")
    await up.click()
    await expect(anna.score("Tone 1")).to_have_attribute("data-score", "0", timeout=300)
    await up.click()

    ben = await party.phone("Ben")
    await expect(ben.score("Tone 1")).to_have_attribute("data-score", "1")
    hold.release()
    await ben.press("Vote up Tone 1")
    await expect(anna.score("Tone 1")).to_have_attribute("data-score", "2")
    await expect(up).to_have_attribute("aria-pressed", "true")


async def test_a_vote_survives_a_reload_and_can_be_turned(party: Party) -> None:
    anna = await party.phone("Anna")
    await anna.add("Tone 1")
    await anna.press("Vote up Tone 1")
    await expect(anna.score("Tone 1")).to_have_attribute("data-score", "1")
    await anna.page.reload()
    up = anna.page.get_by_role("button", name="Vote up Tone 1", exact=True)
    await expect(up).to_have_attribute("aria-pressed", "true")
    await anna.press("Vote down Tone 1")
    await expect(anna.score("Tone 1")).to_have_attribute("data-score", "-1")
    await expect(up).to_have_attribute("aria-pressed", "false")


async def test_the_focus_stays_on_the_arrow_while_its_row_moves(party: Party) -> None:
    anna = await party.phone("Anna")
    await anna.add("Tone 1", "Tone 2")
    await anna.page.get_by_role("button", name="Vote up Tone 2", exact=True).focus()
    await anna.page.keyboard.press("Enter")
    await expect(anna.rows().first).to_contain_text("Tone 2")
    focused = await anna.page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == "Vote up Tone 2"


async def test_own_songs_tell_their_turn_and_can_be_removed_and_brought_back(party: Party) -> None:
    anna = await party.phone("Anna", size=(768, 1024))
    ben = await party.phone("Ben", size=(768, 1024))
    await anna.add("Tone 1")
    await ben.add("Tone 2")
    await expect(ben.page.get_by_text("You are 2nd, about a minute")).to_be_visible()
    await expect(ben.page.get_by_role("button", name="Remove Tone 1")).to_have_count(0)
    await ben.press("Remove Tone 2")
    await expect(anna.row("Tone 2")).to_have_count(0)
    await ben.press("Undo")
    await expect(anna.row("Tone 2")).to_have_count(1)


async def test_the_first_visit_asks_for_a_name_that_the_others_see(party: Party) -> None:
    anna = await party.phone("Anna")
    guest = await party.visitor(party.link)
    field = guest.page.get_by_label("Nickname")
    await expect(field).to_be_focused()
    await expect(field).to_have_value(re.compile(r"\w+ \w+"))
    await field.fill("Chiara")
    await guest.press("Join the party")
    await anna.page.get_by_role("button", name=re.compile("here")).click()
    await expect(anna.page.locator("dialog .names")).to_contain_text("Chiara")
    await expect(anna.page.locator("dialog img")).to_be_visible()
    await guest.page.reload()
    await guest.live()
    await expect(guest.page.locator("dialog")).to_have_count(0)


async def test_a_host_controls_the_music_and_guests_do_not(party: Party) -> None:
    host = await party.phone("Hanna", host=True, size=(1280, 720))
    assert "host=" not in host.page.url
    guest = await party.phone("Gero")
    await party.stage()
    await guest.add("Tone 1", "Tone 2", "Tone 3")
    now = guest.page.get_by_role("region", name="Now playing")
    await expect(now).to_contain_text("Tone 1")
    await expect(now.get_by_role("button", name="Pause")).to_have_count(0)
    await host.press("Pause")
    await expect(now).to_contain_text("Paused")
    await host.press("Play")
    await expect(now).not_to_contain_text("Paused")
    await host.press("Skip")
    await expect(now).to_contain_text("Tone 2")

    await host.press("Remove Tone 3")
    await expect(guest.rows()).to_have_count(0)
    await guest.add("Tone 4", "Tone 5")
    await expect(host.rows()).to_have_count(2)
    await host.page.get_by_role("button", name=re.compile("here")).click()
    await host.press("Clear the queue")
    await expect(guest.rows()).to_have_count(0)
    # Until it is there, the last "Undo" is that of the removal.
    await expect(host.page.get_by_text("The queue is empty now.")).to_be_visible()
    await host.page.get_by_role("button", name="Undo").last.click()
    await expect(guest.rows()).to_have_count(2)


async def test_settings_reach_every_phone(party: Party) -> None:
    host = await party.phone("Hanna", host=True)
    guest = await party.phone("Gero")
    await guest.add("Tone 1")
    await expect(guest.page.get_by_role("button", name="Vote down Tone 1")).to_have_count(1)
    await host.press("Settings of the party")
    await host.page.get_by_label("Name of the party").fill("Léa’s birthday")
    await host.page.get_by_label("Down votes").uncheck()
    await host.page.get_by_label("Fair turns").check()
    await host.press("Save")
    await expect(guest.page.get_by_role("heading", level=1)).to_have_text("Léa’s birthday")
    await expect(guest.page.get_by_role("button", name="Vote down Tone 1")).to_have_count(0)
    await host.page.reload()
    await host.press("Settings of the party")
    await expect(host.page.get_by_label("Fair turns")).to_be_checked()


async def test_enough_guests_skip_a_song(party: Party) -> None:
    anna, ben = await party.phone("Anna"), await party.phone("Ben")
    await party.stage()
    await anna.add("Tone 1", "Tone 2")
    for guest in (anna, ben):
        await expect(guest.page.get_by_role("region", name="Now playing")).to_contain_text("Tone 1")
    await anna.page.get_by_role("button", name=re.compile("Vote to skip")).click()
    await expect(ben.page.get_by_role("button", name=re.compile("1.2"))).to_be_visible()
    await ben.page.get_by_role("button", name=re.compile("Vote to skip")).click()
    await expect(anna.page.get_by_role("region", name="Now playing")).to_contain_text("Tone 2")


async def test_a_song_of_the_history_can_be_added_again(party: Party) -> None:
    host = await party.phone("Hanna", host=True)
    await party.stage()
    await host.add("Tone 1", "Tone 2")
    await host.press("Skip this song")
    await host.tab("History").click()
    await expect(host.page.locator("#panel-history [data-song]")).to_have_count(1)
    await host.press("Earlier songs")
    await expect(host.page.get_by_text("That is where the night began.")).to_be_visible()
    await expect(host.page.locator("#panel-history [data-song]")).to_have_count(1)
    await host.press("Add Tone 1 again")
    await host.tab("Queue").click()
    await expect(host.row("Tone 1")).to_have_count(1)


async def _overflow(page: Page) -> list[str]:
    found: list[str] = await page.evaluate(
        """[...document.querySelectorAll('body *')]
           .filter((e) => e.checkVisibility() && !e.closest('.sr-only, svg, [aria-hidden]') )
           .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
           .map((e) => e.outerHTML.slice(0, 90))"""
    )
    return found


@pytest.mark.parametrize("size", [(320, 568), (360, 740), (768, 1024), (1280, 720)])
async def test_nothing_sticks_out_and_every_target_is_large_enough(
    party: Party, size: tuple[int, int]
) -> None:
    long = "A title that simply refuses to end before the line does, " * 3
    await party.rest("add_track", {"id": "long", "title": long, "artist": "A" * 150, "duration": 200})
    await party.rest(
        "add_track", {"id": "rtl", "title": "يا مسافر وحدك", "artist": "عبد الوهاب", "duration": 9}
    )
    guest = await party.phone("Gero", size=size)
    await expect(guest.rows()).to_have_count(2)
    for tab in ("Search", "History", "Queue"):
        await guest.tab(tab).click()
        assert await _overflow(guest.page) == []
    small = await guest.page.evaluate(
        """[...document.querySelectorAll('button, input, select, a')].filter((e) => e.checkVisibility())
           .map((e) => [e.getBoundingClientRect(), e.getAttribute('aria-label') ?? e.innerText])
           .filter(([box]) => box.width < 44 || box.height < 43.5).map(([, name]) => name)"""
    )
    assert small == []
