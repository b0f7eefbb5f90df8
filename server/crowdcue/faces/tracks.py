"""Tracks: songs as REST shows them, with numeric ids as numbers; whole queues are put together from kept pieces."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import orjson

from crowdcue.live.room import LiveRoom
from crowdcue.room.song import Song, number_id
from crowdcue.room.state import Item, Play, Playing, Room

Track = dict[str, Any]


def _track(song: Song, up: int, down: int) -> Track:
    track = song.wire()
    track["id"] = number_id(song.id)
    track["votes"] = up - down
    track["up"] = up
    track["down"] = down
    return track


def of_song(song: Song) -> Track:
    """A song that nobody has queued."""
    return _track(song, 0, 0)


def of_item(item: Item) -> Track:
    """A queued song."""
    track = _track(item.song, item.up, item.down)
    track["by"] = {"id": item.by.id, "name": item.by.name}
    track["added_at"] = item.added_at
    return track


def of_playing(playing: Playing) -> Track:
    """What plays."""
    track = _track(playing.song, playing.up, playing.down)
    track["by"] = {"id": playing.by.id, "name": playing.by.name}
    track["play"] = playing.play
    track["played_at"] = playing.played_at
    return track


def of_play(play: Play) -> Track:
    """A finished play."""
    track = _track(play.song, play.up, play.down)
    track["by"] = {"id": play.by_id, "name": play.by_name}
    track["play"] = play.play
    track["played_at"] = play.played_at
    track["ended_at"] = play.ended_at
    track["reason"] = play.reason
    return track


def now_playing(room: Room, result: dict[str, Any] | None) -> Track | None:
    """The track that a `play_next` started, from its result; by now it may be history already."""
    started = (result or {}).get("playing")
    if started is None:
        return None
    playing = room.playing
    if playing is not None and playing.play == started["play"]:
        return of_playing(playing)
    for play in room.history:
        if play.play == started["play"]:
            return of_play(play)
    song: Track = dict(started["song"])
    return {**song, "id": number_id(song["id"]), "votes": 0, "play": started["play"]}


class Queues:
    """The queues of rooms as JSON. Every write answers with the whole queue, so unchanged tracks are encoded once."""

    def __init__(self) -> None:
        self._rooms: WeakKeyDictionary[LiveRoom, dict[str, tuple[Item, int, bytes]]] = WeakKeyDictionary()

    def encode(self, live: LiveRoom) -> bytes:
        """`[track, …]` in play order."""
        kept = self._rooms.get(live, {})
        now: dict[str, tuple[Item, int, bytes]] = {}
        for item in live.room.ordered():
            song_id = item.song.id
            # The last entry that changed anything a track shows. After a rebuild the items are others.
            stamp = max(item.up_at, item.down_at, item.by_at)
            piece = kept.get(song_id)
            if piece is None or piece[0] is not item or piece[1] != stamp:
                piece = (item, stamp, orjson.dumps(of_item(item)))
            now[song_id] = piece
        self._rooms[live] = now
        return b"[%b]" % b",".join([piece[2] for piece in now.values()])
