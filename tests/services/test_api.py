"""Tests for L{tsservices.services.api} and for what L{tsservices.testing} offers."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.protocol import DatagramProtocol
from twisted.trial.unittest import SynchronousTestCase

from tsservices.common.limits import Limits
from tsservices.services.api import (
    DatagramContext,
    GuardPolicy,
    ReplyingDatagramProtocol,
    ServiceSpec,
    SilentDatagramProtocol,
    StreamContext,
    StreamFactory,
    StreamProtocol,
)
from tsservices.testing import NOON, ManualClock, MemoryServer
from tsservices.transport.udp_guard import MAX_STREAK

CLIENT = ("192.0.2.1", 50_000)


class Shout(StreamProtocol):
    def chunkReceived(self, data: bytes) -> None:
        self.transport.write(data.upper())


class ShoutDatagram(ReplyingDatagramProtocol):
    def answer(self, datagram: bytes) -> bytes:
        return datagram.upper()


SHOUT = ServiceSpec("shout", "capitals", Shout, ShoutDatagram)


class SpecTests(SynchronousTestCase):
    def test_badRowIsRejected(self) -> None:
        for name in ("", "Shout", "a,b", "a=b", "a b", "1a", "-a", "a" * 33, None):
            self.assertRaises(ValueError, ServiceSpec, name, "text", Shout)
        for summary in ("a\nb", "\x1b[2J", None):
            self.assertRaises(ValueError, ServiceSpec, "shout", summary, Shout)
        self.assertRaises(ValueError, ServiceSpec, "shout", "capitals")

    def test_transportsOfTheRow(self) -> None:
        self.assertEqual(SHOUT.transports, ("tcp", "udp"))
        self.assertEqual(ServiceSpec("shout", "text", Shout).transports, ("tcp",))
        self.assertEqual(ServiceSpec("shout", "", datagram=ShoutDatagram).transports, ("udp",))
        self.assertIsNone(SHOUT.offset)

    def test_bytesRead(self) -> None:
        """A guard sees one byte more than is admitted, so that it can drop what is too long."""
        self.assertEqual(SHOUT.bytesRead(Limits(maxDatagram=600)), 601)
        silent = ServiceSpec("silent", "", datagram=SilentDatagramProtocol, guard=None)
        self.assertEqual(silent.bytesRead(Limits(maxDatagram=600)), 65_535)

    def test_factoryIsAFunction(self) -> None:
        contexts: list[StreamContext] = []

        def listen(context: StreamContext) -> StreamFactory:
            contexts.append(context)
            return StreamFactory(context, Shout)

        server = MemoryServer()
        protocol, _ = server.connect(ServiceSpec("shout", "", listen))
        self.assertIsInstance(protocol, Shout)
        self.assertIs(protocol.factory.counters, contexts[0].counters)
        wrong: Any = lambda context: None  # noqa: E731
        self.assertRaises(TypeError, server.connect, ServiceSpec("shout", "", wrong))
        self.assertRaises(TypeError, server.bind, ServiceSpec("shout", "", datagram=wrong))


class ServedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.server = MemoryServer(Limits(maxConnectionsPerAddress=2))

    def test_streamIsCountedPerListener(self) -> None:
        factory = self.server.listen(SHOUT)
        protocol, transport = self.server.connect(factory)
        protocol.dataReceived(b"hello")
        self.assertEqual(transport.value(), b"HELLO")
        self.server.connect(factory)
        self.assertEqual((factory.counters.accepted, factory.counters.received), (2, 1))
        self.assertRaises(AssertionError, self.server.connect, factory)
        other, _ = self.server.connect(SHOUT, "192.0.2.2")
        self.assertEqual(other.factory.counters.accepted, 1)

    def test_defaultGuardIsTheStrictest(self) -> None:
        protocol, transport = self.server.bind(SHOUT)
        for datagram, address in (
            (b"", CLIENT),
            (b"x" * 513, CLIENT),
            (b"[12] x", CLIENT),
            (b"[1795176600123456789] x", CLIENT),
            (b"x", ("192.0.2.1", 53)),
            (b"x", ("192.0.2.1", 1900)),
            (b"x", ("224.0.0.1", 5000)),
        ):
            protocol.datagramReceived(datagram, address)
        self.assertEqual(transport.sent, [(b"[12] X", CLIENT)])
        counters = protocol.counters
        self.assertEqual((counters.badSize, counters.ownFormat, counters.badSource), (2, 1, 3))
        for _ in range(100):
            self.server.clock.advance(0.25)
            protocol.datagramReceived(b"x", ("127.0.0.1", 5000))
        self.assertEqual(counters.answered, 1 + MAX_STREAK)

    def test_closedPorts(self) -> None:
        """Ports that are bound later count too."""
        protocol, transport = self.server.bind(SHOUT)
        self.server.closedPorts.add(CLIENT[1])
        protocol.datagramReceived(b"x", CLIENT)
        self.assertEqual((transport.sent, protocol.counters.badSource), ([], 1))

    def test_rowChoosesThePolicy(self) -> None:
        service = ServiceSpec("shout", "", datagram=ShoutDatagram, guard=GuardPolicy(trusting=True))
        protocol, transport = self.server.bind(service)
        for _ in range(100):
            protocol.datagramReceived(b"x", ("127.0.0.1", 5000))
        self.assertEqual(len(transport.sent), 100)

    def test_withoutGuard(self) -> None:
        """A service that declares no answers and answers gets the strictest guard."""
        protocol, transport = self.server.bind(
            ServiceSpec("shout", "", datagram=ShoutDatagram, guard=None)
        )
        for _ in range(100):
            protocol.datagramReceived(b"x", ("127.0.0.1", 5000))
        self.assertLess(len(transport.sent), 100)

    def test_guardForProtocolOfTwisted(self) -> None:
        class Asking(DatagramProtocol):
            def __init__(self, context: DatagramContext) -> None:
                self.guard = context.guard()
                self.counters = context.counters

            def datagramReceived(self, datagram: bytes, address: tuple[str, int]) -> None:
                if self.guard.admits(datagram, *address):
                    self.transport.write(datagram, address)  # type: ignore[union-attr]

        protocol, transport = self.server.bind(ServiceSpec("own", "", datagram=Asking))
        for datagram in (b"", b"x"):
            protocol.datagramReceived(datagram, CLIENT)
        self.assertEqual((transport.sent, protocol.counters.badSize), ([(b"x", CLIENT)], 1))

    def test_silentServiceCountsDatagrams(self) -> None:
        taken: list[bytes] = []

        class Noting(SilentDatagramProtocol):
            def datagramTaken(self, datagram: bytes, address: tuple[str, int]) -> None:
                taken.append(datagram)

        protocol, _ = self.server.bind(ServiceSpec("own", "", datagram=Noting, guard=None))
        protocol.datagramReceived(b"hello", ("224.0.0.1", 1))
        self.assertEqual((taken, protocol.counters.receivedBytes), ([b"hello"], 5))

    def test_unsentIsCounted(self) -> None:
        protocol, transport = self.server.bind(SHOUT)
        transport.error = OSError("no buffer space")
        protocol.datagramReceived(b"x", CLIENT)
        self.assertEqual((protocol.counters.answered, protocol.counters.unsent), (0, 1))

    def test_clockMovesOnlyByHand(self) -> None:
        clock = ManualClock()
        server = MemoryServer(clock=clock)
        self.assertIs(server.streams.clock, clock)
        self.assertEqual(clock.nanoseconds(), NOON * 1_000_000_000)
        server.clock.advance(1.5)
        self.assertEqual(clock.nanoseconds(), NOON * 1_000_000_000 + 1_500_000_000)
        self.assertEqual(server.datagrams.monotonic(), 1.5)

    def test_clientDoesNotRead(self) -> None:
        protocol, transport = self.server.connect(SHOUT)
        self.server.streams.timeouts.startService()
        transport.pending = 1000
        self.server.clock.pump([2] * 30)
        self.assertTrue(transport.aborted)
        self.assertEqual(protocol.factory.counters.stalled, 1)
        self.assertEqual(transport.getPeer(), IPv4Address("TCP", *CLIENT))
