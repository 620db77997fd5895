"""
Tests for L{tsservices.storage.sqlite.fulltext}, and for databases of the schema before it.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest

from tests.support.sqlite import AT_ONCE, Kept, broken, unindexed
from tests.support.storage import PATIENCE, SECOND, Talk, lines
from tsservices.chat.records import MessageDeletion
from tsservices.chat.storage import SearchQuery
from tsservices.storage.sqlite import fulltext as index
from tsservices.storage.sqlite import fulltext as words
from tsservices.storage.sqlite import search, writer
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
        return [each for (each,) in found]


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
    """What is in the index."""

    def indexed(self, kept: Kept) -> None:
        kept.reactor.until(lambda: not unindexed())

    def test_slack(self) -> None:
        """Lines go in when nothing else is to be done, some at once, and stay there."""
        kept, talk = Kept(pace=AT_ONCE), Talk()
        kept.journal.store(talk.batch(("a", ("tea",) * (2 * INDEX_LINES + 1)), ("b", ("x",))))
        kept.witness.await_(1)
        self.indexed(kept)
        assert len(matching("text : tea")) == 2 * INDEX_LINES + 1
        assert damage() == []
        seen = kept.wires.statements[1]
        assert sum("INSERT INTO words" in each for each in seen) == 3
        kept.witness.stop()
        kept = Kept(pace=AT_ONCE)
        assert len(kept.witness.search(A, "tea", most=9999)) == 2 * INDEX_LINES + 1
        kept.witness.stop()
        assert not any("INSERT INTO words" in each for each in kept.wires.statements[1])

    def test_patience(self) -> None:
        """Who talks now does not wait for the index."""
        kept, talk = Kept(), Talk()
        for _ in range(5):
            kept.journal.store(talk.batch(("a", ("tea",) * 100)))
            kept.witness.await_(talk.position)
        kept.witness.stop()
        assert matching("tea") == []
        assert unindexed() == 500

    def test_lag(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        However much is said, not more lines than a bound are missing in the index after
        each transaction.
        """
        # With so many lines as usual the search takes longer than it may, on a busy machine.
        bound = INDEX_LAG // 8
        monkeypatch.setattr(writer, "INDEX_LAG", bound)
        monkeypatch.setattr(search, "_UNINDEXED", bound + TRANSACTION_LINES)
        kept, talk = Kept(), Talk()
        lags = []

        def look(connection: sqlite3.Connection, text: str) -> None:
            if text == "BEGIN IMMEDIATE":
                lags.append(index.lag(connection))

        kept.wires.before = look
        kept.journal.store(talk.batch(("a", ("tea",) * (bound - 10))))
        for _ in range(10):
            kept.journal.store(talk.batch(("a", ("tea",) * 1000)))
            kept.witness.await_(talk.position)
        kept.reactor.until(lambda: unindexed() <= bound)
        assert bound < max(lags) <= bound + 1000
        assert unindexed() > bound - 1000
        count = bound - 10 + 10_000
        assert len(kept.witness.search(A, "tea", most=99_999)) == count
        kept.witness.stop()

    def test_deleted(self) -> None:
        """What was deleted is not in the index any more, nor in the table."""
        kept, talk = Kept(pace=AT_ONCE), Talk()
        kept.journal.store(talk.batch(("a", ("tea is mine", "tea is yours", "no"))))
        kept.witness.await_(1)
        self.indexed(kept)
        assert matching("tea") == [1, 2]
        for _ in range(2):
            # The second one finds it gone already.
            batch = talk.batch(("a", ("tea is ours",)))
            batch.deletions += [
                MessageDeletion("a", 2),
                MessageDeletion("a", 2),
                MessageDeletion("a", 4),
            ]
            kept.journal.store(batch)
            kept.witness.await_(batch.position)
            self.indexed(kept)
        assert matching("tea") == [1, 5]
        assert matching("yours OR room : 1 AND nick : 616e6e") == [1, 3, 5]
        assert damage() == []
        kept.witness.stop()
        with closing(sqlite3.connect("chat.db")) as connection:
            texts = connection.execute("SELECT text, kind FROM messages").fetchall()
        assert [each for each in texts if not each[0]] == [("", "deleted")] * 2

    def test_retention(self) -> None:
        """
        Old lines go out of the index with the words they went in with; what is said
        afterwards is found, though it gets the ids of those that went.
        """
        kept, talk = Kept(keep=100.0, pace=AT_ONCE), Talk()
        kept.journal.store(talk.batch(("a", ("tea Grüße 中文",) * 2100), ("b", ("tea",))))
        kept.witness.await_(1)
        self.indexed(kept)
        kept.time += 200 * SECOND
        kept.reactor.until(lambda: not kept.witness.lines("b", 1, 1))
        assert matching("tea OR grusse OR 中 OR room : 1") == []
        assert damage() == []
        kept.journal.store(talk.batch(("a", ("tea again",)), stamp=kept.time))
        kept.witness.await_(2)
        self.indexed(kept)
        assert [each[-1] for each in kept.witness.search(A, "tea")] == ["tea again"]
        assert matching("tea") == [1]
        assert damage() == []
        kept.witness.stop()

    def test_retentionBeforeIndex(self) -> None:
        """Lines that were never in the index go without harm to it."""
        kept, talk = Kept(keep=100.0), Talk()
        kept.journal.store(talk.batch(("a", ("tea",) * 10)))
        kept.witness.await_(1)
        kept.time += 200 * SECOND
        kept.reactor.until(lambda: not kept.witness.lines("a", 1, 10))
        kept.witness.stop()
        assert damage() == []

    def test_rules(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An index that other rules made is made again."""
        kept = Kept(pace=AT_ONCE)
        kept.journal.store(Talk().batch(("a", ("tea", "coffee"))))
        kept.witness.await_(1)
        self.indexed(kept)
        kept.witness.stop()
        monkeypatch.setattr(index, "VERSION", "other")
        monkeypatch.setattr(index, "searchable", str.upper)
        kept = Kept(start=False)
        assert (matching("tea"), unindexed()) == ([], 2)
        kept = Kept(pace=AT_ONCE)
        self.indexed(kept)
        kept.witness.stop()
        assert matching("tea") == [1]
        assert Kept(start=False).loaded.position == 1
        assert unindexed() == 0

    def test_full(self) -> None:
        """A full disk is waited for: what could not go into the index does later, once."""
        kept, talk = Kept(pace=AT_ONCE), Talk()
        refusals = 2

        def refuse(connection: sqlite3.Connection, text: str) -> None:
            nonlocal refusals
            if "UPDATE meta SET indexed" in text and refusals:
                refusals -= 1
                raise broken(sqlite3.SQLITE_FULL, "full")

        kept.wires.before = refuse
        kept.journal.store(talk.batch(("a", ("tea",))))
        kept.reactor.until(lambda: len(kept.witness.troubles) == 4)
        self.indexed(kept)
        assert matching("tea") == [1]
        assert damage() == []
        kept.witness.stop()
        assert kept.witness.failures == []
        assert [bool(each) for each in kept.witness.troubles] == [True, False, True, False]

    def test_broken(self) -> None:
        """After any other error nothing is tried again."""
        kept = Kept(pace=AT_ONCE)

        def fail(connection: sqlite3.Connection, text: str) -> None:
            if "INSERT INTO words" in text:
                raise broken(sqlite3.SQLITE_IOERR_WRITE, "disk I/O error")

        kept.wires.before = fail
        kept.journal.store(Talk().batch(("a", ("tea",))))
        kept.reactor.until(lambda: kept.witness.failures)
        assert len(kept.witness.failures) == 1
        kept.witness.stop()

    def test_readersDoNotWait(self) -> None:
        """A search that takes long is in nobody else's way."""
        kept = Kept()
        kept.journal.store(Talk().batch(("a", ("tea",))))
        kept.witness.await_(1)
        arrived, going = threading.Event(), threading.Event()

        def hold(connection: sqlite3.Connection, text: str) -> None:
            if "FROM words" in text:
                arrived.set()
                assert going.wait(PATIENCE)

        kept.wires.before = hold
        found: list[object] = []
        kept.journal.search(SearchQuery(A, ("tea",), "", 0, 0, None, 9), found.append)
        assert arrived.wait(PATIENCE)
        assert len(kept.witness.lines("a", 1, 1)) == 1
        assert found == []
        going.set()
        kept.reactor.until(lambda: found)
        kept.witness.stop()


class TestMigration:
    """Databases of the first schema."""

    def test_first(self) -> None:
        """All rooms and lines are kept, and found; rooms have no founder."""
        talk = Talk()
        talk.batch(("a", ("tea", "coffee")), ("b", ("tea\ud800",)))
        with closing(sqlite3.connect("chat.db", isolation_level=None)) as connection:
            connection.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1;")
            connection.execute("INSERT INTO meta VALUES (?, 1)", (talk.log,))
            for number, record in enumerate(talk.records().values(), 1):
                connection.execute(
                    "INSERT INTO rooms VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (number, record.key, record.name, record.seq, record.time, "t", "Ann", 7),
                )
            for room, _, seq, time, ident, kind, nick, account, text in lines(talk.said):
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
        kept = Kept(pace=AT_ONCE)
        loaded = kept.loaded
        assert (loaded.log, loaded.position, loaded.records) == (talk.log, 1, [])
        assert len(loaded.secret) == 32
        assert [(each.key, each.topic) for each in loaded.rooms] == [("a", "t"), ("b", "t")]
        assert {(each.founder, each.private) for each in loaded.rooms} == {("", False)}
        both = (("a", 1), ("b", 1))
        every = lines(talk.said)
        assert kept.witness.lines("a", 1, 2) == every[:2]
        assert kept.witness.search(both, "tea") == [every[0], every[2]]
        kept.reactor.until(lambda: not unindexed())
        assert kept.witness.search(both, "tea") == [every[0], every[2]]
        assert matching("tea") == [1, 3]
        kept.witness.stop()
        assert Kept(start=False).loaded.secret == loaded.secret
