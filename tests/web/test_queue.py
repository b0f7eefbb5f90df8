"""The queue under a finger, and far from the screen: no tap hits a song that just came, no row changes its height."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.async_api import CDPSession, Page, expect

from .conftest import Party
from .test_quality import FakeRoom, fake_phone

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]

_ORDER: Final = "[...document.querySelectorAll('#panel-queue [data-song]')].map((row) => row.dataset.song)"

_HEIGHTS: Final = """Object.fromEntries(
  [...document.querySelectorAll('#panel-queue [data-song]')].map((row) => [row.dataset.song, row.offsetHeight])
)"""

#: In the very frame in which another song comes first: a tap on the arrow that is there now.
_TAP_AS_IT_MOVES: Final = """(pointerType) => void (globalThis.tapped = new Promise((resolve) => {
  const first = () => document.querySelector('#panel-queue [data-song]');
  const was = first().dataset.song;
  const look = () => {
    if (first().dataset.song === was) return requestAnimationFrame(look);
    const arrow = first().querySelector('.up');
    const { x, y, width, height } = arrow.getBoundingClientRect();
    const at = { bubbles: true, cancelable: true, pointerType, isPrimary: true,
                 clientX: x + width / 2, clientY: y + height / 2 };
    for (const kind of ['pointerdown', 'pointerup', 'click']) arrow.dispatchEvent(new PointerEvent(kind, at));
    resolve(first().dataset.song);
  };
  requestAnimationFrame(look);
}))"""


async def _order(page: Page, count: int = 4) -> list[str]:
    found: list[str] = await page.evaluate(_ORDER)
    return found[:count]


class Finger:
    """One finger on a page's screen."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session

    @classmethod
    async def of(cls, page: Page) -> Finger:
        return cls(await page.context.new_cdp_session(page))

    async def down(self, at: dict[str, float]) -> None:
        await self._session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})

    async def up(self) -> None:
        await self._session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def _votes(room: FakeRoom) -> list[tuple[Any, Any]]:
    return [(frame["song_id"], frame["value"]) for frame in room.asked if frame["op"] == "vote"]


async def _centre(page: Page, song: str, button: str) -> dict[str, float]:
    box = await page.locator(f"[data-song={song}] .{button}").bounding_box()
    assert box is not None
    return {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}


async def test_nothing_moves_under_a_finger_until_its_tap_has_counted(party: Party) -> None:
    room, page = await fake_phone(party, 30, calm=False)
    assert await _order(page) == ["s0", "s1", "s2", "s3"]
    arrow, finger = await _centre(page, "s2", "up"), await Finger.of(page)
    await finger.down(arrow)
    room.score({"s3": 4, "s9": 7})
    await expect(page.locator("[data-song=s3] [data-score]")).to_have_attribute("data-score", "4")
    assert await _order(page) == ["s0", "s1", "s2", "s3"], "scores change, places do not"
    await finger.up()
    await expect(page.locator("#panel-queue [data-song]").first).to_have_attribute("data-song", "s9")
    assert _votes(room) == [("s2", 1)]
    assert (await _order(page))[:2] == ["s9", "s3"]


async def test_a_song_that_leaves_keeps_its_place_under_the_finger(party: Party) -> None:
    room, page = await fake_phone(party, 30, calm=False)
    finger = await Finger.of(page)
    await finger.down(await _centre(page, "s2", "up"))
    room.seq += 1
    room.send({"t": "patch", "seq": room.seq, "mark": "m", "del": ["s0"]})
    await expect(page.locator("main")).to_have_attribute("data-seq", str(room.seq))
    assert await _order(page) == ["s0", "s1", "s2", "s3"]
    await finger.up()
    await expect(page.locator("[data-song=s0]")).to_have_count(0)
    assert _votes(room) == [("s2", 1)]


async def test_a_finger_that_stays_does_not_stop_the_queue_for_good(party: Party) -> None:
    room, page = await fake_phone(party, 30, calm=False)
    finger = await Finger.of(page)
    await finger.down(await _centre(page, "s2", "up"))
    room.score({"s9": 7})
    await expect(page.locator("#panel-queue [data-song]").first).to_have_attribute("data-song", "s9")
    await finger.up()


async def test_a_tap_on_a_song_that_has_just_come_along_does_not_count_and_the_next_one_does(
    party: Party,
) -> None:
    room, page = await fake_phone(party, 30, calm=True)  # Rows that jump are the worst case.
    room.score({"s5": 3})
    await expect(page.locator("#panel-queue [data-song]").first).to_have_attribute("data-song", "s5")
    await page.evaluate(_TAP_AS_IT_MOVES, "touch")
    room.score({"s7": 9})
    assert await page.evaluate("tapped") == "s7"
    room.score({"s8": 12})
    await page.wait_for_timeout(300)
    assert (await _order(page))[0] == "s7", "the rows wait for the next tap"
    await page.locator("[data-song=s7] .up").click()
    await expect(page.locator("#panel-queue [data-song]").first).to_have_attribute("data-song", "s8")
    assert _votes(room) == [("s7", 1)], "the first tap did not count"


async def test_rows_far_from_the_screen_are_text_of_the_same_height(party: Party) -> None:
    room, page = await fake_phone(party, 500)
    panel = page.locator("#panel-queue")
    await expect(page.locator("#panel-queue [data-song]")).to_have_count(80)  # A screen of them comes first.
    before = await page.evaluate(_HEIGHTS)
    assert len(set(before.values())) > 1, "some titles have two lines"
    arrows = page.locator("#panel-queue .up")
    assert await arrows.count() < 40
    await expect(page.locator("[data-song=s60]")).to_contain_text("Song number 61")
    for _ in range(12):
        await panel.evaluate("(panel) => { panel.scrollTop += 400 }")
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    await expect(page.locator("[data-song=s60] .up")).to_be_visible()
    after = await page.evaluate(_HEIGHTS)
    assert {song: after[song] for song in before} == before
    await panel.evaluate("(panel) => { panel.scrollTop = 1e6 }")
    await expect(page.locator("#panel-queue [data-song]")).not_to_have_count(len(after))
    del room


async def test_keys_walk_down_a_long_queue_and_the_focus_stays_on_a_row_that_goes_far(party: Party) -> None:
    room, page = await fake_phone(party, 500, calm=False)
    await page.locator("[data-song=s0] .up").focus()
    for _ in range(40):
        await page.keyboard.press("ArrowDown")
    focused = "document.activeElement.closest('[data-song]')?.dataset.song"
    assert await page.evaluate(focused) == "s40"
    room.score({"s40": 5})
    await expect(page.locator("#panel-queue [data-song]").first).to_have_attribute("data-song", "s40")
    assert await page.evaluate(focused) == "s40"
    await page.keyboard.press("+")
    await expect(page.locator("[data-song=s40] [data-score]")).to_have_attribute("data-score", "6")
