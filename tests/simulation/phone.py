"""One client: what it sees, what it asked and was answered; it comes back by itself, and repeats what is unanswered."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from crowdcue.session import REMOVED
from tests.simulation.line import Line
from tests.simulation.steps import Person
from tests.support.client_model import ClientModel

if TYPE_CHECKING:
    from tests.simulation.node import Node
    from tests.simulation.party import Party

#: Every so many changes of a view it is kept, to be compared with the log afterwards.
SAMPLE_EVERY = 6

#: Who was sent away asks again now and then (s).
AGAIN = 1.8


class Screen(ClientModel):
    """The client model with the rule for own votes, which the server tells only to a member's other connections."""

    def __init__(self) -> None:
        super().__init__()
        self.voted_at: dict[str, int] = {}  # seq of own votes that no message has shown yet

    def receive(self, message: dict[str, Any]) -> None:
        """Apply one message that nobody else holds."""
        kind = message["t"]
        if kind == "patch":
            before, mine = self.seq, self.mine
            self.mine = dict(mine)
            self._patch(message)
            for song_id in message.get("del", ()):
                # The vote may be newer than the last version, and for a song that came back since.
                if song_id in self.items and self.voted_at.get(song_id, -1) > before and song_id in mine:
                    self.mine[song_id] = mine[song_id]
            self.voted_at = {s: at for s, at in self.voted_at.items() if at > self.seq}
        elif kind == "state":
            self._state(message)
            self.voted_at = {}
        elif kind == "mine":
            self._mine(message)

    def voted(self, song_id: str, value: int, seq: int) -> None:
        """An own vote was acknowledged."""
        self.voted_at[song_id] = seq
        self._mine({"votes": {song_id: value}})

    def copy(self) -> dict[str, Any]:
        """The view, to be kept."""
        return {
            "seq": self.seq,
            "mark": self.mark,
            "room": dict(self.room),
            "playing": self.playing,
            "queue": [dict(item) for item in self.queue],
            "history": list(self.history),
        }


class Phone:
    """A person with a phone. `answers` holds all that was ever answered, by the command's id."""

    def __init__(self, party: Party, person: Person) -> None:
        self.party, self.person = party, person
        self.screen = Screen()
        self.line: Line | None = None
        self.away = True  # until told to connect; nobody comes back by themselves then
        self.asleep = False
        self.pending: dict[str, dict[str, Any]] = {}
        self.asked: dict[str, dict[str, Any]] = {}
        self.sent: Counter[str] = Counter()
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.samples: list[dict[str, Any]] = []
        self.sent_away_at = -AGAIN
        self._dice = random.Random(f"{party.scenario.seed} {person.name}")
        self._heard = 0
        self._expects: str | None = None
        self._retry: asyncio.TimerHandle | None = None

    # What the person does

    def connect(self, node: Node, *, resume: bool = True) -> None:
        """Connect, here and now; a connection that was there is gone."""
        self.away = False
        if self.line is not None:
            self.drop()
        self._stop_trying()
        self.line = line = Line(self, node)
        line.asleep = self.asleep
        hello: dict[str, Any] = {"t": "hello", "name": self.person.name.title()}
        if self.person.player:
            hello["as"] = "player"
        self._expects = "state"
        if not resume:
            self.screen = Screen()  # the page was loaded anew
        if resume and self.screen.seq >= 0:
            hello["since"] = [self.screen.seq, self.screen.mark]
            self._expects = "patch"
            self.party.counts["resumes"] += 1
        line.says(hello)
        for message in list(self.pending.values()):
            self._send(message)

    def drop(self) -> None:
        """The connection is gone; the phone notices."""
        if self.line is not None:
            self.keep_sample()
            self.line.hang_up()
            self.line = None

    def leave(self) -> None:
        """The phone is off until it connects again."""
        self.drop()
        self._stop_trying()
        self.away = True

    def sleep(self) -> None:
        """The phone stops reading; the connection stays."""
        self.asleep = True
        if self.line is not None:
            self.line.asleep = True

    def wake(self) -> None:
        """The phone reads what came."""
        self.asleep = False
        if self.line is not None:
            self.line.wake()

    def do(self, id_: str, op: str, **fields: Any) -> None:
        """Ask for something; it is asked again until there is an answer."""
        message = {"t": "do", "id": id_, "op": op, **fields}
        self.asked[id_] = self.pending[id_] = message
        self._send(message)

    def again(self, id_: str) -> None:
        """Ask the same once more, answered or not."""
        if id_ in self.asked and self.line is not None:
            self.party.counts["repeats"] += 1
            self._send(self.asked[id_])

    def _send(self, message: dict[str, Any]) -> None:
        if self.line is not None and not self.line.cut:
            self.sent[message["id"]] += 1
            self.line.says(message)

    # What the phone hears

    def lost(self, line: Line, code: int) -> None:
        """The connection was closed by the node, or the node died: come back in a moment, elsewhere."""
        if line is not self.line:
            return
        self.party.note(f"{self.person.name} lost the connection to {line.node.name} ({code})")
        self.keep_sample()
        self.line = None
        if not self.away:
            wait = 0.2
            if code == REMOVED:
                wait = AGAIN
                self.sent_away_at = self.party.loop.time()
            self._retry = self.party.loop.call_later(wait + self._dice.random() * 0.6, self._come_back)

    def _come_back(self) -> None:
        self._retry = None
        node = self.party.some_node(self._dice)
        if node is None:
            self._retry = self.party.loop.call_later(0.5, self._come_back)
        else:
            self.connect(node)

    def _stop_trying(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def hears(self, line: Line, frame: bytes) -> None:
        """A frame came."""
        if line is not self.line:
            return
        try:
            self._take(line, line.wire.decode(frame.decode() if line.wire.text else frame))
        except AssertionError as error:
            self.party.broken(f"{self.person.name}: {error}")

    def _take(self, line: Line, message: dict[str, Any]) -> None:
        kind = message["t"]
        if kind in ("state", "patch"):
            self._sees(message)
        elif kind == "mine":
            self.screen.receive(message)
        elif kind in ("done", "refused"):
            self._answered(line, message)

    def _sees(self, message: dict[str, Any]) -> None:
        kind, screen = message["t"], self.screen
        self.party.counts[kind] += 1
        if self._expects == "state":
            assert kind == "state", "a fresh connection begins with a state"
        self._expects = None
        if kind == "patch":
            assert message["seq"] >= screen.seq, f"a patch goes back from {screen.seq} to {message['seq']}"
            if message["seq"] == screen.seq:
                assert message["mark"] == screen.mark, f"a patch changes the past of {screen.seq}"
        elif message["seq"] < screen.seq:
            assert self.party.losses, (
                f"a state goes back from {screen.seq} to {message['seq']}, and nothing was lost"
            )
            self.party.counts["went back"] += 1
        screen.receive(message)
        self._heard += 1
        if self._heard % SAMPLE_EVERY == 0:
            self.keep_sample()

    def keep_sample(self) -> None:
        """Keep the view as it is now."""
        if self.screen.seq >= 0:
            self.samples.append(self.screen.copy())

    def _answered(self, line: Line, message: dict[str, Any]) -> None:
        id_ = message["id"]
        line.asked[id_] -= 1
        assert line.asked[id_] >= 0, f"{id_} is answered twice"
        if message["t"] == "refused" and message["code"] in ("unavailable", "no_such_room"):
            self.party.counts["unknown outcomes"] += 1
            if id_ in self.pending:
                self.party.loop.call_later(1.0, self._ask_again, line, id_)
            return
        self.party.counts[message["t"]] += 1
        self.pending.pop(id_, None)
        self.answers.setdefault(id_, []).append(message)
        if message["t"] == "done":
            self.party.acknowledged(message["seq"])
            asked = self.asked[id_]
            if asked["op"] == "vote":
                self.screen.voted(asked["song_id"], asked["value"], message["seq"])

    def _ask_again(self, line: Line, id_: str) -> None:
        if line is self.line and id_ in self.pending:
            self._send(self.pending[id_])
