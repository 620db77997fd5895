"""Lines out of a stream of bytes, however the network has cut it.  Pure."""

from __future__ import annotations

from dataclasses import dataclass

#: Lines answered between two looks at whether the peer still reads.  With a stamp before each, 64
#: KiB of empty lines become 1.8 MB of answers.
LINES_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class LineTooLong:
    """Stands where a line over the limit would have been."""

    #: The bytes it may have had, without its ending.
    limit: int


class LineSplitter:
    """
    Splits at line feeds; a carriage return before one stays, and does not count.  A line over the
    limit gives one L{LineTooLong}, and is skipped up to its end.

    @ivar more: whether L{take} has something to give.
    """

    def __init__(self, limit: int) -> None:
        """@param limit: bytes in a line, without its ending."""
        self._limit = limit
        self._pending = b""
        # More of an unfinished line.  Joined only when it ends: with one string that grows, each
        # piece would copy all before it, and a line of 4 MiB that came in segments of 1448 bytes
        # took 4 seconds.
        self._pieces: list[bytes] = []
        self._length = 0
        self._skipping = False
        self.more = False

    @property
    def unfinished(self) -> bool:
        """Whether there are bytes that were not taken, or the end of a line is still skipped."""
        return bool(self._pending) or self._skipping

    def feed(self, data: bytes) -> None:
        if self._pending:
            self._pieces.append(data)
            self._length += len(data)
            if b"\n" not in data and self._length <= self._limit:
                return
        else:
            self._pending = data
        self.more = True

    def take(self, maximum: int) -> list[bytes | LineTooLong]:
        """
        Take whole lines.

        @param maximum: how many; L{more} says whether there are others.
        """
        *whole, remainder = self._joined().split(b"\n", maximum)
        lines: list[bytes | LineTooLong] = []
        # One look at the longest is cheaper than one at each line, and mostly all are short.
        if whole and not self._skipping and len(max(whole, key=len)) <= self._limit:
            lines.extend(whole)
            whole = []
        for line in whole:
            if self._skipping:
                self._skipping = False
            else:
                lines.append(LineTooLong(self._limit) if self._isLong(line) else line)
        self.more = b"\n" in remainder
        if not self.more:
            if self._skipping:
                remainder = b""
            elif self._isLong(remainder):
                lines.append(LineTooLong(self._limit))
                self._skipping = True
                remainder = b""
        self._pending = remainder
        self._length = len(remainder)
        return lines

    def _isLong(self, line: bytes) -> bool:
        # The carriage return is a part of the ending, if a line feed comes yet.
        return len(line) > self._limit + line.endswith(b"\r")

    def finish(self) -> bytes:
        """Take what has no line feed: the stream has ended."""
        remainder = self._joined()
        self._pending = b""
        return remainder

    def _joined(self) -> bytes:
        if not self._pieces:
            return self._pending
        joined = b"".join((self._pending, *self._pieces))
        self._pieces.clear()
        return joined
