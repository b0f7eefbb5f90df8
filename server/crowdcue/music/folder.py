"""What is in a music folder: a walk that stays inside its root, and the one safe way from a relative path to
a file."""

import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

AUDIO_SUFFIXES = frozenset({".mp3", ".m4a", ".m4b", ".mp4", ".aac", ".ogg", ".oga", ".opus", ".flac", ".wav"})
"""Files that are tried at all. What they really hold is found out by their content."""
COVER_STEMS = ("cover", "folder", "front", "album")
COVER_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif")
_COVER_RANK = {
    f"{stem}{suffix}": rank
    for rank, (stem, suffix) in enumerate((stem, suffix) for stem in COVER_STEMS for suffix in COVER_SUFFIXES)
}
MAX_DEPTH = 64
"""Nested folders followed; deeper is a mistake or a trap, and the stack of open folders needs an end."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be a song: where it is below its root (posix path), and what tells it from a later
    version."""

    root: int
    relative: str
    size: int
    mtime_ns: int
    cover: str | None  # relative path of the picture beside it


def walk(root: Path, index: int, limit: int) -> list[Found]:
    """Every candidate file below `root`, in a fixed order, at most `limit`. Blocking: meant for a thread.

    Hidden files and folders are left out. A symbolic link counts only when its target is inside the root and
    was not found on its own, so a loop is no danger and no song appears twice. What cannot be read is left
    out. Raises OSError when the root itself cannot be listed, so that an unmounted disk is not taken for an
    empty one.
    """
    real_root = root.resolve(strict=True)
    found: list[Found] = []
    links: list[str] = []
    with os.scandir(real_root):  # raises here, for the root only
        pass
    _visit(real_root, "", index, limit, found, links, 0)
    outside = _follow(real_root, links, index, limit, found)
    if outside:
        log.warning("%d links in %s lead outside of it and are left out", outside, root)
    if len(found) >= limit:
        log.warning("%s holds more than %d music files; the rest is left out", root, limit)
    return found


def _visit(
    real_root: Path, below: str, index: int, limit: int, found: list[Found], links: list[str], depth: int
) -> None:
    try:
        with os.scandir(real_root / below) as listing:
            entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=_by_name)
    except OSError as error:
        log.warning("left out the folder %s: %s", real_root / below, error.strerror)
        return
    cover = _cover(entries, below)
    folders: list[str] = []
    for entry in entries:
        relative = f"{below}/{entry.name}" if below else entry.name
        try:
            if entry.is_symlink():
                links.append(relative)
            elif entry.is_dir(follow_symlinks=False):
                folders.append(relative)
            elif _is_audio(entry.name) and len(found) < limit:
                info = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(info.st_mode) and info.st_size > 0:
                    found.append(Found(index, relative, info.st_size, info.st_mtime_ns, cover))
        except OSError:  # it vanished meanwhile
            continue
    if depth >= MAX_DEPTH:
        return
    for relative in folders:
        _visit(real_root, relative, index, limit, found, links, depth + 1)


def _follow(real_root: Path, links: list[str], index: int, limit: int, found: list[Found]) -> int:
    """Add what links lead to, unless known; returns how many lead outside. Linked folders are walked as they
    are, without the links in them, since those inside the root have been seen already."""
    known = {entry.relative for entry in found} if links else set()
    outside = 0
    for link in links:
        try:
            target = (real_root / link).resolve(strict=True)
        except (OSError, RuntimeError):  # it leads nowhere, or in a circle
            continue
        if not target.is_relative_to(real_root):
            outside += 1
            continue
        inner = target.relative_to(real_root).as_posix()
        more: list[Found] = []
        if target.is_dir():
            # Only a folder that the walk did not enter, which is a hidden one, holds anything new.
            if any(part.startswith(".") for part in Path(inner).parts):
                _visit(real_root, inner, index, limit, more, [], len(Path(inner).parts))
        elif _is_audio(target.name) and target.is_file():
            info = target.stat()
            more.append(Found(index, inner, info.st_size, info.st_mtime_ns, None))
        for entry in more:
            if entry.relative not in known and entry.size > 0 and len(found) < limit:
                known.add(entry.relative)
                found.append(entry)
    return outside


def _by_name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_audio(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES  # noqa: PTH122 (a Path per file is 20 times slower)


def _cover(entries: list[os.DirEntry[str]], below: str) -> str | None:
    best: tuple[int, str] | None = None
    for entry in entries:
        rank = _COVER_RANK.get(entry.name.lower())
        if rank is not None and not entry.is_symlink() and (best is None or rank < best[0]):
            best = (rank, entry.name)
    if best is None:
        return None
    return f"{below}/{best[1]}" if below else best[1]


def inside(root: Path, relative: str) -> Path | None:
    """The regular file at `relative` below `root`, with every link resolved; None when it is gone or not
    inside.

    Called each time a file is served: between the scan and now a link may have been put in the way.
    """
    try:
        real_root = root.resolve(strict=True)
        path = (real_root / relative).resolve(strict=True)
        if path.is_relative_to(real_root) and stat.S_ISREG(path.stat().st_mode):
            return path
    except (OSError, RuntimeError, ValueError):  # gone, a circle of links, a NUL in the name
        pass
    return None


def distinct_roots(roots: list[Path]) -> Iterator[Path]:
    """The roots that are no other root, and not inside one, in order: a song is listed once. Raises
    OSError."""
    resolved = [root.resolve(strict=True) for root in roots]
    for at, path in enumerate(resolved):
        if path in resolved[:at]:
            log.warning("the music folder %s is given twice", path)
        elif any(path != other and path.is_relative_to(other) for other in resolved):
            log.warning("the music folder %s lies inside another one, which is enough", path)
        else:
            yield path
