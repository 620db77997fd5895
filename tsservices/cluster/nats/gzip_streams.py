"""
Files compressed with gzip in chunks: a database of gigabytes is never in memory as a whole.
"""

from __future__ import annotations

import os
import zlib
from typing import BinaryIO

from nats.errors import Error

#: Bytes that are compressed at once.
CHUNK_BYTES = 128 * 1024

#: The number of the gzip format in zlib (C{wbits}).
_GZIP = 31

#: Four times faster than the best level, for a tenth more bytes.
_LEVEL = 3


class CorruptSnapshot(Error):
    """A snapshot is damaged, or does not match its description."""


class GzipReader:
    """
    Reads a file and compresses it.

    @ivar bytesRead: bytes read, before compression.
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
    Decompresses data and writes it to a file.

    @ivar bytesWritten: bytes written, after decompression.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        """@param size: the expected size of the file in bytes."""
        self._file = file
        self._size = size
        self._unpacker = zlib.decompressobj(_GZIP)
        self.bytesWritten = 0

    def write(self, data: bytes) -> None:
        """@raise CorruptSnapshot: the data is too long, or is not compressed."""
        try:
            while data:
                piece = self._unpacker.decompress(data, CHUNK_BYTES * 8)
                self.bytesWritten += len(piece)
                if self.bytesWritten > self._size:
                    # Checked at each chunk: a few compressed bytes could fill the disk.
                    raise CorruptSnapshot("there is more in it than it says")
                self._file.write(piece)
                data = self._unpacker.unconsumed_tail
        except zlib.error as error:
            raise CorruptSnapshot(f"it is damaged: {error}") from error

    def finish(self) -> None:
        """
        Check that the file is complete, and sync it to the disk.

        @raise CorruptSnapshot: data is missing.
        """
        if not self._unpacker.eof or self.bytesWritten != self._size:
            raise CorruptSnapshot(f"{self.bytesWritten} bytes came, instead of {self._size}")
        self._file.flush()
        os.fsync(self._file.fileno())
