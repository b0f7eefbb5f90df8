"""How the log lines of a node look: for a person, or one JSON object each with the ids of room and member.

A line that knows its room or its member names them by keyed arguments: `log.info("room %(room)s …", {"room": code})`.
Tokens, passwords and whole requests are never arguments of a log line.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

import orjson

Format = Literal["text", "json"]
FORMATS: Final[tuple[Format, ...]] = ("text", "json")

TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
#: Libraries that tell of every connection, or of what we tell ourselves.
CHATTY: Final = ("websockets", "uvicorn.error", "watchfiles")
#: A field of a line is cut after so many characters: a client's text must not fill a disk.
MAX_FIELD: Final = 1_000


class JsonFormatter(logging.Formatter):
    """One line, one JSON object: `at` (UTC, RFC 3339), `level`, `logger`, `message`, the line's own fields, `error`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {}
        if isinstance(record.args, dict):
            line = {str(name): _plain(value) for name, value in record.args.items()}
        line |= {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _plain(record.getMessage()),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    # A lone surrogate in a name would make the whole line fail.
    return str(value)[:MAX_FIELD].encode("utf-8", "replace").decode()


def quiet() -> None:
    """Write nothing: for a command that tells what is wrong by itself."""
    logging.basicConfig(handlers=[logging.NullHandler()])


def set_up(kind: Format, out: TextIO | None = None) -> None:
    """Write log lines in this format to `out` (standard error), from INFO on."""
    handler = logging.StreamHandler(out if out is not None else sys.stderr)
    handler.setFormatter(JsonFormatter() if kind == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
