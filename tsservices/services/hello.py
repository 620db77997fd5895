"""
Hello: a welcome, and a hello for each chunk.
"""

from __future__ import annotations

from tsservices.common.text import splitEnding
from tsservices.transport.datagram import ReplyingDatagramProtocol
from tsservices.transport.stream import StreamFactory, StreamProtocol

#: What a client is told when it comes.
WELCOME = b"Welcome!"

#: The chunk that ends a connection.
EXIT = b"exit"


def greeting(data: bytes) -> bytes:
    """The hello, with the same ending."""
    name, ending = splitEnding(data)
    return b"Hello, %s!%s" % (name, ending)


class HelloProtocol(StreamProtocol):
    """Greets."""

    def connectionReady(self) -> None:
        """Welcome the client."""
        self.transport.write(WELCOME)

    def chunkReceived(self, data: bytes) -> None:
        if splitEnding(data)[0] == EXIT:
            self.finish()
        else:
            self.transport.write(greeting(data))


class HelloFactory(StreamFactory):
    """Makes L{HelloProtocol}s."""

    protocol = HelloProtocol


class HelloDatagramProtocol(ReplyingDatagramProtocol):
    """Greets each datagram."""

    def answer(self, datagram: bytes) -> bytes:
        """The hello."""
        return greeting(datagram)
