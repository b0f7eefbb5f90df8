"""Equal logs give equal digests, under any PYTHONHASHSEED (R8)."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
from pathlib import Path

from crowdcue.room import codec
from crowdcue.room import commands as c
from tests.support.story import Story, song

SERVER = Path(codec.__file__).parents[2]

REPLAY = """
import base64, json, sys
from crowdcue.room import codec
from crowdcue.room.reduce import reduce
from crowdcue.room.state import Room

log = json.load(sys.stdin)
room = Room("PARTY2", 0, log[0]["prev"])
for entry in log:
    reduce(room, entry["seq"], entry["chain"], entry["at"], base64.b64decode(entry["payload"]))
print(codec.digest(room), hash("crowdcue") % 1000)
"""


def busy_night(seed: int) -> Story:
    """A few hundred commands of every kind by many members."""
    dice = random.Random(seed)
    story = Story(policy="fair", skip_minimum=1)
    for i in range(400):
        member, song_id = f"m{dice.randrange(30)}", f"s{dice.randrange(60)}"
        story.wait(dice.random())
        story.commit(
            c.Add(member, 0, f"a{i}", member, song(song_id), False),
            c.Vote(f"m{dice.randrange(30)}", 0, None, f"s{dice.randrange(60)}", dice.choice([-1, 1, 1])),
            c.Step(member, 0, None, song_id, -1),
            c.Skip(member, 0, None, True, dice.randrange(9), True),
            c.Remove(f"m{dice.randrange(30)}", 0, f"r{i}", song_id),
            c.PlayNext("host", 0, None, dice.randrange(20), True),
        )
        if i % 90 == 0:
            story.sets(policy=dice.choice(["votes", "fair", "first_come"]), downvotes=bool(dice.randrange(2)))
    return story


def test_the_digest_does_not_depend_on_the_hash_seed() -> None:
    story = busy_night(7)
    log = json.dumps(
        [
            {
                "seq": e.seq,
                "prev": e.prev,
                "chain": e.chain,
                "at": e.at,
                "payload": base64.b64encode(e.payload).decode(),
            }
            for e in story.entries
        ]
    )
    answers = []
    for seed in ("0", "1", "4242"):
        run = subprocess.run(
            [sys.executable, "-c", REPLAY],
            input=log,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(SERVER)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        answers.append(run.stdout.split())
    assert {digest for digest, _ in answers} == {codec.digest(story.room)}
    assert len({hashed for _, hashed in answers}) > 1, "the seeds were in force"


def test_different_logs_give_different_digests() -> None:
    assert codec.digest(busy_night(1).room) != codec.digest(busy_night(2).room)
