"""What must hold when the world has healed; each promise is one function that returns what is wrong, or nothing."""

from __future__ import annotations

from typing import Any

from crowdcue.room import codec, view
from crowdcue.room.reduce import _SENT_AWAY as SENT_AWAY
from crowdcue.room.refusal import Done
from crowdcue.session import answer
from tests.simulation.ledger import CODE, Branch
from tests.simulation.party import Party
from tests.simulation.phone import AGAIN, Phone


async def verify(party: Party) -> list[str]:
    """Every promise that is broken."""
    kept = party.store.rooms.get(CODE)
    if kept is None:
        return ["the log of the room is gone"]
    branch, states = party.ledger.replay(kept.chain, _wanted(party))
    problems: list[str] = []
    problems += await _nodes(party, branch)
    problems += _log(party, branch)
    for phone in party.phones.values():
        problems += _phone(party, phone, branch)
    problems += _views(party, states)
    problems += _answers(party, kept.chain, branch)
    return problems


# Nodes


async def _nodes(party: Party, branch: Branch) -> list[str]:
    """Every node holds the room that the log makes, and the same history."""
    problems: list[str] = []
    right = codec.digest(branch.room)
    for node in party.nodes:
        live = await node.room()
        room = live.room
        if (room.seq, room.chain) != (branch.room.seq, branch.room.chain):
            problems.append(f"{node.name} is at {room.seq}, the log at {branch.room.seq}")
        elif codec.digest(room) != right:
            problems.append(
                f"{node.name} holds another room than the log makes: {_differ(room, branch.room)}"
            )
        elif not party.counts["flushes"]:  # the archive is lost with everything
            told = [play.play for play in await live.history(None, 10_000)]
            plays = [p.play for p in reversed(branch.plays) if p.play > branch.room.cleared]
            if told != plays:
                problems.append(f"{node.name} tells the history {told}, not {plays}")
    return problems


def _differ(one: Any, other: Any) -> str:
    names = ("room", "settings", "members", "turns", "items", "touched", "deleted", "playing", "plays")
    frozen = zip(codec.freeze(one)[2:], codec.freeze(other)[2:], strict=True)
    return ", ".join(
        f"{(names[i] if i < len(names) else i)}: {a} and {b}" for i, (a, b) in enumerate(frozen) if a != b
    )


# The log


def _log(party: Party, branch: Branch) -> list[str]:
    """Nothing is in the log more often than it was sent."""
    past = {entry.chain for entry in party.ledger.path(branch.room.chain)} if party.must_be_kept else set()
    if any(chain not in past for chain in party.must_be_kept):
        return ["all was forgotten, and another than the newest replica was put back"]
    if party.counts["flushes"]:
        return []  # the producers' numbers are lost with everything
    problems = [f"append {n} of {p} is in the log twice" for p, n in branch.doubled]
    for (member, id_), outcomes in branch.outcomes.items():
        phone = party.phones.get(member)
        if phone is not None and len(outcomes) > phone.sent[id_]:
            problems.append(f"{id_} was sent {phone.sent[id_]} times and is in the log {len(outcomes)} times")
    for step, times in branch.steps.items():
        if times > party.rest_sent[step]:
            problems.append(
                f"a step of {step} was sent {party.rest_sent[step]} times and written {times} times"
            )
    if not party.losses:
        for step, times in party.rest_done.items():
            if branch.steps.get(step, 0) < times:
                problems.append(f"a step of {step} was acknowledged and is not in the log")
    return problems


# Phones


def _phone(party: Party, phone: Phone, branch: Branch) -> list[str]:
    """The phone is connected, up to date, knows its own votes and has all its answers."""
    name, screen, line = phone.person.name, phone.screen, phone.line
    room = branch.room
    member = room.members.get(name)
    here = line is not None and line.listener is not None and not line.cut
    if member is not None and member.banned:
        return [f"{name} was sent away and is still here"] if here else []
    if line is None and party.loop.time() - phone.sent_away_at < 2 * AGAIN:
        return []  # let back in just now, and not yet back
    if line is None or line.listener is None:
        return [f"{name} could not come back"]
    problems: list[str] = []
    if line.listener.host != (member is not None and member.host):
        problems.append(f"{name} has other rights than their connection says")
    if (screen.seq, screen.mark) != room.version:
        problems.append(f"{name} sees version {screen.seq} {screen.mark}, the room is at {room.version}")
    mine = view.mine(room, name)
    if screen.mine != mine:
        problems.append(f"{name} believes to have voted {screen.mine}, but voted {mine}")
    owed = {id_: n for id_, n in line.asked.items() if n and id_ not in phone.pending}
    if owed:
        problems.append(f"{name} is owed answers: {owed}")
    return problems


def _wanted(party: Party) -> set[str]:
    """The chains of the versions that somebody saw."""
    chains: set[str] = set()
    for phone in party.phones.values():
        if phone.line is not None:
            phone.keep_sample()
        for sample in phone.samples:
            chain = party.ledger.by_mark.get((sample["seq"], sample["mark"]))
            if chain is not None:
                chains.add(chain)
    return chains


def _views(party: Party, states: dict[str, dict[str, Any]]) -> list[str]:
    """Every view that was kept is what the log makes of that version."""
    problems: list[str] = []
    for phone in party.phones.values():
        for sample in phone.samples:
            seq, mark = sample["seq"], sample["mark"]
            chain = party.ledger.by_mark.get((seq, mark))
            if chain is None:
                problems.append(f"{phone.person.name} saw version {seq} {mark}, which never was")
                continue
            if chain not in states:  # it was lost since
                states[chain] = party.ledger.replay(chain, [chain])[1][chain]
            state = states[chain]
            if sample != {**{name: state[name] for name in sample}, "seq": seq, "mark": mark}:
                parts = [
                    name for name in sample if name not in ("seq", "mark") and sample[name] != state[name]
                ]
                told = "; ".join(f"{part}: {sample[part]} instead of {state[part]}" for part in parts)
                problems.append(f"{phone.person.name} saw in version {seq} {told}")
    return problems


# Answers


def settled(party: Party) -> bool:
    """Whether nothing is under way into the log."""
    return all(room._appender.idle for node in party.nodes for room in node.registry.rooms)


def unanswered(party: Party) -> list[str]:
    """Whoever asks is answered in the end, and no append stays open."""
    unsettled = [] if settled(party) else ["an append is never settled"]
    return unsettled + [
        f"{name} has no answer to {sorted(phone.pending)}"
        for name, phone in party.phones.items()
        if phone.pending and phone.line is not None
    ]


def _answers(party: Party, head: str, branch: Branch) -> list[str]:
    """What was acknowledged is in the log once, with the answer that was given, unless the log lost its tail."""
    problems: list[str] = []
    lost: list[Branch] | None = None
    for phone in party.phones.values():
        name = phone.person.name
        for id_, answers in phone.answers.items():
            for told in answers:
                found = _told_by(branch, phone, id_, told)
                if not found and party.losses:
                    if lost is None:
                        lost = [party.ledger.replay(chain)[0] for chain in _leaves(party, head)]
                    found = any(_told_by(other, phone, id_, told) for other in lost)
                if not found and told["t"] == "done":
                    problems.append(f"{name}'s {id_} was answered {told}, which the log does not say")
    for (member, id_), outcomes in branch.outcomes.items():
        asked = party.phones[member].asked[id_] if member in party.phones else {"op": ""}
        outcomes = [outcome for outcome in outcomes if outcome is not SENT_AWAY]  # said before all rules
        if asked["op"] != "vote" and any(outcome != outcomes[0] for outcome in outcomes):
            problems.append(f"{member}'s {id_} was applied again: {outcomes}")
    return problems


def _told_by(branch: Branch, phone: Phone, id_: str, told: dict[str, Any]) -> bool:
    if told["t"] != "done":
        return False
    name, asked = phone.person.name, phone.asked[id_]
    outcomes = branch.outcomes.get((name, id_), [])
    if asked["op"] == "vote":
        # Of votes on a song that were under way together, the one that is in the log answers for the others.
        for other, their in phone.asked.items():
            alike = their["op"] == "vote" and their["song_id"] == asked["song_id"]
            if alike and other != id_ and (their["value"] < 0) == (asked["value"] < 0):
                outcomes = outcomes + branch.outcomes.get((name, other), [])
    return any(answer(id_, outcome) == told for outcome in outcomes if isinstance(outcome, Done))


def _leaves(party: Party, head: str) -> list[str]:
    """The ends of the branches that were lost."""
    inner = {entry.prev for entry in party.ledger.entries.values()}
    return [chain for chain in party.ledger.entries if chain not in inner and chain != head]
