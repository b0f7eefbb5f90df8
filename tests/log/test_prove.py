"""`prove`: a node knows whether what it publishes comes back to it."""

from __future__ import annotations

import pytest

from crowdcue.log.contract import Unavailable
from crowdcue.log.redis import RedisLog
from tests.support.redis_server import RedisServer


async def test_prove_answers_when_a_publish_came_back() -> None:
    with RedisServer() as server:
        log = RedisLog(server.url, "process")
        await log.start()
        try:
            for _ in range(3):
                await log.prove()
        finally:
            await log.close()


async def test_prove_fails_when_redis_is_stalled_and_works_again() -> None:
    with RedisServer() as server:
        log = RedisLog(server.url, "process")
        await log.start()
        try:
            await log.prove()
            server.pause()
            try:
                with pytest.raises(Unavailable):
                    await log.prove()
            finally:
                server.resume()
            for _ in range(20):
                try:
                    await log.prove()
                    break
                except Unavailable:
                    continue
            else:
                pytest.fail("the path did not come back")
        finally:
            await log.close()
