"""
The storage in an SQLite database: starts its threads, passes on their reports, and stops them.

L{writer} stores.  There are two L{reader}s: one for lines by number and private messages, the other
for searches, which may take longer.  L{backup} copies.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from tsservices.chat.batch import Batch
from tsservices.chat.errors import JOURNAL_FAILED, ChatError
from tsservices.chat.storage import (
    Copied,
    LineSpan,
    MessagesCallback,
    NumberCallback,
    PrivateMessagesCallback,
    SearchQuery,
    StorageListener,
    StoredState,
    UnreadCallback,
)
from tsservices.common.counters import StorageCounters
from tsservices.common.ratelimit import LogThrottle
from tsservices.storage.sqlite.backup import BackupThread
from tsservices.storage.sqlite.config import SQLiteConfig
from tsservices.storage.sqlite.disk import ReservedSpace
from tsservices.storage.sqlite.mark import PositionMark
from tsservices.storage.sqlite.messages import (
    countUnread,
    lastCommon,
    lastUpTo,
    readMessages,
    readNewest,
)
from tsservices.storage.sqlite.private_messages import (
    readPrivateMessage,
    readPrivateMessages,
)
from tsservices.storage.sqlite.reader import ReaderThread
from tsservices.storage.sqlite.search import UNINDEXED
from tsservices.storage.sqlite.search import search as searchMessages
from tsservices.storage.sqlite.startup import DatabaseStartup
from tsservices.storage.sqlite.threads import ThreadContext
from tsservices.storage.sqlite.writer import WriterThread

_CONFIG = SQLiteConfig()

# Different errors of queries whose last log line is remembered.
_ERRORS_REMEMBERED = 16

# Log lines of errors in one minute.
_ERRORS_PER_MINUTE = 20


class SQLiteStorage:
    """
    A storage on disk that keeps messages for ever or for a given time.

    All methods and all callbacks are called in the reactor's thread.

    @ivar trouble: why nothing can be stored now; L{None}: messages can be stored.
    """

    def __init__(
        self,
        path: str,
        log: str,
        keep: float | None,
        callFromThread: Callable[..., object],
        wallClock: Callable[[], int],
        config: SQLiteConfig = _CONFIG,
    ) -> None:
        """
        @param log: the incarnation for a new database or a restored copy.
        @param keep: the seconds that messages are kept; L{None}: for ever.
        @param wallClock: returns the time: nanoseconds since 1970, UTC.
        """
        self.trouble: ChatError | None = None
        self.counters = StorageCounters()
        self._path = os.path.abspath(path)
        self._keep = keep
        self._config = config
        self._context = ThreadContext(self._path, config, callFromThread, wallClock)
        self._ballast = ReservedSpace(f"{os.path.splitext(self._path)[0]}.ballast", config.ballast)
        self._mark = PositionMark(f"{os.path.splitext(self._path)[0]}.position")
        self._startup = DatabaseStartup(self._path, log, self._mark, config)
        self._reader: ReaderThread | None = None
        self._searcher: ReaderThread | None = None
        self._copier: BackupThread | None = None
        # Readers and copies that are running.
        self._reading = 0
        self._writer: WriterThread | None = None
        self._listener: StorageListener | None = None
        # The positions of the last batch received and of the last batch stored.
        self._submitted = 0
        self._stored = 0
        self._damage = ""
        self._readErrors = LogThrottle(_ERRORS_REMEMBERED, _ERRORS_PER_MINUTE, config.monotonic())
        self._stopped: Callable[[], None] | None = None
        self._watchdog: threading.Timer | None = None

    def prepare(self) -> StoredState:
        """@raise StorageError: the database can't be used."""
        state = self._startup.prepare()
        self._stored = state.position
        self._damage = state.damage
        return state

    def bind(
        self, epoch: str, log: str, secret: bytes, base: int, checkpoint: Sequence[str] = ()
    ) -> None:
        """@raise StorageError: bound elsewhere, has a history of its own, or can't be used."""
        self._stored = self._startup.bind(epoch, log, secret, base, checkpoint).position

    def leave(self) -> None:
        """@raise StorageError: the database can't be used."""
        self._startup.leave()

    def start(self, listener: StorageListener) -> None:
        self._listener = listener
        context = self._context
        self._writer = WriterThread(
            context,
            self._ballast,
            self._mark,
            self._keep,
            self,
            self.counters,
            self._writerEnded,
        )
        self._reader = ReaderThread(context, "journal reader", self._readFailed, self._readerEnded)
        self._searcher = ReaderThread(
            context, "journal searcher", self._readFailed, self._readerEnded
        )
        self._reading = 2
        self._writer.start()
        self._reader.start()
        self._searcher.start()
        if self._damage:
            listener.noted(self._damage, True)

    def store(self, batch: Batch) -> None:
        self._submitted = batch.position
        if self._writer is not None:
            self._writer.give(batch)

    def read(self, room: str, first: int, last: int, onResult: MessagesCallback) -> None:
        assert self._reader is not None
        self._reader.ask(lambda connection: readMessages(connection, room, first, last), onResult)

    def lastCommon(self, room: str, log: str, onResult: NumberCallback) -> None:
        assert self._reader is not None
        self._reader.ask(lambda connection: lastCommon(connection, room, log), onResult)

    def lastUpTo(self, room: str, position: int, index: int, onResult: NumberCallback) -> None:
        assert self._reader is not None
        self._reader.ask(lambda connection: lastUpTo(connection, room, position, index), onResult)

    def newest(self, span: LineSpan, onResult: MessagesCallback) -> None:
        assert self._reader is not None
        self._reader.ask(lambda connection: readNewest(connection, span), onResult)

    def countUnread(self, span: LineSpan, onResult: UnreadCallback) -> None:
        assert self._reader is not None
        self._reader.ask(lambda connection: countUnread(connection, span), onResult)

    def search(self, search: SearchQuery, onResult: MessagesCallback) -> None:
        assert self._searcher is not None
        self._searcher.ask(lambda connection: searchMessages(connection, search), onResult)

    def privateMessages(
        self,
        account: str,
        other: str,
        before: str,
        maximum: int,
        onResult: PrivateMessagesCallback,
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        assert self._reader is not None
        self._reader.ask(
            lambda connection: readPrivateMessages(
                connection, account, other, before, maximum, ignored
            ),
            onResult,
        )

    def privateMessage(self, ident: str, onResult: PrivateMessagesCallback) -> None:
        assert self._reader is not None
        self._reader.ask(lambda connection: readPrivateMessage(connection, ident), onResult)

    def copy(self, path: str, copied: Copied) -> None:
        if self._stopped is not None:
            copied("the server stops")
            return
        if self._copier is not None:
            copied("another copy is being made, wait for its end")
            return

        def ended(reason: str | None) -> None:
            self._copier = None
            try:
                copied(reason)
            finally:
                self._readerEnded()

        self._reading += 1
        target = os.path.abspath(path)
        self._copier = BackupThread(self._context, target, ended)
        self._copier.start()

    def stop(self, stopped: Callable[[], None]) -> None:
        # First the readers, then the writer: the last connection to close moves the write-ahead log
        # into the database and deletes the files beside it, which a read-only one can't do.
        if self._reader is None or self._searcher is None:
            stopped()
            return
        self._stopped = stopped
        # The server must be able to stop even if the disk hangs.
        call = self._context.callFromThread
        self._watchdog = threading.Timer(self._config.pace.stop, call, (self._giveUp,))
        self._watchdog.daemon = True
        self._watchdog.start()
        self._reader.end()
        self._searcher.end()
        if self._copier is not None:
            self._copier.end()

    def stored(self, position: int) -> None:
        self._stored = position
        assert self._listener is not None
        self._listener.stored(position)

    def troubled(self, trouble: ChatError | None) -> None:
        self.trouble = trouble
        assert self._listener is not None
        self._listener.troubled(trouble)

    def failed(self, reason: str) -> None:
        self.trouble = ChatError(JOURNAL_FAILED)
        assert self._listener is not None
        self._listener.failed(reason)

    def noted(self, text: str, isError: bool) -> None:
        assert self._listener is not None
        self._listener.noted(text, isError)

    @property
    def unsearched(self) -> int:
        return max(0, self._writer.lag - UNINDEXED) if self._writer is not None else 0

    def _readFailed(self, reason: str, inIndex: bool) -> None:
        if inIndex and self._writer is not None:
            self._writer.indexDamaged = True
        self.counters.readErrors += 1
        # Each query of a damaged page causes the same error.
        if self._readErrors.allows(reason, self._config.monotonic()):
            self.noted(reason, True)

    def _readerEnded(self) -> None:
        self._reading -= 1
        if self._reading:
            return
        if self._writer is None:
            self._finish()
        else:
            self._writer.end()

    def _writerEnded(self) -> None:
        # At the stop, or after a permanent error.
        self._writer = None
        if self._stopped is not None:
            self._finish()

    def _giveUp(self) -> None:
        if self._stopped is not None:
            try:
                if self._stored < self._submitted:
                    self.failed(f"{self._path}: the last lines could not be stored in time")
            finally:
                self._finish()

    def _finish(self) -> None:
        assert self._watchdog is not None
        self._watchdog.cancel()
        stopped, self._stopped = self._stopped, None
        if stopped is not None:
            stopped()
