"""Tests for L{tsservices.storage.sqlite.journal}: what is stored can be read."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

from tests.support.sqlite import SQLiteHarness
from tests.support.storage import LOG, SECOND, TIMEOUT, MessageSource, lineFields
from tsservices.chat.operations import NOTICE
from tsservices.chat.storage import HISTORY_PAGE

CHILD = """
import os, sys
from tests.support.storage import LOG, MessageSource
from tsservices.storage.sqlite.journal import SQLiteStorage

class Listener:
    def stored(self, position):
        os.write(1, b"%d\\n" % position)
        if position >= 40:
            os._exit(7)
    def troubled(self, trouble):
        os._exit(1)
    def failed(self, reason):
        os.write(2, reason.encode())
        os._exit(1)

journal = SQLiteStorage("chat.db", LOG, None, lambda call, *args: call(*args), lambda: 0)
journal.prepare()
journal.start(Listener())
source = MessageSource()
for number in range(100_000):
    journal.store(source.batch(("a", ("x%d" % number, "y")), ("b", ("z",) * 50)))
import time
time.sleep(30)
"""


class TestKeeping:
    def test_newDatabase(self) -> None:
        harness = SQLiteHarness(start=False)
        loaded = harness.loaded
        assert (loaded.log, loaded.position, loaded.rooms) == (LOG, 0, [])
        assert sqlite3.sqlite_version in loaded.notes[0]
        assert "0 rooms" in loaded.notes[0]
        assert os.listdir(".") == ["chat.db"]

    def test_slowDisk(self) -> None:
        clock = iter(range(100))
        harness = SQLiteHarness(start=False, monotonic=lambda: next(clock) * 0.021)
        assert "21 ms" in harness.loaded.notes[1]
        clock = iter(range(100))
        assert (
            len(SQLiteHarness(start=False, monotonic=lambda: next(clock) * 0.019).loaded.notes) == 1
        )

    def test_allFields(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        odd = ("", "ünï→😀", "\ud800 half", "a\\u0000", "\\\\u0000 \"'\n\t\x1b\x7f", "x" * 70_000)
        harness.storage.store(source.batch(("a", odd), ("b", ("between",)), ("a", ("1", "2", "3"))))
        harness.store(source.batch(("a", ("4",)), account="ann", kind=NOTICE))
        every = lineFields([item for item in source.messages if item.room == "a"])
        assert harness.client.lines("a", 1, 10) == every
        assert harness.client.lines("a", 3, 8) == every[2:8]
        assert harness.client.lines("b", 1, 10) == lineFields(source.messages[1:2])
        assert harness.client.lines("c", 1, 10) == []
        harness.client.stop()

    def test_NUL(self) -> None:
        """SQLite's JSON ends a text at NUL."""
        harness, source = SQLiteHarness(), MessageSource()
        harness.store(source.batch(("a", ("a\0b\0\0", "\\\0", "\\\\u0000"))))
        texts = [item[-1] for item in harness.client.lines("a", 1, 3)]
        assert texts == ["a␀b␀␀", "\\␀", "\\\\u0000"]
        harness.client.stop()

    def test_page(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        harness.store(source.batch(("a", ("x",) * (HISTORY_PAGE + 5))))
        assert (
            harness.client.lines("a", 2, 900) == lineFields(source.messages)[1 : HISTORY_PAGE + 1]
        )
        harness.client.stop()

    def test_restart(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        batch = source.batch(("a", ("1", "2")), ("b", ("1",)))
        batch.roomRecords[0].topic, batch.roomRecords[0].topicBy = "tea\ud800", "Ann"
        harness.storage.store(batch)
        harness.client.stop()
        assert sorted(os.listdir(".")) == ["chat.ballast", "chat.db", "chat.position"]

        harness = SQLiteHarness()
        assert (harness.loaded.log, harness.loaded.position) == (LOG, 1)
        assert harness.loaded.rooms == batch.roomRecords
        second = source.batch(("b", ("2",)), ("c", ("1",)))
        harness.storage.store(second)
        harness.client.stop()

        harness = SQLiteHarness()
        assert harness.loaded.position == 2
        assert harness.loaded.rooms == [batch.roomRecords[0], *second.roomRecords]
        assert harness.client.lines("b", 1, 2) == lineFields(
            [source.messages[1], source.messages[2]]
        )
        harness.client.stop()

    def test_logNeverChanges(self) -> None:
        SQLiteHarness(start=False)
        with closing(sqlite3.connect("chat.db")) as connection, connection:
            connection.execute("UPDATE meta SET log = 'ffffffff'")
        assert SQLiteHarness(start=False).loaded.log == "ffffffff"

    def test_crash(self) -> None:
        done = subprocess.run(
            [sys.executable, "-c", CHILD],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (7, b"")
        reported = int(done.stdout.split()[-1])
        harness, source = SQLiteHarness(), MessageSource()
        position = harness.loaded.position
        assert position >= reported >= 40
        for number in range(position):
            source.batch(("a", (f"x{number}", "y")), ("b", ("z",) * 50))
        records = source.records()
        assert {item.key: item for item in harness.loaded.rooms} == records
        for room, record in records.items():
            every = lineFields([item for item in source.messages if item.room == room])
            for first in range(1, record.seq + 2, HISTORY_PAGE):
                page = harness.client.lines(room, first, record.seq + 1)
                assert page == every[first - 1 : first - 1 + HISTORY_PAGE]
        harness.client.stop()

    def test_oneTransactionForWaitingBatches(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        arrived, going = harness.connections.stopAt("BEGIN IMMEDIATE")
        harness.storage.store(source.batch(("a", ("1",))))
        assert arrived.wait(TIMEOUT)
        for number in range(9):
            harness.storage.store(source.batch((f"r{number % 3}", ("x", "y"))))
        going.set()
        harness.client.waitFor(10)
        assert harness.client.positions == [1, 10]
        assert harness.client.lines("r0", 1, 9) == lineFields(
            [item for item in source.messages if item.room == "r0"]
        )
        harness.client.stop()

    def test_constantNumberOfStatements(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        counts = []
        for position, rooms in enumerate((1, 700), 1):
            before = len(harness.connections.statements[1]) if position > 1 else 0
            harness.store(source.batch(*[(f"r{n}", ("x",) * 3) for n in range(rooms)]))
            seen = harness.connections.statements[1][before:]
            counts.append(seen.index("COMMIT") - seen.index("BEGIN IMMEDIATE") + 1)
        assert counts == [5, 5]
        harness.client.stop()


class TestRetention:
    def test_oldLinesAreDeleted(self) -> None:
        harness, source = SQLiteHarness(keep=100.0), MessageSource()
        start = harness.time
        harness.storage.store(source.batch(("a", ("x",) * 2500), ("b", ("1",)), stamp=start))
        harness.store(source.batch(("a", ("new",)), stamp=start + 60 * SECOND))
        assert len(harness.client.lines("b", 1, 1)) == 1
        harness.time = start + 130 * SECOND
        deadline = time.monotonic() + TIMEOUT
        while harness.client.lines("b", 1, 1):
            assert time.monotonic() < deadline
        assert [item[-1] for item in harness.client.lines("a", 1, 9999)] == ["new"]
        statements = harness.connections.statements[1]
        assert len([item for item in statements if item.startswith("DELETE FROM messages")]) == 3
        harness.client.stop()
        records = {item.key: item.seq for item in SQLiteHarness(start=False).loaded.rooms}
        assert records == {"a": 2501, "b": 1}

    def test_noLimit(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        harness.store(source.batch(("a", ("x",)), stamp=1))
        assert not any("DELETE" in item for item in harness.connections.statements[1])
        harness.client.stop()
