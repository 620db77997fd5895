"""The disk that a database is on: room in reserve, and how fast it is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from statistics import median

from tsservices.common.plainfiles import createPlain

#: Bytes of a file that makes room when the disk is full: one transaction of any kind.
BALLAST_BYTES = 4_194_304

_PIECE = 65_536

#: An odd number: the median is one of them, and no single slow one counts.
_PROBES = 5


class ReservedSpace:
    """
    A file that exists only to be deleted when the disk is full.

    Deleting messages frees no room on the disk by itself: it needs room in the write-ahead log.
    """

    def __init__(self, path: str, size: int = BALLAST_BYTES) -> None:
        """@param size: in bytes."""
        self._path = path
        self._size = size

    def load(self) -> bool:
        """Make the file if need be; whether it exists now."""
        # Written out, not truncate or fallocate: a file with holes takes no room, and some file
        # systems do not know the other.
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

    @param path: of a file that is made for it, and deleted.
    @raise OSError: it can't be written.
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
