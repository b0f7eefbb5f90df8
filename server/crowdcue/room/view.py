"""What clients see of a room: a fresh state, or what changed since a version (`since`, the one way out)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crowdcue.room import settings
from crowdcue.room.state import KEEP_VERSIONS, Item, Member, Play, Playing, Room

Wire = dict[str, Any]


def state(room: Room) -> Wire:
    """The whole room as a `state` message without `mine`, which differs from member to member."""
    seq, mark = room.version
    return {
        "t": "state",
        "seq": seq,
        "mark": mark,
        "room": {
            "code": room.code,
            **{name: settings.wire(name, value) for name, value in room.settings.items()},
            **{name: _room_value(room, name) for name in ("volume", "banned")},
            # Only where there has been one: patches cannot take a field away, and most rooms never have one.
            **({"pin": bool(room.pin)} if "pin" in room.settings_at else {}),
        },
        "playing": playing_wire(room.playing),
        "queue": [item_wire(item) for item in room.ordered()],
        "history": [play_wire(play) for play in reversed(room.history)],
    }


def since(room: Room, seq: int, mark: str) -> Wire | None:
    """A `patch` message from version (`seq`, `mark`) to the room's, or None when only a fresh state will do.

    None: the version is too old, is not of this room's past, or lies ahead of this replica.
    """
    if seq < room.horizon or seq < room.seq - KEEP_VERSIONS or room.mark(seq) != mark:
        return None
    return changes(room, seq)


def changes(room: Room, seq: int) -> Wire:
    """The `patch` from a version that is known to be of this room's past and recent enough."""
    to, mark = room.version
    patch: Wire = {"t": "patch", "seq": max(to, seq), "mark": mark if to >= seq else room.mark(seq)}
    deleted: list[str] = []
    for song_id, at in reversed(room.deleted.items()):
        if at <= seq:
            break
        deleted.append(song_id)
    if deleted:
        patch["del"] = deleted
    changed: list[Wire] = []
    for song_id in reversed(room.touched):
        if room.touched[song_id] <= seq:
            break
        changed.append(item_changes(room.items[song_id], seq))
    if changed:
        patch["set"] = changed
    if room.playing_at > seq:
        patch["playing"] = playing_wire(room.playing)
    plays = [play_wire(play) for play in reversed(room.history) if play.seq > seq]
    if plays:
        patch["history"] = plays
    if any(at > seq for at in room.settings_at.values()):
        patch["room"] = {name: _room_value(room, name) for name, at in room.settings_at.items() if at > seq}
    return patch


def _room_value(room: Room, name: str) -> Any:
    if name == "volume":
        return room.volume
    if name == "banned":
        return room.bans
    if name == "pin":
        return bool(room.pin)  # whether there is one, and not a digit more
    return settings.wire(name, room.settings[name])


def mine(room: Room, member_id: str) -> dict[str, int]:
    """The member's own votes: song id → -1 or +1."""
    member = room.members.get(member_id)
    if member is None or not member.live:
        return {}
    return {song_id: item.votes[member] for song_id, item in room.items.items() if member in item.votes}


def own_votes(room: Room, member_id: str, songs: Iterable[str]) -> dict[str, int]:
    """The member's own vote on each of `songs` that is queued: -1, 0 or +1."""
    member = room.members.get(member_id)
    if member is None:
        return {}
    return {song_id: room.items[song_id].votes.get(member, 0) for song_id in songs if song_id in room.items}


def item_wire(item: Item) -> Wire:
    """A queue item whole."""
    return {
        **item.song.wire(),
        "score": item.score,
        "up": item.up,
        "down": item.down,
        "by": by_wire(item.by),
        "added_at": item.added_at,
        "key": list(item.key),
    }


def item_changes(item: Item, seq: int) -> Wire:
    """The fields of an item that changed after `seq`; whole when it came after."""
    if item.born > seq:
        return item_wire(item)
    patch: Wire = {"id": item.song.id}
    if item.up_at > seq or item.down_at > seq:
        patch["score"] = item.score
        if item.up_at > seq:
            patch["up"] = item.up
        if item.down_at > seq:
            patch["down"] = item.down
    if item.by_at > seq:
        patch["by"] = by_wire(item.by)
    if item.key_at > seq:
        patch["key"] = list(item.key)
    return patch


def by_wire(member: Member) -> Wire:
    """Who added a song."""
    return {"id": member.id, "name": member.name}


def playing_wire(playing: Playing | None) -> Wire | None:
    """What plays, or None."""
    if playing is None:
        return None
    return {
        "song": playing.song.wire(),
        "play": playing.play,
        "position": playing.position,
        "started_at": playing.started_at,
        "paused_at": playing.paused_at,
        "paused_by": playing.paused_by,
        "played_at": playing.played_at,
        "by": by_wire(playing.by),
        "score": playing.up - playing.down,
        "skip": {"votes": len(playing.skips), "needed": playing.skips_needed},
    }


def play_wire(play: Play) -> Wire:
    """A finished play."""
    return {
        "song": play.song.wire(),
        "play": play.play,
        "played_at": play.played_at,
        "ended_at": play.ended_at,
        "by": {"id": play.by_id, "name": play.by_name},
        "score": play.up - play.down,
        "reason": play.reason,
    }
