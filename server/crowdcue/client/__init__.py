"""The client library: `Party` follows a party live and gives commands; see docs/bots.md."""

from crowdcue.client.errors import (
    BadMessage,
    BadToken,
    Closed,
    CrowdcueError,
    Ended,
    NotReachable,
    PartyOver,
    PinNeeded,
    Refused,
    Removed,
)
from crowdcue.client.party import Party
from crowdcue.client.view import Change, Item, Play, Playing, Snapshot, Song, View

__all__ = [
    "BadMessage",
    "BadToken",
    "Change",
    "Closed",
    "CrowdcueError",
    "Ended",
    "Item",
    "NotReachable",
    "Party",
    "PartyOver",
    "PinNeeded",
    "Play",
    "Playing",
    "Refused",
    "Removed",
    "Snapshot",
    "Song",
    "View",
]
