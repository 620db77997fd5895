"""Tests for L{tsservices.frontends.line.protocol}: passwords, and sessions that go on elsewhere."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import provider

from tests.support.line_clients import LineClient, LineFrontendCase
from tsservices.chat.controller import PlainLogin
from tsservices.chat.errors import TAKEN_OVER, ChatError
from tsservices.chat.login_limits import ACCOUNT_GUESSES_AT_ONCE
from tsservices.chat.passwords import _keys
from tsservices.chat.verbs.checks import INSECURE
from tsservices.common.limits import Limits
from tsservices.frontends.line.protocol import LineChatProtocol
from tsservices.testing import MemoryTransport

#: What is said between this side and a telnet program.
WILL_ECHO, WONT_ECHO, DO_ECHO, DONT_ECHO = (
    b"\xff\xfb\x01",
    b"\xff\xfc\x01",
    b"\xff\xfd\x01",
    b"\xff\xfe\x01",
)

#: The password of all accounts here.
SECRET = "correct horse"


class SecretCase(LineFrontendCase):
    def setUp(self) -> None:
        super().setUp()
        self.logged: list[str] = []

        @provider(ILogObserver)
        def observe(event: LogEvent) -> None:
            self.logged.append(str(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def asked(self, client: LineClient, data: str | bytes) -> bytes:
        client.transport.clear()
        client.send(data)
        self.tick()
        wire: bytes = client.transport.value()
        client.transport.clear()
        return wire

    def registered(self, name: str) -> LineClient:
        (client,) = self.join(name)
        self.assertIn(b"belongs to you", self.asked(client, f"/register {SECRET}\n"))
        return client


class PasswordTests(SecretCase):
    def test_plainTerminal(self) -> None:
        ann, bob = self.join("ann", "bob")
        self.assertEqual(self.asked(ann, "/register\n"), b"* new password: ")
        self.assertEqual(self.asked(ann, f"{SECRET}\n"), b"* the same again: ")
        self.assertIn(b"belongs to you", self.asked(ann, f"{SECRET}\n"))
        self.assertNotIn("horse", bob.heard())
        self.assertEqual(self.asked(ann, "hello\n"), b"")
        self.assertIn("<ann> hello", bob.heard())

    def test_oneSegment(self) -> None:
        ann, bob = self.join("ann", "bob")
        output = self.asked(ann, f"/register\n{SECRET}\n{SECRET}\nhello\n")
        self.assertIn(b"* new password: * the same again: ", output)
        self.assertIn(b"belongs to you", output)
        heard = bob.heard()
        self.assertIn("<ann> hello", heard)
        self.assertNotIn("horse", heard)

    def test_commandAsPassword(self) -> None:
        self.registered("ann")
        eve = self.connect()
        for line in ("/quit", "//", "", " ", "/nick eve", "GET / HTTP/1.1"):
            self.assertIn(b"* password: ", self.asked(eve, "/login ann\n"))
            self.assertIn(b"! that is not the password", self.asked(eve, f"{line}\n"))
        self.assertFalse(eve.transport.disconnecting)

    def test_whiteSpaceOutside(self) -> None:
        """The same on the line of the command and at the prompt."""
        (ann,) = self.join("ann")
        for password in (f" {SECRET}", f"{SECRET} ", f"{SECRET}\N{IDEOGRAPHIC SPACE}"):
            for output in (
                self.asked(ann, f"/register {password}\n"),
                self.asked(ann, f"/register\n{password}\n{password}\n"),
            ):
                self.assertIn(
                    b"! a password has no white space at its beginning or its end", output
                )
        self.registered("bob")
        state = self.chat.context.state
        for password in (SECRET, f" {SECRET}", f"{SECRET} "):
            stored, server = (b64encode(key).decode() for key in _keys(password, b"salt", 1))
            verifier = f"SCRAM-SHA-256$1:{b64encode(b'salt').decode()}${stored}:{server}"
            state.accounts["bob"] = replace(state.accounts["bob"], verifier=verifier)
            for typed in {password, f" {SECRET} " if password == SECRET else password}:
                for way in (f"/login bob {typed}\n", f"/login bob\n{typed}\n"):
                    eve = self.connect()
                    self.assertIn(b"* you are bob", self.asked(eve, way))
                    eve.disconnect()

    def test_oldPasswordWithSpaceGoesByThePrompt(self) -> None:
        ann = self.registered("ann")
        output = self.asked(ann, f"/passwd {SECRET} battery staple\n")
        self.assertIn(b"! that is not the password of ann: ", output)
        self.assertIn(b"/passwd alone asks for both", output)
        output = self.asked(ann, f"/passwd\n{SECRET}\nbattery staple\nbattery staple\n")
        self.assertIn(b"new password", output)
        self.assertNotIn(b"! ", output)

    def test_throttleCountsALoginOnce(self) -> None:
        self.registered("ann")
        eve = self.connect()
        for _ in range(ACCOUNT_GUESSES_AT_ONCE):
            output = self.asked(eve, "/login ann wrong horse \n")
            self.assertIn(b"! that is not the password", output)
        self.assertIn(b"! too many wrong", self.asked(eve, "/login ann wrong horse \n"))

    def test_anyEndOfLine(self) -> None:
        self.registered("ann")
        for end in ("\r", "\n\r", "\r\n", "\r\0", "\n"):
            for size in (1, 2, 3, 1000):
                client, bob = self.connect(), self.join(f"bob{ord(end[0])}{ord(end[-1])}{size}")[0]
                data = f"hello\n/login ann{end}{SECRET}{end}{end}/join lobby{end}hi{end}".encode()
                for place in range(0, len(data), size):
                    client.send(data[place : place + size])
                self.tick()
                heard = bob.heard()
                self.assertIn("<ann> hi\n", heard)
                self.assertNotIn("horse", heard)
                client.disconnect()

    def test_answeredAtTheCarriageReturn(self) -> None:
        self.registered("ann")
        client = self.connect()
        self.assertEqual(self.asked(client, "/login ann\r"), b"* password: ")
        # Only now it is known to be a telnet program, whose echo can be hidden.
        self.assertEqual(self.asked(client, "\n"), WILL_ECHO)
        output = self.asked(client, f"{SECRET}\r")
        self.assertTrue(output.startswith(WONT_ECHO), output)
        self.assertIn(b"* you are ann", output)
        self.assertEqual(self.asked(client, "\n"), b"")

    def test_passwordCommandBehindSomething(self) -> None:
        ann = self.registered("ann")
        (bob,) = self.join("bob")
        stranger = self.connect()
        for client in (ann, stranger):
            for line in (" /login ann secret", "\uff0flogin ann secret", "\u200b/passwd a secret"):
                output = self.asked(client, f"x1\n{line}\n"[0 if client is ann else 3 :])
                self.assertIn(b"! this looks like /", output)
        self.assertIsNone(stranger.protocol.connection.session.nick or None)
        self.assertNotIn("secret", bob.heard())
        self.asked(ann, "//login ann secret\n")
        self.assertIn("<ann> /login ann secret\n", bob.heard())

    def test_telnetHidesEcho(self) -> None:
        self.registered("ann")
        for end in ("\r\n", "\r\0"):
            client = self.connect()
            asked = self.asked(client, f"/login ann{end}")
            self.assertEqual(asked, WILL_ECHO + b"* password: ")
            output = self.asked(client, DO_ECHO + f"{SECRET}{end}".encode())
            self.assertTrue(output.startswith(WONT_ECHO + b"\n"), output)
            self.assertIn(b"* you are ann", output)
            self.assertEqual(self.asked(client, DONT_ECHO), b"")
            self.assertIn(b"in no room", self.asked(client, f"hello{end}"))
            self.assertIn(b"* you are", self.asked(client, f"/logout{end}/nick x{end}"))

    def test_telnetTwice(self) -> None:
        (ann,) = self.join("ann")
        self.assertEqual(self.asked(ann, "/register\r\n"), WILL_ECHO + b"* new password: ")
        self.assertEqual(
            self.asked(ann, f"{SECRET}\r\n"), WONT_ECHO + b"\n" + WILL_ECHO + b"* the same again: "
        )
        output = self.asked(ann, "another horse\r\n")
        self.assertEqual(
            output, WONT_ECHO + b"\n! these were two different passwords; nothing is done\n"
        )

    def test_editingKeys(self) -> None:
        self.registered("ann")
        client = self.connect()
        self.asked(client, "/login ann\r\n")
        self.assertIn(b"* you are ann", self.asked(client, "wrong\x15correct horsf\x7fe\r\n"))

    def test_json(self) -> None:
        self.registered("ann")
        for end in ("\n", "\r\n"):
            client = self.connect()
            self.asked(client, f"/format json{end}")
            (asked,) = self.asked(client, f"/login ann{end}").splitlines()
            self.assertEqual(json.loads(asked), {"type": "prompt", "text": "password"})
            types = [
                json.loads(line)["type"]
                for line in self.asked(client, f"{SECRET}{end}").splitlines()
            ]
            self.assertIn("loggedIn", types)
            self.asked(client, f"/logout{end}")

    def test_notUTF8(self) -> None:
        (ann,) = self.join("ann")
        for garbage in (
            b"correct\0horse",
            b"correct horse\xfe\xfd",
            b"correct\x1bhorse",
            b"\xc3correct horse",
        ):
            self.asked(ann, "/register\n")
            self.asked(ann, garbage + b"\n")
            output = self.asked(ann, garbage + b"\n")
            self.assertIn(b"! a password has no ", output)
            self.assertNotIn(b"horse", output)
        self.registered("bob")
        eve = self.connect()
        for garbage in (b"\0", b"\xfe", b"correct horse\0"):
            self.asked(eve, "/login bob\n")
            self.assertIn(b"! that is not the password of bob", self.asked(eve, garbage + b"\n"))

    def test_passwordOnCommandLine(self) -> None:
        (ann,) = self.join("ann")
        odd = "pass\N{SOFT HYPHEN}word\N{ZERO WIDTH SPACE} x"
        self.assertIn(b"belongs to you", self.asked(ann, f"/register {odd}\n"))
        client = self.connect()
        self.asked(client, "/login ann\n")
        self.assertIn(b"* you are ann", self.asked(client, "password x\n"))
        client = self.connect()
        self.assertIn(b"* you are ann", self.asked(client, f"/LOGIN  ann {odd}\n"))
        client = self.connect()
        output = self.asked(client, "/login a\x1b[31mnn secret\x1b\n")
        self.assertIn(b"a\\x1b[31mnn", output)
        self.assertNotIn(b"\x1b", output)

    def test_overlongAnswerKeepsTheQuestion(self) -> None:
        self.registered("ann")
        client = self.connect()
        self.asked(client, "/login ann\r\n")
        output = self.asked(client, "x" * 5000 + "\r\n")
        self.assertTrue(output.startswith(b"! a line has at most 4096 bytes"), output)
        self.assertTrue(output.endswith(b"\n* password: "), output)
        self.assertNotIn(WONT_ECHO, output)
        self.assertIn(b"* you are ann", self.asked(client, f"{SECRET}\r\n"))

    def test_quitDuringQuestion(self) -> None:
        self.registered("ann")
        first, second = self.connect(), self.connect()
        self.asked(first, "/login ann\n")
        first.disconnect()
        self.hasher.suspended = True
        self.asked(second, f"/login ann\n{SECRET}\n")
        second.disconnect()
        self.hasher.work()
        self.tick()
        self.assertEqual(len(self.chat.context.state.sessions), 1)

    def test_halfClose(self) -> None:
        self.registered("ann")
        client = self.connect()
        self.hasher.suspended = True
        client.send(f"/login ann\n{SECRET}\n/rooms\n")
        client.protocol.readConnectionLost()
        self.assertFalse(client.transport.disconnecting)
        self.hasher.work()
        self.tick()
        output = client.heard()
        self.assertIn("* you are ann, logged in", output)
        self.assertIn("* 1 room", output)
        self.assertTrue(client.transport.disconnecting)

    def test_inputWaitsForHashing(self) -> None:
        self.registered("ann")
        client = self.connect()
        self.hasher.suspended = True
        self.assertEqual(self.asked(client, f"/login ann {SECRET}\n/nick rob\n"), b"")
        self.hasher.work()
        self.tick()
        self.assertIn("* you are ann, logged in", client.heard())

    def test_passwordsAreNotLogged(self) -> None:
        ann = self.registered("ann")
        self.asked(ann, f"/register {SECRET}\n")
        self.asked(ann, f"/passwd {SECRET} short\n")
        self.asked(ann, f"/passwd\n{SECRET}\n{SECRET}!\n{SECRET}!\n")
        self.asked(ann, f"/logout\n/login ann {SECRET}\n/login ann {SECRET}!\n")
        client = self.connect()
        self.asked(client, b"/login ann\n\xff\xfe" + SECRET.encode() + b"\n")
        self.asked(client, b"/login ann " + SECRET.encode() + b"\xfe\n")
        self.asked(client, f"/login nobody {SECRET}\n/login ann\n{SECRET}{'x' * 5000}\n")
        self.assertFalse([item for item in self.logged if "horse" in item])


class FloodTests(SecretCase):
    limits = Limits(floodLines=1, floodBytes=0)

    def test_flood(self) -> None:
        client = self.connect()
        client.send("ann\n" + "x\n" * 8)
        client.heard()
        output = self.asked(client, f"/register\n{SECRET}\n{SECRET}\n")
        self.assertIn(b"* new password: ", output)
        self.assertNotIn(b"again", output)
        self.clock.advance(1)
        self.assertIn("* the same again: ", client.heard())
        self.clock.advance(1)
        self.tick()
        self.assertIn("belongs to you", client.heard())


class DismissedTests(SecretCase):
    def test_replaced(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.protocol.connection.disconnect(ChatError(TAKEN_OVER))
        self.assertEqual(ann.heard(), f"! {ChatError(TAKEN_OVER)}\n")
        self.assertTrue(ann.transport.disconnecting)
        ann.send("hello\n")
        ann.protocol.connection.disconnect(ChatError(TAKEN_OVER))
        ann.disconnect()
        self.tick()
        self.assertEqual((ann.heard(), bob.heard()), ("", ""))

    def test_resumed(self) -> None:
        old, bob = self.connect(), self.join("bob")[0]
        output = self.asked(old, "/format json\n") + self.asked(old, "ann\n")
        objects = [json.loads(line) for line in output.splitlines()]
        (token,) = [item["token"] for item in objects if item["type"] == "token"]
        bob.heard()
        new = self.connect()
        self.asked(new, "/format json\n")
        output = self.asked(new, f"/resume {token}\n")
        objects = [json.loads(line) for line in output.splitlines()]
        (resumed,) = [item for item in objects if item["type"] == "resumed"]
        self.assertEqual((resumed["nick"], resumed["rooms"][0]["room"]), ("ann", "lobby"))
        self.assertIn('"code":"taken-over"', old.heard())
        self.assertTrue(old.transport.disconnecting)
        old.disconnect()
        self.assertEqual(bob.heard(), "")
        self.asked(new, "hello\n")
        self.assertIn("<ann> hello", bob.heard())
        self.clock.advance(1)
        for _ in range(2 * Limits().chatNameLimit):
            self.clock.advance(1)
        self.assertFalse(new.transport.aborted)


class PlainLoginTests(SecretCase):
    """Passwords over a connection that others can read."""

    secure = None

    def policy(self, refuse: bool, port: int | None = None) -> None:
        context = replace(self.chat.context, plainLogin=PlainLogin(refuse, port))
        self.patch(self.chat, "context", context)

    def test_insecureNoticeNamesTheTLSPort(self) -> None:
        self.policy(refuse=False, port=21673)
        (ann,) = self.join("ann")
        output = f"* {INSECURE}; port 21673 has TLS\n"
        heard = self.asked(ann, "/register\n").decode()
        self.assertEqual(heard[: heard.index("* new password")], output)
        ann.send("correct-horse\ncorrect-horse\n")
        self.tick()
        for line in ("/passwd correct-horse staple-1\n", "/logout\n", "/login ann staple-1\n"):
            heard = self.asked(ann, line).decode()
            self.assertNotIn("! ", heard)
            self.assertNotIn("encrypted", heard)
        self.assertIn("encrypted", self.asked(self.connect(), "/login ann staple-1\n").decode())

    def test_json(self) -> None:
        (ann,) = self.join("ann")
        ann.send("/format json\n")
        lines = self.asked(ann, f"/register {SECRET}\n").splitlines()
        self.assertEqual(json.loads(lines[0])["code"], "insecure")

    def test_refused(self) -> None:
        self.policy(refuse=True, port=21673)
        (ann,) = self.join("ann")
        lines = (f"/register {SECRET}", "/register", f"/login ann {SECRET}", "/login")
        for line in (*lines, "/login tst_0123"):
            heard = self.asked(ann, f"{line}\n").decode()
            self.assertIn("! this server takes no password and no token over", heard)
            self.assertIn("; port 21673 has TLS", heard)
        self.assertEqual(self.chat.context.state.accounts, {})

    def test_local(self) -> None:
        self.policy(refuse=True)
        for host in ("127.0.0.1", "::1", "::ffff:127.0.0.2"):
            transport = MemoryTransport(host)
            protocol = self.factory.buildProtocol(transport.getPeer())
            assert isinstance(protocol, LineChatProtocol)
            protocol.makeConnection(transport)
            self.assertTrue(protocol.secure)
            self.assertTrue(protocol.connection.controller.secure)

    def test_resume(self) -> None:
        """To go on for a session that is logged in is worth a log-in."""
        self.policy(refuse=False)
        ann = self.connect()
        output = self.asked(ann, "/format json\nann\n").decode().splitlines()
        (token,) = [row["token"] for row in map(json.loads, output) if row["type"] == "token"]
        guest = self.connect()
        heard = self.asked(guest, f"/resume {token}\n").decode()
        self.assertNotIn("encrypted", heard)
        self.assertIn(b"encrypted", self.asked(guest, f"/register {SECRET}\n"))
        self.assertIn("encrypted", self.asked(self.connect(), f"/resume {token}\n").decode())
        self.policy(refuse=True)
        heard = self.asked(self.connect(), f"/resume {token}\n").decode()
        self.assertIn("! this server takes no password and no token over", heard)
        self.assertNotIn(token, heard)

    def test_withoutPassword(self) -> None:
        """Who sends no secret is told nothing."""
        self.policy(refuse=True)
        (ann,) = self.join("ann")
        self.assertNotIn("encrypted", ann.say("hello\n/who\n/nick anna\n"))


class TokenTests(SecretCase):
    def setUp(self) -> None:
        super().setUp()
        ann = self.registered("ann")
        shown = self.asked(ann, "/format json\n/token new bot\n").splitlines()[-1]
        new = json.loads(shown)
        self.assertEqual((new["type"], new["name"], new["scope"]), ("accountToken", "bot", "talk"))
        self.token = new["token"]
        self.ann = ann

    def test_promptTakesTheLineThatWasShown(self) -> None:
        bot = self.connect()
        self.assertIn(b"password: ", self.asked(bot, "/login ann\n"))
        wire = self.asked(bot, f"*   {self.token} \r\n/token list\n")
        self.assertIn(b"logged in by the token bot (talk)", wire)
        self.assertIn(b"! you have logged in by a token", wire)
        listed = json.loads(self.asked(self.ann, "/token list\n"))
        (row,) = listed["tokens"]
        self.assertEqual((row["name"], row["connections"]), ("bot", 1))
        self.assertNotIn(self.token[15:], "".join(self.logged))

    def test_wrongOnesAreLoggedOnceAMinute(self) -> None:
        self.asked(self.ann, "/token revoke bot\n")
        for _ in range(3):
            wire = self.asked(self.connect(), f"/login {self.token}\n")
            self.assertIn(b"! that is no token of this server", wire)
        log = "".join(self.logged)
        self.assertEqual(log.count("that is no token"), 1)
        self.assertNotIn(self.token[15:], log)

    def test_saidAmongOtherLines(self) -> None:
        (bob,) = self.join("bob")
        wire = self.asked(self.ann, f"/join lobby\n/format text\none\nsee {self.token}\nthree\n")
        self.assertEqual(wire.count(b"! "), 1)
        heard = bob.heard()
        self.assertIn("> one\n", heard)
        self.assertIn("> three\n", heard)
        self.assertNotIn("see", heard)
        whole = self.asked(self.ann, f"{self.token}\n{self.token}\n")
        self.assertEqual(whole.count(b"! "), 1)

    def test_revokedWhileReading(self) -> None:
        bot = self.connect()
        self.asked(bot, f"/login {self.token}\n")
        self.asked(self.ann, "/token revoke bot\n")
        self.tick()
        self.assertIn(b"the token by which you have logged in was revoked", bot.transport.value())
        self.assertTrue(bot.transport.disconnecting)
