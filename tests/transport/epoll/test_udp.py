"""
Tests for L{tsservices.transport.epoll.udp}, with sockets that a test reads by hand.
"""

from __future__ import annotations

import errno
import socket
from typing import Any, cast

import pytest
from twisted.internet.error import InvalidAddressError, MessageLengthError
from twisted.internet.interfaces import IListeningPort, IUDPTransport
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.epoll import HandReactor
from tsservices.transport.epoll import udp as fastudp
from tsservices.transport.epoll.udp import FastUDPPort


class EchoDatagrams(DatagramProtocol):
    """A protocol that answers each datagram to its source."""

    transport: FastUDPPort

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Any]] = []
        self.refused = 0

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.received.append((datagram, addr))
        if datagram == b"raise":
            raise ZeroDivisionError
        self.transport.write(datagram, addr)

    def connectionRefused(self) -> None:
        self.refused += 1


class FailingSocket:
    """A socket that fails where it is told to."""

    def __init__(self, real: socket.socket, **failures: int) -> None:
        self.real = real
        self.failures = failures

    def __getattr__(self, name: str) -> Any:
        number = self.failures.pop(name, None)
        if number is None:
            return getattr(self.real, name)

        def fail(*args: object) -> None:
            raise OSError(number, errno.errorcode[number])

        return fail


class FastUDPPortTests(SynchronousTestCase):
    def listen(self, interface: str = "127.0.0.1", **options: Any) -> FastUDPPort:
        self.reactor = HandReactor()
        self.protocol = EchoDatagrams()
        port = FastUDPPort(0, self.protocol, interface, 8192, self.reactor, **options)
        port.startListening()
        self.addCleanup(self.close, port)
        return port

    def close(self, port: FastUDPPort) -> None:
        port.stopListening()
        self.reactor.advance(0)

    def peer(self, port: FastUDPPort, family: int = socket.AF_INET) -> socket.socket:
        peer = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(peer.close)
        peer.settimeout(5)
        peer.connect((port.getHost().host, port.getHost().port))
        return peer

    def failing(self, port: FastUDPPort, **failures: int) -> None:
        port.socket = cast(socket.socket, FailingSocket(port.socket, **failures))

    def test_interface(self) -> None:
        """The port is what Twisted's own is."""
        port = self.listen()
        assert verifyObject(IUDPTransport, port)
        assert verifyObject(IListeningPort, port)
        assert self.reactor.readers == [port]

    def test_receivesAll(self) -> None:
        """All that waits is received in one pass, and answered at once."""
        port = self.listen()
        peer = self.peer(port)
        for number in range(40):
            peer.send(b"%d" % number)
        port.doRead()
        assert [peer.recv(10) for _ in range(40)] == [b"%d" % number for number in range(40)]
        assert self.protocol.received[0] == (b"0", peer.getsockname())

    def test_passEndsByTime(self) -> None:
        """A pass ends when its time is over, also when every datagram is empty."""
        port = self.listen()
        peer = self.peer(port)
        now = 0.0

        def monotonic() -> float:
            nonlocal now
            now += fastudp.PASS_SECONDS / 2
            return now

        self.patch(fastudp, "monotonic", monotonic)
        for _ in range(50):
            peer.send(b"")
        port.doRead()
        assert len(self.protocol.received) == 2 * fastudp.ROUND_DATAGRAMS

    def test_protocolRaises(self) -> None:
        """What a protocol raises for one datagram is logged and costs no other datagram."""
        port = self.listen()
        peer = self.peer(port)
        peer.send(b"raise")
        peer.send(b"fine")
        port.doRead()
        assert peer.recv(10) == b"fine"
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_closedWhileReceiving(self) -> None:
        """A port closed by what it received receives nothing more."""
        port = self.listen()
        peer = self.peer(port)

        def close(datagram: bytes, addr: object) -> None:
            self.protocol.received.append((datagram, addr))
            port.connectionLost()

        self.protocol.datagramReceived = close  # type: ignore[method-assign]
        peer.send(b"1")
        peer.send(b"2")
        port.doRead()
        assert [datagram for datagram, _ in self.protocol.received] == [b"1"]

    def test_addresses(self) -> None:
        """Any address but the source of the datagram being served is checked as Twisted does."""
        port = self.listen()
        for host in ("localhost", "::1", "1.2.3"):
            with pytest.raises(InvalidAddressError):
                port.write(b"x", (host, 1))
        with pytest.raises(AssertionError):
            port.write(b"x")
        peer = self.peer(port)
        port.write(b"direct", peer.getsockname())
        assert peer.recv(10) == b"direct"
        port.writeSequence([b"in ", b"parts"], peer.getsockname())
        assert peer.recv(10) == b"in parts"

    def test_sourceIsForgotten(self) -> None:
        """After the pass the source is an address like any other."""
        port = self.listen()
        peer = self.peer(port)
        peer.send(b"x")
        port.doRead()
        assert port._source is None

    def test_ipv6(self) -> None:
        """An IPv6 source is given as a pair of host and port, and IPv4 cannot be written to."""
        port = self.listen("::1")
        peer = self.peer(port, socket.AF_INET6)
        peer.send(b"six")
        port.doRead()
        assert self.protocol.received == [(b"six", peer.getsockname()[:2])]
        assert peer.recv(10) == b"six"
        with pytest.raises(InvalidAddressError):
            port.write(b"x", ("127.0.0.1", 1))

    def test_tooLong(self) -> None:
        """A datagram that no network takes is the writer's error."""
        port = self.listen()
        address = self.peer(port).getsockname()
        with pytest.raises(MessageLengthError):
            port.write(b"x" * 70000, address)
        errors: list[type[Exception]] = []

        def answer(datagram: bytes, addr: Any) -> None:
            try:
                port.write(b"x" * 70000, addr)
            except MessageLengthError:
                errors.append(MessageLengthError)

        self.protocol.datagramReceived = answer  # type: ignore[method-assign]
        self.peer(port).send(b"x")
        port.doRead()
        assert errors == [MessageLengthError]

    def test_noRoom(self) -> None:
        """When the kernel has no room the writer is told, as by Twisted's own port."""
        port = self.listen()
        address = self.peer(port).getsockname()
        for number in (errno.EAGAIN, errno.ENOBUFS):
            self.failing(port, sendto=number)
            with pytest.raises(OSError, match=errno.errorcode[number]):
                port.write(b"x", address)
        assert port.write(b"x", address) == 1

    def test_otherFailures(self) -> None:
        """A failure to send that says something about the datagram is raised; a refusal is not."""
        port = self.listen()
        address = self.peer(port).getsockname()
        self.failing(port, sendto=errno.EPERM)
        with pytest.raises(PermissionError):
            port.write(b"x", address)
        self.failing(port, sendto=errno.ECONNREFUSED)
        assert port.write(b"x", address) is None

    def test_unreachable(self) -> None:
        """News of a peer that cannot be reached does not end a port, nor the pass."""
        port = self.listen()
        peer = self.peer(port)
        self.failing(port, recvfrom=errno.EHOSTUNREACH)
        peer.send(b"x")
        port.doRead()
        port.doRead()
        assert peer.recv(10) == b"x"
        self.failing(port, recvfrom=errno.ENOTCONN)
        with pytest.raises(OSError, match="ENOTCONN"):
            port.doRead()

    def test_connectedAndRefused(self) -> None:
        """
        A connected port tells its protocol of a refusal, and lives on when the reactor takes the
        report of it for the end.
        """
        port = self.listen()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
            nobody.bind(("127.0.0.1", 0))
            port.connect(*nobody.getsockname())
        port.write(b"x")
        port.doRead()
        assert self.protocol.refused == 1
        port.write(b"x")
        self.reactor.removeReader(port)
        port.readConnectionLost(Failure(CONNECTION_DONE))
        assert self.protocol.refused == 2
        assert self.reactor.readers == [port]
        assert port.connected

    def test_reusePort(self) -> None:
        """Several ports share a number if each asks for it, and else the second cannot listen."""
        first = self.listen(reusePort=True)
        number = first.getHost().port
        second = FastUDPPort(
            number, EchoDatagrams(), "127.0.0.1", 8192, self.reactor, reusePort=True
        )
        second.startListening()
        self.addCleanup(self.close, second)
        assert second.getHost().port == number

    def test_adoptsBoundSocket(self) -> None:
        """A port can be built around a socket that is bound already."""
        self.reactor = reactor = HandReactor()
        protocol = EchoDatagrams()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
            bound.setblocking(False)
            bound.bind(("127.0.0.1", 0))
            address = bound.getsockname()
            port = FastUDPPort._fromListeningDescriptor(
                reactor, bound.fileno(), socket.AF_INET, protocol, 8192
            )
        port.startListening()
        self.addCleanup(self.close, port)
        assert (port.getHost().host, port.getHost().port) == address
        peer = self.peer(port)
        peer.send(b"adopted")
        port.doRead()
        assert peer.recv(10) == b"adopted"
