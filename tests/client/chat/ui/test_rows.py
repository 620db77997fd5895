"""Tests for L{tsservices.client.chat.ui.rows}."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.client.chat.ui.rows import SHOWN_CHARACTERS, cut, padded, textWidth, wrapped


def texts(line: str, width: int, indent: int = 0) -> list[str]:
    return ["".join(text for _, text in row) for row in wrapped([("", line)], width, indent)]


@pytest.mark.parametrize(
    ("line", "width", "indent", "rows"),
    [
        ("hello", 10, 0, ["hello"]),
        ("hello there you", 10, 0, ["hello", "there you"]),
        ("hello there you", 10, 2, ["hello", "  there", "  you"]),
        ("0123456789abc", 10, 0, ["0123456789", "abc"]),
        ("a 0123456789abc", 10, 0, ["a", "0123456789", "abc"]),
        ("一二三四五六", 7, 0, ["一二三", "四五六"]),
        ("ab 一二三", 6, 0, ["ab 一", "二三"]),
        ("hello  there", 6, 0, ["hello", "there"]),
        ("exactly ten", 7, 0, ["exactly", "ten"]),
        ("e\u0301" * 6, 4, 0, ["e\u0301" * 4, "e\u0301" * 2]),
        ("xxx\U0001f469\u200d\U0001f4bb", 4, 0, ["xxx", "\U0001f469\u200d\U0001f4bb"]),
        ("\u2764\ufe0f\U0001f1e9\U0001f1ea x", 4, 0, ["\u2764\ufe0f\U0001f1e9\U0001f1ea", "x"]),
        ("", 10, 0, [""]),
        ("one\n\ntwo three", 8, 2, ["one", "  ", "  two", "  three"]),
        ("hello there", 10, 8, ["hello", "  there"]),
        ("一二", 1, 0, ["一", "二"]),
    ],
    ids=ascii,
)
def test_wrapped(line: str, width: int, indent: int, rows: list[str]) -> None:
    assert texts(line, width, indent) == rows


def test_styles() -> None:
    spans = [("time", "[12:10] "), ("", "<"), ("nick ann", "ann"), ("", "> hello there")]
    assert wrapped(spans, 20, 8) == [
        [("time", "[12:10] "), ("", "<"), ("nick ann", "ann"), ("", "> hello")],
        [("", " " * 8), ("", "there")],
    ]


# What would do something to a terminal is made visible before.
@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200),
    st.integers(2, 60),
    st.integers(0, 40),
)
def test_nothingIsLostAndAllFits(line: str, width: int, indent: int) -> None:
    rows = texts(line, width, indent)
    assert all(textWidth(row) <= width for row in rows)
    assert "".join("".join(rows).split()) == "".join(line.split())


def test_longLine() -> None:
    rows = texts("x" * 1_000_000, 80)
    assert len(rows) == SHOWN_CHARACTERS // 80 + 1
    assert rows[-1].endswith("960000 more characters)")


def test_cut() -> None:
    assert cut("hello", 5) == "hello"
    assert cut("hello there", 6) == "hello…"
    assert cut("一二三", 4) == "一…"
    assert padded("一二三", 4) == "一… "
    assert (cut("hello", 0), padded("", 3)) == ("", "   ")


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("\u2764\ufe0f", 2),
        ("\U0001f469\u200d\U0001f4bb", 2),
        ("\U0001f44d\U0001f3fd", 2),
        ("\U0001f3f4\U000e0067\U000e0062\U000e007f", 2),
        ("1\ufe0f\u20e3", 2),
        ("\U0001f1e9\U0001f1ea", 2),
        ("\u0915\u094d\u200d\u0937", 2),
        ("e\u0301", 1),
        ("\U0001f600\U0001f600", 4),
    ],
    ids=ascii,
)
def test_pictures(text: str, width: int) -> None:
    assert textWidth(text) == width
