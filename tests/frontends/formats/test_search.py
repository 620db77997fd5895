"""Tests for L{tsservices.frontends.formats.search}."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tsservices.common.durations import parseDate
from tsservices.frontends.formats.search import TERM, TIMES, withOffsets


@pytest.fixture(autouse=True)
def newYork(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("since:2026-11-01T01:00", "since:2026-11-01T05:00:00Z"),
        ("before:2026-11-01T01:00", "before:2026-11-01T06:00:00Z"),
        ("#* from:bob  since:2026-1-5  tea", "#* from:bob  since:2026-01-05T05:00:00Z  tea"),
        ("before:2026-11-20T18:00:00.5+02:00", "before:2026-11-20T16:00:00.500000000Z"),
        # Phrases, durations, words, and what is no time.
        ('"since:2026-11-01 tea" since:2h', '"since:2026-11-01 tea" since:2h'),
        ("x-since:2026-11-01 from:2026-11-01", "x-since:2026-11-01 from:2026-11-01"),
        ("before:noon since:", "before:noon since:"),
    ],
)
def test_withOffsets(typed: str, sent: str) -> None:
    assert withOffsets(typed) == sent


@pytest.mark.parametrize("text", ["0001-01-01", "1969-12-31T20:00", "2040-07-01", "9999-12-31"])
def test_sameMoment(text: str) -> None:
    for name, latest in TIMES.items():
        term = TERM.fullmatch(withOffsets(f"{name}:{text}"))
        assert term is not None
        assert term[2].endswith("Z")
        assert parseDate(term[2], latest) == parseDate(text, latest)
