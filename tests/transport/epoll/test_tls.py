"""Tests for TLS above the transports of the set, where answers are encrypted and sent in place."""

from __future__ import annotations

import contextlib
import ssl
from random import Random
from typing import Any

import pytest

from tests.support.epoll import EpollCase, receiveAll
from tests.support.services import SuiteServer
from tests.support.tls_clients import certificate, clientContext
from tsservices.server.registry import BY_NAME
from tsservices.transport.epoll.interfaces import SHORT_READ
from tsservices.transport.stream import StreamFactory

pytest.importorskip("OpenSSL", reason="the extra tls is not installed")

from tsservices.transport.tls import TLSFactory

CERTIFICATE = certificate()


class TLSReplyTests(EpollCase):
    protocol: Any

    def setUp(self) -> None:
        super().setUp()
        server = SuiteServer()
        self.stamp = server.wiring.formatter.stamp()
        self.inner: StreamFactory = server.listen(BY_NAME["timestamp"])
        factory = TLSFactory(CERTIFICATE, self.inner, self.inner.context)
        # A pair of sockets has no port to name.
        factory.place = "here"
        protocol: Any = factory.buildProtocol(None)
        self.protocol = protocol
        self.peer = self.connect(protocol)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = clientContext().wrap_bio(self.incoming, self.outgoing)
        for _ in range(4):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
            self.exchange()
        self.written: list[bytes] = []
        write = self.protocol.write

        def noted(data: bytes) -> None:
            self.written.append(data)
            write(data)

        self.patch(self.protocol, "write", noted)

    def exchange(self) -> None:
        data = self.outgoing.read()
        while data:
            with contextlib.suppress(BlockingIOError):
                data = data[self.peer.send(data) :]
            self.turn()
        self.turn()

    def turn(self) -> None:
        self.set.doRead()
        self.incoming.write(receiveAll(self.peer))

    def heard(self) -> bytes:
        heard = b""
        with contextlib.suppress(ssl.SSLError):
            while data := self.client.read(65_536):
                heard += data
        return heard

    def test_inPlace(self) -> None:
        transport = self.protocol.transport
        # The handshake was longer than a short read.
        assert transport.readSize == SHORT_READ
        self.client.write(b"hello")
        self.exchange()
        assert self.heard() == self.stamp + b"hello"
        assert self.written == []
        assert self.inner.counters.received == 1
        assert transport.plain

    def test_partOfARecord(self) -> None:
        self.client.write(b"hello")
        data = self.outgoing.read()
        for at in range(0, len(data), 3):
            self.peer.send(data[at : at + 3])
            self.turn()
        assert self.heard() == self.stamp + b"hello"
        assert self.protocol.connected

    def test_endInTheSameChunk(self) -> None:
        self.client.write(b"last")
        with contextlib.suppress(ssl.SSLWantReadError):
            self.client.unwrap()
        self.exchange()
        assert self.heard() == self.stamp + b"last"
        assert not self.inner.counters.open

    def test_damaged(self) -> None:
        self.client.write(b"hello")
        data = bytearray(self.outgoing.read())
        data[-1] ^= 1
        self.peer.send(data)
        self.turn()
        assert self.heard() == b""
        assert not self.inner.counters.open

    def test_closing(self) -> None:
        """What comes after the server has begun to close is not answered."""
        self.protocol.wrappedProtocol.finish()
        self.client.write(b"late")
        self.exchange()
        assert self.heard() == b""

    def test_behindWhatWaits(self) -> None:
        self.client.write(b"second")
        self.protocol.write(b"first ")
        self.exchange()
        assert self.heard() == b"first " + self.stamp + b"second"

    def test_much(self) -> None:
        """A client that reads late gets all of it, in order."""
        randomness = Random(20)
        messages = [
            randomness.randbytes(randomness.choice((1, 64, 5000, 70_000))) for _ in range(40)
        ]
        for message in messages:
            at = 0
            while at < len(message):
                at += self.client.write(message[at:])
            data = self.outgoing.read()
            while data:
                with contextlib.suppress(BlockingIOError):
                    data = data[self.peer.send(data) :]
                self.set.doRead()
                if randomness.random() < 0.1 or data:
                    self.turn()
        for _ in range(100):
            self.turn()
        heard = self.heard().replace(self.stamp, b"")
        assert heard == b"".join(messages)
        assert self.protocol.transport.pendingBytes() == 0

    def test_forgotten(self) -> None:
        """Nothing of a connection waits for the garbage collector."""
        self.peer.close()
        self.set.doRead()
        assert self.protocol.transport.reply is None
        assert (self.protocol._reply, self.protocol._session) == (None, None)

    def tearDown(self) -> None:
        self.peer.close()
        for _ in range(3):
            self.set.doRead()
