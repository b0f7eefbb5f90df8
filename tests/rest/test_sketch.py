"""The phone's page before its script runs: a room's name and first songs, as text and never as markup."""

from __future__ import annotations

import asyncio
import base64
import re
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from crowdcue.faces import pages
from crowdcue.faces.sketch import SONGS, Sketched
from crowdcue.log.contract import Unavailable
from crowdcue.room.commands import HOST, Ban
from tests.rest.party import Party, ids, song

PAGE = "<!doctype html><title>Party · Crowdcue</title><div><!--room--><i></i><!--/room--></div><p>end</p>"
HOSTILE = [
    "<script>alert(1)</script>",
    "</title></div><img src=x onerror=alert(1)>",
    "<!--/room--> & \"quotes\" 'n' all",
    "&lt;b&gt; {0} \\1 $1",
]


class Reader(HTMLParser):
    """What a browser makes of a page: its elements, and its text line by line."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs, "nothing that comes from people may become an attribute"
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


async def sketch(party: Party) -> str:
    """The party's house room in a small page."""
    live = await party.context.registry.get("MAIN")
    return Sketched.of(PAGE).of_room(live.room)


async def test_name_and_songs_in_play_order(party: Party) -> None:
    guest = party.member("Anna")
    for number in range(1, SONGS + 4):
        assert (await guest.post("/add_track", json=song(number, f"Tune {number}"))).status_code == 200
    await party.member("Ben").post("/vote?up=true", json={"id": 3})
    page = await sketch(party)
    order = ids((await guest.get("/queue")).json())
    assert order[0] == 3
    titles = re.findall(r"<li><i></i><div><bdi>(.*?)</bdi>", page)
    assert titles == [f"Tune {number}" for number in order[:SONGS]]
    assert page.startswith("<!doctype html><title>The house party · Crowdcue</title>")
    assert "<h1><bdi>The house party</bdi></h1><p>MAIN</p>" in page and page.endswith("</ol></div><p>end</p>")
    assert "<bdi>Anna</bdi></div><b>1</b>" in page and "room--" not in page


async def test_nothing_that_people_write_is_markup(party: Party) -> None:
    before = Reader(await sketch(party)).tags
    host = await party.host()
    for number, text in enumerate(HOSTILE):
        guest = party.member(text[:60])
        added = await guest.post("/add_track", json={**song(number), "title": text, "artist": text})
        assert added.status_code == 200
    live = await party.context.registry.get("MAIN")
    assert (await host.get("/queue")).status_code == 200
    room = Reader(Sketched.of(PAGE).of_room(live.room))
    row = ["li", "i", "div", "bdi", "bdi", "bdi", "b"]
    assert room.tags[: len(before) - 1] == before[:-1] and room.tags[len(before) - 1 :] == row * 4 + ["p"]
    for text in HOSTILE:
        assert "".join(room.texts).count(text) >= 2, text


def test_a_page_without_its_places_stays_as_it_is() -> None:
    for page in (
        "<title>x</title>",
        "<!--room--><!--/room-->",
        "<!--room--><!--/room--><title>x</title>",
        "",
    ):
        assert Sketched.of(page).parts is None


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Pages as the build makes them, but small."""
    for name in ("index", "room", "stage"):
        (tmp_path / f"{name}.html").write_text(f"<style>a{{}}</style>{PAGE}{name}", encoding="utf-8")
    monkeypatch.setattr(pages, "find_pages", lambda: tmp_path)


@pytest.mark.usefixtures("built")
class TestServed:
    """The sketch in the answers of a node."""

    async def test_only_the_phone_shows_it(self, party: Party) -> None:
        guest = party.member("Anna")
        await guest.post("/add_track", json=song(1))
        party = await again(party)
        phone = await party.caller().get("/r/main")
        assert song(1)["title"] in phone.text and phone.status_code == 200
        for path in ("/", "/r/MAIN/stage", "/r/QQQQQQ", "/r/nonsense"):
            page = await party.caller().get(path)
            assert song(1)["title"] not in page.text and "Party ·" in page.text, path
            assert page.status_code == (404 if path == "/r/nonsense" else 200)

    async def test_who_was_sent_away_sees_nothing(self, party: Party) -> None:
        guest = party.member("Ben")
        await party.member("Anna").post("/add_track", json=song(1))
        party = await again(party)
        token = guest.headers["Authorization"].removeprefix("Bearer ")
        cookie = {"Cookie": f"crowdcue={token}"}
        assert song(1)["title"] in (await party.caller().get("/r/MAIN", headers=cookie)).text
        live = await party.context.registry.get("MAIN")
        await guest.post("/add_track", json=song(2))
        member = party.context.identity.member(token).id
        await live.do(Ban("house", HOST, None, member, True))
        assert live.room.members[member].banned
        page = await party.caller().get("/r/MAIN", headers=cookie)
        assert page.status_code == 200 and song(1)["title"] not in page.text

    @pytest.mark.parametrize("trouble", ["unavailable", "slow", "draining"])
    async def test_the_page_comes_whatever_the_log_does(
        self, party: Party, monkeypatch: pytest.MonkeyPatch, trouble: str
    ) -> None:
        async def get(_: str) -> Any:
            if trouble == "slow":
                await asyncio.sleep(30)
            raise Unavailable("the log is away")

        party = await again(party)
        if trouble == "draining":
            party.context.draining = True
        else:
            monkeypatch.setattr(party.context.registry, "get", get)
        page = await asyncio.wait_for(party.caller().get("/r/MAIN"), 5)
        assert page.status_code == 200 and "Party ·" in page.text and "crowdcue" in page.cookies

    async def test_the_policy_names_the_styles_of_the_page(self, party: Party) -> None:
        party = await again(party)
        policy = (await party.caller().get("/r/MAIN")).headers["content-security-policy"]
        hashed = base64.b64encode(sha256(b"a{}").digest()).decode()
        assert f"style-src 'self' 'sha256-{hashed}';" in policy and "unsafe" not in policy
        assert "script-src 'self';" in policy


async def again(party: Party) -> Party:
    """The same node with its pages looked up anew."""
    return Party(party.context)
