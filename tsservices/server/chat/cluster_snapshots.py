"""Snapshots: copies of this node's database, for nodes that are new or were away for long."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import ClassVar

from twisted.logger import Logger

from tsservices.chat.storage import Storage
from tsservices.cluster.apply import SNAPSHOT_SECONDS
from tsservices.cluster.broker import Broker, SnapshotInfo
from tsservices.storage.sqlite.backup import PART

#: Seconds between a failed attempt and the next one.
SNAPSHOT_RETRY_SECONDS = 60.0


class SnapshotScheduler:
    """
    Copies the database to a file, gives that to the broker, and removes it; one at a time.

    The caller of L{tick} decides which node makes snapshots.
    """

    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(
        self,
        storage: Storage,
        broker: Broker,
        path: str,
        epoch: str,
        urgent: bool,
        clock: Callable[[], float],
    ) -> None:
        """@param urgent: make the first snapshot at once, not after an hour."""
        self._storage = storage
        self._broker = broker
        self._path = path
        self._epoch = epoch
        self._clock = clock
        self._isRunning = False
        self._stopped = False
        self._dueAt = clock() + (0.0 if urgent else SNAPSHOT_SECONDS)

    def tick(self, position: int) -> None:
        """
        Make a snapshot if one is due.

        @param position: the position of the last checkpoint in the database, up to which the copy
            is certainly complete, though it may have more; 0: there is no checkpoint.
        """
        if self._isRunning or self._stopped or not position or self._clock() < self._dueAt:
            return
        self._isRunning = True
        try:
            self._removeFiles()
        except OSError as error:
            self._finished(str(error))
            return
        self._storage.copy(self._path, lambda trouble: self._copied(position, trouble))

    def stop(self) -> None:
        """Stop; a running snapshot never ends, because the broker has stopped."""
        self._stopped = True
        with contextlib.suppress(OSError):
            self._removeFiles()

    def _copied(self, position: int, trouble: str | None) -> None:
        if trouble is not None or self._stopped:
            self._finished(trouble)
            return
        try:
            size = os.stat(self._path).st_size
        except OSError as error:
            self._finished(str(error))
            return
        snapshot = SnapshotInfo(self._epoch, position, size)
        self._broker.putSnapshot(snapshot, self._path, self._finished)

    def _finished(self, trouble: str | None) -> None:
        self._isRunning = False
        with contextlib.suppress(OSError):
            self._removeFiles()
        if self._stopped:
            return
        if trouble is None:
            self._log.info("a snapshot for other nodes was made")
            self._dueAt = self._clock() + SNAPSHOT_SECONDS
        else:
            self._log.warn("there is no new snapshot for other nodes: {reason}", reason=trouble)
            self._dueAt = self._clock() + SNAPSHOT_RETRY_SECONDS

    def _removeFiles(self) -> None:
        # The copy, and an unfinished one.
        for path in (self._path, f"{self._path}{PART}"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
