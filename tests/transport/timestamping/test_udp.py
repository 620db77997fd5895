"""Tests for L{tsservices.transport.timestamping}."""

from __future__ import annotations

import errno
import socket
import struct
import time
from functools import partial
from typing import Any, cast

import pytest
from twisted.internet.error import InvalidAddressError, MessageLengthError
from twisted.internet.interfaces import IHalfCloseableDescriptor
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure

from tests.support.udp_ports import FailingSocket, UDPPortContract, startKernelStamps
from tsservices.transport.epoll import udp as fastudp
from tsservices.transport.mmsg import findCalls
from tsservices.transport.timestamping import cmsg
from tsservices.transport.timestamping import udp as stampedudp
from tsservices.transport.timestamping.udp import (
    ReceiveInfo,
    TimestampedDatagramProtocol,
    TimestampedUDPPort,
)
from tsservices.transport.wildcard import IPV6_PKTINFO, PKTINFO6

#: Nanoseconds since 1970 that no kernel says in these tests.
LATER = 5_000_000_000_000_000_000


def inverted(listener: Any, datagram: bytes, *arrival: Any) -> tuple[bytes, Any, int]:
    """The answer, with the other bits of the type of service than the datagram."""
    return datagram, listener, arrival[-1] ^ 0xFC


class Notes(TimestampedDatagramProtocol):
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


class CountingSocket:
    def __init__(self, real: socket.socket, reads: list[int]) -> None:
        self._real = real
        self._reads = reads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def recvmsg(self, *arguments: int) -> Any:
        self._reads.append(1)
        return self._real.recvmsg(*arguments)


@pytest.mark.skipif(not cmsg.LINUX, reason="only Linux tells what this is about")
class TimestampedUDPPortTests(UDPPortContract):
    __test__ = True
    portClass = TimestampedUDPPort
    protocolClass = Notes
    receive = "recvmsg"

    @classmethod
    def setUpClass(cls) -> None:
        cls.addClassCleanup(startKernelStamps().close)

    def test_halfCloseable(self) -> None:
        """So it survives what an error queue and a refusal look like."""
        assert IHalfCloseableDescriptor.providedBy(self.listen())

    def test_kernelTimeIsNotTimeOfRead(self) -> None:
        port = self.listen()
        peer = self.peer(port)
        before = time.time_ns()
        peer.send(b"x")
        sent = time.time_ns()
        while time.time_ns() < sent + 2_000_000:
            pass
        port.doRead()
        _, _, arrival = self.protocol.received[-1]
        assert before <= arrival.ns <= sent + 1_000_000
        assert arrival.kernel
        assert port.stamping

    def test_destination(self) -> None:
        for interface, *hosts in (
            ("", "127.0.0.1", "127.0.0.2", "127.77.1.3"),
            ("0.0.0.0", "127.0.0.2"),
            ("127.0.0.2", "127.0.0.2"),
            ("::1", "::1"),
            ("::", "::1"),
        ):
            port = self.listen(interface)
            for host in hosts:
                peer = self.serve(port, b"x", host=host)
                _, source, arrival = self.protocol.received[-1]
                assert arrival.destination == host
                assert source == peer.getsockname()[:2]
                # A connected socket receives from where it is connected to and nowhere else.
                assert peer.recv(10) == b"x"

    def test_bothFamilies(self) -> None:
        bound = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(("::", 0))
        port = self.adopt(bound)
        peer = self.peer(port, "127.0.0.9")
        peer.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 33)
        peer.send(b"x")
        port.doRead()
        _, _, arrival = self.protocol.received[-1]
        assert (arrival.destination, arrival.ttl) == ("::ffff:127.0.0.9", 33)
        assert peer.recv(10) == b"x"

    def timed(self, interface: str = "127.0.0.1") -> tuple[Any, list[int]]:
        port = self.listen(interface)
        times: list[int] = []
        self.unsent: list[None] = []

        def reply(datagram: bytes, *_: object) -> bytes | tuple[bytes, Any, None]:
            return datagram if datagram == b"plain" else (datagram, times.append, None)

        port.reflectWith(reply, lambda: self.unsent.append(None))
        return port, times

    def test_transmitTimesOfAnswers(self) -> None:
        """Answers that do not ask are in between; the error queue is empty after it."""
        for interface, host in (("", "127.0.0.2"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")):
            port, times = self.timed(interface)
            for number, datagram in enumerate((b"x", b"plain", b"y", b"plain", b"z")):
                before = time.time_ns()
                assert self.serve(port, datagram, host=host).recv(10) == datagram
                assert len(times) == number // 2 + 1
                if datagram != b"plain":
                    assert before < times[-1] < time.time_ns()
            with pytest.raises(BlockingIOError):
                port.socket.recvmsg(0, 512, socket.MSG_ERRQUEUE)

    def tosOfAnswer(self, port: Any, host: str, tos: int) -> int | None:
        peer = self.peer(port, host)
        level, option, receive = (
            (socket.IPPROTO_IPV6, socket.IPV6_TCLASS, cmsg.IPV6_RECVTCLASS)
            if peer.family == socket.AF_INET6
            else (socket.IPPROTO_IP, socket.IP_TOS, cmsg.IP_RECVTOS)
        )
        peer.setsockopt(level, receive, 1)
        peer.setsockopt(level, option, tos)
        peer.send(b"x")
        port.doRead()
        _, control, _, _ = peer.recvmsg(10, 100)
        return cmsg.ControlMessageReader(None).read(control)[3]

    def test_typeOfServiceOfAnswers(self) -> None:
        """With and without a question for the time at which they leave."""
        for interface, host in (
            ("", "127.0.0.2"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("::", "::1"),
        ):
            port = self.listen(interface, tos=True)
            for listener in (None, lambda time: None):
                port.reflectWith(partial(inverted, listener), lambda: None)
                for tos in (0xB8, 0xFF, 0):
                    assert self.tosOfAnswer(port, host, tos) == tos ^ 0xFC

    def test_typeOfServiceToBothFamilies(self) -> None:
        """An IPv6 socket that answers IPv4."""
        bound = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(("::", 0))
        cmsg.enableTimestamps(bound, tos=True)
        port = self.adopt(bound)
        port.reflectWith(partial(inverted, None), lambda: None)
        assert self.tosOfAnswer(port, "127.0.0.9", 0x28) == 0xD4

    def test_timedUnsent(self) -> None:
        port, times = self.timed()
        real = port.socket
        for failures in ({}, {"sendmsg": errno.ENOBUFS}, {}):
            port.socket = port._transmitTimes._socket = FailingSocket(real, **failures)
            before = time.time_ns()
            self.serve(port, b"x")
        assert (len(times), len(self.unsent)) == (2, 1)
        assert before < times[-1]

    def test_timedWithoutKernel(self) -> None:
        self.patch(cmsg, "LINUX", False)
        port, times = self.timed()
        assert (self.serve(port, b"x").recv(10), times) == (b"x", [])

    def test_timedUnable(self) -> None:
        """Where the kernel knows when datagrams come and not when they leave."""
        port, times = self.timed()
        port._transmitTimes._socket = FailingSocket(port.socket, setsockopt=errno.ENOPROTOOPT)
        assert (self.serve(port, b"x").recv(10), times, self.unsent) == (b"x", [], [])

    def test_timedLater(self) -> None:
        """Found when the reactor is woken for it; one that nobody waits for is dropped."""
        port, times = self.timed()
        take = port._takeError
        self.patch(port, "_takeError", lambda: False)
        self.serve(port, b"x")
        self.serve(port, b"x")
        self.patch(port, "_takeError", take)
        port._transmitTimes._waiting.popitem(last=False)
        port.readConnectionLost(Failure(CONNECTION_DONE))
        assert len(times) == 1
        assert port.connected

    def test_groupDestination(self) -> None:
        port = self.listen("")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            peer.sendto(b"quiet", ("127.255.255.255", port.getHost().port))
        port.doRead()
        assert self.protocol.received[-1][2].destination == cmsg.GROUP_DESTINATION

    def test_timeToLive(self) -> None:
        for host, level, ttl, tos in (
            ("127.0.0.1", socket.IPPROTO_IP, socket.IP_TTL, socket.IP_TOS),
            ("::1", socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, socket.IPV6_TCLASS),
        ):
            for wanted in (True, False):
                port = self.listen(host, tos=wanted)
                peer = self.peer(port)
                peer.setsockopt(level, ttl, 17)
                peer.setsockopt(level, tos, 0xB8)
                peer.send(b"x")
                port.doRead()
                arrival = self.protocol.received[-1][2]
                assert (arrival.ttl, arrival.tos) == (17, 0xB8 if wanted else None)

    def test_withoutKernel(self) -> None:
        self.patch(cmsg, "LINUX", False)
        port = self.listen("", transmit=True, nanoclock=lambda: LATER)
        peer = self.serve(port, b"x", host="127.0.0.1")
        assert self.protocol.received[-1][2] == ReceiveInfo(LATER, False, None, None, None)
        assert (port.stamping, port.transmitting) == (False, False)
        assert peer.recv(10) == b"x"
        assert self.protocol.transmitted == []

    def test_refusedOption(self) -> None:
        real = self.peer(self.listen())
        failures = {"setsockopt": errno.ENOPROTOOPT}

        class Refusing(FailingSocket):
            def __getattr__(self, name: str) -> Any:
                self.failures = dict(failures)
                return super().__getattr__(name)

        assert not cmsg.enableTimestamps(cast(socket.socket, Refusing(real)))

    def test_reflects(self) -> None:
        """The function gets the time of the pass; its answer leaves from where it was sent to."""
        self.patch(fastudp, "monotonic", lambda: 77.0)
        calls: list[tuple[Any, ...]] = []

        def reply(datagram: bytes, *arrival: Any) -> bytes | None:
            calls.append((datagram, *arrival))
            if datagram == b"raise":
                raise ZeroDivisionError
            return None if datagram == b"quiet" else datagram.upper()

        datagrams = [b"quiet", b"raise", b"answer"]
        for interface, host in (("", "127.0.0.2"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")):
            port = self.listen(interface)
            port.reflectWith(reply, lambda: None)
            before = time.time_ns()
            peer = self.serve(port, *datagrams, host=host)
            assert peer.recv(10) == b"ANSWER"
            assert [call[0] for call in calls] == datagrams
            assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
            for _, source, ns, *arrival in calls:
                assert source == peer.getsockname()[:2]
                assert before <= ns <= time.time_ns()
                assert arrival == [True, host, 64, 77.0, None]
            assert self.protocol.received == []
            calls.clear()

    def test_reflectionUnsent(self) -> None:
        """A refusal is news of an earlier datagram."""
        events: list[str] = []

        class Observer:
            def roundBegan(self) -> None:
                events.append("began")

            def roundEnded(self) -> None:
                events.append("ended")

        for interface, call in (("", "sendmsg"), ("127.0.0.1", "sendto")):
            port = self.listen(interface)
            port.reflectWith(
                lambda datagram, *arrival: datagram, lambda: events.append("unsent"), Observer()
            )
            for number in (errno.EAGAIN, errno.ECONNREFUSED):
                self.failing(port, **{call: number})
                self.serve(port, b"x", host="127.0.0.1")
            assert events == ["began", "unsent", "ended", "began", "ended"]
            events.clear()

    def test_errorQueueFails(self) -> None:
        port = self.listen(transmit=True)
        self.failing(port, recvmsg=errno.EINTR)
        port.write(b"x", self.peer(port).getsockname())
        assert self.numbers() == [0]
        self.failing(port, recvmsg=errno.EHOSTUNREACH)
        port._drainErrors()
        port._transmitted(7, 1)
        assert self.numbers() == [0]

    @pytest.mark.skipif(isinstance(findCalls(), str), reason="no batches here")
    def test_manyTransmitTimes(self) -> None:
        """Those that wait are read at once, where the system can."""
        for expected in (2, 13):
            for host in ("127.0.0.1", "::1"):
                port = self.listen(host, transmit=True)
                address = self.peer(port).getsockname()
                for _ in range(12):
                    port.socket.sendto(b"x", address)
                    port.sent += 1
                reads: list[int] = []
                port.socket = cast(socket.socket, CountingSocket(port.socket, reads))
                port._drainErrors()
                assert self.numbers() == list(range(12))
                assert len(reads) == expected
            self.patch(stampedudp, "sharedBatch", lambda *settings: None)

    def test_manyErrors(self) -> None:
        """A protocol that closes the port hears no more; an error is handed on."""
        port = self.listen(transmit=True)
        address = self.peer(port).getsockname()
        transmitted = self.protocol.transmitStamp

        def close(number: int, nanoseconds: int) -> None:
            transmitted(number, nanoseconds)
            if number == 5:
                port.connectionLost()

        self.protocol.transmitStamp = close
        for _ in range(12):
            port.socket.sendto(b"x", address)
            port.sent += 1
        port._drainErrors()
        assert self.numbers() == [0, 1, 2, 3, 4, 5]

    def numbers(self) -> list[int]:
        return [number for number, _ in self.protocol.transmitted]

    def test_transmitTimes(self) -> None:
        """Within the write, in order, also after a datagram that was not sent."""
        for host in ("127.0.0.1", "::1"):
            port = self.listen(host, transmit=True)
            address = self.peer(port).getsockname()[:2]
            before = time.time_ns()
            for number in range(3):
                assert port.sent == number
                port.write(b"x", address)
            with pytest.raises(MessageLengthError):
                port.write(b"x" * 70_000, address)
            port.write(b"x", address)
            assert self.numbers() == [0, 1, 2, 3]
            times = [before, *(stamp for _, stamp in self.protocol.transmitted), time.time_ns()]
            assert times == sorted(times)

    def test_restartsCounter(self) -> None:
        """Whether the kernel has counted the datagram that was not sent depends on the kernel."""
        restarts: list[int] = []

        def restartCounter(udpSocket: socket.socket) -> None:
            restarts.append(port.sent)
            original(udpSocket)

        original = cmsg.restartCounter
        self.patch(cmsg, "restartCounter", restartCounter)
        port = self.listen(transmit=True)
        address = self.peer(port).getsockname()
        port.write(b"x", address)
        self.failing(port, sendto=errno.EAGAIN)
        with pytest.raises(OSError, match="EAGAIN"):
            port.write(b"x", address)
        for _ in range(2):
            port.write(b"x", address)
        assert restarts == [1]
        assert self.numbers() == [0, 1, 2]

    def test_transmitTimeLate(self) -> None:
        """With the next pass, also when the reactor takes it for the end of the port."""
        for late in ("doRead", "readConnectionLost"):
            port = self.listen(transmit=True)
            port.transmitting = False
            port.write(b"x", self.peer(port).getsockname())
            assert self.numbers() == []
            port.transmitting = True
            if late == "doRead":
                port.doRead()
            else:
                self.reactor.removeReader(port)
                port.readConnectionLost(Failure(CONNECTION_DONE))
            assert self.numbers() == [0]
            assert self.reactor.readers == [port]
            assert port.connected

    def test_transmitStampRaises(self) -> None:
        port = self.listen(transmit=True)
        address = self.peer(port).getsockname()
        for _ in range(15):
            port.write(b"x", address)
        assert self.numbers() == list(range(15))
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_receivesWithTransmitTimes(self) -> None:
        port = self.listen("", transmit=True)
        before = time.time_ns()
        peer = self.serve(port, b"x", host="127.0.0.2")
        _, _, arrival = self.protocol.received[-1]
        ((number, left),) = self.protocol.transmitted
        assert (arrival.kernel, number) == (True, 0)
        assert before <= arrival.ns <= left <= time.time_ns()
        assert peer.recv(10) == b"x"

    def test_transmitTimesOfRefused(self) -> None:
        """However the port learns of the refusal, what was sent is counted."""
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
            assert self.numbers() == ([0, 1, 2] if transmit else [])

    def test_sourceAddresses(self) -> None:
        port = self.listen("")
        for host in ("localhost", "::1", "1.2.3"):
            for source in (None, "127.0.0.1"):
                with pytest.raises(InvalidAddressError):
                    port.write(b"x", (host, 1), source)
        peer = self.peer(port, "127.0.0.1")
        with pytest.raises(OSError, match="illegal IP"):
            port.write(b"x", peer.getsockname(), "nonsense")
        with pytest.raises(OSError, match="Errno"):
            port.write(b"x", peer.getsockname(), "192.0.2.1")
        with pytest.raises(MessageLengthError):
            port.write(b"x" * 70_000, peer.getsockname(), "127.0.0.1")
        assert port.sent == 0
        port.write(b"direct", peer.getsockname(), "127.0.0.1")
        assert peer.recv(10) == b"direct"

    def test_sendFromSourceFails(self) -> None:
        """A refusal is news of an earlier datagram, and not raised."""
        port = self.listen("")
        address = self.peer(port, "127.0.0.1").getsockname()
        self.failing(port, sendmsg=errno.ECONNREFUSED)
        assert port.write(b"x", address, "127.0.0.1") is None
        self.failing(port, sendmsg=errno.EAGAIN)
        with pytest.raises(OSError, match="EAGAIN"):
            port.write(b"x", address, "127.0.0.1")

    def test_manyDestinations(self) -> None:
        self.patch(cmsg, "MAX_DESTINATIONS", 3)
        self.patch(stampedudp, "MAX_DESTINATIONS", 3)
        port = self.listen("")
        for last in range(1, 10):
            assert self.serve(port, b"x", host=f"127.0.0.{last}").recv(10) == b"x"
        assert len(port._sources) <= 3
        assert len(port._controlReader._addresses) <= 3


UNKNOWN = [(1, 99, b"x"), (0, 99, b"x"), (41, 99, b"x"), (7, 7, b"")]
TIME = (1, cmsg.SO_TIMESTAMPING, struct.pack("@6l", *[1] * 6))
NO_TIME = (1, cmsg.SO_TIMESTAMPING, bytes(48))
#: Entries of the error queue: error number, origin, type, code, padding, information, data.
REFUSAL = (0, cmsg.IP_RECVERR, struct.pack("@IBBBBII", 111, 2, 3, 3, 0, 0, 0))
SENT = struct.pack("@IBBBBII", 42, cmsg.ORIGIN_TIMESTAMPING, 0, 0, 0, 0, 5)


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (UNKNOWN, None),
        ([TIME, REFUSAL], None),
        ([(0, cmsg.IP_RECVERR, SENT)], None),
        ([NO_TIME, (0, cmsg.IP_RECVERR, SENT)], None),
        ([TIME, (0, cmsg.IP_RECVERR, SENT)], (5, 1_000_000_001)),
        ([TIME, (41, cmsg.IPV6_RECVERR, SENT)], (5, 1_000_000_001)),
    ],
)
def test_readTransmitTimestamp(control: cmsg.Ancillary, expected: tuple[int, int] | None) -> None:
    assert cmsg.readTransmitTimestamp(control) == expected


def test_unknownControlMessages() -> None:
    assert cmsg.ControlMessageReader(None).read(UNKNOWN) == (0, None, None, None)


def test_linkLocalDestination() -> None:
    """An answer needs its interface, which the peer's address does not always name."""
    address = PKTINFO6.pack(socket.inet_pton(socket.AF_INET6, "fe80::9"), 7)
    message = (socket.IPPROTO_IPV6, IPV6_PKTINFO, address)
    _, destination, _, _ = cmsg.ControlMessageReader(None).read([message])
    assert destination == "fe80::9%7"
    assert cmsg.sourceControl(socket.AF_INET6, destination) == [message]
