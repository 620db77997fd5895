"""
The thread that copies the database while the server runs.

SQLite's online backup runs in the server, which holds the folder's lock.  The backup command is a
second process, and only the server opens the database.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing

from tsservices.chat.storage import StorageError
from tsservices.storage.sqlite.connection import explain, isDamage, openAs, openToRead
from tsservices.storage.sqlite.meta import markCopy
from tsservices.storage.sqlite.schema import APPLICATION
from tsservices.storage.sqlite.threads import ThreadContext

#: Pages of the database copied in one step: a megabyte, a few milliseconds of the disk.
COPY_PAGES = 250

#: Seconds between two of these steps, which leave the disk to new messages.
COPY_PAUSE_SECONDS = 0.005

#: The suffix of a copy that is not complete.
PART = ".part"


# The header of a database file, and the place of the application id in it.
_HEADER_BYTES = 100
_APPLICATION = slice(68, 72)


def _claim(part: str) -> int:
    # Returns the descriptor of an empty file that this process has locked.  A killed server may
    # have left a partial copy, perhaps without its first page: it must not block a nightly backup
    # to the same name for ever.
    there = StorageError(f"{part} is there already")
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(part, flags, 0o600)
    except OSError as reason:
        if os.path.lexists(part):
            raise there from reason
        raise
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        header = os.pread(descriptor, _HEADER_BYTES, 0)
        isCopy = header[_APPLICATION] == APPLICATION.to_bytes(4, "big")
        # A file with a second name may be a database in use.
        if os.fstat(descriptor).st_nlink > 1 or (header.strip(b"\0") and not isCopy):
            raise there
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, 0)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{part}-journal")
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise there from error
        raise
    return descriptor


class BackupThread:
    """A thread that makes one copy.  C{ended} gets the reason of a failure, or L{None}."""

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
        if os.path.lexists(self._target):
            raise StorageError(f"{self._target} is there already")
        lock = _claim(part)
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
        finally:
            # After the copy is closed, because this releases SQLite's locks on the file too.
            os.close(lock)
        # The new name is on the disk after an fsync of its folder.
        folder = os.open(os.path.dirname(self._target), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _fill(self, source: sqlite3.Connection, copy: sqlite3.Connection) -> None:
        path = self._context.path
        try:
            # SQLite restarts a copy when its source has changed.  Within one read transaction it
            # never does, although other connections write meanwhile.
            source.execute("BEGIN")
            source.execute("SELECT log FROM meta").fetchone()
        except sqlite3.Error as error:
            raise StorageError(explain(path, error)) from error
        source.backup(copy, pages=COPY_PAGES, progress=self._pause)
        # Checked now: when the copy is needed, it may be the only one left.
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
        # The module sqlite3 retries for ever while a database is locked.
        now = self._context.config.monotonic()
        if status not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            self._busySince = None
        elif self._busySince is None:
            self._busySince = now
        elif now - self._busySince > self._context.config.pace.busy:
            raise StorageError(f"{self._context.path} is locked by another process")
