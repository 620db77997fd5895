"""Messages, out of the bytes that the network brings, no faster than a peer may send.  Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from tsservices.common.lines import LINES_AT_ONCE, LineSplitter, LineTooLong
from tsservices.frontends.flood import FloodControl
from tsservices.frontends.irc.message import LINE_BYTES, Message, TooLong, parse


class IRCInput:
    """
    Takes bytes, gives messages.

    @ivar delay: seconds until the next message may be taken, as L{take} has found.
    """

    def __init__(self, flood: FloodControl | None, monotonic: Callable[[], float]) -> None:
        """
        @param flood: how fast the peer may send; L{None}: without a bound.
        @param monotonic: the time in seconds.
        """
        self._lines = LineSplitter(LINE_BYTES)
        self._waiting: deque[bytes | LineTooLong] = deque()
        self._flood = flood
        self._monotonic = monotonic
        self.delay = 0.0

    @property
    def waiting(self) -> bool:
        """Whether there are lines that were not taken yet."""
        return bool(self._waiting) or self._lines.more

    def feed(self, data: bytes) -> None:
        self._lines.feed(data)

    def endOfInput(self) -> None:
        """Nothing more comes: what has no line end yet is a line too."""
        while self._lines.more:
            self._waiting.extend(self._lines.take(LINES_AT_ONCE))
        if last := self._lines.finish():
            self._waiting.append(last)

    def take(self) -> Message | None:
        """
        Take the next message.

        @return: L{None}: the line says nothing, or has to wait, as L{delay} says.
        @raise MessageError: the line is none.
        """
        self.delay = 0.0
        waiting = self._waiting
        if not waiting:
            waiting.extend(self._lines.take(LINES_AT_ONCE))
            if not waiting:
                return None
        line = waiting[0]
        if self._flood is not None:
            size = line.limit if isinstance(line, LineTooLong) else len(line)
            self.delay = self._flood.delay(1, size, self._monotonic())
            if self.delay:
                return None
        waiting.popleft()
        if isinstance(line, LineTooLong):
            raise TooLong("line")
        return parse(line)
