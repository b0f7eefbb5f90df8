"""What may be asked of a room: one frozen value per kind of command, made by a face or a node, kept in the log.

The first three fields are the same in all: `member` (who asks), `rights` (what the node that took the command
vouches for: a sum of `HOST`, `UNLIMITED`, `PLAYER`, `NODE`), and `id` (the client's own name for the command, for
being applied once; None where the command needs no memory). Whatever the reducer must know of the world outside
the log (is a player attached, how many are here) is stamped into the command by the node, as a field.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from crowdcue.room.song import Song

HOST: Final = 1  #: acts with host rights
UNLIMITED: Final = 2  #: limits per guest, cooldown and repeats are off (`--open`)
PLAYER: Final = 4  #: is a player: a stage, or a listener with sound
NODE: Final = 8  #: not a person: the node itself, keeping the clock

#: `expected` when the caller does not say which play it expects.
ANY_PLAY: Final = -1
#: `expected` when the caller expects that nothing plays; plays count from 1.
NO_PLAY: Final = 0


class Create(NamedTuple):
    """Name a new room and give its first settings; the first entry of every log."""

    member: str
    rights: int
    id: str | None
    code: str
    settings: dict[str, int | str | bool]


class Claim(NamedTuple):
    """The member has shown the room's host token and is a host from now on."""

    member: str
    rights: int
    id: str | None
    name: str


class Add(NamedTuple):
    """Queue a song, or vote it up when it is queued already. `library`: the song comes from the library."""

    member: str
    rights: int
    id: str | None
    name: str
    song: Song
    library: bool


class Remove(NamedTuple):
    """Take a song out of the queue."""

    member: str
    rights: int
    id: str | None
    song_id: str


class Vote(NamedTuple):
    """Set the member's vote on a queued song to -1, 0 or +1."""

    member: str
    rights: int
    id: str | None
    song_id: str
    value: int


class Step(NamedTuple):
    """Move the member's vote on a queued song one step up (+1) or down (-1), within -1..+1."""

    member: str
    rights: int
    id: str | None
    song_id: str
    by: int


class Skip(NamedTuple):
    """Want, or no longer want, what plays to be skipped; `present` members are here."""

    member: str
    rights: int
    id: str | None
    want: bool
    present: int
    attached: bool


class Rename(NamedTuple):
    """Change the member's own name."""

    member: str
    rights: int
    id: str | None
    name: str


class PlayNext(NamedTuple):
    """End what plays, if it is `expected`, and start the first of the queue; `attached`: a player is there."""

    member: str
    rights: int
    id: str | None
    expected: int
    attached: bool


class Ended(NamedTuple):
    """A player says that a play came to its end, or could not be played."""

    member: str
    rights: int
    id: str | None
    play: int
    reason: Literal["end", "error"]
    attached: bool


class Pause(NamedTuple):
    """Stop the music where it is. From a node: automatically, if `expected` still plays."""

    member: str
    rights: int
    id: str | None
    expected: int


class Resume(NamedTuple):
    """Let the music go on. From a node: only if the pause was automatic."""

    member: str
    rights: int
    id: str | None
    expected: int


class Seek(NamedTuple):
    """Go to a position in what plays (ms)."""

    member: str
    rights: int
    id: str | None
    position: int


class Volume(NamedTuple):
    """Set the stage's volume, 0-100."""

    member: str
    rights: int
    id: str | None
    value: int


class Clear(NamedTuple):
    """Empty the queue; `everything`: the history too, and stop what plays."""

    member: str
    rights: int
    id: str | None
    everything: bool


class Sync(NamedTuple):
    """Put these songs in place of the queue, votes at 0."""

    member: str
    rights: int
    id: str | None
    name: str
    songs: list[Song]


class Settings(NamedTuple):
    """Change some of the room's settings."""

    member: str
    rights: int
    id: str | None
    changes: dict[str, int | str | bool]


class Lock(NamedTuple):
    """Change settings, and the room's PIN among them: `pin` is the PIN as the node has sealed it, "" for none."""

    member: str
    rights: int
    id: str | None
    changes: dict[str, int | str | bool]
    pin: str


class Admit(NamedTuple):
    """These members have shown the PIN that `pin` is the seal of, or were inside when it was set."""

    member: str
    rights: int
    id: str | None
    members: list[str]
    pin: str


class Promote(NamedTuple):
    """Give another member host rights."""

    member: str
    rights: int
    id: str | None
    target: str


class Ban(NamedTuple):
    """Send a guest away for good, or let them come back."""

    member: str
    rights: int
    id: str | None
    target: str
    banned: bool


class Rotate(NamedTuple):
    """Make the room's host links of before worthless; who is a host by now stays one."""

    member: str
    rights: int
    id: str | None


Command = (
    Create
    | Claim
    | Add
    | Remove
    | Vote
    | Step
    | Skip
    | Rename
    | PlayNext
    | Ended
    | Pause
    | Resume
    | Seek
    | Volume
    | Clear
    | Sync
    | Settings
    | Promote
    | Ban
    | Rotate
    | Lock
    | Admit
)

#: The number that stands for each kind in the log. Numbers are never used again for another kind.
KINDS: Final[dict[int, type[Command]]] = {
    1: Create,
    2: Claim,
    3: Add,
    4: Remove,
    5: Vote,
    6: Step,
    7: Skip,
    8: Rename,
    9: PlayNext,
    10: Ended,
    11: Pause,
    12: Resume,
    13: Seek,
    14: Volume,
    15: Clear,
    16: Sync,
    17: Settings,
    18: Promote,
    19: Ban,
    20: Rotate,
    21: Lock,
    22: Admit,
}
NUMBERS: Final[dict[type[Command], int]] = {kind: number for number, kind in KINDS.items()}
