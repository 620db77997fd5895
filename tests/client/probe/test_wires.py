"""
Tests for the wires of the measuring client, with sockets that a test reads by hand.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.epoll import HandReactor
from tsservices.client.probe.wires.base import Clocks, Reply, SendError, TransportConfig
from tsservices.client.probe.wires.stamp import SEQUENCE_SPACE, StampTransport, unwrap
from tsservices.client.probe.wires.text_tcp import tcpInfo
from tsservices.client.probe.wires.text_udp import UDPTextTransport, buildText, sequenceIn
from tsservices.client.probe.wires.udp import UDPProbeTransport, describeError
from tsservices.stamp import telemetry as followup
from tsservices.stamp.auth import authenticate
from tsservices.stamp.packets import ReflectorPacket, SenderPacket
from tsservices.stamp.stats.follow_up import FollowUpInfo
from tsservices.stamp.stats.result import ProbeState
from tsservices.stamp.telemetry import METHOD_SOFTWARE, UNKNOWN_FOLLOW_UP, FollowUp, fillFollowUp
from tsservices.stamp.timestamps import toNTP
from tsservices.transport.timestamping import cmsg as ancillary

linux = pytest.mark.skipif(not ancillary.LINUX, reason="only Linux tells what this is about")


class Notes:
    """A listener that keeps what it is told."""

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
        self.reactor = HandReactor()
        self.notes = Notes()
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.server.close)
        self.server.settimeout(5)
        self.server.bind(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]

    def open(self, wire: UDPProbeTransport) -> None:
        wire.open(self.notes)

        def close() -> None:
            wire.close()
            self.reactor.advance(0)

        self.addCleanup(close)

    def stamp(self, size: int | None = None, **options: Any) -> StampTransport:
        config = TransportConfig("127.0.0.1", self.port, size)
        wire = StampTransport(self.reactor, Clocks(), config, **options)  # type: ignore[arg-type]
        self.open(wire)
        return wire

    def answer(self, wire: UDPProbeTransport, datagram: bytes) -> None:
        self.server.sendto(datagram, self.source)
        wire.transport.doRead()

    def took(self) -> bytes:
        data, self.source = self.server.recvfrom(65_536)
        return data

    @linux
    def test_exchange(self) -> None:
        """
        A packet goes out with its number and time, its stamp is told at once, and its
        reply with all there is in it.
        """
        wire = self.stamp()
        before = time.time_ns()
        sent = wire.send(7)
        packet = SenderPacket.decode(self.took())
        assert packet.sequence == 7
        assert before <= packet.sentAt(before) + 1 <= sent.wall + 1
        assert sent.wall <= self.notes.stamps[7] <= time.time_ns()
        reply = ReflectorPacket(
            3, toNTP(before + 2000), 1, toNTP(before + 1000), 7, packet.timestamp, 1, 60
        )
        # Linux begins to take the times of what comes a moment after it was asked to.
        for _ in range(1000):
            self.answer(wire, reply.encode())
            if self.notes.replies[-1].kernel:
                break
        found = self.notes.replies[-1]
        assert (found.sequence, found.reflectorSequence, found.size) == (7, 3, 44)
        assert (found.reflectorReceived, found.reflectorSent) == (before + 1000, before + 2000)
        assert found.kernel
        assert found.received is not None
        assert found.received > sent.wall

    @linux
    def test_size(self) -> None:
        """Packets are as long as was asked for; what is too long for any is told."""
        wire = self.stamp(size=300)
        wire.send(0)
        assert self.took()[44:] == bytes(256)
        huge = self.stamp(size=65_507 + 100)
        with pytest.raises(SendError, match="too long for one datagram"):
            huge.send(0)

    @linux
    def test_sealed(self) -> None:
        """Authenticated packets: what was made with another key is a stray."""
        wire = self.stamp(key=bytes(16))
        wire.send(0)
        assert len(self.took()) == 112
        reply = ReflectorPacket(0, toNTP(1), 1, toNTP(1), 0, 0, 1, 60).encode(authenticated=True)
        for key in (b"x" * 16, bytes(16)):
            self.answer(wire, authenticate(key, reply))
        assert (self.notes.strays, len(self.notes.replies)) == (1, 1)
        assert "authenticated" in wire.label

    @linux
    def test_followUp(self) -> None:
        """
        A packet asks when the reply before its own left, and what is told is read; who copies
        the extension does not know it, and T3 alone is there.
        """
        wire = self.stamp(followUp=True)
        now = time.time_ns()
        for number in range(3):
            wire.send(number)
            packet = SenderPacket.decode(self.took())
            assert packet.extensions == followup.requestExtensions(20)
            told = [packet.extensions, fillFollowUp(packet.extensions, 0, UNKNOWN_FOLLOW_UP)]
            told.append(
                fillFollowUp(packet.extensions, 0, FollowUp(41, toNTP(now + 1234), METHOD_SOFTWARE))
            )
            reply = ReflectorPacket(
                number + 40, toNTP(now), 1, toNTP(now), number, packet.timestamp, 1, 60
            )
            self.answer(wire, reply.encode() + told[number])
        assert [each.followUp for each in self.notes.replies] == [
            None,
            FollowUpInfo(0, None),
            FollowUpInfo(41, now + 1234),
        ]
        assert {each.size for each in self.notes.replies} == {64}

    @linux
    def test_followUpUnasked(self) -> None:
        """Without room, or with authentication, nobody asks, and what is told is not believed."""
        for options, size in (
            ({"size": 44}, 44),
            ({"size": 66}, 66),
            ({"key": bytes(16)}, 112),
            ({"key": bytes(16), "size": 150}, 150),
        ):
            wire = self.stamp(followUp=True, **options)
            wire.send(0)
            packet = self.took()
            assert len(packet) == size
            key = options.get("key")
            least = 44 if key is None else 112
            assert packet[least:] == bytes(size - least)
            if size > 120:
                extension = followup.requestExtensions(20) or b""
                rest = fillFollowUp(extension, 0, FollowUp(0, toNTP(1), METHOD_SOFTWARE)) + bytes(
                    18
                )
                reply = ReflectorPacket(0, toNTP(1), 1, toNTP(1), 0, 0, 1, 60, extensions=rest)
                self.answer(wire, authenticate(bytes(16), reply.encode(authenticated=True)))
                assert self.notes.replies[-1].followUp is None
        wire = self.stamp(followUp=True, size=100)
        wire.send(0)
        assert self.took()[44:] == followup.requestExtensions(56)

    @linux
    def test_strays(self) -> None:
        """What is too short is no reply."""
        wire = self.stamp()
        wire.send(0)
        self.took()
        self.answer(wire, b"x")
        assert self.notes.strays == 1

    @linux
    def test_refused(self) -> None:
        """Each refusal is told with the number of its packet, and the port goes on."""
        wire = self.stamp()
        wire.send(0)
        self.took()
        self.server.close()
        for number in (1, 2, 3):
            wire.send(number)
            wire.transport.doRead()
        assert [number for number, _, _ in self.notes.failures] == [1, 2, 3]
        assert {state for _, state, _ in self.notes.failures} == {ProbeState.REFUSED}
        assert len(self.notes.stamps) == 4
        assert wire.transport.connected

    @linux
    def test_refusedUntold(self) -> None:
        """Where the error queue does not tell, the plain error does, without a number."""
        wire = self.stamp()
        wire.transport._receivesICMP = False
        wire.transport._peerRefused(errno.ECONNREFUSED)
        wire.transport._peerRefused(0)
        wire.icmpReceived(errno.EHOSTUNREACH, b"x")
        assert self.notes.failures == [
            (None, ProbeState.REFUSED, "connection refused"),
            (None, ProbeState.UNREACHABLE, "no route to host"),
        ]

    @linux
    def test_unsendable(self) -> None:
        """A packet that this host does not send has its reason."""
        wire = self.stamp()

        class Failing:
            """A socket that sends nothing."""

            def __init__(self, real: socket.socket) -> None:
                self._real = real
                self.number = 0

            def __getattr__(self, name: str) -> Any:
                return getattr(self._real, name)

            def send(self, data: bytes) -> int:
                raise OSError(self.number, "no")

        failing = Failing(wire.transport.socket)
        wire.transport.socket = failing  # type: ignore[assignment]
        for number, state in (
            (errno.ENETUNREACH, ProbeState.UNREACHABLE),
            (errno.ECONNREFUSED, ProbeState.REFUSED),
        ):
            failing.number = number
            with pytest.raises(SendError) as raised:
                wire.send(0)
            assert raised.value.state is state
        wire.transport.socket = failing._real

    @linux
    def test_text(self) -> None:
        """The text service: its stamp before the packet, in any form, is a reply."""
        config = TransportConfig("127.0.0.1", self.port, 60)
        wire = UDPTextTransport(self.reactor, Clocks(), config, 0xABC)  # type: ignore[arg-type]
        self.open(wire)
        wire.send(12)
        packet = self.took()
        assert packet.startswith(b"probe 00000abc 12 ..")
        assert len(packet) == 60
        self.answer(wire, b"[Sat Nov 21 10:00:00 2026] " + packet)
        self.answer(wire, b"[Sat Nov 21 10:00:00 2026] something else")
        assert [reply.sequence for reply in self.notes.replies] == [12]
        assert self.notes.strays == 1
        assert wire.sequenceOf(packet[:40]) == 12
        assert wire.sequenceOf(b"x") is None
        assert wire.kernelTimes() == {}


class NumberTests(SynchronousTestCase):
    @given(st.integers(0, 2**40), st.integers(-(2**31), 2**31 - 1))
    def test_unwrapped(self, near: int, distance: int) -> None:
        """A number on the wire is the one nearest to another."""
        assert unwrap((near + distance) % SEQUENCE_SPACE, near) == near + distance

    @given(st.integers(0, 2**32 - 1), st.integers(0, 10**12), st.integers(32, 200))
    def test_packets(self, session: int, number: int, size: int) -> None:
        """What is written can be read, and only by its own session."""
        packet = buildText(session, number, size)
        assert len(packet) == max(size, len(packet.rstrip(b".")))
        assert sequenceIn(b"[x] " + packet, session) == number
        assert sequenceIn(packet, session ^ 1) is None

    def test_failures(self) -> None:
        """A refusal is one, everything else is no way there."""
        assert describeError(errno.ECONNREFUSED) == (ProbeState.REFUSED, "connection refused")
        assert describeError(errno.EHOSTUNREACH) == (ProbeState.UNREACHABLE, "no route to host")


class TCPInfoTests(SynchronousTestCase):
    def test_read(self) -> None:
        """Fields are read where Linux has them; what is missing is unknown."""

        class Told:
            """A socket with an account."""

            def getsockopt(self, level: int, option: int, length: int) -> bytes:
                return bytes(data)

        unknown = {"rtt": None, "rttvar": None, "min_rtt": None}
        data = bytearray(232)
        data[68:72] = (50).to_bytes(4, "little")
        data[148:152] = (40).to_bytes(4, "little")
        if ancillary.LINUX:
            found = tcpInfo(Told())  # type: ignore[arg-type]
            assert found == {"rtt": 50_000, "rttvar": None, "min_rtt": 40_000}
            data = bytearray(60)
            assert tcpInfo(Told()) == unknown  # type: ignore[arg-type]
        closed = socket.socket()
        closed.close()
        assert tcpInfo(closed) == unknown
