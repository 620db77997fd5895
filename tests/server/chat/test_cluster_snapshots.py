"""
Tests for L{tsservices.server.chat.cluster_snapshots}.
"""

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


class Copied(MemoryStorage):
    """A journal whose copies are made by the test."""

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


class SnapshotsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.journal = Copied()
        self.engine = ScriptedBroker()
        self.logged = gather(self)
        self.snapshots = self.make(False)

    def make(self, urgent: bool) -> SnapshotScheduler:
        return SnapshotScheduler(
            self.journal, self.engine, FILE, "epoch", urgent, self.clock.seconds
        )

    def assertNoFile(self) -> None:
        self.assertEqual(os.listdir(), [])

    def test_due(self) -> None:
        """An hour after the start, and each hour after the last one was made."""
        self.clock.advance(SNAPSHOT_SECONDS - 0.1)
        self.snapshots.tick(5)
        self.assertEqual(self.journal.copies, [])
        self.clock.advance(0.1)
        self.snapshots.tick(5)
        self.journal.make()
        ((snapshot, path, offered),) = self.engine.snapshotPuts
        self.assertEqual((snapshot, path), (SnapshotInfo("epoch", 5, 4), FILE))
        self.assertTrue(os.path.exists(FILE))
        self.clock.advance(100)
        offered(None)
        self.assertNoFile()
        self.assertEqual(self.logged, ["a snapshot for other nodes was made"])
        self.clock.advance(SNAPSHOT_SECONDS - 0.1)
        self.snapshots.tick(6)
        self.assertEqual(self.journal.copies, [])
        self.clock.advance(0.1)
        self.snapshots.tick(6)
        self.assertEqual(len(self.journal.copies), 1)

    def test_urgent(self) -> None:
        """Where nobody could join without it, one is made as soon as there is a state."""
        snapshots = self.make(True)
        snapshots.tick(0)
        self.assertEqual(self.journal.copies, [])
        snapshots.tick(7)
        self.journal.make()
        ((snapshot, _, offered),) = self.engine.snapshotPuts
        self.assertEqual(snapshot.position, 7)
        offered(None)
        snapshots.tick(8)
        self.assertEqual(self.journal.copies, [])

    def test_oneAtATime(self) -> None:
        """The next one waits for the end of the last, of its copy as well as of its journey."""
        snapshots = self.make(True)
        snapshots.tick(7)
        self.clock.advance(2 * SNAPSHOT_SECONDS)
        snapshots.tick(8)
        self.assertEqual(len(self.journal.copies), 1)
        self.journal.make()
        self.clock.advance(2 * SNAPSHOT_SECONDS)
        snapshots.tick(9)
        self.assertEqual(self.journal.copies, [])
        self.assertEqual(len(self.engine.snapshotPuts), 1)

    def again(self, snapshots: SnapshotScheduler, reason: str) -> None:
        """See that one failed, left nothing behind, and is tried again."""
        self.assertNoFile()
        (line,) = self.logged
        self.assertIn(reason, line)
        self.clock.advance(SNAPSHOT_RETRY_SECONDS - 0.1)
        snapshots.tick(8)
        self.assertEqual(self.journal.copies, [])
        self.clock.advance(0.1)
        snapshots.tick(8)
        self.journal.make()
        self.assertEqual(self.engine.snapshotPuts[-1][0].position, 8)

    def test_copyFails(self) -> None:
        """There is no copy."""
        snapshots = self.make(True)
        snapshots.tick(7)
        self.journal.copies.pop()("no room on the disk")
        self.again(snapshots, "no room on the disk")

    def test_noFile(self) -> None:
        """The copy is there, but its file is not."""
        snapshots = self.make(True)
        snapshots.tick(7)
        self.journal.copies.pop()(None)
        self.assertEqual(self.engine.snapshotPuts, [])
        self.again(snapshots, "No such file")

    def test_offerFails(self) -> None:
        """The engine does not take it."""
        snapshots = self.make(True)
        snapshots.tick(7)
        self.journal.make()
        self.engine.snapshotPuts.pop()[2]("no room there")
        self.again(snapshots, "no room there")

    def test_inTheWay(self) -> None:
        """What can't be removed is in the way of a copy."""
        snapshots = self.make(True)
        os.mkdir(FILE)
        snapshots.tick(7)
        self.assertEqual(self.journal.copies, [])
        os.rmdir(FILE)
        self.again(snapshots, FILE)

    def test_leftOver(self) -> None:
        """What a run before has left, whole or not, is removed first."""
        for name in (FILE, f"{FILE}.part"):
            Path(name).write_bytes(b"old")
        snapshots = self.make(True)
        snapshots.tick(7)
        self.journal.make()
        self.assertEqual(len(self.engine.snapshotPuts), 1)

    def test_stop(self) -> None:
        """Nothing is left behind, wherever it was; and no other is begun."""
        for made in (False, True):
            snapshots = self.make(True)
            snapshots.tick(7)
            if made:
                self.journal.make()
            snapshots.stop()
            self.assertNoFile()
            if not made:
                self.journal.make()
            self.assertNoFile()
            self.assertEqual(len(self.engine.snapshotPuts), made)
            self.clock.advance(2 * SNAPSHOT_SECONDS)
            snapshots.tick(8)
            self.assertEqual(self.journal.copies, [])
        self.assertEqual(self.logged, [])
