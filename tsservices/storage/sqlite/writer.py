"""
The writer thread, which owns the only connection that writes.

No message is shown before it is stored, so each message waits for this thread, and on a machine
with few cores this thread waits for the reactor.  Four things keep both waits short.

Group commit.  The cost is not the rows but the commit and its fsync: a transaction of one line
takes 180 to 290 µs of the processor, and some milliseconds on a slow disk.  No timer collects
messages: each transaction takes all batches that arrived during the one before.  A single message
waits for nothing, and under load the transactions grow by themselves.

Few statements.  Each step of a statement releases the interpreter lock and takes it again.  Beside
a busy reactor each of these is a wait: C{executemany} with 512 rows took 730 ms, and with the
search index 1.6 to 2.9 s.  The same rows as one JSON text, which SQLite itself parses
(C{INSERT .. SELECT FROM json_each(?)}), took 18 ms, and 25 to 29 ms.  A few statements with many
rows each are faster than JSON, so a small transaction uses these instead.

A short switch interval.  The remaining statements still wait for the interpreter lock, by default
up to 5 ms each.  With L{WRITER_SWITCH_SECONDS} the same transaction took 2.5 to 4.6 ms.  The
reactor pays with more switches, but only while this thread wants to run.

One order of duties.  New messages are first; the search index, retention and the checkpoint of the
write-ahead log run when they are due, in steps that a new message can wait for.

Errors.  After a full disk or another program's lock the thread tries again: batches stay in the
queue until their transaction has ended.  On a full disk the ballast file is deleted, which makes
room to delete old messages.  After a permanent error nothing is tried again.  When an fsync has
failed, the system may have dropped the pages that it could not write: the next fsync would succeed
without them, and a message would be shown that is not on the disk.
"""

from __future__ import annotations

import math
import sqlite3
import sys
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue

from tsservices.chat.batch import Batch
from tsservices.chat.errors import NOT_STORED, ChatError
from tsservices.chat.storage import StorageListener
from tsservices.common.counters import StorageCounters
from tsservices.common.ratelimit import CLOCK_STEP
from tsservices.common.timestamps import NANOSECONDS
from tsservices.storage.sqlite.checkpoints import CHECKPOINT_BYTES, Checkpoints
from tsservices.storage.sqlite.connection import (
    DISK_FULL,
    LOCKED,
    TRANSACTION_LINES,
    OpenFiles,
    explain,
    isDamage,
    isIndexDamage,
    openToWrite,
    passingReason,
)
from tsservices.storage.sqlite.disk import ReservedSpace
from tsservices.storage.sqlite.fulltext import (
    INDEX_LAG,
    MERGED_PAGES,
    index,
    lag,
    merge,
    remake,
)
from tsservices.storage.sqlite.mark import PositionMark
from tsservices.storage.sqlite.meta import PAGE_BYTES
from tsservices.storage.sqlite.retention import deleteOld
from tsservices.storage.sqlite.threads import ThreadContext
from tsservices.storage.sqlite.transaction import Transactions

#: Messages added to the search index in one transaction, unless its lag is too large.
INDEX_LINES = 250

#: The same, when the lag is too large and new messages arrive without a pause: a transaction of
#: 2000 took 6.6 µs for each, one of 160 took 9.6 to 12.  The larger one takes no longer than a
#: small one may take when the index merges segments (13 ms).
BULK_INDEX_LINES = 2000

#: Old messages deleted in one transaction: new messages wait for it.
PRUNED_LINES = 1000

#: Seconds between two checks of the database's files while messages are stored: each check releases
#: the interpreter lock, and a busy writer has a transaction every three milliseconds.
FILE_CHECK_SECONDS = 0.02

#: Seconds that a busy thread keeps the interpreter lock while the writer waits for it; with
#: Python's default, 0.005, a transaction waits that long at each of its statements.
WRITER_SWITCH_SECONDS = 0.0005

#: How many times longer an old message stays in the file of the index than a deleted message.
_PRUNED_MERGE = 60

#: Approximate bytes in the write-ahead log for a message that is deleted.
_PRUNED_BYTES = 1024


class WriterThread:
    """
    Stores batches, and reports to a listener in the reactor's thread.

    Other threads may call only L{give} and L{end}.

    @ivar _pending: batches whose transaction has not ended.
    @ivar _trouble: why nothing can be stored; empty: no problem is known.
    @ivar _refused: a duty of this round has failed.
    @ivar lag: the approximate number of messages not in the search index; read by other threads.
    @ivar indexDamaged: a search found damage in the index; set by other threads.
    @ivar _mergeAt: the time of the next step of merging the index.
    @ivar _merging: a merge has begun and needs more steps.
    @ivar _wordsRemoved: words were removed from the index since the merge began.
    @ivar _stored: the number of messages stored in this round.
    @ivar _remade: the search index was rebuilt in this run because of damage.
    @ivar _checkFilesAt: the time of the next check that the files are those that were opened.
    @ivar _log: the incarnation of the order; empty in a cluster.
    @ivar _position: the position of the last stored batch.
    @ivar _clockOffset: wall clock minus monotonic clock, in seconds, at the last check.
    @ivar _trustedAt: the monotonic time from which the wall clock is trusted.
    """

    def __init__(
        self,
        context: ThreadContext,
        ballast: ReservedSpace,
        mark: PositionMark,
        keep: float | None,
        listener: StorageListener,
        counters: StorageCounters,
        ended: Callable[[], None],
    ) -> None:
        """@param keep: the seconds that messages are kept; L{None}: for ever."""
        self._context = context
        self._ballast = ballast
        self._mark = mark
        self._keep = keep
        self._listener = listener
        self._counters = counters
        self._ended = ended
        self._call = context.callFromThread
        self._monotonic = context.config.monotonic
        self._pace = context.config.pace
        self._queue: SimpleQueue[Batch | None] = SimpleQueue()
        self._pending: deque[Batch] = deque()
        self._ending = False
        self._trouble = ""
        self._retryAt = 0.0
        self._pruneAt = 0.0
        self._markAt = math.inf
        self._log = ""
        self._position = 0
        self._indexAt = 0.0
        self._indexing = True
        self.indexDamaged = False
        self._remade = False
        self._checkFilesAt = 0.0
        # After a start too: the last run may have ended before the merge.
        self._mergeAt = self._monotonic() + self._pace.merge
        self._merging = self._wordsRemoved = False
        self._checkpoints = Checkpoints(context, counters, listener.noted)
        self.lag = 0
        self._stored = 0
        self._refused = False
        self._clockOffset: float | None = None
        self._trustedAt = 0.0

    def start(self) -> None:
        self._context.start("journal writer", self._run)

    def give(self, batch: Batch) -> None:
        self._queue.put(batch)

    def end(self) -> None:
        """Store the batches received, then end."""
        self._queue.put(None)

    def _run(self) -> None:
        path, opened = self._context.path, self._context.opened
        interval = sys.getswitchinterval()
        sys.setswitchinterval(WRITER_SWITCH_SECONDS)
        try:
            if self._open():
                try:
                    opened.set()
                    self._ballast.load()
                    self._markPosition()
                    self._work()
                finally:
                    self._connection.close()
                self._markPosition()
        except Exception as error:
            # After any error here nothing more is stored, and the server has to stop.
            self._call(self._listener.failed, explain(path, error))
        finally:
            sys.setswitchinterval(interval)
            # The readers wait for this event, and have to end too.
            opened.set()
            self._call(self._ended)

    def _open(self) -> bool:
        # Returns whether the database is open; if not, the thread ends with nothing to store.
        path, config = self._context.path, self._context.config
        while self._pending or not self._ending:
            try:
                connection = openToWrite(path, config.connect, self._pace.lock)
                try:
                    epoch, log, position = connection.execute(
                        "SELECT epoch, log, position FROM meta"
                    ).fetchone()
                    if epoch:
                        # A cluster node need not wait for the disk.  Batches lost in a power
                        # failure come again from the cluster, because their position is lost with
                        # them, and in WAL mode nothing is damaged.
                        connection.execute("PRAGMA synchronous = NORMAL")
                    else:
                        self._log, self._position = log, position
                    self.lag = lag(connection)
                except BaseException:
                    connection.close()
                    raise
            except (sqlite3.Error, MemoryError) as error:
                if not self._postpone(error):
                    raise
                # Readers need not wait for the next attempt.
                self._context.opened.set()
                self._collect()
            else:
                self._connection = connection
                self._transactions = Transactions(connection)
                self._files = OpenFiles(path)
                self._checkpoints.open(connection)
                return True
        return False

    def _work(self) -> None:
        duties = (
            self._store,
            self._index,
            self._prune,
            self._merge,
            self._checkpoint,
            self._recover,
        )
        while self._pending or not self._ending:
            self._collect()
            if self._trouble and self._monotonic() < self._retryAt:
                continue
            self._refused = False
            for duty in duties:
                try:
                    duty()
                except (sqlite3.Error, MemoryError, ValueError) as error:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    if isIndexDamage(error) and self._remakeIndex():
                        break
                    if isDamage(error) and duty in (self._index, self._prune, self._merge):
                        self._giveUp(duty, error)
                    elif not self._postpone(error):
                        raise
                    if self._trouble and self._trouble != DISK_FULL:
                        break
                    # While the disk is full the other duties still run: one may free space.

    def _remakeIndex(self) -> bool:
        # Returns whether a new index was begun; its content comes from messages, which are not
        # damaged.  Only once in a run: repeated damage is not worth a minute of work each time.
        self.indexDamaged = False
        if self._remade:
            return False
        self._remade = True
        try:
            remake(self._connection)
        except sqlite3.Error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return False
        self.lag = lag(self._connection)
        text = f"the search index in {self._context.path} was damaged, and is made anew"
        self._call(self._listener.noted, text, True)
        return True

    def _giveUp(self, duty: Callable[[], None], error: Exception) -> None:
        # New messages can be stored without this duty.
        if duty in (self._index, self._merge):
            self._indexing = False
            what = "new lines are found by a search for as long as they are among the last ones"
        else:
            self._keep = None
            what = "old lines are not deleted any more"
        self._call(self._listener.noted, f"{explain(self._context.path, error)}; {what}", True)

    def _collect(self) -> None:
        # Wait until a duty is due or a batch arrives, and take all waiting batches.
        wait: float | None = None
        if self._trouble:
            wait = max(0.0, self._retryAt - self._monotonic())
        elif self._pending:
            wait = 0.0
        else:
            due = [self._checkpoints.shrinkAt]
            if self._keep is not None:
                due.append(self._pruneAt)
            if self._indexing:
                due.append(self._mergeAt)
                if self.lag:
                    due.append(self._indexAt)
            if min(due) < math.inf:
                wait = max(0.0, min(due) - self._monotonic())
        try:
            batch = self._queue.get(timeout=wait)
            while True:
                if batch is None:
                    self._ending = True
                else:
                    self._pending.append(batch)
                batch = self._queue.get_nowait()
        except Empty:
            pass

    def _store(self) -> None:
        self._stored = 0
        if not self._pending:
            return
        now = self._monotonic()
        if now >= self._checkFilesAt:
            self._files.check()
            self._checkFilesAt = now + FILE_CHECK_SECONDS
        # The first message of a transaction waits for the last, so its size has a limit; but a
        # batch is never split, because a cluster node continues at the position of a whole batch.
        batches: list[Batch] = []
        lines = 0
        for batch in self._pending:
            if batches and lines + batch.lineCount > TRANSACTION_LINES:
                break
            lines += batch.lineCount
            batches.append(batch)
        self._checkpoints.addWritten(self._transactions.write(batches))
        for _ in batches:
            self._pending.popleft()
        self._stored = lines
        self._position = batches[-1].position
        if self._monotonic() >= self._markAt:
            self._markPosition()
        self.lag += lines
        self._indexAt = self._monotonic() + self._pace.index
        if any(batch.deletions for batch in batches):
            self._mergeSoon(self._pace.merge)
        if any(batch.privateDeletions for batch in batches):
            # Until the next checkpoint the database file still contains the words.
            self._checkpoints.addWritten(CHECKPOINT_BYTES)
        # One call for all batches, because each call wakes the reactor.
        self._call(self._listener.stored, batches[-1].position)

    def _markPosition(self) -> None:
        # Not with each transaction: copies, which it detects, are older than that.
        if self._log:
            self._mark.write(self._log, self._position)
            self._markAt = self._monotonic() + self._pace.mark

    def _index(self) -> None:
        if self.indexDamaged:
            self._remakeIndex()
        if not self.lag or self._trouble or not self._indexing:
            return
        maximum = INDEX_LINES
        if self.lag > INDEX_LAG and self._stored:
            # Without a pause between messages the index has to keep up with them, because each
            # search scans all messages that are missing in it.
            maximum = max(BULK_INDEX_LINES, self._stored)
        elif self._pending or self._monotonic() < self._indexAt:
            return
        began = self._monotonic()
        self._checkpoints.addWritten(index(self._connection, maximum))
        self._checkpoints.checkSize()
        self.lag = lag(self._connection)
        # A new index of a million messages takes a minute; half of the time is left to the reactor.
        now = self._monotonic()
        self._indexAt = max(self._indexAt, now + (now - began))

    def _prune(self) -> None:
        if self._keep is None or self._monotonic() < self._pruneAt:
            return
        now = self._context.wallClock()
        if not self._isTrusted(now):
            self._pruneAt = self._monotonic() + self._pace.prune
            return
        before = now - int(self._keep * NANOSECONDS)
        messages, privateMessages = deleteOld(self._connection, before, now, PRUNED_LINES)
        if messages:
            self.lag = lag(self._connection)
            # Old lines are deleted all day long, so their merge is not urgent.
            self._mergeSoon(self._pace.merge * _PRUNED_MERGE)
        more = PRUNED_LINES in (messages, privateMessages)
        self._pruneAt = self._monotonic() + (0.0 if more else self._pace.prune)
        self._checkpoints.addWritten((messages + privateMessages) * _PRUNED_BYTES)
        self._checkpoints.checkSize()

    def _mergeSoon(self, seconds: float) -> None:
        self._wordsRemoved = True
        if not self._merging:
            self._mergeAt = min(self._mergeAt, self._monotonic() + seconds)

    def _merge(self) -> None:
        if self._trouble or not self._indexing or self._pending:
            return
        began = self._monotonic()
        if began < self._mergeAt:
            return
        if not self._merging:
            self._wordsRemoved = False
        self._merging = merge(self._connection, not self._merging)
        self._checkpoints.addWritten(MERGED_PAGES * PAGE_BYTES)
        self._checkpoints.checkSize()
        now = self._monotonic()
        if self._merging:
            # As for a new index, half of the time is left to the reactor.
            self._mergeAt = now + (now - began)
        else:
            self._mergeAt = now + self._pace.merge if self._wordsRemoved else math.inf

    def _isTrusted(self, now: int) -> bool:
        # Whether the clock has not been set for some time.
        monotonic = self._monotonic()
        offset = now / NANOSECONDS - monotonic
        if self._clockOffset is None or abs(offset - self._clockOffset) >= CLOCK_STEP:
            self._trustedAt = monotonic + self._pace.settle
        self._clockOffset = offset
        return monotonic >= self._trustedAt

    def _checkpoint(self) -> None:
        # After the stored batches are reported to the listener.
        self._checkpoints.run(cut=self._trouble == DISK_FULL)

    def _postpone(self, error: Exception) -> bool:
        # Returns whether to try again.
        reason = passingReason(self._context.path, error)
        if not reason:
            return False
        self._refused = True
        self._retryAt = self._monotonic() + self._pace.full
        if reason == DISK_FULL:
            # A checkpoint frees the space of the log.
            self._checkpoints.addWritten(CHECKPOINT_BYTES)
            if self._trouble != DISK_FULL:
                # The first time: the space of the ballast is enough for one transaction that
                # deletes old messages.
                self._ballast.drop()
                self._retryAt = self._pruneAt = self._monotonic()
        if not self._trouble:
            self._counters.waits += 1
        self._report(reason)
        return True

    def _report(self, reason: str) -> None:
        if reason != self._trouble:
            self._trouble = reason
            trouble = ChatError(NOT_STORED, reason=reason) if reason else None
            self._call(self._listener.troubled, trouble)

    def _recover(self) -> None:
        # The problem is over when all duties of this round succeeded and the ballast fits on the
        # disk again: without it the server could not recover from the next full disk.
        if not self._trouble or self._refused:
            return
        if self._trouble == LOCKED and not self._stored:
            # Nothing was written in this round, so the lock was not tested.
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("ROLLBACK")
        if self._ballast.load():
            self._report("")
        else:
            self._report(DISK_FULL)
            self._retryAt = self._monotonic() + self._pace.full
