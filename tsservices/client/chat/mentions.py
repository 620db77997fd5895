"""Finding names in a text, in all their spellings.  Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from tsservices.chat.names import fold

#: Scripts that have no spaces between words, or append particles to names: a name may begin or end
#: next to such a letter.
_NO_SPACES = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul, whose particles directly follow a name
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x31FF),  # kana, bopomofo, Hangul
    (0x3400, 0x9FFF),  # Han
    (0xA960, 0xA97F),  # Hangul
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),  # Han
    (0x20000, 0x3FFFF),
)

#: The start and the end of a part of a text.
Range = tuple[int, int]


@lru_cache(256)
def _word(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])", re.IGNORECASE)


def findNames(text: str, names: Iterable[str]) -> list[Range]:
    """
    Find names in a text as separate words: in any case and any equivalent spelling, and between
    letters of scripts without spaces.
    """
    found: list[Range] = []
    folded: _Folded | None = None
    for name in names:
        if not name:
            continue
        if text.isascii() and name.isascii():
            found += [match.span() for match in _word(name).finditer(text)]
            continue
        folded = folded or _Folded(text)
        found += folded.find(fold(name))
    return _merged(found)


def mentions(text: str, nick: str) -> bool:
    """Check whether a text contains a name."""
    return bool(nick) and bool(findNames(text, [nick]))


class _Folded:
    # A folded text, with the position of each character in the original.

    def __init__(self, text: str) -> None:
        parts: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        start = 0
        while start < len(text):
            end = start + 1
            # Folding may combine a letter and its marks to one character.
            while end < len(text) and _continues(text[end]):
                end += 1
            part = fold(text[start:end])
            parts.append(part)
            self._starts += [start] * len(part)
            self._ends += [end] * len(part)
            start = end
        self._text = "".join(parts)

    def find(self, key: str) -> list[Range]:
        text, found = self._text, []
        at = text.find(key) if key else -1
        while at >= 0:
            end = at + len(key)
            before = text[at - 1] if at else " "
            after = text[end] if end < len(text) else " "
            if _boundary(before, text[at]) and _boundary(text[end - 1], after):
                found.append((self._starts[at], self._ends[end - 1]))
            at = text.find(key, at + 1)
        return found


def _continues(character: str) -> bool:
    if character.isascii():
        return False
    # Decomposed vowels and final consonants of Hangul are not in the category of marks.
    return unicodedata.category(character)[0] == "M" or "\u1160" <= character <= "\u11ff"


def _boundary(left: str, right: str) -> bool:
    if not (_isOfWord(left) and _isOfWord(right)):
        return True
    return _withoutSpaces(left) or _withoutSpaces(right)


def _isOfWord(character: str) -> bool:
    return character.isalnum() or character in "_-" or unicodedata.category(character)[0] == "M"


def _withoutSpaces(character: str) -> bool:
    number = ord(character)
    return number >= 0x0E00 and any(first <= number <= last for first, last in _NO_SPACES)


def _merged(ranges: list[Range]) -> list[Range]:
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
