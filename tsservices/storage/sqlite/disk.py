"""The disk of a database: reserved space, and the time of an fsync."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from statistics import median

from tsservices.common.plainfiles import createPlain

#: Bytes of the file that is deleted when the disk is full: enough for any one transaction.
BALLAST_BYTES = 4_194_304

_PIECE = 65_536

#: An odd number: the median is one of the measurements, and one slow fsync does not change it.
_PROBES = 5


class ReservedSpace:
    """
    A file that exists only to be deleted when the disk is full.

    Even the deletion of messages needs disk space first, in the write-ahead log.
    """

    def __init__(self, path: str, size: int = BALLAST_BYTES) -> None:
        """@param size: in bytes."""
        self._path = path
        self._size = size

    def load(self) -> bool:
        """Create the file if it is missing; return whether it exists now."""
        # Written in full: truncate makes holes, which reserve no space, and some file systems do
        # not have fallocate.
        with contextlib.suppress(OSError):
            if os.lstat(self._path).st_size >= self._size:
                return True
        try:
            descriptor = createPlain(self._path, os.O_WRONLY)
            with open(descriptor, "wb") as file:
                for _ in range(0, self._size, _PIECE):
                    file.write(bytes(_PIECE))
                file.flush()
                os.fsync(descriptor)
        except OSError:
            self.drop()
            return False
        return True

    def drop(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path)


def fsyncMilliseconds(path: str, seconds: Callable[[], float]) -> float:
    """
    Measure how long an fsync takes.

    @param path: of a file that is created for this, and deleted.
    @raise OSError: the file can't be written.
    """
    times = []
    descriptor = createPlain(path, os.O_RDWR)
    try:
        for number in range(_PROBES):
            os.pwrite(descriptor, bytes(4096), number * 4096)
            before = seconds()
            os.fsync(descriptor)
            times.append(seconds() - before)
    finally:
        os.close(descriptor)
        os.unlink(path)
    return median(times) * 1000
