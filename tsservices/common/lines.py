"""
Lines out of a stream of bytes, however the network has cut it.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Lines answered between two looks at whether the peer still reads. With a stamp before each, 64
#: KiB of empty lines become 1.8 MB of answers.
LINES_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class LineTooLong:
    """
    Stands where a line over the limit would have been.

    @ivar limit: the bytes it may have had, without its ending.
    """

    limit: int


class LineSplitter:
    """
    Splits at line feeds.  A line over the limit is not kept: it is told of once,
    and skipped up to its end.

    @ivar more: whether there are whole lines that L{take} has not given yet.
    """

    def __init__(self, limit: int) -> None:
        """@param limit: bytes in a line, without its ending."""
        self._limit = limit
        self._rest = b""
        self._skipping = False
        self.more = False

    @property
    def unfinished(self) -> bool:
        """Whether anything is left of what was fed, or the rest of a line is skipped."""
        return bool(self._rest) or self._skipping

    def feed(self, data: bytes) -> None:
        self._rest += data
        self.more = True

    def take(self, most: int) -> list[bytes | LineTooLong]:
        """Take out what is whole."""
        *whole, self._rest = self._rest.split(b"\n", most)
        lines: list[bytes | LineTooLong] = []
        if whole and not self._skipping and len(max(whole, key=len)) <= self._limit:
            lines.extend(whole)
            whole = []
        for line in whole:
            if self._skipping:
                self._skipping = False
            else:
                lines.append(line if len(line) <= self._limit else LineTooLong(self._limit))
        self.more = b"\n" in self._rest
        if not self.more:
            if self._skipping:
                self._rest = b""
            elif len(self._rest) > self._limit:
                lines.append(LineTooLong(self._limit))
                self._skipping = True
                self._rest = b""
        return lines

    def finish(self) -> bytes:
        """The stream has ended."""
        rest, self._rest = self._rest, b""
        return rest
