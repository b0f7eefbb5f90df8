"""What can go wrong for a client of a party, as one tree.

CrowdcueError
├── Refused            a command was refused; the connection goes on
├── NotReachable       the first connection did not come about in time
└── Ended              this `Party` is over; whatever still waits gets it too
    ├── Closed         you left the `async with` block
    ├── PartyOver      there is no such party (any more)
    ├── Removed        you were removed from the party, or are not let in
    ├── PinNeeded      the party has a PIN, and yours is missing or wrong
    ├── BadToken       the party takes neither your token nor you anew
    └── BadMessage     the server did not understand what this library sent
"""

from __future__ import annotations


class CrowdcueError(Exception):
    """Everything that this library raises on its own."""


class Refused(CrowdcueError):
    """A command was refused.

    `code` is stable (see the table in docs/bots.md), `message` is for people, `retry_after` says after how many
    seconds it may work (or None).
    """

    def __init__(self, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retry_after = retry_after


class NotReachable(CrowdcueError):
    """The first connection did not come about in time; `__cause__` is what went wrong last."""


class Ended(CrowdcueError):
    """This `Party` is over and will not connect again."""


class Closed(Ended):
    """The `async with` block was left."""


class PartyOver(Ended):
    """There is no party of this code (close code 4404)."""


class Removed(Ended):
    """You were removed from the party, or are not let in from here (close code 4403)."""


class PinNeeded(Ended):
    """The party has a PIN and you have not shown it (close code 4423): "pin_needed" or, for a wrong one, "bad_pin"."""


class BadToken(Ended):
    """The host token is wrong, or the member token was refused and joining anew did not help (close code 4401)."""


class BadMessage(Ended):
    """The server did not understand this library (close code 4400): perhaps it speaks another version."""
