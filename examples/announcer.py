"""A bot that tells what happens in a party: python announcer.py http://localhost:8080 MAIN"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator

from crowdcue.client import Change, CrowdcueError, Party


def news(change: Change) -> Iterator[str]:
    """What is worth saying about a change."""
    if change.started is not None:
        song = change.started["song"]
        yield f"Now playing: {song['title']} by {song['artist']}"
    elif change.after.playing is None and change.before.playing is not None:
        yield "The music has stopped"
    for item in change.added:
        yield f"{item['by']['name']} added {item['title']}"
    first = change.new_first
    waited = {item["id"] for item in change.before.queue[1:]}
    if first is not None and first["id"] in waited and change.started is None:
        yield f"{first['title']} moved up to first"
    for item in change.after.queue:
        if item["score"] >= 10 and all(
            was["score"] < 10 for was in change.before.queue if was["id"] == item["id"]
        ):
            yield f"{item['title']} has {item['score']} votes"


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    arguments.add_argument("code")
    options = arguments.parse_args()
    async with Party(options.url, options.code, name="Announcer") as party:
        print(f"Listening to {party.room['name']}, {len(party.queue)} songs wait", flush=True)
        async for change in party.changes():
            for line in news(change):
                print(line, flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
    except CrowdcueError as error:
        raise SystemExit(f"announcer: {error}") from None
