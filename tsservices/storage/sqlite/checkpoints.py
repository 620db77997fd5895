"""
When the write-ahead log is copied to its database, and what is done when it does not get small.

Somebody who reads an old state of the database keeps the log from beginning again: then it grows
with all that is stored.  That can't be helped from here, but is told, and undone afterwards.
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Callable

from tsservices.common.counters import StorageCounters
from tsservices.storage.sqlite.threads import ThreadContext

#: Bytes, about, until the write-ahead log is copied to its database: as SQLite itself has it, some
#: milliseconds of work that the next transaction waits for.
CHECKPOINT_BYTES = 4_194_304

#: Bytes of a write-ahead log that is large.
LARGE_LOG_BYTES = 2 * CHECKPOINT_BYTES


class Checkpoints:
    """
    The checkpoints of one database, made by the thread that writes.

    @ivar shrinkAt: when a large log is cut; infinite: it is not large.
    @ivar _uncopied: bytes in the log that are not in the database, about.
    @ivar _warnedBytes: the size of which the operator was told.
    """

    def __init__(
        self,
        context: ThreadContext,
        counters: StorageCounters,
        noted: Callable[[str, bool], object],
    ) -> None:
        """@param noted: takes, in the reactor's thread, what the operator has to know."""
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
        """Begin, with the connection that writes; a killed process may have left a large log."""
        self._connection = connection
        if self._size() > LARGE_LOG_BYTES:
            self.shrinkAt = self._monotonic()

    def written(self, count: int) -> None:
        """So many bytes, about, were added to the log."""
        self._uncopied += count

    def look(self) -> None:
        """Look at the file, after work whose bytes nobody can tell."""
        # What the search index writes when it puts its parts together is many times what went in.
        # Not after each transaction: it lets go of the interpreter, and waits for it again.
        if self.shrinkAt == math.inf and self._size() > LARGE_LOG_BYTES:
            self._uncopied = CHECKPOINT_BYTES

    def run(self, cut: bool) -> None:
        """
        Make a checkpoint, if it is time for one.

        @param cut: the room of the log is needed.
        @raise sqlite3.Error: it can't be done.
        """
        # SQLite's automatic checkpoint runs inside of a COMMIT, and hides that it has failed.
        if self._uncopied < CHECKPOINT_BYTES and self._monotonic() < self.shrinkAt:
            return
        if cut or self._size() > LARGE_LOG_BYTES:
            # TRUNCATE gives the room of the log back, if there are no readers.  It would wait for
            # them, and new messages for it: it is tried again later instead.
            self._connection.execute("PRAGMA busy_timeout = 0")
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {int(self._pace.lock * 1000)}")
        else:
            # PASSIVE waits for nobody, and the log begins again in the room that it has.
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
            # A search of this server may have been in the way, which ends in a second.
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
