"""What the gallery shows: parties with guests, songs and votes in them, and the way to each state of each page."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Page, Playwright, WebSocketRoute, expect

from crowdcue import client

from .conftest import ATTENDED, CHROMIUM, FLAGS, Party, Visitor, create
from .gallery import Gallery, Look
from .songs import many

GUESTS: Final = ("Lotte", "Mateo", "Ayşe", "Jonas", "Priya", "Nils", "Zoë")
#: This many of the library's songs are queued before the songs of no library.
FROM_LIBRARY: Final = 16
#: Where the playing song is kept, so that it never ends before the pictures are taken (ms).
PLACE: Final = 17_000
#: The songs with votes; further down nobody has looked yet.
VOTED: Final = 40
#: Played before, for the history.
PLAYED: Final = 9

#: Wider windows show what plays beside the queue, and have no sheet for it (px).
NARROW: Final = 500


@dataclass
class Room:
    """A party with guests in it, and who they are."""

    party: Party
    guests: dict[str, client.Party]
    host: client.Party
    player: client.Party

    async def leave(self) -> None:
        """The soundless player goes, so that a real stage can take its place."""
        await self.player.__aexit__(None, None, None)
        await self.no_player()

    async def no_player(self) -> None:
        """Everybody knows that nothing sounds; a stage that comes now need not wait for its turn."""
        async with asyncio.timeout(15):
            while self.host.here.get("players"):
                await asyncio.sleep(0.1)


async def _library(gallery: Gallery) -> dict[str, dict[str, Any]]:
    async with client.Party(gallery.server.url, "MAIN", name="Search") as party:
        return {song["title"]: song for song in await party.search("", 60)}


@contextlib.asynccontextmanager
async def room(gallery: Gallery, name: str, queued: int, plays: bool = True) -> AsyncIterator[Room]:
    """A room in which one song plays and so many are queued, by seven guests who have voted."""
    url = gallery.server.url
    party = await create(url, gallery.browser, name, songs_per_guest=0, cooldown=0, skip_share=0.5)
    library = await _library(gallery)
    covers = [song["artwork"] for song in library.values() if song.get("artwork")]
    async with contextlib.AsyncExitStack() as stack:
        guests = {
            name: await stack.enter_async_context(client.Party(url, party.code, name=name)) for name in GUESTS
        }
        host = await stack.enter_async_context(
            client.Party(url, party.code, name="Hanna", host=party.host_token)
        )
        people = list(guests.values())
        if plays:
            songs = [song for song in library.values() if song["title"] != "Neon Coastline"]
            for number in range(PLAYED if queued else 0):
                await people[number % 7].add(songs[-1 - number]["id"])
                await host.play_next()
            await people[1].add(library["Neon Coastline"]["id"])
            await host.play_next()
            await host.seek(PLACE)
            mixed = [song["id"] for song in songs[:FROM_LIBRARY]]
            wanted = [*mixed[:2], *many(queued, covers), *mixed[2:]]
            random.Random(3).shuffle(wanted) if queued > FROM_LIBRARY else None
            await asyncio.gather(
                *(_adds(people[at], wanted[at:queued:7]) for at in range(len(people))),
            )
            await _votes(people)
        player = client.Party(url, party.code, name="The big screen", host=party.host_token, player=True)
        await player.__aenter__()
        keeping = asyncio.create_task(_keep(host))
        try:
            yield Room(party, guests, host, player)
        finally:
            keeping.cancel()
            await party.close()


async def _adds(guest: client.Party, songs: list[Any]) -> None:
    for song in songs:
        await guest.add(song)


async def _votes(people: list[client.Party]) -> None:
    dice = random.Random(11)
    for item in list(people[0].queue)[:VOTED]:
        fans = dice.choice((0, 1, 1, 2, 3, 4, 6))
        for guest in people[:fans]:
            await guest.vote(item["id"], +1 if dice.random() < 0.85 else -1)


async def _keep(host: client.Party) -> None:
    """The song goes back before it can end."""
    while True:
        await asyncio.sleep(9)
        if host.playing is not None:
            await host.seek(PLACE)


async def _phone_of(name: str, here: Room, **look: Any) -> Visitor:
    """The phone of somebody who is here already: with the same token it is the same person."""
    phone = await here.party.visitor(here.party.url, name, **look)
    token = (here.host if name == "Hanna" else here.guests[name]).token
    assert token is not None
    await phone.page.context.add_cookies([{"name": "crowdcue", "value": token, "url": here.party.url}])
    await phone.page.goto(here.party.link)
    await phone.live()
    return phone


async def every_scene(gallery: Gallery, playwright: Playwright) -> None:
    """All of the gallery, in a few minutes at most."""
    for part in PARTS.values():
        await part(gallery, playwright)


async def doors(gallery: Gallery, playwright: Playwright) -> None:
    """The landing page, and a code that leads nowhere."""
    party = await create(gallery.server.url, gallery.browser, "Anybody")
    landing = await party.visitor(party.url)
    await gallery.shoot(landing.page, "landing", gallery.looks)
    lost = await party.visitor(f"{party.url}/r/ZZZZZZ", "Gero")
    await expect(lost.page.get_by_role("heading", name="No party here")).to_be_visible()
    await gallery.shoot(lost.page, "phone-ended")
    await party.close()


async def before_the_first_song(gallery: Gallery, here: Room) -> None:
    """A guest at the door, a host without speakers, and the stage while it waits for the first song."""
    welcome = await here.party.visitor(here.party.link)
    await expect(welcome.page.get_by_role("dialog")).to_be_visible()
    await gallery.shoot(welcome.page, "phone-name")
    await here.leave()
    guest = await _phone_of("Lotte", here)
    await gallery.shoot(guest.page, "phone-empty", gallery.looks)
    host = await _phone_of("Hanna", here)
    await expect(host.page.get_by_text("No speakers yet.")).to_be_visible()
    await gallery.shoot(host.page, "phone-empty-host")
    screen = await here.party.stage(host=False)
    await expect(screen.page.locator(".attract .cover").first).to_be_visible()
    await _quiet(screen.page)
    await gallery.shoot(screen.page, "stage-empty", _dark(gallery.looks))
    await screen.page.context.close()
    here.party.visitors.remove(screen)
    hosts = await here.party.stage(host=True)
    await _quiet(hosts.page)
    await gallery.shoot(hosts.page, "stage-empty-host", _dark(gallery.few))


async def gate(gallery: Gallery, here: Room, playwright: Playwright) -> None:
    """The stage in a browser that wants a tap before it makes sound."""
    await here.no_player()
    strict = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, ATTENDED])
    screen = await here.party.gated_stage(strict)
    await expect(screen.page.get_by_role("button", name="Start the music")).to_be_visible()
    await _quiet(screen.page)
    await gallery.shoot(screen.page, "stage-gate", _dark(gallery.few))
    here.party.visitors.remove(screen)
    await strict.close()


async def queue(gallery: Gallery, here: Room, queued: int) -> None:
    """The queue on a guest's phone."""
    phone = await _phone_of("Lotte", here)
    await expect(phone.rows().first if queued else phone.page.get_by_text("Nothing up next")).to_be_visible()
    await gallery.shoot(phone.page, f"phone-queue-{queued}", gallery.looks)


async def guests_sheets(gallery: Gallery, here: Room) -> None:
    """Search, history and what a guest can open."""
    phone = await _phone_of("Lotte", here)
    page = phone.page
    await phone.tab("Search").click()
    await expect(page.locator("#panel-search [data-song]").first).to_be_visible()
    await gallery.shoot(page, "phone-search")
    await page.locator("#find").fill("har")
    await expect(page.locator("#panel-search mark").first).to_be_visible()
    await gallery.shoot(page, "phone-search-words")
    await page.locator("#find").fill("zzzz")
    await expect(page.get_by_text("Nothing found")).to_be_visible()
    await gallery.shoot(page, "phone-search-nothing")
    await phone.tab("History").click()
    await expect(page.locator("#panel-history [data-song]").first).to_be_visible()
    await gallery.shoot(page, "phone-history")
    await phone.tab("Queue").click()
    await page.get_by_role("button", name="Show large").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await gallery.shoot(page, "phone-now", _narrow(gallery.few))
    await page.keyboard.press("Escape")
    await page.locator("button.song", has_text="A title that simply").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await gallery.shoot(page, "phone-song")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="here. Invite").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await gallery.shoot(page, "phone-party")
    await phone.press("The night so far")
    await expect(page.get_by_role("dialog").get_by_role("heading", name="The night")).to_be_visible()
    await gallery.shoot(page, "phone-night")


async def hosts_sheets(gallery: Gallery, here: Room) -> None:
    """The same page in the hands of a host."""
    host = await _phone_of("Hanna", here)
    page = host.page
    await expect(host.rows().first).to_be_visible()
    await gallery.shoot(page, "phone-host")
    await page.get_by_role("button", name="Show large").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await gallery.shoot(page, "phone-now-host", _narrow(gallery.few))
    await page.keyboard.press("Escape")
    for opener, name in (("Settings of the party", "settings"), ("here. Invite", "party")):
        await page.get_by_role("button", name=opener).first.click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await gallery.shoot(page, f"phone-{name}-host")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
    screen = await here.party.stage(host=False)
    await screen.press("Ask for the sound")
    await expect(page.get_by_text("would like to play the music.")).to_be_visible()
    await gallery.shoot(page, "phone-asked-host")
    await screen.page.context.close()
    here.party.visitors.remove(screen)


class Plug:
    """Between a page and the server, to be pulled."""

    def __init__(self) -> None:
        self._routes: list[WebSocketRoute] = []
        self._pulled = False

    async def route(self, route: WebSocketRoute) -> None:
        if self._pulled:
            await route.close()
            return
        route.connect_to_server()
        self._routes.append(route)

    async def pull(self) -> None:
        self._pulled = True
        for route in self._routes:
            await route.close()


async def line_down(gallery: Gallery, here: Room) -> None:
    """A phone and a stage without a server."""
    for name, path in (("phone-offline", ""), ("stage-offline", "/stage")):
        plug = Plug()
        visitor = await here.party.visitor(here.party.url, "Nils")
        await visitor.page.route_web_socket(lambda url: "/ws/" in url, plug.route)
        await visitor.page.goto(here.party.link + path)
        await visitor.live()
        await plug.pull()
        await expect(visitor.page.get_by_text("Reconnecting", exact=False).first).to_be_visible()
        await gallery.shoot(visitor.page, name, gallery.few if not path else _dark(gallery.few))


async def stage(gallery: Gallery, here: Room, queued: int) -> None:
    """A host's stage that sounds; with 30 songs also its other states."""
    await here.leave()
    screen = await here.party.stage()
    page = screen.page
    await expect(page.get_by_role("heading", name="Neon Coastline")).to_be_visible()
    await expect(page.locator("#visualiser")).to_be_visible()
    await _quiet(page)
    await gallery.shoot(page, f"stage-{queued}", _dark(gallery.looks))
    if queued != 30:
        here.party.visitors.remove(screen)
        await page.context.close()
        return
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await gallery.shoot(page, "stage-help", _dark(gallery.few))
    await page.keyboard.press("Escape")
    second = await here.party.stage()
    await expect(second.page.get_by_text("Another screen has the sound.")).to_be_visible()
    await gallery.shoot(second.page, "stage-second", _dark(gallery.few)[2:3])
    await page.keyboard.press("Space")
    await expect(page.get_by_text("Paused", exact=True)).to_be_visible()
    await _quiet(page)
    await gallery.shoot(page, "stage-paused", _dark(gallery.few)[2:3])
    await page.keyboard.press("Space")
    sound = {"uri": (await _library(gallery))["Midnight Tram"]["uri"], "duration": 40}
    await here.guests["Ayşe"].add({"id": "t1", "title": ODD_TITLE, "artist": "Ann & the Ends", **sound})
    for guest in here.guests.values():
        await guest.vote("t1", +1)
    await page.keyboard.press("n")
    await expect(page.get_by_role("heading", name=ODD_TITLE)).to_be_visible()
    await _quiet(page)
    await gallery.shoot(page, "stage-long", _dark(gallery.few))


ODD_TITLE: Final = "A title that simply refuses to end before the line does, however wide the screen may be"


def _dark(looks: tuple[Look, ...]) -> tuple[Look, ...]:
    """The stage is dark in a light room, too; one light look proves it."""
    sizes = list(dict.fromkeys(look.size for look in looks))
    return tuple(Look(size, "dark") for size in sizes)


def _narrow(looks: tuple[Look, ...]) -> tuple[Look, ...]:
    return tuple(look for look in looks if look.size[0] < NARROW)


async def _quiet(page: Page) -> None:
    """Nobody has moved the pointer for a while."""
    await page.evaluate("document.querySelector('[role=toolbar]').classList.remove('awake')")


async def _waiting(gallery: Gallery, playwright: Playwright) -> None:
    async with room(gallery, "Room 4 B", 0, plays=False) as here:
        await before_the_first_song(gallery, here)


def _queued(count: int, name: str) -> Callable[[Gallery, Playwright], Awaitable[None]]:
    async def part(gallery: Gallery, playwright: Playwright) -> None:
        async with room(gallery, name, count) as here:
            await queue(gallery, here, count)
            await stage(gallery, here, count)
            if count == 1:
                await gate(gallery, here, playwright)

    return part


async def _party(gallery: Gallery, playwright: Playwright) -> None:
    async with room(gallery, "Léa’s garden party", 30) as here:
        await queue(gallery, here, 30)
        await guests_sheets(gallery, here)
        await hosts_sheets(gallery, here)
        await line_down(gallery, here)
        await stage(gallery, here, 30)


PARTS: Final[dict[str, Callable[[Gallery, Playwright], Awaitable[None]]]] = {
    "doors": doors,
    "waiting": _waiting,
    "no song": _queued(0, "Midsummer"),
    "one song": _queued(1, "Flat-warming at Jonas’s"),
    "many songs": _queued(500, "Strandbad Open Air, Main Stage"),
    "a party": _party,
}
