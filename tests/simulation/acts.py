"""What each kind of step does to a party; one that makes no sense now, since others were left out, does nothing."""

from __future__ import annotations

from typing import Any

from crowdcue.log.contract import Unavailable
from crowdcue.room import commands as c
from crowdcue.room.refusal import Done
from tests.simulation.ledger import CODE
from tests.simulation.node import Node
from tests.simulation.party import SHOCK, Party
from tests.simulation.phone import Phone
from tests.simulation.steps import Step


async def take(party: Party, step: Step) -> None:
    """One step. One that makes no sense now, since others were left out, does nothing."""
    party.notes.append(str(step))
    phone = party.phones.get(step.who)
    if phone is not None:
        _person(party, phone, step)
    elif step.who == "log":
        _log(party, step)
    else:
        node = next(node for node in party.nodes if node.name == step.who)
        await _node(party, node, step)


def _person(party: Party, phone: Phone, step: Step) -> None:
    what, more = step.what, step.more
    if what == "connect":
        node = party.nodes[more[0] % len(party.nodes)]
        if node.up:
            phone.connect(node, resume=more[1] == "resume")
        else:
            phone.away = False
            phone.drop()
            phone._come_back()
    elif what == "drop":
        if phone.line is not None:
            party.counts["drops"] += 1
            phone.drop()
            phone._come_back()
    elif what == "leave":
        party.counts["leaves"] += phone.line is not None
        phone.leave()
    elif what == "sleep":
        party.counts["sleeps"] += phone.line is not None
        phone.sleep()
    elif what == "wake":
        phone.wake()
    elif what == "again":
        phone.again(more[0])
    else:
        party.counts["asked"] += 1
        phone.do(more[0], what, **_fields(phone, what, more[1:]))


def _fields(phone: Phone, op: str, more: tuple[Any, ...]) -> dict[str, Any]:
    playing = phone.screen.playing
    play = playing["play"] if playing is not None else None
    if op == "add":
        id_, seconds = more
        return {"song": {"id": id_, "title": id_.title(), "artist": "Sim", "duration": seconds}}
    if op == "vote":
        return {"song_id": more[0], "value": more[1]}
    if op == "play_next":
        return {"expected": play} if more[0] == "expected" else {}
    if op == "ended":
        return {"play": play or 1, "reason": "end"}
    names = {"remove": "song_id", "skip": "want", "rename": "name", "seek": "position", "volume": "value"}
    names |= dict.fromkeys(("promote", "ban", "unban"), "member")
    if op == "settings":
        return dict([more])
    return {names[op]: more[0]} if op in names else {}


def _log(party: Party, step: Step) -> None:
    if step.what == "fails over":
        lost = party.ledger.roll_back(step.more[0], snapshot_too=step.more[1])
        if lost:
            party.lost("failovers")
            party.note(f"{lost} entries are lost")
    elif step.what == "forgets all":
        if CODE in party.store.rooms and any(node.open_room is not None for node in party.nodes):
            calm = [node for node in party.nodes if node.open_room is not None and node.weather.fair]
            if party.loop.time() < party.lost_at + SHOCK:
                calm = []  # one of them may hold what a failover lost
            party.must_be_kept.clear()
            party.ledger.flush()
            party.presence._rooms.clear()
            party.lost("flushes")
            if calm:
                rooms = [(node, node.open_room.room) for node in calm if node.open_room is not None]
                node, room = max(rooms, key=lambda held: held[1].seq)
                party.newest = node, room.chain
    elif step.what == "clock jumps":
        party.counts["clock jumps"] += 1
        party.ahead += step.more[0]


async def _node(party: Party, node: Node, step: Step) -> None:
    what = step.what
    if party.newest is not None and party.newest[0] is node:
        party.newest = None  # it may be kept from putting the room back
    if what in ("crash", "stop"):
        # A vanished log comes back from an open replica: the last one must live.
        last = CODE not in party.store.rooms and sum(node.open_room is not None for node in party.nodes) < 2
        if node.up and not last and sum(n.up for n in party.nodes) > 1:
            party.counts["crashes" if what == "crash" else "stops"] += 1
            if what == "crash":
                await node.crash()
            else:
                node.up = False
                party.tasks.spawn(node.stop(), "stop")
    elif what == "boot":
        if not node.up:
            party.counts["boots"] += 1
            await node.boot()
    elif what == "weather":
        node.weather.set(*step.more)
        party.loop.call_later(step.more[1] + 0.31, party.is_everywhere)
    elif node.up:
        await _rest(party, node, step)


async def _rest(party: Party, node: Node, step: Step) -> None:
    if step.what == "step":
        member, song_id, by = step.more
        node.tasks.spawn(_vote_by_rest(party, node, member, song_id, by), "rest")
    elif step.what == "wipe":
        node.tasks.spawn(_wipe(party, node), "wipe")
    elif step.what == "read":
        node.tasks.spawn(_read(party, node), "read")


async def _vote_by_rest(party: Party, node: Node, member: str, song_id: str, by: int) -> None:
    try:
        room = await node.room()
    except Exception:
        return
    party.rest_sent[member, song_id] += 1
    outcome = await room.do(c.Step(member, 0, None, song_id, by))
    if isinstance(outcome, Done):
        party.rest_done[member, song_id] += 1
        party.acknowledged(outcome.seq)


async def _wipe(party: Party, node: Node) -> None:
    try:
        room = await node.room()
    except Exception:
        return
    if isinstance(await room.do(c.Clear("host", c.HOST, None, True)), Done):
        party.counts["wipes"] += 1


async def _read(party: Party, node: Node) -> None:
    floor, losses = party.floor, party.losses
    try:
        live = await node.room()
        room = await live.fresh()
    except Unavailable:
        return
    except Exception:
        return
    party.counts["reads"] += 1
    if party.losses == losses and room.seq < floor:
        party.broken(f"{node.name} read version {room.seq}, but {floor} had been acknowledged before")
