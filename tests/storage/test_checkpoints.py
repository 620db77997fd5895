"""Tests for what both storages keep for a cluster: the binding and checkpoints."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest

from tests.support.sqlite import SQLiteHarness
from tests.support.storage import LOG, TIMEOUT, MessageSource, StorageClient, ThreadReactor
from tsservices.chat.batch import Batch
from tsservices.chat.operations import BAN
from tsservices.chat.records import Restriction
from tsservices.chat.storage import Storage, StorageError, StoredState
from tsservices.storage.memory import MemoryStorage
from tsservices.storage.sqlite.config import Timings
from tsservices.storage.sqlite.journal import SQLiteStorage
from tsservices.storage.sqlite.rows import asJSON
from tsservices.storage.sqlite.schema import APPLICATION, MIGRATIONS

#: Of a cluster.
SECRET = bytes(range(32))


def checkpoint(source: MessageSource, *chunks: str) -> Batch:
    batch = source.batch()
    batch.checkpoint = list(chunks)
    # A checkpoint is made when a batch is applied, before it is sealed.
    batch.freeze()
    return batch


def part(loaded: StoredState) -> tuple[str, str, bytes, int]:
    return loaded.epoch, loaded.log, loaded.secret, loaded.position


class Case:
    def fresh(self) -> Storage:
        raise NotImplementedError

    def again(self, journal: Storage) -> Storage:
        raise NotImplementedError

    def store(self, journal: Storage, *batches: Batch) -> None:
        client = StorageClient(journal, self.reactor)
        journal.start(client)
        for batch in batches:
            journal.store(batch)
        client.stop()
        assert client.failures == []

    def setup_method(self) -> None:
        self.reactor = ThreadReactor()
        self.source = MessageSource()

    def test_noClusterByDefault(self) -> None:
        loaded = self.fresh().prepare()
        assert (loaded.epoch, loaded.checkpoint, loaded.checkpointPosition) == ("", [], 0)

    def test_joinsOneCluster(self) -> None:
        journal = self.fresh()
        for _ in range(2):
            journal.bind("e", "other", SECRET, 40)
            assert part(journal.prepare()) == ("e", "other", SECRET, 40)
        for epoch, log, secret in (
            ("f", "other", SECRET),
            ("e", "another", SECRET),
            ("e", "other", bytes(32)),
        ):
            with pytest.raises(StorageError, match="belongs to another cluster"):
                journal.bind(epoch, log, secret, 40)
        self.source = MessageSource("other", 40)
        self.store(journal, self.source.batch(("a", ("1",))))
        journal = self.again(journal)
        journal.bind("e", "other", SECRET, 40)
        assert part(journal.prepare()) == ("e", "other", SECRET, 41)

    def test_foundsUntilItGrows(self) -> None:
        journal = self.fresh()
        self.store(journal, self.source.batch(("a", ("1",))))
        journal = self.again(journal)
        epoch, log, secret, position = part(journal.prepare())
        assert (epoch, log, position) == ("", LOG, 1)
        with pytest.raises(StorageError, match="was used without it since"):
            journal.bind("e", log, secret, 0)
        with pytest.raises(StorageError, match="history of its own"):
            journal.bind("e", "other", SECRET, 1)
        assert part(journal.prepare()) == ("", log, secret, 1)
        journal.bind("e", log, secret, 1)
        assert part(journal.prepare()) == ("e", log, secret, 1)

    def test_stateOfFounding(self) -> None:
        journal = self.fresh()
        with pytest.raises(StorageError):
            journal.bind("e", LOG, journal.prepare().secret, 3, ["wrong"])
        assert journal.prepare().checkpoint == []
        journal.bind("e", "other", SECRET, 40, ["1", "2"])
        journal.bind("e", "other", SECRET, 40, ["3"])
        loaded = self.again(journal).prepare()
        assert (loaded.checkpoint, loaded.checkpointPosition) == (["1", "2"], 40)

    def test_lastCheckpointStays(self) -> None:
        journal = self.fresh()
        batches = [
            checkpoint(self.source, '["old"]', '["2"]', '["3"]'),
            self.source.batch(("a", ("1",))),
            checkpoint(self.source, '["new\\u0000\\ud800"]', "x" * 100_000),
            self.source.batch(("a", ("2",))),
        ]
        assert batches[0].durable
        self.store(journal, *batches)
        journal = self.again(journal)
        loaded = journal.prepare()
        assert loaded.checkpoint == batches[2].checkpoint
        assert (loaded.checkpointPosition, loaded.position) == (3, 4)
        self.store(journal, checkpoint(self.source, "last"))
        loaded = self.again(journal).prepare()
        assert (loaded.checkpoint, loaded.checkpointPosition) == (["last"], 5)


class TestMemory(Case):
    def fresh(self) -> Storage:
        return MemoryStorage(LOG)

    def again(self, journal: Storage) -> Storage:
        return journal


class TestSQLite(Case):
    def fresh(self) -> Storage:
        call = self.reactor.callFromThread
        journal = SQLiteStorage("chat.db", LOG, None, call, lambda: 0)
        journal.prepare()
        return journal

    def again(self, journal: Storage) -> Storage:
        return self.fresh()

    def test_checkpointWithItsBatch(self) -> None:
        harness = SQLiteHarness()
        harness.store(checkpoint(self.source, "first"))

        def before(connection: sqlite3.Connection, text: str) -> None:
            if text == "COMMIT":
                raise sqlite3.OperationalError("cut")

        harness.connections.before = before
        harness.storage.store(checkpoint(self.source, "second", "part"))
        harness.reactor.until(lambda: harness.client.failures)
        harness.client.stop()
        harness.waitForThreads()
        loaded = self.fresh().prepare()
        assert (loaded.checkpoint, loaded.checkpointPosition, loaded.position) == (["first"], 1, 1)

    def test_onlyLastCheckpointIsWritten(self) -> None:
        harness = SQLiteHarness()
        going = threading.Event()
        harness.connections.before = lambda connection, text: going.wait(TIMEOUT)
        for batch in (self.source.batch(("a", ("1",))), checkpoint(self.source, "1", "2")):
            harness.storage.store(batch)
        harness.storage.store(checkpoint(self.source, "3"))
        harness.storage.store(self.source.batch(("a", ("2",))))
        going.set()
        harness.client.stop()
        harness.waitForThreads()
        wrote = [item for item in harness.connections.statements[1] if "INTO checkpoint" in item]
        assert len(wrote) <= 2
        loaded = self.fresh().prepare()
        assert (loaded.checkpoint, loaded.checkpointPosition, loaded.position) == (["3"], 3, 4)

    def test_durability(self) -> None:
        """A single server syncs before it reports; a node can get lines again from its cluster."""
        harness = SQLiteHarness()
        harness.storage.store(self.source.batch(("a", ("1",))))
        harness.client.stop()
        harness.waitForThreads()
        assert not any("synchronous = NORMAL" in item for item in harness.connections.statements[1])
        assert "PRAGMA synchronous = FULL" in harness.connections.statements[1]
        again = SQLiteHarness(start=False)
        again.storage.bind("e", LOG, again.loaded.secret, 1)
        again.storage.start(again.client)
        again.client.stop()
        again.waitForThreads()
        assert any("PRAGMA synchronous = NORMAL" in item for item in again.connections.statements)

    def test_copy(self) -> None:
        harness = SQLiteHarness(start=False)
        harness.storage.bind("e", LOG, harness.loaded.secret, 0)
        harness.storage.start(harness.client)
        harness.store(checkpoint(self.source, "1", "2"))
        assert harness.client.copy("copy.db") is None
        harness.client.stop()
        copy = SQLiteStorage("copy.db", "x", None, self.reactor.callFromThread, lambda: 0)
        loaded = copy.prepare()
        assert part(loaded) == ("e", LOG, harness.loaded.secret, 1)
        assert (loaded.checkpoint, loaded.checkpointPosition) == (["1", "2"], 1)
        copy.bind("e", LOG, harness.loaded.secret, 0)

    def test_locked(self) -> None:
        harness = SQLiteHarness(start=False, pace=Timings(busy=0.01))
        with closing(sqlite3.connect("chat.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageError, match="is locked by another process"):
                harness.storage.bind("e", "other", SECRET, 0)
        assert self.fresh().prepare().epoch == ""

    def test_olderVersion(self) -> None:
        name = "Stra\u00dfe\ud800"
        with closing(sqlite3.connect("chat.db")) as connection:
            scripts = "\n".join(MIGRATIONS[:2])
            connection.executescript(f"{scripts}; PRAGMA user_version = 2;")
            assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
            connection.execute("INSERT INTO meta (log, position) VALUES ('old', 7)")
            row = asJSON([["a", BAN, "~x", name, "ann", 5, 0, ""]])
            columns = ", ".join(f"json_extract(value, '$[{number}]')" for number in range(8))
            connection.execute(f"INSERT INTO restraints SELECT {columns} FROM json_each(?)", (row,))
            connection.commit()
        loaded = self.fresh().prepare()
        assert (loaded.epoch, loaded.log, loaded.position) == ("", "old", 7)
        assert loaded.checkpoint == []
        restraint = Restriction("a", BAN, "~x", name, "ann", 5, 0, "", "strasse\ud800")
        assert loaded.records == [restraint]
        with closing(sqlite3.connect("chat.db")) as connection:
            connection.text_factory = bytes
            (key,) = connection.execute("SELECT key FROM restraints").fetchone()
        assert key.decode("utf-8", "surrogatepass") == restraint.key


del Case
