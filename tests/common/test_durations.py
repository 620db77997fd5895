"""Tests for L{tsservices.common.durations}."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.common.durations import (
    EARLIEST,
    LATEST,
    LONGEST_SECONDS,
    DurationError,
    parseDate,
    parseDuration,
    parseMoment,
    spanAndWords,
    spanText,
    splitDuration,
)

#: A time: nanoseconds since 1970.
NOW = 1_795_176_600_000_000_000


@pytest.mark.parametrize(
    ("text", "count", "unit"),
    [("12h", 12, "h"), ("007d", 7, "d"), ("999999999s", 999_999_999, "s")],
)
def test_numberAndUnit(text: str, count: int, unit: str) -> None:
    assert splitDuration(text) == (count, unit)


@pytest.mark.parametrize("text", ["", "h", "12", "1.5h", "-1h", "1 h", "1H", "1y", "1234567890s"])
def test_notADuration(text: str) -> None:
    assert splitDuration(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("2M", 120), ("3h", 10_800), ("1d", 86_400), ("1W", 604_800), ("ForEver", 0)],
)
def test_span(text: str, seconds: int) -> None:
    assert parseDuration(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "never", "522w", "3651d", "999999999w"])
def test_badSpan(text: str) -> None:
    with pytest.raises(DurationError, match=f"^{text}$"):
        parseDuration(text)


@given(st.integers(0, LONGEST_SECONDS))
def test_spanTextReadsBack(seconds: int) -> None:
    assert parseDuration(spanText(seconds)) == seconds


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


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts the process into a zone."""

    def move(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("name", "text", "earliest", "latest"),
    [
        ("America/New_York", "2026-11-01T00:59:59", "T04:59:59", "T04:59:59"),
        ("America/New_York", "2026-11-01T01:00", "T05:00:00", "T06:00:00"),
        ("America/New_York", "2026-11-01T02:00", "T07:00:00", "T07:00:00"),
        ("America/New_York", "2026-11-01", "T04:00:00", "T04:00:00"),
        ("America/New_York", "2026-03-08T02:30", "T06:30:00", "T07:30:00"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45:00", "2026-04-04T15:15:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:15:00", "2026-10-03T15:45:00"),
        ("Europe/Dublin", "2026-10-25T01:30", "T00:30:00", "T01:30:00"),
        ("Europe/Dublin", "2026-03-29T01:30", "T00:30:00", "T01:30:00"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-29T22:00:00", "2011-12-30T22:00:00"),
        ("Africa/Casablanca", "2026-02-15T02:30", "T01:30:00", "T02:30:00"),
        ("America/Sao_Paulo", "2018-11-04", "T02:00:00", "T03:00:00"),
        # A difference of minutes and seconds, and years beyond the 32 bits of old systems.
        ("Africa/Monrovia", "1971-06-01", "T00:44:30", "T00:44:30"),
        ("Europe/Berlin", "2050-07-01T12:00", "T10:00:00", "T10:00:00"),
        ("Pacific/Apia", "2026-1-5T1:2:3,5Z", "2026-01-05T01:02:03.5", "2026-01-05T01:02:03.5"),
        ("Pacific/Apia", "2026-11-01t01:00-0430", "T05:30:00", "T05:30:00"),
        ("Pacific/Apia", "2026-11-01T01:00+02", "2026-10-31T23:00:00", "2026-10-31T23:00:00"),
    ],
)
def test_dates(
    zone: Callable[[str], None], name: str, text: str, earliest: str, latest: str
) -> None:
    zone(name)
    # `mktime` remembers what it was asked before, and answers accordingly.
    for _ in range(2):
        for expected, late in ((earliest, False), (latest, True)):
            full = expected if expected[0] != "T" else text[:10] + expected
            wanted = datetime.fromisoformat(f"{full}+00:00").timestamp()
            assert (
                parseDate(text, late) == parseMoment(text, NOW, late) == int(wanted * 1_000_000_000)
            )
            time.mktime((2026, 7, 1, 0, 0, 0, 0, 0, int(late)))


def test_durationBeforeNow() -> None:
    assert parseMoment("90S", NOW) == NOW - 90_000_000_000


@pytest.mark.parametrize(
    ("text", "bound"),
    [("1w", EARLIEST), ("1903-01-01", EARLIEST), ("0001-01-01", EARLIEST), ("9999-12-31", LATEST)],
)
def test_bounds(text: str, bound: int) -> None:
    """0 would be no bound at all, and SQLite has no larger numbers."""
    assert parseMoment(text, 1) == bound


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "forever", "2026-13-01", "12:10", "2026-02-29", "0000-01-01"),
        *("2026-11-20T", "2026-11-20T25:00", "2026-11-20T12", "2026-11-20T12:10:60", "20261120"),
        *("2026-11-20Z", "2026-11-20T12:10+24:00", "2026-11-20T12:10+02:60", "2026-11-20T12:10+2"),
        *("\uff12026-11-20", "2026-11-20T12:10:05.0123456789", "-2026-11-20", "2026-W47-5"),
    ],
)
def test_notATime(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        parseMoment(text, NOW)
