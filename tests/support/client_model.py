"""An independent, deliberately simple client: it applies `state`, `patch` and `mine` as the contract says."""

from __future__ import annotations

import copy
from typing import Any


class ClientModel:
    """What one member sees after the messages it was sent."""

    def __init__(self) -> None:
        self.seq = -1
        self.mark = ""
        self.room: dict[str, Any] = {}
        self.playing: dict[str, Any] | None = None
        self.items: dict[str, dict[str, Any]] = {}
        self.history: list[dict[str, Any]] = []
        self.mine: dict[str, int] = {}

    def receive(self, message: dict[str, Any]) -> None:
        """Apply one message; those that are not about the room's state change nothing."""
        message = copy.deepcopy(message)
        if message["t"] == "state":
            self._state(message)
        elif message["t"] == "patch":
            self._patch(message)
        elif message["t"] == "mine":
            self._mine(message)

    def _state(self, message: dict[str, Any]) -> None:
        self.seq, self.mark = message["seq"], message["mark"]
        self.room, self.playing = message["room"], message["playing"]
        self.items = {item["id"]: item for item in message["queue"]}
        self.history, self.mine = message["history"], message.get("mine", {})

    def _patch(self, message: dict[str, Any]) -> None:
        assert message["seq"] >= self.seq, "a patch never goes back"
        self.seq, self.mark = message["seq"], message["mark"]
        deleted = set(message.get("del", []))
        for song_id in deleted:
            self.items.pop(song_id, None)
            self.mine.pop(song_id, None)  # votes die with the item
        for fields in message.get("set", []):
            known = self.items.get(fields["id"])
            if known is None:
                assert {"title", "score", "key", "by", "added_at"} <= fields.keys(), "a new item comes whole"
                self.items[fields["id"]] = fields
            else:
                known.update(fields)
        if "playing" in message:
            self.playing = message["playing"]
        self.history = (message.get("history", []) + self.history)[:20]
        self.room.update(message.get("room", {}))

    def _mine(self, message: dict[str, Any]) -> None:
        if message.get("all"):
            self.mine = {}
        for song_id, value in message["votes"].items():
            if value:
                self.mine[song_id] = value
            else:
                self.mine.pop(song_id, None)

    @property
    def queue(self) -> list[dict[str, Any]]:
        """The items in play order."""
        return sorted(self.items.values(), key=lambda item: item["key"])

    def view(self) -> dict[str, Any]:
        """Everything the client shows."""
        return copy.deepcopy(
            {
                "seq": self.seq,
                "mark": self.mark,
                "room": self.room,
                "playing": self.playing,
                "queue": self.queue,
                "history": self.history,
                "mine": self.mine,
            }
        )
