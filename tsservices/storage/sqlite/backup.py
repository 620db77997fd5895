"""
The thread that copies the database while everything goes on.

It is SQLite's online backup in the server that has the folder's lock; the command that asks for it
is a second process, and those stay away from the database.
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

#: Pages of the database copied in one step: a megabyte, some milliseconds of the disk.
COPY_PAGES = 250

#: Seconds between two of these steps, in which the disk is for new messages.
COPY_PAUSE_SECONDS = 0.005

#: Follows the path of a copy until it is complete.
PART = ".part"


# The bytes that every database begins with, and where its application stands in them.
_HEADER_BYTES = 100
_APPLICATION = slice(68, 72)


def _claim(part: str) -> int:
    # The descriptor of an empty file that this process has locked.  A server that was killed has
    # left one with a part of a copy, perhaps without its first page: who copies each night to the
    # same name must not be kept from it for ever.
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
        # With another name it may be a database that somebody uses.
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
            # Not before the copy is closed: this ends SQLite's locks of the file too.
            os.close(lock)
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
