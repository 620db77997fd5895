"""Tests for L{tsservices.transport.proxy_protocol}."""

from __future__ import annotations

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.services import SuiteServer
from tsservices.common.limits import Limits
from tsservices.server.registry import BY_NAME
from tsservices.testing import ManualClock, MemoryTransport
from tsservices.transport.proxy_header import SIGNATURE
from tsservices.transport.proxy_protocol import ProxyProtocolFactory, ProxyProtocolWrapper

HEADER = b"PROXY TCP4 198.51.100.7 192.0.2.1 40000 80\r\n"


class PeerFirstTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = ManualClock()
        limits = Limits(maxConnections=3, maxConnectionsPerAddress=1, proxyLimit=10)
        self.server = SuiteServer(limits, clock=self.clock)
        self.admission = self.server.streams.admission
        self.listen("hello")

    def listen(self, name: str) -> None:
        inner = self.server.listen(BY_NAME[name])
        self.counters = inner.counters
        self.factory = ProxyProtocolFactory(inner, inner.context)

    def connect(self) -> tuple[ProxyProtocolWrapper, MemoryTransport]:
        transport = MemoryTransport("127.0.0.1", 9)
        wrapper = self.factory.buildProtocol(transport.getPeer())
        assert isinstance(wrapper, ProxyProtocolWrapper)
        wrapper.makeConnection(transport)
        return wrapper, transport

    def test_protocolStartsAfterTheHeader(self) -> None:
        wrapper, transport = self.connect()
        verifyObject(IHalfCloseableProtocol, wrapper)
        self.assertEqual(transport.value(), b"")
        self.assertEqual(self.counters.accepted, 0)
        wrapper.dataReceived(HEADER[:20])
        wrapper.dataReceived(HEADER[20:])
        self.assertEqual(transport.value(), b"Welcome!")
        protocol = wrapper.wrappedProtocol
        self.assertEqual(protocol.peer, "198.51.100.7:40000")  # type: ignore[attr-defined]
        self.assertIs(protocol.bottomTransport, transport)  # type: ignore[attr-defined]
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_anyCut(self) -> None:
        second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([198, 51, 100, 8, 192, 0, 2, 1])
        second += (40_001).to_bytes(2, "big") + (80).to_bytes(2, "big")
        for header in (HEADER, second):
            wrapper, transport = self.connect()
            for byte in header + b"x":
                wrapper.dataReceived(bytes([byte]))
            self.assertEqual(transport.value(), b"Welcome!Hello, x!")
            wrapper.connectionLost(connectionDone)

    def test_dataBehindTheHeader(self) -> None:
        wrapper, transport = self.connect()
        wrapper.dataReceived(HEADER + b"ann")
        wrapper.dataReceived(b"bob")
        self.assertEqual(transport.value(), b"Welcome!Hello, ann!Hello, bob!")

    def test_clientIsCountedNotTheProxy(self) -> None:
        first, _ = self.connect()
        first.dataReceived(HEADER)
        second, turned = self.connect()
        second.dataReceived(HEADER)
        self.assertIn(b"! your address has", turned.value())
        second.connectionLost(connectionDone)
        first.connectionLost(connectionDone)
        self.assertEqual(self.admission.total, 0)
        self.assertEqual((self.counters.accepted, self.counters.refused), (1, 1))

    def test_hungUp(self) -> None:
        """Where the protocol can't carry text, the client is hung up."""
        self.listen("time")
        for expected in (False, True):
            wrapper, transport = self.connect()
            wrapper.dataReceived(HEADER)
            self.assertEqual(transport.aborted, expected)
        wrapper.connectionLost(connectionDone)
        self.assertEqual(self.admission.total, 1)

    def test_full(self) -> None:
        """Connections without a header count in all."""
        for _ in range(3):
            self.connect()
        self.assertIsNone(self.factory.buildProtocol(MemoryTransport().getPeer()))
        self.assertEqual(self.counters.refused, 1)

    def test_noHeaderClosesTheConnection(self) -> None:
        wrapper, transport = self.connect()
        wrapper.dataReceived(b"GET / HTTP/1.0\r\n\r\n")
        self.assertTrue(transport.disconnecting)
        self.assertEqual(transport.value(), b"")
        self.assertEqual(self.counters.unproxied, 1)
        wrapper.connectionLost(connectionDone)
        self.assertEqual(self.admission.total, 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_noAddress(self) -> None:
        """A client whose address is none could write to terminals and logs."""
        wrapper, transport = self.connect()
        wrapper.dataReceived(b"PROXY TCP4 \x1b[31mEVIL 192.0.2.1 1 2\r\nhello\n")
        wrapper.dataReceived(HEADER)
        self.assertTrue(transport.disconnecting)
        self.assertEqual(transport.value(), b"")
        self.assertEqual((self.counters.unproxied, self.counters.accepted), (1, 0))
        wrapper.connectionLost(connectionDone)
        self.assertEqual(self.admission.total, 0)

    def test_unknownClient(self) -> None:
        """The connection goes on with the addresses of its socket."""
        local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\x03xyz"
        for header in (b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ::1 x 1\r\n", local):
            wrapper, transport = self.connect()
            wrapper.dataReceived(header + b"ann")
            self.assertEqual(transport.value(), b"Welcome!Hello, ann!")
            self.assertEqual(wrapper.wrappedProtocol.peer, "127.0.0.1:9")  # type: ignore[attr-defined]
            wrapper.connectionLost(connectionDone)
        self.assertEqual(self.counters.unproxied, 0)

    def test_endsInTheMiddle(self) -> None:
        wrapper, transport = self.connect()
        wrapper.dataReceived(HEADER[:-1])
        wrapper.readConnectionLost()
        self.assertTrue(transport.disconnecting)
        self.assertEqual(self.counters.unproxied, 1)

    def test_lateHeaderClosesTheConnection(self) -> None:
        wrapper, transport = self.connect()
        self.clock.advance(10)
        self.assertTrue(transport.aborted)
        wrapper.connectionLost(connectionDone)
        self.assertEqual(self.counters.unproxied, 1)
        self.assertEqual(self.admission.total, 0)

    def test_halfClosed(self) -> None:
        wrapper, transport = self.connect()
        wrapper.dataReceived(HEADER)
        wrapper.readConnectionLost()
        self.assertTrue(transport.disconnecting)
        self.assertIsNone(transport.producer)
        silent, transport = self.connect()
        silent.readConnectionLost()
        silent.writeConnectionLost()
        self.assertTrue(transport.disconnecting)

    def test_secure(self) -> None:
        """What the client's way to the proxy is counts, not that of the proxy to here."""
        four = bytes([127, 0, 0, 1]) * 2 + bytes(4)
        far = bytes([198, 51, 100, 7]) * 2 + bytes(4)
        encrypted = b"\x20\0\x05\x01\0\0\0\0"
        for header, expected in (
            (HEADER, False),
            (b"PROXY UNKNOWN\r\n", False),
            (b"PROXY TCP4 127.0.0.1 192.0.2.1 40000 80\r\n", True),
            (SIGNATURE + b"\x21\x11\0\x0c" + far, False),
            (SIGNATURE + b"\x21\x11\0\x0c" + four, True),
            (SIGNATURE + b"\x21\x11\0\x14" + far + encrypted, True),
            (SIGNATURE + b"\x20\x11\0\x14" + far + encrypted, False),
        ):
            wrapper, _ = self.connect()
            wrapper.dataReceived(header)
            self.assertIs(wrapper.wrappedProtocol.secure, expected)  # type: ignore[attr-defined]
            wrapper.connectionLost(connectionDone)
