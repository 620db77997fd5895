"""The small services of RFC 862 to 868: echo, discard, chargen, daytime and time."""

from __future__ import annotations

from typing import Any

from tsservices.common.timestamps import TimestampFormatter
from tsservices.transport.context import DatagramContext
from tsservices.transport.datagram import ReplyingDatagramProtocol, SilentDatagramProtocol
from tsservices.transport.stream import StreamProtocol

_PRINTABLE = bytes(range(0x20, 0x7F))
_WIDTH = 72

#: All lines of the pattern of RFC 864: 72 of the 95 printable characters, each line beginning one
#: character later.
PATTERN = b"".join((_PRINTABLE * 2)[start : start + _WIDTH] + b"\r\n" for start in range(95))


class EchoProtocol(StreamProtocol):
    """RFC 862: sends all data back."""

    def chunkReceived(self, data: bytes) -> None:
        self.transport.write(data)


class EchoDatagramProtocol(ReplyingDatagramProtocol):
    """RFC 862 over UDP."""

    inBatches = True

    def answer(self, datagram: bytes) -> bytes:
        return datagram

    def prefix(self) -> bytes:
        return b""


class DiscardProtocol(StreamProtocol):
    """RFC 863: discards all data, as the base class does."""


class DiscardDatagramProtocol(SilentDatagramProtocol):
    """RFC 863 over UDP."""


class ChargenProtocol(StreamProtocol):
    """
    RFC 864: an endless pattern, as fast as the peer reads.  Received data is discarded.

    A pull producer: the transport asks for the next pattern when the last one is sent.
    """

    streaming = False

    def producer(self) -> Any:
        return self

    def resumeProducing(self) -> None:
        self.transport.write(PATTERN)

    def stopProducing(self) -> None:
        """Do nothing: the connection is lost, and L{closed} is called too."""


class _ClockProtocol(StreamProtocol):
    """Sends the time once, without a request, and closes."""

    def __init__(self, formatter: TimestampFormatter) -> None:
        self._formatter = formatter

    def connectionReady(self) -> None:
        self.transport.write(self.time())
        self.finish()

    def time(self) -> bytes:
        """Get the time in the form of the service."""
        raise NotImplementedError


class DaytimeProtocol(_ClockProtocol):
    """RFC 867: the time as a line."""

    def time(self) -> bytes:
        return self._formatter.daytime()


class TimeProtocol(_ClockProtocol):
    """RFC 868: the time as four bytes."""

    # A client would read the text of a reason as the time.
    sendsReason = False

    def time(self) -> bytes:
        return self._formatter.rfc868()


class _ClockDatagramProtocol(ReplyingDatagramProtocol):
    """Answers each request with the time."""

    def __init__(self, context: DatagramContext, formatter: TimestampFormatter) -> None:
        super().__init__(context)
        self._formatter = formatter


class DaytimeDatagramProtocol(_ClockDatagramProtocol):
    """RFC 867 over UDP."""

    def answer(self, datagram: bytes) -> bytes:
        return self._formatter.daytime()


class TimeDatagramProtocol(_ClockDatagramProtocol):
    """RFC 868 over UDP."""

    def answer(self, datagram: bytes) -> bytes:
        return self._formatter.rfc868()
