"""
The protocols of talk: the callers' connections and the operator's console.  Both send and receive
raw UTF-8 text at any time.

L{tsservices.services.talk.switchboard} connects callers with the operator.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
    ITransport,
)
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.common.lines import LINES_AT_ONCE, LineSplitter, LineTooLong
from tsservices.common.text import BYTE_ORDER_MARK, splitEnding, utf8Decoder
from tsservices.services.talk.commands import enter
from tsservices.services.talk.switchboard import OperatorBusy, Switchboard
from tsservices.transport.stream import StreamProtocol

#: The most bytes of a line of the operator.  A terminal sends at most 4096, a pipe any number.
OPERATOR_LINE = 16 * 1024

#: The last line that a caller gets.
STOPPING = "! the server stops"


class TalkProtocol(StreamProtocol):
    """
    The connection of a caller.

    Text for a caller gets the line ending of the caller's last chunk, or none if that had none.

    @ivar reads: whether the caller reads; if not, the send buffer is full.
    """

    textOnly = True
    reads = True
    _halfClosed = False
    _lingering: IDelayedCall | None = None

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard
        self._decoder = utf8Decoder()
        self._ending = b"\n"
        self._isFirstText = True

    def connectionReady(self) -> None:
        self._switchboard.arrive(self)

    def producer(self) -> Any:
        # Not the default producer: a caller that does not read may still write, because the two
        # directions are independent here.
        return self

    def pauseProducing(self) -> None:
        self.reads = False

    def resumeProducing(self) -> None:
        self.reads = True

    def stopProducing(self) -> None:
        """Do nothing: the connection is lost, and L{closed} is called too."""

    def chunkReceived(self, data: bytes) -> None:
        self._ending = splitEnding(data)[1]
        if text := self._decoder.decode(data):
            if self._isFirstText:
                self._isFirstText = False
                if not (text := text.removeprefix(BYTE_ORDER_MARK)):
                    return
            self._switchboard.receive(self, text)

    def say(self, text: str) -> None:
        self.transport.write(text.encode("utf-8", "replace") + self._ending)

    def setPaused(self, paused: bool) -> None:
        if paused:
            self.transport.pauseProducing()
        elif not self.ending and not self._halfClosed:
            self.transport.resumeProducing()

    def readConnectionLost(self) -> None:
        """Wait a while for the operator's answer, because the caller has half-closed."""
        self._halfClosed = True
        context = self.factory.context
        self._switchboard.halfClose(self)
        self._lingering = context.clock.callLater(context.limits.talkLinger, self.finish)

    def serverStopping(self) -> None:
        self.say(STOPPING)
        self.finish()

    def closed(self) -> None:
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        self._switchboard.leave(self)


@implementer(IHalfCloseableProtocol, IPushProducer)
class OperatorProtocol(Protocol):
    """
    The console of an operator: reads lines with commands and text, and writes lines.

    It is a producer of its own transport: while the terminal does not read, the server reads
    neither from callers nor from the operator, because each command has an answer.
    """

    transport: ITransport

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard
        self._lines = LineSplitter(OPERATOR_LINE)
        self._finished = False

    def connectionMade(self) -> None:
        IConsumer(self.transport).registerProducer(self, True)
        try:
            self._switchboard.attach(self)
        except OperatorBusy as reason:
            self.show(f"! {reason}")
            self.finish()

    def dataReceived(self, data: bytes) -> None:
        self._lines.feed(data)
        while self._lines.more:
            for line in self._lines.take(LINES_AT_ONCE):
                if isinstance(line, LineTooLong):
                    self.show(f"! a line longer than {line.limit} bytes was not sent")
                else:
                    self._enter(line)

    def _enter(self, line: bytes) -> None:
        text = splitEnding(line)[0].decode("utf-8", "replace")
        if text:
            enter(self._switchboard, text)

    def show(self, line: str) -> None:
        self.transport.write(line.encode("utf-8", "replace") + b"\n")

    def pauseProducing(self) -> None:
        self._switchboard.setPaused(True)
        if not self._finished:
            IPushProducer(self.transport).pauseProducing()

    def resumeProducing(self) -> None:
        self._switchboard.setPaused(False)
        if not self._finished:
            IPushProducer(self.transport).resumeProducing()

    def stopProducing(self) -> None:
        """Do nothing: the terminal is closed, and L{connectionLost} is called too."""

    def readConnectionLost(self) -> None:
        """End the console, not the server, at the end of the input (Ctrl-D)."""
        if line := self._lines.finish():
            self._enter(line)
        self.finish()

    def writeConnectionLost(self) -> None:
        """End the console, because it can show nothing any more."""
        self.finish()

    def finish(self) -> None:
        """Detach from the switchboard and close."""
        self._finished = True
        self._switchboard.detach(self)
        IConsumer(self.transport).unregisterProducer()
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._switchboard.detach(self)


class OperatorFactory(ServerFactory):
    """Makes L{OperatorProtocol}s for operators who attach through the UNIX socket."""

    noisy = False

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard

    def buildProtocol(self, address: IAddress | None) -> OperatorProtocol:
        return OperatorProtocol(self._switchboard)
