"""
What of a line can be searched for.  Pure.

A line becomes words with one space between; a search finds the lines in which its own
words stand next to each other in the same order.  All that makes two words the same is
decided here, none of it by a database.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from tsservices.chat.events import ME, MESSAGE, NOTICE, TOPIC
from tsservices.chat.names import fold

FOUND_KINDS = (MESSAGE, ME, NOTICE, TOPIC)
"""
The kinds of lines that are found.
"""

VERSION = f"1, Unicode {unicodedata.unidata_version}"
"""
Of what this module makes of lines: an index that was made with another one can't be used.
"""

_LONGEST = 64
_DIACRITICS = re.compile("[\u0300-\u036f]+")
_PLAIN = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}

# Where no spaces stand between words, or where endings grow onto them as in Korean,
# each letter is a word.
_ALONE = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul letters
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x4DBF),  # radicals, kana, Bopomofo, Han
    (0x4E00, 0x9FFF),  # Han
    (0xA960, 0xA97F),  # Hangul letters
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),  # Han
    (0x16FE0, 0x18DFF),  # Tangut, Khitan, marks of repetition
    (0x1AFF0, 0x1B2FF),  # kana, Nushu
    (0x20000, 0x3FFFF),  # Han
)

_SELECTORS = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF))


def _within(code: int, ranges: Iterable[tuple[int, int]]) -> bool:
    """
    @param code: of a character.
    @param ranges: the first and the last of each.
    @return: whether it is in one of them.
    """
    return any(first <= code <= last for first, last in ranges)


class _Letters(dict[int, str]):
    """
    What becomes of each character, found out when it is first seen.
    """

    def __missing__(self, code: int) -> str:
        """
        @param code: of a character.
        @return: what becomes of it.
        """
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Cf" or _within(code, _SELECTORS):
            found = ""
        elif category[0] not in "LMN":
            found = " "
        else:
            found = f" {character} " if _within(code, _ALONE) else character
        self[code] = found
        return found


_LETTERS = _Letters()


def searchable(text: str) -> str:
    """
    @param text: any.
    @return: its words, folded, with one space between: letters, marks and digits only.
    """
    if text.isascii():
        words = text.translate(_PLAIN).split()
    else:
        bare = _DIACRITICS.sub("", unicodedata.normalize("NFD", fold(text)))
        words = unicodedata.normalize("NFC", bare).translate(_LETTERS).split()
    if words and max(map(len, words)) > _LONGEST:
        # An index cuts what is very long, and would then find more than is there.
        words = [
            word[first : first + _LONGEST]
            for word in words
            for first in range(0, len(word), _LONGEST)
        ]
    return " ".join(words)


def nameWord(key: str) -> str:
    """
    @param key: a folded name.
    @return: one word that no other name has.
    """
    return key.encode("utf-8", "surrogatepass").hex()


def phrases(words: Iterable[str]) -> list[str] | None:
    """
    @param words: what somebody searches for: words, or several in one.
    @return: what has to be in the words of a line, each once.  What holds nothing that
        can be searched for is left out; if nothing else was given, L{None}: no line is
        found.
    """
    given = [searchable(each) for each in words]
    found = list(dict.fromkeys(each for each in given if each))
    return None if given and not found else found


def holds(text: str, wanted: Iterable[str]) -> bool:
    """
    @param text: of a line.
    @param wanted: of L{phrases}.
    @return: whether all of them are in it.
    """
    line = f" {searchable(text)} "
    return all(f" {each} " in line for each in wanted)
