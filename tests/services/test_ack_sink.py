"""Tests for L{tsservices.services.ack_sink} and L{tsservices.common.logs}."""

from __future__ import annotations

from twisted.internet.protocol import connectionDone
from twisted.trial.unittest import SynchronousTestCase

from tests.support.logs import gather
from tests.support.services import SuiteServer, bind, connect
from tsservices.common.limits import Limits
from tsservices.services.ack_sink import ACKNOWLEDGEMENT
from tsservices.testing import ManualClock


class LogTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.logged = gather(self)
        self.clock = ManualClock()

    def server(self, rate: int = 1000) -> SuiteServer:
        return SuiteServer(Limits(logRate=rate), clock=self.clock)


class AckTests(LogTests):
    def test_acknowledges(self) -> None:
        protocol, transport = connect("ack", self.server())
        protocol.dataReceived("你好".encode())
        self.assertEqual(transport.value().decode(), "服务器已经收到你的信息")
        self.assertEqual(self.logged, ["客户端发来的消息是:你好 [192.0.2.1:50000]"])

    def test_linesAreAnsweredByLines(self) -> None:
        protocol, transport = connect("ack", self.server())
        protocol.dataReceived(b"hello\r\n")
        self.assertEqual(transport.value(), ACKNOWLEDGEMENT + b"\r\n")

    def test_exitCloses(self) -> None:
        protocol, transport = connect("ack", self.server())
        protocol.dataReceived(b"exit\n")
        self.assertEqual(transport.value(), b"")
        self.assertTrue(transport.disconnecting)


class SinkTests(LogTests):
    def test_logs(self) -> None:
        protocol, transport = connect("sink", self.server(), "::1", 7)
        protocol.dataReceived(b"hello\n")
        self.assertEqual(transport.value(), b"")
        self.assertEqual(self.logged, ["客户端发来的消息是:hello [[::1]:7]"])

    def test_splitCharacter(self) -> None:
        protocol, _ = connect("sink", self.server())
        for byte in "消".encode():
            protocol.dataReceived(bytes([byte]))
        self.assertEqual(self.logged, ["客户端发来的消息是:消 [192.0.2.1:50000]"])

    def test_unfinishedCharacterAtTheEnd(self) -> None:
        protocol, _ = connect("sink", self.server())
        protocol.dataReceived(b"\xe6")
        self.assertEqual(self.logged, [])
        protocol.connectionLost(connectionDone)
        self.assertEqual(self.logged, ["客户端发来的消息是:\\xe6 [192.0.2.1:50000]"])

    def test_forgery(self) -> None:
        """Text of a client can't look like a line of the log, nor fill in a format."""
        protocol, _ = connect("sink", self.server())
        protocol.dataReceived(b"a\n2026 forged\x1b[2J {peer} \xff")
        self.assertEqual(
            self.logged,
            ["客户端发来的消息是:a\\n2026 forged\\x1b[2J {peer} \\xff [192.0.2.1:50000]"],
        )

    def test_datagrams(self) -> None:
        protocol, transport = bind("sink", self.server())
        protocol.datagramReceived(b"hello", ("192.0.2.9", 99))
        protocol.datagramReceived(b"", ("192.0.2.9", 99))
        protocol.datagramReceived(b"\xe6", ("192.0.2.9", 99))
        self.assertEqual(transport.sent, [])
        self.assertEqual(
            self.logged,
            [
                "客户端发来的消息是:hello [192.0.2.9:99]",
                "客户端发来的消息是: [192.0.2.9:99]",
                "客户端发来的消息是:\\xe6 [192.0.2.9:99]",
            ],
        )
        self.assertEqual(protocol.counters.received, 3)

    def test_logRateIsLimited(self) -> None:
        protocol, _ = connect("sink", self.server(rate=10))
        for _ in range(3):
            protocol.dataReceived(b"x" * 40)
        self.assertEqual(len(self.logged), 2)
        self.clock.advance(8)
        protocol.dataReceived(b"again")
        self.assertEqual(self.logged[2], "1 message came too fast to be logged")
        self.assertEqual(len(self.logged), 4)
