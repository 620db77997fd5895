"""Tests for L{tsservices.storage.sqlite.writer}: disks that are full, broken or slow."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from tests.support.sqlite import FAST_TIMINGS, SQLiteHarness, operationalError, unindexedCount
from tests.support.storage import SECOND, TIMEOUT, MessageSource, lineFields
from tsservices.chat.errors import JOURNAL_FAILED, NOT_STORED, READ_DAMAGED, ChatError
from tsservices.chat.storage import SearchQuery
from tsservices.storage.sqlite import startup
from tsservices.storage.sqlite.checkpoints import LARGE_LOG_BYTES
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
        index = 0.0 if indexed else 3600.0
        pace = Timings(full=0.01, prune=3600, settle=0.0, index=index)
        harness, source = SQLiteHarness(keep=100.0, pace=pace), MessageSource()
        harness.connections.before = Small(100)
        harness.store(source.batch(("a", ("x" * 1000,) * 149), stamp=harness.time))
        # When the second one is stored, the writer has looked for old lines: by the time of before.
        harness.store(source.batch(("a", ("x" * 1000,)), stamp=harness.time))
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
        arrived, going = harness.connections.stopAt("BEGIN IMMEDIATE")
        harness.storage.store(source.batch(("a", ("1",))))
        assert arrived.wait(TIMEOUT)
        half = TRANSACTION_LINES // 2
        for count in (half, half, 1, 2 * TRANSACTION_LINES, 1):
            harness.storage.store(source.batch(("a", ("x",) * count)))
        going.set()
        harness.client.waitFor(6)
        assert harness.client.positions == [1, 3, 4, 5, 6]
        harness.client.stop()


#: Errors that pass, and what people are told.
PASSING = [
    (sqlite3.SQLITE_BUSY, "another program has locked the database"),
    (sqlite3.SQLITE_BUSY_SNAPSHOT, "another program has locked the database"),
    (sqlite3.SQLITE_LOCKED, "another program has locked the database"),
    (sqlite3.SQLITE_PROTOCOL, "another program has locked the database"),
    (sqlite3.SQLITE_FULL, "the disk is full"),
    (sqlite3.SQLITE_IOERR_SHMSIZE, "the disk is full"),
    (sqlite3.SQLITE_CANTOPEN, "the server has too many open files"),
    (sqlite3.SQLITE_NOMEM, "the server is short of memory"),
]


class TestPassing:
    @pytest.mark.parametrize(("code", "reason"), PASSING)
    @pytest.mark.parametrize("where", ["COMMIT", "BEGIN IMMEDIATE", "PRAGMA synchronous = FULL"])
    def test_goesOn(self, code: int, reason: str, where: str) -> None:
        harness, source = SQLiteHarness(start=False), MessageSource()
        left = 3

        def fail(connection: sqlite3.Connection, text: str) -> None:
            nonlocal left
            if text == where and left:
                left -= 1
                raise operationalError(code, "x")

        harness.connections.before = fail
        harness.storage.start(harness.client)
        for text in "xy":
            harness.storage.store(source.batch(("a", (text,))))
        harness.client.waitFor(2)
        harness.reactor.until(lambda: len(harness.client.troubles) == 2)
        assert harness.client.troubles == [ChatError(NOT_STORED, reason=reason), None]
        assert harness.storage.counters.waits == 1
        assert harness.client.lines("a", 1, 9) == lineFields(source.messages)
        harness.client.stop()
        assert (left, harness.client.failures) == (0, [])

    def test_lockedByAnother(self) -> None:
        pace = Timings(full=0.01, lock=0.01, index=3600.0)
        harness, source = SQLiteHarness(pace=pace), MessageSource()
        harness.store(source.batch(("a", ("1",))))
        with closing(sqlite3.connect("chat.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            harness.storage.store(source.batch(("a", ("2",))))
            harness.reactor.until(lambda: harness.client.troubles)
            assert len(harness.client.lines("a", 1, 9)) == 1
            harness.storage.store(source.batch(("a", ("3",))))
            other.execute("ROLLBACK")
        harness.client.waitFor(3)
        harness.reactor.until(lambda: len(harness.client.troubles) == 2)
        assert harness.client.troubles == [
            ChatError(NOT_STORED, reason="another program has locked the database"),
            None,
        ]
        assert harness.client.lines("a", 1, 9) == lineFields(source.messages)
        harness.client.stop()
        assert harness.client.failures == []

    def test_lockedWithNothingToStore(self) -> None:
        """Nobody is told again and again of a lock that only the search index meets."""
        pace = Timings(full=0.01, lock=0.01, index=0.0)
        harness, source = SQLiteHarness(pace=pace), MessageSource()
        begun = 0

        def fail(connection: sqlite3.Connection, text: str) -> None:
            nonlocal begun
            begun += text == "BEGIN IMMEDIATE"
            if text == "BEGIN IMMEDIATE" and 1 < begun < 6:
                raise operationalError(sqlite3.SQLITE_BUSY, "locked")

        harness.connections.before = fail
        harness.store(source.batch(("a", ("tea",))))
        harness.reactor.until(lambda: not unindexedCount())
        harness.reactor.until(lambda: len(harness.client.troubles) == 2)
        harness.client.stop()
        assert [bool(item) for item in harness.client.troubles] == [True, False]

    def test_stopsWhileLocked(self) -> None:
        harness = SQLiteHarness(start=False, pace=Timings(full=0.01, lock=0.01))
        with closing(sqlite3.connect("chat.db", isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            harness.storage.start(harness.client)
            harness.client.stop()
        assert harness.client.failures == []


class TestLargeLog:
    def test_shrinks(self) -> None:
        pace = Timings(index=3600.0, shrink=0.01)
        harness, source = SQLiteHarness(pace=pace), MessageSource()
        harness.store(source.batch(("a", ("x",))))
        with closing(sqlite3.connect("chat.db", isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT * FROM meta").fetchone()
            for _ in range(6):
                harness.store(source.batch(("a", ("x" * 2000,) * 1000)))
            harness.reactor.until(lambda: harness.client.notes)
            size = os.stat("chat.db-wal").st_size
            assert harness.storage.counters.logBytes > LARGE_LOG_BYTES
            # A commit does not wait for the attempts.
            harness.store(source.batch(("a", ("x",))))
        harness.reactor.until(lambda: len(harness.client.notes) == 2)
        assert size > LARGE_LOG_BYTES
        assert (os.stat("chat.db-wal").st_size, harness.storage.counters.logBytes) == (0, 0)
        (grown, _), small = harness.client.notes
        assert "another program, or a backup, has been reading the database" in grown
        assert small == (f"{os.getcwd()}/chat.db-wal is small again", False)
        harness.client.stop()


class TestDamaged:
    def damage(self) -> None:
        # A leaf of the table of messages.
        with open("chat.db", "r+b") as file:
            data = file.read()
            place = data.rindex(b"line 900 of many")
            file.seek(place - place % 4096)
            file.write(b"\xff" * 4096)

    def harness(self, **more: object) -> SQLiteHarness:
        harness, source = SQLiteHarness(), MessageSource()
        texts = tuple(f"line {number} of many" for number in range(1000))
        harness.store(source.batch(("a", texts)))
        harness.client.stop()
        self.damage()
        return SQLiteHarness(**more)  # type: ignore[arg-type]

    def test_foundAtTheStart(self) -> None:
        harness = self.harness()
        (note,) = [note for note in harness.loaded.notes if "damaged" in note]
        assert harness.client.notes == [(note, True)]
        assert "\n" not in note
        assert harness.client.read("a", 900, 901) == ChatError(READ_DAMAGED)
        assert len(harness.client.lines("a", 1, 100)) == 100
        harness.store(MessageSource(position=1).batch(("b", ("new",))))
        assert str(harness.client.copy("copy.db")).endswith("no copy was made")
        assert not os.path.exists("copy.db")
        harness.client.stop()
        assert harness.client.failures == []

    @pytest.mark.parametrize(("pace", "what"), [("index", "new lines"), ("prune", "old lines")])
    def test_dutiesEnd(self, pace: str, what: str) -> None:
        """Who can't index or delete old lines still stores."""
        timings = replace(Timings(full=0.01, prune=3600, settle=0.0, index=3600.0), **{pace: 0.0})
        harness = self.harness(pace=timings, keep=1.0 if pace == "prune" else None)
        harness.reactor.until(lambda: len(harness.client.notes) == 2)
        assert what in harness.client.notes[1][0]
        harness.store(MessageSource(position=1).batch(("b", ("new",))))
        assert len(harness.client.search((("b", 1),), "new")) == 1
        harness.client.stop()
        assert harness.client.failures == []

    def test_index(self) -> None:
        """Damage of the search index alone is mended from the messages."""
        harness = SQLiteHarness(pace=FAST_TIMINGS)
        texts = tuple(f"line {number} of many" for number in range(1000))
        harness.store(MessageSource().batch(("a", texts)))
        harness.reactor.until(lambda: not unindexedCount())
        harness.client.stop()
        with closing(sqlite3.connect("chat.db", isolation_level=None)) as other:
            other.execute("UPDATE words_data SET block = substr(block, 1, 20) WHERE id > 10")
        harness = SQLiteHarness(pace=FAST_TIMINGS)
        answers: list[object] = []
        harness.storage.search(
            SearchQuery((("a", 1),), ("many",), "", 0, 0, None, 9), answers.append
        )
        harness.reactor.until(lambda: answers)
        assert answers == [ChatError(READ_DAMAGED)]
        harness.store(MessageSource(position=1).batch(("b", ("new",))))
        harness.reactor.until(lambda: len(harness.client.notes) == 2)
        harness.reactor.until(lambda: not unindexedCount())
        assert harness.client.notes[1][0].endswith("was damaged, and is made anew")
        assert len(harness.client.search((("a", 1),), "many")) == 1000
        harness.client.stop()
        assert harness.client.failures == []

    @pytest.mark.parametrize("bound", ["_STEPS", "CHECK_BYTES"])
    def test_checkIsBounded(self, bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A large database does not keep the server from starting."""
        monkeypatch.setattr(startup, bound, 1)
        now = 0.0

        def seconds() -> float:
            nonlocal now
            now += 0.7
            return now

        clock = seconds if bound == "_STEPS" else time.monotonic
        harness = self.harness(monotonic=clock, start=False)
        assert not harness.loaded.damage


class TestBroken:
    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (
                operationalError(sqlite3.SQLITE_IOERR_FSYNC, "disk I/O error"),
                "chat.db: disk I/O error (SQLITE_IOERR_FSYNC)",
            ),
            (
                operationalError(sqlite3.SQLITE_CORRUPT, "malformed"),
                "chat.db is damaged: put a backup in its place",
            ),
            (RuntimeError("never thought of"), "chat.db: RuntimeError: never thought of"),
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

    @pytest.mark.parametrize(
        "act",
        [
            lambda: os.unlink("chat.db"),
            lambda: os.unlink("chat.db-wal"),
            lambda: os.replace("copy.db", "chat.db"),
            lambda: os.truncate("chat.db", 0),
        ],
        ids=["removed", "log removed", "replaced", "emptied"],
    )
    def test_filesTakenAway(self, act: Callable[[], None]) -> None:
        harness, source = SQLiteHarness(monotonic=itertools.count().__next__), MessageSource()
        harness.store(source.batch(("a", ("kept",))))
        shutil.copy("chat.db", "copy.db")
        act()
        harness.storage.store(source.batch(("a", ("lost",))))
        harness.reactor.until(lambda: harness.client.failures)
        harness.client.stop()
        assert harness.client.positions == [1]
        assert "stop the server before that" in harness.client.failures[0]

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
