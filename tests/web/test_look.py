"""Every page in every state, at four sizes and in both colour schemes: laid out well, and fit for everyone.

The pictures that it judges are kept in test-output/gallery-of-tests/, with an index.html to look at them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Playwright

from tests.support.servers import Server

from .conftest import Party
from .gallery import ROOT, SIZES, Gallery, Look, serve
from .look import faults_of_access, faults_of_layout
from .scenes import PARTS

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]

FOLDER = ROOT / "test-output" / "gallery-of-tests"
PHONE, TABLET, LAPTOP, DESK = SIZES
LOOKS = (Look(PHONE, "light"), Look(TABLET, "dark"), Look(LAPTOP, "dark"), Look(DESK, "light"))
FEW = (Look(PHONE, "light"), Look(LAPTOP, "dark"))
#: What every run of the tests looks at, in two sizes; the rest takes minutes.
QUICK = ("doors", "waiting", "no song", "a party")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def collection(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    server = await asyncio.to_thread(serve, tmp_path_factory.mktemp("gallery"))
    with server:
        yield server


@pytest.mark.parametrize(
    ("part", "quick"),
    [
        *((part, True) for part in QUICK),
        *(pytest.param(part, False, marks=pytest.mark.long) for part in PARTS),
    ],
)
async def test_every_page_is_laid_out_well_and_fit_for_everyone(
    collection: Server, browser: Browser, playwright: Playwright, part: str, quick: bool
) -> None:
    found: dict[str, list[str]] = {}
    audited: set[tuple[str, str]] = set()

    async def inspect(page: Page, name: str, look: Look) -> None:
        faults = await faults_of_layout(page)
        # Accessibility hardly depends on the size; each state is audited once in each scheme it is seen in.
        if not quick and part != "many songs" and (name, look.scheme) not in audited:
            audited.add((name, look.scheme))
            faults += await faults_of_access(page)
        if faults:
            found[f"{name}-{look}"] = faults

    looks = (FEW, FEW[:1]) if quick else (LOOKS, FEW)
    gallery = Gallery(collection, browser, FOLDER, inspect, *looks)
    await PARTS[part](gallery, playwright)
    gallery.write_index()
    assert len(gallery.taken) >= 3, "hardly anything was looked at"
    assert not found, "\n".join(f"{where}\n  " + "\n  ".join(faults) for where, faults in found.items())


BREAKS = {
    "wide": "document.querySelector('#panel-queue').style.width = '900px'",
    "cut": "document.querySelector('header p').style.cssText = 'width: 1.5em; overflow: hidden; white-space: nowrap'",
    "over": "document.querySelector('header p').style.cssText = 'margin-top: -1.4em'",
    "pale": "document.documentElement.style.setProperty('--muted', '#4a4038')",
}


@pytest.mark.parametrize("kind", BREAKS)
async def test_the_judge_notices(party: Party, kind: str) -> None:
    guest = await party.phone("Gero")
    assert await faults_of_layout(guest.page) == []
    await guest.page.evaluate(f"() => {{ {BREAKS[kind]} }}")
    assert (
        await faults_of_access(guest.page) if kind == "pale" else await faults_of_layout(guest.page)
    ) != []
