"""Tests for L{tsservices.client.talk} and L{tsservices.client.runner}."""

from __future__ import annotations

import signal
import socket
from typing import cast

from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import ISSLTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from tests.support.client import SILENT, FakeConsole, FakeReactor
from tsservices.client.cli import Command, EchoOptions, OperatorOptions, TalkOptions
from tsservices.client.connection import ClientError
from tsservices.client.runner import run
from tsservices.client.talk import talk
from tsservices.client.terminal.console import Interrupted
from tsservices.common.text import TLS_ONLY


class TalkFixture:
    def __init__(self, console: FakeConsole) -> None:
        self.reactor = FakeReactor()
        self.console = console
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", 21572)
        self.status = Deferred.fromCoroutine(talk(endpoint, "there", console, self.reactor, 10.0))
        self.server = self.reactor.acceptTCP()


class TalkTests(SynchronousTestCase):
    def test_bothWays(self) -> None:
        fixture = TalkFixture(FakeConsole(interactive=True, ended=False))
        fixture.server.answer(b"hel")
        assert fixture.console.written == b"hel"
        fixture.console.type(b"hi")
        fixture.console.type(b"")
        assert fixture.server.took() == b"hi\n\n"
        fixture.server.answer(b"lo\n")
        assert fixture.console.written == b"hello\n"
        fixture.reactor.advance(10000)
        self.assertNoResult(fixture.status)

    def test_ctrlDClosesBothDirections(self) -> None:
        fixture = TalkFixture(FakeConsole(b"bye", interactive=True))
        assert fixture.server.took() == b"bye\n"
        assert fixture.server.transport.disconnecting
        assert fixture.server.transport.producer is None
        fixture.server.drop()
        assert self.successResultOf(fixture.status) == 0

    def test_endOfPipeClosesOneDirection(self) -> None:
        fixture = TalkFixture(FakeConsole(b"a"))
        assert fixture.server.took() == b"a\n"
        assert fixture.server.transport.halfClosed
        assert fixture.server.transport.producer is None
        fixture.reactor.advance(9)
        fixture.server.answer(b"late")
        fixture.reactor.advance(9)
        fixture.server.answer(b" answer\n")
        self.assertNoResult(fixture.status)
        fixture.server.drop()
        assert self.successResultOf(fixture.status) == 0
        assert fixture.console.written == b"late answer\n"

    def test_noHalfOfTLS(self) -> None:
        fixture = TalkFixture(FakeConsole(b"a", ended=False))
        alsoProvides(fixture.server.transport, ISSLTransport)
        fixture.console.type(None)
        assert not fixture.server.transport.halfClosed
        fixture.server.answer(b"late answer\n")
        fixture.reactor.advance(10)
        assert self.successResultOf(fixture.status) == 0

    def test_serverSaysNothing(self) -> None:
        for answer, reason in (
            (b"", SILENT),
            (b"\x15\x03\x03\x00\x02\x02\x0a", "the server expects TLS at this port: add --tls"),
            (TLS_ONLY, "the server expects TLS at this port: add --tls"),
        ):
            fixture = TalkFixture(FakeConsole(b"a"))
            fixture.server.answer(answer)
            fixture.server.drop()
            error = self.failureResultOf(fixture.status, ClientError)
            assert str(error.value) == f"connection to there lost: {reason}"
            assert fixture.console.written == b""

    def test_silenceAfterPipeEndsTheRun(self) -> None:
        fixture = TalkFixture(FakeConsole(b"a"))
        fixture.reactor.advance(10)
        assert self.successResultOf(fixture.status) == 0
        assert fixture.server.transport.disconnecting

    def test_lost(self) -> None:
        fixture = TalkFixture(FakeConsole(ended=False))
        fixture.server.drop()
        error = self.failureResultOf(fixture.status, ClientError)
        assert str(error.value) == f"connection to there lost: {SILENT}"
        assert fixture.console.producer is None

    def test_backPressure(self) -> None:
        fixture = TalkFixture(FakeConsole(ended=False))
        producer = fixture.server.transport.producer
        assert producer is not None
        producer.pauseProducing()
        fixture.console.type(b"a")
        fixture.console.type(b"b")
        assert fixture.server.took() == b"a\n"
        producer.resumeProducing()
        assert fixture.server.took() == b"b\n"


class SessionTests(SynchronousTestCase):
    def start(self, command: Command, console: FakeConsole) -> tuple[FakeReactor, Deferred[int]]:
        reactor = FakeReactor()
        running = run(cast(ReactorBase, reactor), command, console)
        return reactor, Deferred.fromCoroutine(running)

    def test_echo(self) -> None:
        for wire in ("tcp", "line"):
            console = FakeConsole(b"a")
            reactor, status = self.start(EchoOptions("127.0.0.1", 7, wire), console)
            assert reactor.tcpClients[0][:2] == ("127.0.0.1", 7)
            server = reactor.acceptTCP()
            server.answer(b"! a\n")
            assert self.successResultOf(status) == (wire == "line")
            assert console.written == b"! a\n"
            assert console.closed == [True]

    def test_datagrams(self) -> None:
        console = FakeConsole(b"a")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            port = server.getsockname()[1]
            reactor, status = self.start(EchoOptions("h", port, "udp", 1.0, 0), console)
            server.settimeout(5)
            assert server.recv(10) == b"a"
            reactor.advance(1)
        assert self.successResultOf(status) == 1
        assert console.complaints == [f"h port {port}: no answer: a"]
        reactor.advance(0)

    def test_talk(self) -> None:
        reactor, _ = self.start(TalkOptions("127.0.0.1", 8), FakeConsole())
        assert reactor.tcpClients[0][:2] == ("127.0.0.1", 8)
        reactor.acceptTCP()

    def test_operator(self) -> None:
        reactor, _ = self.start(OperatorOptions("/s/operator.sock"), FakeConsole())
        assert reactor.unixClients[0][0] == "/s/operator.sock"

    def test_longSocketPath(self) -> None:
        console = FakeConsole()
        path = "/" + "x" * 120
        _, status = self.start(OperatorOptions(path), console)
        assert self.successResultOf(status) == 1
        assert console.complaints == [
            f"cannot connect to the operator's socket {path}: the path is too long"
        ]

    def test_failureIsStatus1(self) -> None:
        console = FakeConsole(ended=False)
        reactor, status = self.start(EchoOptions(), console)
        reactor.acceptTCP().drop()
        assert self.successResultOf(status) == 1
        assert console.closed == [True]
        assert console.complaints == [f"connection to 127.0.0.1 port 21567 lost: {SILENT}"]
        assert reactor.shutDown()

    def test_signalIsStatus130(self) -> None:
        console = FakeConsole(ended=False)
        reactor, status = self.start(EchoOptions(), console)
        server = reactor.acceptTCP()
        [finished] = reactor.shutDown()
        assert isinstance(finished, Deferred)
        self.successResultOf(finished)
        assert self.successResultOf(status) == 130
        assert console.closed == [False]
        assert console.complaints == []
        assert server.transport.disconnecting

    def test_terminatedIsStatus143(self) -> None:
        reactor, status = self.start(EchoOptions(), FakeConsole(ended=False))
        reactor.acceptTCP()
        reactor.shutDown(signal.SIGTERM)
        assert self.successResultOf(status) == 143

    def test_signalWhileFlushing(self) -> None:
        console = FakeConsole()
        console.stuck = Deferred()
        reactor, status = self.start(EchoOptions(), console)
        reactor.acceptTCP()
        self.assertNoResult(status)
        [finished] = reactor.shutDown()
        assert isinstance(finished, Deferred)
        self.successResultOf(finished)
        assert self.successResultOf(status) == 130

    def test_signalWhileConnecting(self) -> None:
        console = FakeConsole()
        reactor, status = self.start(EchoOptions(), console)
        reactor.shutDown()
        assert self.successResultOf(status) == 130
        assert console.complaints == []

    def test_ctrlC(self) -> None:
        console = FakeConsole()
        console.failure = Interrupted()
        reactor, status = self.start(EchoOptions(), console)
        reactor.acceptTCP()
        assert self.successResultOf(status) == 130
        assert console.complaints == []

    def test_nobodyReadsTheOutput(self) -> None:
        console = FakeConsole(ended=False)
        reactor, status = self.start(EchoOptions(), console)
        reactor.acceptTCP()
        console.outputClosed.callback(True)
        assert self.successResultOf(status) == 0
        assert console.closed == [False]
        assert console.complaints == []

    def test_outputFileFails(self) -> None:
        console = FakeConsole(ended=False)
        reactor, status = self.start(EchoOptions(), console)
        reactor.acceptTCP()
        console.outputClosed.callback(False)
        assert self.successResultOf(status) == 1
        assert console.complaints == ["the output cannot be written"]

    def test_faultIsRaised(self) -> None:
        console = FakeConsole()
        console.failure = ZeroDivisionError()
        reactor, status = self.start(EchoOptions(), console)
        reactor.acceptTCP()
        self.failureResultOf(status, ZeroDivisionError)
        assert console.closed == [True]
