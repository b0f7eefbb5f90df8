"""A gallery of every page, state, size and colour scheme, to be looked at; run by `make gallery`.

The pictures and an index.html for them go into test-output/gallery/; `--only NAME` makes those whose name begins so.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from playwright.async_api import Browser, Page, async_playwright

from crowdcue.music.demo import make_demo_tunes
from tests.support.servers import Server

from .conftest import CHROMIUM, FLAGS, KIOSK, Scheme
from .songs import make_collection

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "test-output" / "gallery"
SIZES: Final = ((360, 740), (768, 1024), (1280, 720), (1920, 1080))
SCHEMES: Final[tuple[Scheme, ...]] = ("dark", "light")
#: An address to look at; nobody visits it.
ADDRESS: Final = {"CROWDCUE_PUBLIC_URL": "http://party.local", "CROWDCUE_WIFI_PASSWORD": "correct horse"}
#: After the pictures are there, pages without movement are at rest within this time (ms).
REST: Final = 100

_SETTLED: Final = """async () => {
  await document.fonts.ready;
  const seen = [...document.images].filter((image) => {
    const box = image.getBoundingClientRect();
    return image.checkVisibility() && box.bottom > 0 && box.top < innerHeight;
  });
  const patience = new Promise((resolve) => setTimeout(resolve, 3000));
  await Promise.race([Promise.all(seen.map((image) => image.decode().catch(() => 0))), patience]);
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}"""


class Look(NamedTuple):
    """How a page is looked at."""

    size: tuple[int, int]
    scheme: Scheme

    def __str__(self) -> str:
        return f"{self.size[0]}x{self.size[1]}-{self.scheme}"


ALL_LOOKS: Final = tuple(Look(size, scheme) for size in SIZES for scheme in SCHEMES)
#: Every size and both schemes, but not each with each.
FEW_LOOKS: Final = tuple(Look(size, SCHEMES[at % 2]) for at, size in enumerate(SIZES))

Inspect = Callable[[Page, str, Look], Awaitable[None]]


@dataclass
class Gallery:
    """Takes the pictures. `inspect` is called with each page that is about to be taken."""

    server: Server
    browser: Browser
    folder: Path
    inspect: Inspect | None = None
    #: The looks of the main pages, and those of all other states.
    looks: tuple[Look, ...] = ALL_LOOKS
    few: tuple[Look, ...] = FEW_LOOKS
    only: str = ""
    taken: list[str] = field(default_factory=list)

    async def shoot(self, page: Page, name: str, looks: tuple[Look, ...] | None = None) -> None:
        if not name.startswith(self.only):
            return
        scheme: Scheme | None = None
        before = page.viewport_size
        # A scheme at a time: the browser repaints all of a page when it changes, which takes it a moment.
        for look in sorted(looks if looks is not None else self.few, key=lambda look: look.scheme):
            if look.scheme != scheme:
                scheme = look.scheme
                await page.emulate_media(color_scheme=scheme)
                await page.wait_for_timeout(2 * REST)
            await page.set_viewport_size({"width": look.size[0], "height": look.size[1]})
            await page.wait_for_timeout(REST)
            await page.evaluate(_SETTLED)
            if self.inspect:
                await self.inspect(page, name, look)
            file = f"{name}-{look}.png"
            await page.screenshot(path=self.folder / file)
            self.taken.append(file)
        if before:
            await page.set_viewport_size(before)

    def write_index(self) -> Path:
        """A page with all pictures of the folder, those of one scene in one row."""
        scenes: dict[str, list[str]] = {}
        for path in sorted(self.folder.glob("*.png")):
            scenes.setdefault(path.stem.rsplit("-", 2)[0], []).append(path.name)
        rows = "\n".join(
            f"<h2>{html.escape(scene)}</h2><div>"
            + "".join(
                f'<a href="{name}"><img src="{name}" alt="{name}" loading="lazy"></a>' for name in names
            )
            + "</div>"
            for scene, names in scenes.items()
        )
        index = self.folder / "index.html"
        index.write_text(INDEX % rows)
        return index


INDEX: Final = """<!doctype html><meta charset="utf-8"><title>Gallery</title><style>
  body { margin: 2rem; background: #777; color: #fff; font: 1rem system-ui }
  div { display: flex; flex-wrap: wrap; gap: 1rem; align-items: start }
  img { height: 360px; box-shadow: 0 2px 12px #0008 }
</style>
%s
"""


def serve(folder: Path) -> Server:
    """A server with the demo tunes, which sound, and the invented collection, which is larger. Blocking."""
    tunes, collection = folder / "tunes", folder / "collection"
    make_demo_tunes(tunes)
    make_collection(collection)
    data = folder / "data"
    return Server(data, "--wifi", "The house", open_party=False, music=[tunes, collection], env=ADDRESS)


async def main(only: str) -> None:
    from .scenes import every_scene

    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob(f"{only}*.png"):
        old.unlink()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crowdcue-gallery-") as temporary:
        server = await asyncio.to_thread(serve, Path(temporary))
        with server:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, KIOSK])
                gallery = Gallery(server, browser, FOLDER, only=only)
                await every_scene(gallery, playwright)
                await browser.close()
    index = gallery.write_index()
    seconds = time.monotonic() - began
    print(f"{len(gallery.taken)} pictures in {seconds:.0f} s: {os.path.relpath(index)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.web.gallery")
    parser.add_argument(
        "--only", default="", metavar="NAME", help="only pictures whose name begins so: phone-queue"
    )
    asyncio.run(main(parser.parse_args().only))
