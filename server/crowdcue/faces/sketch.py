"""What a phone shows before its script runs: the room's name and its first songs, as plain markup within the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import Final

from crowdcue.room.state import Item, Room

#: As many songs as a tall phone shows at once, and a few more.
SONGS: Final = 12

_PLACE: Final = re.compile(r"<!--room-->.*?<!--/room-->", re.DOTALL)
_TITLE: Final = re.compile(r"<title>[^<·]*")


@dataclass(frozen=True, slots=True)
class Sketched:
    """A built page, cut at the places where a room's name and songs go."""

    plain: str
    parts: tuple[str, str, str] | None

    @staticmethod
    def of(page: str) -> Sketched:
        """The page, which may have no such places."""
        title, place = _TITLE.search(page), _PLACE.search(page)
        if title is None or place is None or title.end() > place.start():
            return Sketched(page, None)
        cut = (page[: title.start()], page[title.end() : place.start()], page[place.end() :])
        return Sketched(page, cut)

    def of_room(self, room: Room) -> str:
        """The page with what every guest of the room may see anyway; never a word of it is markup."""
        if self.parts is None:
            return self.plain
        before, between, after = self.parts
        name = escape(str(room.settings["name"]))
        songs = "".join(_song(item) for item in room.ordered()[:SONGS])
        return (
            f"{before}<title>{name} {between}"
            f"<header><h1><bdi>{name}</bdi></h1><p>{escape(room.code)}</p></header><ol>{songs}</ol>{after}"
        )


def _song(item: Item) -> str:
    text = "".join(f"<bdi>{escape(line)}</bdi>" for line in (item.song.title, item.song.artist, item.by.name))
    score = f"−{-item.score}" if item.score < 0 else item.score
    return f"<li><i></i><div>{text}</div><b>{score}</b></li>"
