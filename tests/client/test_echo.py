"""Tests for L{tsservices.client.echo} and L{tsservices.client.connection}."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import (
    ConnectError,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
    NoRouteError,
    TimeoutError,
)
from twisted.internet.interfaces import IPushProducer
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.client import SILENT, FakeConsole, FakeReactor, FakeServer
from tsservices.client.connection import (
    BackpressuredWriter,
    ClientError,
    Connection,
    connectReason,
    lostReason,
)
from tsservices.client.echo import LINE_WINDOW, exchangeLines

HERE = "127.0.0.1 port 21567"


class EchoFixture:
    def __init__(self, console: FakeConsole, lineService: bool = False) -> None:
        self.reactor = FakeReactor()
        self.console = console
        self.status = Deferred.fromCoroutine(
            exchangeLines(
                TCP4ClientEndpoint(self.reactor, "127.0.0.1", 21567),
                HERE,
                console,
                self.reactor,
                10.0,
                lineService,
            )
        )
        self.server: FakeServer = self.reactor.acceptTCP()


class LockstepTests(SynchronousTestCase):
    def test_pipedLinesWaitForAnswers(self) -> None:
        fixture = EchoFixture(FakeConsole(b"a", b"", b"\xff"))
        for line in (b"a\n", b"\n", b"\xff\n"):
            self.assertNoResult(fixture.status)
            assert fixture.server.took() == line
            fixture.server.answer(b"[stamp] " + line)
        assert self.successResultOf(fixture.status) == 0
        assert fixture.console.written == b"[stamp] a\n[stamp] \n[stamp] \xff\n"
        assert fixture.server.transport.disconnecting
        assert fixture.console.producer is None

    def test_answerWithSeveralStamps(self) -> None:
        fixture = EchoFixture(FakeConsole(b"xxxx", b"b"))
        fixture.server.took()
        fixture.server.answer(b"[stamp] xx")
        fixture.server.answer(b"[stamp] xx")
        assert fixture.server.took() == b""
        fixture.server.answer(b"[stamp] \n")
        assert fixture.server.took() == b"b\n"
        assert fixture.console.written == b"[stamp] xx[stamp] xx[stamp] \n"

    def test_emptyLineEnds(self) -> None:
        fixture = EchoFixture(FakeConsole(interactive=True, ended=False))
        fixture.console.type(b"a")
        fixture.server.answer(b"[stamp] a\n")
        fixture.console.type(b"")
        assert self.successResultOf(fixture.status) == 0
        assert fixture.server.took() == b"a\n"

    def test_silence(self) -> None:
        fixture = EchoFixture(FakeConsole(b"a"))
        fixture.reactor.advance(9)
        fixture.server.answer(b"[stamp] ")
        fixture.reactor.advance(9)
        self.assertNoResult(fixture.status)
        fixture.reactor.advance(1)
        error = self.failureResultOf(fixture.status, ClientError)
        assert str(error.value) == f"no answer from {HERE} within 10 s"

    def test_noTimeoutAtPrompt(self) -> None:
        fixture = EchoFixture(FakeConsole(interactive=True, ended=False))
        fixture.reactor.advance(10000)
        self.assertNoResult(fixture.status)

    def test_chokedConsoleIsNotATimeout(self) -> None:
        fixture = EchoFixture(FakeConsole(b"a"))
        producer = fixture.console.producer
        assert producer is not None
        producer.pauseProducing()
        assert fixture.server.transport.producerState == "paused"
        fixture.reactor.advance(11)
        fixture.reactor.advance(11)
        self.assertNoResult(fixture.status)
        producer.resumeProducing()
        assert fixture.server.transport.producerState == "producing"
        fixture.reactor.advance(9)
        self.assertNoResult(fixture.status)
        fixture.reactor.advance(1)
        self.failureResultOf(fixture.status, ClientError)

    def test_stoppedProducerClosesTheConnection(self) -> None:
        fixture = EchoFixture(FakeConsole(b"a"))
        assert fixture.console.producer is not None
        fixture.console.producer.stopProducing()
        assert fixture.server.transport.disconnecting

    def test_lost(self) -> None:
        for console in (FakeConsole(ended=False), FakeConsole(b"a")):
            fixture = EchoFixture(console)
            fixture.server.drop()
            error = self.failureResultOf(fixture.status, ClientError)
            assert str(error.value) == f"connection to {HERE} lost: {SILENT}"
            assert console.producer is None

    def test_cancelled(self) -> None:
        fixture = EchoFixture(FakeConsole(ended=False))
        fixture.status.cancel()
        self.failureResultOf(fixture.status)
        assert fixture.server.transport.disconnecting


class LineServiceTests(SynchronousTestCase):
    def test_pipelinedUpToABound(self) -> None:
        fixture = EchoFixture(FakeConsole(*[b"x"] * (LINE_WINDOW + 1)), lineService=True)
        assert fixture.server.took() == b"x\n" * LINE_WINDOW
        fixture.server.answer(b"[stamp] x\n[stamp]")
        assert fixture.server.took() == b"x\n"
        fixture.server.answer(b" x\n" + b"[stamp] x\n" * (LINE_WINDOW - 2))
        self.assertNoResult(fixture.status)
        fixture.server.answer(b"[stamp] x\n")
        assert self.successResultOf(fixture.status) == 0

    def test_typedLinesWaitForAnswers(self) -> None:
        fixture = EchoFixture(FakeConsole(b"a", b"b", interactive=True), lineService=True)
        assert fixture.server.took() == b"a\n"

    def test_refused(self) -> None:
        for chunks in (
            [b"! too long\n"],
            [b"[stamp] b\n!", b" too long\n"],
            [b"[stamp] b\n", b"!", b" ", b"too long\n"],
        ):
            fixture = EchoFixture(FakeConsole(*[b"a"] * len(chunks)), lineService=True)
            for chunk in chunks:
                fixture.server.answer(chunk)
            fixture.server.answer(b"[stamp] \n" * 4)
            assert self.successResultOf(fixture.status) == 1
            assert fixture.console.written.startswith(b"".join(chunks))

    def test_quotedMark(self) -> None:
        """An error line within an answer is data, and so is one of the plain service."""
        fixture = EchoFixture(FakeConsole(b"! a"), lineService=True)
        fixture.server.answer(b"[stamp] ! a\n")
        assert self.successResultOf(fixture.status) == 0
        fixture = EchoFixture(FakeConsole(b"a"))
        fixture.server.answer(b"! a\n")
        assert self.successResultOf(fixture.status) == 0

    def test_noticeIsNoAnswer(self) -> None:
        fixture = EchoFixture(FakeConsole(ended=False), lineService=True)
        fixture.server.answer(b"! going down\n")
        fixture.console.type(b"a")
        fixture.console.type(None)
        self.assertNoResult(fixture.status)
        fixture.server.answer(b"[stamp] a\n")
        assert self.successResultOf(fixture.status) == 1


class ConnectTests(SynchronousTestCase):
    def test_refused(self) -> None:
        reactor = FakeReactor()
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", 21567)
        status = Deferred.fromCoroutine(
            exchangeLines(endpoint, HERE, FakeConsole(), reactor, 1.0, False)
        )
        reactor.refuseTCP(ConnectionRefusedError(111, "whatever"))
        error = self.failureResultOf(status, ClientError)
        assert str(error.value) == f"cannot connect to {HERE}: connection refused"

    def test_lostBeforehand(self) -> None:
        connection = Connection(lambda data: None)
        connection.makeConnection(StringTransport())
        connection.connectionLost()
        never: Deferred[None] = Deferred()

        async def wait() -> None:
            await never

        result = Deferred.fromCoroutine(connection.runConnected(wait()))
        self.failureResultOf(result, ConnectionLost)

    def test_producers(self) -> None:
        fixture = EchoFixture(FakeConsole(ended=False))
        assert verifyObject(IPushProducer, Connection(lambda data: None))
        writer = BackpressuredWriter(fixture.server.transport)  # type: ignore[arg-type]
        assert verifyObject(IPushProducer, writer)
        writer.stopProducing()
        writer.resumeProducing()
        fixture.server.transport.loseConnection()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(), "connection refused"),
        (DNSLookupError("x"), "the host name is unknown"),
        (ValueError("invalid hostname: a..b"), "the host name is unknown"),
        (TimeoutError(), "no answer in time"),
        (NoRouteError(113, "x"), "No route to host"),
        (ConnectError(string=Failure(ConnectionDone())), "there is no way to it"),
        (ConnectError(string="odd"), "An error occurred while connecting: odd."),
        (OSError("odd"), "odd"),
    ],
)
def test_connectReason(error: Exception, reason: str) -> None:
    assert connectReason(error) == reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionDone(), "closed by the other side"),
        (ConnectionLost(OSError(104, "x")), "Connection reset by peer"),
        (ConnectionLost(OSError("x")), "closed in an unclean way"),
        (ConnectionLost(), "closed in an unclean way"),
        (RuntimeError(), "closed in an unclean way"),
    ],
)
def test_lostReason(error: Exception, reason: str) -> None:
    assert lostReason(Failure(error)) == reason
