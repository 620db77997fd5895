"""Splitting of a stream of bytes, in segments of any length, into lines.  Pure."""

from __future__ import annotations

from dataclasses import dataclass

#: Lines answered between two checks whether the peer still reads.  With a stamp before each, 64 KiB
#: of empty lines become 1.8 MB of answers.
LINES_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class LineTooLong:
    """A line over the limit, which was skipped."""

    #: The most bytes of a line, without its ending.
    limit: int


class LineSplitter:
    """
    A splitter at line feeds.  A carriage return before a line feed stays in the line, but does not
    count for the limit.  A line over the limit is skipped, and returned as one L{LineTooLong}.

    @ivar more: whether L{take} has lines to return.
    """

    def __init__(self, limit: int) -> None:
        """@param limit: the most bytes in a line, without its ending."""
        self._limit = limit
        self._pending = b""
        # Further pieces of an unfinished line, joined only at its end.  With one growing string
        # each piece would copy all earlier ones: a line of 4 MiB in segments of 1448 bytes took 4
        # seconds.
        self._pieces: list[bytes] = []
        self._length = 0
        self._skipping = False
        self.more = False

    @property
    def unfinished(self) -> bool:
        """Whether there are bytes that were not taken, or a line is still being skipped."""
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
        Take complete lines.

        @param maximum: the most lines; L{more} is true if there are others.
        """
        *whole, remainder = self._joined().split(b"\n", maximum)
        lines: list[bytes | LineTooLong] = []
        # One check of the longest line is cheaper than one of each, and mostly all are short.
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
        # A carriage return is part of the ending, if a line feed follows later.
        return len(line) > self._limit + line.endswith(b"\r")

    def finish(self) -> bytes:
        """Take the rest without a line feed, at the end of the stream."""
        remainder = self._joined()
        self._pending = b""
        return remainder

    def _joined(self) -> bytes:
        if not self._pieces:
            return self._pending
        joined = b"".join((self._pending, *self._pieces))
        self._pieces.clear()
        return joined
