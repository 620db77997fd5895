"""Tests for L{tsservices.storage.sqlite.writer}: disks that are full, broken or slow."""

from __future__ import annotations

import os
import sqlite3
import threading

import pytest

from tests.support.sqlite import SQLiteHarness, operationalError, unindexedCount
from tests.support.storage import SECOND, TIMEOUT, MessageSource, lineFields
from tsservices.chat.errors import JOURNAL_FAILED, NOT_STORED, ChatError
from tsservices.storage.sqlite.config import Timings
from tsservices.storage.sqlite.connection import TRANSACTION_LINES

#: What people are told meanwhile.
FULL = ChatError(NOT_STORED, reason="the disk is full")


class Small:
    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.refused = threading.Semaphore(0)

    def __call__(self, connection: sqlite3.Connection, text: str) -> None:
        if text == "BEGIN IMMEDIATE":
            sqlite3.Connection.execute(connection, f"PRAGMA max_page_count = {self.pages}")
        if text == "ROLLBACK":
            self.refused.release()


class TestFull:
    def full(self, harness: SQLiteHarness, source: MessageSource) -> Small:
        disk = harness.connections.before = Small(60)
        harness.store(source.batch(("a", ("first",) * 100)))
        assert os.path.exists("chat.ballast")
        harness.storage.store(source.batch(("a", ("x" * 1000,) * 180)))
        harness.reactor.until(lambda: harness.client.troubles)
        for _ in range(2):
            assert disk.refused.acquire(timeout=TIMEOUT)
        return disk

    def test_retries(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        disk = self.full(harness, source)
        assert harness.client.troubles == [FULL]
        assert harness.storage.trouble == FULL
        assert str(FULL) == "nothing can be stored at present: the disk is full"
        assert not os.path.exists("chat.ballast")
        harness.storage.store(source.batch(("a", ("last",))))
        disk.pages = 4000
        harness.client.waitFor(3)
        harness.reactor.until(lambda: len(harness.client.troubles) == 2)
        assert harness.client.troubles == [FULL, None]
        assert harness.storage.trouble is None
        assert os.path.exists("chat.ballast")
        assert harness.client.lines("a", 101, 281) == lineFields(source.messages)[100:]
        harness.client.stop()
        assert harness.client.failures == []

    def test_ballastIsRestored(self) -> None:
        harness, source = SQLiteHarness(ballast=8192), MessageSource()
        disk = self.full(harness, source)
        os.mkdir("chat.ballast")
        disk.pages = 4000
        harness.client.waitFor(2)
        harness.store(source.batch(("a", ("more",))))
        assert harness.client.troubles == [FULL]
        os.rmdir("chat.ballast")
        harness.reactor.until(lambda: len(harness.client.troubles) == 2)
        harness.client.stop()

    @pytest.mark.parametrize("indexed", [False, True])
    def test_oldLinesMakeRoom(self, indexed: bool) -> None:
        pace = Timings(full=0.01, prune=3600, index=0.0 if indexed else 3600.0)
        harness, source = SQLiteHarness(keep=100.0, pace=pace), MessageSource()
        harness.connections.before = Small(100)
        harness.store(source.batch(("a", ("x" * 1000,) * 150), stamp=harness.time))
        if indexed:
            harness.reactor.until(lambda: not unindexedCount())
        harness.time += 200 * SECOND
        harness.store(source.batch(("a", ("y" * 1000,) * 150), stamp=harness.time))
        harness.reactor.until(lambda: len(harness.client.troubles) == 2)
        assert harness.client.troubles == [FULL, None]
        assert harness.client.lines("a", 1, 200) == lineFields(source.messages)[150:200]
        harness.client.stop()

    def test_stopReportsLoss(self) -> None:
        harness, source = SQLiteHarness(pace=Timings(full=0.01, stop=0.1)), MessageSource()
        disk = self.full(harness, source)
        harness.client.stop()
        assert [item.partition(": ")[2] for item in harness.client.failures] == [
            "the last lines could not be stored in time"
        ]
        disk.pages = 4000
        harness.waitForThreads()

    def test_transactionIsBounded(self) -> None:
        harness, source = SQLiteHarness(start=False), MessageSource()
        harness.storage.start(harness.client)
        arrived, going = harness.connections.hold("BEGIN IMMEDIATE")
        harness.storage.store(source.batch(("a", ("1",))))
        assert arrived.wait(TIMEOUT)
        half = TRANSACTION_LINES // 2
        for count in (half, half, 1, 2 * TRANSACTION_LINES, 1):
            harness.storage.store(source.batch(("a", ("x",) * count)))
        going.set()
        harness.client.waitFor(6)
        assert harness.client.positions == [1, 3, 4, 5, 6]
        harness.client.stop()


class TestBroken:
    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (
                operationalError(sqlite3.SQLITE_IOERR_FSYNC, "disk I/O error"),
                "chat.db: disk I/O error (SQLITE_IOERR_FSYNC)",
            ),
            (operationalError(sqlite3.SQLITE_CORRUPT, "malformed"), "chat.db is damaged"),
            (
                operationalError(sqlite3.SQLITE_BUSY, "locked"),
                "chat.db is locked by another process",
            ),
            (MemoryError("much"), "chat.db: MemoryError: much"),
        ],
    )
    @pytest.mark.parametrize("where", ["COMMIT", "BEGIN IMMEDIATE", "PRAGMA synchronous = FULL"])
    def test_fails(self, error: Exception, words: str, where: str) -> None:
        harness, source = SQLiteHarness(start=False), MessageSource()
        asked = []

        def fail(connection: sqlite3.Connection, text: str) -> None:
            if text == where:
                asked.append(text)
                raise error

        harness.connections.before = fail
        harness.storage.start(harness.client)
        harness.storage.store(source.batch(("a", ("x",))))
        harness.reactor.until(lambda: harness.client.failures)
        harness.storage.store(source.batch(("a", ("x",))))
        assert harness.client.lines("a", 1, 2) == []
        harness.client.stop()
        assert [item.replace(f"{os.getcwd()}/", "") for item in harness.client.failures] == [words]
        assert harness.storage.trouble == ChatError(JOURNAL_FAILED)
        assert (asked, harness.client.positions, harness.client.troubles) == ([where], [], [])

    def test_checkpointFails(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()

        def fail(connection: sqlite3.Connection, text: str) -> None:
            if "wal_checkpoint" in text:
                raise operationalError(sqlite3.SQLITE_IOERR_FSYNC, "disk I/O error")

        harness.connections.before = fail
        harness.storage.store(source.batch(("a", ("x",) * 60_000)))
        harness.reactor.until(lambda: harness.client.failures)
        assert harness.client.positions == [1]
        harness.client.stop()

    def test_hangs(self) -> None:
        harness, source = SQLiteHarness(pace=Timings(stop=0.05)), MessageSource()
        going = threading.Event()
        harness.connections.before = lambda connection, text: going.wait(TIMEOUT)
        harness.storage.store(source.batch(("a", ("x",))))
        harness.client.stop()
        assert len(harness.client.failures) == 1
        going.set()
        harness.waitForThreads()
