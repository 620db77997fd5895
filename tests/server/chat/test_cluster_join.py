"""
Tests for L{tsservices.server.chat.cluster_join}, with the database that it moves about.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.broker import ScriptedBroker
from tests.support.storage import Talk
from tsservices.chat import snapshot as checkpoint
from tsservices.chat.records import RoomRecord
from tsservices.chat.room import Room
from tsservices.chat.state import ChatState
from tsservices.chat.storage import StorageError
from tsservices.cluster.broker import ClusterIdentity, SnapshotInfo, StreamState
from tsservices.cluster.node import NodeConfig
from tsservices.common.limits import Limits
from tsservices.server.chat.cluster_join import JoinProcedure
from tsservices.storage.sqlite.journal import SQLiteStorage
from tsservices.storage.sqlite.tables import write

#: Of a node that had a history of 100 batches.
FOUNDING = ClusterIdentity("epoch", "log", 100, bytes(32))

#: Has messages 11 to 50.
STREAM = StreamState(FOUNDING, 11, 50)

#: Made behind the 45th message.
SNAPSHOT = SnapshotInfo("epoch", 145, 1)

#: Of the node.
DATABASE = "chat.sqlite"


def state(room: str) -> list[str]:
    lobby = ChatState(Limits())
    lobby.rooms[room] = Room(RoomRecord(room, room, seq=1))
    return checkpoint.save(lobby)


def journal(path: str = DATABASE, log: str = "mine") -> SQLiteStorage:
    return SQLiteStorage(path, log, None, lambda *call: None, lambda: 1)


def member(position: int, room: str, path: str = DATABASE, epoch: str = "epoch") -> None:
    made = journal(path)
    made.prepare()
    made.bind(epoch, "log", bytes(32), position, state(room))


def history() -> None:
    journal(log="log").prepare()
    with closing(sqlite3.connect(DATABASE, isolation_level=None)) as connection:
        write(connection, [Talk("log").batch(("tea", ("x",)))])


class JoiningTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.engine = ScriptedBroker()
        self.joined: list[StreamState] = []
        self.failures: list[str] = []

    def begin(self) -> JoinProcedure:
        joining = JoinProcedure(
            NodeConfig("a", lambda: "a1", Limits(), frozenset({"root"})),
            journal(),
            self.engine,
            DATABASE,
            self.failures.append,
        )
        joining.start("made", self.joined.append)
        return joining

    def fails(self, words: str) -> None:
        self.assertEqual(self.joined, [])
        (reason,) = self.failures
        self.assertIn(words, reason)
        self.assertEqual(len(reason.splitlines()), 1)

    def fetch(self, room: str, position: int = 145) -> None:
        path, fetched = self.engine.snapshotGets.pop()
        self.assertFalse(os.path.exists(path))
        member(position, room, path)
        self.engine.onOpened = None
        fetched(None)
        self.assertIsNone(self.engine.identity)
        if self.engine.onOpened is not None:
            self.engine.openStream(STREAM)

    def test_itself(self) -> None:
        """The stream has all that came since."""
        member(130, "tea")
        joining = self.begin()
        self.engine.openStream(STREAM)
        self.assertEqual(self.joined, [STREAM])
        self.assertEqual((joining.firstSequence, list(joining.state.rooms)), (31, ["tea"]))
        self.assertEqual((joining.loaded.log, joining.loaded.position), ("log", 130))

    def test_found(self) -> None:
        """Who founds the cluster gives it all that it has."""
        history()
        joining = self.begin()
        self.assertEqual(
            self.engine.identity, ClusterIdentity("made", "log", 1, joining.loaded.secret)
        )
        self.engine.createStream()
        loaded = joining.loaded
        self.assertEqual((loaded.epoch, loaded.position, loaded.checkpointPosition), ("made", 1, 1))
        self.assertEqual((joining.firstSequence, list(joining.state.rooms)), (1, ["tea"]))
        self.assertEqual(joining.state.operators, {"root"})

    def test_bind(self) -> None:
        """A new node begins where all began, with what all share."""
        joining = self.begin()
        self.engine.openStream(StreamState(replace(FOUNDING, baseSequence=0), 1, 5))
        loaded = joining.loaded
        self.assertEqual((loaded.epoch, loaded.log, loaded.secret), ("epoch", "log", bytes(32)))
        self.assertEqual((joining.firstSequence, joining.state.rooms), (1, {}))
        self.assertFalse(joining.needsSnapshot)

    def test_unserved(self) -> None:
        """
        Without a snapshot nobody new could join, where something came before the stream or
        is not in it any more.
        """
        member(130, "tea")
        for stream, snapshot, unserved in (
            (STREAM, None, True),
            (STREAM, replace(SNAPSHOT, epoch="x"), True),
            (STREAM, replace(SNAPSHOT, position=109), True),
            (STREAM, SNAPSHOT, False),
            (replace(STREAM, first=1), None, True),
            (
                replace(STREAM, identity=replace(FOUNDING, baseSequence=0), last=150, first=9),
                None,
                True,
            ),
            (
                replace(STREAM, identity=replace(FOUNDING, baseSequence=0), last=150, first=1),
                None,
                False,
            ),
        ):
            self.engine.newestSnapshot = snapshot
            joining = self.begin()
            self.engine.openStream(stream)
            self.assertIs(joining.needsSnapshot, unserved, (stream, snapshot))
        self.assertEqual(self.failures, [])

    def test_fetch(self) -> None:
        """What a node has is put aside for the snapshot, from which it goes on."""
        member(105, "old")
        self.engine.newestSnapshot = SNAPSHOT
        joining = self.begin()
        for name in ("chat.sqlite.fetched", "chat.sqlite.before", "chat.sqlite.before-wal"):
            Path(name).write_bytes(b"left over")
        self.engine.openStream(STREAM)
        self.assertEqual(self.joined, [])
        self.fetch("new")
        self.assertEqual(self.joined, [STREAM])
        self.assertEqual((joining.firstSequence, list(joining.state.rooms)), (46, ["new"]))
        self.assertEqual(joining.loaded.position, 145)
        self.assertEqual(sorted(os.listdir(".")), [DATABASE, "chat.sqlite.before"])
        self.assertEqual(journal("chat.sqlite.before").prepare().position, 105)

    def test_leftLog(self) -> None:
        """What SQLite keeps beside the old database does not come to the new one."""
        member(105, "old")
        self.engine.newestSnapshot = SNAPSHOT
        joining = self.begin()
        self.engine.openStream(STREAM)
        with closing(sqlite3.connect(DATABASE, isolation_level=None)) as reader:
            # Whoever has it open keeps the log there, too.
            reader.execute("UPDATE meta SET position = 106")
            self.assertTrue(os.path.getsize("chat.sqlite-wal"))
            Path("chat.sqlite.before-wal").write_bytes(b"of another one")
            self.fetch("new")
            self.assertEqual(joining.loaded.position, 145)
            self.assertTrue(os.path.getsize("chat.sqlite.before-wal"))
        self.assertEqual(self.failures, [])
        self.assertEqual(journal("chat.sqlite.before").prepare().position, 106)

    def test_fetchFails(self) -> None:
        """No snapshot comes, and the node keeps what it has."""
        member(105, "old")
        self.engine.newestSnapshot = SNAPSHOT
        self.begin()
        self.engine.openStream(STREAM)
        self.engine.snapshotGets.pop()[1]("the snapshot can't be had: it does not go on")
        self.fails("it does not go on")
        self.assertEqual(journal().prepare().position, 105)

    def test_noFetch(self) -> None:
        """There can be no file for it."""
        member(105, "old")
        self.engine.newestSnapshot = SNAPSHOT
        self.begin()
        os.mkdir("chat.sqlite.fetched")
        self.engine.openStream(STREAM)
        self.fails("chat.sqlite.fetched")

    def test_badSnapshot(self) -> None:
        """What came can't be used: the node has what it had."""
        member(105, "old")
        self.engine.newestSnapshot = SNAPSHOT
        self.begin()
        self.engine.openStream(STREAM)
        path, fetched = self.engine.snapshotGets.pop()
        Path(path).write_bytes(b"no database" * 1000)
        fetched(None)
        self.fails("is not a")
        self.assertEqual(journal().prepare().position, 105)
        self.assertEqual(os.listdir("."), [DATABASE])

    def test_noSnapshot(self) -> None:
        """Nothing came at all, whatever was said: the same."""
        member(105, "old")
        self.engine.newestSnapshot = SNAPSHOT
        self.begin()
        self.engine.openStream(STREAM)
        self.engine.snapshotGets.pop()[1](None)
        self.fails("chat.sqlite.fetched")
        self.assertEqual(journal().prepare().position, 105)

    def test_newer(self) -> None:
        """While one came it has become too old: the next one is fetched."""
        self.engine.newestSnapshot = replace(SNAPSHOT, position=112)
        joining = self.begin()
        self.engine.openStream(STREAM)
        self.engine.newestSnapshot = SNAPSHOT
        self.fetch("old", 109)
        self.fetch("new")
        self.assertEqual((joining.firstSequence, list(joining.state.rooms)), (46, ["new"]))

    def test_liar(self) -> None:
        """A snapshot that has not what it says is not fetched for ever."""
        self.engine.newestSnapshot = SNAPSHOT
        self.begin()
        self.engine.openStream(STREAM)
        self.fetch("old", 105)
        self.assertEqual(self.engine.snapshotGets, [])
        self.fails("does not reach as far as it says")

    def test_refused(self) -> None:
        """Each reason not to join is one line."""
        member(130, "tea")
        for stream, words in (
            (replace(STREAM, last=29), "the engine has lost what it had"),
            (replace(STREAM, identity=replace(FOUNDING, epoch="x")), "belongs to another stream"),
            (replace(STREAM, first=32), "longer than the stream keeps"),
        ):
            self.failures.clear()
            self.begin()
            self.engine.openStream(stream)
            self.fails(words)

    def test_ownChat(self) -> None:
        """Two histories can't become one."""
        history()
        self.engine.newestSnapshot = SNAPSHOT
        self.begin()
        self.engine.openStream(replace(STREAM, identity=replace(FOUNDING, log="other")))
        self.fails("a chat of its own")

    def test_unreadable(self) -> None:
        """The state was kept by another version."""
        made = journal()
        made.prepare()
        made.bind("epoch", "log", bytes(32), 130, ['["checkpoint",99,0]'])
        self.begin()
        self.engine.openStream(STREAM)
        self.fails("a checkpoint of version")

    def test_cantBind(self) -> None:
        """The database can't be written."""
        joining = self.begin()

        def refuse(*arguments: object) -> None:
            raise StorageError("chat.sqlite: no disk")

        self.patch(joining._storage, "bind", refuse)
        self.engine.openStream(StreamState(replace(FOUNDING, baseSequence=0), 1, 5))
        self.fails("no disk")

    def test_engineFails(self) -> None:
        """The stream can't be used."""
        self.begin()
        assert self.engine.onFailed is not None
        self.engine.onFailed("it is not ours")
        self.fails("it is not ours")

    def test_stop(self) -> None:
        """Nothing comes of what is under way, wherever that is."""
        member(105, "old")
        self.engine.newestSnapshot, self.engine.delaySnapshots = SNAPSHOT, True
        joining = self.begin()
        joining.stop()
        self.engine.openStream(STREAM)
        self.assertEqual(self.engine.snapshotRequests, [])
        assert self.engine.onFailed is not None
        self.engine.onFailed("x")
        joining = self.begin()
        self.engine.openStream(STREAM)
        joining.stop()
        self.engine.snapshotRequests.pop()(SNAPSHOT)
        self.assertEqual(self.engine.snapshotGets, [])
        self.engine.delaySnapshots = False
        joining = self.begin()
        self.engine.openStream(STREAM)
        joining.stop()
        self.fetch("new")
        self.assertEqual(journal().prepare().position, 105)
        self.assertEqual((self.joined, self.failures), ([], []))
