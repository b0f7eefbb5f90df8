"""`Party` against a server that follows a script: coming back, resuming, asking again, and giving up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crowdcue.client import BadToken, Closed, Ended, NotReachable, Party, PartyOver, Refused, Removed
from crowdcue.client import party as party_module
from tests.client.scripted import Guest, acting, state
from tests.client.test_view import item, patch, play
from tests.support.servers import free_port


def bot(url: str, **more: Any) -> Party:
    return Party(url, "MAIN", codec="json", **more)


async def until(party: Party, *, seq: int) -> None:
    while party.version[0] < seq:
        async for _ in party.changes():
            break


async def test_a_command_is_sent_again_with_its_id_until_it_is_answered() -> None:
    asked: list[dict[str, Any]] = []

    async def break_off(guest: Guest) -> None:
        await guest.welcome(**state(7))
        asked.append(await guest.receive())
        guest.socket.transport.abort()

    async def answer(guest: Guest) -> None:
        await guest.welcome(**patch(7))
        assert guest.hello == {"t": "hello", "token": "token-1", "name": "Bot", "since": [7, "m7"]}
        asked.append(await guest.receive())
        await guest.send(t="done", id=asked[1]["id"], seq=8, result={"added": True})
        await guest.send(**patch(8))
        await guest.stay()

    async with acting(break_off, answer) as url, bot(url, name="Bot") as party:
        assert await party.add("x") == {"added": True}
        assert asked[0] == asked[1] == {"t": "do", "id": asked[0]["id"], "op": "add", "song_id": "x"}
        assert party.reconnects == 1


async def test_an_answer_waits_until_the_view_shows_it() -> None:
    async def answer_early(guest: Guest) -> None:
        await guest.welcome(**state(1))
        for _ in range(2):
            asked = await guest.receive()
            await guest.send(t="done", id=asked["id"], seq=3)
            if asked["op"] == "clear":
                await guest.send(**patch(2))
                await guest.send(**patch(3, set=[item("a", 1)]))
        await guest.stay()

    async with acting(answer_early) as url, bot(url) as party:
        assert await party.do("pause", follow=False) == {}
        assert party.version[0] == 1
        await party.clear()
        assert party.version[0] == 3 and party.queue == (item("a", 1),)


async def test_a_state_that_goes_back_ends_the_waiting_for_what_it_lost() -> None:
    async def roll_back(guest: Guest) -> None:
        await guest.welcome(**state(10))
        asked = await guest.receive()
        await guest.send(t="done", id=asked["id"], seq=12)
        await guest.send(**state(6))
        await guest.stay()

    async with acting(roll_back) as url, bot(url) as party:
        await party.pause()
        assert party.version == (6, "m6")


async def test_an_unknown_outcome_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(party_module, "REPEAT_AFTER", 0.01)
    ids: list[str] = []

    async def unsure(guest: Guest) -> None:
        await guest.welcome()
        for code in ("unavailable", "unavailable", "stale"):
            asked = await guest.receive()
            ids.append(asked["id"])
            await guest.send(t="refused", id=asked["id"], code=code, message="No.")
        await guest.stay()

    async with acting(unsure) as url, bot(url) as party:
        with pytest.raises(Refused) as refused:
            await party.play_next(expected=3)
        assert (refused.value.code, refused.value.message, refused.value.retry_after) == (
            "stale",
            "No.",
            None,
        )
        assert len(ids) == 3 and len(set(ids)) == 1


async def test_own_votes_show_when_they_are_acknowledged() -> None:
    async def count(guest: Guest) -> None:
        await guest.welcome(**state(1, queue=[item("a", 1)]))
        for seq in (2, 3):
            asked = await guest.receive()
            await guest.send(**patch(seq))
            await guest.send(t="done", id=asked["id"], seq=seq)
        await guest.stay()

    async with acting(count) as url, bot(url) as party:
        await party.vote("a", -1)
        assert party.mine == {"a": -1}
        await party.vote("a", 0)
        assert party.mine == {}


@pytest.mark.parametrize(
    ("code", "error"), [(4404, PartyOver), (4403, Removed), (4400, Ended), (4401, BadToken)]
)
async def test_who_is_not_let_in_is_told_why(code: int, error: type[Ended]) -> None:
    async def refuse(guest: Guest) -> None:
        await guest.receive()
        await guest.socket.close(code, "because")

    async with acting(refuse) as url:
        with pytest.raises(error, match="because"):
            async with bot(url):
                pass


async def test_a_bad_token_is_dropped_and_the_party_joined_anew() -> None:
    hellos: list[dict[str, Any]] = []

    async def refuse(guest: Guest) -> None:
        hellos.append(await guest.receive())
        await guest.socket.close(4401, "this token is not of this party")

    async def admit(guest: Guest) -> None:
        await guest.welcome(token="new")
        hellos.append(guest.hello)
        await guest.stay()

    async with acting(refuse, admit) as url, bot(url, token="old", name="Bot") as party:
        assert party.token == "new"
    assert hellos == [{"t": "hello", "token": "old", "name": "Bot"}, {"t": "hello", "name": "Bot"}]


async def test_the_end_of_the_party_reaches_all_that_wait() -> None:
    async def end(guest: Guest) -> None:
        await guest.welcome()
        await guest.receive()
        await guest.socket.close(4404, "this party is over")

    async with acting(end) as url, bot(url) as party:
        changes = party.changes()
        with pytest.raises(PartyOver):
            await party.add("x")
        with pytest.raises(PartyOver):
            await party.vote("x", 1)
        with pytest.raises(PartyOver):
            async for _ in changes:
                pass


async def test_leaving_ends_what_waits() -> None:
    async def listen(guest: Guest) -> None:
        await guest.welcome()
        await guest.stay()

    async with acting(listen) as url:
        async with bot(url) as party:
            changes = party.changes()
            async with asyncio.TaskGroup() as tasks:
                waiting = tasks.create_task(asyncio.wait_for(_closed(party), 5))
                await asyncio.sleep(0.05)
                await party.close()
            assert waiting.result()
        assert [change async for change in changes] == []


async def _closed(party: Party) -> bool:
    try:
        await party.add("x")
    except Closed:
        return True
    return False


async def test_who_gives_up_takes_the_command_back() -> None:
    asked: list[str] = []

    async def silent_then_gone(guest: Guest) -> None:
        await guest.welcome()
        asked.append((await guest.receive())["op"])
        asked.append((await guest.receive())["op"])
        guest.socket.transport.abort()

    async def answer(guest: Guest) -> None:
        await guest.welcome()
        message = await guest.receive()
        asked.append(message["op"])
        await guest.send(t="done", id=message["id"], seq=1)
        await guest.stay()

    async with acting(silent_then_gone, answer) as url, bot(url) as party:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await party.clear()
        await party.pause()
    assert asked == ["clear", "pause", "pause"]


async def test_a_slow_reader_gets_the_sum_of_the_changes() -> None:
    async def storm(guest: Guest) -> None:
        await guest.welcome(**state(1))
        for seq in range(2, 202):
            await guest.send(**patch(seq, set=[item(f"s{seq}", seq)]))
        await guest.send(**patch(202, playing=play(1)))
        await guest.stay()

    async with acting(storm) as url, bot(url) as party:
        changes = party.changes()
        await until(party, seq=202)
        change = await anext(changes)
        assert change.before.version[0] < change.after.version[0] == 202
        assert len(change.added) == len(party.queue) - len(change.before.queue)
        assert change.started == play(1)
        await changes.aclose()


async def test_a_view_that_does_not_fit_is_fetched_anew() -> None:
    async def nonsense(guest: Guest) -> None:
        await guest.welcome(**state(3))
        await guest.send(**patch(4, set=[{"id": "unknown", "score": 1}]))
        await guest.stay()

    async def fresh(guest: Guest) -> None:
        await guest.welcome(**state(4, queue=[item("unknown", 1, score=1)]))
        assert "since" not in guest.hello and guest.hello["token"] == "token-1"
        await guest.stay()

    async with acting(nonsense, fresh) as url, bot(url) as party:
        await until(party, seq=4)
        assert party.queue[0]["score"] == 1


async def test_where_nobody_answers_entering_gives_up() -> None:
    with pytest.raises(NotReachable) as error:
        async with bot(f"http://127.0.0.1:{free_port()}", timeout=0.3):
            pass
    assert isinstance(error.value.__cause__, OSError)


async def test_the_position_follows_the_servers_clock() -> None:
    song = {"id": "a", "title": "A", "artist": "B", "duration": 100}
    playing = {
        "song": song,
        "play": 1,
        "position": 5_000,
        "started_at": 400,
        "paused_at": None,
        "paused_by": None,
    }

    async def music(guest: Guest) -> None:
        await guest.welcome(**state(1, playing=playing))
        for seq, now in ((2, {**playing, "paused_at": 900}), (3, None)):
            asked = await guest.receive()
            await guest.send(**patch(seq, playing=now))
            await guest.send(t="done", id=asked["id"], seq=seq)
        await guest.stay()

    async with acting(music) as url, bot(url) as party:
        position = party.position()  # the server says that it is 1000 ms, just now
        assert position is not None and 5_500 <= position < 7_500
        await party.pause()
        assert party.position() == 5_500
        await party.play_next()
        assert party.position() is None
