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
from tsservices.cluster.join_decision import JoinMethod, LocalState, join, serves
from tsservices.common.limits import Limits

#: What follows the path of a database in the names of its files, itself the last.
_BESIDE = ("-wal", "-shm", "")


class JoinProcedure:
    """
    Goes on from a node's own database, or from a snapshot in its place.

    @ivar loaded: what the node has.
    @ivar state: the state to go on from, when that is known.
    @ivar number: of the first message that is not in it.
    @ivar unserved: a new node could not join, for want of a snapshot.
    """

    _log: ClassVar[Logger] = Logger("tsservices")
    state: ChatState
    number = 0
    unserved = False

    def __init__(
        self,
        node: str,
        journal: Storage,
        engine: Broker,
        path: str,
        limits: Limits,
        operators: frozenset[str],
        failed: Callable[[str], object],
    ) -> None:
        """@raise JournalError: the journal can't be used."""
        self._node = node
        self._journal = journal
        self._engine = engine
        self._path = path
        self._limits = limits
        self._operators = operators
        self._failed = failed
        self._fetched: SnapshotInfo | None = None
        self._joined: Callable[[StreamState], object] | None = None
        self.loaded = journal.prepare()

    def begin(self, epoch: str, joined: Callable[[StreamState], object]) -> None:
        self._joined = joined
        loaded = self.loaded
        founding = None
        if not loaded.epoch:
            # Who belongs to a stream already makes no other one in its place.
            founding = ClusterIdentity(epoch, loaded.log, loaded.position, loaded.secret)
        self._engine.open(founding, self._look, self._fail)

    def stop(self) -> None:
        """Have nothing more come of it."""
        self._joined = None

    def _fail(self, reason: str) -> None:
        if self._joined is not None:
            self._joined = None
            self._failed(reason)

    def _look(self, stream: StreamState) -> None:
        if self._joined is not None:
            self._engine.snapshot(lambda snapshot: self._join(stream, snapshot))

    def _join(self, stream: StreamState, snapshot: SnapshotInfo | None) -> None:
        joined = self._joined
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
            way, self.number = join(own, stream, snapshot)
            if way is JoinMethod.FETCH:
                self._fetch(snapshot)
                return
            if way is JoinMethod.BIND:
                self._bind(stream.founding)
            self.state = checkpoint.load(self._limits, self.loaded.checkpoint)
        except (BrokerError, StorageError, OSError, ValueError) as error:
            self._fail(str(error))
            return
        self.unserved = not serves(snapshot, stream) and (
            stream.first > 1 or stream.founding.baseSequence > 0
        )
        joined(stream)

    def _bind(self, founding: ClusterIdentity) -> None:
        """Make the journal a part of the cluster."""
        loaded = self.loaded
        # What comes next is applied to this, also when it has to be done again.
        rows = checkpoint.save(
            ChatState(self._limits, loaded.rooms, loaded.records, self._operators)
        )
        self._journal.bind(
            founding.epoch, founding.log, founding.cloakKey, founding.baseSequence, rows
        )
        self.loaded = self._journal.prepare()

    def _fetch(self, snapshot: SnapshotInfo | None) -> None:
        """Get the snapshot in place of what this node has."""
        if snapshot == self._fetched:
            raise BrokerError(
                "the snapshot does not reach as far as it says; take a backup of another node"
                " for chat.sqlite"
            )
        self._fetched = snapshot
        draft = f"{self._path}.fetched"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        self._log.info("node {node} gets a snapshot", node=self._node)
        self._engine.getSnapshot(draft, lambda reason: self._came(draft, reason))

    def _came(self, draft: str, reason: str | None) -> None:
        if self._joined is None:
            return
        try:
            if reason is not None:
                raise BrokerError(reason)
            self.loaded = self._replace(draft)
        except (BrokerError, StorageError, OSError) as error:
            self._fail(str(error))
            return
        self._log.info("node {node} begins from a snapshot", node=self._node)
        # Meanwhile the stream has gone on, and there may be a newer snapshot.
        self._engine.open(None, self._look, self._fail)

    def _replace(self, draft: str) -> StoredState:
        path = self._path
        before = f"{path}.before"
        # A log of the old database beside the new one would be applied to that.
        _move(path, before, _BESIDE)
        try:
            os.replace(draft, path)
            return self._journal.prepare()
        except (StorageError, OSError):
            _move(before, path, reversed(_BESIDE))
            raise


def _move(source: str, target: str, parts: Iterable[str]) -> None:
    for part in parts:
        try:
            os.replace(f"{source}{part}", f"{target}{part}")
        except FileNotFoundError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{target}{part}")
