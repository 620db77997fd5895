"""Tests for the transports of the probe, with a server that is a plain socket."""

from __future__ import annotations

import errno
import socket
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.epoll import ManualReactor
from tsservices.client.probe.wires.base import Clocks, Reply, SendError, TransportConfig
from tsservices.client.probe.wires.stamp import SEQUENCE_SPACE, StampTransport, unwrap
from tsservices.client.probe.wires.text_tcp import tcpInfo
from tsservices.client.probe.wires.text_udp import UDPTextTransport, buildText, sequenceIn
from tsservices.client.probe.wires.udp import UDPProbeTransport, describeError
from tsservices.stamp.auth import authenticate
from tsservices.stamp.packets import ReflectorPacket, SenderPacket
from tsservices.stamp.stats.follow_up import FollowUpInfo
from tsservices.stamp.stats.result import ProbeState
from tsservices.stamp.telemetry import (
    METHOD_SOFTWARE,
    UNKNOWN_FOLLOW_UP,
    FollowUp,
    fillFollowUp,
    requestExtensions,
)
from tsservices.stamp.timestamps import toNTP
from tsservices.transport.timestamping import cmsg as ancillary

linux = pytest.mark.skipif(
    not ancillary.LINUX, reason="only Linux tells which packet an error is about"
)


class RecordingListener:
    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.stamps: dict[int, int] = {}
        self.failures: list[tuple[int | None, ProbeState, str]] = []
        self.strays = 0

    def replied(self, reply: Reply) -> None:
        self.replies.append(reply)

    def stamped(self, sequence: int, nanoseconds: int) -> None:
        self.stamps[sequence] = nanoseconds

    def failed(self, sequence: int | None, state: ProbeState, reason: str) -> None:
        self.failures.append((sequence, state, reason))

    def unmatched(self) -> None:
        self.strays += 1


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

    def stamp(self, size: int | None = None, **options: Any) -> StampTransport:
        config = TransportConfig("127.0.0.1", self.port, size)
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
        transport.icmpReceived(errno.EHOSTUNREACH, b"x")
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


class NumberTests(SynchronousTestCase):
    @given(st.integers(0, 2**40), st.integers(-(2**31), 2**31 - 1))
    def test_unwrap(self, near: int, distance: int) -> None:
        assert unwrap((near + distance) % SEQUENCE_SPACE, near) == near + distance

    @given(st.integers(0, 2**32 - 1), st.integers(0, 10**12), st.integers(32, 200))
    def test_text(self, session: int, number: int, size: int) -> None:
        packet = buildText(session, number, size)
        assert len(packet) == max(size, len(packet.rstrip(b".")))
        assert sequenceIn(b"[x] " + packet, session) == number
        assert sequenceIn(packet, session ^ 1) is None

    def test_describeError(self) -> None:
        assert describeError(errno.ECONNREFUSED) == (ProbeState.REFUSED, "connection refused")
        assert describeError(errno.EHOSTUNREACH) == (ProbeState.UNREACHABLE, "no route to host")


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
