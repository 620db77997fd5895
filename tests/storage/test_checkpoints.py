"""
Tests for what journals keep for a cluster: what they are part of, and checkpoints.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest

from tests.support.sqlite import Kept
from tests.support.storage import LOG, PATIENCE, Reactor, Talk, Witness
from tsservices.chat.batch import Batch
from tsservices.chat.operations import BAN
from tsservices.chat.records import Restriction
from tsservices.chat.storage import Storage, StorageError, StoredState
from tsservices.storage.memory import MemoryStorage
from tsservices.storage.sqlite.journal import SQLiteStorage
from tsservices.storage.sqlite.rows import asJSON
from tsservices.storage.sqlite.schema import APPLICATION, MIGRATIONS
from tsservices.storage.sqlite.writer import Timings

#: Of a cluster.
SECRET = bytes(range(32))


def checkpoint(talk: Talk, *chunks: str) -> Batch:
    batch = talk.batch()
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
        witness = Witness(journal, self.reactor)
        journal.start(witness)
        for batch in batches:
            journal.store(batch)
        witness.stop()
        assert witness.failures == []

    def setup_method(self) -> None:
        self.reactor = Reactor()
        self.talk = Talk()

    def test_single(self) -> None:
        """A journal is part of no cluster by itself, and has no checkpoint."""
        loaded = self.fresh().prepare()
        assert (loaded.epoch, loaded.checkpoint, loaded.checkpointPosition) == ("", [], 0)

    def test_joins(self) -> None:
        """One that is empty becomes part of any cluster, once and again, and of no other one."""
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
        self.talk = Talk("other", 40)
        self.store(journal, self.talk.batch(("a", ("1",))))
        journal = self.again(journal)
        journal.bind("e", "other", SECRET, 40)
        assert part(journal.prepare()) == ("e", "other", SECRET, 41)

    def test_founds(self) -> None:
        """
        One with a history becomes part of the cluster that is founded on it, and only as
        long as nothing was added.
        """
        journal = self.fresh()
        self.store(journal, self.talk.batch(("a", ("1",))))
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

    def test_begins(self) -> None:
        """
        The state with which it begins is kept as it becomes part of a cluster, not when it
        is that already.
        """
        journal = self.fresh()
        with pytest.raises(StorageError):
            journal.bind("e", LOG, journal.prepare().secret, 3, ["wrong"])
        assert journal.prepare().checkpoint == []
        journal.bind("e", "other", SECRET, 40, ["1", "2"])
        journal.bind("e", "other", SECRET, 40, ["3"])
        loaded = self.again(journal).prepare()
        assert (loaded.checkpoint, loaded.checkpointPosition) == (["1", "2"], 40)

    def test_checkpoint(self) -> None:
        """The last one is kept, in place of any before, and with its position."""
        journal = self.fresh()
        batches = [
            checkpoint(self.talk, '["old"]', '["2"]', '["3"]'),
            self.talk.batch(("a", ("1",))),
            checkpoint(self.talk, '["new\\u0000\\ud800"]', "x" * 100_000),
            self.talk.batch(("a", ("2",))),
        ]
        assert batches[0].durable
        self.store(journal, *batches)
        journal = self.again(journal)
        loaded = journal.prepare()
        assert loaded.checkpoint == batches[2].checkpoint
        assert (loaded.checkpointPosition, loaded.position) == (3, 4)
        self.store(journal, checkpoint(self.talk, "last"))
        loaded = self.again(journal).prepare()
        assert (loaded.checkpoint, loaded.checkpointPosition) == (["last"], 5)


class TestMemory(Case):
    """In memory."""

    def fresh(self) -> Storage:
        return MemoryStorage(LOG)

    def again(self, journal: Storage) -> Storage:
        return journal


class TestSQLite(Case):
    """In SQLite."""

    def fresh(self) -> Storage:
        call = self.reactor.callFromThread
        journal = SQLiteStorage("chat.db", LOG, None, call, lambda: 0)
        journal.prepare()
        return journal

    def again(self, journal: Storage) -> Storage:
        return self.fresh()

    def test_together(self) -> None:
        """A checkpoint is in the transaction of its batch, or not there at all."""
        kept = Kept()
        kept.journal.store(checkpoint(self.talk, "first"))
        kept.witness.await_(1)

        def before(connection: sqlite3.Connection, text: str) -> None:
            if text == "COMMIT":
                raise sqlite3.OperationalError("cut")

        kept.wires.before = before
        kept.journal.store(checkpoint(self.talk, "second", "part"))
        kept.reactor.until(lambda: kept.witness.failures)
        kept.witness.stop()
        kept.join()
        loaded = self.fresh().prepare()
        assert (loaded.checkpoint, loaded.checkpointPosition, loaded.position) == (["first"], 1, 1)

    def test_oneTransaction(self) -> None:
        """Of several in one transaction only the last is written."""
        kept = Kept()
        going = threading.Event()
        kept.wires.before = lambda connection, text: going.wait(PATIENCE)
        for batch in (self.talk.batch(("a", ("1",))), checkpoint(self.talk, "1", "2")):
            kept.journal.store(batch)
        kept.journal.store(checkpoint(self.talk, "3"))
        kept.journal.store(self.talk.batch(("a", ("2",))))
        going.set()
        kept.witness.stop()
        kept.join()
        wrote = [each for each in kept.wires.statements[1] if "INTO checkpoint" in each]
        assert len(wrote) <= 2
        loaded = self.fresh().prepare()
        assert (loaded.checkpoint, loaded.checkpointPosition, loaded.position) == (["3"], 3, 4)

    def test_durability(self) -> None:
        """
        Alone each transaction is on the disk before it is told of; a node's is kept by the
        cluster too, from where it comes again.
        """
        kept = Kept()
        kept.journal.store(self.talk.batch(("a", ("1",))))
        kept.witness.stop()
        kept.join()
        assert not any("synchronous = NORMAL" in each for each in kept.wires.statements[1])
        assert "PRAGMA synchronous = FULL" in kept.wires.statements[1]
        again = Kept(start=False)
        again.journal.bind("e", LOG, again.loaded.secret, 1)
        again.journal.start(again.witness)
        again.witness.stop()
        again.join()
        assert any("PRAGMA synchronous = NORMAL" in each for each in again.wires.statements)

    def test_copy(self) -> None:
        """A copy has it, and is part of the same."""
        kept = Kept(start=False)
        kept.journal.bind("e", LOG, kept.loaded.secret, 0)
        kept.journal.start(kept.witness)
        kept.journal.store(checkpoint(self.talk, "1", "2"))
        kept.witness.await_(1)
        assert kept.witness.copy("copy.db") is None
        kept.witness.stop()
        copy = SQLiteStorage("copy.db", "x", None, self.reactor.callFromThread, lambda: 0)
        loaded = copy.prepare()
        assert part(loaded) == ("e", LOG, kept.loaded.secret, 1)
        assert (loaded.checkpoint, loaded.checkpointPosition) == (["1", "2"], 1)
        copy.bind("e", LOG, kept.loaded.secret, 0)

    def test_locked(self) -> None:
        """A database that somebody else writes to can't be bound now."""
        kept = Kept(start=False, pace=Timings(busy=0.01))
        with closing(sqlite3.connect("chat.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageError, match="is locked by another process"):
                kept.journal.bind("e", "other", SECRET, 0)
        assert self.fresh().prepare().epoch == ""

    def test_before(self) -> None:
        """
        A database of the version before is part of nothing; the names in its restraints
        are folded once.
        """
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
