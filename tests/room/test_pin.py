"""The room's PIN in the log: who is let in by whom, what a new PIN does, and that nothing tells what it is."""

from __future__ import annotations

import pytest

from crowdcue.room import codec, state, view
from crowdcue.room import commands as c
from crowdcue.room.reduce import reduce
from crowdcue.room.refusal import Done
from crowdcue.room.settings import PIN_FORM, SETTINGS_FORM
from crowdcue.room.state import Room
from tests.support.story import BIRTH, Story, code, result

SEAL, OTHER = "seal of the one", "seal of the other"


def locks(story: Story, seal: str, **changes: int | str | bool) -> str:
    """The host sets this PIN; the outcome's code."""
    return code(story.do(c.Lock("host", 0, None, changes, seal)))


def admits(story: Story, *members: str, seal: str = SEAL) -> str:
    """A node vouches that these have shown the PIN; the outcome's code."""
    return code(story.do(c.Admit(members[0], c.NODE, None, list(members), seal)))


def inside(story: Story, *members: str) -> list[str]:
    """Those of the members who need not show the PIN."""
    return [member for member in members if story.room.lets_in(member)]


def test_without_a_pin_everybody_may_come_in() -> None:
    assert inside(Story(), "host", "anna") == ["host", "anna"]
    assert Story().room.lets_in(None)


def test_with_a_pin_only_hosts_and_those_who_have_shown_it() -> None:
    story = Story()
    locks(story, SEAL)
    assert inside(story, "host", "anna", "ben") == ["host"]
    assert not story.room.lets_in(None)
    admits(story, "anna")
    assert inside(story, "host", "anna", "ben") == ["host", "anna"]
    story.do(c.Claim("ben", c.NODE, None, "Ben"))
    assert inside(story, "ben") == ["ben"]


def test_the_door_shuts_behind_those_whom_the_room_knows() -> None:
    story = Story()
    story.adds("anna", "x")
    story.do(c.Rename("ben", 0, None, "Ben"))
    story.votes("cleo", "x")
    story.do(c.Ban("host", 0, None, "cleo", True))
    locks(story, SEAL)
    assert story.last.door == "shut"
    assert inside(story, "anna", "ben", "cleo", "dora") == ["anna", "ben"]


def test_another_pin_everybody_must_show_but_hosts() -> None:
    story = Story()
    story.adds("anna", "x")
    locks(story, SEAL)
    admits(story, "ben")
    locks(story, OTHER)
    assert story.last.door == "changed"
    assert inside(story, "host", "anna", "ben") == ["host"]
    locks(story, SEAL)
    assert inside(story, "anna", "ben") == [], "going back to the old one lets nobody in"


def test_the_same_pin_again_changes_nothing() -> None:
    story = Story()
    locks(story, SEAL)
    admits(story, "anna")
    before = story.room.version
    assert locks(story, SEAL) == "done"
    assert (story.last.door, story.room.version, inside(story, "anna")) == ("", before, ["anna"])


def test_without_the_pin_again_everybody_may_come_in() -> None:
    story = Story()
    locks(story, SEAL)
    locks(story, "")
    assert story.last.door == ""
    assert inside(story, "anna") == ["anna"]
    assert not story.room.admitted
    assert admits(story, "anna") == "done", "who showed it in vain is in all the same"
    assert not story.room.admitted


def test_who_showed_the_old_pin_while_the_new_one_was_on_its_way_stays_outside() -> None:
    story = Story()
    locks(story, SEAL)
    locks(story, OTHER)
    assert admits(story, "anna", seal=SEAL) == "bad_pin"
    assert inside(story, "anna") == []


def test_only_hosts_set_it_and_only_nodes_vouch_for_it() -> None:
    story = Story()
    assert code(story.do(c.Lock("anna", 0, None, {}, SEAL))) == "forbidden"
    locks(story, SEAL)
    assert code(story.do(c.Admit("anna", c.HOST, None, ["anna"], SEAL))) == "forbidden"
    assert inside(story, "anna") == []


def test_other_settings_may_come_along_and_a_wrong_one_takes_the_pin_with_it() -> None:
    story = Story()
    assert locks(story, SEAL, name="New", downvotes=False) == "done"
    assert (story.state["room"]["name"], story.room.settings["downvotes"]) == ("New", False)
    assert locks(story, OTHER, policy="none") == "bad_request"
    assert story.room.pin == SEAL


def test_those_who_are_let_in_are_bounded_and_the_first_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "MAX_ADMITTED", 3)
    story = Story()
    locks(story, SEAL)
    admits(story, "anna", "ben", "cleo")
    admits(story, "anna")
    admits(story, "dora")
    assert inside(story, "anna", "ben", "cleo", "dora") == ["anna", "cleo", "dora"]


def test_a_pin_is_set_once_however_often_it_is_sent() -> None:
    story = Story()
    first = story.do(c.Lock("host", 0, "i", {}, SEAL))
    locks(story, OTHER)
    assert story.do(c.Lock("host", 0, "i", {}, SEAL)) == first
    assert story.room.pin == OTHER


# What is seen and kept


def test_clients_are_told_whether_there_is_one_and_no_more() -> None:
    story = Story()
    assert "pin" not in story.state["room"], "most rooms never have one"
    start = story.room.version
    locks(story, SEAL)
    assert story.state["room"]["pin"] is True
    patch = view.since(story.room, *start)
    assert patch is not None
    assert patch["room"] == {"pin": True}
    locked = story.room.version
    locks(story, "")
    assert story.state["room"].get("pin") is False
    patch = view.since(story.room, *locked)
    assert patch is not None
    assert patch["room"] == {"pin": False}


def test_a_room_with_a_pin_comes_back_from_its_snapshot() -> None:
    story = Story()
    locks(story, SEAL)
    admits(story, "ben", "anna")
    again = codec.decode_room(codec.encode_room(story.room))
    assert (again.pin, list(again.admitted)) == (SEAL, ["host", "ben", "anna"])
    assert codec.digest(again) == codec.digest(story.room)


def test_the_log_gives_the_same_room_again() -> None:
    story = Story()
    story.adds("anna", "x")
    locks(story, SEAL)
    admits(story, "ben")
    again = Room("PARTY2", 0, BIRTH)
    for entry in story.entries:
        reduce(again, entry.seq, entry.chain, entry.at, entry.payload)
    assert codec.digest(again) == codec.digest(story.room)


def test_a_snapshot_says_so_when_there_is_a_pin_and_is_as_ever_without_one() -> None:
    story = Story()
    before = codec.freeze(story.room)
    locks(story, SEAL)
    assert (before[0], codec.freeze(story.room)[0]) == (codec.SNAPSHOT_FORMAT, codec.SNAPSHOT_WITH_PIN)
    locks(story, "")
    after = codec.freeze(story.room)
    assert (after[0], len(after)) == (codec.SNAPSHOT_FORMAT, len(before))


# What hosts may send


@pytest.mark.parametrize(
    ("sent", "kept"), [(None, ""), ("", ""), ("0000", "0000"), ("123456789012", "123456789012")]
)
def test_good_pins(sent: object, kept: str) -> None:
    assert SETTINGS_FORM.check({"pin": sent}) == {"pin": kept}


@pytest.mark.parametrize(
    "sent", [1234, True, 4.5, "123", "1234567890123", "12a4", " 1234", "1234\n", "١٢٣٤", ["1234"], {}]
)
def test_what_is_no_pin_is_refused_and_not_repeated(sent: object) -> None:
    with pytest.raises(ValueError, match="4 to 12 digits") as refused:
        PIN_FORM.check(sent, "pin")
    assert str(sent) not in str(refused.value).replace("4 to 12 digits", "")


def test_the_outcome_tells_nothing_of_it() -> None:
    story = Story()
    outcome = story.do(c.Lock("host", 0, None, {}, SEAL))
    assert isinstance(outcome, Done)
    assert result(outcome) == {}
