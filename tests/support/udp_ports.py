"""
Shared tests and helpers of the two UDP ports: ports read by the test, a contract for both, failing
sockets, and receive times from the kernel.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import Any, ClassVar, cast

import pytest
from twisted.internet.error import InvalidAddressError, MessageLengthError
from twisted.internet.interfaces import IListeningPort, IUDPTransport
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.epoll import ManualReactor
from tsservices.transport.epoll import udp as fastudp
from tsservices.transport.epoll.udp import ROUND_DATAGRAMS
from tsservices.transport.timestamping import cmsg

#: Seconds until the kernel must have begun to take receive times.
STAMPS_LIMIT = 5.0


class FailingSocket:
    """
    A socket whose calls fail once.

    @param failures: the error number for each call that fails.
    """

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


class UDPPortCase(SynchronousTestCase):
    """
    @cvar portClass: the port under test.
    @cvar protocolClass: a protocol that sends each datagram back, raises for C{raise}, and records
        the datagrams C{received} and how often it was C{refused}.
    """

    portClass: ClassVar[Any]
    protocolClass: ClassVar[Any]

    def setUp(self) -> None:
        # One pass serves all waiting datagrams, even on a busy machine.
        self.patch(fastudp, "PASS_SECONDS", 60.0)

    def listen(self, interface: str = "127.0.0.1", **options: Any) -> Any:
        self.reactor = ManualReactor()
        self.protocol = self.protocolClass()
        return self.start(
            self.portClass(0, self.protocol, interface, 8192, self.reactor, **options)
        )

    def start(self, port: Any) -> Any:
        port.startListening()
        self.addCleanup(self.close, port)
        return port

    def close(self, port: Any) -> None:
        port.stopListening()
        port.reactor.advance(0)

    def adopt(self, bound: socket.socket) -> Any:
        """Make a port from the descriptor of a socket, and close the socket."""
        self.reactor = ManualReactor()
        self.protocol = self.protocolClass()
        with bound:
            bound.setblocking(False)
            port = self.portClass._fromListeningDescriptor(
                self.reactor, bound.fileno(), bound.family, self.protocol, 8192
            )
        return self.start(port)

    def peer(self, port: Any, host: str | None = None) -> socket.socket:
        host = host or port.getHost().host
        peer = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(peer.close)
        peer.settimeout(5)
        peer.connect((host, port.getHost().port))
        return peer

    def serve(self, port: Any, *datagrams: bytes, host: str | None = None) -> socket.socket:
        """Send datagrams and let the port read them; return the sending peer."""
        peer = self.peer(port, host)
        for datagram in datagrams:
            peer.send(datagram)
        port.doRead()
        return peer

    def failing(self, port: Any, **failures: int) -> None:
        port.socket = cast(socket.socket, FailingSocket(port.socket, **failures))


class UDPPortContract(UDPPortCase):
    """
    Tests of both ports, because each has a loop of its own.

    @cvar receive: the socket method by which the port receives.
    """

    __test__ = False

    receive: str

    def datagrams(self) -> list[bytes]:
        return [received[0] for received in self.protocol.received]

    def test_interface(self) -> None:
        port = self.listen()
        assert verifyObject(IUDPTransport, port)
        assert verifyObject(IListeningPort, port)
        assert self.reactor.readers == [port]

    def test_receivesAll(self) -> None:
        datagrams = [b"%d" % number for number in range(40)]
        peer = self.serve(self.listen(), *datagrams)
        assert [peer.recv(10) for _ in datagrams] == datagrams
        assert self.protocol.received[0][:2] == (b"0", peer.getsockname())

    def test_passEndsByTime(self) -> None:
        """A pass has a time limit even if all datagrams are empty."""
        port = self.listen()
        now = 0.0

        def monotonic() -> float:
            nonlocal now
            now += 0.5
            return now

        self.patch(fastudp, "PASS_SECONDS", 1.0)
        self.patch(fastudp, "monotonic", monotonic)
        self.serve(port, *[b""] * 50)
        assert len(self.protocol.received) == 2 * ROUND_DATAGRAMS

    def test_passEndsByBytes(self) -> None:
        port = self.listen()
        self.patch(port, "maxThroughput", 1)
        self.serve(port, *[b"x"] * 50)
        assert len(self.protocol.received) == ROUND_DATAGRAMS

    def test_protocolRaises(self) -> None:
        peer = self.serve(self.listen(), b"raise", b"fine")
        assert peer.recv(10) == b"fine"
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_closedWhileReceiving(self) -> None:
        port = self.listen()

        def close(*received: object) -> None:
            self.protocol.received.append(received)
            port.connectionLost()

        self.protocol.datagramReceived = self.protocol.stampedDatagramReceived = close
        self.serve(port, b"1", b"2")
        assert self.datagrams() == [b"1"]

    def test_unreachable(self) -> None:
        """An error because of an unreachable peer ends neither the port nor the pass."""
        port = self.listen()
        for number in (errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.EINTR, errno.ENOMEM):
            self.failing(port, **{self.receive: number})
            peer = self.serve(port, b"x")
            # The failed call was one whole pass.
            port.doRead()
            assert peer.recv(10) == b"x"
        self.failing(port, **{self.receive: errno.ENOTCONN})
        with pytest.raises(OSError, match="ENOTCONN"):
            port.doRead()

    def test_connectedAndRejected(self) -> None:
        """These errors are ICMP messages only on a connected port; otherwise they would repeat."""
        port = self.listen()
        peer = self.peer(port)
        for number in (errno.EACCES, errno.EPROTO, errno.ENOPROTOOPT):
            self.failing(port, **{self.receive: number})
            with pytest.raises(OSError, match=errno.errorcode[number]):
                port.doRead()
        port.connect(*peer.getsockname())
        for number in (errno.EACCES, errno.EPROTO, errno.ENOPROTOOPT):
            self.failing(port, **{self.receive: number})
            peer.send(b"x")
            port.doRead()
            port.doRead()
        assert self.datagrams() == [b"x"] * 3

    def test_longest(self) -> None:
        self.serve(self.listen(), b"x" * 65_507, b"x", b"")
        assert [len(datagram) for datagram in self.datagrams()] == [8192, 1, 0]

    def test_addresses(self) -> None:
        """Any address but the source of the datagram being served is checked as Twisted does."""
        port = self.listen()
        for host in ("localhost", "::1", "1.2.3"):
            with pytest.raises(InvalidAddressError):
                port.write(b"x", (host, 1))
        with pytest.raises(AssertionError):
            port.write(b"x")
        peer = self.serve(port, b"x")
        assert port._source is None
        port.write(b"direct", peer.getsockname())
        port.writeSequence([b"in ", b"parts"], peer.getsockname())
        assert [peer.recv(10) for _ in range(3)] == [b"x", b"direct", b"in parts"]

    def test_ipv6(self) -> None:
        port = self.listen("::1")
        peer = self.serve(port, b"six")
        assert self.protocol.received[0][:2] == (b"six", peer.getsockname()[:2])
        assert peer.recv(10) == b"six"
        with pytest.raises(InvalidAddressError):
            port.write(b"x", ("127.0.0.1", 1))

    def test_tooLong(self) -> None:
        port = self.listen()
        address = self.peer(port).getsockname()
        raised: list[tuple[str, int]] = []

        def write(datagram: bytes, source: tuple[str, int], *arrival: object) -> None:
            with pytest.raises(MessageLengthError):
                port.write(b"x" * 70_000, source)
            raised.append(source)

        write(b"", address)
        self.protocol.datagramReceived = self.protocol.stampedDatagramReceived = write
        peer = self.serve(port, b"x")
        assert raised == [address, peer.getsockname()]

    def test_sendFails(self) -> None:
        """A refusal is the result of an earlier datagram, and is not raised."""
        port = self.listen()
        address = self.peer(port).getsockname()
        for number in (errno.EAGAIN, errno.ENOBUFS, errno.EPERM):
            self.failing(port, sendto=number)
            with pytest.raises(OSError, match=errno.errorcode[number]):
                port.write(b"x", address)
        self.failing(port, sendto=errno.ECONNREFUSED)
        assert port.write(b"x", address) is None
        assert port.write(b"x", address) == 1

    def test_connectedAndRefused(self) -> None:
        """C{connectionRefused} is called, and the port stays open."""
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

    def test_adoptsBoundSocket(self) -> None:
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind(("127.0.0.1", 0))
        address = bound.getsockname()
        port = self.adopt(bound)
        assert (port.getHost().host, port.getHost().port) == address
        assert self.serve(port, b"adopted").recv(10) == b"adopted"


def startKernelStamps() -> socket.socket:
    """
    Return a socket for which the kernel already takes receive times.

    The kernel begins milliseconds after the first socket on the machine requests them, and stops
    after the last such socket is closed.  A test that needs these times keeps this socket open.
    """
    keeper = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    keeper.bind(("127.0.0.1", 0))
    keeper.settimeout(STAMPS_LIMIT)
    # Not SO_TIMESTAMPNS, for which the kernel fills in the time of the read.
    cmsg.enableTransmitTimestamps(keeper)
    reader = cmsg.ControlMessageReader(None)
    deadline = time.monotonic() + STAMPS_LIMIT
    while time.monotonic() < deadline:
        keeper.sendto(b"x", keeper.getsockname())
        _, control, _, _ = keeper.recvmsg(1, cmsg.CONTROL_BYTES)
        if reader.read(control)[0]:
            return keeper
        os.sched_yield()
    keeper.close()
    raise AssertionError("the kernel takes no receive times")
