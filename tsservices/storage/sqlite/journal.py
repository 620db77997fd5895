"""
A journal in an SQLite database.

Three threads serve it: L{writer} stores, group by group; one L{reader} gives back what was
asked for by its number or its people, and another one answers searches, which may take
longer.  A fourth runs while a copy is made.  None knows Twisted; what they have to say is
called in the reactor's thread.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence

from tsservices.chat.batch import Batch
from tsservices.chat.errors import JOURNAL_FAILED, ChatError
from tsservices.chat.storage import (
    Copied,
    MessagesFound,
    PrivateMessagesFound,
    SearchQuery,
    StorageListener,
    StoredState,
)
from tsservices.storage.sqlite.backup import BackupThread
from tsservices.storage.sqlite.connection import Connect
from tsservices.storage.sqlite.disk import BALLAST_BYTES, ReservedSpace
from tsservices.storage.sqlite.reader import ReaderThread
from tsservices.storage.sqlite.schema import MIGRATIONS
from tsservices.storage.sqlite.search import search as find
from tsservices.storage.sqlite.startup import DatabaseStartup
from tsservices.storage.sqlite.tables import letters, read
from tsservices.storage.sqlite.writer import Timings, WriterThread


class SQLiteStorage:
    """
    Keeps everything on disk, for ever or for some time.

    @ivar trouble: why nothing can be kept at present.
    """

    def __init__(
        self,
        path: str,
        log: str,
        keep: float | None,
        callFromThread: Callable[..., object],
        now: Callable[[], int],
        *,
        seconds: Callable[[], float] = time.monotonic,
        pace: Timings | None = None,
        ballast: int = BALLAST_BYTES,
        connect: Connect = sqlite3.connect,
        migrations: tuple[str, ...] = MIGRATIONS,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """
        @param keep: the seconds that lines are kept; L{None}: for ever.
        @param now: the time: nanoseconds since 1970, UTC.
        @param ballast: the bytes of the ballast.
        @param entropy: gives as many random bytes as it is asked for.
        """
        self.trouble: ChatError | None = None
        self._path = os.path.abspath(path)
        self._log = log
        self._keep = keep
        self._call = callFromThread
        self._now = now
        self._seconds = seconds
        self._pace = pace or Timings()
        self._ballast = ReservedSpace(f"{os.path.splitext(self._path)[0]}.ballast", ballast)
        self._connect = connect
        self._preparing = DatabaseStartup(
            self._path, log, self._pace.busy, connect, migrations, entropy
        )
        self._reader: ReaderThread | None = None
        self._searcher: ReaderThread | None = None
        self._copier: BackupThread | None = None
        self._opened: threading.Event | None = None
        self._reading = 0
        self._writer: WriterThread | None = None
        self._listener: StorageListener | None = None
        self._given = 0
        self._kept = 0
        self._stopped: Callable[[], None] | None = None
        self._watchdog: threading.Timer | None = None

    def prepare(self) -> StoredState:
        """
        All but the lines.

        @raise JournalError: it can't be used.
        """
        loaded = self._preparing.prepare(self._now(), self._seconds)
        self._log, self._kept = loaded.log, loaded.position
        return loaded

    def bind(
        self, epoch: str, log: str, secret: bytes, base: int, checkpoint: Sequence[str] = ()
    ) -> None:
        """@raise JournalError: it belongs elsewhere, has a history of its own, or can't be used."""
        bound = self._preparing.bind(epoch, log, secret, base, checkpoint)
        self._log, self._kept = bound.log, bound.position

    def leave(self) -> None:
        """@raise JournalError: it can't be used."""
        self._preparing.leave()

    def start(self, listener: StorageListener) -> None:
        self._listener = listener
        self._writer = WriterThread(
            self._path,
            self._ballast,
            self._keep,
            self._now,
            self._seconds,
            self._pace,
            self._connect,
            self,
            self._call,
            self._writerEnded,
        )
        self._opened = self._writer.opened
        self._reader, self._searcher = (
            ReaderThread(
                self._path,
                name,
                self._seconds,
                self._connect,
                self._opened,
                self._call,
                self._readerEnded,
            )
            for name in ("journal reader", "journal searcher")
        )
        self._reading = 2
        self._writer.start()
        self._reader.start()
        self._searcher.start()

    def store(self, batch: Batch) -> None:
        self._given = batch.position
        if self._writer is not None:
            self._writer.give(batch)

    def read(self, room: str, first: int, last: int, found: MessagesFound) -> None:
        assert self._reader is not None
        log = self._log
        self._reader.ask(lambda connection: read(connection, log, room, first, last), found)

    def search(self, search: SearchQuery, found: MessagesFound) -> None:
        assert self._searcher is not None
        log = self._log
        self._searcher.ask(lambda connection: find(connection, log, search), found)

    def privateMessages(
        self, account: str, other: str, before: str, most: int, found: PrivateMessagesFound
    ) -> None:
        assert self._reader is not None
        self._reader.ask(
            lambda connection: letters(connection, account, other, before, most), found
        )

    def copy(self, path: str, copied: Copied) -> None:
        assert self._opened is not None
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
        self._copier = BackupThread(
            self._path, target, self._connect, self._opened, self._call, ended
        )
        self._copier.start()

    def stop(self, stopped: Callable[[], None]) -> None:
        """
        End the readers, then the writer, which so is the last to close the database and
        takes the files beside it away.
        """
        if self._reader is None or self._searcher is None:
            stopped()
            return
        self._stopped = stopped
        self._watchdog = threading.Timer(self._pace.stop, self._call, (self._giveUp,))
        self._watchdog.daemon = True
        self._watchdog.start()
        self._reader.end()
        self._searcher.end()
        if self._copier is not None:
            self._copier.end()

    def stored(self, position: int) -> None:
        """The writer's word, in the reactor's thread."""
        self._kept = position
        assert self._listener is not None
        self._listener.stored(position)

    def troubled(self, trouble: ChatError | None) -> None:
        """The writer's word, in the reactor's thread."""
        self.trouble = trouble
        assert self._listener is not None
        self._listener.troubled(trouble)

    def failed(self, reason: str) -> None:
        """The writer's word, in the reactor's thread."""
        self.trouble = ChatError(JOURNAL_FAILED)
        assert self._listener is not None
        self._listener.failed(reason)

    def _readerEnded(self) -> None:
        """One of those who read has ended."""
        self._reading -= 1
        if self._reading:
            return
        if self._writer is None:
            self._finish()
        else:
            self._writer.end()

    def _writerEnded(self) -> None:
        """Nothing is stored any more: at the end, or because it can't be."""
        self._writer = None
        if self._stopped is not None:
            self._finish()

    def _giveUp(self) -> None:
        """The end took too long."""
        if self._stopped is not None:
            try:
                if self._kept < self._given:
                    self.failed(f"{self._path}: the last lines could not be stored in time")
            finally:
                self._finish()

    def _finish(self) -> None:
        """Say that this is the end, once."""
        assert self._watchdog is not None
        self._watchdog.cancel()
        stopped, self._stopped = self._stopped, None
        if stopped is not None:
            stopped()
