"""Tests for L{tsservices.client.probe.wires.text_tcp}, with a server that the test plays."""

from __future__ import annotations

import socket

import pytest
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from tests.client.probe.test_wires import RecordingListener
from tests.support.client import FakeReactor, FakeServer
from tests.support.probe import clocksOf
from tsservices.client.probe.source import Source
from tsservices.client.probe.wires.base import SendError, TransportConfig
from tsservices.client.probe.wires.text_tcp import TCPTextTransport
from tsservices.stamp.stats.result import ProbeState


class ReconnectingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.listener = RecordingListener()

    def open(self, interval: float = 10.0) -> FakeServer:
        config = TransportConfig("127.0.0.1", 7, interval=interval)
        clocks = clocksOf(self.reactor)
        self.transport = TCPTextTransport(self.reactor, clocks, config, 1)  # type: ignore[arg-type]
        self.transport.open(self.listener)
        return self.accept()

    def accept(self) -> FakeServer:
        return self.reactor.acceptTCP()

    def attempts(self) -> int:
        return len(self.reactor.tcpClients)

    def exchange(self, server: FakeServer, number: int) -> None:
        self.transport.send(number)
        server.answer(b"[x] " + server.took())

    def test_idleServer(self) -> None:
        """The connection is there again when the next packet is due, and no packet is lost."""
        server = self.open()
        self.exchange(server, 0)
        self.reactor.advance(5)
        server.drop()
        self.reactor.advance(3.9)
        assert self.attempts() == 0
        self.reactor.advance(0.1)
        assert self.attempts() == 1
        again = self.accept()
        assert self.listener.reconnections == ["connection closed by the server"]
        self.reactor.advance(1)
        self.exchange(again, 1)
        assert [reply.sequence for reply in self.listener.replies] == [0, 1]

    def test_shortInterval(self) -> None:
        server = self.open(interval=0.5)
        self.transport.send(0)
        self.reactor.advance(0.2)
        server.drop()
        self.reactor.advance(0.05)
        assert self.attempts() == 1

    def test_inFlight(self) -> None:
        server = self.open()
        self.transport.send(0)
        server.drop(ConnectionLost())
        assert self.listener.failures[-1] == (
            0,
            ProbeState.UNREACHABLE,
            "connection closed by the server",
        )

    def test_systemError(self) -> None:
        server = self.open()
        self.transport.send(0)
        server.drop(ConnectionLost(TimeoutError(110, "Connection timed out")))
        assert self.listener.failures[-1][2] == "connection lost: Connection timed out"

    def test_acceptsAndCloses(self) -> None:
        """One attempt at once for each packet, not one after the other."""
        server = self.open()
        self.transport.send(0)
        self.reactor.advance(9.5)
        server.drop()
        self.reactor.advance(0)
        assert self.attempts() == 1
        self.accept().drop()
        self.reactor.advance(0.4)
        assert self.attempts() == 0
        with pytest.raises(SendError, match="closed by the server"):
            self.transport.send(1)
        assert self.attempts() == 1

    def test_refused(self) -> None:
        """A server that comes back is found before the packet that would be lost."""
        self.open().drop()
        self.reactor.advance(9)
        self.reactor.refuseTCP(ConnectionRefusedError())
        with pytest.raises(SendError, match="refused"):
            self.transport.send(0)
        self.reactor.refuseTCP(ConnectionRefusedError())
        self.reactor.advance(8.9)
        assert self.attempts() == 0
        self.reactor.advance(0.1)
        self.accept()
        assert len(self.listener.reconnections) == 1

    @pytest.mark.skipif(
        not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the kernel waits as it does"
    )
    def test_forgottenConnection(self) -> None:
        """The kernel gives up a connection that a firewall has forgotten, but waits as C{-W}."""
        for timeout, patience in ((1.0, 10_000), (30.0, 30_000)):
            config = TransportConfig("127.0.0.1", 7, timeout=timeout)
            clocks = clocksOf(self.reactor)
            TCPTextTransport(self.reactor, clocks, config, 1).open(self.listener)  # type: ignore[arg-type]
            handle = self.accept().transport.getHandle()
            assert handle.options == [(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)]

    def test_givenUp(self) -> None:
        """Not the server has closed a connection that was silent for so long."""
        for silence, reason in ((9.9, "closed by the server"), (10, "lost: Connection timed out")):
            server = self.open(interval=60)
            self.exchange(server, 0)
            self.reactor.advance(30)
            self.transport.send(1)
            self.reactor.advance(silence)
            server.drop(ConnectionLost())
            assert self.listener.failures[-1][2] == f"connection {reason}"

    def test_silentServer(self) -> None:
        """Its packets are due, and lost, while the first connection is not made."""
        config = TransportConfig("127.0.0.1", 7)
        clocks = clocksOf(self.reactor)
        transport = TCPTextTransport(self.reactor, clocks, config, 1)  # type: ignore[arg-type]
        opened = transport.open(self.listener)
        self.reactor.advance(1.9)
        self.assertNoResult(opened)
        self.reactor.advance(0.1)
        self.successResultOf(opened)
        with pytest.raises(SendError, match="no connection yet"):
            transport.send(0)
        server = self.accept()
        transport.send(1)
        assert server.took()

    def test_closed(self) -> None:
        server = self.open()
        server.drop()
        self.transport.close()
        assert self.reactor.getDelayedCalls() == []
        assert self.attempts() == 0

    def test_source(self) -> None:
        config = TransportConfig("127.0.0.1", 7, source=Source("127.0.0.2"))
        clocks = clocksOf(self.reactor)
        TCPTextTransport(self.reactor, clocks, config, 1).open(self.listener)  # type: ignore[arg-type]
        *_, bindAddress = self.reactor.tcpClients[0]
        assert bindAddress == ("127.0.0.2", 0)  # type: ignore[comparison-overlap]
