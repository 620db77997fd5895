"""Tests for L{tsservices.client.tls}: handshakes in memory, and that nothing is said too early."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IProtocol
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import Identity
from tests.support.tls import Recorder, TLSServer, TLSWorld
from tsservices.client.connection import ClientError, HandshakeError, lostReason
from tsservices.client.known_hosts import KNOWN_HOSTS
from tsservices.client.server_identity import serverAddress
from tsservices.client.server_options import TLSOptions
from tsservices.client.tls import RecordingCreator, Untrusted
from tsservices.client.trust import TrustOptions

NAME = "chat.example"

OWN = Identity(NAME)
AUTHORITY = Identity(authority=True, called="authority")
ROOT = Identity(authority=True, called="root")
INTERMEDIATE = Identity(authority=True, called="intermediate", issuer=ROOT)
LEAF = Identity(NAME, "192.0.2.1", "xn--bcher-kva.example", issuer=INTERMEDIATE)


class TLSTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def options(self, authorities: Identity | None = None, fingerprint: str = "") -> TLSOptions:
        path = ""
        if authorities is not None:
            path = str(self.folder / "authorities.pem")
            authorities.save(Path(path))
        return TLSOptions(TrustOptions(path, fingerprint), str(self.folder))

    def world(self, *servers: TLSServer, host: str = NAME, attended: bool = False) -> TLSWorld:
        return TLSWorld(self.options(), *servers, host=host, attended=attended)

    def known(self) -> str:
        path = self.folder / KNOWN_HOSTS
        return path.read_text() if path.exists() else ""

    def refused(self, joining: Deferred[IProtocol]) -> str:
        return str(self.failureResultOf(joining, Untrusted).value)

    def joined(self, joining: Deferred[IProtocol]) -> Recorder:
        protocol = self.successResultOf(joining)
        assert isinstance(protocol, Recorder)
        return protocol


class DecisionTests(TLSTests):
    def test_unattended(self) -> None:
        server = TLSServer(OWN)
        server.say(b"* welcome\n")
        world = self.world(server)
        assert f"--tls-fingerprint sha256:{OWN.fingerprint}" in self.refused(world.join())
        world.settle()
        assert server.heard == b""
        assert self.known() == ""
        assert world.transport.disconnecting

    def test_fingerprint(self) -> None:
        server = TLSServer(OWN)
        server.say(b"* welcome\n")
        world = TLSWorld(self.options(fingerprint=OWN.fingerprint), server)
        exchange = self.joined(world.join())
        world.settle()
        assert (server.heard, exchange.heard) == (b"hello", b"* welcome\n")
        assert world.endpoint.key == OWN.fingerprint
        assert f"chat.example:7 sha256:{OWN.fingerprint} option 2026-" in self.known()
        assert b"hello" not in world.wire
        # From now on without the option, also when the certificate has expired or is renewed.
        for renewed in (Identity(NAME, days=-1, key=OWN.key), Identity("other", key=OWN.key)):
            world = self.world(TLSServer(renewed))
            self.joined(world.join())
        other = self.world(TLSServer(Identity(NAME)), attended=True)
        assert "another key than before" in self.refused(other.join())

    def test_asked(self) -> None:
        server = TLSServer(OWN)
        server.say(b"* welcome\n")
        world = self.world(server, attended=True)
        answer: Deferred[str] = Deferred()
        world.answers.append(answer)
        joining = world.join()
        self.assertNoResult(joining)
        assert server.heard == b""
        assert f"sha256:{OWN.fingerprint}\n" in world.asked[0]
        answer.callback("yes")
        exchange = self.joined(joining)
        world.settle()
        assert (server.heard, exchange.heard) == (b"hello", b"* welcome\n")
        assert f"{OWN.fingerprint} asked" in self.known()

    def test_noAnswer(self) -> None:
        for answers in (["no"], [""], ["hello", "y", "what?"]):
            world = self.world(TLSServer(OWN), attended=True)
            world.answers += answers
            assert "is not trusted" in self.refused(world.join())
            assert len(world.asked) == len(answers)
        assert self.known() == ""

    def test_serverDoesNotWait(self) -> None:
        world = self.world(TLSServer(OWN), TLSServer(OWN), attended=True)
        answer: Deferred[str] = Deferred()
        world.answers.append(answer)
        joining = world.join()
        world.drop()
        answer.callback("yes")
        world.settle()
        self.joined(joining)
        world.settle()
        assert world.servers[0].heard == b"hello"

    def test_serverChangesMeanwhile(self) -> None:
        world = self.world(TLSServer(OWN), TLSServer(Identity(NAME)), attended=True)
        answer: Deferred[str] = Deferred()
        world.answers.append(answer)
        joining = world.join()
        world.drop()
        answer.callback("yes")
        world.settle()
        assert "another key than a moment ago" in self.refused(joining)
        assert world.servers[0].heard == b""

    def test_knownMeanwhile(self) -> None:
        world = self.world(TLSServer(OWN), attended=True)
        answer: Deferred[str] = Deferred()
        world.answers.append(answer)
        joining = world.join()
        line = f"chat.example:7 sha256:{LEAF.fingerprint} authority\n"
        (self.folder / KNOWN_HOSTS).write_text(line)
        answer.callback("yes")
        assert "an authority vouched for" in self.refused(joining)
        assert self.known() == line

    def test_cancelledQuestion(self) -> None:
        world = self.world(TLSServer(OWN), attended=True)
        world.answers.append(Deferred())
        joining = world.join()
        joining.cancel()
        self.failureResultOf(joining, CancelledError)
        world.settle()
        assert world.transport.disconnecting

    def test_muchBeforeTheAnswer(self) -> None:
        server = TLSServer(OWN)
        world = self.world(server, attended=True)
        answer: Deferred[str] = Deferred()
        world.answers.append(answer)
        joining = world.join()
        for _ in range(5):
            server.say(b"x" * 16000)
            world.receive(server.answer(b""))
        assert world.transport.producerState == "paused"
        answer.callback("yes")
        assert len(self.joined(joining).heard) == 80000
        assert world.transport.producerState == "producing"

    def test_notWritten(self) -> None:
        (self.folder / f"{KNOWN_HOSTS}.lock").mkdir()
        world = TLSWorld(
            self.options(),
            *[TLSServer(identity) for identity in (OWN, OWN, Identity(NAME))],
            attended=True,
        )
        world.answers.append("yes")
        self.joined(world.join())
        (complaint,) = world.complaints
        assert "the key of chat.example port 7 is not kept: " in complaint
        # The next connection of this run: nobody is asked again, and the key must be the same.
        world.drop()
        self.joined(world.join())
        world.drop()
        assert "another key than before" in self.refused(world.join())
        assert len(world.asked) == 1


class AuthorityTests(TLSTests):
    def test_file(self) -> None:
        # A root alone does not help where the server leaves out what is between.
        for authorities, leaf, vouches in (
            (AUTHORITY, Identity(NAME, issuer=AUTHORITY), True),
            (AUTHORITY, LEAF, False),
            (INTERMEDIATE, LEAF, True),
            (LEAF, LEAF, True),
            (OWN, OWN, True),
            (OWN, Identity(NAME), False),
            (AUTHORITY, Identity(NAME, issuer=AUTHORITY, days=-1), False),
        ):
            server = TLSServer(leaf)
            world = TLSWorld(self.options(authorities), server)
            joining = world.join()
            if vouches:
                self.joined(joining)
            else:
                assert "(--tls-ca)" in self.refused(joining)
            world.settle()
            assert server.heard == (b"hello" if vouches else b"")

    def test_names(self) -> None:
        for host, asked, right in (
            (NAME, NAME, True),
            ("CHAT.example.", NAME, True),
            ("bücher.example", "xn--bcher-kva.example", True),
            ("192.0.2.1", None, True),
            ("192.0.2.2", None, False),
            ("::1", None, False),
            ("other.example", "other.example", False),
            ("a.chat.example", "a.chat.example", False),
            ("my_host.example", "my_host.example", False),
        ):
            server = TLSServer(LEAF)
            joining = TLSWorld(self.options(INTERMEDIATE), server, host=host).join()
            if right:
                self.joined(joining)
            else:
                text = f"is for chat.example, xn--bcher-kva.example, 192.0.2.1, not for {host}"
                assert text in self.refused(joining)
            assert server.clientName == (asked.encode() if asked else None)

    def test_neverLess(self) -> None:
        world = TLSWorld(self.options(INTERMEDIATE), TLSServer(LEAF))
        self.joined(world.join())
        assert f"{LEAF.fingerprint} authority" in self.known()
        # Without the option nobody vouches for it: not even the same key is enough.
        for identity in (LEAF, Identity(NAME), Identity(NAME, key=LEAF.key)):
            world = self.world(TLSServer(identity), attended=True)
            assert "an authority vouched for chat.example port 7 before" in self.refused(
                world.join()
            )
        renewed = Identity(NAME, issuer=INTERMEDIATE)
        self.joined(TLSWorld(self.options(INTERMEDIATE), TLSServer(renewed)).join())
        assert f"{renewed.fingerprint} authority" in self.known()

    def test_badFiles(self) -> None:
        path = self.folder / "file"
        path.write_text("nonsense")
        for name, text in ((path, "has no certificate"), (self.folder / "none", "can't be read")):
            with pytest.raises(ClientError, match=text):
                RecordingCreator(NAME, TrustOptions(str(name)))


class HandshakeTests(TLSTests):
    def failed(self, joining: Deferred[IProtocol]) -> str:
        return str(self.failureResultOf(joining, HandshakeError).value)

    def test_noTLS(self) -> None:
        for first in (b"* say your name\n", b"[Fri Nov 20 12:10:00 2026] \x16\x03\x01", b"\0" * 20):
            world = self.world()
            joining = world.begin()
            world.receive(first)
            assert self.failed(joining) == "the server speaks no TLS at this port"

    def test_alerts(self) -> None:
        for number, text in (
            (40, "the server has ended TLS: no parameters that both sides accept"),
            (70, "the server speaks no version of TLS from 1.2 on"),
            (99, "the server has ended TLS: alert number 99"),
        ):
            world = self.world()
            joining = world.begin()
            world.receive(bytes([0x15, 3, 3, 0, 2, 2, number]))
            assert self.failed(joining) == text

    def test_oldVersion(self) -> None:
        old = TLSServer(OWN, SSL.TLS1_1_VERSION)
        assert "no version of TLS from 1.2 on" in self.failed(self.world(old).join())

    def test_silence(self) -> None:
        world = self.world()
        joining = world.begin()
        world.clock.advance(9.0)
        self.assertNoResult(joining)
        world.clock.advance(1.0)
        assert self.failed(joining).startswith("no TLS within 10 s")
        assert world.transport.disconnected
        world.lose()

    def test_cut(self) -> None:
        # Wherever the handshake stops.
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            for most in range(0, 700, 7):
                left = most

                def cut(data: bytes) -> bytes:
                    nonlocal left
                    part = data[:left]
                    left -= len(part)
                    return part

                world = TLSWorld(self.options(AUTHORITY), TLSServer(OWN, version))
                joining = world.begin()
                world.settle(cut)
                world.lose(ConnectionLost())
                failure = self.failureResultOf(joining, HandshakeError, Untrusted)
                if failure.check(HandshakeError):
                    assert "has ended the connection in the handshake" in str(failure.value)

    def test_damaged(self) -> None:
        # Wherever one byte is another one: one of the known ends, and nothing is said.
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            for position in range(0, 700, 5):
                at = position

                def damage(data: bytes) -> bytes:
                    nonlocal at
                    changed = bytearray(data)
                    if 0 <= at < len(data):
                        changed[at] ^= 0x41
                    at -= len(data)
                    return bytes(changed)

                server = TLSServer(OWN, version)
                world = TLSWorld(self.options(AUTHORITY), server)
                joining = world.begin()
                world.settle(damage)
                world.clock.advance(10.0)
                self.failureResultOf(joining, HandshakeError, Untrusted)
                assert server.heard == b""

    def test_secondHandshake(self) -> None:
        # It would bring another certificate, after the decision.
        server = TLSServer(OWN, SSL.TLS1_2_VERSION)
        world = TLSWorld(self.options(fingerprint=OWN.fingerprint), server)
        self.joined(world.join())
        world.settle()
        world.receive(server.renegotiate())
        # An alert, and no first message of a handshake.
        assert world.sent()[:1] == b"\x15"

    def test_lostLater(self) -> None:
        # TLS 1.3 refuses a client only when it is done.
        world = TLSWorld(self.options(fingerprint=OWN.fingerprint), TLSServer(OWN, demanding=True))
        exchange = self.joined(world.join())
        world.settle()
        assert exchange.lost is not None
        assert "it wants a certificate of the client" in lostReason(exchange.lost)

    def test_cancelled(self) -> None:
        world = self.world(TLSServer(OWN))
        joining = world.begin()
        joining.cancel()
        self.failureResultOf(joining, CancelledError)
        assert world.transport.disconnected
        world.lose()
        assert world.clock.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("Chat.Example.", "chat.example:7"),
        ("bücher.example", "xn--bcher-kva.example:7"),
        ("127.0.0.1", "127.0.0.1:7"),
        ("0:0::1", "[::1]:7"),
        ("FE80::1%eth0", "[fe80::1%eth0]:7"),
        ("my_host", "my_host:7"),
    ],
)
def test_serverAddress(host: str, address: str) -> None:
    assert serverAddress(host, 7) == address
