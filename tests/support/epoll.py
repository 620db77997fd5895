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

from tsservices.transport.epoll.set import EpollReactor
from tsservices.transport.epoll.tcp import FastTCPServer


@implementer(IReactorFDSet)
class HandReactor(Clock):
    """A reactor that only remembers what it was asked to watch; its time is moved by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        if reader not in self.readers:
            self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        if reader in self.readers:
            self.readers.remove(reader)

    def addWriter(self, writer: Any) -> None:
        raise NotImplementedError

    def removeWriter(self, writer: Any) -> None:
        pass

    def removeAll(self) -> list[Any]:
        readers, self.readers = self.readers, []
        return readers

    def getReaders(self) -> list[Any]:
        return list(self.readers)

    def getWriters(self) -> list[Any]:
        return []


class Recorder(Protocol):
    """
    A protocol that keeps what happens to it.

    @ivar received: the bytes received.
    """

    transport: FastTCPServer

    def __init__(self) -> None:
        self.events: list[str] = []
        self.received = b""
        self.reasons: list[Failure] = []

    def dataReceived(self, data: bytes) -> None:
        self.events.append("data")
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.events.append("lost")
        self.reasons.append(reason)


class Echo(Recorder):
    """A L{Recorder} that answers with what it got."""

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self.transport.write(data)


def connect(
    epollSet: EpollReactor, protocol: Protocol, transport: type[FastTCPServer] = FastTCPServer
) -> socket.socket:
    """
    Make a connection in a set, over a pair of sockets: what one end sends is there for the other
    at once.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    protocol.makeConnection(transport(ours, protocol, ("192.0.2.1", 5), None, 0, epollSet))
    return theirs


def receiveAll(peer: socket.socket) -> bytes:
    received = b""
    try:
        while data := peer.recv(1 << 20):
            received += data
    except (BlockingIOError, ConnectionResetError):
        pass
    return received
