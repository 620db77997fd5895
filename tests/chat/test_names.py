"""Tests for L{tsservices.chat.names}."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.chat import errors
from tsservices.chat.names import NAME_LENGTH, fold, latinLookalike, nameKey, roomKey

#: Names as people have them.
GOOD = (
    *["ann", "Ann-2_b", "-", "7", "Ünal", "ÅSA", "Straße", "и́ван", "Ἀλέξανδρος"],
    *["王伟", "佐々木", "ラーメン太郎X", "김철수", "علي", "علي١", "علي۱", "अमित", "สมชาย"],
    *["İstanbul", "Việt", "ĭ", "שָׁלוֹם", "สวัสดี"],
    "k\N{KELVIN SIGN}",
    "\N{FULLWIDTH LATIN SMALL LETTER A}nn",
    "\N{LATIN SMALL LIGATURE FI}n",
)

#: What is no name, and why.
BAD: dict[str, errors.ErrorCode] = {
    "": errors.NAME_EMPTY,
    "a b": errors.NAME_CHARACTER,
    "a\tb": errors.NAME_CHARACTER,
    "a\N{NO-BREAK SPACE}b": errors.NAME_CHARACTER,
    "a\N{NULL}": errors.NAME_CHARACTER,
    "a\N{ESCAPE}[31m": errors.NAME_CHARACTER,
    "a\N{RIGHT-TO-LEFT OVERRIDE}b": errors.NAME_CHARACTER,
    "a\N{ZERO WIDTH SPACE}b": errors.NAME_CHARACTER,
    "a\N{ZERO WIDTH JOINER}b": errors.NAME_CHARACTER,
    "a\N{SOFT HYPHEN}b": errors.NAME_CHARACTER,
    "a\N{COMBINING GRAPHEME JOINER}b": errors.NAME_CHARACTER,
    "a\N{VARIATION SELECTOR-16}": errors.NAME_CHARACTER,
    "\N{HANGUL FILLER}": errors.NAME_CHARACTER,
    "\N{HALFWIDTH HANGUL FILLER}": errors.NAME_CHARACTER,
    "\N{COMBINING ACUTE ACCENT}a": errors.NAME_CHARACTER,
    "a.b": errors.NAME_CHARACTER,
    "<ann>": errors.NAME_CHARACTER,
    "#ann": errors.NAME_CHARACTER,
    "/ann": errors.NAME_CHARACTER,
    "ann\N{PILE OF POO}": errors.NAME_CHARACTER,
    "a\N{SUPERSCRIPT TWO}": errors.NAME_CHARACTER,
    # Its compatibility form holds spaces.
    "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}": errors.NAME_CHARACTER,
    # Its compatibility form begins with a space.
    "a\N{ACUTE ACCENT}": errors.NAME_CHARACTER,
    "\udcff": errors.NAME_CHARACTER,
    # Looks as "admin" does.
    "admi\N{COMBINING DOT ABOVE}n": errors.NAME_CHARACTER,
    "adm\N{LATIN SMALL LETTER DOTLESS I}\N{COMBINING DOT ABOVE}n": errors.NAME_CHARACTER,
    "a\N{COMBINING ACUTE ACCENT}\N{COMBINING ACUTE ACCENT}": errors.NAME_CHARACTER,
    "á\N{COMBINING ACUTE ACCENT}": errors.NAME_CHARACTER,
    "p\N{CYRILLIC SMALL LETTER A}ypal": errors.NAME_SCRIPTS,
    "\N{GREEK SMALL LETTER OMICRON}k": errors.NAME_SCRIPTS,
    "\N{CYRILLIC SMALL LETTER ES}\N{GREEK SMALL LETTER OMICRON}": errors.NAME_SCRIPTS,
    "ann\N{ARABIC-INDIC DIGIT ONE}": errors.NAME_SCRIPTS,
    "x" * (NAME_LENGTH + 1): errors.NAME_LONG,
    # Seventeen characters that fold to thirty-four.
    "ß" * (NAME_LENGTH // 2 + 1): errors.NAME_LONG,
}


@pytest.mark.parametrize("name", GOOD, ids=ascii)
def test_allowed(name: str) -> None:
    assert nameKey(name) == fold(name)


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_rejected(name: str) -> None:
    with pytest.raises(errors.ChatError) as caught:
        nameKey(name)
    assert caught.value.code is BAD[name]
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "latin"),
    [
        ("\N{LATIN SMALL LETTER ALPHA}nn", "ann"),
        ("adm\N{LATIN SMALL LETTER DOTLESS I}n-2", "admin-2"),
        # Cyrillic: the capitals look like other letters than the small ones.
        ("\u0412\u041e\u0412", "bob"),
        ("\u0432\u043e\u0432", ""),
        ("\u0441\u0430\u0440\u0430", "capa"),
        ("\u0391\u039d\u039d", "ann"),
        ("ann", ""),
        ("ANN", ""),
        ("\uff41nn", ""),
        ("Ünal", ""),
        ("王伟", ""),
    ],
)
def test_latinLookalike(name: str, latin: str) -> None:
    assert latinLookalike(name) == latin


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
def test_sameKey(one: str, other: str) -> None:
    assert nameKey(one) == nameKey(other)


@given(st.text(max_size=40))
def test_keyIsItsOwnKey(name: str) -> None:
    try:
        key = nameKey(name)
    except errors.ChatError:
        return
    assert 1 <= len(key) <= NAME_LENGTH
    assert nameKey(key) == key
    assert all(unicodedata.category(item)[0] in "LMNP" for item in name + key)
    assert not set(key) & set(" #/<>")


def test_maximumLength() -> None:
    assert nameKey("x" * NAME_LENGTH)
    assert nameKey("ß" * (NAME_LENGTH // 2))


def test_roomSign() -> None:
    assert roomKey("#Tea") == roomKey("Tea") == ("Tea", "tea")


@pytest.mark.parametrize("name", ["", "#", "##tea"])
def test_badRoomName(name: str) -> None:
    with pytest.raises(errors.ChatError):
        roomKey(name)
