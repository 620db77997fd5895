"""Tests for the accounts of L{tsservices.frontends.irc.protocol}: SASL, PASS, several sessions."""

from __future__ import annotations

import base64
from dataclasses import replace

from twisted.internet.protocol import connectionDone

from tests.support.irc_clients import PASSWORD, IRCFrontendCase, IRCTestClient
from tsservices.chat.controller import PlainLogin
from tsservices.chat.records import AccountToken
from tsservices.common.tokens import TOKEN_BYTES, newToken, readToken


class AccountTests(IRCFrontendCase):
    def setUp(self) -> None:
        super().setUp()
        self.owner = self.join("ann", caps="draft/account-registration")
        said = self.owner.say(f"REGISTER * * :{PASSWORD}")
        self.assertIn(":irc.local REGISTER SUCCESS ann :Account created", said)

    def plain(self, password: str, nick: str = "") -> tuple[IRCTestClient, list[str]]:
        client = self.connect()
        client.send("CAP REQ sasl")
        if nick:
            client.send(f"NICK {nick}", "USER u 0 * :r")
        self.assertEqual(client.say("AUTHENTICATE PLAIN"), ["AUTHENTICATE +"])
        blob = base64.b64encode(f"\0ann\0{password}".encode()).decode()
        return client, client.numerics(f"AUTHENTICATE {blob}")

    def test_plain(self) -> None:
        self.owner.send("QUIT")
        client, codes = self.plain(PASSWORD, "ann")
        self.assertEqual(codes, ["900", "903"])
        self.assertIn("900", client.numerics("CAP END"))
        self.assertIn("330", client.numerics("WHOIS ann"))

    def test_emptyPassword(self) -> None:
        bob = self.join("bob")
        *_, line = bob.say("REGISTER * * :")
        self.assertTrue(line.startswith(":irc.local FAIL REGISTER UNACCEPTABLE_PASSWORD * :"), line)
        self.assertEqual(bob.say("PING x"), [":irc.local PONG irc.local :x"])

    def test_ownAccountIsTold(self) -> None:
        # solanum-ircd/solanum#123.
        bob = self.join("bob", caps="sasl account-notify")
        blob = base64.b64encode(f"\0ann\0{PASSWORD}".encode()).decode()
        line = ":bob!~bob@ann.account ACCOUNT ann"
        for count in (1, 0):
            bob.send("AUTHENTICATE PLAIN")
            self.assertEqual(bob.say(f"AUTHENTICATE {blob}").count(line), count)
        self.chat.context.state.operators = frozenset({"ann"})
        cat = self.join("cat", caps="account-notify")
        self.assertIn(line.replace("bob", "cat"), cat.say(f"OPER ann :{PASSWORD}"))

    def test_keepsTheNick(self) -> None:
        client, _ = self.plain(PASSWORD, "cat")
        client.send("CAP END")
        self.assertIn("cat!~u@ann.account", " ".join(client.heard()))

    def test_wrong(self) -> None:
        client, codes = self.plain("wrong", "cat")
        self.assertEqual(codes, ["904"])
        self.assertIn("001", client.numerics("CAP END"))

    def test_passLogsIn(self) -> None:
        client = self.connect()
        client.send(f"PASS :ann:{PASSWORD}", "NICK cat", "USER u 0 * :r")
        self.assertIn("cat!~u@ann.account", " ".join(client.heard()))
        client = self.connect()
        self.assertEqual(client.numerics("PASS ann:wrong", "NICK dan", "USER u 0 * :r"), ["464"])
        self.assertTrue(client.transport.disconnecting)

    def test_ofAnother(self) -> None:
        self.owner.send("QUIT")
        client = self.connect()
        client.send("USER u 0 * :r")
        self.assertIn("433", client.numerics("NICK ann"))

    def test_tokensAreNotShownToOthers(self) -> None:
        token = newToken(b"x" * TOKEN_BYTES)
        ident, digest = readToken(token)
        state = self.chat.context.state
        state.addToken(AccountToken(ident, "ann", "bot", "bot", "talk", digest, 1))
        self.owner.send("JOIN #tea")
        bob = self.join("bob", "#tea", caps="setname message-tags")
        self.owner.send("MODE #tea +o bob")
        bob.heard()
        for line in (
            f"PRIVMSG #tea :{token}",
            f"PRIVMSG @#tea :{token}",
            f"PRIVMSG #tea :\1PING {token}\1",
            f"PRIVMSG bob :\1PING {token}\1",
            f"NOTICE bob :{token}",
            f"SETNAME :{token}",
            f"TOPIC #tea :{token}",
            f"AWAY :{token}",
        ):
            self.owner.send(line)
            self.assertNotIn(token, "".join(bob.heard()), line)

    def test_fragments(self) -> None:
        client = self.connect()
        client.send("CAP REQ sasl", "AUTHENTICATE PLAIN")
        self.assertEqual(client.numerics("AUTHENTICATE " + "A" * 401), ["905"])
        client.send("AUTHENTICATE PLAIN")
        for _ in range(16):
            self.assertEqual(client.numerics("AUTHENTICATE " + "A" * 400), [])
        self.assertEqual(client.numerics("AUTHENTICATE " + "A" * 400), ["904"])
        client.send("AUTHENTICATE PLAIN")
        self.assertEqual(client.numerics("AUTHENTICATE *"), ["906"])
        self.assertEqual(client.numerics("AUTHENTICATE FOO"), ["908", "904"])
        # Another mechanism in the middle is no message of the first one.
        for word in ("PLAIN", "SCRAM-SHA-256", "EXTERNAL", "!!!", "+", ":"):
            client.send("AUTHENTICATE PLAIN")
            self.assertEqual(client.numerics(f"AUTHENTICATE {word}"), ["904"])
        client.send("AUTHENTICATE PLAIN", "NICK cat", "USER u 0 * :r")
        codes = client.numerics("CAP END")
        self.assertEqual(codes[0], "906")
        self.assertIn("001", codes)

    def test_again(self) -> None:
        self.join("cat").send(f"REGISTER * * :{PASSWORD}")
        self.owner.send("JOIN #tea")
        bob = self.join("bob", "#tea", caps="account-notify")
        client, _ = self.plain(PASSWORD, "ann")
        client.send("CAP END", "JOIN #tea", "MODE #tea +i", "INVITE bob #tea")
        bob.heard()
        for name, codes in (("ann", ["900", "903"]), ("cat", ["900", "903"])):
            client.send("AUTHENTICATE PLAIN")
            blob = base64.b64encode(f"{name}\0{name}\0{PASSWORD}".encode()).decode()
            self.assertEqual(client.numerics(f"AUTHENTICATE {blob}"), codes)
        # In the private room it would read on what only its first account may.
        self.assertEqual(client.protocol.connection.session.rooms, {})
        self.assertEqual(bob.heard(), [])
        self.assertIn("cat!~u@cat.account", " ".join(client.say("JOIN #other")))
        client.send("AUTHENTICATE PLAIN")
        self.assertEqual(client.numerics("AUTHENTICATE AGNhdAB4"), ["904"])
        self.assertEqual(client.protocol.connection.session.account, "cat")

    def test_severalSessions(self) -> None:
        state = self.chat.context.state
        state.limits = replace(state.limits, sessionsEach=3)
        clients = [self.plain(PASSWORD, "ann")[0] for _ in range(3)]
        # Those who have given the password before the last place was taken are refused too.
        self.assertTrue(all("001" in client.numerics("CAP END") for client in clients[:2]))
        *_, last = clients[2].say("CAP END")
        self.assertTrue(last.startswith("ERROR :Closing Link: "))
        self.assertTrue(clients[2].transport.disconnecting)
        client, codes = self.plain(PASSWORD, "cat")
        self.assertEqual(codes, ["904"])
        self.assertEqual(len(state.sessionsByAccount["ann"]), 3)
        # All are renamed.
        self.assertIn("NICK :eve", self.owner.say("NICK eve")[0])
        self.assertIn("NICK :eve", clients[0].heard()[-1])
        self.owner.send("QUIT")
        client, _ = self.plain(PASSWORD, "eve")
        self.assertIn("001", client.numerics("CAP END"))
        self.assertEqual(client.protocol.connection.session.nick, "eve")

    def test_awayByOneConnection(self) -> None:
        # ergochat/ergo#1531.
        bob = self.join("bob", "#tea")
        self.plain(PASSWORD, "ann")[0].send("CAP END")
        self.owner.send("AWAY :lunch")
        bob.send("JOIN #own")
        self.assertNotIn("301", bob.numerics("WHOIS ann", "INVITE ann #own"))
        self.assertIn(" ann H ", " ".join(bob.say("WHO ann")))
        self.assertIn("=+", " ".join(bob.say("USERHOST ann")))
        cat = self.join("cat", "#own", caps="away-notify")
        self.owner.send("JOIN #own")
        self.assertNotIn(" AWAY ", " ".join(cat.heard()))

    def test_toItself(self) -> None:
        # ircv3/ircv3-specifications#283.
        second, _ = self.plain(PASSWORD, "ann")
        second.send("CAP REQ echo-message", "CAP END")
        for text in (":note", ":\1PING 1\1"):
            line = f"PRIVMSG ann {text}"
            for author, other, echoes in ((self.owner, second, 0), (second, self.owner, 1)):
                other.heard()
                said = [said.partition(" ")[2] for said in author.say(line)]
                self.assertEqual(said, [line] * (1 + echoes))
                self.assertEqual([said.partition(" ")[2] for said in other.heard()], [line])

    def test_whoHasLeftOneConnectionIsHere(self) -> None:
        client, _ = self.plain(PASSWORD, "ann")
        client.send("CAP END", "QUIT")
        bob = self.join("bob")
        self.assertEqual(bob.numerics("WHOWAS ann"), ["406", "369"])
        client, _ = self.plain(PASSWORD, "ann")
        client.send("CAP END")
        # Both in one turn.
        for each in (client, self.owner):
            each.protocol.connectionLost(connectionDone)
        self.assertEqual(bob.numerics("WHOWAS ann"), ["314", "312", "369"])

    def test_notEncrypted(self) -> None:
        context = self.chat.context
        self.chat.context = replace(context, plainLogin=PlainLogin(True, None))
        for secure in (False, True):
            client = self.connect()
            client.protocol.connection.controller.secure = secure
            listed = " ".join(client.say("CAP LS 302"))
            for name in ("sasl=PLAIN,SCRAM-SHA-256", "draft/account-registration"):
                self.assertEqual(name in listed, secure)
            (answer,) = client.say("CAP REQ :sasl")
            self.assertIn("ACK" if secure else "NAK", answer)
            said = client.say("AUTHENTICATE SCRAM-SHA-256")
            if secure:
                self.assertEqual(said, ["AUTHENTICATE +"])
            else:
                self.assertIn("904 * :this server takes no password", said[0])

    def test_rights(self) -> None:
        self.owner.send("JOIN #tea", "PRIVMSG #tea :kept", "QUIT")
        bob = self.join("bob", "#tea")
        client = self.join("cat", "#tea", caps="sasl")
        bob.heard()
        client.send("AUTHENTICATE PLAIN")
        blob = base64.b64encode(f"\0ann\0{PASSWORD}".encode()).decode()
        wanted = ":irc.local MODE #tea +o cat"
        self.assertIn(wanted, client.say(f"AUTHENTICATE {blob}"))
        self.assertEqual(bob.heard(), [wanted])
        # By a second connection they are there already.
        self.plain(PASSWORD, "cat")[0].send("CAP END", "JOIN #tea")
        self.assertEqual(bob.heard(), [])

    def test_rightsByAnotherNick(self) -> None:
        boss = self.join("boss", "#tea")
        self.owner.send("JOIN #tea")
        other, _ = self.plain(PASSWORD, "eve")
        other.send("CAP END", "JOIN #tea")
        for change in ("+o", "-o", "+v", "-v"):
            other.heard()
            self.assertEqual(
                boss.say(f"MODE #tea {change} ann")[-2:],
                [
                    f":boss!~boss@guest MODE #tea {change} ann",
                    f":irc.local MODE #tea {change} eve",
                ],
            )
            self.assertEqual(other.heard()[-1], f":irc.local MODE #tea {change} eve")

    def test_registrationInTime(self) -> None:
        client = self.connect()
        client.send("CAP LS 302", "NICK cat")
        client.heard()
        client.protocol.expired("idle")
        self.assertEqual(
            client.heard(), ["ERROR :Closing Link: you did not say who you are in time"]
        )
        self.assertTrue(client.transport.disconnecting)
        self.owner.protocol.expired("stalled")
        self.assertEqual(self.owner.heard(), [])
