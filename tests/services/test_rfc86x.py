"""Tests for L{tsservices.services.rfc86x}."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from tests.support.services import bind, connect
from tsservices.services.rfc86x import PATTERN
from tsservices.testing import NOON

TIME = (NOON + 2_208_988_800).to_bytes(4, "big")
DAYTIME = time.ctime(NOON).encode() + b"\r\n"


class StreamTests(SynchronousTestCase):
    def test_echo(self) -> None:
        protocol, transport = connect("echo")
        protocol.dataReceived(b"\0hello")
        self.assertEqual(transport.value(), b"\0hello")

    def test_discardCounts(self) -> None:
        protocol, transport = connect("discard")
        protocol.dataReceived(b"hello")
        self.assertEqual(transport.value(), b"")
        self.assertEqual(protocol.factory.counters.receivedBytes, 5)

    def test_pattern(self) -> None:
        """RFC 864: lines of 72 characters, each one further."""
        lines = PATTERN.split(b"\r\n")
        self.assertEqual(lines.pop(), b"")
        self.assertEqual({len(line) for line in lines}, {72})
        self.assertTrue(lines[0].startswith(b" !\"#$%&'()*+,-./0123456789:;<=>?@ABC"))
        for line, following in zip(lines, [*lines[1:], lines[0]], strict=True):
            self.assertEqual(line[1:], following[:-1])

    def test_chargenIsAProducer(self) -> None:
        protocol, transport = connect("chargen")
        self.assertFalse(transport.streaming)
        before = len(transport.value())
        protocol.resumeProducing()
        protocol.dataReceived(b"hello")
        self.assertEqual(transport.value()[before:], PATTERN)
        protocol.stopProducing()

    def test_daytime(self) -> None:
        _, transport = connect("daytime")
        self.assertEqual(transport.value(), DAYTIME)
        self.assertTrue(transport.disconnecting)

    def test_time(self) -> None:
        _, transport = connect("time")
        self.assertEqual(transport.value(), TIME)
        self.assertTrue(transport.disconnecting)


class DatagramTests(SynchronousTestCase):
    def answer(self, name: str, request: bytes) -> list[bytes]:
        protocol, transport = bind(name)
        protocol.datagramReceived(request, ("192.0.2.1", 5000))
        self.assertEqual(protocol.counters.received, 1)
        return [data for data, _ in transport.sent]

    def test_answers(self) -> None:
        self.assertEqual(self.answer("echo", b"hello"), [b"hello"])
        self.assertEqual(self.answer("discard", b"hello"), [])
        self.assertEqual(self.answer("daytime", b""), [DAYTIME])
        self.assertEqual(self.answer("time", b""), [TIME])
