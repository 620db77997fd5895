"""
The thread that copies the database while everything goes on.

It is SQLite's online backup in the server that has the folder's lock; the command that asks for it
is a second process, and those stay away from the database.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from contextlib import closing

from tsservices.chat.storage import StorageError
from tsservices.storage.sqlite.connection import explain, openAs, openToRead
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
            with (
                closing(openToRead(self._context.path, config.connect)) as source,
                closing(openAs(part, "rw", config.connect, config.pace.busy)) as copy,
            ):
                # SQLite begins a copy again whenever its source has changed; within one
                # transaction it never does, whatever others write meanwhile.
                source.execute("BEGIN")
                source.execute("SELECT log FROM meta").fetchone()
                source.backup(copy, pages=COPY_PAGES, progress=self._pause)
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

    def _pause(self, status: int, remaining: int, total: int) -> None:
        # SQLite calls this after each step.
        if self._ending.wait(COPY_PAUSE_SECONDS if remaining else 0):
            raise StorageError("the server stops")
