"""The Content-Security-Policy in a real browser: no page breaks it, and a script that is not ours does not run."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.web.conftest import Party

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]

PAGES = ("/", "/r/CODE", "/r/CODE/stage", "/r/CODE?host=TOKEN", "/r/ZZZZZZ", "/docs")
WATCH = """
window.broken = [];
document.addEventListener("securitypolicyviolation",
    (e) => window.broken.push(e.violatedDirective + " " + e.blockedURI));
"""


@pytest.mark.parametrize("page", PAGES)
async def test_no_page_breaks_the_policy(party: Party, browser: Browser, page: str) -> None:
    context = await browser.new_context()
    try:
        tab = await context.new_page()
        said: list[str] = []
        tab.on("console", lambda message: said.append(message.text))
        await tab.add_init_script(WATCH)
        answer = await tab.goto(
            party.url + page.replace("CODE", party.code).replace("TOKEN", party.host_token)
        )
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert (
            "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
        await tab.wait_for_timeout(700)
        assert await tab.evaluate("window.broken") == []
        assert not [
            text for text in said if "Content Security Policy" in text or "Content-Security-Policy" in text
        ]
        assert party.host_token not in tab.url, "the host token has left the address bar"
    finally:
        await context.close()


async def test_the_watch_notices(party: Party, browser: Browser) -> None:
    context = await browser.new_context()
    try:
        tab = await context.new_page()
        await tab.add_init_script(WATCH)
        await tab.goto(f"{party.url}/r/{party.code}")
        await tab.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = 'window.ran = true';"
            " document.body.append(s); }"
        )
        await tab.wait_for_function("window.broken.length > 0")
        assert await tab.evaluate("window.ran") is None
    finally:
        await context.close()
