"""A room with a PIN on phones and stages: the host sets it, guests type it once, a TV passes by the host's link."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from .conftest import WEB, Party, Visitor, create

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]

AXE = (WEB / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


async def knock(visitor: Visitor, pin: str) -> None:
    """Type a PIN at the door, and go."""
    await visitor.page.get_by_label("PIN", exact=True).fill(pin)
    await visitor.page.get_by_role("button", name="Come in").click()


async def set_pin(host: Visitor, pin: str | None, field: str = "PIN") -> None:
    """By the settings of the party; None: ask for none any more."""
    await host.press("Settings of the party")
    await host.page.get_by_label("Ask for a PIN").set_checked(pin is not None)
    if pin is not None:
        await host.page.get_by_role("textbox", name=re.compile(f"^{field}\\b")).fill(pin)
    await host.press("Save")
    await expect(host.page.locator("dialog")).to_have_count(0)
    await expect(host.page.get_by_text("Settings saved.").first).to_be_visible()


async def outside(party: Party, name: str | None = "Gero", path: str = "") -> Visitor:
    """Somebody who is asked for the PIN."""
    visitor = await party.visitor(party.link + path, name)
    await expect(visitor.page.get_by_role("heading", name="Garden party has a PIN")).to_be_visible()
    return visitor


async def test_the_host_sets_a_pin_and_a_guest_types_it_once(party: Party) -> None:
    host, inside = await party.phone("Hanna", host=True), await party.phone("Anna")
    await inside.add("Tone 1")
    await set_pin(host, "2468")

    guest = await outside(party)
    field = guest.page.get_by_label("PIN", exact=True)
    await expect(field).to_be_focused()
    assert [await field.get_attribute(name) for name in ("inputmode", "autocomplete")] == ["numeric", "off"]
    assert "Tone 1" not in await guest.page.content()
    await guest.page.get_by_role("button", name="Come in").click()
    await expect(guest.page.get_by_role("alert")).to_have_text("A PIN has 4 to 12 digits.")
    await knock(guest, "1357")
    await expect(guest.page.get_by_role("alert")).to_have_text("That is not the PIN. Try again.")
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await knock(guest, "2468")
    await guest.live()
    await expect(guest.row("Tone 1")).to_be_visible()
    assert "2468" not in guest.page.url

    await guest.page.reload()
    await guest.live()
    await expect(guest.row("Tone 1")).to_be_visible()
    await guest.add("Tone 2")
    stored = await guest.page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    assert "2468" not in stored + await guest.page.content()

    await inside.live()  # the door shut behind her
    await inside.page.reload()
    await inside.live()


async def test_another_pin_asks_everybody_and_no_pin_nobody(party: Party) -> None:
    host = await party.phone("Hanna", host=True)
    await set_pin(host, "2468")
    guest = await outside(party)
    await knock(guest, "24 68")
    await guest.live()
    await set_pin(host, "1357", "New PIN")
    await expect(guest.page.get_by_role("heading", name="Garden party has a PIN")).to_be_visible()
    await knock(guest, "1357")
    await guest.live()
    await host.press("Settings of the party")
    await expect(host.page.get_by_label("Ask for a PIN")).to_be_checked()
    assert "1357" not in await host.page.locator("dialog").inner_html()
    await host.page.keyboard.press("Escape")
    await set_pin(host, None)
    stranger = await party.phone("Stranger")
    await expect(stranger.page.get_by_role("tab", name="Queue")).to_be_visible()
    await host.live()


async def test_a_stage_passes_by_the_hosts_link_and_says_whom_to_ask(
    server: object, browser: Browser
) -> None:
    party = await create(server.url, browser, pin="2468")  # type: ignore[attr-defined]
    stage = await party.stage()
    await expect(stage.page.get_by_text("Ask the host for the PIN")).to_be_visible()
    assert "2468" not in await stage.page.content()
    screen = await outside(party, None, "/stage")
    await expect(screen.page.get_by_text("Or open the stage with the link for hosts.")).to_be_visible()
    await knock(screen, "2468")
    await screen.live()
    await expect(screen.page.get_by_text("Ask the host for the PIN")).to_be_visible()
    await party.close()
    assert [line for visitor in party.visitors for line in visitor.complaints] == []


async def test_too_many_wrong_ones_are_told_so(server: object, browser: Browser) -> None:
    party = await create(server.url, browser, pin="2468")  # type: ignore[attr-defined]
    guest = await outside(party)
    button = guest.page.get_by_role("button", name="Come in")
    for number in range(20):
        await knock(guest, f"{number:05}")
        await expect(guest.page.get_by_role("alert")).to_have_text("That is not the PIN. Try again.")
        await expect(button).to_be_visible()
    await knock(guest, "2468")
    await expect(guest.page.get_by_role("alert")).to_contain_text("Too many wrong PINs from here.")
    await party.close()


@pytest.mark.parametrize(
    ("path", "scheme"),
    [
        ("", "light"),
        *(pytest.param(*more, marks=pytest.mark.long) for more in (("", "dark"), ("/stage", "dark"))),
    ],
)
async def test_the_door_reads_well_on_any_screen(
    server: object, browser: Browser, scheme: str, path: str
) -> None:
    name = "A party with quite a long name, for somebody's fiftieth birthday"
    party = await create(server.url, browser, name, pin="2468")  # type: ignore[attr-defined]
    for size in ((320, 568), (3840, 2160)):
        visitor = await party.visitor(party.link + path, size=size, scheme=scheme)  # type: ignore[arg-type]
        await expect(visitor.page.get_by_role("heading", name=f"{name} has a PIN")).to_be_visible()
        await knock(visitor, "1111")
        await expect(visitor.page.get_by_role("alert")).to_have_text("That is not the PIN. Try again.")
        assert await visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        found = await visitor.page.evaluate(
            AXE + ";axe.run().then((r) => r.violations.map((v) => v.id + ' ' + v.nodes[0].html))"
        )
        assert found == []
    await party.close()
