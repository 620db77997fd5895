"""A TLS server in memory, and the client's endpoint that connects to it."""

from __future__ import annotations

from collections.abc import Callable

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.support.certificates import Identity
from tsservices.client.server_options import TLSOptions
from tsservices.client.tls import Asker, TLSEndpoint

#: The time in these tests: seconds since 1970.
NOW = 1_795_000_000.0


class TLSServer:
    """
    The server side of TLS, without a transport.

    @ivar heard: the decrypted data received.
    @ivar clientName: the server name (SNI) sent by the client.
    """

    def __init__(
        self, identity: Identity, version: int = SSL.TLS1_3_VERSION, demanding: bool = False
    ) -> None:
        self.heard = b""
        self.clientName: bytes | None = None
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        context.use_privatekey(identity.key)
        context.use_certificate(identity.certificate)
        context.set_tlsext_servername_callback(self._named)
        if demanding:
            demand = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
            context.set_verify(demand, lambda *arguments: True)
        self._connection = SSL.Connection(context, None)
        self._connection.set_accept_state()
        self._toSay = b""
        self._ready = False

    def _named(self, connection: SSL.Connection) -> None:
        self.clientName = connection.get_servername()

    def say(self, data: bytes) -> None:
        """Send data as soon as the handshake is complete."""
        self._toSay += data

    def renegotiate(self) -> bytes:
        """Request a second handshake."""
        self._connection.renegotiate()
        self._ready = False
        return self.answer(b"")

    def answer(self, data: bytes) -> bytes:
        """Process data from the client, and return the reply."""
        connection = self._connection
        if data:
            connection.bio_write(data)
        try:
            if not self._ready:
                connection.do_handshake()
                self._ready = True
            if self._toSay:
                connection.send(self._toSay)
                self._toSay = b""
            while True:
                self.heard += connection.recv(65536)
        except SSL.ZeroReturnError:
            connection.shutdown()
        except SSL.Error:
            # More data is needed, or the connection has ended: the output is sent in any case.
            pass
        sent = b""
        try:
            while True:
                sent += connection.bio_read(65536)
        except SSL.WantReadError:
            return sent


class Recorder(Protocol):
    """A protocol that sends hello, and records its events."""

    def __init__(self) -> None:
        self.heard = b""
        self.lost: Failure | None = None

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


@implementer(IStreamClientEndpoint)
class TLSWorld:
    """
    A client and the servers that it reaches, one for each connection.

    @ivar wire: all bytes sent by the client, on all connections.
    """

    def __init__(
        self,
        options: TLSOptions,
        *servers: TLSServer,
        host: str = "chat.example",
        port: int = 7,
        attended: bool = False,
    ) -> None:
        self.clock = Clock()
        self.servers = list(servers)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.answers: list[str | Deferred[str]] = []
        self.wire = b""
        self.transport = StringTransport()
        self._host = host
        self._port = port
        self._protocol: IProtocol | None = None
        self._lost = True
        ask: Asker | None = self._ask if attended else None
        complain = self.complaints.append
        self.endpoint = TLSEndpoint(
            self, host, port, options, self.clock, 10.0, ask, complain, lambda: NOW
        )

    async def _ask(self, question: str) -> str:
        self.asked.append(question)
        answer = self.answers.pop(0)
        return answer if isinstance(answer, str) else await answer

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        protocol = protocolFactory.buildProtocol(IPv4Address("TCP", self._host, self._port))
        assert protocol is not None
        self._protocol = protocol
        self.transport = StringTransport()
        self._lost = False
        protocol.makeConnection(self.transport)
        return succeed(protocol)

    def begin(self) -> Deferred[IProtocol]:
        """Connect, until the server has to answer."""
        return self.endpoint.connect(Factory.forProtocol(Recorder))

    def join(self) -> Deferred[IProtocol]:
        """Connect to the next server, and deliver all data."""
        joining = self.begin()
        self.settle()
        return joining

    def sent(self) -> bytes:
        """Return the data sent by the client since the last call."""
        # TLS collects the data written in one turn.
        self.clock.advance(0)
        data: bytes = self.transport.value()
        self.transport.clear()
        self.wire += data
        return data

    def settle(self, changed: Callable[[bytes], bytes] = lambda data: data) -> None:
        while (data := self.sent()) and self.servers:
            if back := changed(self.servers[0].answer(data)):
                self.receive(back)

    def receive(self, data: bytes) -> None:
        """Give data to the client, and end the connection if the client has closed it."""
        assert self._protocol is not None
        if not self._lost:
            self._protocol.dataReceived(data)
            if self.transport.disconnecting:
                self.lose()

    def lose(self, reason: Exception | None = None) -> None:
        assert self._protocol is not None
        if not self._lost:
            self._lost = True
            self._protocol.connectionLost(Failure(reason or ConnectionDone()))

    def drop(self) -> None:
        """Lose the connection; the next one reaches the next server."""
        self.servers.pop(0)
        self.lose()
