"""Tests for L{tsservices.storage.sqlite.retention}."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.support.sqlite import SQLiteHarness
from tests.support.storage import SECOND, MessageSource
from tsservices.storage.sqlite.config import Timings
from tsservices.storage.sqlite.retention import deleteOld

NOW, KEEP = 1_000_000, 1000


@pytest.mark.parametrize(
    ("ages", "left"),
    [
        ("old old new", "new"),
        ("new old", "new old"),
        ("old new old", "new old"),
        ("old ahead new", "new"),
        ("old ahead", ""),
        ("new ahead", "new ahead"),
        ("ahead", "ahead"),
        ("ahead new", "ahead new"),
        ("ahead old new", "new"),
        ("old old old old", "old"),
        ("ahead ahead ahead old", "old"),
        ("ahead ahead ahead new", "ahead ahead ahead new"),
        ("ahead ahead ahead ahead", "ahead ahead ahead ahead"),
        ("", ""),
    ],
)
def test_deletesBeginning(ages: str, left: str) -> None:
    """With at most three looked at."""
    stamps = {"old": NOW - KEEP - 1, "new": NOW - KEEP, "ahead": NOW + 1}
    harness = SQLiteHarness()
    harness.client.stop()
    with closing(sqlite3.connect("chat.db", isolation_level=None)) as connection:
        for number, age in enumerate(ages.split()):
            row = (number + 1, stamps[age], age, str(number))
            connection.execute(
                "INSERT INTO messages (room, seq, time, position, idx, kind, nick, text)"
                " VALUES (1, ?, ?, 1, 1, 'message', 'ann', ?)",
                row[:3],
            )
            connection.execute(
                "INSERT INTO letters (time, text, ident, sender, receiver, nick, recipient, kind)"
                " VALUES (?, ?, ?, 'a', 'b', 'a', 'b', 'message')",
                row[1:],
            )
        count = len(ages.split()) - len(left.split())
        assert deleteOld(connection, NOW - KEEP, NOW, 3) == (count, count)
        for table in ("messages", "letters"):
            rows = connection.execute(f"SELECT text FROM {table} ORDER BY id").fetchall()
            assert " ".join(text for (text,) in rows) == left


def test_waitsUntilTheClockIsTrusted() -> None:
    elapsed = 0.0
    harness = SQLiteHarness(
        keep=100.0, pace=Timings(prune=1.0, settle=3600.0), monotonic=lambda: elapsed
    )
    source = MessageSource()
    harness.store(source.batch(("a", ("x",)), stamp=harness.time - 200 * SECOND))

    def pass_(seconds: int, ahead: int = 0) -> bool:
        nonlocal elapsed
        # In this order: the thread looks at the time only when seconds have passed.
        harness.time += (seconds + ahead) * SECOND
        elapsed += seconds
        harness.store(source.batch(("b", ("tick",)), stamp=harness.time))
        harness.store(source.batch(("b", ("tick",)), stamp=harness.time))
        return bool(harness.client.lines("a", 1, 1))

    assert pass_(3599)
    assert pass_(1, ahead=86_400)
    assert pass_(3599)
    assert not pass_(1)
    harness.client.stop()
