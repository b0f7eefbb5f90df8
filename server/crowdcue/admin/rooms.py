"""The operator's commands on one room: its host's link, new links in place of old ones, deleting it."""

from __future__ import annotations

import secrets

from crowdcue.admin.store import opened, room_code
from crowdcue.faces.auth import Identity
from crowdcue.live.registry import MAIN
from crowdcue.live.replica import read_room
from crowdcue.log.contract import RoomLog
from crowdcue.node import BadSetting, Options, lan_address, signing_secret
from crowdcue.room import codec
from crowdcue.room.commands import NODE, Rotate

#: Who rotates host links, in the log.
OPERATOR = "operator"


async def host_link(options: Options, text: str, *, rotate: bool = False) -> str:
    """The host's link of a room, also while a server runs on the same data. Raises `BadSetting`.

    `rotate` makes all links of before worthless; running nodes know it within a second or so.
    """
    code = room_code(text)
    async with opened(options) as store:
        await read_room(code, store)  # first: there must be one, and this code must understand it
        if rotate:
            await _append_rotation(code, store)
        room = await read_room(code, store)
        identity = Identity(await signing_secret(options, store), everybody_hosts=False)
    url = options.public_url or _last_address(options)
    return f"{url}/r/{code}?host={identity.host_token(code, room.host_generation)}"


async def _append_rotation(code: str, store: RoomLog) -> None:
    payload = codec.encode_batch([Rotate(OPERATOR, NODE, None)])
    await store.append(code, f"command-{secrets.token_hex(8)}", 1, payload)


async def delete(options: Options, text: str) -> str:
    """Delete a room for good; running nodes send everybody away within seconds. Raises `BadSetting`."""
    code = room_code(text)
    if code == MAIN:
        raise BadSetting("MAIN is the house party and always exists; clear it instead")
    async with opened(options) as store:
        if code not in await store.positions([code]):
            raise BadSetting(f"there is no party {text}")
        await store.delete(code)
    return f"The party {code} is deleted."


def _last_address(options: Options) -> str:
    try:
        return (options.data / "address").read_text(encoding="utf-8").strip()
    except OSError:
        return f"http://{lan_address()}:8080{options.root_path}"
