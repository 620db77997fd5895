"""
The interface of consoles, and the console without line editing: it reads lines, writes bytes, and
writes errors to standard error.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable
from typing import Protocol as Interface

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer, IReactorFDSet
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.client.terminal.descriptors import writeError
from tsservices.client.terminal.text import TerminalText, complaint
from tsservices.common.text import BYTE_ORDER_MARK

#: How many lines are read ahead.  One read of a pipe can bring more; reading then pauses until
#: there are fewer.
LINES_AHEAD = 1024


class Interrupted(Exception):
    """The error after Ctrl-C at the console."""


class Console(Interface):
    """The interface of consoles."""

    #: Whether a user types the lines.
    interactive: bool
    #: Whether that user sees the output, and so can be asked.
    attended: bool
    #: Fires only when no more output can be written: with L{True} if its reader has left, with
    #: L{False} if it is a file that can't be written.
    outputClosed: Deferred[bool]

    async def readLine(self) -> bytes | None:
        """
        Wait for the next line.

        @return: the line without its newline; L{None} at the end of the input.
        @raise Interrupted: Ctrl-C was typed.
        """

    def write(self, data: bytes) -> None: ...

    def complain(self, message: str) -> None:
        """Print one line on standard error."""

    def registerProducer(self, producer: IPushProducer) -> None:
        """Pause the producer while the output's reader is slow."""

    def unregisterProducer(self) -> None: ...

    async def close(self, flush: bool) -> None:
        """
        Restore the terminal or the pipes.

        @param flush: whether to wait until the output is written.
        """


@implementer(IHalfCloseableProtocol)
class PlainConsole(Protocol):
    """
    A console on any kind of standard input and output.

    Without L{IHalfCloseableProtocol} the end of the input would close the output too.
    """

    transport: StandardIO

    def __init__(
        self,
        interactive: bool,
        screen: bool,
        prompt: bytes = b"",
        errors: Callable[[str], None] = writeError,
        read: bool = True,
    ) -> None:
        """
        @param screen: whether the output is a terminal.
        @param prompt: the prompt before each line, shown on a terminal only.
        @param read: whether the output has a reader, which may leave.
        """
        self.interactive = interactive
        self.attended = interactive and screen
        self._read = read
        self.outputClosed: Deferred[bool] = Deferred()
        self._screen = TerminalText() if screen else None
        self._prompt = prompt if interactive and screen else b""
        self._errors = errors
        self._lines: deque[bytes] = deque()
        self._unfinished: list[bytes] = []
        # Whether the next line is the first one.
        self._first = True
        self._ended = False
        self._paused = False
        self._waiting: Deferred[None] | None = None
        self._midLine = False
        self._atPrompt = False
        self._closed: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        first, *following = data.split(b"\n")
        self._unfinished.append(first)
        for part in following:
            self._lines.append(self._finished())
            self._unfinished = [part]
        if len(self._lines) >= LINES_AHEAD and not self._paused:
            self._paused = True
            self.transport.pauseProducing()
        self._wake()

    def readConnectionLost(self) -> None:
        # Text after the last newline counts as a line.
        last = self._finished()
        if last:
            self._lines.append(last)
        self._ended = True
        self._wake()

    def _finished(self) -> bytes:
        line = b"".join(self._unfinished)
        if self._first:
            self._first = False
            line = line.removeprefix(BYTE_ORDER_MARK.encode())
        return line

    def writeConnectionLost(self) -> None:
        if not self.outputClosed.called:
            self.outputClosed.callback(self._read)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closed.callback(None)

    async def readLine(self) -> bytes | None:
        if self._prompt:
            self.transport.write(self._prompt)
            self._atPrompt = self._midLine = True
        while not self._lines and not self._ended:
            self._waiting = Deferred()
            await self._waiting
        if not self._lines:
            if self._atPrompt:
                self.write(b"")
            return None
        self._atPrompt = self._midLine = False
        line = self._lines.popleft()
        if self._paused and len(self._lines) < LINES_AHEAD // 2:
            self._paused = False
            self.transport.resumeProducing()
        return line

    def write(self, data: bytes) -> None:
        """Print bytes; on a terminal, control characters in them are made visible."""
        if self._screen is not None:
            self._print(self._screen.show(data))
        else:
            self.transport.write(data)

    def complain(self, message: str) -> None:
        start = "\n" if self._midLine else ""
        self._atPrompt = self._midLine = False
        self._errors(start + complaint(message))

    def registerProducer(self, producer: IPushProducer) -> None:
        self.transport.registerProducer(producer, True)

    def unregisterProducer(self) -> None:
        self.transport.unregisterProducer()

    async def close(self, flush: bool) -> None:
        if self._screen is not None:
            self._print(self._screen.show(b"", final=True))
        self.transport.loseConnection()
        if flush and not self.outputClosed.called:
            await self._closed

    def _print(self, text: str) -> None:
        # Text must not be printed on the line of the prompt.
        if self._atPrompt:
            text = "\n" + text
        self._atPrompt = False
        if text:
            self._midLine = not text.endswith("\n")
            self.transport.write(text.encode("utf-8"))

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


def openPlainConsole(reactor: IReactorFDSet, prompt: bytes) -> PlainConsole:
    """Open the console on this process's standard input and output."""
    kind = os.fstat(1).st_mode
    # A reader that leaves is no failure, but a full disk is one.
    read = os.isatty(1) or stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)
    console = PlainConsole(os.isatty(0), os.isatty(1), prompt, read=read)
    StandardIO(console, reactor=reactor)
    return console
