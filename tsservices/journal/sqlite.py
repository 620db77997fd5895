"""
A journal in an SQLite database.

Two threads serve it: L{writer} stores, group by group, and L{reader} gives lines back.
Neither knows Twisted; what they have to say is called in the reactor's thread.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing

from tsservices.chat.batch import Batch
from tsservices.chat.refusals import JOURNAL_FAILED, Refused
from tsservices.journal.database import Connect, explain, makePrivate, openToWrite
from tsservices.journal.disk import Ballast, fsyncMilliseconds
from tsservices.journal.interface import Found, JournalError, Listener, Loaded
from tsservices.journal.reader import Reader
from tsservices.journal.schema import MIGRATIONS, migrate
from tsservices.journal.statements import loadMeta, loadRooms
from tsservices.journal.writer import Pace, Writer
from tsservices.limits import BALLAST_BYTES, SLOW_DISK_MILLISECONDS


class SQLiteJournal:
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
        pace: Pace | None = None,
        ballast: int = BALLAST_BYTES,
        connect: Connect = sqlite3.connect,
        migrations: tuple[str, ...] = MIGRATIONS,
    ) -> None:
        """
        @param path: of the database; its folder is there, and no other server's.
        @param log: the incarnation of the order, if the database is new.
        @param keep: the seconds that lines are kept; L{None}: for ever.
        @param callFromThread: has something called in the reactor's thread.
        @param now: the time: nanoseconds since 1970, UTC.
        @param seconds: a clock that only goes forward.
        @param pace: how long to wait.
        @param ballast: the bytes of the ballast.
        @param connect: makes connections.
        @param migrations: what makes the present schema.
        """
        self.trouble: Refused | None = None
        self._path = os.path.abspath(path)
        self._log = log
        self._keep = keep
        self._call = callFromThread
        self._now = now
        self._seconds = seconds
        self._pace = pace or Pace()
        self._ballast = Ballast(f"{os.path.splitext(self._path)[0]}.ballast", ballast)
        self._connect = connect
        self._migrations = migrations
        self._reader: Reader | None = None
        self._writer: Writer | None = None
        self._listener: Listener | None = None
        self._given = 0
        self._kept = 0
        self._stopped: Callable[[], None] | None = None
        self._watchdog: threading.Timer | None = None

    def prepare(self) -> Loaded:
        """
        @return: all but the lines.
        @raise JournalError: it can't be used.
        """
        try:
            makePrivate(self._path)
            with closing(openToWrite(self._path, self._connect, self._pace.busy)) as connection:
                migrate(connection, self._path, self._migrations)
                # Nothing is to be written, but it shows whether somebody else does.
                connection.execute("BEGIN IMMEDIATE")
                self._log, self._kept = loadMeta(connection, self._log)
                records = loadRooms(connection)
                connection.execute("COMMIT")
            fsync = fsyncMilliseconds(f"{self._path}.probe", self._seconds)
        except (sqlite3.Error, OSError) as error:
            raise JournalError(explain(self._path, error)) from error
        notes = [
            f"{self._path} holds {len(records)} rooms; SQLite {sqlite3.sqlite_version},"
            f" {fsync:.1f} ms for an fsync"
        ]
        if fsync > SLOW_DISK_MILLISECONDS:
            notes.append(
                f"the disk of {self._path} is slow: everybody waits {fsync:.0f} ms for each line"
            )
        return Loaded(self._log, self._kept, records, notes)

    def start(self, listener: Listener) -> None:
        """
        @param listener: is told.
        """
        self._listener = listener
        self._writer = Writer(
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
        self._reader = Reader(
            self._path,
            self._log,
            self._seconds,
            self._connect,
            self._writer.opened,
            self._call,
            self._readerEnded,
        )
        self._writer.start()
        self._reader.start()

    def store(self, batch: Batch) -> None:
        """
        @param batch: the next one, sealed.
        """
        self._given = batch.position
        if self._writer is not None:
            self._writer.give(batch)

    def read(self, room: str, first: int, last: int, found: Found) -> None:
        """
        @param room: the key of the room.
        @param first: the number of the first line.
        @param last: the number of the last line, which is kept already.
        @param found: gets them, in the reactor's thread.
        """
        assert self._reader is not None
        self._reader.ask(room, first, last, found)

    def stop(self, stopped: Callable[[], None]) -> None:
        """
        End the reader, then the writer, which so is the last to close the database and
        takes the files beside it away.

        @param stopped: is called when that is done, or takes too long.
        """
        if self._reader is None:
            stopped()
            return
        self._stopped = stopped
        self._watchdog = threading.Timer(self._pace.stop, self._call, (self._giveUp,))
        self._watchdog.daemon = True
        self._watchdog.start()
        self._reader.end()

    def stored(self, position: int) -> None:
        """
        The writer's word, in the reactor's thread.

        @param position: of the last batch that is kept now.
        """
        self._kept = position
        assert self._listener is not None
        self._listener.stored(position)

    def troubled(self, trouble: Refused | None) -> None:
        """
        The writer's word, in the reactor's thread.

        @param trouble: why nothing can be kept for now.
        """
        self.trouble = trouble
        assert self._listener is not None
        self._listener.troubled(trouble)

    def failed(self, reason: str) -> None:
        """
        The writer's word, in the reactor's thread.

        @param reason: one line.
        """
        self.trouble = Refused(JOURNAL_FAILED)
        assert self._listener is not None
        self._listener.failed(reason)

    def _readerEnded(self) -> None:
        """
        Nobody reads any more.
        """
        if self._writer is None:
            self._finish()
        else:
            self._writer.end()

    def _writerEnded(self) -> None:
        """
        Nothing is stored any more: at the end, or because it can't be.
        """
        self._writer = None
        if self._stopped is not None:
            self._finish()

    def _giveUp(self) -> None:
        """
        The end took too long.
        """
        if self._stopped is not None:
            try:
                if self._kept < self._given:
                    self.failed(f"{self._path}: the last lines could not be stored in time")
            finally:
                self._finish()

    def _finish(self) -> None:
        """
        Say that this is the end, once.
        """
        assert self._watchdog is not None
        self._watchdog.cancel()
        stopped, self._stopped = self._stopped, None
        if stopped is not None:
            stopped()
