"""Who may do what: permissions, hosts, names, and every setting with its effect."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crowdcue.room import codec, rules, settings, view
from crowdcue.room import commands as c
from crowdcue.room.rules import RULES, Who
from tests.support.story import Story, code, result, song

SONG = song("new")

#: One command of each kind, by a member with these rights.
EXAMPLES: dict[type[c.Command], Callable[[str, int], c.Command]] = {
    c.Create: lambda m, r: c.Create(m, r, None, "PARTY2", {}),
    c.Claim: lambda m, r: c.Claim(m, r, None, "Name"),
    c.Add: lambda m, r: c.Add(m, r, None, "Name", SONG, False),
    c.Remove: lambda m, r: c.Remove(m, r, None, "x"),
    c.Vote: lambda m, r: c.Vote(m, r, None, "x", 1),
    c.Step: lambda m, r: c.Step(m, r, None, "x", 1),
    c.Skip: lambda m, r: c.Skip(m, r, None, True, 1, True),
    c.Rename: lambda m, r: c.Rename(m, r, None, "Name"),
    c.PlayNext: lambda m, r: c.PlayNext(m, r, None, c.ANY_PLAY, True),
    c.Ended: lambda m, r: c.Ended(m, r, None, 1, "end", True),
    c.Pause: lambda m, r: c.Pause(m, r, None, c.ANY_PLAY),
    c.Resume: lambda m, r: c.Resume(m, r, None, c.ANY_PLAY),
    c.Seek: lambda m, r: c.Seek(m, r, None, 5),
    c.Volume: lambda m, r: c.Volume(m, r, None, 5),
    c.Clear: lambda m, r: c.Clear(m, r, None, False),
    c.Sync: lambda m, r: c.Sync(m, r, None, "Name", [SONG]),
    c.Promote: lambda m, r: c.Promote(m, r, None, "zoe"),
    c.Ban: lambda m, r: c.Ban(m, r, None, "zoe", True),
    c.Settings: lambda m, r: c.Settings(m, r, None, {"name": "New"}),
    c.Rotate: lambda m, r: c.Rotate(m, r, None),
    c.Lock: lambda m, r: c.Lock(m, r, None, {"name": "New"}, "seal"),
    c.Admit: lambda m, r: c.Admit(m, r, None, ["zoe"], "seal"),
}
EVERYONE = {c.Add, c.Vote, c.Step, c.Skip, c.Rename}
NODE_ONLY = {c.Create, c.Claim, c.Rotate, c.Admit}


def party() -> Story:
    story = Story()
    story.adds("anna", "p", "x")
    story.next()
    return story


def test_every_kind_has_a_rule_and_an_example() -> None:
    assert set(RULES) == set(EXAMPLES) == set(c.KINDS.values())
    assert len(c.NUMBERS) == len(c.KINDS)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_permissions(kind: type[c.Command]) -> None:
    make = EXAMPLES[kind]
    guest = "done" if kind in EVERYONE else "forbidden"
    host = "forbidden" if kind in NODE_ONLY else "done"
    assert code(party().do(make("ben", 0))) == guest
    assert code(party().do(make("ben", c.PLAYER))) == guest
    assert code(party().do(make("ben", c.UNLIMITED))) == guest
    assert code(party().do(make("host", 0))) == host
    assert code(party().do(make("ben", c.HOST))) == host


def test_a_refused_command_changes_nothing_that_is_seen() -> None:
    for make in EXAMPLES.values():
        story = party()
        before = story.state
        if code(story.do(make("ben", 0))) == "forbidden":
            assert story.state == before


def test_who_says_which_right_it_takes() -> None:
    assert [who.bit for who in Who] == [0, c.HOST, c.PLAYER, c.NODE]


def test_host_rights_stay_with_the_member() -> None:
    story = Story()
    assert code(story.do(c.Volume("ben", 0, None, 3))) == "forbidden"
    story.do(c.Claim("ben", c.NODE, None, "Ben"))
    assert code(story.do(c.Volume("ben", 0, None, 3))) == "done"
    assert code(story.do(c.Volume("cleo", 0, None, 3))) == "forbidden"


def test_new_host_links_take_the_old_ones_worth_but_nobodys_rights() -> None:
    story = Story()
    story.do(c.Claim("ben", c.NODE, None, "Ben"))
    before = story.room.host_generation
    assert code(story.do(c.Rotate("ben", c.HOST, "1"))) == "forbidden", "only the node's operator may"
    assert story.room.host_generation == before
    assert code(story.do(c.Rotate("operator", c.NODE, "1"))) == "done"
    assert code(story.do(c.Rotate("operator", c.NODE, "1"))) == "done"
    assert story.room.host_generation == before + 1, "the same command applies once"
    assert code(story.do(c.Volume("ben", 0, None, 3))) == "done", "who is a host stays one"
    assert codec.decode_room(codec.encode_room(story.room)).host_generation == before + 1


def test_the_number_of_hosts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_HOSTS", 2)
    story = Story()
    claim = c.Claim("b", c.NODE, None, "B")
    assert code(story.do(claim)) == "done"
    assert code(story.do(claim._replace(member="c"))) == "too_many"
    assert code(story.do(claim)) == "done", "who is a host stays one"


def test_a_new_name_shows_on_the_members_songs_and_on_what_plays() -> None:
    story = Story()
    story.adds("anna", "p", "x")
    story.adds("ben", "y")
    story.next()
    story.next()
    version = story.room.version
    assert result(story.do(c.Rename("anna", 0, None, "Annabel"))) == {"name": "Annabel"}
    patch = view.since(story.room, *version)
    assert patch is not None
    assert story.playing is not None
    assert story.playing["by"]["name"] == "Annabel"
    assert patch["playing"]["by"] == {"id": "anna", "name": "Annabel"}
    assert story.state["history"][0]["by"]["name"] == "Anna", "the past keeps the name it had"


def test_a_new_name_shows_although_only_what_plays_is_theirs() -> None:
    story = Story()
    story.adds("anna", "p")
    story.next()
    version = story.room.version
    story.do(c.Rename("anna", 0, None, "Annabel"))
    assert story.room.version != version


def test_a_renamed_member_keeps_the_name_when_adding() -> None:
    story = Story()
    story.do(c.Rename("anna", 0, None, "Queen A"))
    story.adds("anna", "x")
    assert story.state["queue"][0]["by"] == {"id": "anna", "name": "Queen A"}


def test_a_voter_has_a_name_as_soon_as_they_add() -> None:
    story = Story()
    story.adds("anna", "x")
    story.votes("ben", "x")
    story.adds("ben", "y")
    assert story.room.items["y"].by.name == "Ben"


# Settings


@pytest.mark.parametrize("name", settings.TABLE)
def test_every_setting_has_a_default_that_it_accepts_and_shows_on_change(name: str) -> None:
    story = Story()
    default = settings.defaults()[name]
    assert settings.well_formed(name, default)
    assert story.state["room"][name] == settings.wire(name, default)
    others: dict[str, settings.Value] = {"name": "Other", "policy": "fair", "clock": "anyone"}
    if isinstance(default, bool):
        others[name] = not default
    elif isinstance(default, int):
        others[name] = default + 1
    other = others[name]
    seq, mark = story.room.version
    assert code(story.sets(**{name: other})) == "done"
    patch = view.since(story.room, seq, mark)
    assert patch is not None
    assert patch["room"] == {name: settings.wire(name, other)}
    assert story.state["room"][name] == settings.wire(name, other)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("name", "x" * 81),
        ("name", 5),
        ("policy", "random"),
        ("policy", True),
        ("songs_per_guest", -1),
        ("songs_per_guest", True),
        ("cooldown", 8 * 86_400),
        ("downvotes", 1),
        ("skip_share", 1_001),
        ("skip_minimum", 0),
        ("longest", 86_401),
        ("clock", "host"),
        ("volume", 3),
        ("nonsense", 3),
    ],
)
def test_what_a_setting_does_not_accept_is_refused_whole(name: str, value: int | str | bool) -> None:
    story = Story()
    before = story.state
    changes: dict[str, int | str | bool] = {"autofill": True, name: value}
    assert code(story.sets(**changes)) == "bad_request"
    assert story.state == before


def test_the_skip_share_is_kept_in_thousandths() -> None:
    assert [settings.wire("skip_share", v) for v in (0, 500, 333, 1_000)] == [0, 0.5, 0.333, 1]


def test_songs_per_guest_counts_waiting_songs_only() -> None:
    story = Story(songs_per_guest=2)
    assert code(story.adds("anna", "x", "y")) == "done"
    assert code(story.adds("anna", "z")) == "too_many"
    assert code(story.adds("ben", "z")) == "done"
    assert code(story.adds("anna", "z")) == "done", "an upvote is no song"
    story.next()  # z, which Anna voted up
    story.next()
    assert code(story.adds("anna", "w")) == "done"


def test_longest() -> None:
    story = Story(longest=180)
    assert code(story.adds("anna", "x", seconds=180)) == "done"
    assert code(story.adds("anna", "y", seconds=181)) == "too_large"


def test_library_only() -> None:
    story = Story(library_only=True)
    assert code(story.adds("anna", "x")) == "forbidden"
    assert code(story.adds("anna", "x", library=True)) == "done"


def test_only_the_first_entry_creates() -> None:
    story = Story(name="First")
    assert code(story.do(c.Create("house", c.NODE, None, "OTHER2", {"name": "Second"}))) == "done"
    assert story.state["room"]["name"] == "First"
    assert story.state["room"]["code"] == "PARTY2"


# Moderation


def test_a_promoted_member_is_a_host() -> None:
    story = party()
    assert code(story.do(c.PlayNext("ben", 0, None, c.ANY_PLAY, True))) == "forbidden"
    assert code(story.do(c.Promote("host", 0, None, "ben"))) == "done"
    assert story.last.promoted == ["ben"]
    assert code(story.do(c.PlayNext("ben", 0, None, c.ANY_PLAY, True))) == "done"
    story.do(c.Promote("host", 0, None, "ben"))
    assert story.last.promoted == [], "nobody is told what they are already"


def test_a_guest_who_is_sent_away_leaves_nothing_behind() -> None:
    story = party()
    story.adds("ben", "b1", "b2")
    story.do(c.Vote("ben", 0, None, "x", -1))
    assert code(story.do(c.Ban("host", 0, None, "ben", True))) == "done"
    assert story.last.banned == ["ben"]
    assert [(item["id"], item["score"]) for item in story.state["queue"]] == [("x", 0)]
    assert story.state["room"]["banned"] == 1
    for command in (
        c.Add("ben", 0, None, "Ben", SONG, False),
        c.Vote("ben", 0, None, "x", 1),
        c.Rename("ben", 0, None, "Someone else"),
    ):
        assert code(story.do(command)) == "forbidden"
    assert code(story.do(c.Claim("ben", c.NODE, None, "Ben"))) == "forbidden", "not by a host's link either"
    assert code(story.do(c.Promote("host", 0, None, "ben"))) == "forbidden"


def test_who_was_sent_away_may_be_let_back() -> None:
    story = party()
    story.do(c.Ban("host", 0, None, "ben", True))
    story.do(c.Ban("host", 0, None, "ben", False))
    assert story.state["room"]["banned"] == 0
    assert code(story.do(c.Vote("ben", 0, None, "x", 1))) == "done"


def test_hosts_cannot_be_sent_away() -> None:
    assert code(party().do(c.Ban("host", 0, None, "host", True))) == "forbidden"


def test_under_fair_the_turns_of_others_stay_when_somebody_is_sent_away() -> None:
    story = Story()
    story.do(c.Settings("host", c.HOST, None, {"policy": "fair"}))
    story.adds("ben", "b1", "b2")
    story.adds("anna", "a1", "a2")
    story.do(c.Ban("host", c.HOST, None, "ben", True))
    assert [item["id"] for item in story.state["queue"]] == ["a1", "a2"]


def test_the_list_of_those_sent_away_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_BANNED", 2)
    story = party()
    outcomes = [code(story.do(c.Ban("host", 0, None, f"m{i}", True))) for i in range(3)]
    assert outcomes == ["done", "done", "too_many"]


def test_who_was_sent_away_stays_away_in_a_snapshot() -> None:
    story = party()
    story.do(c.Ban("host", 0, None, "ben", True))
    again = codec.decode_room(codec.encode_room(story.room))
    assert codec.digest(again) == codec.digest(story.room)
    assert again.members["ben"].banned
    assert again.bans == 1
