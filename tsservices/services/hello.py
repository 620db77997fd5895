"""The service hello: a welcome, and a hello for each chunk."""

from __future__ import annotations

from tsservices.common.text import splitEnding
from tsservices.transport.datagram import ReplyingDatagramProtocol
from tsservices.transport.stream import StreamProtocol

#: Sent when a connection begins.
WELCOME = b"Welcome!"

#: The chunk that ends a connection.
EXIT = b"exit"


def greeting(data: bytes) -> bytes:
    """Make the answer, with the line ending of the chunk."""
    name, ending = splitEnding(data)
    return b"Hello, %s!%s" % (name, ending)


class HelloProtocol(StreamProtocol):
    """Answers each chunk with a hello."""

    def connectionReady(self) -> None:
        self.transport.write(WELCOME)

    def chunkReceived(self, data: bytes) -> None:
        if splitEnding(data)[0] == EXIT:
            self.finish()
        else:
            self.transport.write(greeting(data))


class HelloDatagramProtocol(ReplyingDatagramProtocol):
    """Answers each datagram with a hello."""

    inBatches = True

    def answer(self, datagram: bytes) -> bytes:
        return greeting(datagram)
