"""Opens the store that the flags name for one command, also beside a running server, and says in one line why not."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from crowdcue.live.registry import normal_code
from crowdcue.live.replica import Refusing
from crowdcue.log.contract import LogError, NoSuchRoom, RoomLog, Unavailable
from crowdcue.node import BadSetting, Options, open_store


@contextlib.asynccontextmanager
async def opened(options: Options, *, make: bool = False) -> AsyncIterator[RoomLog]:
    """The started store. Raises `BadSetting`, also in place of the log's own errors inside the block.

    Without `make` the embedded log must be there already.
    """
    if not options.redis and not (options.data / "rooms.sqlite3").exists():
        if not make:
            raise BadSetting(f"--data {options.data}: no party was ever served from here")
        options.data.mkdir(parents=True, exist_ok=True)
    store, _ = open_store(options)
    try:
        await store.start()
        try:
            yield store
        finally:
            await store.close()
    except NoSuchRoom as error:
        raise BadSetting(f"there is no party {error}") from None
    except (OSError, Unavailable, Refusing) as error:
        raise BadSetting(f"cannot use the log: {error}") from error
    except LogError as error:
        raise BadSetting(f"the log refuses: {error!r}") from error


def room_code(text: str) -> str:
    """The room code in its one form. Raises `BadSetting`."""
    code = normal_code(text)
    if code is None:
        raise BadSetting(f"there is no party {text}")
    return code
