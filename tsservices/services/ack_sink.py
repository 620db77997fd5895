"""
Sink: what comes is logged, and nothing is answered.

Ack: each chunk is logged and acknowledged.
"""

from __future__ import annotations

from tsservices.common.addresses import hostPort
from tsservices.common.counters import DatagramCounters
from tsservices.common.logs import PayloadLog
from tsservices.common.text import splitEnding, utf8Decoder
from tsservices.services.hello import EXIT
from tsservices.transport.datagram import QuietDatagramProtocol
from tsservices.transport.stream import StreamFactory, StreamProtocol


class SinkProtocol(StreamProtocol):
    """Logs."""

    def connectionReady(self) -> None:
        """No character has begun."""
        self._decoder = utf8Decoder()

    def chunkReceived(self, data: bytes) -> None:
        self._note(self._decoder.decode(data))

    def closed(self) -> None:
        """The rest of a last character does not come any more."""
        self._note(self._decoder.decode(b"", True))

    def _note(self, text: str) -> None:
        if text:
            self.factory.environment.transcript.note(text, self.peer)


class SinkFactory(StreamFactory):
    """Makes L{SinkProtocol}s."""

    protocol = SinkProtocol


class SinkDatagramProtocol(QuietDatagramProtocol):
    """Logs each datagram."""

    def __init__(self, transcript: PayloadLog, counters: DatagramCounters) -> None:
        self._transcript = transcript
        self.counters = counters

    def datagramReceived(self, datagram: bytes, address: tuple[str, int]) -> None:
        self.counters.received += 1
        self.counters.receivedBytes += len(datagram)
        self._transcript.note(utf8Decoder().decode(datagram, True), hostPort(*address))


#: "The server has received your message".
ACKNOWLEDGEMENT = "服务器已经收到你的信息".encode()


class AckProtocol(SinkProtocol):
    """A sink that acknowledges."""

    def chunkReceived(self, data: bytes) -> None:
        super().chunkReceived(data)
        content, ending = splitEnding(data)
        if content == EXIT:
            self.finish()
        else:
            self.transport.write(ACKNOWLEDGEMENT + ending)


class AckFactory(StreamFactory):
    """Makes L{AckProtocol}s."""

    protocol = AckProtocol
