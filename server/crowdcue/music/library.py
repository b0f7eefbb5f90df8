"""The songs of some folders: scanned, searchable, kept up to date; knows files and tags, and nothing of
rooms."""

import asyncio
import contextlib
import logging
import os
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdcue.music.cache import Key, Remembered, TagCache
from crowdcue.music.folder import Found, distinct_roots, inside, walk
from crowdcue.music.image import MAX_IMAGE_BYTES, image_mime
from crowdcue.music.readers import Reader, ReadFailed
from crowdcue.music.search import SearchIndex
from crowdcue.music.song import LibrarySong, make_song
from crowdcue.music.watch import changes

log = logging.getLogger(__name__)

MAX_SONGS = 200_000
"""Some 200 MB of memory with the index; the largest private collections are half of it."""
ARTWORK_CACHE_BYTES = 16 * 1024 * 1024
"""Recently asked artwork: every phone of a party asks for the same few pictures within seconds."""
PROGRESS_EVERY = 100
"""Files between two calls of `progress`: it draws a line in a terminal."""
READERS = max(1, min(4, (os.cpu_count() or 2) - 1))

Progress = Callable[[int, int], None]
Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


@dataclass(frozen=True, slots=True)
class _Contents:
    """One state of the library; a rescan makes a new one and swaps it in."""

    index: SearchIndex
    by_id: dict[
        str, tuple[LibrarySong, Found, bool]
    ]  # the song, its file, whether the picture is in the file


_EMPTY = _Contents(SearchIndex([]), {})


class Library:
    """The songs below `roots`. Reads are synchronous and safe at any time; before `start` there are none.

    `spawn` starts and owns the background task that watches the folders. `on_change` is called on the event
    loop after each change of the contents. `data_dir` exists and holds the cache of tags.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        data_dir: Path,
        *,
        spawn: Spawn | None = None,
        on_change: Callable[[], None] | None = None,
        rng: random.Random | None = None,
        max_songs: int = MAX_SONGS,
        file_seconds: float = 5.0,
        poll_seconds: float = 300.0,
        force_polling: bool = False,
    ) -> None:
        self.on_change = on_change
        self._given = [Path(root) for root in roots]
        self._roots: list[Path] = []
        self._cache = TagCache(data_dir / "tags.sqlite")
        self._spawn = spawn
        self._rng = rng or random.Random()
        self._max_songs = max_songs
        self._file_seconds = file_seconds
        self._poll_seconds = poll_seconds
        self._force_polling = force_polling
        self._contents = _EMPTY
        self._known: dict[Key, Remembered] = {}
        self._passing: set[Key] = set()  # failures of the running scan that are not worth remembering
        self._reader = Reader(file_seconds)  # for artwork; a scan brings its own
        self._artwork_turn = asyncio.Lock()
        self._artwork: OrderedDict[tuple[str, int, int], tuple[bytes, str] | None] = OrderedDict()
        self._artwork_bytes = 0
        self._scanning = asyncio.Lock()
        self._watcher: asyncio.Task[None] | None = None

    async def start(self, progress: Progress | None = None) -> None:
        """Scan the folders; returns when every song can be found. `progress(done, total)` is called on the
        loop. Raises OSError when a root is missing or cannot be listed."""
        self._roots = await asyncio.to_thread(lambda: list(distinct_roots(self._given)))
        self._known = await asyncio.to_thread(self._cache.load)
        await self.rescan(progress)
        if self._spawn is not None:
            self._watcher = self._spawn(self._watch())

    async def close(self) -> None:
        """Stop watching and end the child processes. What is loaded can still be read."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
        await self._reader.close()

    def __len__(self) -> int:
        return len(self._contents.index)

    def get(self, id: str) -> LibrarySong | None:
        """The song with this id."""
        entry = self._contents.by_id.get(id)
        return entry[0] if entry is not None else None

    def songs(self, offset: int = 0, limit: int = 100) -> list[LibrarySong]:
        """A page of all songs, in title order."""
        return self._contents.index.songs[max(0, offset) : max(0, offset) + max(0, limit)]

    def search(self, q: str, limit: int = 50) -> list[LibrarySong]:
        """The best songs for what somebody typed, best first; an empty `q` lists the library by title. Takes
        a few milliseconds at most with 50,000 songs."""
        return self._contents.index.search(q, limit)

    def pick(self, avoid: Collection[str] = ()) -> LibrarySong | None:
        """A random song whose id is not in `avoid` (a set, best); None when there is no such song."""
        songs = self._contents.index.songs
        for _ in range(16):  # nearly always enough, and free of the library's size
            if songs and (song := self._rng.choice(songs)).id not in avoid:
                return song
        left = [song for song in songs if song.id not in avoid]
        return self._rng.choice(left) if left else None

    def file(self, id: str) -> tuple[Path, str] | None:
        """The file of a song, with all links resolved, and its MIME type; None when unknown, gone, or no
        longer inside its root. Checked anew at every call (a few system calls): open it at once."""
        entry = self._contents.by_id.get(id)
        if entry is None:
            return None
        song, found, _ = entry
        path = inside(self._roots[found.root], found.relative)
        return (path, song.mime) if path is not None else None

    async def artwork(self, id: str) -> tuple[bytes, str] | None:
        """The picture in the song's file, or else beside it, and its MIME type; None when there is none that
        is a JPEG, PNG, WebP or GIF within the limits."""
        entry = self._contents.by_id.get(id)
        if entry is None or not entry[0].has_artwork:
            return None
        _, found, embedded = entry
        key = (id, found.size, found.mtime_ns)
        async with (
            self._artwork_turn
        ):  # one at a time: a picture is read in milliseconds, and then remembered
            if key in self._artwork:
                self._artwork.move_to_end(key)
                return self._artwork[key]
            picture = await self._read_artwork(found, embedded)
            self._artwork[key] = picture
            self._artwork_bytes += _weight(picture)
            while self._artwork_bytes > ARTWORK_CACHE_BYTES:
                _, dropped = self._artwork.popitem(last=False)
                self._artwork_bytes -= _weight(dropped)
            return picture

    async def _read_artwork(self, found: Found, embedded: bool) -> tuple[bytes, str] | None:
        root = self._roots[found.root]
        if embedded:
            path = await asyncio.to_thread(inside, root, found.relative)
            if path is not None:
                try:
                    picture = await self._reader.picture(str(path))
                except ReadFailed as failure:
                    log.warning("no picture from %s: %s", path, failure)
                    picture = None
                if picture is not None:
                    return picture
        return await asyncio.to_thread(_beside, root, found.cover) if found.cover is not None else None

    async def rescan(self, progress: Progress | None = None) -> bool:
        """Look at the folders again, reading only files that are new or changed; True when anything is
        different. Raises OSError when a root cannot be listed, in which case everything stays as it was."""
        async with self._scanning:
            found, todo = await asyncio.to_thread(self._walk)
            new = await self._read_new(todo, len(found), progress)
            await asyncio.to_thread(self._remember, found, new)
            contents = await asyncio.to_thread(self._assemble, found)
            if contents is None:
                return False
            self._contents = contents
        if self.on_change is not None:
            self.on_change()
        return True

    def _walk(self) -> tuple[list[Found], list[Key]]:
        """All files, and those of them that are not remembered."""
        found: list[Found] = []
        for index, root in enumerate(self._roots):
            found.extend(walk(root, index, self._max_songs - len(found)))
        return found, [key for key in map(self._key, found) if key not in self._known]

    def _key(self, found: Found) -> Key:
        return f"{self._roots[found.root]}/{found.relative}", found.size, found.mtime_ns

    async def _read_new(
        self, todo: list[Key], total: int, progress: Progress | None
    ) -> list[tuple[Key, Remembered]]:
        """Read the tags of these files, in a few child processes at once."""
        done = total - len(todo)
        new: list[tuple[Key, Remembered]] = []
        if progress is not None:
            progress(done, total)

        async def work() -> None:
            nonlocal done
            reader = Reader(self._file_seconds)
            try:
                while todo:
                    mine = {key[0]: key for key in todo[-64:]}
                    del todo[-64:]
                    async for path, tags in reader.tags(list(mine)):
                        if isinstance(tags, ReadFailed):
                            log.warning("left out %s: %s", path, tags)
                            new.append((mine[path], str(tags)))
                            if not tags.lasting:
                                self._passing.add(mine[path])
                        else:
                            new.append((mine[path], tags))
                        done += 1
                        if progress is not None and (done % PROGRESS_EVERY == 0 or done == total):
                            progress(done, total)
            finally:
                await reader.close()

        if todo:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(READERS, 1 + len(todo) // 64)):
                        group.create_task(work())
            except* ReadFailed as failures:
                raise OSError(str(failures.exceptions[0])) from failures
        return new

    def _remember(self, found: list[Found], new: list[tuple[Key, Remembered]]) -> None:
        """Remember these, and forget files that are gone."""
        keys = [self._key(entry) for entry in found]
        known = {key: self._known[key] for key in keys if key in self._known}
        known.update(new)
        present = {key[0] for key in keys}
        gone = {key[0] for key in self._known if key[0] not in present}
        if new or gone:
            # A file that only took too long this time gets another chance after a restart.
            self._cache.save([entry for entry in new if entry[0] not in self._passing], gone)
            self._passing.clear()
        self._known = known

    def _assemble(self, found: list[Found]) -> _Contents | None:
        """The songs of these files with their index; None when they are the songs there are already."""
        by_id: dict[str, tuple[LibrarySong, Found, bool]] = {}
        for entry in found:
            tags = self._known.get(self._key(entry))
            if tags is None or isinstance(tags, str):
                continue
            song = make_song(
                entry.relative,
                entry.root,
                title=tags["title"],
                artist=tags["artist"],
                album=tags["album"],
                duration_ms=tags["duration_ms"],
                mime=tags["mime"],
                has_artwork=tags["picture"] or entry.cover is not None,
            )
            if song.id in by_id:
                # About once in a billion libraries, or two names that differ only in how accents are encoded.
                # The first in the walk's fixed order keeps the id on every node.
                log.warning("left out %s: its id is that of %s", entry.relative, by_id[song.id][1].relative)
                continue
            by_id[song.id] = (song, entry, tags["picture"])
        if by_id == self._contents.by_id:
            return None
        return _Contents(SearchIndex([song for song, _, _ in by_id.values()]), by_id)

    async def _watch(self) -> None:
        async for _ in changes(
            self._roots, poll_seconds=self._poll_seconds, force_polling=self._force_polling
        ):
            began = time.monotonic()
            try:
                if await self.rescan():
                    log.info("the music folders have changed: %d songs", len(self))
            except OSError as error:
                log.warning(
                    "the music folders cannot be read just now, the songs stay as they are: %s", error
                )
            # A folder being filled changes all the time: spend a tenth of it on rescans at most.
            await asyncio.sleep(min(60.0, 10 * (time.monotonic() - began)))


def _weight(picture: tuple[bytes, str] | None) -> int:
    return 1_000 + (len(picture[0]) if picture is not None else 0)


def _beside(root: Path, cover: str) -> tuple[bytes, str] | None:
    path = inside(root, cover)
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            data = file.read(MAX_IMAGE_BYTES + 1)
    except OSError:
        return None
    mime = image_mime(data)
    return (data, mime) if mime is not None else None
