"""
The thread that copies the database, while everything goes on.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from contextlib import closing

from tsservices.chat.storage import StorageError
from tsservices.storage.sqlite.connection import BUSY_SECONDS, Connect, explain, openAs, openToRead

#: Pages of the database copied in one step: a megabyte, some milliseconds of the disk.
COPY_PAGES = 250

#: Seconds between two of these steps, in which the disk is for what is said.
COPY_PAUSE_SECONDS = 0.005


#: Follows the path of a copy until that is whole.
PART = ".part"


class BackupThread:
    """Makes one copy."""

    def __init__(
        self,
        path: str,
        target: str,
        connect: Connect,
        opened: threading.Event,
        callFromThread: Callable[..., object],
        ended: Callable[[str | None], None],
    ) -> None:
        self._path = path
        self._target = target
        self._connect = connect
        self._opened = opened
        self._call = callFromThread
        self._ended = ended
        self._ending = threading.Event()

    def start(self) -> None:
        """Begin, in a thread of its own."""
        threading.Thread(target=self._run, name="journal copier", daemon=True).start()

    def end(self) -> None:
        """Give it up."""
        self._ending.set()

    def _run(self) -> None:
        """All that the thread does."""
        self._opened.wait()
        reason = None
        try:
            self._copy()
        except Exception as error:
            reason = explain(self._target, error)
        self._call(self._ended, reason)

    def _copy(self) -> None:
        """Copy all that is kept at this moment."""
        part = f"{self._target}{PART}"
        for path in (self._target, part):
            if os.path.lexists(path):
                raise StorageError(f"{path} is there already")
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            with (
                closing(openToRead(self._path, self._connect)) as source,
                closing(openAs(part, "rw", self._connect, BUSY_SECONDS)) as copy,
            ):
                # A copy begins again whenever its source has changed; within one
                # transaction it never does, whatever others write meanwhile.
                source.execute("BEGIN")
                source.execute("SELECT log FROM meta").fetchone()
                source.backup(copy, pages=COPY_PAGES, progress=self._pause)
            os.rename(part, self._target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
        folder = os.open(os.path.dirname(self._target), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _pause(self, status: int, remaining: int, total: int) -> None:
        """Called after each step."""
        if self._ending.wait(COPY_PAUSE_SECONDS if remaining else 0):
            raise StorageError("the server stops")
