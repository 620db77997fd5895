"""Tests for the transports of the probe, with a server that is a plain socket."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import CannotListenError
from twisted.trial.unittest import SynchronousTestCase

from tests.support.epoll import ManualReactor
from tsservices.client.connection import ClientError
from tsservices.client.probe.source import Source
from tsservices.client.probe.wires.base import (
    Clocks,
    PathMTU,
    Reply,
    SendError,
    TransportConfig,
    unwrap,
)
from tsservices.client.probe.wires.icmp import ICMPTransport, checkPingSockets
from tsservices.client.probe.wires.network_errors import describeError
from tsservices.client.probe.wires.port import ProbePort
from tsservices.client.probe.wires.stamp import SEQUENCE_SPACE, StampTransport
from tsservices.client.probe.wires.text_tcp import tcpInfo
from tsservices.client.probe.wires.text_udp import UDPTextTransport, buildText, sequenceIn
from tsservices.client.probe.wires.udp import UDPProbeTransport
from tsservices.stamp.auth import authenticate
from tsservices.stamp.extensions import CLASS_OF_SERVICE, findExtension
from tsservices.stamp.packets import ReflectorPacket, SenderPacket
from tsservices.stamp.service_class import fillServiceClass, requestServiceClass
from tsservices.stamp.stats.errors import ErrorReport, ErrorSource
from tsservices.stamp.stats.follow_up import FollowUpInfo
from tsservices.stamp.stats.marks import Marks
from tsservices.stamp.stats.result import ProbeState
from tsservices.stamp.telemetry import (
    EMPTY_FOLLOW_UP,
    METHOD_SOFTWARE,
    UNKNOWN_FOLLOW_UP,
    FollowUp,
    fillFollowUp,
    requestExtensions,
)
from tsservices.stamp.timestamps import toNTP
from tsservices.transport.timestamping import cmsg as ancillary
from tsservices.transport.timestamping.cmsg import ReceiveInfo

linux = pytest.mark.skipif(
    not ancillary.LINUX, reason="only Linux tells which packet an error is about"
)


class RecordingListener:
    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.stamps: dict[int, int] = {}
        self.failures: list[tuple[int | None, ProbeState, str]] = []
        self.errors: list[ErrorReport | None] = []
        self.strays = 0
        self.reconnections: list[str] = []

    def replied(self, reply: Reply) -> None:
        self.replies.append(reply)

    def stamped(self, sequence: int, nanoseconds: int) -> None:
        self.stamps[sequence] = nanoseconds

    def failed(
        self,
        sequence: int | None,
        state: ProbeState,
        reason: str,
        error: ErrorReport | None = None,
    ) -> None:
        self.failures.append((sequence, state, reason))
        self.errors.append(error)

    def unmatched(self) -> None:
        self.strays += 1

    def reconnected(self, reason: str) -> None:
        self.reconnections.append(reason)


class FailingSocket:
    """One call fails, the first times; the error queue is another one."""

    def __init__(self, real: socket.socket, call: str, number: int, times: int = 1) -> None:
        self._real = real
        self._call = call
        self._number = number
        self.times = times

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name != self._call or not self.times:
            return found

        def fail(*arguments: Any) -> Any:
            if not self.times or arguments[2:] == (socket.MSG_ERRQUEUE,):
                return found(*arguments)
            self.times -= 1
            raise OSError(self._number, "no")

        return fail


class DatagramTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = ManualReactor()
        self.listener = RecordingListener()
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.server.close)
        self.server.settimeout(5)
        self.server.bind(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]

    def open(self, transport: UDPProbeTransport) -> None:
        transport.open(self.listener)

        def close() -> None:
            transport.close()
            self.reactor.advance(0)

        self.addCleanup(close)

    def stamp(
        self, size: int | None = None, config: TransportConfig | None = None, **options: Any
    ) -> StampTransport:
        config = config or TransportConfig("127.0.0.1", self.port, size)
        transport = StampTransport(self.reactor, Clocks(), config, **options)  # type: ignore[arg-type]
        self.open(transport)
        return transport

    def answer(self, transport: UDPProbeTransport, datagram: bytes) -> None:
        self.server.sendto(datagram, self.source)
        transport.transport.doRead()

    def received(self) -> bytes:
        data, self.source = self.server.recvfrom(65_536)
        return data

    @linux
    def test_exchange(self) -> None:
        transport = self.stamp()
        before = time.time_ns()
        sent = transport.send(7)
        packet = SenderPacket.decode(self.received())
        assert packet.sequence == 7
        assert before <= packet.sentAt(before) + 1 <= sent.wall + 1
        assert sent.wall <= self.listener.stamps[7] <= time.time_ns()
        reply = ReflectorPacket(
            3, toNTP(before + 2000), 1, toNTP(before + 1000), 7, packet.timestamp, 1, 60
        )
        # Linux begins to take the times of what comes a moment after it was asked to.
        for _ in range(1000):
            self.answer(transport, reply.encode())
            if self.listener.replies[-1].kernel:
                break
        parsed = self.listener.replies[-1]
        assert (parsed.sequence, parsed.reflectorSequence, parsed.size) == (7, 3, 44)
        assert (parsed.reflectorReceived, parsed.reflectorSent) == (before + 1000, before + 2000)
        assert parsed.kernel
        assert parsed.received is not None
        assert parsed.received > sent.wall

    @linux
    def test_overflow(self) -> None:
        """What comes while nobody reads is dropped, and the kernel counts it."""
        transport = self.stamp()
        assert transport.overflowed() == 0
        transport.send(0)
        self.received()
        port = transport.transport.socket
        port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(50):
            self.server.sendto(b"x" * 1000, self.source)
        waiting = 0
        with contextlib.suppress(BlockingIOError):
            while port.recv(2000):
                waiting += 1
        assert waiting
        assert transport.overflowed() == 50 - waiting

    @linux
    def test_size(self) -> None:
        transport = self.stamp(size=300)
        transport.send(0)
        assert self.received()[44:] == bytes(256)
        huge = self.stamp(size=65_507 + 100)
        with pytest.raises(SendError, match="too long for one datagram"):
            huge.send(0)

    @linux
    def test_authenticated(self) -> None:
        transport = self.stamp(key=bytes(16))
        transport.send(0)
        assert len(self.received()) == 112
        reply = ReflectorPacket(0, toNTP(1), 1, toNTP(1), 0, 0, 1, 60).encode(authenticated=True)
        for key in (b"x" * 16, bytes(16)):
            self.answer(transport, authenticate(key, reply))
        assert (self.listener.strays, len(self.listener.replies)) == (1, 1)
        assert "authenticated" in transport.label

    @linux
    def test_sessionIdentifier(self) -> None:
        for key in (None, bytes(16)):
            transport = self.stamp(key=key, ssid=0xBEEF)
            self.listener.replies.clear()
            self.listener.strays = 0
            transport.send(0)
            packet = SenderPacket.decode(self.received(), authenticated=key is not None)
            assert packet.ssid == 0xBEEF
            for ssid in (0xBEEF, 0, 0xBEEE, 1):
                reply = ReflectorPacket(0, toNTP(1), 1, toNTP(1), 0, 0, 1, 60, ssid)
                encoded = reply.encode(authenticated=key is not None)
                self.answer(transport, encoded if key is None else authenticate(key, encoded))
            assert (len(self.listener.replies), self.listener.strays) == (2, 2)

    @linux
    def test_source(self) -> None:
        for source in (Source("127.0.0.2"), Source("", "lo"), Source("127.0.0.2", "lo")):
            config = TransportConfig("127.0.0.1", self.port, source=source)
            transport = UDPTextTransport(self.reactor, Clocks(), config, 1)  # type: ignore[arg-type]
            self.open(transport)
            transport.send(0)
            self.received()
            assert self.source[0] == (source.address or "127.0.0.1")
            self.answer(transport, buildText(1, 0, 40))
        assert len(self.listener.replies) == 3
        config = TransportConfig("127.0.0.1", self.port, source=Source("", "nosuch"))
        transport = UDPTextTransport(self.reactor, Clocks(), config, 1)  # type: ignore[arg-type]
        with pytest.raises(CannotListenError, match="there is no interface nosuch"):
            transport.open(self.listener)

    @linux
    def test_copiedFollowUpIsIgnored(self) -> None:
        transport = self.stamp(followUp=True)
        now = time.time_ns()
        for number in range(3):
            transport.send(number)
            packet = SenderPacket.decode(self.received())
            assert packet.extensions == requestExtensions(20)
            replies = [packet.extensions, fillFollowUp(packet.extensions, 0, UNKNOWN_FOLLOW_UP)]
            replies.append(
                fillFollowUp(packet.extensions, 0, FollowUp(41, toNTP(now + 1234), METHOD_SOFTWARE))
            )
            reply = ReflectorPacket(
                number + 40, toNTP(now), 1, toNTP(now), number, packet.timestamp, 1, 60
            )
            self.answer(transport, reply.encode() + replies[number])
        assert [item.followUp for item in self.listener.replies] == [
            None,
            FollowUpInfo(0, None),
            FollowUpInfo(41, now + 1234),
        ]
        assert {item.size for item in self.listener.replies} == {64}

    @linux
    def test_followUpUnasked(self) -> None:
        """Without room, or with authentication, no packet asks, and a reply is not believed."""
        for options, size in (
            ({"size": 44}, 44),
            ({"size": 66}, 66),
            ({"key": bytes(16)}, 112),
            ({"key": bytes(16), "size": 150}, 150),
        ):
            transport = self.stamp(followUp=True, **options)
            transport.send(0)
            packet = self.received()
            assert len(packet) == size
            key = options.get("key")
            base = 44 if key is None else 112
            assert packet[base:] == bytes(size - base)
            if size > 120:
                extension = requestExtensions(20) or b""
                extensions = fillFollowUp(
                    extension, 0, FollowUp(0, toNTP(1), METHOD_SOFTWARE)
                ) + bytes(18)
                reply = ReflectorPacket(
                    0, toNTP(1), 1, toNTP(1), 0, 0, 1, 60, extensions=extensions
                )
                self.answer(transport, authenticate(bytes(16), reply.encode(authenticated=True)))
                assert self.listener.replies[-1].followUp is None
        transport = self.stamp(followUp=True, size=100)
        transport.send(0)
        assert self.received()[44:] == requestExtensions(56)

    @linux
    def test_shortReply(self) -> None:
        """Reflectors of TWAMP-Light have no need for padding, and some leave out the TTL."""
        transport = self.stamp()
        transport.send(3)
        packet = SenderPacket.decode(self.received())
        reply = ReflectorPacket(9, toNTP(1), 1, toNTP(1), 3, packet.timestamp, 1, 60).encode()
        for length in (37, 38, 41, 43):
            self.answer(transport, reply[:length])
        assert [(item.sequence, item.size) for item in self.listener.replies] == [
            (3, 38),
            (3, 41),
            (3, 43),
        ]
        assert self.listener.strays == 1

    @linux
    def test_reflectorWithoutClock(self) -> None:
        """Zero is no time in 2036, or 1900: up, down and the offset are unknown."""
        transport = self.stamp()
        transport.send(0)
        packet = SenderPacket.decode(self.received())
        for t2, t3 in ((0, 0), (toNTP(1), 0), (0, toNTP(1)), (toNTP(1), toNTP(2))):
            reply = ReflectorPacket(0, t3, 1, t2, 0, packet.timestamp, 1, 60)
            self.answer(transport, reply.encode())
        times = [(item.reflectorReceived, item.reflectorSent) for item in self.listener.replies]
        assert times == [(None, None)] * 3 + [(1, 2)]

    @linux
    def test_marks(self) -> None:
        """DSCP and ECN each way; unknown for a reflector that does not know the extension."""
        config = TransportConfig("127.0.0.1", self.port, tos=46 << 2 | 1, dscpBack=10)
        transport = self.stamp(config=config, followUp=True)
        transport.send(0)
        packet = SenderPacket.decode(self.received())
        assert packet.extensions == EMPTY_FOLLOW_UP + requestServiceClass(10)
        reply = ReflectorPacket(0, toNTP(1), 1, toNTP(1), 0, packet.timestamp, 1, 60).encode()
        filled, _ = fillServiceClass(packet.extensions, 8 << 2 | 3, {10})
        refused, _ = fillServiceClass(packet.extensions, 8 << 2, ())
        for tos, extensions in ((0x29, filled), (0, refused), (0, packet.extensions), (0, b"")):
            self.server.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
            self.answer(transport, reply + extensions)
        assert [item.marks for item in self.listener.replies] == [
            Marks(46, 8, 10, 10, 1, 3, 1, 10, True),
            Marks(46, 8, 8, 0, 1, 0, None, 10, False),
            Marks(46, ecnUpSent=1, dscpAsked=10),
            Marks(46, ecnUpSent=1, dscpAsked=10),
        ]

    @linux
    def test_sizesWithMarks(self) -> None:
        marks = requestServiceClass(0)
        for size, begin in (
            (None, EMPTY_FOLLOW_UP + marks),
            (52, marks),
            (72, EMPTY_FOLLOW_UP + marks),
            (73, marks),
            (76, EMPTY_FOLLOW_UP + marks),
            (200, EMPTY_FOLLOW_UP + marks),
        ):
            config = TransportConfig("127.0.0.1", self.port, size, dscpBack=0)
            transport = self.stamp(config=config, followUp=True)
            transport.send(0)
            packet = self.received()
            assert len(packet) == (size or 72)
            assert packet[44:].startswith(begin)
            assert findExtension(packet[44:], CLASS_OF_SERVICE) == len(begin) - len(marks)

    @linux
    def test_options(self) -> None:
        config = TransportConfig("127.0.0.1", self.port, tos=0x28, ttl=7, mtuDiscovery="do")
        udp = self.stamp(config=config).transport.socket
        assert udp.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 0x28
        assert udp.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 7
        assert udp.getsockopt(socket.IPPROTO_IP, 10) == 2
        config = TransportConfig("::1", self.port, ttl=9, mtuDiscovery="dont")
        udp = self.stamp(config=config).transport.socket
        assert udp.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) == 9
        assert udp.getsockopt(socket.IPPROTO_IPV6, 23) == 0

    @linux
    def test_pathMTU(self) -> None:
        """Known after the port is closed, too."""
        transport = self.stamp()
        path = transport.pathMTU()
        assert path is not None
        assert (path.largest, path.tried, path.notable) == (path.mtu - 28, 44 + 28, False)
        transport.transport._firstMTU = path.mtu + 1
        assert transport.pathMTU() == path._replace(first=path.mtu + 1, notable=True)
        transport.close()
        self.reactor.advance(0)
        assert transport.pathMTU() == path._replace(first=path.mtu + 1, notable=True)
        asked = TransportConfig("127.0.0.1", self.port, mtuDiscovery="want")
        assert (asking := self.stamp(config=asked).pathMTU()) is not None
        assert asking.notable

    @linux
    def test_tooLongForPath(self) -> None:
        transport = self.stamp(size=1500)
        failing: Any = FailingSocket(transport.transport.socket, "send", errno.EMSGSIZE, 99)
        transport.transport.socket = failing
        self.patch(ProbePort, "pathMTU", lambda port: PathMTU(1400, 1372, 1500, 1528, True))
        with pytest.raises(SendError, match=r"MTU 1400 \(largest -s 1372\)") as raised:
            transport.send(0)
        assert raised.value.error == ErrorReport(ErrorSource.SELF, mtu=1400)

    @linux
    def test_errorBetweenCalls(self) -> None:
        """An ICMP message comes after the queue was read: the next call has its error, once."""
        transport = self.stamp()
        port = transport.transport
        real = port.socket
        for call in ("send", "recvmsg"):
            for number in (errno.EMSGSIZE, errno.EHOSTUNREACH, errno.EACCES):
                once: Any = FailingSocket(real, call, number)
                port.socket = once
                transport.send(0)
                self.received()
                port.doRead()
                assert once.times == 0
        port.socket = real
        assert self.listener.failures == []

    @linux
    def test_whoRefused(self) -> None:
        transport = self.stamp()
        self.server.close()
        transport.send(0)
        transport.transport.doRead()
        assert self.listener.errors == [ErrorReport(ErrorSource.TARGET, "127.0.0.1", 3, 3)]

    @linux
    def test_strays(self) -> None:
        transport = self.stamp()
        transport.send(0)
        self.received()
        self.answer(transport, b"x")
        assert self.listener.strays == 1

    @linux
    def test_rejectionHasNumberOfItsPacket(self) -> None:
        transport = self.stamp()
        transport.send(0)
        self.received()
        self.server.close()
        for number in (1, 2, 3):
            transport.send(number)
            transport.transport.doRead()
        assert [number for number, _, _ in self.listener.failures] == [1, 2, 3]
        assert {state for _, state, _ in self.listener.failures} == {ProbeState.REFUSED}
        assert len(self.listener.stamps) == 4
        assert transport.transport.connected

    @linux
    def test_refusedWithoutErrorQueue(self) -> None:
        transport = self.stamp()
        transport.transport._receivesICMP = False
        transport.transport._peerRefused(errno.ECONNREFUSED)
        transport.transport._peerRefused(0)
        transport.packetFailed(*describeError(errno.EHOSTUNREACH), None, b"x")
        assert self.listener.failures == [
            (None, ProbeState.REFUSED, "connection refused"),
            (None, ProbeState.UNREACHABLE, "no route to host"),
        ]

    @linux
    def test_unsendable(self) -> None:
        transport = self.stamp()

        class Failing:
            def __init__(self, real: socket.socket) -> None:
                self._real = real
                self.number = 0

            def __getattr__(self, name: str) -> Any:
                return getattr(self._real, name)

            def send(self, data: bytes) -> int:
                raise OSError(self.number, "no")

        failing = Failing(transport.transport.socket)
        transport.transport.socket = failing  # type: ignore[assignment]
        for number, state in (
            (errno.ENETUNREACH, ProbeState.UNREACHABLE),
            (errno.ECONNREFUSED, ProbeState.REFUSED),
        ):
            failing.number = number
            with pytest.raises(SendError) as raised:
                transport.send(0)
            assert raised.value.state is state
        transport.transport.socket = failing._real

    @linux
    def test_text(self) -> None:
        config = TransportConfig("127.0.0.1", self.port, 60)
        transport = UDPTextTransport(self.reactor, Clocks(), config, 0xABC)  # type: ignore[arg-type]
        self.open(transport)
        transport.send(12)
        packet = self.received()
        assert packet.startswith(b"probe 00000abc 12 ..")
        assert len(packet) == 60
        self.answer(transport, b"[Sat Nov 21 10:00:00 2026] " + packet)
        self.answer(transport, b"[Sat Nov 21 10:00:00 2026] something else")
        assert [reply.sequence for reply in self.listener.replies] == [12]
        assert self.listener.strays == 1
        assert transport.sequenceOf(packet[:40]) == 12
        assert transport.sequenceOf(b"x") is None
        assert transport.kernelTimes() == {}


class EchoTests(SynchronousTestCase):
    """Without a ping socket, which the system may not allow."""

    def setUp(self) -> None:
        self.listener = RecordingListener()

    def transport(self, address: str = "192.0.2.1", size: int | None = None) -> ICMPTransport:
        config = TransportConfig(address, 0, size)
        transport = ICMPTransport(ManualReactor(), Clocks(), config, 0xABC)  # type: ignore[arg-type]
        transport._listener = self.listener
        return transport

    def answer(
        self, transport: ICMPTransport, datagram: bytes, source: str = "192.0.2.1"
    ) -> Reply | None:
        self.listener.replies.clear()
        arrival = ReceiveInfo(77, True, None, 61, None)
        transport.stampedDatagramReceived(datagram, (source, 0), arrival)
        return self.listener.replies[0] if self.listener.replies else None

    def test_exchange(self) -> None:
        for address, request, reply in (("192.0.2.1", 8, 0), ("2001:db8::1", 128, 129)):
            for size in (None, 0, 11, 12, 1400):
                transport = self.transport(address, size)
                for sequence in (0, 65_535, 65_536, 200_000):
                    packet = transport.buildPacket(sequence, 0)
                    length = 56 if size is None else size
                    assert len(packet) == 8 + length
                    assert packet[:6] == bytes([request, 0, 0, 0, 0, 0])
                    assert transport.sequenceOf(packet) == sequence
                    # The kernel fills in checksum and identifier.
                    answer = bytes([reply, 0]) + b"\x12\x34\x56\x78" + packet[6:]
                    parsed = self.answer(transport, answer, address)
                    assert parsed is not None
                    assert (parsed.sequence, parsed.size, parsed.ttl) == (sequence, length, 61)
                    assert (parsed.received, parsed.kernel) == (77, True)
                    assert (parsed.reflectorSequence, parsed.reflectorSent) == (None, None)
        assert self.listener.strays == 0

    def test_cutReply(self) -> None:
        """Some hosts send less back than they got."""
        transport = self.transport(size=1400)
        packet = bytes(2) + transport.buildPacket(70_000, 0)[2:]
        for length in (8, 12, 68):
            parsed = self.answer(transport, packet[:length])
            assert parsed is not None
            assert (parsed.sequence, parsed.size) == (70_000, length - 8)

    def test_strays(self) -> None:
        transport = self.transport()
        packet = transport.buildPacket(5, 0)
        reply = bytes(2) + packet[2:]
        for datagram, source in (
            (packet, "192.0.2.1"),
            (reply, "192.0.2.2"),
            (reply + b"x", "192.0.2.1"),
            (reply[:7], "192.0.2.1"),
            (b"", "192.0.2.1"),
            (reply[:8] + bytes(4) + reply[12:], "192.0.2.1"),
            (reply[:6] + b"\0\6" + reply[8:], "192.0.2.1"),
            (b"\0\1" + reply[2:], "192.0.2.1"),
        ):
            assert self.answer(transport, datagram, source) is None
        assert self.listener.strays == 8

    def test_noAddressYet(self) -> None:
        assert self.transport("").pathMTU() is None

    def test_zone(self) -> None:
        transport = self.transport("fe80::1%2")
        packet = b"\x81\0" + transport.buildPacket(0, 0)[2:]
        assert self.answer(transport, packet, "fe80::1%eth0") is not None

    def test_notAllowed(self) -> None:
        for number, names in ((errno.EACCES, True), (errno.EPERM, True), (errno.ENOENT, False)):

            def refuse(*arguments: object, number: int = number) -> socket.socket:
                raise OSError(number, "no")

            self.patch(socket, "socket", refuse)
            if names:
                with pytest.raises(ClientError, match=r"net\.ipv4\.ping_group_range"):
                    checkPingSockets()
            else:
                checkPingSockets()


class NumberTests(SynchronousTestCase):
    @given(st.integers(0, 2**40), st.integers(-(2**31), 2**31 - 1))
    def test_unwrap(self, near: int, distance: int) -> None:
        assert unwrap((near + distance) % SEQUENCE_SPACE, near, SEQUENCE_SPACE) == near + distance

    @given(st.integers(0, 2**32 - 1), st.integers(0, 10**12), st.integers(32, 200))
    def test_text(self, session: int, number: int, size: int) -> None:
        packet = buildText(session, number, size)
        assert len(packet) == max(size, len(packet.rstrip(b".")))
        assert sequenceIn(b"[x] " + packet, session) == number
        assert sequenceIn(packet, session ^ 1) is None


class TCPInfoTests(SynchronousTestCase):
    def test_tcpInfo(self) -> None:

        class FakeSocket:
            def getsockopt(self, level: int, option: int, length: int) -> bytes:
                return bytes(data)

        unknown = {"rtt": None, "rttvar": None, "min_rtt": None}
        data = bytearray(232)
        data[68:72] = (50).to_bytes(4, "little")
        data[148:152] = (40).to_bytes(4, "little")
        if ancillary.LINUX:
            parsed = tcpInfo(FakeSocket())  # type: ignore[arg-type]
            assert parsed == {"rtt": 50_000, "rttvar": None, "min_rtt": 40_000}
            data = bytearray(60)
            assert tcpInfo(FakeSocket()) == unknown  # type: ignore[arg-type]
        closed = socket.socket()
        closed.close()
        assert tcpInfo(closed) == unknown
