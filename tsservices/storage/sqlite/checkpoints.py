"""
Checkpoints: the write-ahead log is copied to its database, and shrunk when it has grown large.

A long read transaction on an old state of the database makes the log grow with every write.  The
server can't prevent that: it warns the operator, and shrinks the log afterwards.
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Callable

from tsservices.common.counters import StorageCounters
from tsservices.storage.sqlite.threads import ThreadContext

#: Approximate bytes in the write-ahead log at which it is copied to its database: SQLite's default,
#: a few milliseconds of work that the next transaction waits for.
CHECKPOINT_BYTES = 4_194_304

#: Bytes above which a write-ahead log is large.
LARGE_LOG_BYTES = 2 * CHECKPOINT_BYTES


class Checkpoints:
    """
    The checkpoints of one database, made by the writer thread.

    @ivar shrinkAt: when a large log is truncated; infinite: the log is not large.
    @ivar _uncopied: approximate bytes in the log that are not in the database.
    @ivar _warnedBytes: the size of the log in the last warning to the operator.
    """

    def __init__(
        self,
        context: ThreadContext,
        counters: StorageCounters,
        noted: Callable[[str, bool], object],
    ) -> None:
        """@param noted: gets messages for the operator, in the reactor's thread."""
        self._path = f"{context.path}-wal"
        self._call = context.callFromThread
        self._monotonic = context.config.monotonic
        self._pace = context.config.pace
        self._counters = counters
        self._noted = noted
        self.shrinkAt = math.inf
        self._uncopied = 0
        self._warnedBytes = 0

    def open(self, connection: sqlite3.Connection) -> None:
        """Begin with the writer's connection; a killed process may have left a large log."""
        self._connection = connection
        if self._size() > LARGE_LOG_BYTES:
            self.shrinkAt = self._monotonic()

    def addWritten(self, count: int) -> None:
        """Count bytes, approximately, that were added to the log."""
        self._uncopied += count

    def checkSize(self) -> None:
        """Check the size of the file, after work that wrote an unknown number of bytes."""
        # When the search index merges its segments, it writes many times its input.  Not called
        # after each transaction, because it releases the interpreter lock and waits to get it back.
        if self.shrinkAt == math.inf and self._size() > LARGE_LOG_BYTES:
            self._uncopied = CHECKPOINT_BYTES

    def run(self, cut: bool) -> None:
        """
        Make a checkpoint if one is due.

        @param cut: truncate the log, because its disk space is needed.
        @raise sqlite3.Error: a statement failed.
        """
        # SQLite's automatic checkpoint runs inside a COMMIT, and hides its failure.
        if self._uncopied < CHECKPOINT_BYTES and self._monotonic() < self.shrinkAt:
            return
        if cut or self._size() > LARGE_LOG_BYTES:
            # TRUNCATE frees the disk space of the log if there are no readers.  It does not wait
            # for readers, because new messages would wait too: it is tried again later.
            self._connection.execute("PRAGMA busy_timeout = 0")
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {int(self._pace.lock * 1000)}")
        else:
            # PASSIVE waits for no reader; the file keeps its size and is written from its start.
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self._uncopied = 0
        self._watch()

    def _watch(self) -> None:
        size, now = self._size(), self._monotonic()
        self._counters.logBytes = size
        if size <= LARGE_LOG_BYTES:
            self.shrinkAt = math.inf
            if self._warnedBytes:
                self._warnedBytes = 0
                self._call(self._noted, f"{self._path} is small again", False)
        elif self.shrinkAt == math.inf:
            # The reader may have been a search of this server, which ends within a second.
            self.shrinkAt = now + self._pace.shrink
        elif now >= self.shrinkAt:
            self.shrinkAt = now + self._pace.shrink
            if size >= 2 * self._warnedBytes:
                self._warnedBytes = size
                text = (
                    f"{self._path} has {size / 1e6:.0f} MB and grows: another program, or a backup,"
                    " has been reading the database for a while; it shrinks when that ends"
                )
                self._call(self._noted, text, False)

    def _size(self) -> int:
        try:
            return os.stat(self._path).st_size
        except OSError:
            return 0
