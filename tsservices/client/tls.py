"""
TLS for the clients: an endpoint that connects, identifies the server, and returns the connection
only if L{tsservices.client.trust} accepts the server.

The handshake continues with any certificate, so that the user can be asked about an unknown key.
The protocol of the exchange is made after the decision, so none of its data is sent before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreFlags
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.client.connection import ClientError, ExplainedLoss, HandshakeError, place
from tsservices.client.known_hosts import KnownHosts
from tsservices.client.server_identity import (
    canonicalHost,
    isAddress,
    serverAddress,
    shownIdentity,
)
from tsservices.client.server_options import TLSOptions
from tsservices.client.shared_file import SharedFileError
from tsservices.client.trust import (
    Accept,
    Ask,
    ChainError,
    Decision,
    KnownServer,
    Pin,
    Refuse,
    ShownIdentity,
    TrustOptions,
    answered,
    decide,
)

#: Bytes from the server that are buffered while the user decides; then reading is paused.  A
#: server sends at most a few lines before the client does.
_EARLY_BYTES = 65536

#: How often a question is asked before a missing answer is taken as a refusal.
_QUESTIONS = 3

#: OpenSSL's first reason for an error caused by a server that does not speak TLS.
_NO_TLS = (
    "wrong version number",
    "unknown protocol",
    "packet length too long",
    "http request",
    "https proxy request",
)

#: Descriptions of fatal alerts, by number (RFC 8446, 6; RFC 5246, 7.2).
_ALERTS = {
    10: "unexpected message",
    20: "bad record",
    21: "decryption failed",
    22: "record too long",
    40: "no parameters that both sides accept",
    42: "bad certificate",
    43: "unsupported certificate",
    44: "certificate revoked",
    45: "certificate expired",
    46: "certificate unknown",
    47: "illegal parameter",
    48: "unknown authority",
    49: "access denied",
    50: "a message can't be read",
    51: "decryption failed",
    71: "the encryption is too weak",
    80: "internal error",
    86: "inappropriate fallback",
    90: "cancelled",
    100: "no renegotiation",
    109: "missing extension",
    110: "unsupported extension",
    112: "it is not the server of this name",
    115: "unknown key",
    116: "it wants a certificate of the client, which has none",
    120: "no common application protocol",
}

#: The error for a server that closes the connection during the handshake.
_ENDED = "the server has ended the connection in the handshake; does it speak TLS at this port?"

#: The level of alerts that end TLS.
_FATAL = 2

#: The alert of a server that shares no version of TLS with the client.
_PROTOCOL_VERSION = 70

#: OpenSSL's reasons with the same meaning as C{_PROTOCOL_VERSION}.
_NO_VERSION = ("unsupported protocol", "unsupported ssl version", "no protocols available")

_OLD_TLS = "the server speaks no version of TLS from 1.2 on"

#: Asks the user a question and returns the typed answer.
Asker = Callable[[str], Coroutine[Deferred[Any], Any, str]]


class Untrusted(ClientError):
    """A server whose identity is wrong, or can't be verified."""


def tlsReason(error: SSL.Error, alert: int) -> str:
    """
    Describe why TLS has failed.

    @param alert: the number of the server's fatal alert; -1: none was received.
    """
    # OpenSSL's texts for alerts differ between its versions.
    if alert == _PROTOCOL_VERSION:
        return _OLD_TLS
    if alert >= 0:
        return f"the server has ended TLS: {_ALERTS.get(alert, f'alert number {alert}')}"
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    reasons = [str(entry[-1]) for entry in queue if entry and entry[-1]]
    first = reasons[0] if reasons else "no reason is known"
    if first in _NO_TLS:
        return "the server speaks no TLS at this port"
    if first in _NO_VERSION:
        return _OLD_TLS
    return f"what the server sends is damaged ({first})"


@implementer(IOpenSSLClientConnectionCreator)
class RecordingCreator:
    """A factory of TLS connections that complete the handshake and record certificate errors."""

    def __init__(self, host: str, options: TrustOptions) -> None:
        """@raise ClientError: the file with the authorities can't be read."""
        # RFC 6066, 3: the server name is a name without the dot at its end, not an address.
        self._name = b"" if isAddress(host) else canonicalHost(host).encode("ascii")
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        # After the decision, a renegotiation could present another certificate.
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
        if options.authorities:
            _loadAuthorities(context, options.authorities)
        else:
            context.set_default_verify_paths()
        context.set_info_callback(_recordAlert)
        self._context = context

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        gate = tlsProtocol.wrappedProtocol
        assert isinstance(gate, _Gate)
        errors = gate.chainErrors

        def record(
            verified: SSL.Connection, certificate: X509, number: int, depth: int, valid: int
        ) -> bool:
            if not valid:
                errors.append(ChainError(number, depth))
            return True

        connection.set_verify(SSL.VERIFY_PEER, record)
        if self._name:
            connection.set_tlsext_host_name(self._name)
        return connection


def _recordAlert(connection: SSL.Connection, event: int, value: int) -> None:
    # The value holds the level and the number of the alert, a byte each.
    if event == SSL.SSL_CB_READ_ALERT and value >> 8 == _FATAL:
        gate = connection.get_app_data().wrappedProtocol
        assert isinstance(gate, _Gate)
        gate.alert = value & 0xFF


def _loadAuthorities(context: SSL.Context, path: str) -> None:
    try:
        with open(path, "rb"):
            context.load_verify_locations(path)
    except OSError as error:
        raise ClientError(f"--tls-ca: {path} can't be read: {error.strerror}") from error
    except SSL.Error as error:
        raise ClientError(f"--tls-ca: {path} has no certificate in PEM form") from error
    store = context.get_cert_store()
    assert store is not None
    # Trust the certificates in the file even if another authority has signed them.
    store.set_flags(X509StoreFlags.PARTIAL_CHAIN)


@implementer(IHandshakeListener)
class _Gate(Protocol):
    """
    The protocol between TLS and that of the exchange, which it connects after the decision.

    @ivar chainErrors: the errors that OpenSSL found in the certificates.
    @ivar alert: the number of the server's fatal alert; -1: none was received.
    @ivar shaken: fires when the handshake is complete.
    @ivar lost: why the connection was lost; L{None}: it is open.
    """

    transport: TLSMemoryBIOProtocol

    def __init__(self, clock: IReactorTime, timeout: float) -> None:
        self.alert = -1
        self.chainErrors: list[ChainError] = []
        self.shaken: Deferred[None] = Deferred(lambda _: self.transport.abortConnection())
        self.lost: Failure | None = None
        self._clock = clock
        self._timeout = timeout
        self._inside: IProtocol | None = None
        self._early: list[bytes] = []
        self._earlyBytes = 0

    def connectionMade(self) -> None:
        self._deadline = self._clock.callLater(self._timeout, self._expired)

    def handshakeCompleted(self) -> None:
        self._deadline.cancel()
        if not self.shaken.called:
            self.shaken.callback(None)

    def dataReceived(self, data: bytes) -> None:
        if self._inside is not None:
            self._inside.dataReceived(data)
            return
        self._early.append(data)
        self._earlyBytes += len(data)
        if self._earlyBytes > _EARLY_BYTES:
            self.transport.pauseProducing()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._deadline.active():
            self._deadline.cancel()
        words = ""
        if isinstance(reason.value, SSL.Error):
            words = tlsReason(reason.value, self.alert)
        self.lost = Failure(ExplainedLoss(words)) if words else reason
        if not self.shaken.called:
            self.shaken.errback(HandshakeError(words or _ENDED))
        elif self._inside is not None:
            self._inside.connectionLost(self.lost)

    def letIn(self, protocol: IProtocol) -> None:
        """Give the connection and the buffered data to the protocol of the exchange."""
        paused = self._earlyBytes > _EARLY_BYTES
        protocol.makeConnection(self.transport)
        # The buffered data is delivered before anything that is read from now on.
        early, self._early = b"".join(self._early), []
        self._inside = protocol
        if early:
            protocol.dataReceived(early)
        if self.lost is not None:
            protocol.connectionLost(self.lost)
        elif paused:
            self.transport.resumeProducing()

    def _expired(self) -> None:
        if not self.shaken.called:
            self.shaken.errback(
                HandshakeError(
                    f"no TLS within {self._timeout:g} s; does the server speak TLS at this port?"
                )
            )
        self.transport.abortConnection()


@implementer(IStreamClientEndpoint)
class TLSEndpoint:
    """
    An endpoint that connects over TLS and verifies the identity of the server.

    @ivar key: the SHA-256 of the public key of the last accepted server, in hexadecimal digits;
        empty: none was accepted.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        host: str,
        port: int,
        options: TLSOptions,
        clock: IReactorTime,
        timeout: float,
        ask: Asker | None,
        complain: Callable[[str], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        @param endpoint: connects by TCP.
        @param timeout: the longest wait for the handshake, in seconds.
        @param ask: L{None}: there is no user who can be asked.
        @param complain: shows a warning to the user.
        @param now: returns seconds since 1970.
        @raise ClientError: the file with the authorities can't be read.
        """
        self.key = ""
        self._endpoint = endpoint
        self._host = host
        self._port = port
        self._address = serverAddress(host, port)
        self._options = options
        self._clock = clock
        self._timeout = timeout
        self._ask = ask
        self._complain = complain
        self._now = now
        self._creator = RecordingCreator(host, options.trust)
        self._known = KnownHosts(options.folder, complain)
        # A key that could not be saved; it is trusted until this run ends.
        self._unwritten: Pin | None = None

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect, and verify the identity of the server.

        The Deferred fails with the error of the TCP endpoint, with L{HandshakeError}, or with
        L{Untrusted}, after which another attempt is useless.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        gate, shown = await self._shake()
        decision = self._decide(shown)
        try:
            if isinstance(decision, Ask):
                decision = await self._asked(decision, shown)
                # Another client may have saved a key of the server meanwhile.
                known = self._decide(shown)
                if isinstance(known, Refuse):
                    decision = known
            if isinstance(decision, Refuse):
                raise Untrusted(decision.text)
            assert isinstance(decision, Accept)
        except BaseException:
            gate.transport.loseConnection()
            raise
        if decision.pin is not None:
            self._remember(decision.pin)
        if gate.lost is not None:
            # The server closed while the user decided: connect again, and expect the same key.
            key = shown.key
            gate, shown = await self._shake()
            if shown.key != key:
                gate.transport.loseConnection()
                raise Untrusted(f"{shown.server} has shown another key than a moment ago")
        self.key = shown.key
        protocol = factory.buildProtocol(gate.transport.getPeer())
        assert protocol is not None
        gate.letIn(protocol)
        return protocol

    def _decide(self, shown: ShownIdentity) -> Decision:
        known = self._known.find(self._address)
        if self._unwritten is not None:
            known = KnownServer(known.path, self._unwritten)
        return decide(shown, known, self._options.trust, self._ask is not None)

    async def _shake(self) -> tuple[_Gate, ShownIdentity]:
        gates = Factory.forProtocol(lambda: _Gate(self._clock, self._timeout))
        gates.noisy = False
        factory = TLSMemoryBIOFactory(self._creator, True, gates, clock=self._clock)
        factory.noisy = False
        wrapper = await self._endpoint.connect(factory)
        assert isinstance(wrapper, TLSMemoryBIOProtocol)
        gate = wrapper.wrappedProtocol
        assert isinstance(gate, _Gate)
        await gate.shaken
        try:
            certificate = wrapper.getHandle().get_peer_certificate(as_cryptography=True)
            if certificate is None:
                raise ValueError("there is none")
            server = place(self._host, self._port)
            return gate, shownIdentity(certificate, gate.chainErrors, server, self._host)
        except Exception as error:
            # The errors that cryptography raises for damaged certificates have no common base.
            wrapper.abortConnection()
            raise HandshakeError("the certificate of the server can't be read") from error

    async def _asked(self, question: Ask, shown: ShownIdentity) -> Decision:
        assert self._ask is not None
        decision: Decision = question
        for _ in range(_QUESTIONS):
            if not isinstance(decision, Ask):
                return decision
            decision = answered(await self._ask(decision.question), shown)
        if isinstance(decision, Ask):
            return Refuse(f"{shown.server} is not trusted: there was no answer")
        return decision

    def _remember(self, pin: Pin) -> None:
        try:
            self._known.keep(self._address, pin, self._now())
            self._unwritten = None
        except SharedFileError as error:
            self._unwritten = pin
            self._complain(f"the key of {place(self._host, self._port)} is not kept: {error}")
