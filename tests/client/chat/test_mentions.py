"""Tests for L{tsservices.client.chat.mentions}."""

from __future__ import annotations

import unicodedata

import pytest

from tsservices.client.chat.mentions import findNames, mentions


@pytest.mark.parametrize(
    ("text", "nick"),
    [
        ("Ann: hi", "ann"),
        ("hi, ann!", "ann"),
        ("a(b", "a"),
        ("你好小明在吗", "小明"),
        ("你好ann在吗", "ann"),
        ("ann\u3055\u3093\u3001\u3053\u3093\u306b\u3061\u306f", "ann"),
        (unicodedata.normalize("NFD", "hola josé!"), "José"),
        ("hola josé!", unicodedata.normalize("NFD", "josé")),
        ("\uff28\uff29 \uff21\uff2e\uff2e", "ann"),
        ("\ubbfc\uc218\uc57c", "\ubbfc\uc218"),
        (unicodedata.normalize("NFD", "\ubbfc\uc218\uc57c"), "\ubbfc\uc218"),
        ("Straße, STRASSE", "strasse"),
    ],
    ids=ascii,
)
def test_mentioned(text: str, nick: str) -> None:
    assert mentions(text, nick)


@pytest.mark.parametrize(
    ("text", "nick"),
    [
        ("annex", "ann"),
        ("ann-b", "ann"),
        ("anything", ""),
        ("x", "("),
        ("joséphine", "josé"),
        ("jose", "josé"),
        ("Анна", "Анн"),
    ],
    ids=ascii,
)
def test_notMentioned(text: str, nick: str) -> None:
    assert not mentions(text, nick)


def test_where() -> None:
    text = unicodedata.normalize("NFD", "josé, JOSÉ")
    assert findNames(text, ["josé"]) == [(0, 5), (7, 12)]
    assert findNames("ann bob annbob", ["bob", "ann"]) == [(0, 3), (4, 7)]
    # Two names that overlap are one place.
    assert findNames("小明明", ["小明", "明明"]) == [(0, 3)]
