"""Tests for L{tsservices.server.chat.cluster_join}, with the database that it moves about."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.broker import ScriptedBroker
from tests.support.storage import MessageSource
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
from tsservices.storage.sqlite.transaction import Transactions

#: Of a node that had a history of 100 batches.
IDENTITY = ClusterIdentity("epoch", "log", 100, bytes(32))

#: Has messages 11 to 50.
STREAM = StreamState(IDENTITY, 11, 50)

#: Made behind the 45th message.
SNAPSHOT = SnapshotInfo("epoch", 145, 1)

#: Of the node.
DATABASE = "chat.sqlite"


def checkpointWith(room: str) -> list[str]:
    lobby = ChatState(Limits())
    lobby.rooms[room] = Room(RoomRecord(room, room, seq=1))
    return checkpoint.save(lobby)


def storage(path: str = DATABASE, log: str = "mine") -> SQLiteStorage:
    return SQLiteStorage(path, log, None, lambda *call: None, lambda: 1)


def makeMember(position: int, room: str, path: str = DATABASE, epoch: str = "epoch") -> None:
    made = storage(path)
    made.prepare()
    made.bind(epoch, "log", bytes(32), position, checkpointWith(room))


def makeHistory() -> None:
    storage(log="log").prepare()
    with closing(sqlite3.connect(DATABASE, isolation_level=None)) as connection:
        Transactions(connection).write([MessageSource("log").batch(("tea", ("x",)))])


class JoinProcedureTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.broker = ScriptedBroker()
        self.joined: list[StreamState] = []
        self.failures: list[str] = []

    def start(self) -> JoinProcedure:
        procedure = JoinProcedure(
            NodeConfig("a", lambda: "a1", Limits(), frozenset({"root"})),
            storage(),
            self.broker,
            DATABASE,
            self.failures.append,
        )
        procedure.start("made", self.joined.append)
        return procedure

    def startBehind(self) -> JoinProcedure:
        makeMember(105, "old")
        self.broker.newestSnapshot = SNAPSHOT
        procedure = self.start()
        self.broker.openStream(STREAM)
        return procedure

    def fails(self, words: str) -> None:
        self.assertEqual(self.joined, [])
        (reason,) = self.failures
        self.assertIn(words, reason)
        self.assertEqual(len(reason.splitlines()), 1)

    def fetch(self, room: str, position: int = 145) -> None:
        path, fetched = self.broker.snapshotGets.pop()
        self.assertFalse(os.path.exists(path))
        makeMember(position, room, path)
        self.broker.onOpened = None
        fetched(None)
        self.assertIsNone(self.broker.identity)
        if self.broker.onOpened is not None:
            self.broker.openStream(STREAM)

    def test_ownDatabaseGoesOn(self) -> None:
        makeMember(130, "tea")
        procedure = self.start()
        self.broker.openStream(STREAM)
        self.assertEqual(self.joined, [STREAM])
        self.assertEqual((procedure.firstSequence, list(procedure.state.rooms)), (31, ["tea"]))
        self.assertEqual((procedure.loaded.log, procedure.loaded.position), ("log", 130))

    def test_founderGivesItsHistory(self) -> None:
        makeHistory()
        procedure = self.start()
        self.assertEqual(
            self.broker.identity, ClusterIdentity("made", "log", 1, procedure.loaded.secret)
        )
        self.broker.createStream()
        loaded = procedure.loaded
        self.assertEqual((loaded.epoch, loaded.position, loaded.checkpointPosition), ("made", 1, 1))
        self.assertEqual((procedure.firstSequence, list(procedure.state.rooms)), (1, ["tea"]))
        self.assertEqual(procedure.state.operators, {"root"})

    def test_newNodeBinds(self) -> None:
        procedure = self.start()
        self.broker.openStream(StreamState(replace(IDENTITY, baseSequence=0), 1, 5))
        loaded = procedure.loaded
        self.assertEqual((loaded.epoch, loaded.log, loaded.secret), ("epoch", "log", bytes(32)))
        self.assertEqual((procedure.firstSequence, procedure.state.rooms), (1, {}))
        self.assertFalse(procedure.needsSnapshot)

    def test_needsSnapshot(self) -> None:
        makeMember(130, "tea")
        young = StreamState(replace(IDENTITY, baseSequence=0), 1, 150)
        for stream, snapshot, unserved in (
            (STREAM, None, True),
            (STREAM, replace(SNAPSHOT, epoch="x"), True),
            (STREAM, replace(SNAPSHOT, position=109), True),
            (STREAM, SNAPSHOT, False),
            (replace(STREAM, first=1), None, True),
            (replace(young, first=9), None, True),
            (young, None, False),
        ):
            self.broker.newestSnapshot = snapshot
            procedure = self.start()
            self.broker.openStream(stream)
            self.assertIs(procedure.needsSnapshot, unserved, (stream, snapshot))
        self.assertEqual(self.failures, [])

    def test_snapshotReplacesTheDatabase(self) -> None:
        makeMember(105, "old")
        self.broker.newestSnapshot = SNAPSHOT
        procedure = self.start()
        for name in ("chat.sqlite.fetched", "chat.sqlite.before", "chat.sqlite.before-wal"):
            Path(name).write_bytes(b"left over")
        self.broker.openStream(STREAM)
        self.assertEqual(self.joined, [])
        self.fetch("new")
        self.assertEqual(self.joined, [STREAM])
        self.assertEqual((procedure.firstSequence, list(procedure.state.rooms)), (46, ["new"]))
        self.assertEqual(procedure.loaded.position, 145)
        self.assertEqual(sorted(os.listdir(".")), [DATABASE, "chat.sqlite.before"])
        self.assertEqual(storage("chat.sqlite.before").prepare().position, 105)

    def test_oldLogStaysWithTheOldDatabase(self) -> None:
        procedure = self.startBehind()
        with closing(sqlite3.connect(DATABASE, isolation_level=None)) as reader:
            # Whoever has it open keeps the log there, too.
            reader.execute("UPDATE meta SET position = 106")
            self.assertTrue(os.path.getsize("chat.sqlite-wal"))
            Path("chat.sqlite.before-wal").write_bytes(b"of another one")
            self.fetch("new")
            self.assertEqual(procedure.loaded.position, 145)
            self.assertTrue(os.path.getsize("chat.sqlite.before-wal"))
        self.assertEqual(self.failures, [])
        self.assertEqual(storage("chat.sqlite.before").prepare().position, 106)

    def test_fetchFails(self) -> None:
        self.startBehind()
        self.broker.snapshotGets.pop()[1]("the snapshot can't be had: it does not go on")
        self.fails("it does not go on")
        self.assertEqual(storage().prepare().position, 105)

    def test_draftCantBeWritten(self) -> None:
        makeMember(105, "old")
        self.broker.newestSnapshot = SNAPSHOT
        self.start()
        os.mkdir("chat.sqlite.fetched")
        self.broker.openStream(STREAM)
        self.fails("chat.sqlite.fetched")

    def test_damagedSnapshotIsPutBack(self) -> None:
        self.startBehind()
        path, fetched = self.broker.snapshotGets.pop()
        Path(path).write_bytes(b"no database" * 1000)
        fetched(None)
        self.fails("is not a")
        self.assertEqual(storage().prepare().position, 105)
        self.assertEqual(os.listdir("."), [DATABASE])

    def test_missingSnapshotIsPutBack(self) -> None:
        self.startBehind()
        self.broker.snapshotGets.pop()[1](None)
        self.fails("chat.sqlite.fetched")
        self.assertEqual(storage().prepare().position, 105)

    def test_staleSnapshotIsFollowedByANewer(self) -> None:
        self.broker.newestSnapshot = replace(SNAPSHOT, position=112)
        procedure = self.start()
        self.broker.openStream(STREAM)
        self.broker.newestSnapshot = SNAPSHOT
        self.fetch("old", 109)
        self.fetch("new")
        self.assertEqual((procedure.firstSequence, list(procedure.state.rooms)), (46, ["new"]))

    def test_wrongPositionIsNotFetchedAgain(self) -> None:
        self.broker.newestSnapshot = SNAPSHOT
        self.start()
        self.broker.openStream(STREAM)
        self.fetch("old", 105)
        self.assertEqual(self.broker.snapshotGets, [])
        self.fails("does not reach as far as it says")

    def test_reasonsAreOneLine(self) -> None:
        makeMember(130, "tea")
        for stream, words in (
            (replace(STREAM, last=29), "the engine has lost what it had"),
            (replace(STREAM, identity=replace(IDENTITY, epoch="x")), "belongs to another stream"),
            (replace(STREAM, first=32), "longer than the stream keeps"),
        ):
            self.failures.clear()
            self.start()
            self.broker.openStream(stream)
            self.fails(words)

    def test_ownChat(self) -> None:
        makeHistory()
        self.broker.newestSnapshot = SNAPSHOT
        self.start()
        self.broker.openStream(replace(STREAM, identity=replace(IDENTITY, log="other")))
        self.fails("a chat of its own")

    def test_checkpointOfAnotherVersion(self) -> None:
        made = storage()
        made.prepare()
        made.bind("epoch", "log", bytes(32), 130, ['["checkpoint",99,0]'])
        self.start()
        self.broker.openStream(STREAM)
        self.fails("a checkpoint of version")

    def test_cantBind(self) -> None:
        procedure = self.start()

        def refuse(*arguments: object) -> None:
            raise StorageError("chat.sqlite: no disk")

        self.patch(procedure._storage, "bind", refuse)
        self.broker.openStream(StreamState(replace(IDENTITY, baseSequence=0), 1, 5))
        self.fails("no disk")

    def test_streamCantBeUsed(self) -> None:
        self.start()
        assert self.broker.onFailed is not None
        self.broker.onFailed("it is not ours")
        self.fails("it is not ours")

    def test_nothingHappensAfterStop(self) -> None:
        makeMember(105, "old")
        self.broker.newestSnapshot, self.broker.delaySnapshots = SNAPSHOT, True
        procedure = self.start()
        procedure.stop()
        self.broker.openStream(STREAM)
        self.assertEqual(self.broker.snapshotRequests, [])
        assert self.broker.onFailed is not None
        self.broker.onFailed("x")
        procedure = self.start()
        self.broker.openStream(STREAM)
        procedure.stop()
        self.broker.snapshotRequests.pop()(SNAPSHOT)
        self.assertEqual(self.broker.snapshotGets, [])
        self.broker.delaySnapshots = False
        procedure = self.start()
        self.broker.openStream(STREAM)
        procedure.stop()
        self.fetch("new")
        self.assertEqual(storage().prepare().position, 105)
        self.assertEqual((self.joined, self.failures), ([], []))
