"""
How a node gets to what all nodes of its cluster have, before it takes part.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import ClassVar

from twisted.logger import Logger

from tsservices.chat import snapshot as checkpoint
from tsservices.chat.state import ChatState
from tsservices.chat.storage import Storage, StorageError, StoredState
from tsservices.cluster.broker import (
    Broker,
    BrokerError,
    ClusterIdentity,
    SnapshotInfo,
    StreamState,
)
from tsservices.cluster.join_decision import JoinMethod, LocalState, decideJoin, isUsable
from tsservices.common.limits import Limits

#: What follows the path of a database in the names of its files, itself the last.
_DATABASE_SUFFIXES = ("-wal", "-shm", "")


class JoinProcedure:
    """
    Goes on from a node's own database, or from a snapshot in its place.

    @ivar loaded: what the node has.
    @ivar state: the state to go on from, when that is known.
    @ivar firstSequence: of the first message that is not in it.
    @ivar needsSnapshot: a new node could not join, for want of a snapshot.
    """

    _log: ClassVar[Logger] = Logger("tsservices")
    state: ChatState
    firstSequence = 0
    needsSnapshot = False

    def __init__(
        self,
        node: str,
        storage: Storage,
        broker: Broker,
        path: str,
        limits: Limits,
        operators: frozenset[str],
        failed: Callable[[str], object],
    ) -> None:
        """@raise JournalError: the journal can't be used."""
        self._node = node
        self._storage = storage
        self._broker = broker
        self._path = path
        self._limits = limits
        self._operators = operators
        self._onFailure = failed
        self._lastSnapshot: SnapshotInfo | None = None
        self._onJoined: Callable[[StreamState], object] | None = None
        self.loaded = storage.prepare()

    def start(self, epoch: str, joined: Callable[[StreamState], object]) -> None:
        self._onJoined = joined
        loaded = self.loaded
        founding = None
        if not loaded.epoch:
            # Who belongs to a stream already makes no other one in its place.
            founding = ClusterIdentity(epoch, loaded.log, loaded.position, loaded.secret)
        self._broker.open(founding, self._streamOpened, self._fail)

    def stop(self) -> None:
        """Have nothing more come of it."""
        self._onJoined = None

    def _fail(self, reason: str) -> None:
        if self._onJoined is not None:
            self._onJoined = None
            self._onFailure(reason)

    def _streamOpened(self, stream: StreamState) -> None:
        if self._onJoined is not None:
            self._broker.latestSnapshot(lambda snapshot: self._snapshotKnown(stream, snapshot))

    def _snapshotKnown(self, stream: StreamState, snapshot: SnapshotInfo | None) -> None:
        joined = self._onJoined
        if joined is None:
            return
        loaded = self.loaded
        own = LocalState(
            loaded.epoch,
            loaded.log,
            loaded.position,
            loaded.checkpointPosition,
            not (loaded.position or loaded.records or loaded.kept),
        )
        try:
            way, self.firstSequence = decideJoin(own, stream, snapshot)
            if way is JoinMethod.SNAPSHOT:
                self._getSnapshot(snapshot)
                return
            if way is JoinMethod.BIND:
                self._bind(stream.identity)
            self.state = checkpoint.load(self._limits, self.loaded.checkpoint)
        except (BrokerError, StorageError, OSError, ValueError) as error:
            self._fail(str(error))
            return
        self.needsSnapshot = not isUsable(snapshot, stream) and (
            stream.first > 1 or stream.identity.baseSequence > 0
        )
        joined(stream)

    def _bind(self, founding: ClusterIdentity) -> None:
        """Make the journal a part of the cluster."""
        loaded = self.loaded
        # What comes next is applied to this, also when it has to be done again.
        rows = checkpoint.save(
            ChatState(self._limits, loaded.records, loaded.kept, self._operators)
        )
        self._storage.bind(
            founding.epoch, founding.log, founding.cloakKey, founding.baseSequence, rows
        )
        self.loaded = self._storage.prepare()

    def _getSnapshot(self, snapshot: SnapshotInfo | None) -> None:
        """Get the snapshot in place of what this node has."""
        if snapshot == self._lastSnapshot:
            raise BrokerError(
                "the snapshot does not reach as far as it says; take a backup of another node"
                " for chat.sqlite"
            )
        self._lastSnapshot = snapshot
        draft = f"{self._path}.fetched"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        self._log.info("node {node} gets a snapshot", node=self._node)
        self._broker.getSnapshot(draft, lambda reason: self._snapshotFetched(draft, reason))

    def _snapshotFetched(self, draft: str, reason: str | None) -> None:
        if self._onJoined is None:
            return
        try:
            if reason is not None:
                raise BrokerError(reason)
            self.loaded = self._replaceDatabase(draft)
        except (BrokerError, StorageError, OSError) as error:
            self._fail(str(error))
            return
        self._log.info("node {node} begins from a snapshot", node=self._node)
        # Meanwhile the stream has gone on, and there may be a newer snapshot.
        self._broker.open(None, self._streamOpened, self._fail)

    def _replaceDatabase(self, draft: str) -> StoredState:
        path = self._path
        before = f"{path}.before"
        # A log of the old database beside the new one would be applied to that.
        _move(path, before, _DATABASE_SUFFIXES)
        try:
            os.replace(draft, path)
            return self._storage.prepare()
        except (StorageError, OSError):
            _move(before, path, reversed(_DATABASE_SUFFIXES))
            raise


def _move(source: str, target: str, parts: Iterable[str]) -> None:
    for part in parts:
        try:
            os.replace(f"{source}{part}", f"{target}{part}")
        except FileNotFoundError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{target}{part}")
