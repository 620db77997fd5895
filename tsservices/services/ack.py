"""
Ack: each chunk is logged and acknowledged.
"""

from __future__ import annotations

from tsservices.services.hello import EXIT
from tsservices.services.sink import SinkProtocol
from tsservices.text import splitEnding
from tsservices.transport.stream import StreamFactory

ACKNOWLEDGEMENT = "服务器已经收到你的信息".encode()
"""
"The server has received your message".
"""


class AckProtocol(SinkProtocol):
    """
    A sink that acknowledges.
    """

    def chunkReceived(self, data: bytes) -> None:
        """
        @param data: one chunk.
        """
        super().chunkReceived(data)
        content, ending = splitEnding(data)
        if content == EXIT:
            self.finish()
        else:
            self.transport.write(ACKNOWLEDGEMENT + ending)


class AckFactory(StreamFactory):
    """
    Makes L{AckProtocol}s.
    """

    protocol = AckProtocol
