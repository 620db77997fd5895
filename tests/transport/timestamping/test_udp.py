"""
Tests for L{tsservices.transport.timestamping.udp} and of its control messages, with
sockets that a test reads by hand.
"""

from __future__ import annotations

import errno
import socket
import sys
import time
from typing import Any, cast

import pytest
from twisted.internet.error import InvalidAddressError, MessageLengthError
from twisted.internet.interfaces import IHalfCloseableDescriptor, IListeningPort, IUDPTransport
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.epoll import HandReactor
from tests.support.udp import startKernelStamps
from tests.transport.epoll.test_udp import FailingSocket
from tsservices.transport.epoll import udp as fastudp
from tsservices.transport.timestamping import cmsg as ancillary
from tsservices.transport.timestamping import udp as stampedudp
from tsservices.transport.timestamping.cmsg import (
    GROUP_DESTINATION,
    ControlMessageReader,
    readTransmitTimestamp,
)
from tsservices.transport.timestamping.udp import (
    ReceiveInfo,
    TimestampedDatagramProtocol,
    TimestampedUDPPort,
)

#: Nanoseconds since 1970 that no kernel says in these tests.
LATER = 5_000_000_000_000_000_000


class Notes(TimestampedDatagramProtocol):
    """A protocol that answers each datagram from where it was sent to."""

    transport: TimestampedUDPPort

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Any, ReceiveInfo]] = []
        self.transmitted: list[tuple[int, int]] = []
        self.refused = 0

    def stampedDatagramReceived(
        self, datagram: bytes, address: tuple[str, int], arrival: ReceiveInfo
    ) -> None:
        self.received.append((datagram, address, arrival))
        if datagram == b"raise":
            raise ZeroDivisionError
        if datagram != b"quiet":
            self.transport.write(datagram, address, arrival.destination)

    def transmitStamp(self, number: int, nanoseconds: int) -> None:
        self.transmitted.append((number, nanoseconds))
        if number == 13:
            raise ZeroDivisionError

    def connectionRefused(self) -> None:
        self.refused += 1


@pytest.mark.skipif(not ancillary.LINUX, reason="only Linux tells what this is about")
class StampedUDPPortTests(SynchronousTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.addClassCleanup(startKernelStamps().close)

    def listen(self, interface: str = "127.0.0.1", **options: Any) -> TimestampedUDPPort:
        self.reactor = HandReactor()
        self.protocol = Notes()
        port = TimestampedUDPPort(0, self.protocol, interface, 8192, self.reactor, **options)
        port.startListening()
        self.addCleanup(self.close, port)
        return port

    def close(self, port: TimestampedUDPPort) -> None:
        port.stopListening()
        self.reactor.advance(0)

    def peer(self, host: str, port: TimestampedUDPPort) -> socket.socket:
        peer = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(peer.close)
        peer.settimeout(5)
        peer.connect((host, port.getHost().port))
        return peer

    def test_interface(self) -> None:
        """
        The port is what Twisted's own is, and half-closeable: so it survives what an error queue
        and a refusal look like.
        """
        port = self.listen()
        assert verifyObject(IUDPTransport, port)
        assert verifyObject(IListeningPort, port)
        assert IHalfCloseableDescriptor.providedBy(port)
        assert self.reactor.readers == [port]

    def test_kernelTime(self) -> None:
        """The time is when the datagram came, not when it was read."""
        port = self.listen()
        peer = self.peer("127.0.0.1", port)
        before = time.time_ns()
        peer.send(b"x")
        sent = time.time_ns()
        while time.time_ns() < sent + 2_000_000:
            pass
        port.doRead()
        datagram, source, arrival = self.protocol.received[-1]
        assert (datagram, source) == (b"x", peer.getsockname())
        assert before <= arrival.ns <= sent + 1_000_000
        assert arrival.kernel
        assert port.stamping

    def test_destination(self) -> None:
        """A port at all addresses knows which was asked, and answers from it."""
        for interface, hosts in (
            ("", ("127.0.0.1", "127.0.0.2", "127.77.1.3")),
            ("0.0.0.0", ("127.0.0.2",)),
            ("127.0.0.2", ("127.0.0.2",)),
            ("::1", ("::1",)),
            ("::", ("::1",)),
        ):
            port = self.listen(interface)
            for host in hosts:
                peer = self.peer(host, port)
                peer.send(b"x")
                port.doRead()
                _, source, arrival = self.protocol.received[-1]
                assert arrival.destination == host
                assert source == peer.getsockname()[:2]
                # A connected socket receives from where it is connected to and nowhere else.
                assert peer.recv(10) == b"x"
            self.close(port)

    def test_bothFamilies(self) -> None:
        """A port for IPv6 and IPv4 answers IPv4 from the right address too."""
        self.reactor = HandReactor()
        self.protocol = Notes()
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as bound:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            bound.bind(("::", 0))
            bound.setblocking(False)
            port = TimestampedUDPPort._fromListeningDescriptor(
                self.reactor, bound.fileno(), socket.AF_INET6, self.protocol, 8192
            )
        port.startListening()
        self.addCleanup(self.close, port)
        peer = self.peer("127.0.0.9", port)
        peer.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 33)
        peer.send(b"x")
        port.doRead()
        _, _, arrival = self.protocol.received[-1]
        assert (arrival.destination, arrival.ttl) == ("::ffff:127.0.0.9", 33)
        assert peer.recv(10) == b"x"

    def timed(self, interface: str) -> tuple[TimestampedUDPPort, list[int]]:
        port = self.listen(interface)
        times: list[int] = []

        def reply(datagram: bytes, *_: object) -> bytes | tuple[bytes, Any]:
            return datagram if datagram == b"plain" else (datagram, times.append)

        self.unsent = 0

        def unsent() -> None:
            self.unsent += 1

        port.reflectWith(reply, unsent)
        return port, times

    def test_timed(self) -> None:
        """
        When an answer leaves is told to who asked, at once, from any address and beside answers
        of which nobody asks; nothing is left in the error queue.
        """
        for interface, host in (("", "127.0.0.2"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")):
            port, times = self.timed(interface)
            peer = self.peer(host, port)
            for number, datagram in enumerate((b"x", b"plain", b"y", b"plain", b"z")):
                before = time.time_ns()
                peer.send(datagram)
                port.doRead()
                assert peer.recv(10) == datagram
                assert len(times) == number // 2 + 1
                if datagram != b"plain":
                    assert before < times[-1] < time.time_ns()
            with pytest.raises(BlockingIOError):
                port.socket.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            self.close(port)

    def test_timedUnsent(self) -> None:
        """An answer that is not sent costs nobody else's time."""
        port, times = self.timed("127.0.0.1")
        peer = self.peer("127.0.0.1", port)
        for failures in ({}, {"sendmsg": errno.ENOBUFS}, {}):
            real = port.socket
            failing: Any = FailingSocket(real, **failures)
            port.socket = port._transmitTimes._socket = failing
            before = time.time_ns()
            peer.send(b"x")
            port.doRead()
            port.socket = real
        assert (len(times), self.unsent) == (2, 1)
        assert before < times[-1]

    def test_timedUntold(self) -> None:
        """Where the kernel does not tell, an answer is just sent."""
        self.patch(ancillary, "LINUX", False)
        port, times = self.timed("127.0.0.1")
        peer = self.peer("127.0.0.1", port)
        peer.send(b"x")
        port.doRead()
        assert (peer.recv(10), times) == (b"x", [])

    def test_timedUnable(self) -> None:
        """Nor is it missed where the kernel tells when datagrams come and not when they leave."""
        port, times = self.timed("127.0.0.1")
        peer = self.peer("127.0.0.1", port)
        real = port.socket
        port._transmitTimes._socket = cast(Any, FailingSocket(real, setsockopt=errno.ENOPROTOOPT))
        peer.send(b"x")
        port.doRead()
        assert (peer.recv(10), times, self.unsent) == (b"x", [], 0)

    def test_timedLater(self) -> None:
        """
        A time that is not there at once is found when the reactor is woken for it, and one of
        a datagram that nobody remembers is dropped.
        """
        port, times = self.timed("127.0.0.1")
        peer = self.peer("127.0.0.1", port)
        take = port._takeError
        self.patch(port, "_takeError", lambda: False)
        for _ in range(2):
            peer.send(b"x")
            port.doRead()
        self.patch(port, "_takeError", take)
        port._transmitTimes._waiting.popitem(last=False)
        port.readConnectionLost(Failure(CONNECTION_DONE))
        assert len(times) == 1
        assert port.connected

    def test_forMany(self) -> None:
        """What was sent to many is told apart."""
        port = self.listen("")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            peer.sendto(b"quiet", ("127.255.255.255", port.getHost().port))
        port.doRead()
        assert self.protocol.received[-1][2].destination == GROUP_DESTINATION

    def test_timeToLive(self) -> None:
        """TTL and hop limit come with the datagram, the type of service if asked for."""
        for host, level, ttl, tos in (
            ("127.0.0.1", socket.IPPROTO_IP, socket.IP_TTL, socket.IP_TOS),
            ("::1", socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, socket.IPV6_TCLASS),
        ):
            for asked in (True, False):
                port = self.listen(host, tos=asked)
                peer = self.peer(host, port)
                peer.setsockopt(level, ttl, 17)
                peer.setsockopt(level, tos, 0xB8)
                peer.send(b"x")
                port.doRead()
                arrival = self.protocol.received[-1][2]
                assert (arrival.ttl, arrival.tos) == (17, 0xB8 if asked else None)
                self.close(port)

    def test_withoutKernel(self) -> None:
        """Where the kernel tells nothing the time of reading counts, and is marked."""
        self.patch(ancillary, "LINUX", False)
        port = self.listen("", transmit=True, nanoclock=lambda: LATER)
        peer = self.peer("127.0.0.1", port)
        peer.send(b"x")
        port.doRead()
        arrival = self.protocol.received[-1][2]
        assert arrival == ReceiveInfo(LATER, False, None, None, None)
        assert not port.stamping
        assert not port.transmitting
        assert peer.recv(10) == b"x"
        assert self.protocol.transmitted == []

    def test_refusedOption(self) -> None:
        """A kernel that does not know the option is no error."""

        class Refusing:
            """A socket without options."""

            family = socket.AF_INET

            def setsockopt(self, *words: object) -> None:
                raise OSError(errno.ENOPROTOOPT, "no such option")

        assert not ancillary.enableTimestamps(cast(socket.socket, Refusing()))

    def test_reflects(self) -> None:
        """
        A function may answer in place of the protocol; it is given what an arrival has and the
        time of the pass, and its answer leaves from where the datagram was sent to.
        """
        self.patch(stampedudp, "monotonic", lambda: 77.0)
        for interface, host in (("", "127.0.0.2"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")):
            port = self.listen(interface)
            asked: list[tuple[Any, ...]] = []

            def reply(
                datagram: bytes, *arrival: Any, asked: list[tuple[Any, ...]] = asked
            ) -> bytes | None:
                asked.append((datagram, *arrival))
                if datagram == b"raise":
                    raise ZeroDivisionError
                return None if datagram == b"quiet" else datagram.upper()

            port.reflectWith(reply, lambda: None)
            peer = self.peer(host, port)
            before = time.time_ns()
            for data in (b"quiet", b"raise", b"answer"):
                peer.send(data)
            port.doRead()
            assert peer.recv(10) == b"ANSWER"
            assert [each[0] for each in asked] == [b"quiet", b"raise", b"answer"]
            assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
            for _, source, ns, kernel, destination, ttl, now in asked:
                assert source == peer.getsockname()[:2]
                assert before <= ns <= time.time_ns()
                assert (kernel, destination, ttl, now) == (True, host, 64, 77.0)
            assert self.protocol.received == []
            self.close(port)

    def test_reflectionUnsent(self) -> None:
        """
        An answer that the kernel does not send is told, unless an earlier one was refused; whoever
        watches hears of the beginning and the end of the pass.
        """
        for interface, call in (("", "sendmsg"), ("127.0.0.1", "sendto")):
            port = self.listen(interface)
            events: list[str] = []

            class Watcher:
                """Notes what it is told."""

                def roundBegan(self, events: list[str] = events) -> None:
                    events.append("began")

                def roundEnded(self, events: list[str] = events) -> None:
                    events.append("ended")

            def unsent(events: list[str] = events) -> None:
                events.append("unsent")

            port.reflectWith(lambda datagram, *arrival: datagram, unsent, Watcher())
            peer = self.peer("127.0.0.1", port)
            real = port.socket
            for number in (errno.EAGAIN, errno.ECONNREFUSED):
                port.socket = cast(socket.socket, FailingSocket(real, **{call: number}))
                peer.send(b"x")
                port.doRead()
            port.socket = real
            assert events == ["began", "unsent", "ended", "began", "ended"]
            self.close(port)

    def test_errorQueueFails(self) -> None:
        """
        Reading times may be interrupted, and may tell of a refusal; a time of a datagram from
        before the last count is nobody's.
        """
        port = self.listen(transmit=True)
        address = self.peer("127.0.0.1", port).getsockname()
        real = port.socket
        port.socket = cast(socket.socket, FailingSocket(real, recvmsg=errno.EINTR))
        port.write(b"x", address)
        assert [number for number, _ in self.protocol.transmitted] == [0]
        port.socket = cast(socket.socket, FailingSocket(real, recvmsg=errno.EHOSTUNREACH))
        port._drainErrors()
        port.socket = real
        port._transmitted(7, 1)
        assert len(self.protocol.transmitted) == 1

    def test_passEnds(self) -> None:
        """A pass is bounded by time and by bytes."""
        port = self.listen()
        peer = self.peer("127.0.0.1", port)
        now = 0.0

        def monotonic() -> float:
            nonlocal now
            now += fastudp.PASS_SECONDS / 2
            return now

        self.patch(stampedudp, "monotonic", monotonic)
        for _ in range(50):
            peer.send(b"quiet")
        port.doRead()
        assert len(self.protocol.received) == 2 * fastudp.ROUND_DATAGRAMS
        self.patch(stampedudp, "monotonic", lambda: 0.0)
        self.patch(port, "maxThroughput", 1)
        port.doRead()
        assert len(self.protocol.received) == 3 * fastudp.ROUND_DATAGRAMS

    def test_protocolRaises(self) -> None:
        """What a protocol raises costs no other datagram."""
        port = self.listen()
        peer = self.peer("127.0.0.1", port)
        peer.send(b"raise")
        peer.send(b"fine")
        port.doRead()
        assert peer.recv(10) == b"fine"
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_closedWhileReceiving(self) -> None:
        """A port closed by what it received receives nothing more."""
        port = self.listen(transmit=True)
        peer = self.peer("127.0.0.1", port)
        received: list[bytes] = []

        def close(datagram: bytes, *more: object) -> None:
            received.append(datagram)
            port.connectionLost()

        self.protocol.stampedDatagramReceived = close  # type: ignore[assignment, method-assign]
        peer.send(b"1")
        peer.send(b"2")
        port.doRead()
        assert received == [b"1"]

    def test_longest(self) -> None:
        """The longest datagram is cut where it was asked to be; one byte and none are whole."""
        port = self.listen()
        peer = self.peer("127.0.0.1", port)
        for size in (65_507, 1, 0):
            peer.send(b"x" * size)
        port.doRead()
        assert [len(each[0]) for each in self.protocol.received] == [8192, 1, 0]

    def test_transmitTimes(self) -> None:
        """
        The times of what was sent come within the write, each once and in order, after what was
        sent before and after a datagram that was not sent.
        """
        for host in ("127.0.0.1", "::1"):
            port = self.listen(host, transmit=True)
            peer = self.peer(host, port)
            address = peer.getsockname()[:2]
            began = time.time_ns()
            for number in range(3):
                assert port.sent == number
                port.write(b"x", address)
            with pytest.raises(MessageLengthError):
                port.write(b"x" * 70_000, address)
            port.write(b"x", address)
            ended = time.time_ns()
            assert [number for number, _ in self.protocol.transmitted] == [0, 1, 2, 3]
            times = [when for _, when in self.protocol.transmitted]
            assert times == sorted(times)
            assert began <= times[0] <= times[-1] <= ended
            self.close(port)

    def test_numbersAnew(self) -> None:
        """
        After a datagram that was not sent the kernel counts anew, and the numbers go on: whether
        it has counted that one depends on the kernel.
        """
        counted: list[int] = []

        def numberAnew(asked: socket.socket) -> None:
            counted.append(port.sent)
            original(asked)

        original = ancillary.restartCounter
        self.patch(ancillary, "restartCounter", numberAnew)
        port = self.listen(transmit=True)
        address = self.peer("127.0.0.1", port).getsockname()
        port.write(b"x", address)
        real = port.socket
        port.socket = cast(socket.socket, FailingSocket(real, sendto=errno.EAGAIN))
        with pytest.raises(OSError, match="EAGAIN"):
            port.write(b"x", address)
        port.socket = real
        for _ in range(2):
            port.write(b"x", address)
        assert counted == [1]
        assert [number for number, _ in self.protocol.transmitted] == [0, 1, 2]

    def test_transmitTimeLate(self) -> None:
        """
        A time that was not there at once comes with the next pass, also when the reactor takes it
        for the end of the port.
        """
        for late in ("doRead", "readConnectionLost"):
            port = self.listen(transmit=True)
            port.transmitting = False
            port.write(b"x", self.peer("127.0.0.1", port).getsockname())
            assert self.protocol.transmitted == []
            port.transmitting = True
            if late == "doRead":
                port.doRead()
            else:
                self.reactor.removeReader(port)
                port.readConnectionLost(Failure(CONNECTION_DONE))
            assert [number for number, _ in self.protocol.transmitted] == [0]
            assert self.reactor.readers == [port]
            assert port.connected
            self.close(port)

    def test_transmitStampRaises(self) -> None:
        """What the protocol raises for a sent datagram is no error of its writer."""
        port = self.listen(transmit=True)
        address = self.peer("127.0.0.1", port).getsockname()
        for _ in range(15):
            port.write(b"x", address)
        assert [number for number, _ in self.protocol.transmitted] == list(range(15))
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_receivesWithTransmitTimes(self) -> None:
        """A port that tells both times tells both."""
        port = self.listen("", transmit=True)
        peer = self.peer("127.0.0.2", port)
        before = time.time_ns()
        peer.send(b"x")
        port.doRead()
        _, _, arrival = self.protocol.received[-1]
        ((number, left),) = self.protocol.transmitted
        assert (arrival.kernel, number) == (True, 0)
        assert before <= arrival.ns <= left <= time.time_ns()
        assert peer.recv(10) == b"x"

    def test_connectedAndRefused(self) -> None:
        """
        A connected port tells its protocol of a refusal, however it hears of it, and lives on.
        """
        for transmit in (True, False):
            port = self.listen(transmit=transmit)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
                nobody.bind(("127.0.0.1", 0))
                port.connect(*nobody.getsockname())
            assert port.write(b"x") == 1
            port.doRead()
            assert self.protocol.refused == 1
            assert port.write(b"x") == 1
            assert port.write(b"x") is None
            assert self.protocol.refused == 2
            assert port.write(b"x") == 1
            self.reactor.removeReader(port)
            port.readConnectionLost(Failure(CONNECTION_DONE))
            assert self.protocol.refused == 3
            assert self.reactor.readers == [port]
            assert port.connected
            assert port.sent == 3
            numbers = [number for number, _ in self.protocol.transmitted]
            assert numbers == ([0, 1, 2] if transmit else [])
            self.close(port)

    def test_addresses(self) -> None:
        """Nothing but addresses of the family is written to, nor from."""
        port = self.listen("")
        for host in ("localhost", "::1", "1.2.3"):
            for source in (None, "127.0.0.1"):
                with pytest.raises(InvalidAddressError):
                    port.write(b"x", (host, 1), source)
        peer = self.peer("127.0.0.1", port)
        with pytest.raises(OSError, match="illegal IP"):
            port.write(b"x", peer.getsockname(), "nonsense")
        with pytest.raises(OSError, match="Errno"):
            port.write(b"x", peer.getsockname(), "192.0.2.1")
        with pytest.raises(MessageLengthError):
            port.write(b"x" * 70_000, peer.getsockname(), "127.0.0.1")
        assert port.sent == 0
        port.write(b"direct", peer.getsockname(), "127.0.0.1")
        assert peer.recv(10) == b"direct"

    def test_sendFails(self) -> None:
        """A refusal of an earlier datagram is not the fault of this one; anything else is told."""
        port = self.listen("")
        address = self.peer("127.0.0.1", port).getsockname()
        real = port.socket
        port.socket = cast(socket.socket, FailingSocket(real, sendmsg=errno.ECONNREFUSED))
        assert port.write(b"x", address, "127.0.0.1") is None
        port.socket = cast(socket.socket, FailingSocket(real, sendmsg=errno.EAGAIN))
        with pytest.raises(OSError, match="EAGAIN"):
            port.write(b"x", address, "127.0.0.1")

    def test_manyDestinations(self) -> None:
        """The addresses that are remembered are bounded."""
        self.patch(ancillary, "MAX_DESTINATIONS", 3)
        self.patch(stampedudp, "MAX_DESTINATIONS", 3)
        port = self.listen("")
        for last in range(1, 10):
            peer = self.peer(f"127.0.0.{last}", port)
            peer.send(b"x")
            port.doRead()
            assert peer.recv(10) == b"x"
        assert len(port._sources) <= 3
        assert len(port._controlReader._addresses) <= 3


class AncillaryTests(SynchronousTestCase):
    def test_others(self) -> None:
        """What is not known is passed over."""
        unknown = [(1, 99, b"x"), (0, 99, b"x"), (41, 99, b"x"), (7, 7, b"")]
        assert ControlMessageReader(None).read(unknown) == (0, None, None, None)
        assert readTransmitTimestamp(unknown) is None

    def test_notATime(self) -> None:
        """
        An entry of the error queue that is not about a sent datagram is none, nor is one
        without a time.
        """
        times = (1).to_bytes(8, sys.byteorder) * 6
        refusal = bytes([111, 0, 0, 0, 2, 3, 3, 0]) + bytes(8)
        sent = bytes([42, 0, 0, 0, 4, 0, 0, 0]) + bytes(4) + bytes([5, 0, 0, 0])
        assert readTransmitTimestamp([(1, 37, times), (0, 11, refusal)]) is None
        assert readTransmitTimestamp([(0, 11, sent)]) is None
        assert readTransmitTimestamp([(1, 37, bytes(48)), (0, 11, sent)]) is None
        if sys.byteorder == "little":
            assert readTransmitTimestamp([(1, 37, times), (41, 25, sent)]) == (5, 1_000_000_001)
