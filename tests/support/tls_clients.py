"""TLS in memory: a certificate, and a client of a factory's protocol."""

from __future__ import annotations

import ssl
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any

from twisted.internet.protocol import connectionDone

from tsservices.common.certificates import KeyAndChain, parse, selfSigned
from tsservices.server.certificates import ServerCertificate
from tsservices.testing import MemoryTransport


@cache
def pem(host: str = "chat.example.org") -> bytes:
    return selfSigned(host, datetime.now(UTC))


def certificate(data: bytes | None = None) -> ServerCertificate:
    loaded = parse(data or pem())

    def read() -> KeyAndChain:
        return loaded

    return ServerCertificate(read, "/no/such/file")


def clientContext(**attributes: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in attributes.items():
        setattr(context, name, value)
    return context


class MemoryClient:
    """
    A client on a transport in memory.

    @ivar plain: data of the server that is not TLS.
    """

    def __init__(
        self, factory: Any, context: ssl.SSLContext | None = None, host: str = "192.0.2.1"
    ) -> None:
        self.transport = MemoryTransport(host, 50_000)
        self.server = factory.buildProtocol(self.transport.getPeer())
        assert self.server is not None, "the connection is not admitted"
        self.server.makeConnection(self.transport)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or clientContext()).wrap_bio(
            self._incoming, self._outgoing, server_hostname="chat.example.org"
        )
        self.heard = b""

    def hello(self) -> bytes:
        """Return the first bytes of a handshake."""
        self._step()
        return self._outgoing.read()

    def shake(self) -> MemoryClient:
        for _ in range(4):
            self._step()
            self.exchange()
        return self

    def _step(self) -> None:
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()

    def exchange(self) -> None:
        """Exchange the pending data of both sides."""
        self._incoming.write(self.transport.value())
        self.transport.clear()
        if (data := self._outgoing.read()) and not self.transport.aborted:
            self.server.dataReceived(data)

    def say(self, data: bytes) -> bytes:
        self.tls.write(data)
        self.exchange()
        return self.take()

    def take(self) -> bytes:
        """Return the data sent by the server since the last call."""
        self.exchange()
        heard = b""
        while True:
            try:
                data = self.tls.read(65_536)
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                return heard
            if not data:
                return heard
            heard += data

    def end(self) -> None:
        """Close the client's side of TLS."""
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.exchange()

    def hangUp(self) -> None:
        # As on a transport whose socket is closed: calls of these methods raise an error.
        self.transport.getHost = self.transport.getPeer = None  # type: ignore[assignment]
        self.server.connectionLost(connectionDone)
