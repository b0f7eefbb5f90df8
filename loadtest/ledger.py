"""The book of a run: every acknowledged vote, against every version that was shown and the state at the end.

`done.seq` says in which version a vote shows, so each version that any listener saw can be computed from the
acknowledgements alone: votes with a seq up to it, in order. A vote that was acknowledged and lost, or counted twice, is
found even when the same member voted again later.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from .views import Version


class Vote(NamedTuple):
    """One acknowledged vote."""

    seq: int
    voter: str
    song: str
    value: int


class Ledger:
    """Acknowledged votes of one room on songs that are queued once."""

    def __init__(self) -> None:
        self.votes: list[Vote] = []
        self.unsettled: set[tuple[str, str]] = set()  # (voter, song) with a vote whose outcome nobody knows

    def acknowledged(self, seq: int, voter: str, song: str, value: int) -> None:
        """A voter's votes must be noted in the order in which they were sent."""
        self.votes.append(Vote(seq, voter, song, value))

    def own(self, voter: str) -> dict[str, int]:
        """What the voter's own votes must be at the end."""
        last = {vote.song: vote.value for vote in self.votes if vote.voter == voter}
        return {song: value for song, value in last.items() if value}

    def own_of_all(self) -> dict[str, dict[str, int]]:
        """The same of all voters at once."""
        found: dict[str, dict[str, int]] = {}
        for vote in self.votes:
            found.setdefault(vote.voter, {})[vote.song] = vote.value
        return {
            voter: {song: value for song, value in songs.items() if value} for voter, songs in found.items()
        }

    def check(self, versions: Iterable[Version], final_seq: int) -> Counter[str]:
        """What is wrong, counted: versions whose votes differ from the book, and votes beyond the end."""
        errors: Counter[str] = Counter()
        shown = sorted({version.seq: version for version in versions}.values(), key=lambda v: v.seq)
        votes = sorted(self.votes, key=operator.attrgetter("seq"))  # stable: keeps each voter's order
        loose = {song for _, song in self.unsettled}
        own: dict[tuple[str, str], int] = {}
        up: Counter[str] = Counter()
        down: Counter[str] = Counter()
        at = 0
        for version in shown:
            while at < len(votes) and votes[at].seq <= version.seq:
                _, voter, song, value = votes[at]
                before = own.get((voter, song), 0)
                up[song] += (value > 0) - (before > 0)
                down[song] += (value < 0) - (before < 0)
                own[voter, song] = value
                at += 1
            for song, item in version.items.items():
                if song not in loose and (
                    item["up"] != up[song]
                    or item["down"] != down[song]
                    or item["score"] != up[song] - down[song]
                ):
                    errors["a version's votes differ from what was acknowledged"] += 1
                    break
        if at < len(votes) or (votes and votes[-1].seq > final_seq):
            errors["acknowledged votes are missing at the end"] += len(votes) - at
        return errors
