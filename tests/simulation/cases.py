"""Failures that the simulation found, shrunk and kept: each says what was wrong, and must never come back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from tests.simulation.steps import AS_THEY_ARE, Person, Scenario, Step


class Case(NamedTuple):
    """`mutant`: the mistake that the code made then, as `mutants` names it."""

    mutant: str
    scenario: Scenario

    def variations(self, count: int) -> Iterator[Scenario]:
        """The same steps with other dice: how long each message takes depends on the code around it."""
        return (replace(self.scenario, seed=seed) for seed in range(count))


# A failover takes the host's claim and nothing after it shows: the room was built anew, and neither own votes nor
# rights were told to those who listened, since no entry was applied one by one.
RIGHTS_LOST_WITH_THE_TAIL: Final = Case(
    "keep_votes_and_rights_that_were_only_read",
    Scenario(
        seed=8,
        nodes=2,
        people=(Person("host", "json", host=True, player=True),),
        steps=(
            Step(199, "connect", "host", (1, "anew")),
            Step(8125, "fails over", "log", (2, False)),
        ),
    ),
)

# Ben votes for a song that is removed and added again before the next patch. The patch says that it went and that it
# is there; whether his vote was for the old one or the new one only the server knows.
VOTE_FOR_A_SONG_THAT_CAME_BACK: Final = Case(
    "leave_votes_unclear_when_a_song_comes_back",
    Scenario(
        seed=702,
        nodes=2,
        people=(
            Person("host", "msgpack", host=True),
            Person("anna", "json"),
            Person("ben", "msgpack"),
            Person("cleo", "msgpack"),
        ),
        steps=(
            Step(40, "connect", "ben", (1, "anew")),
            Step(125, "connect", "host", (0, "anew")),
            Step(192, "connect", "cleo", (1, "anew")),
            Step(11368, "weather", "node1", ("log stalls", 7.0)),
            Step(11459, "crash", "node0", ()),
            Step(11489, "clear", "host", ("c56",)),
            Step(11509, "vote", "ben", ("c57", "s0", 1)),
            Step(11632, "vote", "ben", ("c50", "s5", 1)),
            Step(11963, "add", "cleo", ("c41", "s5", 60)),
            Step(11968, "add", "anna", ("c42", "s5", 3)),
        ),
    ),
)

# The same with a vote that was what it had been already: it changes nothing, and still is acknowledged.
REPEATED_VOTE_FOR_A_SONG_THAT_CAME_BACK: Final = Case(
    "leave_repeated_votes_unclear_when_a_song_comes_back",
    Scenario(
        seed=136,
        nodes=3,
        people=(
            Person("host", "json", host=True),
            Person("ben", "json"),
            Person("cleo", "json"),
            Person("dora", "msgpack", player=True),
        ),
        steps=(
            Step(248, "connect", "cleo", (2, "anew")),
            Step(873, "add", "ben", ("c3", "s1", 15)),
            Step(1636, "play_next", "host", ("c66", "expected")),
            Step(3761, "connect", "dora", (0, "resume")),
            Step(3767, "weather", "node0", ("log away", 7.0)),
            Step(3767, "weather", "node2", ("log away", 7.0)),
            Step(4189, "add", "dora", ("c22", "s3", 60)),
            Step(4202, "vote", "cleo", ("c10", "s1", 1)),
            Step(5453, "connect", "host", (2, "resume")),
            Step(7358, "add", "host", ("c34", "s1", 3)),
        ),
    ),
)

# Cleo comes to a node that must catch up first; while it does, she is made a host, and was not told.
PROMOTED_WHILE_LET_IN: Final = Case(
    "let_in_without_a_second_look",
    Scenario(
        seed=259,
        nodes=2,
        people=(
            Person("host", "msgpack", host=True),
            Person("cleo", "json"),
            Person("dora", "json"),
        ),
        steps=(
            Step(88, "connect", "host", (0, "anew")),
            Step(155, "connect", "cleo", (0, "anew")),
            Step(2362, "connect", "dora", (1, "resume")),
            Step(2770, "weather", "node1", ("log away", 3.0)),
            Step(3081, "volume", "host", ("c19", 41)),
            Step(4866, "weather", "node1", ("answers stall", 7.0)),
            Step(9721, "crash", "node0", ()),
            Step(10121, "boot", "node0", ()),
            Step(10558, "promote", "host", ("c23", "cleo")),
            Step(11937, "weather", "node1", ("answers lost", 7.0)),
        ),
    ),
)

# A failover, and while the only open replica reads the log anew, all is forgotten. It took the missing log for a room
# that was over, closed it and sent everybody away for good: nobody was left who could have put it back.
FORGOTTEN_WHILE_IT_WAS_READ: Final = Case(
    "give_up_a_room_that_vanishes_while_it_is_read",
    Scenario(
        seed=0,
        nodes=2,
        people=(Person("host", "json", host=True),),
        steps=(
            Step(100, "connect", "host", (0, "anew")),
            Step(900, "add", "host", ("c2", "s5", 15)),
            Step(8500, "fails over", "log", (1, False)),
            Step(8505, "weather", "node0", ("answers stall", 4.0)),
            Step(8750, "volume", "host", ("c3", 50)),
            Step(11070, "forgets all", "log", ()),
        ),
    ),
)

# All is forgotten, and the node whose replica would be put back dies before it is. The two that are left waited for it
# equally long, and then the one that knew less could be first.
THE_NEWEST_DIES_TOO: Final = Case(
    "hold_one_election_only",
    Scenario(
        seed=10536,
        nodes=3,
        people=(
            Person("host", "msgpack", host=True, player=True),
            Person("anna", "msgpack"),
            Person("dora", "msgpack"),
        ),
        steps=(
            Step(29, "connect", "host", (1, "anew")),
            Step(116, "connect", "dora", (2, "anew")),
            Step(176, "connect", "anna", (0, "anew")),
            Step(1331, "weather", "node1", ("answers stall", 1.0)),
            Step(1346, "vote", "dora", ("c32", "s6", -1)),
            Step(1594, "add", "anna", ("c57", "s5", 60)),
            Step(2172, "forgets all", "log", ()),
            Step(3768, "crash", "node2", ()),
        ),
        bounds=AS_THEY_ARE,
    ),
)

# The answer to an append comes so late that its callers have given up, and its entry was lost with the tail meanwhile:
# the batch was kept for ever, and the room, never idle again, was never closed.
ANSWERED_WHEN_NOBODY_WAITS: Final = Case(
    "keep_what_nobody_waits_for",
    Scenario(
        seed=11280,
        nodes=3,
        people=(
            Person("anna", "msgpack"),
            Person("ben", "msgpack"),
            Person("dora", "msgpack"),
            Person("emil", "json"),
        ),
        steps=(
            Step(129, "connect", "dora", (1, "anew")),
            Step(181, "connect", "ben", (1, "anew")),
            Step(204, "connect", "anna", (0, "anew")),
            Step(6414, "stop", "node1", ()),
            Step(6604, "vote", "dora", ("c39", "s4", 0)),
            Step(12073, "weather", "node2", ("answers stall", 7.0)),
            Step(12307, "add", "anna", ("c34", "s3", 6)),
            Step(12307, "add", "dora", ("c35", "s1", 60)),
            Step(16201, "fails over", "log", (2, False)),
            Step(20562, "wake", "emil", ()),
        ),
    ),
)

# Banned and let back in by one entry: their votes were gone, and nobody told them.
BANNED_AND_LET_BACK_IN: Final = Case(
    "keep_who_was_let_back_in",
    Scenario(
        seed=3937,
        nodes=3,
        people=(Person("host", "msgpack", True), Person("anna", "json"), Person("cleo", "msgpack")),
        steps=(
            Step(33, "connect", "cleo", (2, "anew")),
            Step(681, "add", "cleo", ("c1", "s2", 15)),
            Step(9307, "vote", "anna", ("c41", "s2", -1)),
            Step(11702, "ban", "host", ("c31", "anna")),
            Step(13933, "unban", "host", ("c24", "anna")),
        ),
    ),
)

# A node ended in order just when it closed a room that nobody had used for a while: whoever was second stumbled.
CLOSED_WHILE_IT_CLOSES: Final = Case(
    "close_a_room_that_is_closing",
    Scenario(
        seed=3203,
        nodes=3,
        people=(Person("ben", "msgpack"),),
        steps=(
            Step(1212, "read", "node0"),
            Step(6021, "stop", "node0"),
            Step(6041, "wipe", "node0"),
        ),
    ),
)

# No failure of this code, but a mistake that is easily made: hints that come while the room is read, between the last
# answer and going live, are of entries that nobody will read. A second later the poll would cover it up.
OPENED_WHILE_MUCH_GOES_ON: Final = Case(
    "skip_the_catch_up_after_subscribing",
    Scenario(
        seed=0,
        nodes=2,
        people=(Person("anna", "json"), Person("ben", "msgpack")),
        steps=(
            Step(100, "connect", "anna", (0, "anew")),
            Step(900, "add", "anna", ("c1", "s1", 60)),
            Step(5010, "weather", "node1", ("answers slow", 0.6)),
            Step(5020, "connect", "ben", (1, "anew")),
            *(Step(5120 + 60 * i, "vote", "anna", (f"c{i + 2}", "s1", 1 - i % 2)) for i in range(6)),
        ),
    ),
)

CASES: Final[dict[str, Case]] = {
    name.lower(): case for name, case in list(globals().items()) if isinstance(case, Case)
}
