"""Tests for L{tsservices.storage.sqlite.journal}: its files, threads and schema."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from contextlib import closing

import pytest

from tests.support.sqlite import SQLiteHarness
from tests.support.storage import MessageSource, lineFields
from tsservices.storage.sqlite.schema import MIGRATIONS
from tsservices.storage.sqlite.writer import WRITER_SWITCH_SECONDS


def modes() -> dict[str, int]:
    return {name: stat.S_IMODE(os.stat(name).st_mode) for name in os.listdir(".")}


class TestFiles:
    def test_filesAreOwnersOnly(self) -> None:
        before = os.umask(0)
        try:
            harness = SQLiteHarness()
            harness.store(MessageSource().batch(("a", ("x",))))
            harness.client.lines("a", 1, 1)
            assert modes() == dict.fromkeys(
                ("chat.db", "chat.db-wal", "chat.db-shm", "chat.ballast", "chat.position"), 0o600
            )
            harness.client.stop()
        finally:
            os.umask(before)

    def test_modesAreTightened(self) -> None:
        SQLiteHarness(start=False)
        os.chmod("chat.db", 0o644)
        SQLiteHarness(start=False)
        assert modes() == {"chat.db": 0o600}

    @pytest.mark.parametrize("pragma", ["synchronous", "wal_autocheckpoint"])
    def test_commitsAreDurable(self, pragma: str) -> None:
        harness, values = SQLiteHarness(start=False), []

        def look(connection: sqlite3.Connection, text: str) -> None:
            if text == "BEGIN IMMEDIATE":
                values.extend(connection.execute(f"PRAGMA {pragma}").fetchone())

        harness.connections.before = look
        harness.storage.start(harness.client)
        harness.storage.store(MessageSource().batch(("a", ("x",))))
        harness.client.stop()
        assert values == [{"synchronous": 2, "wal_autocheckpoint": 0}[pragma]]

    def test_walIsBounded(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        for _ in range(11):
            harness.store(source.batch(("a", ("x" * 1000,) * 1000)))
        assert os.stat("chat.db-wal").st_size < 6_000_000
        assert os.stat("chat.db").st_size > 6_000_000
        harness.client.stop()

    def test_threads(self, request: pytest.FixtureRequest) -> None:
        before, interval = sys.getswitchinterval(), 0.004
        request.addfinalizer(lambda: sys.setswitchinterval(before))
        sys.setswitchinterval(interval)
        harness = SQLiteHarness(start=False)
        assert harness.threads() == []
        harness.storage.start(harness.client)
        harness.store(MessageSource().batch(("a", ("x",))))
        assert sys.getswitchinterval() == pytest.approx(WRITER_SWITCH_SECONDS)
        assert sorted(item.name for item in harness.threads()) == [
            "journal reader",
            "journal searcher",
            "journal writer",
        ]
        harness.client.stop()
        harness.waitForThreads()
        assert sys.getswitchinterval() == pytest.approx(interval)

    def test_neverStarted(self) -> None:
        harness = SQLiteHarness(start=False)
        harness.storage.stop(lambda: setattr(harness.client, "stopped", True))
        assert harness.client.stopped


class TestSchema:
    NEXT = (*MIGRATIONS, "CREATE TABLE bans (room INTEGER); INSERT INTO bans VALUES (3)")

    def version(self) -> int:
        with closing(sqlite3.connect("chat.db")) as connection:
            found: int = connection.execute("PRAGMA user_version").fetchone()[0]
            return found

    def test_migrated(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        harness.storage.store(source.batch(("a", ("x",))))
        harness.client.stop()
        assert self.version() == len(MIGRATIONS)
        for _ in range(2):
            harness = SQLiteHarness(migrations=self.NEXT)
            assert harness.client.lines("a", 1, 1) == lineFields(source.messages)
            harness.client.stop()
        assert self.version() == len(MIGRATIONS) + 1
        with closing(sqlite3.connect("chat.db")) as connection:
            assert connection.execute("SELECT room FROM bans").fetchall() == [(3,)]
