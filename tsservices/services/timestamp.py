"""
Timestamp: what comes goes back with the time before it.
"""

from __future__ import annotations

from typing import Any

from tsservices.common.counters import DatagramCounters
from tsservices.common.lines import LINES_AT_ONCE, LineSplitter, LineTooLong
from tsservices.common.timestamps import TimestampFormatter
from tsservices.transport.capabilities import IReplyingTransport, capability
from tsservices.transport.datagram import ReplyingDatagramProtocol
from tsservices.transport.stream import StreamFactory, StreamProtocol
from tsservices.transport.udp_guard import DatagramGuard


class TimestampProtocol(StreamProtocol):
    """Stamps each chunk as it comes, framed or not."""

    def connectionReady(self) -> None:
        """Have at hand what each chunk needs."""
        stamper = self._stamper = self.factory.environment.stamper
        self._counters = self.factory.counters
        if (replying := capability(self.transport, IReplyingTransport)) is not None:
            replying.replyWith(self._reply, stamper)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(self._reply(data))

    def _reply(self, data: bytes) -> bytes:
        """
        What the base class does with a chunk, and the answer, in one call: this is the fast path.
        """
        self.heard = True
        counters = self._counters
        counters.received += 1
        counters.receivedBytes += len(data)
        return (self._stamper.held or self._stamper.stamp()) + data


class TimestampFactory(StreamFactory):
    """Makes L{TimestampProtocol}s."""

    protocol = TimestampProtocol


class TimestampDatagramProtocol(ReplyingDatagramProtocol):
    """Stamps each datagram."""

    def __init__(
        self, guard: DatagramGuard, counters: DatagramCounters, stamper: TimestampFormatter
    ) -> None:
        super().__init__(guard, counters, stamper)
        self._stamper = stamper

    def answer(self, datagram: bytes) -> bytes:
        """The stamp and the request."""
        return (self._stamper.held or self._stamper.stamp()) + datagram


class TimestampLineProtocol(StreamProtocol):
    """
    Stamps each line, however the network cuts it.

    Lines are so short and stamps so long that one chunk can become an answer of
    megabytes.  So this is a producer of its own: it stops in the middle of a chunk
    when the peer does not read.
    """

    _paused = False

    def connectionReady(self) -> None:
        """No line has begun."""
        self._lines = LineSplitter(self.factory.environment.limits.maxLine)

    def producer(self) -> Any:
        """This."""
        return self

    def pauseProducing(self) -> None:
        """The peer does not read."""
        self._paused = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The peer reads again."""
        self._paused = False
        self._answer()
        if not self._paused and not self.ending:
            self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is lost; L{connectionLost} says so too."""

    def chunkReceived(self, data: bytes) -> None:
        self._lines.feed(data)
        self._answer()

    def readConnectionLost(self) -> None:
        """The last line may have no ending."""
        if rest := self._lines.finish():
            self.transport.write(self.factory.environment.stamper.stamp() + rest + b"\n")
        self.finish()

    def _answer(self) -> None:
        """Answer the lines there are, as long as the peer reads."""
        while self._lines.more and not self._paused and not self.ending:
            lines = self._lines.take(LINES_AT_ONCE)
            if lines:
                stamp = self.factory.environment.stamper.stamp()
                self.transport.write(b"".join([self._reply(stamp, line) for line in lines]))

    def _reply(self, stamp: bytes, line: bytes | LineTooLong) -> bytes:
        if isinstance(line, LineTooLong):
            self.factory.counters.overlong += 1
            self.factory.environment.complaints.warn(
                self.host,
                "{peer} sent a line longer than {limit} bytes",
                peer=self.peer,
                limit=line.limit,
            )
            return b"! line longer than %d bytes: not answered\n" % line.limit
        return stamp + line + b"\n"


class TimestampLineFactory(StreamFactory):
    """Makes L{TimestampLineProtocol}s."""

    protocol = TimestampLineProtocol
