"""
Tests for L{tsservices.storage.sqlite.writer}: disks that are full, broken or slow.
"""

from __future__ import annotations

import os
import sqlite3
import threading

import pytest

from tests.support.sqlite import Kept, broken, unindexed
from tests.support.storage import PATIENCE, SECOND, Talk, lines
from tsservices.chat.errors import JOURNAL_FAILED, NOT_STORED, ChatError
from tsservices.storage.sqlite.config import Timings
from tsservices.storage.sqlite.connection import TRANSACTION_LINES

#: What people are told meanwhile.
FULL = ChatError(NOT_STORED, reason="the disk is full")


class Small:
    """A disk with room for a number of pages."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.refused = threading.Semaphore(0)

    def __call__(self, connection: sqlite3.Connection, text: str) -> None:
        if text == "BEGIN IMMEDIATE":
            sqlite3.Connection.execute(connection, f"PRAGMA max_page_count = {self.pages}")
        if text == "ROLLBACK":
            self.refused.release()


class TestFull:
    """A full disk is waited for."""

    def full(self, kept: Kept, talk: Talk) -> Small:
        disk = kept.wires.before = Small(60)
        kept.journal.store(talk.batch(("a", ("first",) * 100)))
        kept.witness.await_(1)
        assert os.path.exists("chat.ballast")
        kept.journal.store(talk.batch(("a", ("x" * 1000,) * 180)))
        kept.reactor.until(lambda: kept.witness.troubles)
        for _ in range(2):
            assert disk.refused.acquire(timeout=PATIENCE)
        return disk

    def test_waits(self) -> None:
        """It tells once, tries again, loses nothing and tells when it is over."""
        kept, talk = Kept(), Talk()
        disk = self.full(kept, talk)
        assert kept.witness.troubles == [FULL]
        assert kept.journal.trouble == FULL
        assert str(FULL) == "nothing can be stored at present: the disk is full"
        assert not os.path.exists("chat.ballast")
        kept.journal.store(talk.batch(("a", ("last",))))
        disk.pages = 4000
        kept.witness.await_(3)
        kept.reactor.until(lambda: len(kept.witness.troubles) == 2)
        assert kept.witness.troubles == [FULL, None]
        assert kept.journal.trouble is None
        assert os.path.exists("chat.ballast")
        assert kept.witness.lines("a", 101, 281) == lines(talk.said)[100:]
        kept.witness.stop()
        assert kept.witness.failures == []

    def test_ballast(self) -> None:
        """The trouble is not over before the ballast has its room again."""
        kept, talk = Kept(ballast=8192), Talk()
        disk = self.full(kept, talk)
        os.mkdir("chat.ballast")
        disk.pages = 4000
        kept.witness.await_(2)
        kept.journal.store(talk.batch(("a", ("more",))))
        kept.witness.await_(3)
        assert kept.witness.troubles == [FULL]
        os.rmdir("chat.ballast")
        kept.reactor.until(lambda: len(kept.witness.troubles) == 2)
        kept.witness.stop()

    @pytest.mark.parametrize("indexed", [False, True])
    def test_retention(self, indexed: bool) -> None:
        """Old lines go at once to make room for new ones."""
        pace = Timings(full=0.01, prune=3600, index=0.0 if indexed else 3600.0)
        kept, talk = Kept(keep=100.0, pace=pace), Talk()
        kept.wires.before = Small(100)
        kept.journal.store(talk.batch(("a", ("x" * 1000,) * 150), stamp=kept.time))
        kept.witness.await_(1)
        if indexed:
            kept.reactor.until(lambda: not unindexed())
        kept.time += 200 * SECOND
        kept.journal.store(talk.batch(("a", ("y" * 1000,) * 150), stamp=kept.time))
        kept.witness.await_(2)
        kept.reactor.until(lambda: len(kept.witness.troubles) == 2)
        assert kept.witness.troubles == [FULL, None]
        assert kept.witness.lines("a", 1, 200) == lines(talk.said)[150:200]
        kept.witness.stop()

    def test_stop(self) -> None:
        """The end does not wait for ever, and says what is lost."""
        kept, talk = Kept(pace=Timings(full=0.01, stop=0.1)), Talk()
        disk = self.full(kept, talk)
        kept.witness.stop()
        assert [each.partition(": ")[2] for each in kept.witness.failures] == [
            "the last lines could not be stored in time"
        ]
        disk.pages = 4000
        kept.join()

    def test_bounded(self) -> None:
        """One transaction is not larger than it may be, whatever has gathered meanwhile."""
        kept, talk = Kept(start=False), Talk()
        kept.journal.start(kept.witness)
        arrived, going = kept.wires.hold("BEGIN IMMEDIATE")
        kept.journal.store(talk.batch(("a", ("1",))))
        assert arrived.wait(PATIENCE)
        half = TRANSACTION_LINES // 2
        for count in (half, half, 1, 2 * TRANSACTION_LINES, 1):
            kept.journal.store(talk.batch(("a", ("x",) * count)))
        going.set()
        kept.witness.await_(6)
        assert kept.witness.positions == [1, 3, 4, 5, 6]
        kept.witness.stop()


class TestBroken:
    """After any other error nothing is tried again."""

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (
                broken(sqlite3.SQLITE_IOERR_FSYNC, "disk I/O error"),
                "chat.db: disk I/O error (SQLITE_IOERR_FSYNC)",
            ),
            (broken(sqlite3.SQLITE_CORRUPT, "malformed"), "chat.db is damaged"),
            (broken(sqlite3.SQLITE_BUSY, "locked"), "chat.db is locked by another process"),
            (MemoryError("much"), "chat.db: MemoryError: much"),
        ],
    )
    @pytest.mark.parametrize("where", ["COMMIT", "BEGIN IMMEDIATE", "PRAGMA synchronous = FULL"])
    def test_fails(self, error: Exception, words: str, where: str) -> None:
        """It says so in one line, stores nothing any more, and can still be read."""
        kept, talk = Kept(start=False), Talk()
        asked = []

        def fail(connection: sqlite3.Connection, text: str) -> None:
            if text == where:
                asked.append(text)
                raise error

        kept.wires.before = fail
        kept.journal.start(kept.witness)
        kept.journal.store(talk.batch(("a", ("x",))))
        kept.reactor.until(lambda: kept.witness.failures)
        kept.journal.store(talk.batch(("a", ("x",))))
        assert kept.witness.lines("a", 1, 2) == []
        kept.witness.stop()
        assert [each.replace(f"{os.getcwd()}/", "") for each in kept.witness.failures] == [words]
        assert kept.journal.trouble == ChatError(JOURNAL_FAILED)
        assert (asked, kept.witness.positions, kept.witness.troubles) == ([where], [], [])

    def test_checkpoint(self) -> None:
        """An error while the log is copied is one too."""
        kept, talk = Kept(), Talk()

        def fail(connection: sqlite3.Connection, text: str) -> None:
            if "wal_checkpoint" in text:
                raise broken(sqlite3.SQLITE_IOERR_FSYNC, "disk I/O error")

        kept.wires.before = fail
        kept.journal.store(talk.batch(("a", ("x",) * 60_000)))
        kept.reactor.until(lambda: kept.witness.failures)
        assert kept.witness.positions == [1]
        kept.witness.stop()

    def test_hangs(self) -> None:
        """The end does not wait for a disk that does not answer."""
        kept, talk = Kept(pace=Timings(stop=0.05)), Talk()
        going = threading.Event()
        kept.wires.before = lambda connection, text: going.wait(PATIENCE)
        kept.journal.store(talk.batch(("a", ("x",))))
        kept.witness.stop()
        assert len(kept.witness.failures) == 1
        going.set()
        kept.join()
