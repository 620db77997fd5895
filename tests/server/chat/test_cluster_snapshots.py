"""Tests for L{tsservices.server.chat.cluster_snapshots}."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.broker import ScriptedBroker
from tests.support.logs import gather
from tsservices.cluster.apply import SNAPSHOT_SECONDS
from tsservices.cluster.broker import SnapshotInfo
from tsservices.server.chat.cluster_snapshots import SNAPSHOT_RETRY_SECONDS, SnapshotScheduler
from tsservices.storage.memory import MemoryStorage

#: Where a copy is for the time between.
FILE = "chat.sqlite.snapshot"


class CopyingStorage(MemoryStorage):
    def __init__(self) -> None:
        super().__init__("log")
        self.copies: list[Callable[[str | None], None]] = []

    def copy(self, path: str, copied: Callable[[str | None], None]) -> None:
        assert path == FILE
        assert not any(name.startswith(FILE) for name in os.listdir())
        self.copies.append(copied)

    def make(self, content: bytes = b"copy") -> None:
        Path(FILE).write_bytes(content)
        self.copies.pop()(None)


class SnapshotSchedulerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.storage = CopyingStorage()
        self.broker = ScriptedBroker()
        self.logged = gather(self)
        self.snapshots = self.make(False)

    def make(self, urgent: bool) -> SnapshotScheduler:
        return SnapshotScheduler(
            self.storage, self.broker, FILE, "epoch", urgent, self.clock.seconds
        )

    def assertNoFile(self) -> None:
        self.assertEqual(os.listdir(), [])

    def test_everyHour(self) -> None:
        self.clock.advance(SNAPSHOT_SECONDS - 0.1)
        self.snapshots.tick(5)
        self.assertEqual(self.storage.copies, [])
        self.clock.advance(0.1)
        self.snapshots.tick(5)
        self.storage.make()
        ((snapshot, path, offered),) = self.broker.snapshotPuts
        self.assertEqual((snapshot, path), (SnapshotInfo("epoch", 5, 4), FILE))
        self.assertTrue(os.path.exists(FILE))
        self.clock.advance(100)
        offered(None)
        self.assertNoFile()
        self.assertEqual(self.logged, ["a snapshot for other nodes was made"])
        self.clock.advance(SNAPSHOT_SECONDS - 0.1)
        self.snapshots.tick(6)
        self.assertEqual(self.storage.copies, [])
        self.clock.advance(0.1)
        self.snapshots.tick(6)
        self.assertEqual(len(self.storage.copies), 1)

    def test_urgentAtOnce(self) -> None:
        snapshots = self.make(True)
        snapshots.tick(0)
        self.assertEqual(self.storage.copies, [])
        snapshots.tick(7)
        self.storage.make()
        ((snapshot, _, offered),) = self.broker.snapshotPuts
        self.assertEqual(snapshot.position, 7)
        offered(None)
        snapshots.tick(8)
        self.assertEqual(self.storage.copies, [])

    def test_oneAtATime(self) -> None:
        snapshots = self.make(True)
        snapshots.tick(7)
        self.clock.advance(2 * SNAPSHOT_SECONDS)
        snapshots.tick(8)
        self.assertEqual(len(self.storage.copies), 1)
        self.storage.make()
        self.clock.advance(2 * SNAPSHOT_SECONDS)
        snapshots.tick(9)
        self.assertEqual(self.storage.copies, [])
        self.assertEqual(len(self.broker.snapshotPuts), 1)

    def checkRetried(self, snapshots: SnapshotScheduler, reason: str) -> None:
        self.assertNoFile()
        (line,) = self.logged
        self.assertIn(reason, line)
        self.clock.advance(SNAPSHOT_RETRY_SECONDS - 0.1)
        snapshots.tick(8)
        self.assertEqual(self.storage.copies, [])
        self.clock.advance(0.1)
        snapshots.tick(8)
        self.storage.make()
        self.assertEqual(self.broker.snapshotPuts[-1][0].position, 8)

    def test_copyFails(self) -> None:
        snapshots = self.make(True)
        snapshots.tick(7)
        self.storage.copies.pop()("no room on the disk")
        self.checkRetried(snapshots, "no room on the disk")

    def test_copiedFileIsMissing(self) -> None:
        snapshots = self.make(True)
        snapshots.tick(7)
        self.storage.copies.pop()(None)
        self.assertEqual(self.broker.snapshotPuts, [])
        self.checkRetried(snapshots, "No such file")

    def test_brokerFails(self) -> None:
        snapshots = self.make(True)
        snapshots.tick(7)
        self.storage.make()
        self.broker.snapshotPuts.pop()[2]("no room there")
        self.checkRetried(snapshots, "no room there")

    def test_oldFileCantBeRemoved(self) -> None:
        snapshots = self.make(True)
        os.mkdir(FILE)
        snapshots.tick(7)
        self.assertEqual(self.storage.copies, [])
        os.rmdir(FILE)
        self.checkRetried(snapshots, FILE)

    def test_leftFilesAreRemoved(self) -> None:
        for name in (FILE, f"{FILE}.part"):
            Path(name).write_bytes(b"old")
        snapshots = self.make(True)
        snapshots.tick(7)
        self.storage.make()
        self.assertEqual(len(self.broker.snapshotPuts), 1)

    def test_stopLeavesNoFile(self) -> None:
        for made in (False, True):
            snapshots = self.make(True)
            snapshots.tick(7)
            if made:
                self.storage.make()
            snapshots.stop()
            self.assertNoFile()
            if not made:
                self.storage.make()
            self.assertNoFile()
            self.assertEqual(len(self.broker.snapshotPuts), made)
            self.clock.advance(2 * SNAPSHOT_SECONDS)
            snapshots.tick(8)
            self.assertEqual(self.storage.copies, [])
        self.assertEqual(self.logged, [])
