"""A bot that keeps at least a few songs in the queue: python never_dry.py http://localhost:8080 MAIN [--least 3]"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random

from crowdcue.client import CrowdcueError, Party, Refused


async def top_up(party: Party, least: int) -> None:
    """Add songs that are neither queued nor on nor were played lately, until the queue holds `least`."""
    missing = least - len(party.queue)
    if missing <= 0:
        return
    lately = {item["id"] for item in party.queue} | {play["song"]["id"] for play in party.history}
    if party.playing is not None:
        lately.add(party.playing["song"]["id"])
    library = await party.search(limit=100)
    random.shuffle(library)
    library.sort(key=lambda song: song["id"] in lately)  # a small library has to repeat itself at last
    queued = {item["id"] for item in party.queue}
    for song in [song for song in library if song["id"] not in queued][:missing]:
        with contextlib.suppress(Refused):  # played too recently, or too many of ours wait: another time
            await party.add(song["id"])
            print(f"Added {song['title']} by {song['artist']}", flush=True)


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    arguments.add_argument("code")
    arguments.add_argument("--least", type=int, default=3, help="songs that shall wait (default: 3)")
    options = arguments.parse_args()
    async with Party(options.url, options.code, name="Never dry") as party:
        changes = party.changes()
        await top_up(party, options.least)
        async for change in changes:
            if change.removed:
                await top_up(party, options.least)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
    except (CrowdcueError, OSError) as error:
        raise SystemExit(f"never_dry: {error}") from None
