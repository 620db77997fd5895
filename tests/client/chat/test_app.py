"""Tests for L{tsservices.client.chat.app}: connections, input, and the end."""

from __future__ import annotations

from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import cast

from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionLost, ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import Identity
from tests.support.client import FakeConsole, FakeReactor, FakeServer
from tests.support.client_world import PASSWORD, ChatServer, Connection, OtherUser
from tests.support.tls import TLSServer
from tsservices.client.chat.app import LINES_AHEAD, chat
from tsservices.client.chat.cli import ChatOptions
from tsservices.client.chat.protocol import LINE_BYTES, OVERLONG, ChatProtocol
from tsservices.client.chat.ui.display import PlainDisplay
from tsservices.client.connection import ClientError
from tsservices.client.server_options import TLSOptions
from tsservices.client.token_file import LOOPBACK, TokenFile
from tsservices.client.trust import TrustOptions
from tsservices.common.tokens import TOKEN_BYTES, newToken


class ClientHarness(SynchronousTestCase):
    def begin(self, console: FakeConsole, options: ChatOptions | None = None) -> Deferred[int]:
        self.reactor = FakeReactor()
        self.server = ChatServer()
        self.bob = OtherUser(self.server, "bob", "lobby")
        self.console = console
        options = options or ChatOptions(nick="ann")
        running = chat(
            cast(ReactorBase, self.reactor), options, console, PlainDisplay(console), lambda: 0.5
        )
        done = Deferred.fromCoroutine(running)
        self.addCleanup(self.abandon, done)
        return done

    def abandon(self, done: Deferred[int]) -> None:
        if not done.called:
            done.addErrback(lambda failure: None)
            done.cancel()

    def accept(self) -> tuple[FakeServer, Connection]:
        return self.reactor.acceptTCP(), Connection(self.server)

    def settle(self, wire: FakeServer, connection: Connection) -> None:
        for _ in range(10_000):
            connection.toServer.extend(wire.took().decode().splitlines())
            connection.serve()
            lines = connection.toClient
            if not lines:
                break
            data = b"".join(line + b"\n" for line in lines)
            lines.clear()
            wire.answer(data)
        if connection.ended:
            wire.drop()

    def sent(self) -> list[str]:
        return [line["text"] for line in self.bob.lines("lobby")]


class ClientTests(ClientHarness):
    def test_piped(self) -> None:
        done = self.begin(FakeConsole(b"hello", b"/me waves"))
        self.settle(*self.accept())
        self.assertEqual(self.successResultOf(done), 0)
        self.assertEqual(self.sent(), ["hello", "waves"])
        self.assertIn(b"<~ann> hello\n", self.console.written)
        self.assertIn(b"* ~ann waves\n", self.console.written)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_anyEndOfLine(self) -> None:
        done = self.begin(FakeConsole(b"hello\r", b"\ra", b"b\rc\r\rd", b"\r"))
        self.settle(*self.accept())
        self.assertEqual(self.successResultOf(done), 0)
        self.assertEqual(self.sent(), ["hello", "a", "b", "c", "d"])

    def test_editingKeys(self) -> None:
        done = self.begin(FakeConsole(b"wrong\x15hep\x08llo", b"x\x7f/login eve swordfish"))
        self.settle(*self.accept())
        self.assertEqual(self.successResultOf(done), 1)
        self.assertEqual(self.sent(), ["hello"])
        self.assertIn(b"! nobody has registered eve", self.console.written)

    def test_refused(self) -> None:
        done = self.begin(FakeConsole(b"x" * 5000))
        self.settle(*self.accept())
        self.assertEqual(self.successResultOf(done), 1)
        self.assertIn(b"! not sent: xxx", self.console.written)

    def test_firstConnectionFails(self) -> None:
        done = self.begin(FakeConsole(b"hello"))
        self.reactor.refuseTCP(ConnectionRefusedError())
        # In which another address would be tried.
        self.reactor.advance(0.3)
        error = self.failureResultOf(done, ClientError).value
        self.assertEqual(str(error), "cannot connect to 127.0.0.1 port 21573: connection refused")

    def test_linesWaitForReconnection(self) -> None:
        done = self.begin(FakeConsole(b"one", ended=False))
        wire, connection = self.accept()
        self.settle(wire, connection)
        connection.cut = True
        wire.drop(ConnectionLost())
        self.console.type(b"two")
        self.reactor.advance(0.4)
        self.assertEqual(self.reactor.tcpClients, [])
        self.reactor.advance(0.1)
        self.reactor.refuseTCP(ConnectionRefusedError())
        self.reactor.advance(0.3)
        self.assertEqual(self.reactor.tcpClients, [])
        self.reactor.advance(1.0)
        self.console.type(None)
        self.settle(*self.accept())
        self.assertEqual(self.successResultOf(done), 0)
        self.assertEqual(self.sent(), ["one", "two"])
        self.assertIn(b"* waits for the connection: two\n", self.console.written)
        self.assertEqual(self.console.written.count(b"> one"), 1)

    def test_endOfInputShortensReconnection(self) -> None:
        done = self.begin(FakeConsole(b"one", ended=False), ChatOptions(nick="ann", timeout=5.0))
        wire, connection = self.accept()
        self.settle(wire, connection)
        wire.drop(ConnectionLost())
        self.console.type(b"two")
        self.console.type(None)
        self.reactor.pump([0.5] * 9)
        self.assertNoResult(done)
        self.reactor.pump([0.5] * 4)
        error = self.failureResultOf(done, ClientError).value
        self.assertEqual(str(error), "no connection to 127.0.0.1 port 21573 within 5 s")
        self.assertIn(b"! not sent: two\n", self.console.written)

    def test_unsentLinesStayInTheInput(self) -> None:
        lines = [b"%d" % number for number in range(LINES_AHEAD + 500)]
        done = self.begin(FakeConsole(*lines))
        self.assertEqual(len(self.console._lines), 501)
        self.settle(*self.accept())
        self.assertEqual(self.successResultOf(done), 0)
        self.assertEqual(len(self.sent()), len(lines))

    def test_json(self) -> None:
        done = self.begin(FakeConsole(b"hello"), ChatOptions(nick="ann", json=True))
        self.settle(*self.accept())
        self.assertEqual(self.successResultOf(done), 0)
        lines = self.console.written.splitlines()
        self.assertTrue(all(line.startswith(b"{") for line in lines), lines)
        self.assertEqual(lines[0], b'{"type": "client", "event": "connected"}')

    def test_anyCut(self) -> None:
        self.begin(FakeConsole(ended=False), ChatOptions(nick="ann", json=True))
        wire, _ = self.accept()
        for part in (b'{"type":', b'"x"}\r', b'\n{"type":"y"}\n{"ty', b'pe":"z"}\n'):
            wire.answer(part)
        objects = self.console.written.splitlines()[1:]
        self.assertEqual(objects, [b'{"type":"x"}', b'{"type":"y"}', b'{"type":"z"}'])

    def test_readerTakesNothing(self) -> None:
        self.begin(FakeConsole(ended=False))
        wire, _ = self.accept()
        producer = self.console.producer
        assert isinstance(producer, ChatProtocol)
        producer.pauseProducing()
        self.assertEqual(wire.transport.producerState, "paused")
        producer.resumeProducing()
        self.assertEqual(wire.transport.producerState, "producing")
        producer.stopProducing()
        self.assertTrue(wire.transport.disconnecting)

    def test_endlessLineIsNoChat(self) -> None:
        done = self.begin(FakeConsole(ended=False))
        wire, _ = self.accept()
        wire.answer(b"x" * (LINE_BYTES + 1))
        self.assertTrue(wire.transport.disconnected or wire.transport.disconnecting)
        wire.drop(ConnectionAborted())
        self.assertIn(OVERLONG, str(self.failureResultOf(done, ClientError).value))

    def test_forget(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        options = ChatOptions(account="ann", password=PASSWORD, state=folder.name, remember=True)
        done = self.begin(FakeConsole(), options)
        self.server.register("ann")
        self.settle(*self.accept())
        self.assertEqual(self.successResultOf(done), 0)
        self.assertNotIn(b"tst_", self.console.written)
        server = self.server
        options = replace(options, remember=False, forget=True)
        # What is in the input is not meant for others.
        done = self.begin(FakeConsole(b"yes", ended=False), options)
        self.server = server
        self.settle(*self.accept())
        self.assertEqual(self.successResultOf(done), 0)
        self.assertIn(b"is removed from this computer\n", self.console.written)
        self.assertIn(b"* the token is revoked at the server\n", self.console.written)
        self.assertNotIn(b"#lobby", self.console.written)
        done = self.begin(FakeConsole(), options)
        self.assertEqual(self.successResultOf(done), 0)
        self.assertIn(b"* no token of ann is kept for 127.0.0.1 port 21573\n", self.console.written)
        self.assertEqual(self.reactor.tcpClients, [])

    def test_rememberInClear(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        options = ChatOptions(
            "h", account="ann", password=PASSWORD, state=folder.name, remember=True
        )
        done = self.begin(FakeConsole(b"hello"), options)
        self.server.register("ann")
        self.settle(self.reactor.acceptTCP("192.0.2.1"), Connection(self.server))
        self.assertEqual(self.successResultOf(done), 1)
        self.assertEqual(self.sent(), ["hello"])
        self.assertIn(b"! no token is kept: the connection is not enc", self.console.written)

    def test_forgetWithoutServer(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        tokens = TokenFile(folder.name, "127.0.0.1", 21573, self.fail)
        tokens.binding = LOOPBACK
        options = ChatOptions(account="ann", state=folder.name, forget=True)
        tokens.keep("ann", newToken(bytes(TOKEN_BYTES)))
        done = self.begin(FakeConsole(), options)
        self.assertEqual(self.successResultOf(done), 0)
        self.assertIn(b"/token revoke 0000000000\n", self.console.written)
        tokens.keep("ann", newToken(bytes(TOKEN_BYTES)))
        done = self.begin(FakeConsole(), replace(options, password=PASSWORD))
        self.reactor.refuseTCP(ConnectionRefusedError())
        self.reactor.advance(0.3)
        why = str(self.failureResultOf(done, ClientError).value)
        self.assertIn("connection refused; the token is not revoked at the server", why)
        self.assertFalse(tokens.has("ann"))

    def test_cancelled(self) -> None:
        done = self.begin(FakeConsole(ended=False))
        wire, _ = self.accept()
        done.cancel()
        self.failureResultOf(done)
        self.assertTrue(wire.transport.disconnecting)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class EncryptedTests(ClientHarness):
    """The same client, by TLS, to a server with a key of its own."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.identity = Identity("chat.example")

    def options(self, fingerprint: str = "", json: bool = False) -> ChatOptions:
        tls = TLSOptions(TrustOptions(fingerprint=fingerprint), self.folder)
        return ChatOptions(nick="ann", tls=tls, timeout=5.0, json=json)

    def shake(self, identity: Identity) -> tuple[FakeServer, TLSServer]:
        wire, tls = self.reactor.acceptTCP(), TLSServer(identity)
        self.carry(wire, tls)
        return wire, tls

    def carry(self, wire: FakeServer, tls: TLSServer) -> None:
        self.reactor.advance(0)
        while data := wire.took():
            if back := tls.answer(data):
                wire.answer(back)
            self.reactor.advance(0)

    def talk(self, wire: FakeServer, tls: TLSServer, connection: Connection) -> None:
        for _ in range(1000):
            self.carry(wire, tls)
            connection.toServer.extend(tls.heard.decode().splitlines())
            tls.heard = b""
            connection.serve()
            if not connection.toClient:
                if connection.ended:
                    wire.drop()
                return
            tls.say(b"".join(line + b"\n" for line in connection.toClient))
            connection.toClient.clear()
            wire.answer(tls.answer(b""))
        raise AssertionError("it does not come to rest")

    def test_question(self) -> None:
        console = FakeConsole(b"said too early", interactive=True, ended=False)
        self.begin(console, self.options())
        wire, tls = self.shake(self.identity)
        self.assertIn(f"  sha256:{self.identity.fingerprint}\n".encode(), console.written)
        self.assertEqual(tls.heard, b"")
        console.type(b"perhaps")
        self.assertIn(b"That is no answer. ", console.written)
        console.type(b"yes")
        self.talk(wire, tls, Connection(self.server))
        self.assertIn(b"* the connection is encrypted\n", console.written)
        self.assertEqual(self.sent(), ["said too early"])

    def test_no(self) -> None:
        for answer in (b"no", b"", None):
            console = FakeConsole(interactive=True, ended=False)
            done = self.begin(console, self.options())
            _, tls = self.shake(self.identity)
            console.type(answer)
            self.assertIn("the answer was no", str(self.failureResultOf(done, ClientError).value))
            self.assertEqual(tls.heard, b"")

    def test_endBeforeTheQuestion(self) -> None:
        done = self.begin(FakeConsole(interactive=True), self.options())
        self.shake(self.identity)
        self.assertIn("the answer was no", str(self.failureResultOf(done, ClientError).value))

    def test_quitInQuestion(self) -> None:
        console = FakeConsole(interactive=True, ended=False)
        done = self.begin(console, self.options())
        self.shake(self.identity)
        console.type(b"/quit")
        self.assertEqual(self.successResultOf(done), 0)

    def test_programsAreNotAsked(self) -> None:
        console = FakeConsole(b"hello", interactive=True)
        done = self.begin(console, self.options(json=True))
        _, tls = self.shake(self.identity)
        self.assertIn("--tls-fingerprint", str(self.failureResultOf(done, ClientError).value))
        self.assertEqual(tls.heard, b"")

    def test_tokenOfAnotherKey(self) -> None:
        one, other = self.identity, Identity("chat.example")
        trusted = [
            TLSOptions(TrustOptions(fingerprint=i.fingerprint), self.folder) for i in (one, other)
        ]
        options = ChatOptions(
            account="ann", password=PASSWORD, tls=trusted[0], state=self.folder, remember=True
        )
        done = self.begin(FakeConsole(b"one"), options)
        self.server.register("ann")
        self.talk(*self.shake(one), Connection(self.server))
        self.assertEqual(self.successResultOf(done), 0)
        self.assertIn(b"* a token is kept in ", self.console.written)
        options = replace(options, password="", remember=False)
        server = self.server
        done = self.begin(FakeConsole(b"two"), options)
        self.server = server
        self.talk(*self.shake(one), Connection(server))
        self.assertEqual(self.successResultOf(done), 0)
        done = self.begin(FakeConsole(b"two"), replace(options, tls=trusted[1]))
        self.server = server
        wire, tls = self.shake(other)
        self.talk(wire, tls, Connection(server))
        why = str(self.failureResultOf(done, ClientError).value)
        self.assertIn("no kept token of ann may be sent to this server", why)

    def test_keyChangesBetweenConnections(self) -> None:
        fingerprint = self.identity.fingerprint
        console = FakeConsole(b"one", ended=False)
        done = self.begin(console, self.options(fingerprint, json=True))
        wire, tls = self.shake(self.identity)
        self.talk(wire, tls, Connection(self.server))
        self.assertTrue(console.written.startswith(b'{"type": "client", "event": "connected", '))
        self.assertIn(b'"tls": true', console.written.splitlines()[0])
        self.assertEqual(self.sent(), ["one"])
        # A connection that fails for another reason is made again.
        wire.drop(ConnectionLost())
        self.reactor.advance(0.5)
        plain = self.reactor.acceptTCP()
        plain.answer(b"* no TLS here\n")
        plain.drop()
        self.assertNoResult(done)
        self.reactor.advance(30)
        _, other = self.shake(Identity("chat.example"))
        self.assertIn("another key", str(self.failureResultOf(done, ClientError).value))
        self.assertEqual(other.heard, b"")
        self.reactor.pump([10.0] * 10)
        self.assertEqual(self.reactor.tcpClients, [])
