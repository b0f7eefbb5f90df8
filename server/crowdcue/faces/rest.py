"""The REST face: a room's queue under `/api/rooms/CODE/` and, for the room MAIN, at the root; rooms and health."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from crowdcue.faces import rest_rooms, tracks
from crowdcue.faces.context import Context
from crowdcue.faces.gate import Call, Gate, plain
from crowdcue.faces.http import (
    MAX_BODY,
    MAX_SYNC_BODY,
    Problem,
    json_response,
    parse_json,
    problem,
    read_body,
    unless_known,
    whole_parameter,
)
from crowdcue.faces.played import PlayedSongs
from crowdcue.live.room import LiveRoom
from crowdcue.room import commands as c
from crowdcue.room import forms, ops
from crowdcue.room.ops import Actor
from crowdcue.room.refusal import Done, Refused
from crowdcue.room.song import SONG_FORM, SONG_ID, Song, text_id
from crowdcue.room.state import MAX_QUEUE, Room

#: Plays in one page of the history.
HISTORY_DEFAULT: Final = 1_000
HISTORY_MOST: Final = 1_000
MOST_EXACT: Final = 2**53 - 1

#: Songs of a sync that are checked before the other requests have a turn: about 5 ms.
SYNC_SLICE: Final = 500

#: The bodies of requests that name a song.
ID_FORM: Final = forms.Record({"id": SONG_ID}, {})
PLAY_NEXT_FORM: Final = ops.OPS["play_next"].form

Build = Callable[[Actor, str | None, LiveRoom], c.Command]


def with_text_id(value: Any) -> Any:
    """The body with its `id` as text, if it is a map with one."""
    if isinstance(value, dict) and type(value.get("id")) is int:
        return {**value, "id": text_id(value["id"])}
    return value


class Tracks:
    """The handlers of one room's queue."""

    def __init__(self) -> None:
        self._queues = tracks.Queues()
        self._played = PlayedSongs()

    # Writes

    async def add_track(self, call: Call) -> Response:
        """Queue a song."""
        song = Song(**SONG_FORM.check(with_text_id(await call.json()), "the song"))
        live, done = await _do(call, lambda actor, id_, live: ops.add_song(actor, id_, song, live))
        added = done.result is None or done.result.get("added") is not False
        return self._message_and_queue(live, "Added." if added else "Already queued: your vote is up.")

    async def remove_track(self, call: Call) -> Response:
        """Take a song out; one that is not there is out already."""
        song_id = ID_FORM.check(with_text_id(await call.json()))["id"]
        live, outcome = await _submit(
            call, lambda actor, id_, _: c.Remove(actor.member, actor.rights, id_, song_id)
        )
        if isinstance(outcome, Done):
            return self._message_and_queue(live, "Removed.")
        if outcome.code == "no_such_song":
            return self._message_and_queue(live, "This song is not in the queue.")
        raise Problem(outcome)

    async def vote(self, call: Call) -> Response:
        """One step up or down of the caller's own vote."""
        up = call.request.query_params.get("up", "true").lower()  # Python's True arrives as "True"
        if up not in ("true", "false", "1", "0"):
            raise problem("bad_request", "up must be true or false.")
        by = 1 if up in ("true", "1") else -1
        song_id = ID_FORM.check(with_text_id(await call.json()))["id"]
        live, _ = await _do(call, lambda actor, id_, _: c.Step(actor.member, actor.rights, id_, song_id, by))
        return json_response(b'{"queue":%b}' % self._queues.encode(live))

    async def play_next(self, call: Call) -> Response:
        """End what plays and start the first of the queue."""
        body = await read_body(call.request, MAX_BODY)
        fields = PLAY_NEXT_FORM.check((parse_json(body) if body.strip() else None) or {})
        expected = (fields["expected"] or c.NO_PLAY) if "expected" in fields else c.ANY_PLAY
        live, done = await _do(
            call,
            lambda actor, id_, live: c.PlayNext(actor.member, actor.rights, id_, expected, live.attached),
        )
        return json_response(orjson.dumps({"now_playing": tracks.now_playing(live.room, done.result)}))

    async def sync(self, call: Call) -> Response:
        """Put these songs in place of the queue."""
        songs = await parse_songs(await call.json(MAX_SYNC_BODY))
        live, _ = await _do(
            call,
            lambda actor, id_, live: c.Sync(
                actor.member,
                actor.rights,
                id_,
                actor.name,
                [live.find_song(song.id) or song for song in songs],
            ),
        )
        return self._message_and_queue(live, "The queue is replaced.")

    async def clear(self, call: Call) -> Response:
        """Empty queue and history, and stop what plays."""
        await read_body(call.request, MAX_BODY)
        await _do(call, lambda actor, id_, _: c.Clear(actor.member, actor.rights, id_, True))
        return json_response(b'{"message":"Queue and history are empty."}')

    def _message_and_queue(self, live: LiveRoom, message: str) -> Response:
        return json_response(
            b'{"message":%b,"queue":%b}' % (orjson.dumps(message), self._queues.encode(live))
        )

    # Reads

    async def queue(self, call: Call) -> Response:
        """What is queued, in play order."""
        live, room = await call.look()
        return unless_known(call.request, version_tag(room), self._queues.encode(live))

    async def history(self, call: Call) -> Response:
        """A page of what was played, oldest first, with what plays as its last."""
        limit = whole_parameter(call.request, "limit", 1, HISTORY_MOST, HISTORY_DEFAULT)
        before = whole_parameter(call.request, "before", 0, MOST_EXACT, None)
        assert limit is not None
        live, room = await call.look()
        tag, playing = version_tag(room), room.playing  # as of now: the archive is read with an await
        page: list[tracks.Track] = []
        if playing is not None and (before is None or playing.play < before):
            page.append(tracks.of_playing(playing))
            before = playing.play
        if len(page) < limit:
            page += [tracks.of_play(play) for play in await live.history(before, limit - len(page))]
        page.reverse()
        return unless_known(call.request, tag, orjson.dumps(page))

    async def metadata(self, call: Call) -> Response:
        """What is known of a song."""
        live, room = await call.look()
        tag = version_tag(room)
        try:
            song_id: str = SONG_ID.check(call.request.path_params["id"], "id")
        except forms.BadForm:
            raise _unknown() from None  # what cannot be an id is nobody's
        track = await self._find(live, room, song_id)
        if track is None:
            raise _unknown()
        body = orjson.dumps(track)
        # The library may change what it says of a song while the room stays as it is.
        return unless_known(call.request, f'{tag[:-1]}-{_short_sum(body)}"', body)

    async def _find(self, live: LiveRoom, room: Room, song_id: str) -> tracks.Track | None:
        item = room.items.get(song_id)
        if item is not None:
            return tracks.of_item(item)
        if room.playing is not None and room.playing.song.id == song_id:
            return tracks.of_playing(room.playing)
        song = live.find_song(song_id)
        if song is not None:
            return tracks.of_song(song)
        play = await self._played.find(live, song_id)
        return tracks.of_play(play) if play is not None else None


def _short_sum(body: bytes) -> str:
    return f"{zlib.crc32(body):08x}"


def _unknown() -> Problem:
    return problem("no_such_song", "No song of this id is queued, was played, or is in the library.")


def version_tag(room: Room) -> str:
    """The entity tag of a room's version. Weak: a node of another release may write the same in other bytes."""
    seq, mark = room.version
    return f'W/"{seq}-{mark}"'


async def parse_songs(value: Any) -> list[Song]:
    """The songs of a sync. Raises `Problem` or `forms.BadForm`; lets others have a turn now and then."""
    if not isinstance(value, list):
        raise problem("bad_request", "The body must be an array of tracks.")
    if len(value) > MAX_QUEUE:
        raise problem("queue_full", f"The queue holds {MAX_QUEUE} songs at most.")
    songs: list[Song] = []
    for place, track in enumerate(value):
        try:
            songs.append(Song(**SONG_FORM.check(with_text_id(track), "the track")))
        except forms.BadForm as error:
            raise problem("bad_request", f"Track {place}: {error}.") from None
        if place % SYNC_SLICE == SYNC_SLICE - 1:
            await asyncio.sleep(0)
    return songs


async def _submit(call: Call, build: Build) -> tuple[LiveRoom, Done | Refused]:
    """Have the room decide on a command; its outcome. Raises what `Call` raises."""
    command_id = call.command_id
    live = await call.room()
    actor = await call.actor(live)
    return live, await live.do(build(actor, command_id, live))


async def _do(call: Call, build: Build) -> tuple[LiveRoom, Done]:
    """`_submit`, with a refusal raised as a `Problem`."""
    live, outcome = await _submit(call, build)
    if isinstance(outcome, Refused):
        raise Problem(outcome)
    return live, outcome


def routes(context: Context) -> list[BaseRoute]:
    """All REST routes but those of the music."""
    gate, handlers = Gate(context), Tracks()
    found: list[BaseRoute] = []
    for prefix in ("", "/api/rooms/{code}"):
        for handle in (
            handlers.add_track,
            handlers.remove_track,
            handlers.vote,
            handlers.play_next,
            handlers.sync,
            handlers.clear,
        ):
            path = f"{prefix}/{handle.__name__}"
            found.append(Route(path, gate.endpoint(handle, writes=True), methods=["POST"]))
        found.append(Route(f"{prefix}/queue", gate.endpoint(handlers.queue)))
        found.append(Route(f"{prefix}/history", gate.endpoint(handlers.history)))
        # Whatever is asked for gets an answer about songs, also with (encoded) slashes in it.
        found.append(Route(f"{prefix}/metadata/{{id:path}}", gate.endpoint(handlers.metadata)))
    found += rest_rooms.routes(context, gate)

    async def live(_: Request) -> Response:
        return json_response(b'{"status":"live"}')

    async def ready(_: Request) -> Response:
        why_not = context.why_not_ready()
        if why_not is None:
            return json_response(b'{"status":"ready"}')
        raise problem("unavailable", f"Not ready: {why_not}.")

    found.append(Route("/health/live", plain(live)))
    found.append(Route("/health/ready", plain(ready)))
    return found
