"""
The rules for names of people and rooms, and their keys.

Two names are the same if their keys are: case and compatibility forms make no difference. The key
is checked and limited too, because one character can fold to several, or to a space.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from tsservices.chat.errors import NAME_CHARACTER, NAME_EMPTY, NAME_LONG, NAME_SCRIPTS, ChatError
from tsservices.common.text import visible

#: Characters in the name of a person or a room, folded or not.
NAME_LENGTH = 32

#: May stand before the name of a room, and is no part of it.
ROOM_SIGN = "#"

# Most names contain only these, and need no look-up in the tables of Unicode.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")

#: Scripts that may be mixed in one name: UTS 39 allows these mixtures.
_TOGETHER = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "LATIN"}),
    frozenset({"CJK", "BOPOMOFO", "LATIN"}),
    frozenset({"CJK", "HANGUL", "LATIN"}),
)


def fold(name: str) -> str:
    """The key of a name, valid or not."""
    if name.isascii():
        # Most names, several times for each join. The result is the same as below.
        return name.lower()
    # Folding can produce characters that NFKC changes again, so it is applied before and after.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


# Called five times for one join; errors are not cached.
@lru_cache(maxsize=1024)
def nameKey(name: str) -> str:
    """
    Check a name, and return its key.

    @raise ChatError: the name is not valid.
    """
    key = fold(name)
    if not key:
        raise ChatError(NAME_EMPTY)
    if len(key) > NAME_LENGTH or len(name) > NAME_LENGTH:
        raise ChatError(NAME_LONG, most=NAME_LENGTH, length=max(len(key), len(name)))
    if _PLAIN.issuperset(key) and name.isascii():
        return key
    for character in name + key:
        if not _allowed(character):
            shown = character if character.isprintable() else visible(character)
            if shown == character and not character.isprintable():
                shown = f"\\u{ord(character):04x}"
            raise ChatError(NAME_CHARACTER, character=shown if shown.strip() else "a space")
    if unicodedata.category(key[0]).startswith("M"):
        raise ChatError(NAME_CHARACTER, character="a combining mark at the beginning")
    _checkMarks(name)
    _checkScripts(key)
    return key


def latinLookalike(name: str) -> str:
    """
    The key of the plain Latin name that a name looks like: if it is all in Cyrillic, or has a
    letter such as the Latin alpha.  Empty: it is plain Latin itself, or looks like no such name.
    """
    if name.isascii():
        return ""
    shown = unicodedata.normalize("NFKC", name)
    key = shown.translate(_LATIN).casefold()
    return key if key.isascii() and key != fold(name) else ""


def roomKey(name: str) -> tuple[str, str]:
    """
    The name of a room without the sign, and its key.

    @raise ChatError: the name is not valid.
    """
    bare = name.removeprefix(ROOM_SIGN)
    return bare, nameKey(bare)


def _allowed(character: str) -> bool:
    if character in "-_":
        return True
    category = unicodedata.category(character)
    return category in ("Ll", "Lu", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd") and character not in _UNSEEN


#: Letters and marks that most fonts show as nothing (Unicode's Default_Ignorable): with one of them
#: a name looks like another one.
_UNSEEN = frozenset(
    chr(number)
    for first, last in (
        (0x034F, 0x034F),  # combining grapheme joiner
        (0x115F, 0x1160),  # Hangul fillers
        (0x17B4, 0x17B5),  # Khmer inherent vowels
        (0x180B, 0x180F),  # Mongolian variation selectors
        (0x3164, 0x3164),  # Hangul filler
        (0xFE00, 0xFE0F),  # variation selectors
        (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
        (0xE0100, 0xE01EF),  # variation selectors
    )
    for number in range(first, last + 1)
)


#: Letters that have a dot, or with a dot above look like a letter that has one.
_DOTTED = frozenset("ij\u0131\u0237\u0268\u029d\u0456\u0458")

_DOT_ABOVE = "\u0307"


def _checkMarks(name: str) -> None:
    # UTS 39 (5.4): a mark that covers another one is invisible.
    letter = before = ""
    for character in unicodedata.normalize("NFD", name):
        if unicodedata.category(character) != "Mn":
            letter = character
        elif character == before:
            raise ChatError(NAME_CHARACTER, character="the same mark twice")
        elif character == _DOT_ABOVE and letter in _DOTTED:
            raise ChatError(NAME_CHARACTER, character=f"a dot above {letter}")
        before = character


# From the tables of UTS 39, as far as terminal fonts have the letters.  Applied before folding: a
# capital letter can look like another one than its small letter does.
_LATIN = str.maketrans(
    {
        letter: latin
        for latin, letters in {
            "a": "\u0251\u0391\u03b1\u0410\u0430\u13aa\u1d00\ua4ee",
            "b": "\u0299\u0392\u0412\u042c\u13f4\ua4d0",
            "c": "\u0421\u0441\u13df\u1d04\ua4da",
            "d": "\u0501\u13a0\u1d05\ua4d3",
            "e": "\u0395\u0415\u0435\u13ac\u1d07\ua4f0",
            "f": "\ua4dd",
            "g": "\u0261\u0262\u0581\u13c0\ua4d6",
            "h": "\u029c\u0397\u041d\u04ba\u04bb\u0570\u13bb\u13c2\ua4e7",
            "i": "\u0131\u0269\u026a\u0399\u03b9\u0406\u0456\u13a5\ua4f2",
            "j": "\u0237\u0408\u0458\u13ab\u1d0a\ua4d9",
            "k": "\u039a\u03ba\u041a\u13e6\u1d0b\ua4d7",
            "l": "\u01c0\u029f\u04c0\u04cf\u13de\ua4e1",
            "m": "\u039c\u041c\u13b7\u1d0d\ua4df",
            "n": "\u0274\u039d\u0578\ua4e0",
            "o": "\u039f\u03bf\u03c3\u041e\u043e\u0555\u0585\u1d0f\ua4f3",
            "p": "\u03a1\u03c1\u0420\u0440\u13e2\u1d18\ua4d1",
            "q": "\u051a\u051b\u0566",
            "r": "\u0280\u13a1\u13d2\ua4e3",
            "s": "\u0405\u0455\u054f\u13da\ua4e2\ua731",
            "t": "\u03a4\u0422\u13a2\u1d1b\ua4d4",
            "u": "\u03c5\u054d\u057d\u1d1c\ua4f4",
            "v": "\u028b\u03bd\u0474\u0475\u13d9\u1d20\ua4e6",
            "w": "\u051c\u051d\u13b3\u1d21\ua4ea",
            "x": "\u03a7\u0425\u0445\ua4eb",
            "y": "\u028f\u03a5\u03b3\u0423\u0443\u04ae\u04af\ua4ec",
            "z": "\u0396\u13c3\u1d22\ua4dc",
        }.items()
        for letter in letters
    }
)


#: The scripts of characters whose Unicode names do not begin with the script: two sets of digits,
#: and the mark that repeats a character, which many Japanese names have.
_NAMED_OTHERWISE = {
    "ARABIC-INDIC": "ARABIC",
    "EXTENDED": "ARABIC",
    "IDEOGRAPHIC": "CJK",
}


def _script(character: str) -> str | None:
    if character.isascii() and not character.isalpha():
        return None
    word = unicodedata.name(character, "?").split()[0]
    if word in ("COMBINING", "MODIFIER"):
        return None
    return _NAMED_OTHERWISE.get(word, word)


def _checkScripts(key: str) -> None:
    # Cyrillic letters look like Latin ones: in a mixed name they would allow impersonation.
    scripts: dict[str, None] = {}
    for character in key:
        script = _script(character)
        if script is not None:
            scripts[script] = None
    if len(scripts) > 1 and not any(scripts.keys() <= group for group in _TOGETHER):
        first, second = list(scripts)[:2]
        raise ChatError(NAME_SCRIPTS, first=first.capitalize(), second=second.capitalize())
