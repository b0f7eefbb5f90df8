"""The few pictures of the documents, in docs/images/; run by `make screenshots`. All pages: `make gallery`."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Page, async_playwright, expect

from crowdcue import client
from crowdcue.music.demo import make_demo_tunes
from tests.support.servers import Server

from .conftest import CHROMIUM, FLAGS, KIOSK, Party, Visitor, create

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs" / "images"
#: A picture in the repository must stay small (bytes).
HEAVIEST: Final = 400_000
#: Colours and rows come to rest within this time (ms).
REST: Final = 2_300

#: An address to look at; nobody visits it.
ADDRESS: Final = {"CROWDCUE_PUBLIC_URL": "http://party.local"}

#: Who is at the party, and which of the demo tunes each of them brings.
GUESTS: Final = {
    "Lotte": ("Neon Coastline", "Paper Lanterns"),
    "Mateo": ("Rua das Flores", "Pixel Picnic"),
    "Ayşe": ("Sunday Pancakes", "The Copper Kettle"),
    "Jonas": ("Dub Garden", "Last Bus Home"),
    "Priya": ("Velvet Elevator", "Midnight Tram"),
    "Nils": (),
    "Zoë": (),
}
#: Who likes what, so that the order is not that of arrival.
LIKES: Final = {
    "Rua das Flores": 6,
    "Paper Lanterns": 5,
    "Sunday Pancakes": 4,
    "Dub Garden": 3,
    "Velvet Elevator": 2,
    "Pixel Picnic": 2,
    "Last Bus Home": 1,
}


def long_queue(count: int) -> list[dict[str, Any]]:
    """Songs without artwork or sound, some with titles that try the layout."""
    odd = [
        ("A title that simply refuses to end before the line does, however wide the screen may be", "Ann"),
        ("يا مسافر وحدك", "محمد عبد الوهاب"),
        ("さくらの夜に", "まつり"),
        ("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "Wien"),
    ]
    songs = [(f"Song number {n}", f"Artist {n % 17}") for n in range(1, count + 1)]
    songs[1 : 1 + len(odd)] = odd[: max(0, count - 1)]
    return [
        {"id": f"s{n}", "title": title, "artist": artist, "duration": 150 + 7 * (n % 23)}
        for n, (title, artist) in enumerate(songs[:count])
    ]


@dataclass
class Studio:
    """A running server with the demo tunes, and a browser."""

    server: Server
    browser: Browser

    async def room(self, name: str = "Léa’s garden party") -> Party:
        return await create(self.server.url, self.browser, name, songs_per_guest=0, cooldown=0)

    async def shoot(self, page: Page, name: str) -> Path:
        await page.evaluate("document.fonts.ready.then(() => true)")
        await page.wait_for_timeout(REST)
        path = DOCS / f"{name}.png"
        await page.screenshot(path=path)
        print(f"  {path.relative_to(ROOT)}  {path.stat().st_size // 1000} kB")
        return path


@contextlib.asynccontextmanager
async def crowd(party: Party) -> AsyncIterator[dict[str, client.Party]]:
    """The guests, connected, with their songs queued and their votes given."""
    async with contextlib.AsyncExitStack() as stack:
        here = {
            name: await stack.enter_async_context(client.Party(party.url, party.code, name=name))
            for name in GUESTS
        }
        ids = {song["title"]: song["id"] for song in await _library(party)}
        for turn in range(2):
            for name, titles in GUESTS.items():
                if turn < len(titles):
                    await here[name].add(ids[titles[turn]])
        for title, votes in LIKES.items():
            queued = {item["id"] for item in next(iter(here.values())).queue}
            for guest in list(here.values())[:votes]:
                if ids[title] in queued:
                    await guest.vote(ids[title], +1)
        yield here


async def _library(party: Party) -> list[dict[str, Any]]:
    import httpx

    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{party.url}/api/search", params={"q": "", "limit": 50})
        songs: list[dict[str, Any]] = answer.json()["songs"]
        return songs


#: The pages' policy forbids strings as scripts, and with them `wait_for_function`.
_PLAYED: Final = """(seconds) => new Promise((resolve) => {
  const timer = setInterval(() => {
    if (document.querySelector('#audio').currentTime < seconds) return;
    clearInterval(timer);
    resolve();
  }, 100);
})"""


async def _playing_for(page: Page, seconds: float) -> None:
    async with asyncio.timeout(seconds + 20):
        await page.evaluate(_PLAYED, seconds)


async def _phone_of(name: str, guest: client.Party, party: Party, **look: Any) -> Visitor:
    """The phone of somebody who is here already: with the same token it is the same person."""
    phone = await party.phone(name, **look)
    assert guest.token is not None
    await phone.page.context.add_cookies([{"name": "crowdcue", "value": guest.token, "url": party.url}])
    await phone.page.reload()
    await phone.live()
    return phone


def _data_url(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


PARTY_PICTURE: Final = """<!doctype html><style>
  body { margin: 0; width: 1280px; height: 606px; overflow: hidden; position: relative; background: transparent }
  img { position: absolute; display: block; box-sizing: border-box }
  .stage { left: 2px; top: 22px; width: 984px; border-radius: 14px; border: 7px solid #0b0908;
           box-shadow: 0 0 0 1px #3a332c }
  .phone { right: 2px; top: 6px; width: 278px; border-radius: 34px; border: 8px solid #0b0908;
           box-shadow: 0 0 0 1px #3a332c }
</style><img class="stage" src="%s"><img class="phone" src="%s">"""


async def for_documents(studio: Studio) -> None:
    """docs/images: the party (stage and phone), a host's phone, a wide screen, the landing page."""
    DOCS.mkdir(parents=True, exist_ok=True)
    party = await studio.room()
    stage = await party.stage(size=(1120, 630), calm=False)
    async with crowd(party) as guests:
        phone = await _phone_of("Lotte", guests["Lotte"], party, calm=False)
        await expect(phone.rows().first).to_be_visible()
        await _playing_for(stage.page, 18)
        shots = [
            await studio.shoot(stage.page, "stage"),
            await studio.shoot(phone.page, "phone"),
        ]
        # A little smaller than drawn, which keeps the README quick to load.
        context = await studio.browser.new_context(
            viewport={"width": 1280, "height": 606}, device_scale_factor=0.92
        )
        page = await context.new_page()
        await page.set_content(PARTY_PICTURE % tuple(map(_data_url, shots)))
        await page.wait_for_function("[...document.images].every((image) => image.complete)")
        await page.screenshot(path=DOCS / "party.png", omit_background=True)
        await context.close()
        host = await party.phone("Hanna", host=True, size=(1280, 720))
        await studio.shoot(host.page, "host")
    await party.close()
    for path in DOCS.glob("*.png"):
        size = path.stat().st_size
        assert size < HEAVIEST, f"{path.name} is too heavy for a repository: {size} bytes"


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="crowdcue-screenshots-") as temporary:
        music = Path(temporary) / "music"
        await asyncio.to_thread(make_demo_tunes, music)
        with Server(Path(temporary) / "data", open_party=False, music=[music], env=ADDRESS) as server:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, KIOSK])
                await for_documents(Studio(server, browser))
                await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
