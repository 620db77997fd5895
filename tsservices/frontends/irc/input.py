"""Messages from received bytes, no faster than the rate limit allows.  Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from tsservices.common.lines import LINES_AT_ONCE, LineSplitter, LineTooLong
from tsservices.frontends.flood import FloodControl
from tsservices.frontends.irc.message import LINE_BYTES, Message, TooLong, parse

#: The beginning of talk, and of talk in a channel; the signs before the text and after it.
_SPOKEN = b"PRIVMSG "
_TALK = b"PRIVMSG #"
_LAST = b" :"
_END = b"\r\n"


class IRCInput:
    """
    Takes bytes and gives messages.

    @ivar delay: seconds until the next message may be taken, set by L{take}.
    """

    def __init__(self, flood: FloodControl | None, monotonic: Callable[[], float]) -> None:
        """
        @param flood: the rate limit; L{None}: no limit.
        @param monotonic: the time in seconds.
        """
        self._lines = LineSplitter(LINE_BYTES)
        self._waiting: deque[bytes | LineTooLong] = deque()
        self._flood = flood
        self._monotonic = monotonic
        self.delay = 0.0
        # The beginning of the last talk, its channel, which is empty before any, and the text
        # between two of its lines.
        self._head, self._target, self._between = b"", "", ""

    @property
    def waiting(self) -> bool:
        """Whether received lines were not taken yet."""
        return bool(self._waiting) or self._lines.more

    def takeTalk(self, data: bytes) -> tuple[str, tuple[str, ...]] | None:
        """
        Take a chunk at once, without L{feed} and L{take}, if it is whole lines of plain talk in one
        channel.

        @return: the channel as written, and the texts; L{None}: the chunk has to go to L{feed}.
        """
        # The hot path: nearly all chunks are such lines, to the same channel as those before.
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
            # A line with another beginning keeps the line end before it, which is not printable.
            # The control characters of CTCP and of formatting are not printable either.
            texts = tuple(text.split(self._between))
            joined = "".join(texts)
        if "" in texts or len(texts) > LINES_AT_ONCE or not joined.isprintable():
            return None
        if self._flood is not None and self._flood.delay(len(texts), len(data), self._monotonic()):
            return None
        return self._target, texts

    def _findHead(self, data: bytes) -> bool:
        # Whether a chunk begins with talk in a channel, which is kept for the next chunks.
        if not data.startswith(_TALK):
            return False
        head, sign, _ = data.partition(_LAST)
        try:
            target = head[len(_SPOKEN) :].decode()
        except UnicodeDecodeError:
            return False
        # The target contains a line end if the sign belongs to a later line.
        if not sign or " " in target or "," in target or not target.isprintable():
            return False
        self._head, self._target = head + sign, target
        self._between = (_END + self._head).decode()
        return True

    def feed(self, data: bytes) -> None:
        self._lines.feed(data)

    def endOfInput(self) -> None:
        """End the input: received bytes without a line end are the last line."""
        while self._lines.more:
            self._waiting.extend(self._lines.take(LINES_AT_ONCE))
        if last := self._lines.finish():
            self._waiting.append(last)

    def take(self) -> Message | None:
        """
        Take the next message.

        @return: L{None}: the line is empty, or has to wait for L{delay}.
        @raise MessageError: the line is not a message.
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
