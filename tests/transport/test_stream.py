"""
Tests for L{tsservices.transport.stream}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.logs import gather
from tsservices.common.counters import StreamCounters
from tsservices.common.limits import Limits
from tsservices.server.registry import CATALOG
from tsservices.services.rfc86x import EchoFactory, TimeFactory
from tsservices.testing import MemoryTransport, connect, environment
from tsservices.transport.rejection import TURNED_AT_ONCE, TURNED_SECONDS
from tsservices.transport.stream import StreamFactory, StreamProtocol, peerName


class StreamProtocolTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.environment = environment()
        self.protocol, self.transport = connect(EchoFactory, self.environment)

    def test_halfClose(self) -> None:
        """Half-closed connections are told apart."""
        self.assertTrue(verifyObject(IHalfCloseableProtocol, self.protocol))

    def test_heldBack(self) -> None:
        """
        The transport is its own producer, so a peer that does not read is not
        read from.
        """
        self.assertIs(self.transport.producer, self.transport)
        self.assertTrue(self.transport.streaming)

    def test_heldBackBelowTLS(self) -> None:
        """
        Below a wrapper only what can't be sent stops the reading: a handshake has
        to be read.
        """
        wrapper = MemoryTransport()
        wrapper.transport = self.transport  # type: ignore[attr-defined]
        factory = EchoFactory(self.environment, StreamCounters())
        protocol = factory.buildProtocol(wrapper.getPeer())
        assert isinstance(protocol, StreamProtocol)
        protocol.makeConnection(wrapper)
        self.assertIs(protocol.measured, self.transport)
        producer: Any = wrapper.producer
        verifyObject(IPushProducer, producer)
        producer.pauseProducing()
        self.assertEqual(wrapper.producerState, "producing")
        producer.resumeProducing()
        self.transport.pending = 65_536
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

    def test_expired(self) -> None:
        """A time limit counts and aborts."""
        self.protocol.expired("stalled")
        self.assertTrue(self.transport.aborted)
        self.assertEqual(self.protocol.factory.counters.stalled, 1)

    def test_books(self) -> None:
        """What came in with a connection goes out with it."""
        counters = self.protocol.factory.counters
        self.assertEqual((counters.accepted, counters.open), (1, 1))
        self.assertEqual(self.environment.admission.total, 1)
        self.protocol.connectionLost(connectionDone)
        self.assertEqual((counters.accepted, counters.open), (1, 0))
        self.assertEqual(self.environment.admission.total, 0)
        self.assertEqual(self.environment.sweep._connections, {})

    def test_bottom(self) -> None:
        """Below wrappers the measured transport is found."""
        self.assertIs(self.protocol.measured, self.transport)


class StreamFactoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.logged = gather(self)
        self.clock = Clock()
        self.environment = environment(
            self.clock, Limits(maxConnections=50, maxConnectionsPerAddress=2)
        )
        self.counters = StreamCounters()

    def refuse(self, factory: StreamFactory, host: str = "192.0.2.1") -> bytes | None:
        protocol = factory.buildProtocol(IPv4Address("TCP", host, 5000))
        if protocol is None:
            return None
        transport = MemoryTransport(host)
        protocol.makeConnection(transport)
        self.assertTrue(transport.disconnecting)
        told: bytes = transport.value()
        return told

    def test_refusalInWords(self) -> None:
        """Who comes when it is full is told so; it is counted, and logged once."""
        factory = EchoFactory(self.environment, self.counters)
        for _ in range(2):
            self.assertIsInstance(
                factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000)), StreamProtocol
            )
        words = b"! your address has its 2 connections\n"
        for _ in range(3):
            self.assertEqual(self.refuse(factory), words)
        self.assertEqual((self.counters.accepted, self.counters.refused), (2, 3))
        self.assertEqual(
            self.logged,
            ["turned 192.0.2.1:5000 away: your address has its 2 connections"],
        )

    def test_withheldLines(self) -> None:
        """The next line says how many were withheld."""
        factory = EchoFactory(self.environment, self.counters)
        for _ in range(4):
            factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000))
        self.clock.advance(60)
        factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000))
        self.assertIn("(1 lines about peers were withheld", self.logged[-1])

    def test_refusalIsBounded(self) -> None:
        """
        Who draws out being turned away is cut off, and while many do so others
        are hung up.
        """
        factory = EchoFactory(self.environment, self.counters)
        for _ in range(2):
            factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000))
        transports = []
        for _ in range(TURNED_AT_ONCE):
            protocol = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000))
            assert protocol is not None
            transports.append((protocol, MemoryTransport()))
            protocol.makeConnection(transports[-1][1])
        self.assertIsNone(self.refuse(factory))
        first, transport = transports[0]
        first.connectionLost(connectionDone)
        self.assertIsNotNone(self.refuse(factory))
        self.clock.advance(TURNED_SECONDS)
        self.assertFalse(transport.aborted)
        self.assertTrue(all(each.aborted for _, each in transports[1:]))
        transports[1][0].connectionLost(connectionDone)

    def test_refusalWithoutWords(self) -> None:
        """A client of the time protocol would take words for the time."""
        factory = TimeFactory(self.environment, self.counters)
        for _ in range(2):
            factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000))
        self.assertIsNone(self.refuse(factory))

    def test_unix(self) -> None:
        """A UNIX socket's peer counts as trusted."""
        factory = EchoFactory(self.environment, self.counters)
        for _ in range(10):
            protocol = factory.buildProtocol(UNIXAddress(None))
            assert isinstance(protocol, StreamProtocol)
            self.assertEqual(protocol.peer, "unix")

    def test_names(self) -> None:
        """Peers are called by address and port."""
        self.assertEqual(peerName(IPv4Address("TCP", "192.0.2.1", 7)), "192.0.2.1:7")
        self.assertEqual(peerName(None), "unix")


class EveryServiceTests(SynchronousTestCase):
    """What holds for each stream service of the catalogue."""

    def test_survivesAnything(self) -> None:
        """Any bytes, half a close and a loss in any state: no error, books closed."""
        for offering in CATALOG:
            if offering.stream is None:
                continue
            clock = Clock()
            surroundings = environment(clock)
            protocol, transport = connect(offering.stream, surroundings)
            for data in (b"\xff\xfe\0\r", b"\n" * 3000, b"x" * 100_000, b"\xe6"):
                protocol.dataReceived(data)
            protocol.readConnectionLost()
            # The chat's flood control takes its time with thousands of lines.
            clock.pump([10.0] * 60)
            self.assertTrue(transport.disconnecting or offering.name == "talk", offering.name)
            protocol.connectionLost(connectionDone)
            self.assertEqual(protocol.factory.counters.open, 0)
            self.assertEqual(protocol.factory.counters.received, 4)

    def test_goodbye(self) -> None:
        """When the server stops each connection is closed; those who talk are told."""
        for offering in CATALOG:
            if offering.stream is not None:
                protocol, transport = connect(offering.stream, environment())
                protocol.serverStopping()
                self.assertTrue(transport.disconnecting, offering.name)
                told = transport.value().endswith(b"! the server stops\n")
                self.assertEqual(told, offering.name in ("talk", "chat"), offering.name)
