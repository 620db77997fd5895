"""Tests for L{tsservices.transport.tls}, and for clients that speak TLS where there is none."""

from __future__ import annotations

import ssl
import warnings

import pytest

from tests.support.logs import gathering
from tests.support.services import SuiteServer
from tests.support.tls_clients import MemoryClient, certificate, clientContext
from tsservices.common.limits import Limits
from tsservices.common.text import TLS_ONLY
from tsservices.server.registry import BY_NAME
from tsservices.testing import ManualClock
from tsservices.transport.proxy_protocol import ProxyProtocolFactory
from tsservices.transport.stream import StreamFactory

pytest.importorskip("OpenSSL", reason="the extra tls is not installed")

from tsservices.transport.tls import CLOSE_SECONDS, TLSFactory, explain

CERTIFICATE = certificate()


class Listener:
    """A listener with TLS on a server in memory."""

    def __init__(self, service: str = "hello", limits: Limits | None = None) -> None:
        self.clock = ManualClock()
        self.server = SuiteServer(limits, trusted=(), clock=self.clock)
        self.inner: StreamFactory = self.server.listen(BY_NAME[service])
        self.counters = self.inner.counters
        self.factory = TLSFactory(CERTIFICATE, self.inner, self.inner.context)

    def connect(self, context: ssl.SSLContext | None = None) -> MemoryClient:
        return MemoryClient(self.factory, context)

    def checkUntouched(self, failures: int) -> None:
        """No connection is left, the service has seen none, and so many failures were counted."""
        assert self.server.streams.admission.total == 0
        assert (self.counters.accepted, self.counters.open) == (0, 0)
        assert self.counters.tlsFailures == failures
        assert self.clock.getDelayedCalls() == []


def test_serviceBeginsAfterTheHandshake() -> None:
    listener = Listener()
    client = listener.connect()
    assert listener.counters.accepted == 0
    assert listener.server.streams.admission.total == 1
    client.shake()
    assert client.take() == b"Welcome!"
    assert listener.counters.accepted == 1
    assert listener.server.streams.admission.total == 1
    assert client.say(b"ann") == b"Hello, ann!"
    assert client.server.wrappedProtocol.bottomTransport is client.transport
    assert listener.clock.getDelayedCalls() == []
    client.hangUp()
    assert (listener.counters.open, listener.server.streams.admission.total) == (0, 0)


def test_anyCut() -> None:
    listener = Listener()
    client = listener.connect()
    for byte in client.hello():
        client.server.dataReceived(bytes([byte]))
    client.shake()
    assert client.take() == b"Welcome!"


def test_endsAnywhere() -> None:
    listener = Listener()
    length = len(listener.connect().hello())
    for end in range(0, length + 1, 7):
        listener = Listener()
        client = listener.connect()
        if end:
            client.server.dataReceived(client.hello()[:end])
        with gathering() as log:
            client.hangUp()
        listener.checkUntouched(failures=1 if end else 0)
        # Who sends nothing at all only looks whether there is a server.
        assert [line.split(" ", 1)[1] for line in log] == (
            ["ended during the TLS handshake, at port 12345 with TLS"] if end else []
        )


def test_garbage() -> None:
    for data in (b"\x16" * 500, b"\x16\x03\x01\xff\xff" + bytes(70_000), b"\x16\x03\x09\0\0"):
        listener = Listener()
        client = listener.connect()
        with gathering() as log:
            client.server.dataReceived(data)
            client.hangUp()
        listener.checkUntouched(failures=1)
        assert len(log) == 1


@pytest.mark.parametrize(
    ("service", "data", "line"),
    [
        *[("hello", data, TLS_ONLY) for data in (b"GET / HTTP/1.0\r\n\r\n", b"\xff", b"\0")],
        ("chat", b"ann\n", TLS_ONLY),
        ("irc", b"NICK ann\r\n", b"ERROR :Closing Link: this port speaks TLS only\r\n"),
    ],
)
def test_plainText(service: str, data: bytes, line: bytes) -> None:
    listener = Listener(service)
    client = listener.connect()
    with gathering() as log:
        client.server.dataReceived(data)
        client.server.dataReceived(data)
    assert client.transport.value() == line
    assert client.transport.disconnecting
    client.hangUp()
    listener.checkUntouched(failures=1)
    assert log == ["192.0.2.1:50000 spoke plain text, at port 12345 with TLS"]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [(0, "began no TLS handshake within 10 s"), (9, "did not finish the TLS handshake")],
)
def test_deadline(sent: int, reason: str) -> None:
    listener = Listener()
    client = listener.connect()
    if sent:
        client.server.dataReceived(client.hello()[:sent])
    listener.clock.advance(9)
    assert not client.transport.disconnecting
    with gathering() as log:
        listener.clock.advance(1)
    assert reason in log[0]
    assert client.transport.disconnecting
    assert client.transport.value() == (b"" if sent else TLS_ONLY)
    client.hangUp()
    listener.checkUntouched(failures=1)


def test_serverThatStoodStill() -> None:
    """What has come in time is read before it is late."""
    listener = Listener()
    client = listener.connect()
    listener.clock.advance(100)
    client.shake()
    assert client.take() == b"Welcome!"


def test_notTrusted() -> None:
    listener = Listener()
    strict = clientContext(verify_mode=ssl.CERT_REQUIRED)
    client = listener.connect(strict)
    with gathering() as log, pytest.raises(ssl.SSLCertVerificationError):
        client.shake()
    with gathering() as log:
        client.exchange()
    assert "does not trust the certificate" in log[0]
    assert client.transport.disconnecting
    client.hangUp()
    listener.checkUntouched(failures=1)


def test_oldVersion() -> None:
    listener = Listener()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old = clientContext(
            minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1
        )
    old.set_ciphers("ALL:@SECLEVEL=0")
    client = listener.connect(old)
    with gathering() as log, pytest.raises(ssl.SSLError):
        client.shake()
    assert "offers no TLS version that is served" in log[0]
    client.hangUp()
    listener.checkUntouched(failures=1)


def test_reasons() -> None:
    assert explain("Unexpected EOF while reading") == "ended during the TLS handshake"
    assert explain("no shared cipher").startswith("offers no cipher")
    assert explain("sslv3 alert handshake failure").startswith("refused the TLS handshake")
    assert explain("bad length") == "sent no good TLS handshake (bad length)"


def test_answersBehindTheEndOfInput() -> None:
    """Whoever says that nothing more comes may still be waiting for an answer."""
    listener = Listener("timestamp-line")
    client = listener.connect().shake()
    client.tls.write(b"one\nlast")
    client.end()
    heard = client.take()
    assert heard.count(b"] one\n") == 1
    assert heard.endswith(b"] last\n")
    assert client.transport.disconnecting
    client.hangUp()


def test_cutIsNoEnd() -> None:
    """Without the end of TLS, somebody in between may have cut a line: it is not taken."""
    listener = Listener("timestamp-line")
    client = listener.connect().shake()
    client.say(b"half a line")
    client.hangUp()
    # An alert at most, and no answer.
    assert len(client.transport.value()) < len("[Fri Nov 20 12:10:00 2026] half a line")


def test_endIsNotAnswered() -> None:
    listener = Listener()
    client = listener.connect().shake()
    client.transport.pending = 1
    client.say(b"exit")
    assert not client.transport.disconnecting
    listener.clock.advance(CLOSE_SECONDS)
    assert not client.transport.aborted
    client.transport.pending = 0
    listener.clock.advance(CLOSE_SECONDS)
    assert client.transport.aborted
    client.hangUp()
    assert listener.clock.getDelayedCalls() == []


def test_rejected() -> None:
    """A peer over the limit gets the reason, by TLS."""
    listener = Listener(limits=Limits(maxConnectionsPerAddress=1))
    first = listener.connect()
    second = listener.connect().shake()
    assert second.take().startswith(b"! your address has")
    assert listener.counters.refused == 1
    second.hangUp()
    first.hangUp()
    listener.checkUntouched(failures=0)
    assert listener.server.streams.admission.rejecting == 0


def test_nothingForPlainText() -> None:
    """A protocol that can't carry text is closed at once."""
    listener = Listener("time", Limits(maxConnections=1))
    listener.connect()
    assert listener.factory.buildProtocol(None) is None


def test_behindProxy() -> None:
    """The header comes first, and the client that it names is the one that counts."""
    listener = Listener()
    inner = listener.factory
    client = MemoryClient(ProxyProtocolFactory(inner, inner.context), host="127.0.0.1")
    client.server.dataReceived(b"PROXY TCP4 198.51.100.7 192.0.2.1 40000 80\r\n" + client.hello())
    client.shake()
    assert client.take() == b"Welcome!"
    assert client.say(b"ann") == b"Hello, ann!"
    protocol = client.server.wrappedProtocol.wrappedProtocol
    assert protocol.peer == "198.51.100.7:40000"
    client.server.readConnectionLost()
    client.hangUp()
    assert listener.server.streams.admission.total == 0


def test_renewed() -> None:
    """A new certificate is for new connections; those that are open go on."""
    listener = Listener()
    old = listener.connect().shake()
    shown = [old.tls.getpeercert(True)]
    renewed = certificate()
    listener.factory.connectionFor = renewed.serverConnectionForTLS
    assert old.say(b"a").endswith(b"Hello, a!")
    assert shown


@pytest.mark.parametrize("service", ["chat", "talk", "timestamp-line", "echo", "timestamp", "sink"])
def test_tlsToPlainPort(service: str) -> None:
    """Services of text say so in the log; those that take any bytes take these."""
    closes = service in ("chat", "talk", "timestamp-line")
    server = SuiteServer()
    hello = MemoryClient(Listener().factory).hello()
    for pieces in ([hello], [hello[:1], hello[1:2], hello[2:]]):
        factory = server.listen(BY_NAME[service])
        protocol, transport = server.connect(factory)
        with gathering() as log:
            for piece in pieces:
                protocol.dataReceived(piece)
        assert transport.disconnecting == closes
        assert factory.counters.tlsFailures == closes
        if service == "echo":
            assert transport.value() == hello
        if closes and len(pieces) == 1:
            assert log == ["192.0.2.1:50000 speaks TLS, at port 12345 without TLS"]
        protocol.connectionLost()
