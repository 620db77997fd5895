"""Lines of clean text from received bytes.  Pure."""

from __future__ import annotations

import string
from collections import deque
from collections.abc import Callable
from operator import itemgetter

from tsservices.chat.errors import COMMAND_HIDDEN, LINE_LONG, NOT_UTF8, ChatError
from tsservices.common.lines import LINES_AT_ONCE, LineSplitter, LineTooLong
from tsservices.common.text import BYTE_ORDER_MARK, ODD_LETTERS, visible
from tsservices.frontends.flood import FloodControl
from tsservices.frontends.line.telnet import TelnetFilter, edit
from tsservices.frontends.slash.commands import SEPARATORS, cleanCommand, hiddenSecretCommand
from tsservices.frontends.slash.parsing import SIGN

_SIGN = SIGN.encode()

#: A byte order mark, which some programs send first.
_MARK = BYTE_ORDER_MARK.encode()

#: First characters of lines that can't hide a command; nearly all lines begin so, or are empty.
_PLAIN = frozenset(["", *string.ascii_letters, *string.digits])

_FIRST = itemgetter(slice(1))


class LineInput:
    """
    Takes bytes and gives lines of clean text, no faster than the rate limit allows.

    @ivar delay: seconds until the next line may be taken, set by L{take}.
    @ivar clean: no line waits, none is unfinished, and L{takeWholeLines} has taken the last one.
    """

    def __init__(
        self, limit: int, flood: FloodControl | None, monotonic: Callable[[], float]
    ) -> None:
        """
        @param limit: bytes in a line.
        @param flood: the rate limit; L{None}: no limit.
        @param monotonic: the time in seconds.
        """
        self._filter = TelnetFilter()
        self._lines = LineSplitter(limit)
        self._limit = limit
        self._flood = flood
        self._monotonic = monotonic
        self._waiting: deque[bytes | LineTooLong] = deque()
        # The first received bytes, while they may still become a byte order mark.
        self._beginning: bytes | None = b""
        self.delay = 0.0
        self.clean = False

    @property
    def waiting(self) -> bool:
        """Whether received lines were not taken yet."""
        return bool(self._waiting) or self._lines.more

    @property
    def telnet(self) -> bool:
        """Whether the peer is a telnet program."""
        return self._filter.telnet

    def takeWholeLines(self, data: bytes) -> tuple[str, ...] | None:
        """
        Take a chunk at once, without L{feed} and L{take}, if it is whole lines of plain talk.

        @return: the lines without the empty ones; L{None}: the chunk has to go to L{feed}.
        """
        # The hot path of the chat: nearly all chunks are such lines.  Data of telnet programs is
        # not taken here: their commands are not UTF-8, and a carriage return is not printable.
        if len(data) > self._limit or not data.endswith(b"\n"):
            return None
        if self.clean:
            return self._talk(data[:-1])
        if self._waiting or self._lines.unfinished or self._filter.unfinished or self._beginning:
            return None
        texts = self._talk(data[:-1])
        self.clean = texts is not None
        return texts

    def feed(self, data: bytes) -> None:
        if self.clean:
            self.clean = False
            self._filter.lineTaken()
            self._beginning = None
        if self._beginning is not None:
            data = self._withoutMark(self._beginning + data)
        self._lines.feed(self._filter.feed(data))

    def _withoutMark(self, data: bytes) -> bytes:
        if len(data) < len(_MARK) and _MARK.startswith(data):
            self._beginning = data
            return b""
        self._beginning = None
        return data.removeprefix(_MARK)

    def endOfInput(self) -> None:
        """End the input: received bytes without a line end are the last line."""
        if self._beginning:
            self._lines.feed(self._filter.feed(self._beginning))
            self._beginning = None
        while self._lines.more:
            self._waiting.extend(self._lines.take(LINES_AT_ONCE))
        if last := self._lines.finish():
            self._waiting.append(last)

    def take(self, together: bool) -> tuple[str, ...] | ChatError:
        """
        Take the next lines that belong together: plain ones, or one command.

        @param together: whether several plain lines may be taken at once.
        @return: the lines without the empty ones, or the error of a refused line.  No line, with
            L{delay} set, when they have to wait.
        """
        self.delay = 0.0
        waiting = self._waiting
        if not waiting:
            lines = self._lines.take(LINES_AT_ONCE)
            if together and (talk := self._takeAll(lines)) is not None:
                return talk
            waiting.extend(lines)
        texts: list[str] = []
        while waiting:
            line = waiting[0]
            if texts and (isinstance(line, LineTooLong) or line.startswith(_SIGN)):
                break
            if self._flood is not None:
                self.delay = self._flood.delay(1, _size(line), self._monotonic())
                if self.delay:
                    break
            waiting.popleft()
            try:
                text = self._read(line, together)
            except ChatError as error:
                if not texts:
                    return error
                waiting.appendleft(line)
                break
            if texts and isCommand(text):
                # Editing keys in it have made it a command.
                waiting.appendleft(line)
                break
            if text.strip():
                texts.append(text)
                if not together or isCommand(text):
                    break
        return tuple(texts)

    def takeSecret(self) -> str | None:
        """
        Take the next line, a secret, as it was typed: invisible characters stay in it.

        @return: the line, with bytes that are not UTF-8 as lone surrogates.  L{None}, with
            L{delay} set, when it has to wait; L{None} alone when it was not received yet.
        @raise ChatError: the line is too long.
        """
        self.delay = 0.0
        waiting = self._waiting
        if not waiting:
            waiting.extend(self._lines.take(LINES_AT_ONCE))
        if not waiting:
            return None
        if self._flood is not None:
            self.delay = self._flood.delay(1, _size(waiting[0]), self._monotonic())
            if self.delay:
                return None
        line = waiting.popleft()
        if isinstance(line, LineTooLong):
            raise ChatError(LINE_LONG, most=line.limit)
        return edit(line).decode("utf-8", "surrogateescape")

    def _takeAll(self, lines: list[bytes | LineTooLong]) -> tuple[str, ...] | None:
        # All at once, if they are plain talk; a line that was too long is not bytes.
        try:
            joined = b"\n".join(lines)  # type: ignore[arg-type]
        except TypeError:
            return None
        return self._talk(joined)

    def _talk(self, joined: bytes) -> tuple[str, ...] | None:
        try:
            text = joined.decode()
        except UnicodeDecodeError:
            return None
        flood = self._flood
        if "\n" not in text:
            # Most chunks are one line.
            first = text[:1]
            if not text.isprintable() or first == SIGN:
                return None
            if first not in _PLAIN and (not first.isalnum() or first in ODD_LETTERS):
                if _hidesCommand(text):
                    return None
                if text.isspace():
                    text = ""
            if flood is not None and flood.delay(1, len(joined), self._monotonic()):
                return None
            return (text,) if text else ()
        texts = text.split("\n")
        if len(texts) > LINES_AT_ONCE or not "".join(texts).isprintable():
            return None
        if not text.isascii() or SIGN in text or "\\" in text:
            # A line without any of these can't be a command or hide one.
            if text.startswith(SIGN) or "\n" + SIGN in text:
                return None
            if not _PLAIN.issuperset(map(_FIRST, texts)) and any(map(_hidesCommand, texts)):
                return None
        if flood is not None and flood.delay(len(texts), len(joined), self._monotonic()):
            return None
        return tuple([line for line in texts if line and not line.isspace()])

    def _read(self, line: bytes | LineTooLong, talk: bool) -> str:
        if isinstance(line, LineTooLong):
            raise ChatError(LINE_LONG, most=line.limit)
        line = edit(line)
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise ChatError(NOT_UTF8, byte=error.start + 1) from None
        if text[:1] not in _PLAIN and not text.startswith(SIGN) and (name := _hidesCommand(text)):
            raise ChatError(COMMAND_HIDDEN, command=name)
        if text.isprintable():
            return text
        text = text.replace(BYTE_ORDER_MARK, "")
        if not isCommand(text):
            # If it is not talk it is a name, and white space around it is not part of it.
            return visible(text if talk else text.translate(SEPARATORS))
        return cleanCommand(text)


def _hidesCommand(text: str) -> str:
    return "" if text.startswith(SIGN) else hiddenSecretCommand(text)


def _size(line: bytes | LineTooLong) -> int:
    return line.limit if isinstance(line, LineTooLong) else len(line)


def isCommand(line: str) -> bool:
    """Whether a line is a command; two signs begin a line of talk."""
    return line.startswith(SIGN) and not line.startswith(2 * SIGN)
