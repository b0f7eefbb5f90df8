"""Makes a scenario from a seed: a short party in which things go wrong at the worst moments."""

from __future__ import annotations

import random
from typing import Any

from tests.simulation.steps import AS_THEY_ARE, Bounds, Person, Scenario, Step
from tests.simulation.weather import KINDS

NAMES = ("anna", "ben", "cleo", "dora", "emil", "finn")
#: Few songs, so that they are played, removed and added again.
SONGS = tuple(f"s{i}" for i in range(7))

OPS = (
    ("add", 20),
    ("vote", 34),
    ("remove", 6),
    ("skip", 4),
    ("rename", 2),
    ("play_next", 8),
    ("ended", 2),
    ("pause", 2),
    ("resume", 2),
    ("seek", 2),
    ("volume", 2),
    ("clear", 2),
    ("settings", 4),
    ("promote", 1),
    ("ban", 2),
    ("unban", 2),
)
HOSTS_ONLY = {op for op, _ in OPS} - {"add", "vote", "remove", "skip", "rename"}
SETTINGS: tuple[tuple[str, Any], ...] = (
    ("policy", "fair"),
    ("policy", "votes"),
    ("policy", "first_come"),
    ("downvotes", False),
    ("downvotes", True),
    ("songs_per_guest", 2),
    ("cooldown", 3),
    ("skip_share", 0.4),
    ("clock", "anyone"),
    ("autofill", True),
)
FAULTS = (
    ("weather", 40),
    ("fails over", 9),
    ("forgets all", 3),
    ("crash", 10),
    ("stop", 5),
    ("drop", 14),
    ("leave", 5),
    ("sleep", 8),
    ("again", 10),
    ("elsewhere", 12),
    ("clock jumps", 2),
)


def make(seed: int) -> Scenario:
    """The scenario of this seed."""
    dice = random.Random(seed)
    nodes = dice.choice((2, 3, 3))
    people = tuple(_person(dice, name) for name in NAMES[: dice.randint(2, 4)])
    people = (
        Person("host", dice.choice(("json", "msgpack")), host=True, player=dice.random() < 0.7),
        *people,
    )
    seconds = dice.randint(4, 9)
    maker = _Maker(dice, nodes, people)
    for person in people:
        maker.put(dice.randint(0, 300), "connect", person.name, dice.randrange(nodes), "anew")
    for _ in range(4):
        maker.ask(dice.randint(350, 900), "add", dice.choice(people).name)
    for _ in range(dice.randint(3, 5)):
        maker.burst(dice.randint(1_000, seconds * 1_000))
    for _ in range(dice.randint(4, 6)):
        maker.fault(dice.randint(1_000, seconds * 1_000))
    if dice.random() < 0.5:
        dice.choice(ENDINGS)(maker, seconds * 1_000 + 600)
    bounds = Bounds() if dice.random() < 0.8 else AS_THEY_ARE
    steps = tuple(sorted(maker.steps, key=lambda step: step.at))
    return Scenario(seed, nodes, people, steps, bounds)


def _person(dice: random.Random, name: str) -> Person:
    return Person(name, dice.choice(("json", "msgpack")), player=dice.random() < 0.15)


class _Maker:
    def __init__(self, dice: random.Random, nodes: int, people: tuple[Person, ...]) -> None:
        self.steps: list[Step] = []
        self._dice, self._nodes, self._people = dice, nodes, people
        self._ids = 0
        self._named: list[tuple[str, str]] = []

    def put(self, at: int, what: str, who: str, *more: Any) -> None:
        self.steps.append(Step(at, what, who, more))

    def burst(self, at: int) -> None:
        """Some commands close together, so that they share appends and patches."""
        dice = self._dice
        for _ in range(dice.randint(1, 6)):
            at += dice.choice((0, 0, 1, 5, 20, 60, 200))
            if dice.random() < 0.12:
                node = f"node{dice.randrange(self._nodes)}"
                if dice.random() < 0.1:
                    self.put(at, "wipe", node)
                elif dice.random() < 0.5:
                    self.put(
                        at, "step", node, f"rest{dice.randrange(2)}", dice.choice(SONGS), dice.choice((-1, 1))
                    )
                else:
                    self.put(at, "read", node)
                continue
            op = _pick(dice, OPS)
            who = dice.choice(self._people).name
            if op in HOSTS_ONLY:
                who = "host" if dice.random() < 0.85 else who
            self.ask(at, op, who)

    def ask(self, at: int, op: str, who: str) -> None:
        dice = self._dice
        self._ids += 1
        id_ = f"c{self._ids}"
        self._named.append((who, id_))
        more: tuple[Any, ...] = ()
        if op == "add":
            more = (dice.choice(SONGS), dice.choice((3, 6, 15, 60)))
        elif op == "vote":
            more = (dice.choice(SONGS), dice.choice((1, 1, 0, -1)))
        elif op == "remove":
            more = (dice.choice(SONGS),)
        elif op == "skip":
            more = (dice.random() < 0.7,)
        elif op == "rename":
            more = (f"{who.title()} {dice.randrange(9)}",)
        elif op == "play_next":
            more = (dice.choice(("any", "expected")),)
        elif op == "seek":
            more = (dice.randint(0, 9_000),)
        elif op == "volume":
            more = (dice.randint(0, 100),)
        elif op in ("promote", "ban", "unban"):
            more = (dice.choice(self._people).name,)
        elif op == "settings":
            more = dice.choice(SETTINGS)
        self.put(at, op, who, id_, *more)

    def fault(self, at: int) -> None:
        """Something goes wrong, and a while later may be well again."""
        dice = self._dice
        kind = _pick(dice, FAULTS)
        node = f"node{dice.randrange(self._nodes)}"
        who = dice.choice(self._people).name
        if kind == "weather":
            everywhere = dice.random() < 0.15
            weather, seconds = dice.choice(KINDS), dice.choice((0.2, 1.0, 3.0, 7.0))
            for index in range(self._nodes):
                if everywhere or node == f"node{index}":
                    self.put(at, "weather", f"node{index}", weather, seconds)
            if dice.random() < 0.7:
                self.burst(at + dice.randint(0, 400))
        elif kind == "fails over":
            self.burst(max(at - dice.choice((5, 40, 300)), 1_000))
            self.put(at, kind, "log", dice.choice((1, 1, 2, 4, 9)), dice.random() < 0.3)
            self.burst(at + dice.choice((0, 10, 300)))
        elif kind == "forgets all":
            self.put(at, kind, "log")
            self.burst(at + dice.choice((0, 10, 1_500)))
        elif kind in ("crash", "stop"):
            self.burst(max(at - dice.choice((0, 3, 10)), 1_000))
            self.put(at, kind, node)
            self.put(at + dice.choice((10, 400, 3_000)), "boot", node)
        elif kind == "drop":
            if dice.random() < 0.7:
                self.ask(at - 1, _pick(dice, OPS[:6]), who)
            self.put(at, kind, who)
        elif kind == "leave":
            self.put(at, kind, who)
            self.put(
                at + dice.choice((100, 2_000, 9_000)), "connect", who, dice.randrange(self._nodes), "resume"
            )
        elif kind == "sleep":
            self.put(at, kind, who)
            self.burst(at + dice.randint(0, 1_000))
            self.burst(at + dice.randint(0, 1_500))
            self.put(at + dice.choice((100, 2_000, 8_000)), "wake", who)
        elif kind == "again" and self._named:
            named, id_ = dice.choice(self._named)
            self.put(at, kind, named, id_)
        elif kind == "elsewhere":
            how = "resume" if dice.random() < 0.85 else "anew"
            self.put(at, "connect", who, dice.randrange(self._nodes), how)
        elif kind == "clock jumps":
            self.put(at, kind, "log", dice.choice((-60_000, -3_000, -500, 60_000)))

    # Endings: the rarer accidents, with nothing after them that would cover them up

    def last_hint(self, at: int) -> None:
        """A node does not hear of the last entries."""
        deaf, other = self._two_nodes()
        self._somebody_on(other, at)
        self.put(at + 400, "weather", deaf, "hints lost", 7.0)
        self._ask_some(at + 450, self._dice.randint(1, 3))

    def fork(self, at: int) -> None:
        """A node does not hear how a failover took its last entries and as many others came."""
        deaf, other = self._two_nodes()
        self._somebody_on(other, at)
        entries = self._dice.randint(1, 2)
        for index in range(entries):
            self._ask_some(at + 400 + 30 * index, 1)
        self.put(at + 600, "weather", deaf, "hints lost", 7.0)
        self.put(at + 601, "fails over", "log", entries, False)
        for index in range(entries):
            self._ask_some(at + 610 + 30 * index, 1)

    def flush(self, at: int) -> None:
        """All is forgotten just when one node knows more than the others."""
        deaf, other = self._two_nodes()
        self._somebody_on(other, at)
        self.put(at + 400, "weather", deaf, "hints lost", 7.0)
        self._ask_some(at + 450, 3)
        self.put(at + 450 + self._dice.choice((20, 200, 900)), "forgets all", "log")

    def newcomer(self, at: int) -> None:
        """A node opens the room while much is going on in it."""
        _, other = self._opening(at)
        for index in range(self._dice.randint(4, 12)):
            song_id, by = self._dice.choice(SONGS), self._dice.choice((-1, 1))
            self.put(at + 1_120 + 40 * index, "step", other, "rest0", song_id, by)
        self._somebody_on(other, at + 1_800)

    def closing_door(self, at: int) -> None:
        """A node ends in order while it opens the room for somebody."""
        new, _ = self._opening(at)
        at += 1_100 + self._dice.choice((3, 20, 100))
        self.put(at, "stop", new)
        self.put(at + 500, "boot", new)

    def ahead(self, at: int) -> None:
        """Somebody comes to a node that knows less than they do."""
        deaf, other = self._two_nodes()
        self._somebody_on(other, at)
        self.put(at + 300, "weather", deaf, "hints lost", 7.0)
        self._ask_some(at + 400, 4)
        self.put(at + 430, "connect", self._people[0].name, int(deaf[-1]), "resume")

    def _opening(self, at: int) -> tuple[str, str]:
        """A node has just started and takes its time to open the room, and another one has it open."""
        new, other = self._two_nodes()
        self._somebody_on(other, at)
        self.put(at, "crash", new)
        self.put(at + 10, "boot", new)
        self.put(at + 1_090, "weather", new, "answers slow", 0.5)
        self.put(at + 1_100, "connect", self._people[-1].name, int(new[-1]), "anew")
        return new, other

    def _two_nodes(self) -> tuple[str, str]:
        one, other = self._dice.sample(range(self._nodes), 2)
        return f"node{one}", f"node{other}"

    def _somebody_on(self, node: str, at: int) -> None:
        """All who ask in the end are on this node."""
        for person in self._people[:2]:
            self.put(at, "connect", person.name, int(node[-1]), "resume")

    def _ask_some(self, at: int, count: int) -> None:
        for index in range(count):
            self.ask(at + index, _pick(self._dice, OPS[:2]), self._people[index % 2].name)


ENDINGS = (_Maker.last_hint, _Maker.fork, _Maker.flush, _Maker.newcomer, _Maker.closing_door, _Maker.ahead)


def _pick(dice: random.Random, table: tuple[tuple[str, int], ...]) -> str:
    return dice.choices([what for what, _ in table], [weight for _, weight in table])[0]
