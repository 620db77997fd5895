"""
The thread that stores: it owns the one connection that writes.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from tsservices.chat.batch import Batch
from tsservices.chat.errors import NOT_STORED, ChatError
from tsservices.chat.storage import StorageListener
from tsservices.storage.sqlite.connection import (
    BUSY_SECONDS,
    TRANSACTION_LINES,
    Connect,
    explain,
    isFull,
    openToWrite,
)
from tsservices.storage.sqlite.disk import ReservedSpace
from tsservices.storage.sqlite.fulltext import INDEX_LAG, index, lag, prune
from tsservices.storage.sqlite.tables import pruneLetters, write

#: Seconds without a new line until the last ones go into the index of words, which what is said
#: meanwhile waits for.
INDEX_SECONDS = 0.2

#: Lines that go into the index of words in one transaction, if no more have to.
INDEX_LINES = 250

#: Old lines deleted in one transaction, which what is said meanwhile waits for.
PRUNED_LINES = 1000

#: Seconds between two looks for lines that are too old.
PRUNE_SECONDS = 60.0

#: Bytes, about, until the write-ahead log is copied to its database: as SQLite itself has it, some
#: milliseconds of work that the next transaction waits for.
CHECKPOINT_BYTES = 4_194_304

#: Seconds between two attempts to store while the disk is full.
FULL_SECONDS = 1.0

#: Seconds that a busy thread keeps the interpreter while the journal's writer wants it; with
#: Python's own 0.005 a transaction waits that long at each of its statements.
WRITER_SWITCH_SECONDS = 0.0005

#: Seconds that a journal has to store the last lines when the server stops.
JOURNAL_STOP_SECONDS = 5.0


_PRUNED_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Timings:
    """
    How long a journal waits, in seconds.

    @ivar full: between two attempts while the disk is full.
    @ivar prune: between two looks for old lines.
    @ivar index: without a new line until the last ones go into the index.
    @ivar busy: while another program keeps the database locked.
    @ivar stop: for the last lines.
    """

    full: float = FULL_SECONDS
    prune: float = PRUNE_SECONDS
    index: float = INDEX_SECONDS
    busy: float = BUSY_SECONDS
    stop: float = JOURNAL_STOP_SECONDS


class WriterThread:
    """
    Stores what it is given, as much at once as has come meanwhile.

    A full disk is waited for.  After any other error nothing is tried again: when an
    fsync has failed, the system may have forgotten what it could not write, and the
    next one would succeed without it.

    @ivar opened: whether the database is open, or never will be.
    """

    def __init__(
        self,
        path: str,
        ballast: ReservedSpace,
        keep: float | None,
        now: Callable[[], int],
        seconds: Callable[[], float],
        pace: Timings,
        connect: Connect,
        listener: StorageListener,
        callFromThread: Callable[..., object],
        ended: Callable[[], None],
    ) -> None:
        """
        @param keep: the seconds that lines are kept; L{None}: for ever.
        @param now: the time: nanoseconds since 1970, UTC.
        """
        self._path = path
        self._ballast = ballast
        self._keep = keep
        self._now = now
        self._seconds = seconds
        self._pace = pace
        self._connect = connect
        self._listener = listener
        self._call = callFromThread
        self._ended = ended
        self.opened = threading.Event()
        self._given: SimpleQueue[Batch | None] = SimpleQueue()
        self._pending: deque[Batch] = deque()
        self._ending = False
        self._short = False
        self._retryAt = 0.0
        self._pruneAt = 0.0
        self._indexAt = 0.0
        self._lag = 0
        self._stored = 0
        self._unmoved = 0
        self._refused = False

    def start(self) -> None:
        """Begin, in a thread of its own."""
        threading.Thread(target=self._run, name="journal writer", daemon=True).start()

    def give(self, batch: Batch) -> None:
        self._given.put(batch)

    def end(self) -> None:
        """Store what was given, then end."""
        self._given.put(None)

    def _run(self) -> None:
        """All that the thread does."""
        interval = sys.getswitchinterval()
        sys.setswitchinterval(WRITER_SWITCH_SECONDS)
        try:
            self._connection = openToWrite(self._path, self._connect, self._pace.busy)
            try:
                (epoch,) = self._connection.execute("SELECT epoch FROM meta").fetchone()
                if epoch:
                    # What is lost with the power comes again from the cluster, since the
                    # position in it is lost too; nothing is damaged.
                    self._connection.execute("PRAGMA synchronous = NORMAL")
                self.opened.set()
                self._ballast.load()
                self._lag = lag(self._connection)
                self._work()
            finally:
                self._connection.close()
        except Exception as error:
            # Whatever it was, nothing more will be stored, and somebody has to say so.
            self._call(self._listener.failed, explain(self._path, error))
        finally:
            sys.setswitchinterval(interval)
            self.opened.set()
            self._call(self._ended)

    def _work(self) -> None:
        """Store until the end."""
        while self._pending or not self._ending:
            self._collect()
            if self._short and self._seconds() < self._retryAt:
                continue
            self._refused = False
            for duty in (self._store, self._index, self._prune, self._checkpoint, self._recover):
                try:
                    duty()
                except sqlite3.Error as error:
                    if not isFull(error):
                        raise
                    self._full()

    def _collect(self) -> None:
        """Take what was given, and wait until there is something to do."""
        wait: float | None = None
        if self._short:
            wait = max(0.0, self._retryAt - self._seconds())
        elif self._pending:
            wait = 0.0
        else:
            due = [self._pruneAt] if self._keep is not None else []
            if self._lag > INDEX_LAG:
                due.append(0.0)
            elif self._lag:
                due.append(self._indexAt)
            if due:
                wait = max(0.0, min(due) - self._seconds())
        try:
            given = self._given.get(timeout=wait)
            while True:
                if given is None:
                    self._ending = True
                else:
                    self._pending.append(given)
                given = self._given.get_nowait()
        except Empty:
            pass

    def _store(self) -> None:
        """Store what there is, but not more than is good for one transaction."""
        self._stored = 0
        if not self._pending:
            return
        batches: list[Batch] = []
        lines = 0
        for batch in self._pending:
            if batches and lines + batch.lineCount > TRANSACTION_LINES:
                break
            lines += batch.lineCount
            batches.append(batch)
        self._unmoved += write(self._connection, batches)
        for _ in batches:
            self._pending.popleft()
        self._stored = lines
        self._lag += lines
        self._indexAt = self._seconds() + self._pace.index
        self._call(self._listener.stored, batches[-1].position)

    def _index(self) -> None:
        """
        Take lines into the index of words, when there is nothing better to do; when too
        many are missing there, then as many as were stored in this round at least.
        """
        if not self._lag or self._short:
            return
        most = INDEX_LINES
        if self._lag > INDEX_LAG:
            most = max(most, self._stored)
        elif self._pending or self._seconds() < self._indexAt:
            return
        self._unmoved += index(self._connection, most)
        self._lag = lag(self._connection)

    def _prune(self) -> None:
        """Delete old lines, when it is time for that."""
        if self._keep is None or self._seconds() < self._pruneAt:
            return
        before = self._now() - int(self._keep * 1e9)
        pruned = prune(self._connection, before, PRUNED_LINES)
        letters = pruneLetters(self._connection, before, PRUNED_LINES)
        if pruned:
            self._lag = lag(self._connection)
        more = PRUNED_LINES in (pruned, letters)
        self._pruneAt = self._seconds() + (0.0 if more else self._pace.prune)
        self._unmoved += (pruned + letters) * _PRUNED_BYTES

    def _checkpoint(self) -> None:
        """
        Copy the write-ahead log to the database, when there is enough of it.  What was
        stored is told before, and readers are not waited for; but while the disk is
        full the room that the log takes is given back, which has to wait for them.
        """
        if self._unmoved >= CHECKPOINT_BYTES:
            mode = "TRUNCATE" if self._short else "PASSIVE"
            self._connection.execute(f"PRAGMA wal_checkpoint({mode})")
            self._unmoved = 0

    def _full(self) -> None:
        """There is no room: keep what was given, and make some."""
        self._refused = True
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        if self._short:
            self._retryAt = self._seconds() + self._pace.full
            return
        self._short = True
        self._ballast.drop()
        self._retryAt = self._pruneAt = self._seconds()
        self._unmoved = CHECKPOINT_BYTES
        self._call(self._listener.troubled, ChatError(NOT_STORED, reason="the disk is full"))

    def _recover(self) -> None:
        """
        Find out whether there is room again: for what was tried in this round, and for
        the ballast.
        """
        if not self._short or self._refused:
            return
        if self._ballast.load():
            self._short = False
            self._call(self._listener.troubled, None)
        else:
            self._retryAt = self._seconds() + self._pace.full
