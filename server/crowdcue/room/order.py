"""The three policies: how each makes the sort key of a queued song, and how `fair` deals out turns.

Sorting by key is play order under every policy, so clients hold no policy logic.

`votes`       (-score, number): the best loved first, then first come.
`first_come`  (number,).
`fair`        (turn, -score, number): everybody's first song comes before anybody's second. A song's turn is fixed
              when it is added: one after the guest's last turn, taken or waiting, but never before the turn that
              the room is in (start-time fair queueing), so a newcomer joins the current turn and gets no credit for
              the hours before. What plays counts as a turn taken. Votes order the songs within a turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from crowdcue.room.settings import Value
from crowdcue.room.state import Item, Key, Member, Room

KEYS: Final[dict[Value, Callable[[Item], Key]]] = {
    "votes": lambda item: (item.down - item.up, item.number),
    "fair": lambda item: (item.turn, item.down - item.up, item.number),
    "first_come": lambda item: (item.number,),
}


def rekey(room: Room, item: Item) -> None:
    """Give the item the key that its turn and votes now ask for."""
    room.set_key(item, KEYS[room.settings["policy"]](item))


def first_free_turn(room: Room, member: Member) -> int:
    """The first turn that the member may still take, leaving waiting songs aside."""
    return max(room.turn, room.taken.get(member, -1) + 1)


def place(room: Room, item: Item) -> None:
    """Give a new item, already in the queue, its turn and key."""
    if room.settings["policy"] == "fair":
        waiting = item.by.items  # in the order they were added; the new one is last
        if len(waiting) > 1:
            item.turn = max(waiting[-2].turn + 1, room.turn)
        else:
            item.turn = first_free_turn(room, item.by)
    rekey(room, item)


def renumber(room: Room, member: Member) -> None:
    """Close the gap that a removed song left among the member's turns."""
    if room.settings["policy"] != "fair":
        return
    turn = first_free_turn(room, member)
    for item in member.items:
        if item.turn != turn:
            item.turn = turn
            rekey(room, item)
            room.touch(item)
        turn += 1


def take_turn(room: Room, item: Item) -> None:
    """Note that the item's turn has come: it starts to play."""
    if room.settings["policy"] != "fair":
        return
    room.turn = max(room.turn, item.turn)
    room.taken[item.by] = item.turn
    for member in [m for m, turn in room.taken.items() if turn < room.turn]:
        del room.taken[member]  # a turn before the room's gives no right and no debt


def deal_again(room: Room) -> None:
    """After a change of policy: deal turns from 0 as if all had come under it, what plays counting as a turn."""
    room.turn = 0
    room.taken = {}
    if room.settings["policy"] == "fair":
        if room.playing is not None:
            room.playing.turn = 0
            room.taken[room.playing.by] = 0
        turns: dict[Member, int] = {}
        for item in sorted(room.items.values(), key=lambda i: i.number):
            item.turn = turns.get(item.by, first_free_turn(room, item.by))
            turns[item.by] = item.turn + 1
    for item in room.items.values():
        rekey(room, item)
        room.touch(item)
