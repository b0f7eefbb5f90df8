"""What people might do in a room, well formed and otherwise, for property tests."""

from __future__ import annotations

from typing import Any

import msgpack
from hypothesis import strategies as st

from crowdcue.room import codec, settings
from crowdcue.room import commands as c
from crowdcue.room.song import Song

MEMBERS = ["host", "anna", "ben", "cleo", "dora"]
SONGS = [f"s{i}" for i in range(8)]

members = st.sampled_from(MEMBERS)
song_ids = st.sampled_from(SONGS)
ids = st.none() | st.sampled_from(["i1", "i2", "i3"])
rights = st.sampled_from([0, 0, 0, c.HOST, c.PLAYER, c.UNLIMITED, c.NODE])
plays = st.sampled_from([c.ANY_PLAY, c.NO_PLAY, 1, 2, 3])
seals = st.sampled_from(["", "seal one", "seal two"])
songs = st.builds(
    Song,
    song_ids,
    st.just("T"),
    st.just("A"),
    st.sampled_from([1, 1_500, 200_000]),
    st.none() | st.just("Album"),
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["One", "Two"]),
        "policy": st.sampled_from(settings.POLICIES),
        "songs_per_guest": st.integers(0, 3),
        "cooldown": st.integers(0, 5),
        "downvotes": st.booleans(),
        "skip_share": st.sampled_from([0, 1, 500, 1000]),
        "skip_minimum": st.integers(1, 3),
        "clock": st.sampled_from(["stage", "anyone"]),
        "autofill": st.booleans(),
    },
)

_votes = st.builds(c.Vote, members, st.just(0), st.none(), song_ids, st.sampled_from([-1, 0, 1, 1]))
_adds = st.builds(c.Add, members, rights, ids, st.sampled_from(["N1", "N2"]), songs, st.booleans())
_others = st.one_of(
    st.builds(c.Create, members, rights, ids, st.just("PARTY2"), changes),
    st.builds(c.Claim, members, st.sampled_from([0, c.NODE]), ids, st.just("N")),
    st.builds(c.Remove, members, rights, ids, song_ids),
    st.builds(c.Step, members, rights, ids, song_ids, st.sampled_from([-1, 1])),
    st.builds(c.Skip, members, rights, ids, st.booleans(), st.integers(-1, 6), st.booleans()),
    st.builds(c.Rename, members, rights, ids, st.sampled_from(["Nick", "Nock"])),
    st.builds(c.PlayNext, members, rights, ids, plays, st.booleans()),
    st.builds(c.Ended, members, rights, ids, plays, st.sampled_from(["end", "error"]), st.booleans()),
    st.builds(c.Pause, members, rights, ids, plays),
    st.builds(c.Resume, members, rights, ids, plays),
    st.builds(c.Seek, members, rights, ids, st.integers(-5, 300_000)),
    st.builds(c.Volume, members, rights, ids, st.integers(-5, 200)),
    st.builds(c.Clear, members, rights, ids, st.booleans()),
    st.builds(c.Sync, members, rights, ids, st.just("N"), st.lists(songs, max_size=5)),
    st.builds(c.Settings, members, rights, ids, changes),
    st.builds(c.Lock, members, rights, ids, changes, seals),
    st.builds(c.Admit, members, rights, ids, st.lists(members, max_size=3), seals),
)
#: Songs and votes make most of a party; the rest is mixed in.
commands = st.one_of(_votes, _adds, _others, _others)
batches = st.lists(commands, min_size=1, max_size=4)
#: How long after the one before an entry comes (ms), and what it holds.
entries = st.tuples(st.sampled_from([0, 1, 900, 700_000]), batches)
logs = st.integers(1, 20).flatmap(lambda count: st.lists(entries, min_size=count, max_size=count))


def values(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Nested lists and maps of `leaves`."""
    return st.recursive(
        leaves,
        lambda v: st.lists(v, max_size=6) | st.dictionaries(st.text(max_size=3), v, max_size=3),
        max_leaves=12,
    )


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=8),
    members,
    song_ids,
    st.builds(lambda n: msgpack.ExtType(n, b"abcd"), st.integers(0, 127)),
    st.builds(lambda n: msgpack.Timestamp(n), st.integers(0, 2**31)),
)
anything = values(scalars)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A batch of real commands in which one or two fields hold anything."""
    batch = msgpack.unpackb(codec.encode_batch(draw(batches)), strict_map_key=False)
    for _ in range(draw(st.integers(1, 2))):
        fields = draw(st.sampled_from(batch[1]))
        if fields:
            fields[draw(st.integers(0, len(fields) - 1))] = draw(anything)
    data: bytes = msgpack.packb(batch)
    return data


payloads = st.one_of(
    st.binary(max_size=64),
    anything.map(msgpack.packb),
    st.lists(anything, max_size=4).map(lambda v: msgpack.packb([1, v])),
    st.lists(
        st.tuples(st.integers(0, 20), members, rights).flatmap(
            lambda head: st.lists(anything, max_size=4).map(lambda rest: [*head, *rest])
        ),
        max_size=3,
    ).map(lambda v: msgpack.packb([1, v])),
    mutated(),
)
