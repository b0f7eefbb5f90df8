"""How the pages feel: quick on a slow phone, smooth in a storm of votes, steady over a night, in other languages."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any, Final

import httpx
import msgpack
import pytest
from playwright.async_api import Browser, CDPSession, Page, WebSocketRoute, expect

from .conftest import Party, Visitor
from .screenshots import long_queue

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]

#: A phone with a quarter of this machine's speed on a slow mobile network (Lighthouse's profile).
SLOW_CPU: Final = 4
SLOW_4G: Final = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 750e3 / 8,
}
#: On such a phone, with nothing in its cache: the party's name and first songs are there by then, … (ms)
PAINTED: Final = 1_000
#: … and votes work (ms).
USABLE: Final = 2_000
#: By then the page is long usable (s).
SETTLED: Final = 4
#: What else a machine does can only make a load slower, so the best of a few says what the page can do.
LOADS: Final = 5
#: When other programs take more than this share of the cores while the test rests, a slow load proves nothing.
BUSY: Final = 0.25

#: Frames a second, of the 60 that a screen shows, below which scrolling no longer looks smooth.
FRAMES: Final = 50
#: The main thread's own processor time for one patch of three votes, in the storm: twice what it takes (ms).
PATCH: Final = 36

#: All times count from the start of the navigation. It looks at one attribute only, so as not to slow the page down.
WATCH: Final = """(() => {
  const seen = globalThis.seen = { shift: 0 };
  const watch = (type, see) =>
    new PerformanceObserver((list) => list.getEntries().forEach(see)).observe({ type, buffered: true });
  watch('layout-shift', (entry) => { if (!entry.hadRecentInput) seen.shift += entry.value; });
  watch('largest-contentful-paint', (entry) => {
    if (seen.painted) return;
    seen.painted = entry.startTime;
    seen.text = entry.element?.textContent ?? seen.sketch; // The sketch may have made room for the living page.
  });
  document.addEventListener('DOMContentLoaded', () => {
    seen.sketch = document.querySelector('.boot h1')?.textContent;
    const look = () => {
      if (document.body.dataset.connection !== 'live') return;
      watching.disconnect();
      requestAnimationFrame(() => setTimeout(() => { seen.usable = performance.now(); }));
    };
    const watching = new MutationObserver(look);
    watching.observe(document.body, { attributes: true });
    look();
  });
})()"""


class FakeRoom:
    """Speaks the server's side of one page's WebSocket, as fast as a test likes."""

    def __init__(self, songs: int) -> None:
        self.seq = 1
        self.random = random.Random(7)
        self.queue: list[dict[str, Any]] = [
            {
                **song,
                "score": 0,
                "up": 0,
                "down": 0,
                "by": {"id": f"m{n % 9}", "name": f"Guest {n % 9}"},
                "added_at": n,
                "key": [0, n],
            }
            for n, song in enumerate(long_queue(songs))
        ]
        self.page: WebSocketRoute | None = None
        #: The commands that the page has sent.
        self.asked: list[dict[str, Any]] = []

    def route(self, page: WebSocketRoute) -> None:
        self.page = page

        def answer(message: str | bytes) -> None:
            assert isinstance(message, bytes)
            frame = msgpack.unpackb(message)
            if frame["t"] == "hello":
                you = {"id": "me", "name": "Anna", "role": "guest"}
                self.send({"t": "welcome", "you": you, "token": "t", "now": 1_000})
                self.send(self.state())
            elif frame["t"] == "ping":
                self.send({"t": "pong", "at": frame["at"], "now": frame["at"]})
            elif frame["t"] == "do":
                self.asked.append(frame)

        page.on_message(answer)

    def send(self, frame: dict[str, Any]) -> None:
        assert self.page is not None
        self.page.send(msgpack.packb(frame))

    def state(self) -> dict[str, Any]:
        room = {"code": "FAKE22", "name": "Storm", "policy": "votes", "downvotes": True}
        return {
            "t": "state",
            "seq": self.seq,
            "mark": "m",
            "room": room,
            "playing": None,
            "queue": self.queue,
            "history": [],
            "mine": {},
        }

    def vote(self, votes: int = 3, among: int | None = None) -> None:
        """One patch in which a few songs got votes and move."""
        changed = {}
        for _ in range(votes):
            item = self.random.choice(self.queue[:among])
            changed[item["id"]] = item["score"] + self.random.choice((-1, 1, 1))
        self.score(changed)

    def score(self, scores: dict[str, int]) -> None:
        """One patch in which these songs have these scores."""
        self.seq += 1
        found = [item for item in self.queue if item["id"] in scores]
        for item in found:
            item["score"] = scores[item["id"]]
            item["key"] = [-item["score"], item["added_at"]]
        changes = [{name: item[name] for name in ("id", "score", "key")} for item in found]
        self.send({"t": "patch", "seq": self.seq, "mark": "m", "set": changes})


async def fake_phone(party: Party, songs: int, **look: Any) -> tuple[FakeRoom, Page]:
    room = FakeRoom(songs)
    visitor = await party.visitor(party.url, "Anna", **look)
    await visitor.page.route_web_socket(lambda url: "/ws/" in url, room.route)
    await visitor.page.goto(party.link)
    await expect(visitor.rows().first).to_be_visible()
    return room, visitor.page


async def _metrics(session: CDPSession) -> dict[str, float]:
    found = await session.send("Performance.getMetrics")
    return {metric["name"]: metric["value"] for metric in found["metrics"]}


async def _cold_load(party: Party) -> tuple[Visitor, dict[str, Any]]:
    """A phone that was never here opens the party: ms to the first words and to the first use, and how much moved."""
    visitor = await party.visitor("", "Anna", calm=False)
    page = visitor.page
    await page.add_init_script(WATCH)
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.emulateNetworkConditions", SLOW_4G)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOW_CPU})
    await page.goto(party.link, wait_until="commit")
    # To look into the page, Playwright runs 330 kB of its own script there: not before all has happened.
    await asyncio.sleep(SETTLED)
    await visitor.live()
    await page.wait_for_timeout(1_000)  # what comes late must not move what is there
    seen: dict[str, Any] = await page.evaluate("globalThis.seen")
    return visitor, seen


async def _others() -> float:
    """The share of this machine's cores that is in use while this test does nothing; 0 where it cannot be told."""
    path = Path("/proc/stat")
    if not path.exists():
        return 0.0
    looks: list[list[int]] = []
    for _ in range(2):
        looks.append([int(ticks) for ticks in path.read_text().split("\n", 1)[0].split()[1:9]])
        await asyncio.sleep(0.5)
    spent = [after - before for before, after in zip(*looks, strict=True)]
    return float(1 - (spent[3] + spent[4]) / max(1, sum(spent)))


@pytest.mark.long
@pytest.mark.alone
async def test_first_paint_and_first_use_on_a_slow_phone(party: Party) -> None:
    songs = long_queue(30)
    await party.rest("sync", songs)
    words = {"Garden party", *(song[part] for song in songs for part in ("title", "artist"))}
    loads: list[dict[str, Any]] = []
    others = [await _others()]
    for _ in range(LOADS):
        visitor, seen = await _cold_load(party)
        loads.append(seen)
        assert seen["text"] in words, "the first paint says something about this party"
        assert seen["shift"] < 0.01, "nothing jumps"
        if len(loads) == 1:
            await visitor.press("Vote up Song number 1")
            await _until_voted(party, "s0")
        await visitor.page.context.close()
        others.append(await _others())
    best = {key: round(min(seen[key] for seen in loads)) for key in ("painted", "usable")}
    print("\nslow phone, best of", LOADS, json.dumps(best), "of", json.dumps(loads))
    if (best["painted"] > PAINTED or best["usable"] > USABLE) and max(others) > BUSY:
        pytest.skip(f"other programs use {max(others):.0%} of this machine, and so the phone came to {best}")
    assert best["painted"] <= PAINTED
    assert best["usable"] <= USABLE


async def _until_voted(party: Party, song_id: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(100):
            queue = (await client.get(f"{party.url}/api/rooms/{party.code}/queue")).json()
            if next(track["votes"] for track in queue if track["id"] == song_id) == 1:
                return
            await asyncio.sleep(0.05)
    raise AssertionError("the vote never reached the server")


#: Counts frames while the list is scrolled by 9 px in each of them, and sums up what jumps.
_SCROLL: Final = """(seconds) => new Promise((resolve) => {
  const panel = document.querySelector('#panel-queue');
  let frames = 0, shift = 0;
  const jumps = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value;
  });
  jumps.observe({ type: 'layout-shift' });
  const began = performance.now();
  const frame = () => {
    const passed = performance.now() - began;
    if (passed >= 1000 * seconds) {
      jumps.disconnect();
      return resolve([1000 * frames / passed, shift]);
    }
    frames++;
    panel.scrollTop = (panel.scrollTop + 9) % 3000;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})"""


async def _scroll(room: FakeRoom, page: Page, patches: int, seconds: float = 5) -> tuple[float, float, float]:
    """Scrolls through so many patches a second; frames a second, what jumped, and ms of the main thread's own
    processor time a second, which other work on the machine makes longer but does not add to."""
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = await _metrics(session)
    scrolled = asyncio.ensure_future(page.evaluate(_SCROLL, seconds))
    began = asyncio.get_running_loop().time()
    sent = 0
    while not scrolled.done():
        late = patches * (asyncio.get_running_loop().time() - began) - sent
        for _ in range(int(late)):
            room.vote(among=120)
            sent += 1
        await asyncio.sleep(0.01)
    frames, shift = await scrolled
    after = await _metrics(session)
    await session.detach()
    assert sent >= 0.9 * patches * seconds
    return frames, shift, 1000 * (after["TaskDuration"] - before["TaskDuration"]) / seconds


@pytest.mark.long
@pytest.mark.alone
async def test_a_long_queue_stays_smooth_in_a_storm_of_votes(party: Party) -> None:
    """500 songs, 20 patches of 3 votes a second, scrolling: the best of three, as nothing makes a page quicker
    than it is. Where the same page without patches gets less than 60 frames, as large a share of it is asked."""
    room, page = await fake_phone(party, 500, calm=False)
    await page.wait_for_timeout(2_000)  # The colours of the page have come to rest.
    others = await _others()
    alone, _, scrolling = await _scroll(room, page, patches=0)
    storms = [await _scroll(room, page, patches=20) for _ in range(3)]
    others = max(others, await _others())
    frames, shift, busy = max(storms)
    report = {
        "frames_per_second": round(frames, 1),
        "without_patches": round(alone, 1),
        "busy_ms_per_second": round(busy),
        "scrolling_alone": round(scrolling),
        "ms_per_patch": round((min(storm[2] for storm in storms) - scrolling) / 20, 1),
        "shift": round(shift, 4),
    }
    print("\n500 songs, 20 patches/s, scrolling:", json.dumps(report))
    assert shift < 0.01, report
    assert report["ms_per_patch"] < PATCH, report
    least = FRAMES * min(1, alone / 60)
    if frames < least and others > BUSY:
        pytest.skip(f"other programs use {others:.0%} of this machine, and so the page came to {report}")
    assert frames >= least, report


@pytest.mark.long
async def test_an_hour_of_patches_leaves_nothing_behind(party: Party) -> None:
    room, page = await fake_phone(party, 500)
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")
    used = []
    for _ in range(
        5
    ):  # an hour at two patches a second, as fast as the page takes them, after a first quarter
        for _ in range(18):
            for _ in range(100):
                room.vote()
            await expect(page.locator("main")).to_have_attribute("data-seq", str(room.seq))
        await page.wait_for_timeout(500)
        await session.send("HeapProfiler.collectGarbage")
        metrics = await _metrics(session)
        used.append((round(metrics["JSHeapUsedSize"] / 1e6, 2), int(metrics["Nodes"])))
    print("\nheap in MB and nodes, each quarter of an hour:", used)
    assert used[-1][0] - used[1][0] < 0.5, used
    assert used[-1][1] - used[1][1] < 400, used


async def test_nothing_jumps_while_the_page_fills_and_songs_change(party: Party) -> None:
    await party.rest("sync", long_queue(30))
    for size in ((360, 740), (1280, 720)):
        visitor = await party.visitor(party.url, "Anna", size=size)
        await visitor.page.add_init_script(
            """globalThis.shift = 0;
            new PerformanceObserver((list) => {
              for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shift += entry.value;
            }).observe({ type: 'layout-shift', buffered: true });"""
        )
        await visitor.page.goto(party.link)
        await visitor.live()
        await expect(visitor.rows().first).to_be_visible()
        await visitor.page.wait_for_timeout(800)
        shift = await visitor.page.evaluate("globalThis.shift")
        print(f"\nlayout shift at {size}: {shift:.4f}")
        assert shift < 0.01


async def test_german_pages_speak_german_and_fit(party: Party, browser: Browser) -> None:
    context = await browser.new_context(locale="de-DE", viewport={"width": 320, "height": 568})
    page = await context.new_page()
    await party.rest("sync", long_queue(3))
    for path, says in (
        ("", "Eine Playlist für den ganzen Raum."),
        (f"/r/{party.code}", "Wie sollen wir dich nennen?"),
    ):
        await page.goto(party.url + path)
        await expect(page.get_by_text(says)).to_be_visible()
        assert await page.evaluate("document.documentElement.lang") == "de"
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await page.get_by_role("button", name="Zur Party").click()
    await page.get_by_role("button", name="hier. Leute einladen").click()
    await page.get_by_label("Sprache").select_option("en")
    await expect(page.get_by_role("tab", name="Queue")).to_be_visible()
    assert await page.evaluate("document.documentElement.lang") == "en"
    await context.close()


async def test_sheets_fit_a_small_phone_at_double_size(party: Party) -> None:
    """320 px are what a phone of 640 px has left at 200 % zoom."""
    host = await party.phone("Hanna", host=True, size=(320, 568))
    for name in ("Settings of the party", "The night so far"):
        if name != "Settings of the party":
            await host.page.get_by_role("button", name="Invite people").click()
        await host.press(name)
        sheet = host.page.get_by_role("dialog")
        await expect(sheet.get_by_role("heading", level=2)).to_be_visible()
        wide = await host.page.evaluate(
            "(() => { const d = document.querySelector('dialog'); return d.scrollWidth - d.clientWidth })()"
        )
        assert wide <= 0, name
        await host.page.keyboard.press("Escape")
        await expect(host.page.locator("dialog")).to_have_count(0)


async def test_right_to_left_text_keeps_its_side_and_its_neighbours(party: Party) -> None:
    await party.rest(
        "add_track", {"id": "rtl", "title": "يا مسافر وحدك", "artist": "عبد الوهاب", "duration": 90}
    )
    guest = await party.phone("لیلا")
    row = guest.page.locator("[data-song='rtl']")
    await expect(row).to_be_visible()
    left = await row.locator(".title").evaluate("(e) => e.getBoundingClientRect().left")
    art = await row.locator(".art").evaluate("(e) => e.getBoundingClientRect().right")
    assert 0 < left - art < 24, "the title stands beside its picture, not at the far side"
