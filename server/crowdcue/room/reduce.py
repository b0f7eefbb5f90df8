"""`reduce(room, entry)`: the one way in which a room changes; who may do what stands in `rules.RULES`."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import NamedTuple

from crowdcue.room import codec
from crowdcue.room.commands import HOST, NODE, Command
from crowdcue.room.refusal import Outcome, Refused
from crowdcue.room.rules import RULES, Change, Door, Who
from crowdcue.room.state import ANSWERS_PER_MEMBER, ANSWERS_TTL, MAX_ANSWERS, Answer, Play, Room

log = logging.getLogger(__name__)

_INTERNAL = Refused("internal", "Something went wrong on our side.")
_SENT_AWAY = Refused("forbidden", "You were sent away from this party.")
_FORBIDDEN = Refused("forbidden", "Only a host of this party may do that.")


class VoteSet(NamedTuple):
    """A member's vote is now `value`, by the command at this `place` in the batch."""

    place: int
    member: str
    song_id: str
    value: int


@dataclass(slots=True)
class Applied:
    """What one entry did: an outcome per command, votes set, plays finished, and members whose votes all went.

    `votes_reset`: downvotes were swept away, so everybody's own votes may differ from what they know. `door`: the
    room has a PIN now, or another one.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    votes: list[VoteSet] = field(default_factory=list)
    plays: list[Play] = field(default_factory=list)
    votes_reset: bool = False
    promoted: list[str] = field(default_factory=list)
    banned: list[str] = field(default_factory=list)
    door: Door = ""


def reduce(room: Room, seq: int, chain: str, at: int, payload: bytes) -> Applied:
    """Apply the entry (`seq`, `chain`, `at`, `payload`) to the room, which is changed in place.

    Total (R1): whatever the payload holds, the room afterwards is one that every node arrives at. The single
    exception is `codec.UnknownFormat` (R9): this code must not guess what a newer one meant; the room is unchanged.
    """
    commands = codec.decode_batch(payload)
    room.advance(seq, chain, at)
    applied = Applied()
    change = Change(room, applied.plays, promoted=applied.promoted, banned=applied.banned)
    outcomes, votes = applied.outcomes, applied.votes
    for place, command in enumerate(commands):
        if isinstance(command, Refused):
            outcomes.append(command)
            continue
        outcome = _apply(change, command)
        outcomes.append(outcome)
        if change.voted is not None:
            song_id, value = change.voted
            votes.append(VoteSet(place, command.member, song_id, value))
            change.voted = None
    applied.votes_reset, applied.door = change.votes_reset, change.door
    return applied


def _apply(change: Change, command: Command) -> Outcome:
    room = change.room
    who, apply, remembered = RULES[type(command)]
    memory = (command.member, command.id) if remembered and command.id is not None else None
    if memory is not None:
        _forget_old_answers(room)
        known = room.answers.get(memory)
        if known is not None:
            return known.outcome
    if room.bans and (member := room.members.get(command.member)) is not None and member.banned:
        return _SENT_AWAY
    try:
        outcome = apply(change, command) if who is Who.EVERYONE or _may(room, who, command) else _FORBIDDEN
    except Exception:
        # A bug, but the same one on every node: what was changed until here is changed everywhere.
        log.exception("rule %s failed in room %s at seq %d", type(command).__name__, room.code, room.seq)
        change.voted = None
        outcome = _INTERNAL
    if memory is not None:
        _remember(room, memory, outcome)
    return outcome


def _may(room: Room, who: Who, command: Command) -> bool:
    rights = command.rights
    if rights & NODE:
        return True
    if who is Who.NODE:
        return False
    if rights & HOST:
        return True
    member = room.members.get(command.member)
    if member is not None and member.host:
        return True
    return who is Who.PLAYER and room.settings["clock"] == "anyone" and bool(rights & who.bit)


def _forget_old_answers(room: Room) -> None:
    answers, oldest = room.answers, room.at - ANSWERS_TTL
    while answers:
        memory, answer = next(iter(answers.items()))
        if answer.at >= oldest and len(answers) < MAX_ANSWERS:
            return
        del answers[memory]
        member = room.members.get(memory[0])
        if member is not None and member.answered:
            member.answered.pop(0)  # answers age in the same order in both


def _remember(room: Room, memory: tuple[str, str], outcome: Outcome) -> None:
    member = room.enrol(memory[0])
    if member is None:
        return
    room.answers[memory] = Answer(room.at, outcome)
    member.answered.append(memory[1])
    if len(member.answered) > ANSWERS_PER_MEMBER:
        room.answers.pop((member.id, member.answered.pop(0)), None)
