"""Tests for L{tsservices.services.hello}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.services import bind, connect


class HelloTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.protocol, self.transport = connect("hello")

    def test_welcomeIsBare(self) -> None:
        self.assertEqual(self.transport.value(), b"Welcome!")

    def test_greets(self) -> None:
        for data, expected in (
            (b"Michael", b"Hello, Michael!"),
            (b"nc\n", b"Hello, nc!\n"),
            (b"telnet\r\n", b"Hello, telnet!\r\n"),
            (b"\xff", b"Hello, \xff!"),
        ):
            self.transport.clear()
            self.protocol.dataReceived(data)
            self.assertEqual(self.transport.value(), expected)

    def test_exitClosesWithoutAnswer(self) -> None:
        for word in (b"exit", b"exit\n", b"exit\r\n"):
            protocol, transport = connect("hello")
            protocol.dataReceived(word)
            protocol.dataReceived(b"more")
            self.assertEqual(transport.value(), b"Welcome!")
            self.assertTrue(transport.disconnecting)
            self.assertIsNone(transport.producer)

    def test_exitIsAWholeChunk(self) -> None:
        self.protocol.dataReceived(b"exitus")
        self.assertFalse(self.transport.disconnecting)


class HelloDatagramTests(SynchronousTestCase):
    def test_greetsEachDatagram(self) -> None:
        protocol, transport = bind("hello")
        for data in (b"world", b"exit", b"nc\n"):
            protocol.datagramReceived(data, ("127.0.0.1", 5000))
        self.assertEqual(
            [data for data, _ in transport.sent],
            [b"Hello, world!", b"Hello, exit!", b"Hello, nc!\n"],
        )
