"""Writes the golden logs: `python -m tests.golden.make`. Recorded entries must give their digest for ever after.

Each file is one story: `entries` (seq, prev, chain, at, producer, number, payload in base64) give a room with the
`digest`; each of the `steps` is a frame that one member is sent, and the `view` that a client then has. The
browser's tests read the same files.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crowdcue.room import codec, view
from crowdcue.room import commands as c
from tests.support.client_model import ClientModel
from tests.support.story import Story

FOLDER = Path(__file__).parent


class Recorder:
    """A story that "me" watches: `look` sends what is new and records frame and view."""

    def __init__(self, **settings: int | str | bool) -> None:
        self.story = Story(**settings)
        self.steps: list[dict[str, Any]] = []
        self.client = ClientModel()

    def _send(self, frame: dict[str, Any]) -> None:
        self.client.receive(frame)
        self.steps.append({"frame": frame, "view": self.client.view()})

    def look(self) -> None:
        """What is new since the last look: a patch and own votes, or a fresh state."""
        room = self.story.room
        patch = view.since(room, self.client.seq, self.client.mark)
        mine = view.mine(room, "me")
        if patch is None:
            self._send({**view.state(room), "mine": mine})
            return
        if len(patch) > 3:  # more than its t, seq and mark
            self._send(patch)
        changed = {i for i in mine.keys() | self.client.mine.keys() if mine.get(i) != self.client.mine.get(i)}
        if changed:
            self._send({"t": "mine", "votes": view.own_votes(room, "me", sorted(changed))})

    def resume(self) -> None:
        """A new connection from the version that the client has: a patch, and all own votes."""
        room = self.story.room
        patch = view.since(room, self.client.seq, self.client.mark)
        assert patch is not None
        self._send(patch)
        self._send({"t": "mine", "votes": view.mine(room, "me"), "all": True})

    def golden(self) -> dict[str, Any]:
        entries = [
            [e.seq, e.prev, e.chain, e.at, e.producer, e.number, base64.b64encode(e.payload).decode()]
            for e in self.story.entries
        ]
        return {"steps": self.steps, "entries": entries, "digest": codec.digest(self.story.room)}


def votes_storm() -> Recorder:
    """Many votes between two looks: only final values are sent, and the order follows."""
    told, dice = Recorder(), random.Random(1)
    told.look()
    told.story.adds("anna", "a", "b")
    told.story.adds("ben", "c")
    told.story.adds("me", "d")
    told.look()
    for _ in range(6):
        for _ in range(12):
            member = dice.choice(["me", "v1", "v2", "v3", "v4"])
            told.story.votes(member, dice.choice("abcd"), dice.choice([-1, 0, 1, 1]))
        told.story.wait(0.05)
        told.look()
    return told


def fair_policy() -> Recorder:
    """Turns: newcomers join the current one, what plays counts, a removal renumbers, policies switch."""
    told = Recorder(policy="fair")
    told.story.adds("anna", "a1", "a2", "a3")
    told.look()
    told.story.next()
    told.look()
    told.story.adds("me", "m1", "m2")
    told.look()
    told.story.votes("me", "a3", -1)
    told.story.votes("ben", "m2")
    told.look()
    told.story.removes("anna", "a2")
    told.look()
    for policy in ("votes", "first_come", "fair"):
        told.story.sets(policy=policy)
        told.look()
    return told


def history_and_clear() -> Recorder:
    """More plays than a state shows, pauses and seeks, then everything is cleared."""
    told = Recorder()
    told.story.adds("anna", *[f"s{i:02}" for i in range(23)])
    told.story.votes("me", "s22", -1)
    told.look()
    for count in (1, 2, 19):
        for _ in range(count):
            told.story.wait(1.5)
            told.story.next()
        told.look()
    told.story.do(c.Pause("host", 0, None, c.ANY_PLAY))
    told.look()
    told.story.wait(9)
    told.story.do(c.Resume("host", 0, None, c.ANY_PLAY))
    told.story.do(c.Seek("host", 0, None, 12_500))
    told.look()
    told.story.do(c.Clear("host", 0, None, False))
    told.look()
    told.story.do(c.Clear("host", 0, None, True))
    told.look()
    told.story.adds("me", "s01")
    told.story.next(attached=False)
    told.look()
    return told


def settings_and_names() -> Recorder:
    """Every setting, the volume, new names in the queue and on what plays, downvotes swept, a skip vote."""
    told = Recorder(name="Before")
    told.story.adds("anna", "p", "x")
    told.story.adds("me", "y")
    told.story.next()
    for member in ("me", "t1", "t2"):
        told.story.votes(member, "x", -1)
    told.look()
    told.story.do(c.Rename("anna", 0, "r", "Ánna 🎉"))
    told.look()
    told.story.sets(downvotes=False)
    told.look()
    told.story.sets(name="After", songs_per_guest=2, cooldown=90, skip_share=333, skip_minimum=1)
    told.story.sets(longest=600, library_only=True, clock="anyone", autofill=True)
    told.story.do(c.Volume("host", 0, "v", 35))
    told.look()
    told.story.do(c.Skip("me", 0, "s", True, 6, True))
    told.look()
    told.story.do(c.Skip("ben", 0, "s", True, 6, True))
    told.look()
    return told


def deleted_and_added_again() -> Recorder:
    """The same song goes and comes between two looks, so votes on it die with the item it was."""
    told = Recorder()
    told.story.adds("anna", "x", "y")
    told.story.votes("me", "x")
    told.story.votes("me", "y", -1)
    told.look()
    told.story.removes("anna", "x")
    told.story.adds("ben", "x")
    told.look()
    told.story.votes("me", "x", -1)
    told.look()
    told.story.removes("ben", "x")
    told.story.removes("anna", "y")
    told.look()
    told.story.adds("me", "y", seconds=61)
    told.story.votes("me", "y")
    told.look()
    told.story.removes("me", "y")
    told.story.adds("me", "y")
    told.story.votes("me", "y")
    told.look()
    return told


def resumed() -> Recorder:
    """A phone sleeps and wakes: one patch over all it missed, even when that is nothing, then all own votes."""
    told = Recorder()
    told.story.adds("anna", "a", "b", "c")
    told.story.votes("me", "a")
    told.look()
    told.story.votes("me", "b", -1)  # on another phone
    told.story.votes("ben", "c")
    told.story.next()
    told.story.adds("ben", "d")
    told.story.removes("anna", "a")
    told.story.sets(name="While you slept")
    told.story.do(c.Rename("anna", 0, None, "Annabel"))
    told.resume()
    told.resume()
    return told


STORIES: dict[str, Callable[[], Recorder]] = {
    story.__name__: story
    for story in (
        votes_storm,
        fair_policy,
        history_and_clear,
        settings_and_names,
        deleted_and_added_again,
        resumed,
    )
}


def encode(golden: dict[str, Any]) -> str:
    """One line for each step and entry, so that a difference is easy to see."""
    parts = [
        f' "{name}": [\n' + ",\n".join(f"  {json.dumps(line)}" for line in golden[name]) + "\n ]"
        for name in ("steps", "entries")
    ]
    return "{\n" + ",\n".join([*parts, f' "digest": "{golden["digest"]}"']) + "\n}\n"


if __name__ == "__main__":
    for name, story in STORIES.items():
        (FOLDER / f"{name}.json").write_text(encode(story().golden()), encoding="utf-8")
