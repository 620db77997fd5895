"""Messages, out of the bytes that the network brings, no faster than a peer may send.  Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from tsservices.common.lines import LINES_AT_ONCE, LineSplitter, LineTooLong
from tsservices.frontends.flood import FloodControl
from tsservices.frontends.irc.message import LINE_BYTES, Message, TooLong, parse

#: How talk in a channel begins; what stands before the text.
_SPOKEN = b"PRIVMSG "
_TALK = b"PRIVMSG #"
_LAST = b" :"
_END = b"\r\n"


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
        # How the last talk began, its channel, which is empty before any, and what stands between
        # two lines of it.
        self._head, self._target, self._between = b"", "", ""

    @property
    def waiting(self) -> bool:
        """Whether there are lines that were not taken yet."""
        return bool(self._waiting) or self._lines.more

    def takeTalk(self, data: bytes) -> tuple[str, tuple[str, ...]] | None:
        """
        Take a chunk at one go, without L{feed} and L{take}, if it is whole lines of plain talk in
        one channel.

        @return: the channel as it was written, and what is said; L{None} if it has to be fed.
        """
        # The hot path: nearly all chunks are such lines, and to the channel of those before.
        if self._waiting or self._lines.more or self._lines.unfinished:
            return None
        isSame = self._target and data.startswith(self._head)
        if not data.endswith(_END) or not (isSame or self._findHead(data)):
            return None
        try:
            text = data[len(self._head) : -len(_END)].decode()
        except UnicodeDecodeError:
            return None
        texts: tuple[str, ...]
        if "\n" not in text:
            texts, joined = (text,), text
        else:
            # What begins otherwise has an end of line before it, which is not printable.  So have
            # all signs of CTCP and of formatting.
            texts = tuple(text.split(self._between))
            joined = "".join(texts)
        if "" in texts or len(texts) > LINES_AT_ONCE or not joined.isprintable():
            return None
        if self._flood is not None and self._flood.delay(len(texts), len(data), self._monotonic()):
            return None
        return self._target, texts

    def _findHead(self, data: bytes) -> bool:
        # Whether a chunk begins with talk in a channel.
        if not data.startswith(_TALK):
            return False
        head, sign, _ = data.partition(_LAST)
        try:
            target = head[len(_SPOKEN) :].decode()
        except UnicodeDecodeError:
            return False
        # It has an end of line in it if the text is another line's.
        if not sign or " " in target or "," in target or not target.isprintable():
            return False
        self._head, self._target = head + sign, target
        self._between = (_END + self._head).decode()
        return True

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
