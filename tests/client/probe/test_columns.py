"""Tests for L{tsservices.client.probe.reports.columns}."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.client.probe.reports.columns import (
    clipped,
    displayWidth,
    fitted,
    millisecondsIn,
    shortMilliseconds,
    shortPercent,
)


@pytest.mark.parametrize(
    ("line", "width", "lines"),
    [
        ("a b", 3, ["a b"]),
        ("one, two three, four", 16, ["one, two three,", "    four"]),
        ("one two three four", 12, ["one two", "    three", "    four"]),
        ("aaaaaaaaaaaa", 8, ["aaaaaaaa", "    aaaa"]),
        ("-- aaaaaaaaaa --", 8, ["--", "    aaaa", "    aaaa", "    aa", "    --"]),
        ("例え例え例え", 8, ["例え例え", "    例え"]),
    ],
)
def test_fitted(line: str, width: int, lines: list[str]) -> None:
    assert fitted(line, width) == lines


@given(st.text(st.sampled_from("ab ,例"), max_size=60), st.integers(7, 30))
def test_fittedKeepsAll(line: str, width: int) -> None:
    lines = fitted(line, width)
    assert max(map(displayWidth, lines)) <= width
    assert "".join(lines).replace(" ", "") == line.replace(" ", "")


@given(st.text(max_size=20), st.integers(0, 20))
def test_clipped(text: str, width: int) -> None:
    assert text.startswith(clipped(text, width))
    assert displayWidth(clipped(text, width)) <= width


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (1_500_000, "1.500"),
        (-99_999_999_999, "-100000.0"),
        (123_456_789_012, "123456.79"),
        (1_795_000_000 * 10**9, "1.80e+12"),
        (-1_795_000_000 * 10**9, "-1.80e+12"),
    ],
)
def test_millisecondsIn(nanoseconds: int, text: str) -> None:
    assert millisecondsIn(nanoseconds, 9) == text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (None, "-"),
        (0, "0.000"),
        (9_999_400, "9.999"),
        (9_999_600, "10.00"),
        (123_456_000, "123.5"),
        (12_345_678_000, "12346"),
        (999_960_000, "1000"),
    ],
)
def test_shortMilliseconds(nanoseconds: int | None, text: str) -> None:
    assert shortMilliseconds(nanoseconds) == text


@pytest.mark.parametrize(
    ("percent", "text"),
    [
        (None, "-"),
        (0, "0%"),
        (0.001, "<.01%"),
        (0.25, "0.25%"),
        (9.96, "10%"),
        (33.333, "33.3%"),
        (99.99, "99.9%"),
        (100, "100%"),
    ],
)
def test_shortPercent(percent: float | None, text: str) -> None:
    assert shortPercent(percent) == text
