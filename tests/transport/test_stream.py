"""Tests for L{tsservices.transport.stream}."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.logs import gather
from tests.support.services import SuiteServer, connect
from tsservices.common.limits import Limits
from tsservices.common.logs import ConnectionLog
from tsservices.server.registry import BUILTIN, BY_NAME
from tsservices.testing import ManualClock, MemoryTransport
from tsservices.transport.rejection import REJECTED_AT_ONCE, REJECTED_SECONDS
from tsservices.transport.stream import StreamFactory, StreamProtocol, peerName


class StreamProtocolTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.server = SuiteServer()
        self.factory = self.server.listen(BY_NAME["echo"])
        self.protocol, self.transport = self.server.connect(self.factory)

    def test_halfCloseIsNotALoss(self) -> None:
        self.assertTrue(verifyObject(IHalfCloseableProtocol, self.protocol))

    def test_heldBack(self) -> None:
        """The transport is its own producer, so a peer that does not read is not read from."""
        self.assertIs(self.transport.producer, self.transport)
        self.assertTrue(self.transport.streaming)

    def test_heldBackBelowTLS(self) -> None:
        """Below a wrapper only what can't be sent stops the reading: a handshake has to be read."""
        wrapper = MemoryTransport()
        wrapper.transport = self.transport  # type: ignore[attr-defined]
        protocol = self.factory.buildProtocol(wrapper.getPeer())
        assert isinstance(protocol, StreamProtocol)
        protocol.makeConnection(wrapper)
        self.assertIs(protocol.bottomTransport, self.transport)
        producer: Any = wrapper.producer
        verifyObject(IPushProducer, producer)
        producer.pauseProducing()
        self.assertEqual(wrapper.producerState, "producing")
        producer.resumeProducing()
        # Perhaps less than that waits, since the part that is sent counts until all of it is.
        self.transport.producerPaused = True
        producer.pauseProducing()
        self.assertEqual(wrapper.producerState, "paused")
        producer.resumeProducing()
        self.assertEqual(wrapper.producerState, "producing")
        producer.stopProducing()

    def test_finish(self) -> None:
        """The producer is taken off before the connection is closed, once."""
        self.protocol.readConnectionLost()
        self.protocol.writeConnectionLost()
        self.protocol.serverStopping()
        self.assertIsNone(self.transport.producer)
        self.assertTrue(self.transport.disconnecting)
        self.protocol.dataReceived(b"late")
        self.assertEqual(self.transport.value(), b"")

    def test_timeLimitCountsAndAborts(self) -> None:
        self.protocol.expired("stalled")
        self.assertTrue(self.transport.aborted)
        self.assertEqual(self.protocol.factory.counters.stalled, 1)

    def test_countersBalance(self) -> None:
        counters = self.protocol.factory.counters
        self.assertEqual((counters.accepted, counters.open), (1, 1))
        self.assertEqual(self.server.streams.admission.total, 1)
        self.protocol.connectionLost(connectionDone)
        self.assertEqual((counters.accepted, counters.open), (1, 0))
        self.assertEqual(self.server.streams.admission.total, 0)
        self.assertEqual(self.server.streams.timeouts._connections, {})

    def test_measuredTransportBelowWrappers(self) -> None:
        self.assertIs(self.protocol.bottomTransport, self.transport)


class StreamFactoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.logged = gather(self)
        self.clock = ManualClock()
        limits = Limits(maxConnections=50, maxConnectionsPerAddress=2)
        self.server = SuiteServer(limits, clock=self.clock)

    def turnAway(self, factory: StreamFactory, host: str = "192.0.2.1") -> bytes | None:
        protocol = factory.buildProtocol(IPv4Address("TCP", host, 5000))
        if protocol is None:
            return None
        transport = MemoryTransport(host)
        protocol.makeConnection(transport)
        self.assertTrue(transport.disconnecting)
        heard: bytes = transport.value()
        return heard

    def test_rejectionIsSentAndLoggedOnce(self) -> None:
        factory = self.server.listen(BY_NAME["echo"])
        for _ in range(2):
            self.assertIsInstance(
                factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000)), StreamProtocol
            )
        words = b"! your address has its 2 connections\n"
        for _ in range(3):
            self.assertEqual(self.turnAway(factory), words)
        self.assertEqual((factory.counters.accepted, factory.counters.refused), (2, 3))
        self.assertEqual(
            self.logged,
            ["turned 192.0.2.1:5000 away: your address has its 2 connections"],
        )

    def test_withheldLinesAreCounted(self) -> None:
        factory = self.server.listen(BY_NAME["echo"])
        for _ in range(4):
            factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000))
        self.clock.advance(60)
        factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000))
        self.assertIn("(and 1 more line about peers)", self.logged[-1])

    def test_whyConnectionsEnded(self) -> None:
        log = ConnectionLog(self.clock.seconds)
        streams = replace(self.server.streams, connectionLog=log)
        self.server.wiring = replace(self.server.wiring, streams=streams)
        for end, reason, why in (
            (lambda each: None, ConnectionDone(), "closed by the peer"),
            (lambda each: each.finish(), ConnectionDone(), "closed by the server"),
            (lambda each: each.abort(), ConnectionAborted(), "cut by the server"),
            (lambda each: each.expired("idle"), ConnectionAborted(), "silent for too long"),
            (lambda each: None, ConnectionLost(), "reset, or lost on the way"),
        ):
            protocol, _ = self.server.connect(BY_NAME["echo"])
            self.clock.advance(90)
            end(protocol)
            protocol.connectionLost(Failure(reason))
            self.assertIn("192.0.2.1:50000 disconnected after 90.0 s, 0 bytes in", self.logged[-1])
            self.assertEqual(self.logged[-1].rpartition(": ")[2], why)

    def test_slowRejectionIsBounded(self) -> None:
        factory = self.server.listen(BY_NAME["echo"])
        for _ in range(2):
            factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000))
        transports = []
        for _ in range(REJECTED_AT_ONCE):
            protocol = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000))
            assert protocol is not None
            transports.append((protocol, MemoryTransport()))
            protocol.makeConnection(transports[-1][1])
        self.assertIsNone(self.turnAway(factory))
        first, transport = transports[0]
        first.connectionLost(connectionDone)
        self.assertIsNotNone(self.turnAway(factory))
        self.clock.advance(REJECTED_SECONDS)
        self.assertFalse(transport.aborted)
        self.assertTrue(all(item.aborted for _, item in transports[1:]))
        transports[1][0].connectionLost(connectionDone)

    def test_refusalWithoutWords(self) -> None:
        """A client of the time protocol would take words for the time."""
        factory = self.server.listen(BY_NAME["time"])
        for _ in range(2):
            factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000))
        self.assertIsNone(self.turnAway(factory))

    def test_unixPeerIsTrusted(self) -> None:
        factory = self.server.listen(BY_NAME["echo"])
        for _ in range(10):
            protocol = factory.buildProtocol(UNIXAddress(None))
            assert isinstance(protocol, StreamProtocol)
            self.assertEqual(protocol.peer, "unix")

    def test_peerNames(self) -> None:
        self.assertEqual(peerName(IPv4Address("TCP", "192.0.2.1", 7)), "192.0.2.1:7")
        self.assertEqual(peerName(None), "unix")


class EveryServiceTests(SynchronousTestCase):
    def test_survivesAnything(self) -> None:
        """Any bytes, half a close and a loss in any state."""
        for service in BUILTIN:
            if service.stream is None:
                continue
            clock = ManualClock()
            protocol, transport = connect(service.name, SuiteServer(clock=clock))
            for data in (b"\xff\xfe\0\r", b"\n" * 3000, b"x" * 100_000, b"\xe6"):
                protocol.dataReceived(data)
            protocol.readConnectionLost()
            # The chat's flood control takes its time with thousands of lines.
            clock.pump([10.0] * 60)
            self.assertTrue(transport.disconnecting or service.name == "talk", service.name)
            protocol.connectionLost(connectionDone)
            self.assertEqual(protocol.factory.counters.open, 0)
            self.assertEqual(protocol.factory.counters.received, 4)

    def test_goodbyeWhenTheServerStops(self) -> None:
        for service in BUILTIN:
            if service.stream is not None:
                protocol, transport = connect(service.name)
                protocol.serverStopping()
                self.assertTrue(transport.disconnecting, service.name)
                heard = transport.value().endswith(b"! the server stops\n")
                self.assertEqual(heard, service.name in ("talk", "chat"), service.name)
