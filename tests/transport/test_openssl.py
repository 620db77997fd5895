"""Tests for L{tsservices.transport.openssl}: the same for both ways to OpenSSL."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.support.tls_clients import certificate, clientContext

pytest.importorskip("OpenSSL", reason="the extra tls is not installed")

from OpenSSL import SSL

from tsservices.transport import openssl
from tsservices.transport.openssl import DirectSession, Session, sessionOf

CERTIFICATE = certificate()
RECORD = 2**14


class Pair:
    """A session and a client that has shaken hands with it."""

    def __init__(self, make: Callable[[Any], Session], **attributes: Any) -> None:
        connection = CERTIFICATE.serverConnectionForTLS(None)
        connection.set_accept_state()
        self.session = make(connection)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = clientContext(**attributes)
        self.client = context.wrap_bio(self.incoming, self.outgoing)
        for _ in range(4):
            with suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
            if data := self.outgoing.read():
                self.session.feed(data)
            with suppress(SSL.WantReadError):
                connection.do_handshake()
            self.incoming.write(self.session.output())
        # The tickets of a session.
        with suppress(ssl.SSLWantReadError):
            self.client.read(1)

    def sent(self, data: bytes) -> bytes:
        """What the client makes of these bytes, for the session."""
        at = 0
        while at < len(data):
            at += self.client.write(data[at:])
        return self.outgoing.read()

    def heard(self, encrypted: bytes) -> bytes:
        self.incoming.write(encrypted)
        heard = b""
        with suppress(ssl.SSLWantReadError):
            while data := self.client.read(2**20):
                heard += data
        return heard


@pytest.fixture(params=[Session, DirectSession])
def make(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def pair(make: Any, request: pytest.FixtureRequest) -> Pair:
    return Pair(make, maximum_version=request.param)


@pytest.mark.parametrize(
    "size", [1, 64, RECORD - 1, RECORD, RECORD + 1, 5 * RECORD + 7, 2**19 + RECORD, 2**20 + 1]
)
def test_sizes(pair: Pair, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    assert pair.session.decrypt(pair.sent(data)) == data
    assert pair.heard(pair.session.encrypt(data)) == data
    assert pair.session.untaken == b""
    assert pair.session.end is None
    assert pair.session.output() == b""


def test_cut(pair: Pair) -> None:
    """Records that come in pieces, and more than one at once."""
    encrypted = pair.sent(b"one") + pair.sent(b"two") + pair.sent(b"three")
    cuts = [encrypted[at : at + 7] for at in range(0, len(encrypted), 7)]
    parts = [pair.session.decrypt(cut) for cut in cuts]
    assert b"".join(parts) == b"onetwothree"
    assert b"" in parts
    assert pair.session.decrypt(b"") == b""
    assert pair.session.decrypt(pair.sent(b"four") + pair.sent(b"five")) == b"fourfive"


def test_end(pair: Pair) -> None:
    """The end in the same chunk as the last bytes does not lose them."""
    encrypted = pair.sent(b"last")
    with suppress(ssl.SSLWantReadError):
        pair.client.unwrap()
    assert pair.session.decrypt(encrypted + pair.outgoing.read()) == b"last"
    assert isinstance(pair.session.end, SSL.ZeroReturnError)


def test_damaged(pair: Pair) -> None:
    good, bad = pair.sent(b"good"), bytearray(pair.sent(b"bad"))
    bad[-1] ^= 1
    assert pair.session.decrypt(good + bytes(bad)) == b"good"
    assert isinstance(pair.session.end, SSL.Error)
    assert not isinstance(pair.session.end, SSL.ZeroReturnError)
    # The next connection finds no error of this one.
    other = Pair(type(pair.session))
    assert other.session.decrypt(other.sent(b"fine")) == b"fine"
    assert other.session.end is None


def test_nothingAfterTheEnd(pair: Pair) -> None:
    pair.session._connection.shutdown()
    with pytest.raises(SSL.Error):
        pair.session.encrypt(b"late")


def test_before(make: Any) -> None:
    """Before the handshake nothing can be encrypted, and nothing is lost."""
    connection = CERTIFICATE.serverConnectionForTLS(None)
    connection.set_accept_state()
    session = make(connection)
    assert session.encrypt(b"early") == b""
    assert session.untaken == b"early"
    assert session.decrypt(b"") == b""


def test_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name of pyOpenSSL's own everything works by its methods."""
    connection = CERTIFICATE.serverConnectionForTLS(None)
    assert type(sessionOf(connection)) is DirectSession
    assert type(sessionOf(object())) is Session  # type: ignore[arg-type]
    monkeypatch.setattr(openssl, "_direct", False)
    assert type(sessionOf(connection)) is Session
