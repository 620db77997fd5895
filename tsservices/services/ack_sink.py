"""The services sink, which logs received data, and ack, which also acknowledges each chunk."""

from __future__ import annotations

from tsservices.common.addresses import datagramPeer
from tsservices.common.logs import PayloadLog
from tsservices.common.text import splitEnding, utf8Decoder
from tsservices.services.hello import EXIT
from tsservices.transport.context import DatagramContext
from tsservices.transport.datagram import SilentDatagramProtocol
from tsservices.transport.stream import StreamProtocol


class SinkProtocol(StreamProtocol):
    """Logs each chunk."""

    def __init__(self, payloadLog: PayloadLog) -> None:
        self._payloadLog = payloadLog
        # The network can cut a character; the decoder keeps its first bytes.
        self._decoder = utf8Decoder()

    def chunkReceived(self, data: bytes) -> None:
        self._note(self._decoder.decode(data))

    def closed(self) -> None:
        self._note(self._decoder.decode(b"", True))

    def _note(self, text: str) -> None:
        if text:
            self._payloadLog.note(text, self.peer)


class SinkDatagramProtocol(SilentDatagramProtocol):
    """Logs each datagram."""

    def __init__(self, context: DatagramContext, payloadLog: PayloadLog) -> None:
        super().__init__(context)
        self._payloadLog = payloadLog

    def datagramTaken(self, datagram: bytes, address: tuple[str, int]) -> None:
        self._payloadLog.note(utf8Decoder().decode(datagram, True), datagramPeer(*address))


#: "The server has received your message".
ACKNOWLEDGEMENT = "服务器已经收到你的信息".encode()


class AckProtocol(SinkProtocol):
    """Logs each chunk and acknowledges it."""

    def chunkReceived(self, data: bytes) -> None:
        super().chunkReceived(data)
        content, ending = splitEnding(data)
        if content == EXIT:
            self.finish()
        else:
            self.transport.write(ACKNOWLEDGEMENT + ending)
