"""
Talk: the operator at the server's terminal, and the people who call.  Raw UTF-8
text, both ways, at any time.
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
from tsservices.common.text import splitEnding, utf8Decoder
from tsservices.services.talk.commands import enter
from tsservices.services.talk.switchboard import OperatorBusy, Switchboard
from tsservices.transport.stream import StreamFactory, StreamProtocol

#: Bytes of one line that the operator of the talk may type.
OPERATOR_LINE = 16 * 1024


STOPPING = "! the server stops"


class TalkProtocol(StreamProtocol):
    """
    One caller.

    What it is sent ends as what it sends does: callers who type lines get lines,
    those who send bare text get bare text.

    @ivar reads: whether it reads what it is sent.
    """

    reads = True
    _silent = False
    _lingering: IDelayedCall | None = None

    def connectionReady(self) -> None:
        """Call."""
        self._decoder = utf8Decoder()
        self._ending = b"\n"
        self.factory.environment.switchboard.arrive(self)

    def producer(self) -> Any:
        """This: both ways are independent of each other."""
        return self

    def pauseProducing(self) -> None:
        """It does not read."""
        self.reads = False

    def resumeProducing(self) -> None:
        """It reads again."""
        self.reads = True

    def stopProducing(self) -> None:
        """The connection is lost; L{connectionLost} says so too."""

    def chunkReceived(self, data: bytes) -> None:
        self._ending = splitEnding(data)[1]
        if text := self._decoder.decode(data):
            self.factory.environment.switchboard.hear(self, text)

    def say(self, text: str) -> None:
        self.transport.write(text.encode("utf-8", "replace") + self._ending)

    def hold(self, held: bool) -> None:
        if held:
            self.transport.pauseProducing()
        elif not self.ending and not self._silent:
            self.transport.resumeProducing()

    def readConnectionLost(self) -> None:
        """The caller has said all; the operator may still answer, for a while."""
        self._silent = True
        environment = self.factory.environment
        environment.switchboard.silence(self)
        self._lingering = environment.clock.callLater(environment.limits.talkLinger, self.finish)

    def serverStopping(self) -> None:
        """The server stops."""
        self.say(STOPPING)
        self.finish()

    def closed(self) -> None:
        """The call is over."""
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        self.factory.environment.switchboard.leave(self)


class TalkFactory(StreamFactory):
    """Makes L{TalkProtocol}s."""

    protocol = TalkProtocol


@implementer(IHalfCloseableProtocol, IPushProducer)
class OperatorProtocol(Protocol):
    """An operator: lines of commands and talk in, lines to show out."""

    transport: ITransport

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard
        self._lines = LineSplitter(OPERATOR_LINE)
        self._finished = False

    def connectionMade(self) -> None:
        """Take the seat, if it is free."""
        IConsumer(self.transport).registerProducer(self, True)
        try:
            self._switchboard.attach(self)
        except OperatorBusy as present:
            self.show(f"! {present}")
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
        """The terminal takes no more for now."""
        self._switchboard.hold(True)
        if not self._finished:
            # What is typed is answered too.
            IPushProducer(self.transport).pauseProducing()

    def resumeProducing(self) -> None:
        """The terminal takes more."""
        self._switchboard.hold(False)
        if not self._finished:
            IPushProducer(self.transport).resumeProducing()

    def stopProducing(self) -> None:
        """The terminal is gone; L{connectionLost} says so too."""

    def readConnectionLost(self) -> None:
        """The end of what is typed ends the console, not the server."""
        if rest := self._lines.finish():
            self._enter(rest)
        self.finish()

    def writeConnectionLost(self) -> None:
        """Nobody sees anything any more."""
        self.finish()

    def finish(self) -> None:
        """Leave the seat."""
        self._finished = True
        self._switchboard.detach(self)
        IConsumer(self.transport).unregisterProducer()
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._switchboard.detach(self)


class OperatorFactory(ServerFactory):
    """Makes L{OperatorProtocol}s for those who attach."""

    noisy = False

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard

    def buildProtocol(self, address: IAddress | None) -> OperatorProtocol:
        """The protocol."""
        return OperatorProtocol(self._switchboard)
