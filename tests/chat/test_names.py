"""
Tests for L{tsservices.chat.names}.
"""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.chat.errors import (
    NAME_CHARACTER,
    NAME_EMPTY,
    NAME_LONG,
    NAME_SCRIPTS,
    ChatError,
    ErrorCode,
)
from tsservices.chat.names import NAME_LENGTH, fold, nameKey, roomKey

#: Names as people have them.
GOOD = (
    "ann",
    "Ann-2_b",
    "-",
    "7",
    "Ünal",
    "ÅSA",
    "Straße",
    "и́ван",
    "Ἀλέξανδρος",
    "王伟",
    "佐々木",
    "ラーメン太郎X",
    "김철수",
    "علي",
    "علي١",
    "علي۱",
    "अमित",
    "สมชาย",
    "k\N{KELVIN SIGN}",
    "\N{FULLWIDTH LATIN SMALL LETTER A}nn",
    "\N{LATIN SMALL LIGATURE FI}n",
)

#: What is no name, and why.
BAD: dict[str, ErrorCode] = {
    "": NAME_EMPTY,
    "a b": NAME_CHARACTER,
    "a\tb": NAME_CHARACTER,
    "a\N{NO-BREAK SPACE}b": NAME_CHARACTER,
    "a\N{NULL}": NAME_CHARACTER,
    "a\N{ESCAPE}[31m": NAME_CHARACTER,
    "a\N{RIGHT-TO-LEFT OVERRIDE}b": NAME_CHARACTER,
    "a\N{ZERO WIDTH SPACE}b": NAME_CHARACTER,
    "a\N{ZERO WIDTH JOINER}b": NAME_CHARACTER,
    "a\N{SOFT HYPHEN}b": NAME_CHARACTER,
    "a\N{COMBINING GRAPHEME JOINER}b": NAME_CHARACTER,
    "a\N{VARIATION SELECTOR-16}": NAME_CHARACTER,
    "\N{HANGUL FILLER}": NAME_CHARACTER,
    "\N{HALFWIDTH HANGUL FILLER}": NAME_CHARACTER,
    "\N{COMBINING ACUTE ACCENT}a": NAME_CHARACTER,
    "a.b": NAME_CHARACTER,
    "<ann>": NAME_CHARACTER,
    "#ann": NAME_CHARACTER,
    "/ann": NAME_CHARACTER,
    "ann\N{PILE OF POO}": NAME_CHARACTER,
    "a\N{SUPERSCRIPT TWO}": NAME_CHARACTER,
    # Its compatibility form holds spaces.
    "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}": NAME_CHARACTER,
    # Its compatibility form begins with a space.
    "a\N{ACUTE ACCENT}": NAME_CHARACTER,
    "\udcff": NAME_CHARACTER,
    "p\N{CYRILLIC SMALL LETTER A}ypal": NAME_SCRIPTS,
    "\N{GREEK SMALL LETTER OMICRON}k": NAME_SCRIPTS,
    "\N{CYRILLIC SMALL LETTER ES}\N{GREEK SMALL LETTER OMICRON}": NAME_SCRIPTS,
    "ann\N{ARABIC-INDIC DIGIT ONE}": NAME_SCRIPTS,
    "x" * (NAME_LENGTH + 1): NAME_LONG,
    # Seventeen characters that fold to thirty-four.
    "ß" * (NAME_LENGTH // 2 + 1): NAME_LONG,
}


@pytest.mark.parametrize("name", GOOD, ids=ascii)
def test_good(name: str) -> None:
    """Names of one script, or of scripts that are written together, are taken."""
    assert nameKey(name) == fold(name)


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_bad(name: str) -> None:
    """Anything else is refused, in words that can be shown."""
    with pytest.raises(ChatError) as caught:
        nameKey(name)
    assert caught.value.code is BAD[name]
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann", "aNN"),
        ("Straße", "STRASSE"),
        ("\N{KELVIN SIGN}im", "kim"),
        ("\N{FULLWIDTH LATIN SMALL LETTER A}nn", "ann"),
        ("A\N{COMBINING RING ABOVE}sa", "åsa"),
        ("\N{OHM SIGN}", "ω"),
        ("\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"),
        ("\N{HALFWIDTH KATAKANA LETTER A}", "ア"),
    ],
)
def test_same(one: str, other: str) -> None:
    """Case and compatibility forms make no difference."""
    assert nameKey(one) == nameKey(other)


@given(st.text(max_size=40))
def test_key(name: str) -> None:
    """
    The key of any name is a name with the same key: nothing in it is unseen, and a
    second folding changes nothing.
    """
    try:
        key = nameKey(name)
    except ChatError:
        return
    assert 1 <= len(key) <= NAME_LENGTH
    assert nameKey(key) == key
    assert all(unicodedata.category(each)[0] in "LMNP" for each in name + key)
    assert not set(key) & set(" #/<>")


def test_longest() -> None:
    """The bound itself is allowed."""
    assert nameKey("x" * NAME_LENGTH)
    assert nameKey("ß" * (NAME_LENGTH // 2))


def test_room() -> None:
    """One sign before the name of a room is no part of it."""
    assert roomKey("#Tea") == roomKey("Tea") == ("Tea", "tea")
    for name in ("", "#", "##tea"):
        with pytest.raises(ChatError):
            roomKey(name)
