"""Tests for L{tsservices.storage.sqlite.reader}: queries that can't be answered."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from threading import current_thread

import pytest

from tests.support.sqlite import SQLiteHarness, operationalError
from tests.support.storage import MessageSource
from tsservices.chat.errors import READ_DAMAGED, READ_FAILED, READ_SLOW, ChatError
from tsservices.chat.storage import SearchQuery
from tsservices.storage.sqlite.reader import READS_WAITING


class TestReading:
    def clocked(self) -> tuple[SQLiteHarness, Callable[[float], None]]:
        now, step = 0.0, 0.0

        def seconds() -> float:
            nonlocal now
            # The writer looks at the clock too, whenever it has stored something.
            if current_thread().name != "journal writer":
                now += step
            return now

        def hurry(by: float) -> None:
            nonlocal step
            step = by

        harness = SQLiteHarness(monotonic=seconds)
        harness.store(MessageSource().batch(("a", ("x",) * 200)))
        return harness, hurry

    @pytest.mark.parametrize("step", [0.6, 1.1])
    def test_slow(self, step: float) -> None:
        harness, hurry = self.clocked()
        made = len(harness.connections.statements)
        hurry(step)
        assert harness.client.read("a", 1, 200) == ChatError(READ_SLOW)
        # The disk is not asked what nobody waits for any more.
        assert len(harness.connections.statements) - made == (1 if step < 1 else 0)
        hurry(0)
        assert len(harness.client.lines("a", 1, 200)) == 200
        harness.client.stop()

    def test_clockResolution(self) -> None:
        harness, hurry = self.clocked()
        hurry(0.01)
        assert len(harness.client.lines("a", 1, 200)) == 200
        harness.client.stop()

    @pytest.mark.parametrize(
        ("error", "reply", "logged"),
        [
            (
                operationalError(sqlite3.SQLITE_IOERR_READ, "disk I/O error"),
                ChatError(READ_FAILED, reason="the disk of this server does not give it"),
                "chat.db: disk I/O error",
            ),
            (
                operationalError(sqlite3.SQLITE_BUSY_RECOVERY, "locked"),
                ChatError(READ_FAILED, reason="another program has locked the database"),
                "chat.db is locked by another process",
            ),
            (
                operationalError(sqlite3.SQLITE_CORRUPT_INDEX, "malformed"),
                ChatError(READ_DAMAGED),
                "chat.db is damaged: put a backup in its place",
            ),
            (
                UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
                ChatError(READ_DAMAGED),
                "chat.db is damaged: put a backup in its place",
            ),
        ],
    )
    def test_failed(self, error: Exception, reply: ChatError, logged: str) -> None:
        harness, hurry = self.clocked()
        made = len(harness.connections.statements)

        def fail(connection: sqlite3.Connection, text: str) -> None:
            if "ORDER BY messages.seq" in text:
                raise error

        harness.connections.before = fail
        for _ in range(3):
            assert harness.client.read("a", 1, 200) == reply
        # Once a minute.
        ((note, isError),) = harness.client.notes
        assert isError
        assert note.replace(f"{os.getcwd()}/", "").startswith(f"can't read: {logged}")
        hurry(61)
        assert harness.client.read("a", 1, 200) == ChatError(READ_SLOW)
        hurry(0)
        assert harness.client.read("a", 1, 200) == reply
        assert len(harness.client.notes) == 2
        assert harness.storage.counters.readErrors == 4
        harness.connections.before = lambda connection, text: None
        assert len(harness.client.lines("a", 1, 200)) == 200
        assert len(harness.connections.statements) == made + 5
        harness.client.stop()

    def test_endedTransaction(self) -> None:
        """What is told is the error that made SQLite end the transaction itself."""
        harness, _ = self.clocked()

        def fail(connection: sqlite3.Connection, text: str) -> None:
            if "FROM meta" in text:
                connection.rollback()
                raise operationalError(sqlite3.SQLITE_IOERR_READ, "disk I/O error")

        harness.connections.before = fail
        answers: list[object] = []
        harness.storage.search(SearchQuery((("a", 1),), ("x",), "", 0, 0, None, 9), answers.append)
        harness.reactor.until(lambda: answers)
        assert "disk I/O error" in harness.client.notes[0][0]
        harness.client.stop()

    def test_queueIsBounded(self) -> None:
        harness, _hurry = self.clocked()
        answers: list[object] = []
        for _ in range(READS_WAITING + 1):
            harness.storage.read("a", 200, 200, answers.append)
        assert answers == [ChatError(READ_SLOW)]
        harness.client.stop()
        assert len(answers) == READS_WAITING + 1
        assert all(isinstance(item, list) for item in answers[1:])

    def test_readOnly(self) -> None:
        harness, _hurry = self.clocked()
        tried: list[Exception] = []

        def write(connection: sqlite3.Connection, text: str) -> None:
            if "ORDER BY messages.seq" in text:
                try:
                    sqlite3.Connection.execute(connection, "DELETE FROM messages")
                except sqlite3.OperationalError as error:
                    tried.append(error)

        harness.connections.before = write
        assert len(harness.client.lines("a", 1, 200)) == 200
        assert [str(item) for item in tried] == ["attempt to write a readonly database"]
        harness.client.stop()
