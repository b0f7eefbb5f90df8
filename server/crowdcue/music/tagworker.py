"""The child process that reads music files: one JSON line asks, one answers; it dies on a file that takes too
long.

It says `{"ready": true}` once it has started. Asked `{"op": "tags", "path": …}` it answers `{"tags": …}`, and
asked `{"op": "picture", …}` it answers `{"mime": …, "bytes": n}` followed by n raw bytes (n = 0: none). Either may be
answered by `{"error": reason}`.
"""

import contextlib
import json
import signal
import sys
from typing import BinaryIO

MEMORY_LIMIT = 768 * 1024 * 1024
"""Address space of a child. Tags are read whole, a few times over, so this allows for a 100 MB tag and no
more."""
MAX_REASON = 200


def serve(asked: BinaryIO, answer: BinaryIO, seconds: int) -> None:
    """Answer until the input ends. `seconds` is the wall-clock limit of one file, enforced by a fatal
    alarm."""
    from crowdcue.music.tags import (
        read_picture,
        read_tags,
    )  # after the limits are set, as it pulls in the parsers

    answer.write(b'{"ready": true}\n')
    answer.flush()
    for line in asked:
        ask = json.loads(line)
        body = b""
        reply: dict[str, object]
        if hasattr(signal, "alarm"):
            signal.alarm(seconds)
        try:
            if ask["op"] == "tags":
                reply = {"tags": read_tags(ask["path"])}
            else:
                found = read_picture(ask["path"])
                body, mime = found if found is not None else (b"", None)
                reply = {"mime": mime, "bytes": len(body)}
        except (Exception, RecursionError) as error:
            # A parser may throw anything at a crafted file, and the answer is always the same: not this file.
            body = b""
            reply = {"error": f"{type(error).__name__}: {error}"[:MAX_REASON]}
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        answer.write(json.dumps(reply).encode() + b"\n" + body)
        answer.flush()


def limit_memory() -> None:
    """Cap the address space where the system can (not on Windows; macOS accepts it and ignores it)."""
    try:
        import resource
    except ImportError:
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    limit_memory()
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
