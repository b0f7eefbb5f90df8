"""An invented record collection for pictures: names that look real, drawn covers, and titles that try the layout."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Final

from crowdcue.music.canvas import Canvas
from tests.music.makers import flac

#: Title, artist, album; none of them exists.
COLLECTION: Final = (
    ("Salt on the Windows", "Harbour Sleep", "Slack Water"),
    ("Mango Season", "Tía Carmín", "Patio"),
    ("Half a Moon Will Do", "The Porch Lights", "Kerosene"),
    ("Concrete Orchids", "Velvet Arcade", "Night Garden"),
    ("Postcards from Nowhere", "Odette Line", "Terminus"),
    ("Dancing with the Radiator", "Kettle & Spoon", "Small Flats"),
    ("Northbound", "Hollow Pines", "Timberline"),
    ("Bicycle Thunder", "Ruby Delacroix", "Weather Permitting"),
    ("Kitchen Samba", "Dona Lua", "Azulejo"),
    ("Satellite Lullaby", "Juno Marsh", "Low Orbit"),
    ("Ten Thousand Swallows", "Mei Aoki Trio", "River House"),
    ("Gasoline Roses", "Vice Meridian", "Overpass"),
    ("You Left the Porch On", "Marlowe & Sons", "Front Room"),
    ("Tangerine Static", "Going Up", "Mezzanine Hours"),
    ("Deep Water, Small Boat", "Fenwick & Daughters", "Estuary"),
    ("Lemonade Philosophy", "King Fennel", "Dub Allotment"),
    ("Somebody’s Wedding", "The Slow Kitchen", "Sundays"),
    ("Electric Hay", "8-Bit Basket", "Level Select"),
    ("Mercury in the Morning", "Ensemble Prisma", "Refractions"),
    ("Afterglow Avenue", "Saffron Club", "Doors at Nine"),
    ("Wolves Prefer Disco", "Nordlicht Sauna", "Dampf"),
    ("The Long Way to Lisbon", "João & the Tiles", "Elétrico 28"),
    ("Cinnamon Weather", "Priya Rao Quartet", "Monsoon Letters"),
    ("Goodnight, Departures Hall", "Last Call Airlines", "Gate B"),
)
#: Titles and names that try the layout.
ODD: Final = (
    (
        "A title that simply refuses to end before the line does, however wide the screen may be",
        "Ann & the Ends",
    ),
    ("يا ليل الصيف الطويل", "فرقة البحر"),
    ("さくら通りの夜行列車", "まつり商店"),
    ("Donaudampfschifffahrtskapitänskajütenschlüsselbund", "Wiener Nachtverkehr"),
    ("לילה חם בתל אביב", "להקת הגגות"),
)
_FIRST: Final = (
    "Paper",
    "Neon",
    "Slow",
    "Golden",
    "Hidden",
    "Midnight",
    "Copper",
    "Velvet",
    "Broken",
    "Summer",
    "Quiet",
)
_SECOND: Final = (
    "Harbour",
    "Tides",
    "Parade",
    "Machines",
    "Orchard",
    "Letters",
    "Avenue",
    "Weather",
    "Horses",
)
_CLOSE: Final = ("", " (Live at the Boathouse)", " II", "", " Tonight", "", "", " Again")


def make_collection(folder: Path) -> Path:
    """The collection as files with tags; two of three have a cover. There is no sound in them."""
    for number, (title, artist, album) in enumerate(COLLECTION):
        picture = cover(number) if number % 3 != 2 else None
        path = folder / f"{number:02} {title}.flac"
        flac(path, picture=picture, seconds=152 + number * 37 % 140, title=title, artist=artist, album=album)
    return folder


def many(count: int, covers: list[str]) -> list[dict[str, Any]]:
    """Songs of no library, the odd ones first; two of three show one of the `covers`, which are addresses."""
    dice = random.Random(count)
    names = list(ODD)
    artists = [artist for _, artist, _ in COLLECTION]
    for first in _FIRST:
        for second in _SECOND:
            for close in _CLOSE:
                names.append((f"{first} {second}{close}", dice.choice(artists)))
    tail = names[len(ODD) :]
    dice.shuffle(tail)
    songs = []
    for number, (title, artist) in enumerate([*ODD, *tail][:count]):
        song: dict[str, Any] = {"id": f"n{number}", "title": title, "artist": artist}
        song["duration"] = dice.randrange(140, 330)
        if number % 3 != 1 and covers:
            song["artwork"] = covers[number % len(covers)]
        songs.append(song)
    return songs


_PALETTES: Final = (
    ("1b1d3a", "f25f5c", "ffe066"),
    ("0b3c49", "e6af2e", "f4f1de"),
    ("3d0c3b", "ff7f51", "ffd9a0"),
    ("10302b", "7fd1ae", "fdf6e3"),
    ("241e4e", "ce4257", "ffd8be"),
    ("0f2540", "4ea8de", "fca311"),
    ("4a1c10", "e76f51", "f4e9cd"),
    ("22223b", "c9ada7", "f2e9e4"),
)


def cover(number: int) -> bytes:
    """One of six simple motifs in one of eight palettes, as a PNG."""
    dark, bold, pale = _PALETTES[number % len(_PALETTES)]
    c = Canvas(number)
    motif = number % 6
    if motif == 0:  # a sun behind hills
        c.gradient((bold, pale), 0, 1)
        c.disc(0.1, -0.1, 0.48, pale)
        for n, colour in enumerate((bold, dark)):
            c.disc(-0.5 + 0.9 * n, 1.55 - 0.2 * n, 0.95, colour, 1, 2, 1.5)
    elif motif == 1:  # rings on water
        c.gradient((dark, bold), 0.3, 1)
        for n in range(7):
            c.ring(-0.25, 0.2, 0.14 + 0.2 * n, 0.05, pale, 0.9 - 0.11 * n)
    elif motif == 2:  # a poster of bars
        c.gradient((pale, pale), 0, 1)
        for n in range(6):
            c.slab(-0.75 + 0.3 * n, 0.3 + 0.1 * (n * 5 % 4), 0.1, 0.9, (dark, bold)[n % 2], 1, 0.1)
    elif motif == 3:  # a night with a moon
        c.gradient((dark, dark, bold), 0.2, 1)
        c.light(0.35, -0.35, 0.5, pale, 0.5)
        c.disc(0.35, -0.35, 0.3, pale)
        c.disc(0.47, -0.42, 0.26, dark)
    elif motif == 4:  # dots that grow
        c.gradient((bold, bold), 0, 1)
        for x in range(5):
            for y in range(5):
                c.disc(-0.72 + 0.36 * x, -0.72 + 0.36 * y, 0.03 + 0.014 * (x + y), (dark, pale)[(x + y) % 2])
    else:  # two shapes in conversation
        c.gradient((pale, bold), 1, 0.4)
        c.slab(-0.3, 0.25, 0.55, 0.55, dark, 1, 0.12)
        c.disc(0.35, -0.25, 0.5, bold, 0.92)
    c.vignette(0.2)
    return c.png()
