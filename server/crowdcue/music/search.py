"""An index of songs in memory that answers what people type on a phone: prefixes, any word order, small
typing errors."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from heapq import merge
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from crowdcue.music.fold import fold, index_words, split
from crowdcue.music.song import LibrarySong

MAX_QUERY = 200
"""Characters of a query that count; a pasted video title has fewer."""
MAX_WORDS = 8
"""Words of a query that count: each costs a pass over the index."""
MAX_RESULTS = 500
_ONE_ERROR = 4  # letters from which on a word may hold one typing error
_TWO_ERRORS = 8
_MAX_CANDIDATES = (
    4_000  # words compared letter by letter for one misspelt word, after the filter by letters used
)
_MAX_ALIKE = 400  # misspellings kept of them, the closest first

# What one word of the query earns in a song; how it matched counts first, then where.
_EXACT, _PREFIX = 90, 70
_ALIKE = (50, 40, 30, 20)  # one error, one in the beginning of a word, two, two in the beginning
_TITLE, _ARTIST, _ALBUM = 8, 5, 2
# On top: the query is the whole title, the whole artist, or what the title begins with.
_WHOLE_TITLE, _WHOLE_ARTIST, _TITLE_BEGINS = 2_000, 1_000, 500

_END = "\U0010ffff"  # sorts behind every character that a folded text can hold

_PIECE = 2_000  # keys sorted at once: about two milliseconds

Ints = NDArray[np.int32]
T = TypeVar("T", str, tuple[str, str, str, str, int])


class SearchIndex:
    """The songs given, in title order, and the words they are found by. Immutable; built by its constructor,
    which takes about a second of CPU per 50,000 songs and is meant for a thread."""

    def __init__(self, songs: Sequence[LibrarySong]) -> None:
        keyed = gentle_sort(
            (fold(song.title), fold(song.artist), song.album or "", song.id, at)
            for at, song in enumerate(songs)
        )
        self.songs: list[LibrarySong] = [songs[entry[4]] for entry in keyed]
        self._titles = [entry[0] for entry in keyed]
        self._artists: dict[str, int] = {}
        self._artist_of: Ints = np.array(
            [self._artists.setdefault(entry[1], len(self._artists)) for entry in keyed], np.int32
        )
        self._build()

    def __len__(self) -> int:
        return len(self.songs)

    def search(self, query: str, limit: int) -> list[LibrarySong]:
        """The best `limit` songs for the query, best first; in title order when it holds no word at all.
        Every word must match; when no song has them all, at least half of them must."""
        limit = max(0, min(limit, MAX_RESULTS))
        folded = fold(query[:MAX_QUERY])
        words = list(dict.fromkeys(split(folded)))[:MAX_WORDS]
        if not words:
            return self.songs[:limit]
        if not self.songs or not limit:
            return []
        total, matched = self._score(words, forgiving=False)
        hits = matched == len(words)
        if not hits.any():
            total, matched = self._score(words, forgiving=True)
            hits = matched == len(words)
            if not hits.any():
                hits = matched * 2 >= len(words)
        self._add_whole(total, folded)
        docs = np.flatnonzero(hits)
        # One number orders by score and then by title, so that a partial sort is enough.
        keys = total[docs].astype(np.int64) * len(self.songs) - docs
        if len(docs) > limit:
            best = np.argpartition(-keys, limit - 1)[:limit]
            docs, keys = docs[best], keys[best]
        return [self.songs[doc] for doc in docs[np.argsort(-keys)].tolist()]

    def _build(self) -> None:
        numbers: dict[str, int] = {}
        words, docs, fields = array("i"), array("i"), array("b")
        # Artists and albums come again and again; titles hardly do.
        known: dict[str, list[int]] = {}

        def add(doc: int, text: str, field: int, remember: bool) -> None:
            found = known.get(text) if remember else None
            if found is None:
                found = [numbers.setdefault(word, len(numbers)) for word in index_words(text)]
                if remember:
                    known[text] = found
            words.extend(found)
            for _ in found:
                docs.append(doc)
                fields.append(field)

        for doc, song in enumerate(self.songs):
            add(doc, song.title, _TITLE, remember=False)
            add(doc, song.artist, _ARTIST, remember=True)
            if song.album:
                add(doc, song.album, _ALBUM, remember=True)

        self._words = gentle_sort(numbers)
        place = np.empty(len(numbers), np.int32)
        for at, word in enumerate(self._words):
            place[numbers[word]] = at
        placed = place[np.frombuffer(words, np.int32)] if words else np.empty(0, np.int32)
        order = np.argsort(placed, kind="stable")
        self._docs: Ints = np.frombuffer(docs, np.int32)[order] if docs else np.empty(0, np.int32)
        self._fields: NDArray[np.int8] = (
            np.frombuffer(fields, np.int8)[order] if fields else np.empty(0, np.int8)
        )
        # Postings of the word at `i` are [starts[i], starts[i + 1]).
        self._starts: NDArray[np.int64] = np.concatenate(
            ([0], np.cumsum(np.bincount(placed, minlength=len(numbers))))
        ).astype(np.int64)
        self._lengths = np.array([len(word) for word in self._words], np.int32)
        self._letters = letters_used(self._words, self._lengths)

    def _score(self, words: list[str], *, forgiving: bool) -> tuple[Ints, Ints]:
        """For each song the sum of what the words earn, and how many of them match. Misspellings are looked
        for where a word is unknown, or for every word when `forgiving`."""
        total = np.zeros(len(self.songs), np.int32)
        matched = np.zeros(len(self.songs), np.int32)
        for at, word in enumerate(words):
            earned = np.zeros(len(self.songs), np.int32)
            low, high = bisect_left(self._words, word), bisect_left(self._words, word + _END)
            known = low < high and self._words[low] == word
            if forgiving or not known:
                for alike, worth in self._alike(word, unfinished=at == len(words) - 1):
                    self._earn(earned, alike, worth)
            self._earn(earned, slice(low, high), _PREFIX)
            if known:
                self._earn(earned, slice(low, low + 1), _EXACT)
            total += earned
            matched += earned > 0
        return total, matched

    def _earn(self, earned: Ints, which: slice | list[int], worth: int) -> None:
        """Write `worth` to the songs that hold these words. Callers go from the least worth to the most."""
        if isinstance(which, slice):
            postings = slice(int(self._starts[which.start]), int(self._starts[which.stop]))
            docs, fields = self._docs[postings], self._fields[postings]
        else:
            spans = [slice(int(self._starts[i]), int(self._starts[i + 1])) for i in which]
            docs = np.concatenate([self._docs[span] for span in spans])
            fields = np.concatenate([self._fields[span] for span in spans])
        for field in (_ALBUM, _ARTIST, _TITLE):
            earned[docs[fields == field]] = worth + field

    def _alike(self, word: str, *, unfinished: bool) -> list[tuple[list[int], int]]:
        """Words within one or two typing errors of this one, the further ones first; of an `unfinished` word
        also those that begin alike."""
        errors = 2 if len(word) >= _TWO_ERRORS else 1
        if len(word) < _ONE_ERROR or word.isdigit():
            return []
        own = letters_used([word], np.array([len(word)], np.int32))[0]
        # One error changes at most two of the letters used, so most words fall out at the price of a few
        # additions.
        close = (np.abs(self._lengths - len(word)) <= errors) & (
            np.bitwise_count(self._letters ^ own) <= 2 * errors
        )
        found = self._distances(word, np.flatnonzero(close), errors, None)
        begun: dict[int, int] = {}
        if unfinished:
            begins = (self._lengths > len(word)) & (np.bitwise_count(own & ~self._letters) <= errors)
            candidates = np.flatnonzero(begins)
            for length in range(len(word) - 1, len(word) + 2):
                for at, distance in self._distances(word, candidates, errors, length).items():
                    begun[at] = min(begun.get(at, distance), distance)
        grades: list[list[int]] = [[], [], [], []]
        for at in found.keys() | begun.keys():
            grades[min(2 * found.get(at, 9) - 2, 2 * begun.get(at, 9) - 1)].append(at)
        kept = 0
        groups: list[tuple[list[int], int]] = []
        for grade, worth in zip(grades, _ALIKE, strict=True):
            group = sorted(grade)[: _MAX_ALIKE - kept]
            kept += len(group)
            if group:
                groups.append((group, worth))
        return groups[::-1]

    def _distances(self, word: str, among: NDArray[np.int64], errors: int, cut: int | None) -> dict[int, int]:
        """The words at `among`, cut to a length, that are within `errors` of `word`, with their distance."""
        among = among[:_MAX_CANDIDATES]
        if not len(among):
            return {}
        words = [self._words[at][:cut] for at in among.tolist()]
        row = cdist([word], words, scorer=OSA.distance, score_cutoff=errors, dtype=np.int32)[0]
        near = np.flatnonzero(row <= errors)
        return dict(zip(among[near].tolist(), row[near].tolist(), strict=True))

    def _add_whole(self, total: Ints, folded: str) -> None:
        # Songs are in title order, so those whose title is, or begins with, the query stand together.
        low, high = bisect_left(self._titles, folded), bisect_left(self._titles, folded + _END)
        total[low:high] += _TITLE_BEGINS
        total[low : bisect_right(self._titles, folded)] += _WHOLE_TITLE
        artist = self._artists.get(folded)
        if artist is not None:
            total[self._artist_of == artist] += _WHOLE_ARTIST


def gentle_sort(items: Iterable[T]) -> list[T]:
    """Sorts in pieces that are merged in Python: one sort of 50,000 keys would hold the interpreter lock, and so
    the event loop, for a tenth of a second."""
    everything = list(items)
    pieces = [sorted(everything[at : at + _PIECE]) for at in range(0, len(everything), _PIECE)]
    return list(merge(*pieces))


def letters_used(words: Sequence[str], lengths: Ints) -> NDArray[np.uint64]:
    """For each word a set of the letters in it, as 64 bits (several letters of larger alphabets share
    one)."""
    if not words:
        return np.empty(0, np.uint64)
    codes = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)
    bits = np.left_shift(np.uint64(1), (codes & 63).astype(np.uint64))
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    return np.bitwise_or.reduceat(bits, starts)
