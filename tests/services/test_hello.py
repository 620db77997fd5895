"""
Tests for L{tsservices.services.hello}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.services import bind, connect


class HelloTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.protocol, self.transport = connect("hello")

    def test_welcome(self) -> None:
        """The welcome comes unasked and bare."""
        self.assertEqual(self.transport.value(), b"Welcome!")

    def test_greets(self) -> None:
        """Bare chunks get bare answers, lines get lines."""
        for data, expected in (
            (b"Michael", b"Hello, Michael!"),
            (b"nc\n", b"Hello, nc!\n"),
            (b"telnet\r\n", b"Hello, telnet!\r\n"),
            (b"\xff", b"Hello, \xff!"),
        ):
            self.transport.clear()
            self.protocol.dataReceived(data)
            self.assertEqual(self.transport.value(), expected)

    def test_exit(self) -> None:
        """
        The chunk C{exit} closes, with or without an ending, and nothing is
        answered any more.
        """
        for word in (b"exit", b"exit\n", b"exit\r\n"):
            protocol, transport = connect("hello")
            protocol.dataReceived(word)
            protocol.dataReceived(b"more")
            self.assertEqual(transport.value(), b"Welcome!")
            self.assertTrue(transport.disconnecting)
            self.assertIsNone(transport.producer)

    def test_exitIsAWholeChunk(self) -> None:
        """People whose name begins with it are greeted."""
        self.protocol.dataReceived(b"exitus")
        self.assertFalse(self.transport.disconnecting)


class HelloDatagramTests(SynchronousTestCase):
    def test_greets(self) -> None:
        """Each datagram is greeted; there is no welcome and no exit."""
        protocol, transport = bind("hello")
        for data in (b"world", b"exit", b"nc\n"):
            protocol.datagramReceived(data, ("127.0.0.1", 5000))
        self.assertEqual(
            [data for data, _ in transport.sent],
            [b"Hello, world!", b"Hello, exit!", b"Hello, nc!\n"],
        )
