"""Real browsers on a real server: rooms, phones and stages for tests, and a watch on every browser's console."""

from __future__ import annotations

import array
import math
import os
import re
import wave
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Playwright, WebSocketRoute, async_playwright, expect

from tests.support.servers import Server

WEB: Final = Path(__file__).resolve().parents[2] / "web"
#: The whole browser opens a window for each visitor, which nobody sees and which takes as long as all that is tested;
#: its headless build has the same engine, and is used where it is installed.
BROWSERS: Final = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
CHROMIUM: Final = os.environ.get("CROWDCUE_TEST_BROWSER") or next(
    (path for path in BROWSERS if Path(path).exists()), BROWSERS[-1]
)
FLAGS: Final = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
)
KIOSK: Final = "--autoplay-policy=no-user-gesture-required"
ATTENDED: Final = "--autoplay-policy=document-user-activation-required"
#: A loaded machine with two cores renders slowly; nothing here waits this long on a quiet one (ms).
PATIENCE: Final = 20_000

#: What `data-level` of the visualiser is while something is heard: at least 0.02.
LOUD: Final = re.compile(r"^(0\.0[2-9]|0\.[1-9]|1)")

Scheme = Literal["dark", "light"]

expect.set_options(timeout=PATIENCE)


def make_tunes(folder: Path) -> Path:
    """Songs one can hear: "The Sines - Tone 1" … of 40 s, two that are over after 3 s, a quiet and a long one."""
    folder.mkdir(parents=True)
    for number in range(1, 7):
        _tone(folder / f"The Sines - Tone {number}.wav", 110.0 * number, 40.0)
    for number in (1, 2):
        _tone(folder / f"The Blips - Short {number}.wav", 330.0 * number, 3.0)
    _tone(folder / "The Hush - Quiet.wav", 220.0, 40.0, 0.07)
    _tone(folder / "The Drones - Long.wav", 150.0, 120.0)
    return folder


def _tone(path: Path, pitch: float, seconds: float, level: float = 0.27) -> None:
    rate = 8_000
    top = 32_767 * level
    period = array.array("h", (int(top * math.sin(2 * math.pi * pitch * n / rate)) for n in range(rate)))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((period.tobytes() * math.ceil(seconds))[: int(seconds * rate) * 2])


@dataclass
class Visitor:
    """One browser with its own cookies and storage, and what it complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def tab(self, name: str) -> Any:
        return self.page.get_by_role("tab", name=name)

    async def live(self) -> None:
        await expect(self.page.locator("body")).to_have_attribute("data-connection", "live")

    def rows(self) -> Any:
        return self.page.locator("#panel-queue [data-song]")

    def row(self, title: str) -> Any:
        return self.page.locator("#panel-queue [data-song]").filter(has_text=title)

    def score(self, title: str) -> Any:
        return self.row(title).locator("[data-score]")

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def titles(self) -> list[str]:
        found: list[str] = await self.page.locator("#panel-queue .title").all_inner_texts()
        return found

    async def add(self, *titles: str) -> None:
        """Through the search tab, as a person would."""
        await self.tab("Search").click()
        for title in titles:
            await self.page.locator("#find").fill(title)
            button = self.page.get_by_role("button", name=f"Add {title}", exact=True)
            await button.click()
            await expect(button).to_have_count(0)
        await self.tab("Queue").click()

    async def sound(self) -> tuple[float, float]:
        """Where the audio element is (s), and how loud the analyser finds it."""
        position, level = await self.page.evaluate(
            "[document.querySelector('#audio').currentTime,"
            " Number(document.querySelector('#visualiser')?.dataset.level ?? 0)]"
        )
        return position, level


@dataclass
class Party:
    """One room of the server, and the browsers in it."""

    url: str
    code: str
    host_token: str
    browser: Browser
    visitors: list[Visitor] = field(default_factory=list)

    @property
    def link(self) -> str:
        return f"{self.url}/r/{self.code}"

    async def visitor(
        self,
        url: str,
        name: str | None = None,
        size: tuple[int, int] = (360, 740),
        scheme: Scheme = "dark",
        browser: Browser | None = None,
        calm: bool = True,
    ) -> Visitor:
        """Open `url` ("": nothing yet) in a browser of its own; with a `name` its owner has been asked for one before.

        `calm`: reduced motion, so that a click need not wait until its row has come to rest.
        """
        width, height = size
        context = await (browser or self.browser).new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce" if calm else "no-preference",
        )
        context.set_default_timeout(PATIENCE)
        if name:
            await context.add_init_script(
                f"localStorage.getItem('crowdcue.name') ?? localStorage.setItem('crowdcue.name', {name!r})"
            )
        page = await context.new_page()
        visitor = Visitor(page)
        page.on("console", lambda message: _note(visitor, message.type, message.text))
        page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        self.visitors.append(visitor)
        if url:
            await page.goto(url)
        return visitor

    async def phone(self, name: str, host: bool = False, **more: Any) -> Visitor:
        visitor = await self.visitor(self.link + (f"?host={self.host_token}" if host else ""), name, **more)
        await visitor.live()
        return visitor

    async def stage(self, host: bool = True, size: tuple[int, int] = (960, 540), **more: Any) -> Visitor:
        query = f"?host={self.host_token}" if host else ""
        visitor = await self.visitor(f"{self.link}/stage{query}", size=size, **more)
        await visitor.live()
        return visitor

    async def gated_stage(self, strict: Browser) -> Visitor:
        """A stage in a browser that wants a tap before it makes sound, and asks for one.

        Whatever Playwright looks up in a page counts as a tap there, so nothing is looked up before the button stands.
        """
        visitor = await self.visitor("", size=(960, 540), browser=strict)
        await visitor.page.add_init_script(
            "new MutationObserver(() => document.querySelector('.gate') && console.info('gate'))"
            ".observe(document, {childList: true, subtree: true})"
        )
        async with visitor.page.expect_console_message(lambda message: message.text == "gate"):
            await visitor.page.goto(f"{self.link}/stage?host={self.host_token}")
        return visitor

    async def close(self) -> None:
        for visitor in self.visitors:
            await visitor.page.context.close()

    async def rest(self, path: str, body: Any) -> Any:
        async with httpx.AsyncClient(trust_env=False) as client:
            headers = {"X-Crowdcue-Host": self.host_token}
            answer = await client.post(f"{self.url}/api/rooms/{self.code}/{path}", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            return answer.json()


def _note(visitor: Visitor, kind: str, text: str) -> None:
    if kind == "error":
        visitor.complaints.append(text)


async def create(url: str, browser: Browser, name: str = "Garden party", **settings: Any) -> Party:
    """A new room."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{url}/api/rooms", json={"name": name, "settings": settings})
        assert answer.status_code == 200, answer.text
        room = answer.json()
    return Party(url, room["code"], room["host_token"], browser)


class Hold:
    """Between one page and the server: keeps back what the server says until told otherwise."""

    def __init__(self) -> None:
        self.holding = False
        self.kept: list[str | bytes] = []
        self._page: WebSocketRoute | None = None

    def route(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        self._page = page

        def down(message: str | bytes) -> None:
            if self.holding:
                self.kept.append(message)
            else:
                page.send(message)

        server.on_message(down)

    def release(self) -> None:
        self.holding = False
        assert self._page is not None
        for message in self.kept:
            self._page.send(message)
        self.kept.clear()


@pytest.fixture(scope="session")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert (WEB / "dist" / "room.html").is_file(), "the pages are not built: npm ci && npm run build in web/"
    return make_tunes(tmp_path_factory.mktemp("web") / "music")


@pytest.fixture(scope="session")
def server(tunes: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data, password = tmp_path_factory.mktemp("web") / "data", {"CROWDCUE_WIFI_PASSWORD": "correct horse"}
    with Server(data, "--wifi", "The house", open_party=False, music=[tunes], env=password) as running:
        yield running


# One browser for all tests: starting one takes longer than most of them. Hence the loop of the session.
@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    running = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, KIOSK])
    yield running
    await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def party(server: Server, browser: Browser) -> AsyncIterator[Party]:
    made = await create(server.url, browser)
    yield made
    await made.close()
    complaints = [line for visitor in made.visitors for line in visitor.complaints]
    assert not complaints, "no browser has anything to complain about"
