"""
Tests for L{tsservices.transport.epoll.tcp}.

What both promise as Twisted transports is tested by Twisted's own cases, see
L{tests.live.transport.test_twisted_suites}; these are about what is different.
"""

from __future__ import annotations

import os
import select
import socket
from typing import Any

import pytest
from twisted.internet.error import (
    CannotListenError,
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
)
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    ILoggingContext,
    ITCPTransport,
    IUNIXTransport,
)
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.support.epoll import Echo, EpollCase, ManualReactor, Recorder, receiveAll
from tsservices.transport.epoll import passes
from tsservices.transport.epoll import round as epollround
from tsservices.transport.epoll.set import epollSetOf
from tsservices.transport.epoll.tcp import FastTCPPort, FastUNIXServer

BIG = b"b" * (1 << 22)


@implementer(IHalfCloseableProtocol)
class HalfCloseable(Recorder):
    def readConnectionLost(self) -> None:
        self.events.append("readLost")

    def writeConnectionLost(self) -> None:
        self.events.append("writeLost")


class Pulled:
    def __init__(self, transport: Any, chunks: int) -> None:
        self.transport = transport
        self.chunks = chunks
        self.stopped = False

    def resumeProducing(self) -> None:
        if self.chunks:
            self.chunks -= 1
            self.transport.write(b"p" * 1000)
        else:
            self.transport.unregisterProducer()

    def stopProducing(self) -> None:
        self.stopped = True


class Pushed(Pulled):
    paused = False
    resumed = 0

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False
        self.resumed += 1


class FastTCPServerTests(EpollCase):
    def test_interface(self) -> None:
        protocol = Recorder()
        self.connect(protocol)
        assert verifyObject(ITCPTransport, protocol.transport)
        assert verifyObject(ILoggingContext, protocol.transport)
        assert "Recorder" in protocol.transport.logPrefix()

    def test_writesAreSentOnce(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        sent: list[bytes] = []
        real = os.write

        def write(number: int, data: bytes) -> int:
            sent.append(data)
            return real(number, data)

        self.patch(os, "write", write)

        def answer(data: bytes) -> None:
            protocol.transport.write(b"one ")
            protocol.transport.writeSequence([b"two ", b"three "])
            protocol.transport.write(data)
            assert receiveAll(peer) == b""

        protocol.dataReceived = answer  # type: ignore[method-assign]
        peer.send(b"four")
        self.set.doRead()
        assert receiveAll(peer) == b"one two three four"
        assert len(sent) <= 1
        assert protocol.transport.bytesSent == 18
        assert protocol.transport.pendingBytes() == 0

    def test_writeOutsideAPass(self) -> None:
        """One delayed call for the whole set sends it."""
        protocols = [Recorder(), Recorder()]
        peers = [self.connect(protocol) for protocol in protocols]
        for protocol in protocols:
            protocol.transport.write(b"hello ")
            protocol.transport.write(b"there")
        assert protocols[0].transport.pendingBytes() == 11
        assert receiveAll(peers[0]) == b""
        assert len(self.reactor.getDelayedCalls()) == 1
        self.reactor.advance(0)
        assert [receiveAll(peer) for peer in peers] == [b"hello there"] * 2
        assert self.reactor.getDelayedCalls() == []

    def test_bytesOnly(self) -> None:
        protocol = Recorder()
        self.connect(protocol)
        with pytest.raises(TypeError):
            protocol.transport.write("text")  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            protocol.transport.write(bytearray(b"x"))  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            protocol.transport.writeSequence([b"x", "text"])
        assert protocol.transport.pendingBytes() == 0

    def test_slowPeer(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        protocol.transport.write(BIG)
        self.reactor.advance(0)
        assert self.set.getWriters() == [protocol.transport]
        accepted = protocol.transport.bytesSent
        assert 0 < accepted < len(BIG)
        assert protocol.transport.pendingBytes() == len(BIG) - accepted
        protocol.transport.write(b"end")
        assert self.drain(peer) == BIG + b"end"
        assert protocol.transport.bytesSent == len(BIG) + 3
        assert protocol.transport.pendingBytes() == 0
        assert self.set.getWriters() == []

    def test_loseConnection(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        protocol.transport.write(BIG)
        protocol.transport.loseConnection()
        assert self.set.getReaders() == []
        self.reactor.advance(0)
        assert protocol.events == []
        assert self.drain(peer) == BIG
        assert protocol.events == ["lost"]
        assert protocol.reasons[0].check(ConnectionDone)
        assert protocol.transport.pendingBytes() == 0

    def test_loseConnectionWhileReceiving(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)

        def answer(data: bytes) -> None:
            protocol.transport.write(b"bye")
            protocol.transport.loseConnection()
            protocol.transport.loseConnection()

        protocol.dataReceived = answer  # type: ignore[method-assign]
        peer.send(b"x")
        self.set.doRead()
        assert receiveAll(peer) == b"bye"
        assert protocol.events == ["lost"]
        assert peer.recv(1) == b""

    def test_abortConnection(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        protocol.transport.write(b"before")
        protocol.transport.abortConnection()
        protocol.transport.write(b"after")
        protocol.transport.resumeProducing()
        peer.send(b"x")
        self.set.doRead()
        protocol.transport.loseConnection()
        self.set.doRead()
        assert protocol.transport.pendingBytes() == 0
        assert receiveAll(peer) == b""
        self.reactor.advance(0)
        assert protocol.events == ["lost"]
        assert protocol.reasons[0].check(ConnectionAborted)
        assert self.set.getReaders() == []

    def test_abortWhileOthersAreServed(self) -> None:
        """Its queued bytes are not sent, also if its number is in use again."""
        protocol, other = Recorder(), Recorder()
        peer, otherPeer = self.connect(protocol), self.connect(other)

        def close(data: bytes) -> None:
            protocol.transport.write(b"secret")
            protocol.transport.connectionLost(Failure(CONNECTION_DONE))
            protocol.transport.write(b"late")

        other.dataReceived = close  # type: ignore[method-assign]
        otherPeer.send(b"x")
        self.set.doRead()
        assert receiveAll(peer) == b""
        assert protocol.events == ["lost"]

    def test_peerCloses(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        peer.send(b"last")
        peer.close()
        self.set.doRead()
        assert protocol.events == ["data", "lost"]
        assert protocol.reasons[0].check(ConnectionDone)

    def test_peerIsGone(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        protocol.transport.pauseProducing()
        peer.close()
        protocol.transport.write(b"x")
        self.reactor.advance(0)
        assert protocol.events == ["lost"]
        assert protocol.reasons[0].check(ConnectionLost)

    def test_halfClose(self) -> None:
        protocol = HalfCloseable()
        peer = self.connect(protocol)
        protocol.transport.write(b"all")
        protocol.transport.loseWriteConnection()
        self.reactor.advance(0)
        assert receiveAll(peer) == b"all"
        assert peer.recv(1) == b""
        protocol.transport.write(b"nothing")
        assert protocol.transport.pendingBytes() == 0
        peer.send(b"request")
        peer.shutdown(socket.SHUT_WR)
        self.set.doRead()
        assert protocol.events == ["writeLost", "data", "readLost"]
        assert self.set.getReaders() == []
        protocol.transport.loseConnection()
        assert protocol.events[-1] == "lost"

    def test_pausedByAnother(self) -> None:
        protocols = [Recorder(), Recorder()]
        peers = [self.connect(protocol) for protocol in protocols]

        def pause(index: int) -> None:
            protocols[index].events.append("data")
            protocols[1 - index].transport.pauseProducing()

        for index, protocol in enumerate(protocols):
            protocol.dataReceived = lambda data, i=index: pause(i)  # type: ignore[misc,method-assign]
            peers[index].send(b"x")
        self.set.doRead()
        assert sorted(protocol.events for protocol in protocols) == [[], ["data"]]
        for protocol in protocols:
            protocol.transport.resumeProducing()
        self.set.doRead()
        assert [protocol.events for protocol in protocols] == [["data"], ["data"]]
        for protocol in protocols:
            # Only those that read are told of the end.
            protocol.transport.resumeProducing()

    def test_pullProducer(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        producer = Pulled(protocol.transport, 50)
        protocol.transport.registerProducer(producer, False)
        protocol.transport.loseConnection()
        assert self.drain(peer) == b"p" * 50000
        assert protocol.events == ["lost"]

    def test_halfCloseWithPullProducer(self) -> None:
        """As with Twisted's own transport, it happens with the next write."""
        protocol = HalfCloseable()
        peer = self.connect(protocol)
        protocol.transport.registerProducer(Pulled(protocol.transport, 1), False)
        protocol.transport.loseWriteConnection()
        assert self.drain(peer) == b"p" * 1000
        assert protocol.events == []
        protocol.transport.write(b"last")
        assert self.drain(peer) == b"last"
        assert protocol.events == ["writeLost"]

    def test_pullProducerAfterQueuedBytes(self) -> None:
        protocol = Recorder()
        self.connect(protocol)
        producer = Pushed(protocol.transport, 0)
        protocol.transport.write(b"x")
        protocol.transport.registerProducer(producer, False)
        assert producer.resumed == 1
        self.reactor.advance(0)
        assert producer.resumed == 2

    def test_endlessPullProducer(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        now = 0.0

        def monotonic() -> float:
            nonlocal now
            now += passes.PASS_SECONDS / 4
            return now

        self.patch(passes, "monotonic", monotonic)
        protocol.transport.registerProducer(Pulled(protocol.transport, 1 << 60), False)
        self.set.doRead()
        assert len(self.reactor.getDelayedCalls()) == 1
        assert len(receiveAll(peer)) < 10000

    def test_pushProducer(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        producer = Pushed(protocol.transport, 0)
        protocol.transport.registerProducer(producer, True)
        protocol.transport.write(BIG)
        assert producer.paused
        assert self.drain(peer) == BIG
        assert not producer.paused
        protocol.transport.write(b"s" * (1 << 17))
        assert producer.paused
        self.drain(peer)
        assert (producer.paused, producer.resumed) == (False, 2)
        protocol.transport.connectionLost(Failure(CONNECTION_LOST))
        assert producer.stopped

    def test_ownProducer(self) -> None:
        protocol = Echo()
        peer = self.connect(protocol)
        protocol.transport.registerProducer(protocol.transport, True)
        sent = 0
        for _ in range(200):
            try:
                sent += peer.send(b"e" * 65536)
            except BlockingIOError:
                self.set.doRead()
        assert protocol.transport.pendingBytes() < 1 << 19
        assert self.set.getReaders() == []
        assert len(self.drain(peer)) == sent
        assert self.set.getReaders() == [protocol.transport]

    def test_broadcastIsBounded(self) -> None:
        self.patch(epollround, "ROUND_SENDS", 2)
        self.patch(passes, "PASS_SECONDS", 0.0)
        protocols = [Recorder() for _ in range(5)]
        peers = [self.connect(protocol) for protocol in protocols]
        for protocol in protocols:
            protocol.transport.write(b"all")
        counts = []
        for _ in range(3):
            self.set.doRead()
            counts.append(sum(receiveAll(peer) == b"all" for peer in peers))
        assert counts == [2, 2, 1]


class FastUNIXServerTests(FastTCPServerTests):
    transport = FastUNIXServer

    def test_descriptors(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        assert verifyObject(IUNIXTransport, protocol.transport)
        with open(os.devnull) as devnull:
            protocol.transport.sendFileDescriptor(devnull.fileno())  # type: ignore[attr-defined]
            protocol.transport.write(b"xyz")
            self.reactor.advance(0)
        data, descriptors, _, _ = socket.recv_fds(peer, 100, 1)
        data += receiveAll(peer)
        assert (data, len(descriptors)) == (b"xyz", 1)
        assert protocol.transport.bytesSent == 3
        os.close(descriptors[0])


class WriteLastTests(EpollCase):
    def test_writeLastKeepsTheOrder(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        protocol.transport.writeLast(b"now")
        assert receiveAll(peer) == b"now"
        protocol.transport.write(b"first, ")
        protocol.transport.writeLast(b"then")
        assert receiveAll(peer) == b""
        self.set.doRead()
        assert receiveAll(peer) == b"first, then"
        assert protocol.transport.bytesSent == len(b"nowfirst, then")

    def test_writeLastTooMuch(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        large = bytes(1 << 22)
        protocol.transport.writeLast(large)
        assert 0 < protocol.transport.pendingBytes() < len(large)
        protocol.transport.writeLast(b"end")
        assert self.drain(peer) == large + b"end"

    def test_writeLastToNobody(self) -> None:
        """A lost peer is found at the end of the round, not while others are written to."""
        protocol = Recorder()
        peer = self.connect(protocol)
        peer.close()
        protocol.transport.writeLast(b"a")
        protocol.transport.writeLast(b"b")
        assert protocol.reasons == []
        self.set.doRead()
        assert len(protocol.reasons) == 1
        protocol.transport.writeLast(b"c")


class FastTCPPortTests(SynchronousTestCase):
    def test_adoptsListeningSocket(self) -> None:
        reactor = ManualReactor()
        protocol = Echo()
        factory = Factory.forProtocol(lambda: protocol)
        with socket.create_server(("127.0.0.1", 0)) as bound:
            bound.setblocking(False)
            port = FastTCPPort._fromListeningDescriptor(
                reactor, bound.fileno(), socket.AF_INET, factory
            )
        assert reactor.readers == []
        port.startListening()
        epollSet: Any = epollSetOf(reactor)
        assert reactor.readers == [epollSet, port]
        with socket.create_connection(("127.0.0.1", port.getHost().port), 5) as peer:
            port.doRead()
            peer.sendall(b"hello")
            with select.epoll() as poller:
                poller.register(epollSet.fileno(), select.EPOLLIN)
                assert len(poller.poll(5)) == 1
            epollSet.doRead()
            assert peer.recv(100) == b"hello"
            assert protocol.transport.getPeer().port == peer.getsockname()[1]
            port.stopListening()
            reactor.advance(0)
            assert reactor.readers == [epollSet]
        protocol.transport.abortConnection()
        reactor.advance(0)
        assert reactor.readers == []

    def test_noEpollObject(self) -> None:

        def epoll() -> None:
            raise OSError(24, "Too many open files")

        self.patch(select, "epoll", epoll)
        reactor = ManualReactor()
        port = FastTCPPort(0, Factory(), 50, "127.0.0.1", reactor)
        with pytest.raises(CannotListenError):
            port.startListening()
        assert reactor.readers == []

    def test_portTaken(self) -> None:
        reactor = ManualReactor()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = FastTCPPort(taken.getsockname()[1], Factory(), 50, "127.0.0.1", reactor)
            with pytest.raises(CannotListenError):
                port.startListening()
        assert reactor.readers == []
