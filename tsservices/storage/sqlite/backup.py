"""
The thread that copies the database while everything goes on.

It is SQLite's online backup in the server that has the folder's lock; the command that asks for it
is a second process, and those stay away from the database.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing

from tsservices.chat.storage import StorageError
from tsservices.storage.sqlite.connection import explain, isDamage, openAs, openToRead
from tsservices.storage.sqlite.meta import markCopy
from tsservices.storage.sqlite.threads import ThreadContext

#: Pages of the database copied in one step: a megabyte, some milliseconds of the disk.
COPY_PAGES = 250

#: Seconds between two of these steps, in which the disk is for new messages.
COPY_PAUSE_SECONDS = 0.005

#: Follows the path of a copy until it is complete.
PART = ".part"


class BackupThread:
    """Makes one copy.  C{ended} gets the reason why it failed, or L{None}."""

    def __init__(
        self, context: ThreadContext, target: str, ended: Callable[[str | None], None]
    ) -> None:
        self._context = context
        self._target = target
        self._ended = ended
        self._ending = threading.Event()
        self._busySince: float | None = None

    def start(self) -> None:
        self._context.start("journal copier", self._run)

    def end(self) -> None:
        """Abort the copy."""
        self._ending.set()

    def _run(self) -> None:
        self._context.opened.wait()
        reason = None
        try:
            self._copy()
        except Exception as error:
            reason = explain(self._target, error)
        self._context.callFromThread(self._ended, reason)

    def _copy(self) -> None:
        config = self._context.config
        part = f"{self._target}{PART}"
        for path in (self._target, part):
            if os.path.lexists(path):
                raise StorageError(f"{path} is there already")
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            try:
                source = openToRead(self._context.path, config.connect)
            except sqlite3.Error as error:
                raise StorageError(explain(self._context.path, error)) from error
            with (
                closing(source),
                closing(openAs(part, "rw", config.connect, config.pace.busy)) as copy,
            ):
                self._fill(source, copy)
                markCopy(copy)
            os.rename(part, self._target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
        # The new name is on the disk when its folder is.
        folder = os.open(os.path.dirname(self._target), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _fill(self, source: sqlite3.Connection, copy: sqlite3.Connection) -> None:
        path = self._context.path
        try:
            # SQLite begins a copy again whenever its source has changed; within one transaction it
            # never does, whatever others write meanwhile.
            source.execute("BEGIN")
            source.execute("SELECT log FROM meta").fetchone()
        except sqlite3.Error as error:
            raise StorageError(explain(path, error)) from error
        source.backup(copy, pages=COPY_PAGES, progress=self._pause)
        # A copy is looked at when it is needed, and then a damaged one may be the last there is.
        try:
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            if not isDamage(error):
                raise
            found = str(error)
        if found != "ok":
            raise StorageError(f"{path} is damaged ({found.splitlines()[-1]}): no copy was made")

    def _pause(self, status: int, remaining: int, total: int) -> None:
        # SQLite calls this after each step.
        if self._ending.wait(COPY_PAUSE_SECONDS if remaining else 0):
            raise StorageError("the server stops")
        # The module sqlite3 tries for ever while a database is locked.
        now = self._context.config.monotonic()
        if status not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            self._busySince = None
        elif self._busySince is None:
            self._busySince = now
        elif now - self._busySince > self._context.config.pace.busy:
            raise StorageError(f"{self._context.path} is locked by another process")
