"""
How a starting node gets the state of the other nodes before it reads messages:
L{tsservices.cluster.join_decision} decides, and this module changes the database accordingly.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import ClassVar

from twisted.logger import Logger

from tsservices.chat.snapshot import load, save
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
from tsservices.cluster.node import NodeConfig

#: The suffixes of the files of a database.  The database itself is the last: a crash in between
#: leaves a log without a database, never a database with the log of another one.
_DATABASE_SUFFIXES = ("-wal", "-shm", "")


class JoinProcedure:
    """
    The join of a node, from its own database or from a snapshot in its place.

    @ivar loaded: the state in the node's database.
    @ivar state: the state to continue from, once the node has joined.
    @ivar firstSequence: the number of the first message that is not in C{state}.
    @ivar needsSnapshot: whether a new node could not join, because there is no usable snapshot.
    """

    _log: ClassVar[Logger] = Logger("tsservices")
    state: ChatState
    firstSequence = 0
    needsSnapshot = False

    def __init__(
        self,
        config: NodeConfig,
        storage: Storage,
        broker: Broker,
        path: str,
        onFailure: Callable[[str], object],
    ) -> None:
        """
        @param path: the path of the database.
        @raise StorageError: the database can't be used.
        """
        self._config = config
        self._storage = storage
        self._broker = broker
        self._path = path
        self._onFailure = onFailure
        self._lastSnapshot: SnapshotInfo | None = None
        self._onJoined: Callable[[StreamState], object] | None = None
        self.loaded = storage.prepare()

    def start(self, epoch: str, joined: Callable[[StreamState], object]) -> None:
        """@param epoch: the epoch of the stream, if this node creates it."""
        self._onJoined = joined
        loaded = self.loaded
        identity = None
        if not loaded.epoch:
            # A node that belongs to a stream must not create another one in its place.
            identity = ClusterIdentity(epoch, loaded.log, loaded.position, loaded.secret)
        self._broker.open(identity, self._streamOpened, self._fail)

    def stop(self) -> None:
        """Ignore all results from now on."""
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
            not (loaded.position or loaded.rooms or loaded.records),
        )
        try:
            method, self.firstSequence = decideJoin(own, stream, snapshot)
            if method is JoinMethod.SNAPSHOT:
                self._getSnapshot(snapshot)
                return
            if method is JoinMethod.BIND:
                self._bind(stream.identity)
            self.state = load(self._config.limits, self.loaded.checkpoint)
        except (BrokerError, StorageError, OSError, ValueError) as error:
            self._fail(str(error))
            return
        self.needsSnapshot = not isUsable(snapshot, stream) and (
            stream.first > 1 or stream.identity.baseSequence > 0
        )
        joined(stream)

    def _bind(self, identity: ClusterIdentity) -> None:
        loaded, config = self.loaded, self._config
        # The messages of the stream are applied to this checkpoint, also again after a crash.
        checkpoint = save(ChatState(config.limits, loaded.rooms, loaded.records, config.operators))
        self._storage.bind(
            identity.epoch, identity.log, identity.cloakKey, identity.baseSequence, checkpoint
        )
        self.loaded = self._storage.prepare()

    def _getSnapshot(self, snapshot: SnapshotInfo | None) -> None:
        if snapshot == self._lastSnapshot:
            # Without this the node would fetch the snapshot again and again.
            raise BrokerError(
                "the snapshot does not reach as far as it says; take a backup of another node"
                " for chat.sqlite"
            )
        self._lastSnapshot = snapshot
        draft = f"{self._path}.fetched"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        self._log.info("node {node} gets a snapshot", node=self._config.name)
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
        self._log.info("node {node} begins from a snapshot", node=self._config.name)
        # Meanwhile the stream has grown, and there may be a newer snapshot: decide again.
        self._broker.open(None, self._streamOpened, self._fail)

    def _replaceDatabase(self, draft: str) -> StoredState:
        path = self._path
        before = f"{path}.before"
        # SQLite would apply the log of the old database to the new one.
        _move(path, before, _DATABASE_SUFFIXES)
        try:
            os.replace(draft, path)
            return self._storage.prepare()
        except (StorageError, OSError):
            _move(before, path, reversed(_DATABASE_SUFFIXES))
            raise


def _move(source: str, target: str, suffixes: Iterable[str]) -> None:
    for suffix in suffixes:
        try:
            os.replace(f"{source}{suffix}", f"{target}{suffix}")
        except FileNotFoundError:
            # A file that an earlier move has left there belongs to another database.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{target}{suffix}")
