"""Passing the party on: a host copies a link, and the phone that opens it has the controls."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from .conftest import Party

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]


async def test_a_copied_link_makes_a_co_host(party: Party) -> None:
    host = await party.phone("Hanna", host=True)
    await host.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await host.add("Tone 1", "Tone 2")
    await host.page.get_by_role("button", name="here. Invite").click()
    await host.page.get_by_role("button", name="Copy a link for a co-host").click()
    await expect(host.page.get_by_text("Co-host link copied.")).to_be_visible()
    copied = urlsplit(await host.page.evaluate("navigator.clipboard.readText()"))

    # The address is one that others can reach; here everybody is on this machine.
    friend = await party.visitor(f"{party.url}{copied.path}?{copied.query}", "Gero")
    await friend.live()
    await expect(friend.page.get_by_role("button", name="Settings of the party")).to_be_visible()
    assert party.host_token not in friend.page.url, "whoever looks over a shoulder sees no token"
    await friend.row("Tone 2").locator("button.song").click()
    await friend.press("Remove from the queue")
    await expect(host.row("Tone 2")).to_have_count(0)

    # The rights are the person's: they are still there without the link.
    await friend.page.goto(party.link)
    await friend.live()
    await expect(friend.page.get_by_role("button", name="Settings of the party")).to_be_visible()


async def test_a_guest_has_no_such_link_to_copy(party: Party) -> None:
    guest = await party.phone("Gero")
    await guest.page.get_by_role("button", name="here. Invite").click()
    await expect(guest.page.get_by_role("dialog")).to_be_visible()
    await expect(guest.page.get_by_role("button", name="Copy a link for a co-host")).to_have_count(0)
