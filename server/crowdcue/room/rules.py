"""The rules of the queue: one table from each kind of command to who may give it and what it does."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from crowdcue.room import commands as c
from crowdcue.room import order, settings
from crowdcue.room.refusal import Code, Done, Outcome, Refused
from crowdcue.room.song import Song
from crowdcue.room.state import (
    KEEP_RECENT,
    MAX_BANNED,
    MAX_HOSTS,
    MAX_QUEUE,
    MAX_VOTES,
    Item,
    Member,
    Play,
    Playing,
    Room,
)


class Who(enum.Enum):
    """Who may give a command. Rights that depend on the song (removing one's own) stand in its rule."""

    EVERYONE = "everyone"
    HOST = "host"
    PLAYER = "a host, or any player when the clock is anyone's"
    NODE = "the node itself"

    @property
    def bit(self) -> int:
        """The right that stands for it."""
        return {Who.EVERYONE: 0, Who.HOST: c.HOST, Who.PLAYER: c.PLAYER, Who.NODE: c.NODE}[self]


#: What became of the room's PIN: nothing (or it is gone), it was set where there was none, it was replaced.
Door = Literal["", "shut", "changed"]


@dataclass(slots=True)
class Change:
    """A room while an entry is applied to it, and what the rules report beside its new state."""

    room: Room
    plays: list[Play]
    voted: tuple[str, int] | None = None
    votes_reset: bool = False
    promoted: list[str] = field(default_factory=list)
    banned: list[str] = field(default_factory=list)
    door: Door = ""

    def done(self, result: dict[str, object] | None = None) -> Done:
        """Applied: it shows in the last version there is."""
        return Done(self.room.changed, result)


class Rule(NamedTuple):
    """`who` may do it, what it does, and whether its answer is `remembered` so that it applies once (R4)."""

    who: Who
    apply: Callable[[Change, Any], Outcome]
    remembered: bool = True


def no_such_song(song_id: str) -> Refused:
    """No song of this id where one is needed."""
    return Refused("no_such_song", f"No song {song_id!r} is in the queue.")


_SKIPPING: Final = ("skip_share", "skip_minimum")
_FULL_HOUSE: Final = Refused("too_many", "This party knows as many people as it can.")
#: To somebody who has shown another PIN than the room's, or none.
BAD_PIN: Final = Refused("bad_pin", "This is not the PIN of this party.")
PIN_NEEDED: Final = Refused("pin_needed", "This party has a PIN: ask the host for it.")
_NOTHING_PLAYS: Final = Refused("stale", "Nothing is playing.")
_OTHER_PLAYS: Final = Refused("stale", "Something else is playing by now.")


def refuse(code: Code, message: str, retry_after: int | None = None) -> Refused:
    """A refusal as a value."""
    return Refused(code, message, retry_after)


# Room


def create(change: Change, command: c.Create) -> Outcome:
    """The first entry: the room's own settings. Later ones change nothing."""
    room = change.room
    if room.seq == 1:
        return change_settings(change, c.Settings(command.member, command.rights, None, command.settings))
    return change.done()


def claim(change: Change, command: c.Claim) -> Outcome:
    """Host rights stay with the member."""
    room = change.room
    member = room.enrol(command.member, command.name)
    if member is None:
        return _FULL_HOUSE
    return _make_host(change, member)


def rotate(change: Change, command: c.Rotate) -> Outcome:  # noqa: ARG001
    """The host tokens handed out so far open nothing any more; the rights they gave stay with their members."""
    change.room.host_generation += 1
    return change.done()


def promote(change: Change, command: c.Promote) -> Outcome:
    """A host makes another member a host: a co-host, or the stage on a TV that asks."""
    member = change.room.enrol(command.target)
    return _FULL_HOUSE if member is None else _make_host(change, member)


def _make_host(change: Change, member: Member) -> Outcome:
    if member.banned:
        return refuse("forbidden", "This member was sent away.")
    if not member.host:
        if sum(m.host for m in change.room.members.values()) >= MAX_HOSTS:
            return refuse("too_many", "This party has as many hosts as it can.")
        member.host = True
        change.promoted.append(member.id)
    return change.done()


def ban(change: Change, command: c.Ban) -> Outcome:
    """Send a guest away with their songs and votes, or let them come back. Hosts cannot be sent away."""
    room = change.room
    member = room.enrol(command.target)
    if member is None:
        return _FULL_HOUSE
    if command.banned and member.host:
        return refuse("forbidden", "Hosts cannot be sent away.")
    if command.banned == member.banned:
        return change.done()
    if command.banned and room.bans >= MAX_BANNED:
        return refuse("too_many", "This party has sent away as many as it can.")
    member.banned = command.banned
    room.bans += 1 if command.banned else -1
    room.settings_at["banned"] = room.changed = room.seq
    if command.banned:
        for item in [*member.items]:
            room.drop(item)
        for song_id, item in room.items.items():
            if member in item.votes:
                _set_vote(change, member.id, song_id, 0)
        change.voted = None  # nobody is left to be told
        change.banned.append(member.id)
    return change.done()


def rename(change: Change, command: c.Rename) -> Outcome:
    """The member's name, also on the songs they added."""
    room = change.room
    member = room.enrol(command.member)
    if member is None:
        return _FULL_HOUSE
    if member.name != command.name:
        member.name = command.name
        for item in member.items:
            item.by_at = room.seq
            room.touch(item)
        if room.playing is not None and room.playing.by is member:
            room.playing_at = room.changed = room.seq
    return change.done({"name": member.name})


def change_settings(change: Change, command: c.Settings) -> Outcome:
    """Set what differs; a new policy deals the turns again."""
    room = change.room
    for name, value in command.changes.items():
        if not settings.well_formed(name, value):
            return refuse("bad_request", f"{name!r} is not a setting that can be set so.")
    policy = room.settings["policy"]
    for name, value in command.changes.items():
        if room.settings[name] != value:
            room.settings[name] = value
            room.settings_at[name] = room.changed = room.seq
    if room.settings["policy"] != policy:
        order.deal_again(room)
    if room.playing is not None and any(room.settings_at.get(name) == room.seq for name in _SKIPPING):
        room.playing.skips_needed = _skips_needed(room, 0)  # the next skip vote says how many are here
        room.playing_at = room.seq
    if not room.settings["downvotes"] and command.changes.get("downvotes") is False:
        _sweep_downvotes(change)
    return change.done()


def lock(change: Change, command: c.Lock) -> Outcome:
    """Set the PIN. Where there was none, the door shuts behind those whom the room knows; a new one all must show."""
    outcome = change_settings(change, c.Settings(command.member, command.rights, None, command.changes))
    room = change.room
    if isinstance(outcome, Refused) or command.pin == room.pin:
        return outcome
    was, room.pin = room.pin, command.pin
    room.admitted.clear()
    if not room.pin:
        change.door = ""
    elif was:
        change.door = "changed"
    else:
        change.door = change.door or "shut"
        for member in room.members.values():
            if not member.banned:
                room.admit(member.id)
    room.settings_at["pin"] = room.changed = room.seq
    return change.done()


def admit(change: Change, command: c.Admit) -> Outcome:
    """Whoever has shown this PIN need not show it again, unless it is another one by now."""
    room = change.room
    if not room.pin:
        return change.done()
    if command.pin != room.pin:
        return BAD_PIN
    for member_id in command.members:
        room.admit(member_id)
    return change.done()


def _sweep_downvotes(change: Change) -> None:
    """Without downvotes those already given do not count on either: trolling is undone by the switch."""
    room = change.room
    for item in room.items.values():
        if item.down:
            against = [member for member, value in item.votes.items() if value < 0]
            for member in against:
                del item.votes[member]
                member.live -= 1
            room.votes -= len(against)
            item.down = 0
            item.down_at = room.seq
            order.rekey(room, item)
            room.touch(item)
            change.votes_reset = True


# Queue


def add(change: Change, command: c.Add) -> Outcome:
    """Queue a song; one that is queued already gets the member's upvote instead."""
    room, song = change.room, command.song
    if song.id in room.items:
        outcome = _set_vote(change, command.member, song.id, 1)
        return change.done({"song_id": song.id, "added": False}) if isinstance(outcome, Done) else outcome
    member = room.enrol(command.member, command.name)
    if member is None:
        return _FULL_HOUSE
    refused = _may_add(room, member, command)
    if refused is not None:
        return refused
    _put(room, member, song)
    return change.done({"song_id": song.id, "added": True})


def _may_add(room: Room, member: Member, command: c.Add) -> Refused | None:
    values, song = room.settings, command.song
    if values["library_only"] and not command.library:
        return refuse("forbidden", "This party plays songs of its library only.")
    longest = values["longest"]
    assert isinstance(longest, int)
    if longest and song.duration > longest * 1000:
        return refuse("too_large", f"Songs may last {longest} seconds at most here.")
    if len(room.items) >= MAX_QUEUE:
        return refuse("queue_full", f"The queue holds {MAX_QUEUE} songs at most.")
    if command.rights & c.UNLIMITED:
        return None
    most = values["songs_per_guest"]
    assert isinstance(most, int)
    if most and len(member.items) >= most:
        return refuse("too_many", f"You have {most} songs waiting; wait for one to play.")
    wait = _cooldown_left(room, song.id)
    if wait:
        return refuse("not_now", f"This song was on just now; try again in {wait} seconds.", wait)
    return None


def _cooldown_left(room: Room, song_id: str) -> int:
    """Seconds until the song may come again, counted from the end of its last play; 0: now."""
    cooldown = room.settings["cooldown"]
    assert isinstance(cooldown, int)
    if not cooldown:
        return 0
    if room.playing is not None and room.playing.song.id == song_id:
        return cooldown
    ended = room.recent.get(song_id)
    if ended is None:
        return 0
    left = ended + cooldown * 1000 - room.at
    return -(-left // 1000) if left > 0 else 0


def _put(room: Room, member: Member, song: Song) -> None:
    room.arrivals += 1
    item = Item(song, member, room.at, room.arrivals, room.seq)
    room.put(item)
    order.place(room, item)


def remove(change: Change, command: c.Remove) -> Outcome:
    """Guests remove what they added, hosts everything."""
    room = change.room
    item = room.items.get(command.song_id)
    if item is None:
        return no_such_song(command.song_id)
    if item.by.id != command.member and not _is_host(room, command):
        return refuse("forbidden", "You can remove only songs that you added.")
    room.drop(item)
    order.renumber(room, item.by)
    return change.done()


def _is_host(room: Room, command: c.Command) -> bool:
    member = room.members.get(command.member)
    return bool(command.rights & c.HOST) or (member is not None and member.host)


def vote(change: Change, command: c.Vote) -> Outcome:
    """Set the member's vote."""
    return _set_vote(change, command.member, command.song_id, command.value)


def step(change: Change, command: c.Step) -> Outcome:
    """One step from the member's own vote, within -1..+1."""
    item = change.room.items.get(command.song_id)
    member = change.room.members.get(command.member)
    own = item.votes.get(member, 0) if item is not None and member is not None else 0
    return _set_vote(change, command.member, command.song_id, min(max(own + command.by, -1), 1))


def _set_vote(change: Change, member_id: str, song_id: str, value: int) -> Outcome:
    room = change.room
    if value < 0 and not room.settings["downvotes"]:
        return refuse("forbidden", "This party has no downvotes.")
    item = room.items.get(song_id)
    if item is None:
        return no_such_song(song_id)
    member = room.members.get(member_id) or room.enrol(member_id)
    if member is None:
        return _FULL_HOUSE
    votes = item.votes
    own = votes.get(member, 0)
    if own != value:
        if not own:
            if room.votes >= MAX_VOTES:
                return refuse("too_many", "This party holds as many votes as it can.")
            member.live += 1
            room.votes += 1
        if value:
            votes[member] = value
        else:
            del votes[member]
            member.live -= 1
            room.votes -= 1
        seq = room.seq
        if own > 0 or value > 0:
            item.up += (value > 0) - (own > 0)
            item.up_at = seq
        if own < 0 or value < 0:
            item.down += (value < 0) - (own < 0)
            item.down_at = seq
        order.rekey(room, item)
        room.touch(item)
        change.voted = (song_id, value)
    return Done(room.changed)


def clear(change: Change, command: c.Clear) -> Outcome:
    """Empty the queue; with `everything` the history too, and nothing plays any more."""
    room = change.room
    _empty(room)
    if command.everything:
        if room.playing is not None:
            room.playing = None
            room.playing_at = room.seq
        room.history.clear()
        room.recent.clear()
        room.cleared = room.plays
        room.changed = room.horizon = room.seq  # no patch takes history away: everybody gets a fresh state
    return change.done()


def _empty(room: Room) -> None:
    for item in list(room.items.values()):
        room.drop(item)


def sync(change: Change, command: c.Sync) -> Outcome:
    """Put these songs in place of the queue, in this order, votes at 0; an id given twice counts once."""
    room = change.room
    member = room.enrol(command.member, command.name)
    if member is None:
        return _FULL_HOUSE
    songs: dict[str, Song] = {}
    for song in command.songs:
        songs.setdefault(song.id, song)
    if len(songs) > MAX_QUEUE:
        return refuse("queue_full", f"The queue holds {MAX_QUEUE} songs at most.")
    _empty(room)
    for song in songs.values():
        _put(room, member, song)
    return change.done()


# Music


def play_next(change: Change, command: c.PlayNext) -> Outcome:
    """End what plays and start the first of the queue."""
    room = change.room
    if command.expected != c.ANY_PLAY and command.expected != (
        room.playing.play if room.playing else c.NO_PLAY
    ):
        return _OTHER_PLAYS
    if room.playing is None and not room.items:
        return refuse("queue_empty", "Nothing plays and nothing is queued.")
    _next(change, "end" if command.rights & c.NODE else "skip", command.attached)
    return change.done(_now_playing(room))


def ended(change: Change, command: c.Ended) -> Outcome:
    """A player reached the end of a play, or cannot play it."""
    room = change.room
    if room.playing is None or room.playing.play != command.play:
        return _OTHER_PLAYS
    _next(change, command.reason, command.attached)
    return change.done(_now_playing(room))


def _now_playing(room: Room) -> dict[str, object]:
    playing = room.playing
    if playing is None:
        return {"playing": None}
    score = playing.up - playing.down
    return {"playing": {"play": playing.play, "song": playing.song.wire(), "score": score}}


def _next(change: Change, reason: str, attached: bool) -> None:
    room = change.room
    if room.playing is not None:
        _finish(change, room.playing, reason)
    queue = room.ordered()
    room.playing = None
    if queue:
        item = queue[0]
        room.plays += 1
        playing = Playing(room.plays, item.song, item.by, item.turn, item.up, item.down, room.at, room.at)
        playing.skips_needed = _skips_needed(room, 0)
        if not attached:
            playing.paused_at, playing.paused_by = room.at, "auto"
        order.take_turn(room, item)
        room.drop(item)
        room.playing = playing
    room.playing_at = room.changed = room.seq


def _finish(change: Change, playing: Playing, reason: str) -> None:
    room = change.room
    play = Play(
        play=playing.play,
        song=playing.song,
        by_id=playing.by.id,
        by_name=playing.by.name,
        up=playing.up,
        down=playing.down,
        played_at=playing.played_at,
        ended_at=room.at,
        reason=reason,
        seq=room.seq,
    )
    room.history.append(play)
    change.plays.append(play)
    room.recent.pop(playing.song.id, None)
    room.recent[playing.song.id] = room.at
    if len(room.recent) > KEEP_RECENT:
        room.recent.popitem(last=False)


def skip(change: Change, command: c.Skip) -> Outcome:
    """Count who wants to skip; pass on when both the share of those present and the minimum are reached."""
    room, playing = change.room, change.room.playing
    if not room.settings["skip_share"]:
        return refuse("forbidden", "This party has no skipping by vote.")
    if playing is None:
        return _NOTHING_PLAYS
    member = room.enrol(command.member)
    if member is None:
        return _FULL_HOUSE
    needed = _skips_needed(room, command.present)
    if command.want:
        playing.skips[member] = True
    else:
        playing.skips.pop(member, None)
    votes = len(playing.skips)
    playing.skips_needed = needed
    room.playing_at = room.changed = room.seq
    skipped = command.want and votes >= needed
    if skipped:
        _next(change, "skip", command.attached)
    return change.done({"skipped": skipped, "votes": votes, "needed": needed})


def _skips_needed(room: Room, present: int) -> int:
    """How many must want to skip when `present` members are here; 0: skipping by vote is off."""
    share, minimum = room.settings["skip_share"], room.settings["skip_minimum"]
    assert isinstance(share, int) and isinstance(minimum, int)
    return max(minimum, -(-share * max(present, 0) // 1000)) if share else 0


def pause(change: Change, command: c.Pause) -> Outcome:
    """Stop where it is. A host's pause stays until a host ends it; a node's is automatic."""
    room, playing = change.room, change.room.playing
    if playing is None:
        return _NOTHING_PLAYS
    if command.rights & c.NODE:
        if playing.play != command.expected or playing.paused_at is not None:
            return _OTHER_PLAYS
        by = "auto"
    else:
        by = "host"
    if playing.paused_by != by:
        if playing.paused_at is None:
            playing.paused_at = room.at
        playing.paused_by = by
        room.playing_at = room.changed = room.seq
    return change.done()


def resume(change: Change, command: c.Resume) -> Outcome:
    """Go on from where it stopped."""
    room, playing = change.room, change.room.playing
    if playing is None:
        return _NOTHING_PLAYS
    if command.rights & c.NODE and (playing.play != command.expected or playing.paused_by != "auto"):
        return _OTHER_PLAYS
    if playing.paused_at is not None:
        playing.position = playing.at(room.at)
        playing.started_at = room.at
        playing.paused_at = playing.paused_by = None
        room.playing_at = room.changed = room.seq
    return change.done()


def seek(change: Change, command: c.Seek) -> Outcome:
    """Go to a position, at most the end of the song."""
    room, playing = change.room, change.room.playing
    if playing is None:
        return _NOTHING_PLAYS
    playing.position = min(max(command.position, 0), playing.song.duration)
    playing.started_at = room.at
    if playing.paused_at is not None:
        playing.paused_at = room.at
    room.playing_at = room.changed = room.seq
    return change.done()


def volume(change: Change, command: c.Volume) -> Outcome:
    """The stage's volume, a part of the room so that every stage and remote shows the same."""
    room = change.room
    value = min(max(command.value, 0), 100)
    if room.volume != value:
        room.volume = value
        room.settings_at["volume"] = room.changed = room.seq
    return change.done()


RULES: Final[dict[type[c.Command], Rule]] = {
    c.Create: Rule(Who.NODE, create),
    c.Claim: Rule(Who.NODE, claim, remembered=False),
    c.Rotate: Rule(Who.NODE, rotate),
    c.Promote: Rule(Who.HOST, promote),
    c.Ban: Rule(Who.HOST, ban),
    c.Rename: Rule(Who.EVERYONE, rename),
    c.Settings: Rule(Who.HOST, change_settings),
    c.Lock: Rule(Who.HOST, lock),
    c.Admit: Rule(Who.NODE, admit, remembered=False),
    c.Add: Rule(Who.EVERYONE, add),
    c.Remove: Rule(Who.EVERYONE, remove),
    c.Vote: Rule(Who.EVERYONE, vote, remembered=False),
    c.Step: Rule(Who.EVERYONE, step),
    c.Clear: Rule(Who.HOST, clear),
    c.Sync: Rule(Who.HOST, sync),
    c.PlayNext: Rule(Who.HOST, play_next),
    c.Ended: Rule(Who.PLAYER, ended),
    c.Skip: Rule(Who.EVERYONE, skip),
    c.Pause: Rule(Who.HOST, pause),
    c.Resume: Rule(Who.HOST, resume),
    c.Seek: Rule(Who.HOST, seek),
    c.Volume: Rule(Who.HOST, volume),
}
