"""Tests for L{tsservices.storage.sqlite.reader}: queries that can't be answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from tests.support.sqlite import SQLiteHarness, operationalError
from tests.support.storage import MessageSource
from tsservices.chat.errors import READ_FAILED, READ_SLOW, ChatError
from tsservices.storage.sqlite.reader import READS_WAITING


class TestReading:
    def clocked(self) -> tuple[SQLiteHarness, Callable[[float], None]]:
        now, step = 0.0, 0.0

        def seconds() -> float:
            nonlocal now
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

    def test_failed(self) -> None:
        harness, _hurry = self.clocked()
        made = len(harness.connections.statements)

        def fail(connection: sqlite3.Connection, text: str) -> None:
            if "ORDER BY messages.seq" in text:
                raise operationalError(sqlite3.SQLITE_IOERR_READ, "disk I/O error")

        harness.connections.before = fail
        assert harness.client.read("a", 1, 200) == ChatError(READ_FAILED)
        harness.connections.before = lambda connection, text: None
        assert len(harness.client.lines("a", 1, 200)) == 200
        assert len(harness.connections.statements) == made + 2
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
