"""`crowdcue export` and `crowdcue import`: a room to a file of JSON lines, and a new room from one."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Final

import orjson

from crowdcue.admin.lines import Reader, written
from crowdcue.admin.rooms import host_link
from crowdcue.admin.store import opened, room_code
from crowdcue.live.registry import ALPHABET, CODE_LENGTH
from crowdcue.live.replica import read_history, read_room
from crowdcue.log.contract import Play, Position, RoomExists, RoomLog, Snapshot
from crowdcue.node import BadSetting, Options
from crowdcue.room import codec
from crowdcue.room.forms import BadForm

#: A line of a file: the longest holds a song with all the votes a room can have (bytes).
MAX_LINE: Final = 64 * 1024 * 1024


async def export(options: Options, text: str, target: Path) -> str:
    """Write a room to `target`, which must not exist yet. Raises `BadSetting`."""
    code = room_code(text)
    if target.exists():  # noqa: ASYNC240 - nobody else runs on this loop
        raise BadSetting(f"{target} is there already")
    part = target.with_name(target.name + ".part")
    async with opened(options) as store:
        room = await read_room(code, store)
        plays = await read_history(store, room)
        now = (await store.positions([code]))[code].now
        try:
            with part.open("wb") as out:
                for line in written(room, plays, now):
                    out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            part.replace(target)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise BadSetting(f"cannot write {target}: {error.strerror}") from error
    return f"{len(room.items)} songs and {len(plays)} plays of {code} are in {target}."


async def import_room(options: Options, source: Path, wanted: str | None) -> str:
    """Make a room of a file, under a new code or the `wanted` one, and answer its host's link. Raises `BadSetting`."""
    code = room_code(wanted) if wanted is not None else None
    reader = read_file(source)
    async with opened(options, make=True) as store:
        code, position = await _create(store, code)
        try:
            room = reader.finish(code, position.chain, position.at)
            plays = [Play(play.play, codec.encode_play(play)) for play in reversed(reader.plays)]
            last = plays[-1].play if plays else 0
            kept = Snapshot(0, position.chain, last, codec.encode_room(room))
            if not await store.checkpoint(code, kept, plays, 0):
                raise BadSetting(f"somebody else made a party {code} just now; try again")
        except BadForm as error:
            await store.delete(code)
            raise BadSetting(f"{source}: {error}") from error
    link = await host_link(options, code)
    told = f"{len(room.items)} songs and {len(plays)} plays are in the party {code}.\n"
    if reader.had_pin:
        told += "It had a PIN, which the file does not tell: anybody may come in until you set a new one.\n"
    return told + link


async def _create(store: RoomLog, code: str | None) -> tuple[str, Position]:
    while True:
        new = code or "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
        try:
            return new, await store.create(new)
        except RoomExists:
            if code:
                raise BadSetting(
                    f"there is a party {code} already; delete it first, or leave --code out"
                ) from None


def read_file(source: Path) -> Reader:
    """What is in an exported file. Raises `BadSetting` with the line that is wrong."""
    reader, number = Reader(), 0
    try:
        with source.open("rb") as lines:
            while line := lines.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise BadForm("the line is too long")
                reader.take(orjson.loads(line))
        if not reader.ended:
            number += 1
            raise BadForm("the file ends too early")
    except OSError as error:
        raise BadSetting(f"cannot read {source}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise BadSetting(f"{source}, line {number}: this is not JSON") from error
    except BadForm as error:
        raise BadSetting(f"{source}, line {number}: {error}") from error
    return reader
