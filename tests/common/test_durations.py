"""Tests for L{tsservices.common.durations}."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.common.durations import (
    LONGEST_SECONDS,
    DurationError,
    moment,
    parts,
    span,
    spanAndWords,
    spanText,
)

#: A time: nanoseconds since 1970.
NOW = 1_795_176_600_000_000_000


@pytest.mark.parametrize(
    ("text", "count", "unit"),
    [("12h", 12, "h"), ("007d", 7, "d"), ("999999999s", 999_999_999, "s")],
)
def test_numberAndUnit(text: str, count: int, unit: str) -> None:
    assert parts(text) == (count, unit)


@pytest.mark.parametrize("text", ["", "h", "12", "1.5h", "-1h", "1 h", "1H", "1y", "1234567890s"])
def test_notADuration(text: str) -> None:
    assert parts(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("2M", 120), ("3h", 10_800), ("1d", 86_400), ("1W", 604_800), ("ForEver", 0)],
)
def test_span(text: str, seconds: int) -> None:
    assert span(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "never", "522w", "3651d", "999999999w"])
def test_badSpan(text: str) -> None:
    with pytest.raises(DurationError, match=f"^{text}$"):
        span(text)


@given(st.integers(0, LONGEST_SECONDS))
def test_spanTextReadsBack(seconds: int) -> None:
    assert span(spanText(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds", "words"),
    [
        ("", 0, ""),
        ("spam and more", 0, "spam and more"),
        ("2h  spam", 7200, "spam"),
        ("2h", 7200, ""),
        ("Forever spam", 0, "spam"),
        ("h2 spam", 0, "h2 spam"),
    ],
)
def test_durationBeforeWords(text: str, seconds: int, words: str) -> None:
    assert spanAndWords(text) == (seconds, words)


@pytest.mark.parametrize("text", ["2", "2x spam", "-1h", "+2d", ".5h", "1.5h spam", "100y"])
def test_mistypedIsNoWord(text: str) -> None:
    with pytest.raises(DurationError):
        spanAndWords(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-11-20", "%Y-%m-%d"),
        ("2026-11-20T12:10", "%Y-%m-%dT%H:%M"),
        ("2026-11-20T12:10:05", "%Y-%m-%dT%H:%M:%S"),
    ],
)
def test_localDates(text: str, form: str) -> None:
    assert moment(text, NOW) == int(time.mktime(time.strptime(text, form))) * 1_000_000_000


def test_durationBeforeNow() -> None:
    assert moment("90S", NOW) == NOW - 90_000_000_000
    assert moment("1w", 1) == 0
    assert moment("1903-01-01", NOW) == 0


@pytest.mark.parametrize("text", ["", "yesterday", "forever", "2026-13-01", "12:10"])
def test_notATime(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        moment(text, NOW)
