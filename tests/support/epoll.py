"""
What the tests of the fast lane share: a reactor driven by hand, and connections to a set of it.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.transport.epoll.set import EpollSet
from tsservices.transport.epoll.tcp import FastTCPServer


@implementer(IReactorFDSet)
class HandReactor(Clock):
    """
    A reactor that only remembers what it was asked to watch; its time is moved by hand.

    @ivar readers: what is watched for reading, in order.
    """

    def __init__(self) -> None:
        """
        Watch nothing.
        """
        super().__init__()
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        """
        Remember C{reader}.
        """
        if reader not in self.readers:
            self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """
        Forget C{reader}.
        """
        if reader in self.readers:
            self.readers.remove(reader)

    def addWriter(self, writer: Any) -> None:
        """
        No test wants this.
        """
        raise NotImplementedError

    def removeWriter(self, writer: Any) -> None:
        """
        Nothing is watched for writing.
        """

    def removeAll(self) -> list[Any]:
        """
        @return: what was watched.
        """
        readers, self.readers = self.readers, []
        return readers

    def getReaders(self) -> list[Any]:
        """
        @return: what is watched.
        """
        return list(self.readers)

    def getWriters(self) -> list[Any]:
        """
        @return: nothing.
        """
        return []


class Recorder(Protocol):
    """
    A protocol that keeps what happens to it.

    @ivar events: the names of the callbacks, in order, each once in a row.
    @ivar received: the bytes received.
    @ivar reasons: why the connection was lost, each time it was.
    """

    transport: FastTCPServer

    def __init__(self) -> None:
        """
        Start with nothing.
        """
        self.events: list[str] = []
        self.received = b""
        self.reasons: list[Failure] = []

    def dataReceived(self, data: bytes) -> None:
        """
        Keep the bytes.
        """
        self.events.append("data")
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Keep the reason.
        """
        self.events.append("lost")
        self.reasons.append(reason)


class Echo(Recorder):
    """
    A L{Recorder} that answers with what it got.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Send C{data} back.
        """
        super().dataReceived(data)
        self.transport.write(data)


def connect(
    epollSet: EpollSet, protocol: Protocol, transport: type[FastTCPServer] = FastTCPServer
) -> socket.socket:
    """
    Make a connection in a set, over a pair of sockets: what one end sends is there for the other
    at once.

    @return: the peer's end, which does not block.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    protocol.makeConnection(transport(ours, protocol, ("192.0.2.1", 5), None, 0, epollSet))
    return theirs


def receiveAll(peer: socket.socket) -> bytes:
    """
    @return: all there is to read for C{peer} now.
    """
    received = b""
    try:
        while data := peer.recv(1 << 20):
            received += data
    except (BlockingIOError, ConnectionResetError):
        pass
    return received
