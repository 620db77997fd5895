"""
The small services of RFC 862 to 868: echo, discard, chargen, daytime and time.
"""

from __future__ import annotations

from typing import Any

from tsservices.common.counters import DatagramCounters
from tsservices.common.timestamps import TimestampFormatter
from tsservices.transport.datagram import QuietDatagramProtocol, ReplyingDatagramProtocol
from tsservices.transport.stream import StreamFactory, StreamProtocol
from tsservices.transport.udp_guard import DatagramGuard

_PRINTABLE = bytes(range(0x20, 0x7F))
_WIDTH = 72

#: All lines of the pattern of RFC 864: 72 of the 95 printable characters, each line beginning one
#: character later.
PATTERN = b"".join((_PRINTABLE * 2)[start : start + _WIDTH] + b"\r\n" for start in range(95))


class EchoProtocol(StreamProtocol):
    """RFC 862: what comes goes back."""

    def chunkReceived(self, data: bytes) -> None:
        self.transport.write(data)


class EchoFactory(StreamFactory):
    """Makes L{EchoProtocol}s."""

    protocol = EchoProtocol


class EchoDatagramProtocol(ReplyingDatagramProtocol):
    """RFC 862 over UDP."""

    def answer(self, datagram: bytes) -> bytes:
        """The same."""
        return datagram


class DiscardFactory(StreamFactory):
    """RFC 863: what comes is thrown away, which is what the base protocol does."""

    protocol = StreamProtocol


class DiscardDatagramProtocol(QuietDatagramProtocol):
    """RFC 863 over UDP."""

    def __init__(self, counters: DatagramCounters) -> None:
        self.counters = counters

    def datagramReceived(self, datagram: bytes, address: tuple[str, int]) -> None:
        self.counters.received += 1
        self.counters.receivedBytes += len(datagram)


class ChargenProtocol(StreamProtocol):
    """
    RFC 864: a pattern without an end, as fast as it is read.  What comes is thrown
    away.
    """

    streaming = False

    def producer(self) -> Any:
        """This."""
        return self

    def resumeProducing(self) -> None:
        """Everything written so far is on its way."""
        self.transport.write(PATTERN)

    def stopProducing(self) -> None:
        """The connection is lost; L{connectionLost} says so too."""


class ChargenFactory(StreamFactory):
    """Makes L{ChargenProtocol}s."""

    protocol = ChargenProtocol


class DaytimeProtocol(StreamProtocol):
    """RFC 867: the time as a line, once."""

    def connectionReady(self) -> None:
        """Answer, and close."""
        self.transport.write(self.factory.environment.stamper.daytime())
        self.finish()


class DaytimeFactory(StreamFactory):
    """Makes L{DaytimeProtocol}s."""

    protocol = DaytimeProtocol


class TimeProtocol(StreamProtocol):
    """RFC 868: the time as four bytes, once."""

    def connectionReady(self) -> None:
        """Answer, and close."""
        self.transport.write(self.factory.environment.stamper.rfc868())
        self.finish()


class TimeFactory(StreamFactory):
    """Makes L{TimeProtocol}s."""

    protocol = TimeProtocol
    textual = False


class _ClockDatagramProtocol(ReplyingDatagramProtocol):
    """Answers with the time, whatever is asked."""

    def __init__(
        self, guard: DatagramGuard, counters: DatagramCounters, stamper: TimestampFormatter
    ) -> None:
        super().__init__(guard, counters)
        self._stamper = stamper


class DaytimeDatagramProtocol(_ClockDatagramProtocol):
    """RFC 867 over UDP."""

    def answer(self, datagram: bytes) -> bytes:
        """The time as a line."""
        return self._stamper.daytime()


class TimeDatagramProtocol(_ClockDatagramProtocol):
    """RFC 868 over UDP."""

    def answer(self, datagram: bytes) -> bytes:
        """The time as four bytes."""
        return self._stamper.rfc868()
