"""
Tests for L{tsservices.storage.sqlite.fulltext}: the index, and databases of the schema before it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from tests.support.sqlite import FAST_TIMINGS, SQLiteHarness, operationalError, unindexedCount
from tests.support.storage import SECOND, TIMEOUT, MessageSource, lineFields
from tsservices.chat.records import MessageDeletion
from tsservices.chat.storage import SearchQuery
from tsservices.storage import words
from tsservices.storage.sqlite import fulltext as index
from tsservices.storage.sqlite import journal, reader, search, writer
from tsservices.storage.sqlite.connection import TRANSACTION_LINES
from tsservices.storage.sqlite.fulltext import INDEX_LAG
from tsservices.storage.sqlite.schema import MIGRATIONS
from tsservices.storage.sqlite.writer import INDEX_LINES

#: When all this happens.
START = 1_700_000_000 * SECOND

#: One room.
A = (("a", 1),)


def matching(query: str) -> list[int]:
    with closing(sqlite3.connect("chat.db")) as connection:
        found = connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (query,))
        return [item for (item,) in found]


def _second(pauseAt: Callable[[sqlite3.Connection, str], object]) -> Callable[..., None]:
    texts: list[str] = []

    def before(connection: sqlite3.Connection, text: str) -> None:
        texts.append(text)
        if texts.count("UPDATE meta SET indexed = ?") > 1:
            pauseAt(connection, text)

    return before


def damage() -> list[str]:
    with closing(sqlite3.connect("chat.db")) as connection:
        connection.execute(
            "CREATE VIRTUAL TABLE temp.inside USING fts5vocab(main, words, instance)"
        )
        inside = connection.execute("SELECT doc, col, term FROM inside").fetchall()
        rows = connection.execute(
            "SELECT id, text, kind FROM messages, meta WHERE id <= indexed"
        ).fetchall()
    wanted = {
        (ident, word)
        for ident, text, kind in rows
        if kind in words.FOUND_KINDS
        for word in words.searchable(text).split()
    }
    found = {(doc, term) for doc, column, term in inside if column == "text"}
    others = {doc for doc, column, _ in inside if column != "text"}
    ids = {ident for ident, _, kind in rows if kind in words.FOUND_KINDS}
    return [*map(str, wanted ^ found), *map(str, others ^ ids)]


class TestIndex:
    def indexed(self, harness: SQLiteHarness) -> None:
        harness.reactor.until(lambda: not unindexedCount())

    def test_indexedWhenIdle(self) -> None:
        harness, source = SQLiteHarness(pace=FAST_TIMINGS), MessageSource()
        harness.store(source.batch(("a", ("tea",) * (2 * INDEX_LINES + 1)), ("b", ("x",))))
        self.indexed(harness)
        assert len(matching("text : tea")) == 2 * INDEX_LINES + 1
        assert damage() == []
        seen = harness.connections.statements[1]
        assert sum("INSERT INTO words" in item for item in seen) == 3
        harness.client.stop()
        harness = SQLiteHarness(pace=FAST_TIMINGS)
        assert len(harness.client.search(A, "tea", most=9999)) == 2 * INDEX_LINES + 1
        harness.client.stop()
        assert not any("INSERT INTO words" in item for item in harness.connections.statements[1])

    def test_writesComeFirst(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        for _ in range(5):
            harness.store(source.batch(("a", ("tea",) * 100)))
        harness.client.stop()
        assert matching("tea") == []
        assert unindexedCount() == 500

    def test_lagIsBounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # With as many lines as usual the search takes longer than it may, on a busy machine.
        bound = INDEX_LAG // 8
        monkeypatch.setattr(reader, "READ_SECONDS", TIMEOUT)
        monkeypatch.setattr(writer, "INDEX_LAG", bound)
        monkeypatch.setattr(search, "UNINDEXED", bound + TRANSACTION_LINES)
        harness, source = SQLiteHarness(), MessageSource()
        lags = []

        def look(connection: sqlite3.Connection, text: str) -> None:
            if text == "BEGIN IMMEDIATE":
                lags.append(index.lag(connection))

        harness.connections.before = look
        harness.storage.store(source.batch(("a", ("tea",) * (bound - 10))))
        for _ in range(10):
            harness.store(source.batch(("a", ("tea",) * 1000)))
        harness.reactor.until(lambda: unindexedCount() <= bound)
        assert bound < max(lags) <= bound + 1000
        assert unindexedCount() > bound - 1000
        count = bound - 10 + 10_000
        assert len(harness.client.search(A, "tea", most=99_999)) == count
        harness.client.stop()

    def test_deleted(self) -> None:
        harness, source = SQLiteHarness(pace=FAST_TIMINGS), MessageSource()
        harness.store(source.batch(("a", ("tea is mine", "tea is yours", "no"))))
        self.indexed(harness)
        assert matching("tea") == [1, 2]
        for _ in range(2):
            # The second one finds it gone already.
            batch = source.batch(("a", ("tea is ours",)))
            batch.deletions += [
                MessageDeletion("a", 2),
                MessageDeletion("a", 2),
                MessageDeletion("a", 4),
            ]
            harness.store(batch)
            self.indexed(harness)
        assert matching("tea") == [1, 5]
        assert matching("yours OR room : 1 AND nick : 616e6e") == [1, 3, 5]
        assert damage() == []
        harness.client.stop()
        with closing(sqlite3.connect("chat.db")) as connection:
            texts = connection.execute("SELECT text, kind FROM messages").fetchall()
        assert [item for item in texts if not item[0]] == [("", "deleted")] * 2

    def test_deletedWordsLeaveTheFile(self) -> None:
        def holding(word: bytes) -> bool:
            with closing(sqlite3.connect("chat.db")) as connection:
                blocks = connection.execute("SELECT block FROM words_data").fetchall()
            return any(word in block for (block,) in blocks)

        harness = SQLiteHarness(pace=replace(FAST_TIMINGS, merge=3600.0))
        source = MessageSource()
        for text in ("tea", "zyzzyvas", "milk"):
            harness.store(source.batch(("a", (text,))))
            self.indexed(harness)
        batch = source.batch(("a", ("sugar",)))
        batch.deletions.append(MessageDeletion("a", 2))
        harness.store(batch)
        self.indexed(harness)
        harness.client.stop()
        assert holding(b"zyzzyva")
        # It has ended before its time came.
        harness = SQLiteHarness(pace=replace(FAST_TIMINGS, merge=0.0))
        harness.reactor.until(lambda: not holding(b"zyzzyva"))
        batch = source.batch(("a", ("x",)))
        batch.deletions.append(MessageDeletion("a", 3))
        harness.store(batch)
        harness.reactor.until(lambda: not holding(b"milk"))
        assert matching("room : 1") == [1, 4, 5]
        assert damage() == []
        harness.client.stop()

    def test_retention(self) -> None:
        """Lines after a retention are found, though they get the ids of old lines."""
        harness, source = SQLiteHarness(keep=100.0, pace=FAST_TIMINGS), MessageSource()
        harness.store(source.batch(("a", ("tea Grüße 中文",) * 2100), ("b", ("tea",))))
        self.indexed(harness)
        harness.time += 200 * SECOND
        harness.reactor.until(lambda: not harness.client.lines("b", 1, 1))
        assert matching("tea OR grusse OR 中 OR room : 1") == []
        assert damage() == []
        harness.store(source.batch(("a", ("tea again",)), stamp=harness.time))
        self.indexed(harness)
        assert [item[-1] for item in harness.client.search(A, "tea")] == ["tea again"]
        assert matching("tea") == [1]
        assert damage() == []
        harness.client.stop()

    def test_retentionBeforeIndexing(self) -> None:
        harness, source = SQLiteHarness(keep=100.0), MessageSource()
        harness.store(source.batch(("a", ("tea",) * 10)))
        harness.time += 200 * SECOND
        harness.reactor.until(lambda: not harness.client.lines("a", 1, 10))
        harness.client.stop()
        assert damage() == []

    def test_otherRulesRebuildIndex(self, monkeypatch: pytest.MonkeyPatch) -> None:
        harness = SQLiteHarness(pace=FAST_TIMINGS)
        harness.store(MessageSource().batch(("a", ("tea", "coffee"))))
        self.indexed(harness)
        harness.client.stop()
        monkeypatch.setattr(index, "VERSION", "other")
        monkeypatch.setattr(index, "searchable", str.upper)
        harness = SQLiteHarness(start=False)
        assert (matching("tea"), unindexedCount()) == ([], 2)
        harness = SQLiteHarness(pace=FAST_TIMINGS)
        self.indexed(harness)
        harness.client.stop()
        assert matching("tea") == [1]
        assert SQLiteHarness(start=False).loaded.position == 1
        assert unindexedCount() == 0

    def test_rebuiltInPieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A search says what it leaves out meanwhile, and a kill costs one piece."""
        monkeypatch.setattr(writer, "INDEX_LAG", 300)
        monkeypatch.setattr(journal, "UNINDEXED", 300)
        monkeypatch.setattr(search, "UNINDEXED", 300)
        harness, source = SQLiteHarness(pace=FAST_TIMINGS), MessageSource()
        harness.store(source.batch(("a", ("tea",) * 2000)))
        self.indexed(harness)
        harness.client.stop()
        monkeypatch.setattr(index, "VERSION", "other")
        for remaining in (2000, 1750):
            harness = SQLiteHarness(pace=FAST_TIMINGS, start=False)
            assert unindexedCount() == remaining
            # The second piece waits before it is committed.
            waiting, going = harness.connections.stopAt("UPDATE meta SET indexed = ?")
            harness.connections.before = _second(harness.connections.before)
            harness.storage.start(harness.client)
            assert waiting.wait(TIMEOUT)
            left = remaining - INDEX_LINES
            assert harness.storage.unsearched == left - 300
            assert len(harness.client.search(A, "tea", most=9999)) == 2000 - left + 300
            if remaining == 2000:
                # As after a kill: what was committed is there, and the rest is not.
                shutil.copy("chat.db", "killed.db")
                shutil.copy("chat.db-wal", "killed.db-wal")
            going.set()
            harness.reactor.until(lambda: not unindexedCount())
            harness.store(source.batch(("a", ("tea",))))
            harness.client.stop()
            if remaining == 2000:
                os.replace("killed.db", "chat.db")
                os.replace("killed.db-wal", "chat.db-wal")
        assert harness.storage.unsearched == 0
        assert damage() == []

    def test_diskFull(self) -> None:
        harness, source = SQLiteHarness(pace=FAST_TIMINGS), MessageSource()
        refusals = 2

        def refuse(connection: sqlite3.Connection, text: str) -> None:
            nonlocal refusals
            if "UPDATE meta SET indexed" in text and refusals:
                refusals -= 1
                raise operationalError(sqlite3.SQLITE_FULL, "full")

        harness.connections.before = refuse
        harness.storage.store(source.batch(("a", ("tea",))))
        harness.reactor.until(lambda: len(harness.client.troubles) == 4)
        self.indexed(harness)
        assert matching("tea") == [1]
        assert damage() == []
        harness.client.stop()
        assert harness.client.failures == []
        assert [bool(item) for item in harness.client.troubles] == [True, False, True, False]

    def test_broken(self) -> None:
        harness = SQLiteHarness(pace=FAST_TIMINGS)

        def fail(connection: sqlite3.Connection, text: str) -> None:
            if "INSERT INTO words" in text:
                raise operationalError(sqlite3.SQLITE_IOERR_WRITE, "disk I/O error")

        harness.connections.before = fail
        harness.storage.store(MessageSource().batch(("a", ("tea",))))
        harness.reactor.until(lambda: harness.client.failures)
        assert len(harness.client.failures) == 1
        harness.client.stop()

    def test_slowSearchBlocksNobody(self) -> None:
        harness = SQLiteHarness()
        harness.store(MessageSource().batch(("a", ("tea",))))
        arrived, going = threading.Event(), threading.Event()

        def stopAt(connection: sqlite3.Connection, text: str) -> None:
            if "FROM words" in text:
                arrived.set()
                assert going.wait(TIMEOUT)

        harness.connections.before = stopAt
        found: list[object] = []
        harness.storage.search(SearchQuery(A, ("tea",), "", 0, 0, None, 9), found.append)
        assert arrived.wait(TIMEOUT)
        assert len(harness.client.lines("a", 1, 1)) == 1
        assert found == []
        going.set()
        harness.reactor.until(lambda: found)
        harness.client.stop()


class TestMigration:
    def test_firstSchema(self) -> None:
        source = MessageSource()
        source.batch(("a", ("tea", "coffee")), ("b", ("tea\ud800",)))
        with closing(sqlite3.connect("chat.db", isolation_level=None)) as connection:
            connection.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1;")
            connection.execute("INSERT INTO meta VALUES (?, 1)", (source.log,))
            for number, record in enumerate(source.records().values(), 1):
                connection.execute(
                    "INSERT INTO rooms VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (number, record.key, record.name, record.seq, record.time, "t", "Ann", 7),
                )
            for room, _, seq, time, ident, kind, nick, account, text in lineFields(source.messages):
                connection.execute(
                    "INSERT INTO messages (room, seq, time, position, idx, kind, nick, account,"
                    " text) VALUES (?, ?, ?, 1, ?, ?, ?, ?, CAST(? AS TEXT))",
                    (
                        "ab".index(str(room)) + 1,
                        seq,
                        time,
                        int(str(ident).split("-")[2]),
                        kind,
                        nick,
                        account,
                        str(text).encode("utf-8", "surrogatepass"),
                    ),
                )
        harness = SQLiteHarness(pace=FAST_TIMINGS)
        loaded = harness.loaded
        assert (loaded.log, loaded.position, loaded.records) == (source.log, 1, [])
        assert len(loaded.secret) == 32
        assert [(item.key, item.topic) for item in loaded.rooms] == [("a", "t"), ("b", "t")]
        assert {(item.founder, item.private) for item in loaded.rooms} == {("", False)}
        both = (("a", 1), ("b", 1))
        every = lineFields(source.messages)
        assert harness.client.lines("a", 1, 2) == every[:2]
        assert harness.client.search(both, "tea") == [every[0], every[2]]
        harness.reactor.until(lambda: not unindexedCount())
        assert harness.client.search(both, "tea") == [every[0], every[2]]
        assert matching("tea") == [1, 3]
        harness.client.stop()
        assert SQLiteHarness(start=False).loaded.secret == loaded.secret
