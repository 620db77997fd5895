"""
Files in packed form, a piece at a time: a database of gigabytes is never in memory as a whole.
"""

from __future__ import annotations

import os
import zlib
from typing import BinaryIO

from nats.errors import Error

#: Bytes that are packed at once.
CHUNK_BYTES = 128 * 1024

#: What zlib calls the format of gzip.
_GZIP = 31

#: Four times faster than the best level, for a tenth more bytes.
_LEVEL = 3


class CorruptSnapshot(Error):
    """A snapshot is not what it says."""


class GzipReader:
    """
    Reads a file in packed form.

    @ivar bytesRead: how many, of the file itself.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._packed = bytearray()
        self._ended = False
        self.bytesRead = 0

    def readinto(self, buffer: bytearray) -> int:
        while not self._ended and len(self._packed) < len(buffer):
            piece = self._file.read(CHUNK_BYTES)
            self.bytesRead += len(piece)
            self._ended = not piece
            self._packed += self._packer.compress(piece) if piece else self._packer.flush()
        count = min(len(buffer), len(self._packed))
        buffer[:count] = self._packed[:count]
        del self._packed[:count]
        return count


class GzipWriter:
    """
    Writes a file from packed form.

    @ivar bytesWritten: how many, of the file itself.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        """@param size: bytes that the file is to have in the end."""
        self._file = file
        self._size = size
        self._unpacker = zlib.decompressobj(_GZIP)
        self.bytesWritten = 0

    def write(self, data: bytes) -> None:
        """@raise CorruptSnapshot: there is more in it, or it is not packed."""
        try:
            while data:
                piece = self._unpacker.decompress(data, CHUNK_BYTES * 8)
                self.bytesWritten += len(piece)
                if self.bytesWritten > self._size:
                    # At once: a few packed bytes could fill the disk.
                    raise CorruptSnapshot("there is more in it than it says")
                self._file.write(piece)
                data = self._unpacker.unconsumed_tail
        except zlib.error as error:
            raise CorruptSnapshot(f"it is damaged: {error}") from error

    def finish(self) -> None:
        """
        See that all of it has come, and is on the disk.

        @raise CorruptSnapshot: something is missing.
        """
        if not self._unpacker.eof or self.bytesWritten != self._size:
            raise CorruptSnapshot(f"{self.bytesWritten} bytes came, instead of {self._size}")
        self._file.flush()
        os.fsync(self._file.fileno())
