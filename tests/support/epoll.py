"""
Helpers for the tests of the epoll transport: a manual reactor, and connections in its set.
"""

from __future__ import annotations

import socket
from typing import Any, ClassVar
from unittest import skipUnless

from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tsservices.transport.epoll import passes
from tsservices.transport.epoll.passes import EpollReactor
from tsservices.transport.epoll.set import available, epollSetOf
from tsservices.transport.epoll.tcp import FastTCPServer


@implementer(IReactorFDSet)
class ManualReactor(Clock):
    """A reactor that only records its readers; the test moves its clock."""

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


#: Iterations of our own reactor in place of one pass of a set: enough for all ready events and
#: those that follow from them.
TURNS = 4


class Recorder(Protocol):
    """A protocol that records its events."""

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
    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self.transport.write(data)


def connect(
    epollSet: EpollReactor, protocol: Protocol, transport: type[FastTCPServer] = FastTCPServer
) -> socket.socket:
    """Make a connection in a set over a socket pair, on which sent data arrives at once."""
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


@skipUnless(available(), "this platform has no epoll")
class EpollCase(SynchronousTestCase):
    """A set with one open port."""

    transport: ClassVar[type[FastTCPServer]] = FastTCPServer

    reactor: Any
    set: Any

    def setUp(self) -> None:
        # One pass handles all ready events, even on a busy machine.
        self.patch(passes, "PASS_SECONDS", 60.0)
        self.openSet()
        self.set.portOpened()

    def openSet(self) -> None:
        self.reactor = ManualReactor()
        self.set = epollSetOf(self.reactor)
        self.addCleanup(self.set.connectionLost, Failure(CONNECTION_LOST))
        # A connection that was aborted is closed in the next turn.
        self.addCleanup(self.reactor.advance, 0)

    def connect(self, protocol: Protocol) -> socket.socket:
        peer = connect(self.set, protocol, self.transport)
        self.addCleanup(peer.close)
        return peer

    def drain(self, peer: socket.socket) -> bytes:
        """Return the data received by the peer until no more arrives."""
        received = b""
        while True:
            self.reactor.advance(0)
            self.set.doRead()
            more = receiveAll(peer)
            if not more:
                return received
            received += more


class MainReactorMixin:
    """The same cases with our own reactor, whose iterations the test runs."""

    def openSet(self: Any) -> None:
        from tsservices.transport.epoll.mainloop import EpollMainReactor

        class TurnedReactor(EpollMainReactor):
            now = 0.0
            turns = TURNS

            def advance(self, seconds: float) -> None:
                self.now += seconds
                self.runUntilCurrent()
                self.doRead()

            def doRead(self) -> None:
                for _ in range(self.turns):
                    self.doIteration(0)

            def getReaders(self) -> list[Any]:
                return [
                    reader for reader in super().getReaders() if reader not in self._internalReaders
                ]

        reactor: Any = TurnedReactor()
        reactor.seconds = lambda: reactor.now
        self.reactor = self.set = reactor
        self.addCleanup(closeReactor, reactor)


def closeReactor(reactor: Any) -> None:
    """Close the remaining connections of our own reactor, and its descriptors."""
    reactor.disconnectAll()
    reactor.runUntilCurrent()
    reactor.waker.connectionLost(None)
    reactor._poller.close()
