"""The timestamp services: each chunk, line or datagram comes back with the time before it."""

from __future__ import annotations

from typing import Any

from tsservices.common.lines import LINES_AT_ONCE, LineSplitter, LineTooLong
from tsservices.common.text import plural
from tsservices.common.timestamps import TimestampFormatter
from tsservices.transport.capabilities import (
    LONG_ANSWER,
    IPrefixingTransport,
    IReplyingTransport,
    capability,
)
from tsservices.transport.context import DatagramContext
from tsservices.transport.datagram import ReplyingDatagramProtocol
from tsservices.transport.stream import StreamProtocol


class TimestampProtocol(StreamProtocol):
    """Stamps each chunk as it was read, without framing."""

    def __init__(self, formatter: TimestampFormatter) -> None:
        self._formatter = formatter

    def connectionReady(self) -> None:
        self._counters = self.factory.counters
        if (replying := capability(self.transport, IReplyingTransport)) is not None:
            replying.replyWith(self._reply, self._formatter)
        if (prefixing := capability(self.transport, IPrefixingTransport)) is not None:
            # Then the time limits see the answers, and L{hasRead} need not be set.
            prefixing.prefixWith(self._formatter, self._counters)

    def dataReceived(self, data: bytes) -> None:
        answer = self._reply(data)
        self.transport.write(answer if isinstance(answer, bytes) else b"".join(answer))

    def _reply(self, data: bytes) -> bytes | tuple[bytes, bytes]:
        # A fast path: dataReceived of the base class and the answer in one call.
        self.hasRead = True
        counters = self._counters
        counters.received += 1
        size = len(data)
        counters.receivedBytes += size
        stamp = self._formatter.roundStamp or self._formatter.stamp()
        return stamp + data if size < LONG_ANSWER else (stamp, data)


class TimestampDatagramProtocol(ReplyingDatagramProtocol):
    """Stamps each datagram."""

    inBatches = True

    def __init__(self, context: DatagramContext, formatter: TimestampFormatter) -> None:
        # As an observer, the formatter keeps one stamp for all datagrams of a round of reads.
        super().__init__(context, formatter)
        self._formatter = formatter

    def answer(self, datagram: bytes) -> bytes:
        return (self._formatter.roundStamp or self._formatter.stamp()) + datagram

    def prefix(self) -> bytes | None:
        return self._formatter.roundStamp or None


class TimestampLineProtocol(StreamProtocol):
    """
    Stamps each line, also if it arrives in several chunks.

    A line can be one byte and a stamp has 27, so the answer to one chunk can have megabytes.
    Therefore this is a producer that stops in the middle of a chunk when the peer does not read.
    """

    textOnly = True
    _paused = False

    def __init__(self, formatter: TimestampFormatter) -> None:
        self._formatter = formatter

    def connectionReady(self) -> None:
        self._lines = LineSplitter(self.factory.context.limits.maxLine)

    def producer(self) -> Any:
        return self

    def pauseProducing(self) -> None:
        self._paused = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self._paused = False
        self._answer()
        if not self._paused and not self.ending:
            self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """Do nothing: the connection is lost, and L{closed} is called too."""

    def chunkReceived(self, data: bytes) -> None:
        self._lines.feed(data)
        self._answer()

    def readConnectionLost(self) -> None:
        # The last line may lack a line ending.
        if line := self._lines.finish():
            self.transport.write(self._formatter.stamp() + line + b"\n")
        self.finish()

    def _answer(self) -> None:
        while self._lines.more and not self._paused and not self.ending:
            lines = self._lines.take(LINES_AT_ONCE)
            if lines:
                stamp = self._formatter.stamp()
                self.transport.write(b"".join([self._reply(stamp, line) for line in lines]))

    def _reply(self, stamp: bytes, line: bytes | LineTooLong) -> bytes:
        if isinstance(line, LineTooLong):
            self.factory.counters.overlong += 1
            self.factory.context.peerLog.warn(
                self.host,
                "{peer} sent a line longer than {limit}",
                peer=self.peer,
                limit=plural(line.limit, "byte"),
            )
            limit = plural(line.limit, "byte")
            return f"! line longer than {limit}: not answered\n".encode("ascii")
        return stamp + line + b"\n"
