"""
The searchable words of a message.  Pure.

A message becomes words separated by one space; a search finds the messages that contain its words
next to each other in the same order.  Which words are equal is decided only here, by Python's
Unicode data, and not by a database, so the result is the same for all databases.
"""

# The tables below contain letters that look like others.
# ruff: noqa: RUF001

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from tsservices.chat.errors import NOT_SEARCHABLE, ChatError
from tsservices.chat.names import fold
from tsservices.chat.operations import ME, MESSAGE, NOTICE, TOPIC

#: The kinds of messages that are found.
FOUND_KINDS = (MESSAGE, ME, NOTICE, TOPIC)

#: The version of this module's output: an index made by another version can't be used.
VERSION = f"3, Unicode {unicodedata.unidata_version}"

# Characters in a word; longer ones are split.
_LONGEST = 64
_PLAIN = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}

# The tables are here, not in Python's Unicode data alone, so that all Unicode versions agree.

# Marks that writers may leave out: accents, vowel points, signs for recitation.  The marks of other
# scripts are letters (vowels of Devanagari, Thai and Tamil) or change the syllable (viramas,
# nuktas, tones, the voicing of kana), and are kept.
_OPTIONAL_MARKS = (
    (0x0300, 0x036F),  # Latin, Greek, Cyrillic
    (0x0483, 0x0489),  # Cyrillic
    (0x0591, 0x05BD),  # Hebrew; between these is a hyphen, and other punctuation
    (0x05BF, 0x05BF),
    (0x05C1, 0x05C2),
    (0x05C4, 0x05C5),
    (0x05C7, 0x05C7),
    (0x0610, 0x061A),  # Arabic
    (0x0640, 0x0640),  # tatweel, which only makes a word longer
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06DC),
    (0x06DF, 0x06E8),
    (0x06EA, 0x06ED),
    (0x0711, 0x0711),  # Syriac
    (0x0730, 0x074A),
    (0x07FA, 0x07FA),  # the tatweel of N'Ko
    (0x0816, 0x0819),  # Samaritan
    (0x081B, 0x0823),
    (0x0825, 0x0827),
    (0x0829, 0x082D),
    (0x0859, 0x085B),  # Mandaic
    (0x0898, 0x089F),  # Arabic
    (0x08CA, 0x08FF),
    (0x0951, 0x0954),  # accents of Vedic
    (0x135D, 0x135F),  # Ethiopic
    (0x1AB0, 0x1AFF),  # Latin
    (0x1CD0, 0x1CE8),  # accents of Vedic
    (0x1CED, 0x1CED),
    (0x1CF4, 0x1CF4),
    (0x1CF7, 0x1CF9),
    (0x1DC0, 0x1DFF),  # Latin
    (0x20D0, 0x20FF),  # around symbols
    (0x2CEF, 0x2CF1),  # Coptic
    (0x2DE0, 0x2DFF),  # Cyrillic
    (0x302A, 0x302F),  # tones of Chinese and Korean
    (0xA66F, 0xA672),  # Cyrillic
    (0xA674, 0xA67D),
    (0xA69E, 0xA69F),
    (0xFE20, 0xFE2F),  # Latin, Cyrillic
    (0x10EFD, 0x10EFF),  # Arabic
)

# Invisible characters of several categories: fillers, and selectors of a form or colour of the
# character before them.  Category Cf (joiners, directional marks, soft hyphens) is invisible too.
_UNSEEN = (
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0x1F3FB, 0x1F3FF),
    (0xE0000, 0xE0FFF),
)

# Letters in Unicode that people use as apostrophes: like an apostrophe, they separate words.
_APOSTROPHES = ((0x02B9, 0x02BF), (0x02C8, 0x02CB), (0x055A, 0x055A), (0xA78B, 0xA78C))

# Letters that Unicode does not decompose, and the letters that people type instead.  Letters with a
# stroke, hook or tail are not listed here: their Unicode names contain the base letter.
_LETTERS = {
    **{"æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ŋ": "n", "ĸ": "q", "ı": "i", "ȷ": "j"},
    **{"ə": "e", "ɛ": "e", "ɔ": "o", "ƿ": "w", "ȝ": "y", "ꜵ": "ao", "ꜳ": "aa", "ꜷ": "au"},
    # Forms at the end of a word, and ligatures of Yiddish.
    **{"ך": "כ", "ם": "מ", "ן": "נ", "ף": "פ", "ץ": "צ", "װ": "וו", "ױ": "וי", "ײ": "יי"},
    # Letters that differ between Arabic, Persian and Urdu keyboards.
    **{"ٱ": "ا", "ى": "ي", "ی": "ي", "ے": "ي", "ة": "ه", "ہ": "ه", "ھ": "ه", "ە": "ه"},
    **{"ۃ": "ه", "ک": "ك", "ڪ": "ك"},
}

# Emoji that Unicode counts as punctuation.
_MORE_SYMBOLS = "\u3030\u303d"

# The blank Braille pattern: a symbol that shows nothing.
_BLANK_SYMBOL = "\u2800"

# Two of these letters form a flag; in a row of flags each pair has to stay together.
_FLAG = re.compile("([\U0001f1e6-\U0001f1ff]{2})")
_FLAG_LETTERS = ((0x1F1E6, 0x1F1FF),)

# Scripts without spaces between words, or with endings attached to words as in Korean: each
# character is a word.
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

# Unicode names of letters with strokes, hooks and so on that people often type without them.
_WITH = re.compile("((?:LATIN|CYRILLIC) SMALL LETTER .+?) WITH ")


def _within(code: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= code <= last for first, last in ranges)


class _Replacements(dict[int, str]):
    # A table for str.translate; each replacement is computed when its character first occurs.
    def __missing__(self, code: int) -> str:
        replacement = self[code] = _PLAIN[code] if code < 128 else _replacement(chr(code))
        return replacement


def _replacement(character: str) -> str:
    code, category = ord(character), unicodedata.category(character)
    if category == "Cf" or _within(code, _UNSEEN) or _within(code, _OPTIONAL_MARKS):
        return ""
    if character in _LETTERS:
        return _LETTERS[character]
    if category == "Nd":
        # The digits of all scripts are equal.
        return str(unicodedata.decimal(character))
    if _within(code, _APOSTROPHES) or character == _BLANK_SYMBOL:
        return " "
    if match := _WITH.match(unicodedata.name(character, "")):
        try:
            return _replacement(unicodedata.normalize("NFD", unicodedata.lookup(match[1]))[0])
        except KeyError:
            return character
    if _within(code, _FLAG_LETTERS):
        return character
    # Symbols, such as emoji, are words.  So are characters that this Unicode version does not know:
    # they are then found as written, with any version.
    isSymbol = category in ("So", "Sm", "Sc", "Cn", "Co") or character in _MORE_SYMBOLS
    if isSymbol or (category[0] in "LMN" and _within(code, _ALONE)):
        return f" {character} "
    return character if category[0] in "LMN" else " "


_REPLACEMENTS = _Replacements()
_MARKS = dict.fromkeys(code for first, last in _OPTIONAL_MARKS for code in range(first, last + 1))

# Folding turns these signs into letters, which would join the word beside them.  It also turns the
# iota below a Greek vowel into a letter, which would not be removed as a mark.
_SIGNS = "™℠№℡"
_FOLDS_TO_LETTERS = re.compile(f"[\u0345\u1f80-\u1fff{_SIGNS}]")
_BEFORE_FOLDING = {**_MARKS, **{ord(sign): f" {sign} " for sign in _SIGNS}}


def searchable(text: str) -> str:
    """Return the folded words of a text, separated by a space: letters, digits and symbols only."""
    if text.isascii():
        words = text.translate(_PLAIN).split()
    else:
        # Optional marks are removed from the decomposed text (NFD).  The other marks are composed
        # again with their letters (NFC): kana with a voicing mark are one character.
        if _FOLDS_TO_LETTERS.search(text):
            text = unicodedata.normalize("NFD", text).translate(_BEFORE_FOLDING)
        bare = unicodedata.normalize("NFD", fold(text)).translate(_MARKS)
        bare = _FLAG.sub(r" \1 ", unicodedata.normalize("NFC", bare))
        words = bare.translate(_REPLACEMENTS).split()
    if words and max(map(len, words)) > _LONGEST:
        # FTS5 truncates very long words, and would then find too much.
        words = [
            word[first : first + _LONGEST]
            for word in words
            for first in range(0, len(word), _LONGEST)
        ]
    return " ".join(words)


def nameWord(key: str) -> str:
    """Encode a name as one word that no other name has."""
    return key.encode("utf-8", "surrogatepass").hex()


def phrases(words: Iterable[str]) -> list[str]:
    """
    Return the distinct phrases that a message has to contain, without those in which nothing is
    searchable.

    @raise ChatError: words were given, but none of them is searchable.
    """
    searchables = [searchable(word) for word in words]
    distinct = list(dict.fromkeys(phrase for phrase in searchables if phrase))
    if searchables and not distinct:
        raise ChatError(NOT_SEARCHABLE)
    return distinct


def containsAll(text: str, wanted: Iterable[str]) -> bool:
    """Whether a text contains all phrases: the same test as the index, without the index."""
    words = f" {searchable(text)} "
    return all(f" {phrase} " in words for phrase in wanted)
