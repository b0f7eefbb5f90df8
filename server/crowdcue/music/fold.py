"""Makes text comparable for search: case, accents and punctuation gone, split into words; pure, for any
Unicode text."""

import re
import unicodedata

MAX_FOLDED = 1_000
"""Longest text looked at, after folding: some characters decompose into eighteen others."""

_NO_SPACES = re.compile(
    # Thai to Tibetan, Burmese, Khmer, kana, Han with its extensions: written without spaces between words
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u312f\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)
_ALIKE = {
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "æ": "ae",
    "œ": "oe",
    "ħ": "h",
    "ı": "i",
    "ŋ": "n",
    "ŧ": "t",
    "ĸ": "k",
    "ƒ": "f",
    "ʼ": "",
}
_QUOTES = dict.fromkeys("'’‘`´ʻʹ′", "")
_TABLE_LIMIT = 20_000  # entries kept; a hostile query could otherwise walk through all of Unicode


class _Folding(dict[int, str]):
    """A table for `str.translate`, filled as characters turn up."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        kind = unicodedata.category(char)
        if char in _ALIKE or char in _QUOTES:
            folded = _ALIKE.get(char, "")
        elif kind in ("Mn", "Me", "Cf"):  # accents, joiners, direction marks
            folded = ""
        elif kind[0] in "LN" or kind in ("Mc", "Co"):
            folded = char
        elif kind in ("So", "Sk"):
            folded = f" {char} "  # an emoji is a word
        else:
            folded = " "
        if len(self) < _TABLE_LIMIT:
            self[code] = folded
        return folded


_folding = _Folding()


def fold(text: str) -> str:
    """`text` in small letters, without accents, words separated by single spaces. Never raises."""
    if text.isascii():
        return " ".join(text[:MAX_FOLDED].lower().translate(_folding).split())
    # Twice around casefold: some decompositions bring capitals, and some folds bring accents.
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text[:MAX_FOLDED]).casefold())
    return " ".join(folded[:MAX_FOLDED].translate(_folding).split())


def split(folded: str) -> list[str]:
    """The words of a folded text to search for. Runs of a script without spaces become overlapping pairs of
    characters (a run of one: itself), so that any substring of two characters or more can be found."""
    words: list[str] = []
    for word in folded.split():
        if word.isascii():
            words.append(word)
        else:
            words.extend(_pieces(word))
    return words


def _pieces(word: str) -> list[str]:
    pieces: list[str] = []
    at = 0
    for run in _NO_SPACES.finditer(word):
        if run.start() > at:
            pieces.append(word[at : run.start()])
        text = run.group()
        pieces.extend([text] if len(text) == 1 else [text[i : i + 2] for i in range(len(text) - 1)])
        at = run.end()
    if at < len(word):
        pieces.append(word[at:])
    return pieces


def index_words(text: str) -> set[str]:
    """All words under which a text is found: those of `split`, single characters of scripts without spaces (a
    query of one character), and words joined over punctuation (`AC/DC` as `acdc`, `P!nk` as `pnk`)."""
    folded = fold(text)
    words = set(split(folded))
    if not folded.isascii():
        for run in _NO_SPACES.finditer(folded):
            words.update(run.group())
    for chunk in text[:MAX_FOLDED].split():
        if not chunk.isalnum():
            parts = fold(chunk).split()
            if len(parts) > 1:
                joined = "".join(parts)
                if joined.isascii():
                    words.add(joined)
    return words
