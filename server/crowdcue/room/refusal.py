"""Refusals are values with a stable code; exceptions mean bugs or I/O."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Code = Literal[
    "bad_request",
    "unauthorised",
    "forbidden",
    "pin_needed",
    "bad_pin",
    "no_such_room",
    "no_such_song",
    "queue_empty",
    "queue_full",
    "too_many",
    "too_large",
    "stale",
    "not_now",
    "unavailable",
    "internal",
]

#: Every refusal code a client may meet, with what it means; the documentation is made from this table.
CODES: Final[dict[Code, str]] = {
    "bad_request": "The request does not have the form it must have.",
    "unauthorised": "The token is not one that this party signed.",
    "forbidden": "This needs rights that you do not have, or the room's settings do not allow it.",
    "pin_needed": "This room has a PIN, and you have not shown it yet.",
    "bad_pin": "This is not the PIN of this room.",
    "no_such_room": "There is no room of this code.",
    "no_such_song": "There is no song of this id where one is needed.",
    "queue_empty": "Nothing plays and nothing is queued.",
    "queue_full": "The queue holds as many songs as it can.",
    "too_many": "A rate (of wrong PINs, too), a limit per guest or a memory limit is reached.",
    "too_large": "The request or the song is larger or longer than allowed.",
    "stale": "What the request refers to is not what plays (any more).",
    "not_now": "This song was played too recently.",
    "unavailable": "The outcome is unknown; repeat with the same id.",
    "internal": "A bug on our side; it has been logged.",
}


class Refused(NamedTuple):
    """A command that was not applied: a stable code, a line for a person, seconds until it may work."""

    code: Code
    message: str
    retry_after: int | None = None


class Done(NamedTuple):
    """A command that was applied, or changed nothing; it shows in version `seq` of the room."""

    seq: int
    result: dict[str, object] | None = None


Outcome = Done | Refused
