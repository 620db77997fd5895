"""
The disk that a database is on: room kept for bad times, and how fast it is.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from statistics import median

#: Bytes of a file that makes room when the disk is full: one transaction of any kind.
BALLAST_BYTES = 4_194_304


_PIECE = 65_536
_PROBES = 5


class ReservedSpace:
    """A file that is only there to be thrown away when the disk is full."""

    def __init__(self, path: str, size: int = BALLAST_BYTES) -> None:
        """@param size: in bytes."""
        self._path = path
        self._size = size

    def load(self) -> bool:
        """Whether it is there now."""
        with contextlib.suppress(OSError):
            if os.stat(self._path).st_size >= self._size:
                return True
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
        """Make room."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)


def fsyncMilliseconds(path: str, seconds: Callable[[], float]) -> float:
    """
    Find out how long it takes until something is on the disk.

    @raise OSError: it can't be written.
    """
    taken = []
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for number in range(_PROBES):
            os.pwrite(descriptor, bytes(4096), number * 4096)
            before = seconds()
            os.fsync(descriptor)
            taken.append(seconds() - before)
    finally:
        os.close(descriptor)
        os.unlink(path)
    return median(taken) * 1000
