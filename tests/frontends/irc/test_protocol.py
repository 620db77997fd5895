"""Tests for L{tsservices.frontends.irc.protocol}: what people see of each other."""

from __future__ import annotations

import re

from twisted.internet.interfaces import IHalfCloseableProtocol
from zope.interface.verify import verifyObject

from tests.support.irc_clients import PASSWORD, IRCFrontendCase, IRCTestClient
from tsservices.common.limits import Limits
from tsservices.frontends.irc.capabilities import CAPABILITIES
from tsservices.frontends.irc.isupport import tokens
from tsservices.frontends.irc.message import BODY_BYTES
from tsservices.frontends.irc.protocol import PING_SECONDS


class RegistrationTests(IRCFrontendCase):
    def test_welcome(self) -> None:
        client = self.connect()
        verifyObject(IHalfCloseableProtocol, client.protocol)
        self.assertEqual(client.numerics("NICK ann"), [])
        codes = client.numerics("USER ann 0 * :Ann")
        self.assertEqual(codes[:5], ["001", "002", "003", "004", "005"])
        self.assertEqual(codes[-1], "422")

    def test_commandsBeforeThat(self) -> None:
        client = self.connect()
        for line in ("JOIN #a", "PRIVMSG #a :x", "FOO", "WHO"):
            self.assertEqual(client.numerics(line), ["451"])
        self.assertEqual(client.say("PING x"), [":irc.local PONG irc.local :x"])

    def test_nickInUse(self) -> None:
        self.join("ann")
        client = self.connect()
        self.assertEqual(client.numerics("NICK Ann"), ["433"])
        self.assertEqual(client.numerics("NICK a!b"), ["432"])
        self.assertEqual(client.numerics("NICK"), ["431"])
        client.send("USER u 0 * :r")
        self.assertIn("001", client.numerics("NICK bob"))

    def test_twoWantOneName(self) -> None:
        first, second = self.connect(), self.connect()
        for client in (first, second):
            client.protocol.dataReceived(b"NICK ann\r\nUSER u 0 * :r\r\n")
        self.clock.advance(0)
        first.send()
        self.assertIn("001", first.heard()[0])
        self.assertIn(" 433 * ann ", second.heard()[0])
        self.assertIn("001", second.numerics("NICK bob"))

    def test_negotiationHoldsItUp(self) -> None:
        client = self.connect()
        self.assertEqual(client.numerics("CAP LS 302", "NICK ann", "USER u 0 * :r")[-1:], ["CAP"])
        self.assertIn(" ACK ", client.say("CAP REQ :echo-message")[0])
        self.assertIn(" NAK ", client.say("CAP REQ :echo-message nothing")[0])
        self.assertEqual(client.say("CAP LIST"), [":irc.local CAP * LIST :echo-message"])
        self.assertEqual(client.numerics("CAP FOO"), ["410"])
        self.assertIn("001", client.numerics("CAP END"))

    def test_capabilitiesFitIntoLines(self) -> None:
        client = self.connect()
        lines = client.say("CAP LS 302")
        self.assertTrue(all(len(line) <= BODY_BYTES for line in lines))
        text = " ".join(line.partition(" :")[2] for line in lines)
        self.assertEqual({word.partition("=")[0] for word in text.split()}, set(CAPABILITIES))

    def test_quit(self) -> None:
        ann, bob = self.join("ann", "#tea"), self.join("bob", "#tea")
        ann.heard()
        self.assertEqual(ann.say("QUIT :bye"), ["ERROR :Closing Link: ann (Quit: bye)"])
        self.assertTrue(ann.transport.disconnecting)
        self.assertIn("QUIT :bye", bob.heard()[-1])
        self.assertIn("314", bob.numerics("WHOWAS ann"))

    def test_pings(self) -> None:
        # matterircd#169, pydle#55: clients that hear nothing for minutes connect again.
        ann, bob, stranger = self.join("ann"), self.join("bob"), self.connect()
        bob.transport.pending = 100
        self.clock.pump([1] * PING_SECONDS)
        self.assertEqual(ann.heard(), ["PING :irc.local"])
        self.assertEqual((bob.heard(), ann.say("PONG :irc.local")), ([], []))
        self.assertNotIn("PING :irc.local", stranger.heard())
        self.clock.pump([1] * PING_SECONDS)
        self.assertEqual(ann.heard(), ["PING :irc.local"])
        for client in (ann, bob, stranger):
            client.disconnect()
        self.assertFalse(self.factory.pings.running)

    def test_quitWithLabel(self) -> None:
        # ergochat/ergo#994.
        ann = self.join("ann", "#tea", caps="labeled-response batch message-tags")
        lines = ann.say("@label=x QUIT :bye")
        self.assertEqual(lines, ["@label=x ERROR :Closing Link: ann (Quit: bye)"])
        self.assertTrue(ann.transport.disconnecting)

    def test_whowas(self) -> None:
        bob = self.join("bob", "#tea")
        ann, cat, dan, eve = [self.join(name, "#tea") for name in ("ann", "cat", "dan", "eve")]
        ann.protocol.readConnectionLost()
        cat.disconnect()
        dan.protocol.connection.queue.overflow()
        self.clock.advance(0)
        # What is refused removes nobody.
        self.assertEqual(eve.numerics("NICK bob"), ["433"])
        for name in ("ann", "cat", "dan"):
            self.assertEqual(bob.numerics(f"WHOWAS {name}"), ["314", "312", "369"], name)
        self.assertEqual(bob.numerics("WHOWAS eve"), ["406", "369"])

    def test_lusersCountsWhoHasNoName(self) -> None:
        ann, other = self.join("ann"), self.connect()
        self.assertIn(":irc.local 253 ann 1 :unknown connection(s)", ann.say("LUSERS"))
        other.disconnect()
        self.assertNotIn("253", ann.numerics("LUSERS"))

    def test_httpRequestIsClosed(self) -> None:
        # ergochat/ergo#2239.
        body = "Host: x\r\nOrigin: y\r\n\r\nNICK ann\r\nUSER a a a a\r\nPRIVMSG bob :hi"
        bob = self.join("bob")
        for request in ("POST / HTTP/1.1", "OPTIONS / HTTP/1.0", f"GET /{'x' * 600} HTTP/1.1"):
            client = self.connect()
            client.send(f"{request}\r\n{body}")
            answer = client.heard()[-1]
            self.assertEqual(
                answer, "ERROR :Closing Link: * (this is a chat for people, not a web server)"
            )
            self.assertTrue(client.transport.disconnecting)
            client.disconnect()
        self.assertEqual(bob.heard(), [])


class TalkTests(IRCFrontendCase):
    def test_bothFrontends(self) -> None:
        ann, bob = self.join("ann", "#tea"), self.lineClient("bob", "tea")
        self.assertEqual(ann.heard(), [":bob!user@guest JOIN #tea"])
        ann.send("PRIVMSG #tea :hello", "PRIVMSG #tea :\1ACTION waves\1")
        heard = bob.heard()
        self.assertIn("<ann> hello", heard)
        self.assertIn("* ann waves", heard)
        bob.send("/me nods\n")
        self.assertEqual(ann.heard(), [":bob!user@guest PRIVMSG #tea :\1ACTION nods\1"])
        ann.send("TOPIC #tea :of tea")
        self.assertIn("ann changed the topic", bob.heard())
        ann.heard()
        ann.send("MODE #tea +v bob")
        self.assertEqual(ann.heard(), [":ann!~ann@guest MODE #tea +v bob"])
        ann.send("KICK #tea bob :out")
        self.assertEqual(ann.heard(), [":ann!~ann@guest KICK #tea bob :out"])
        self.assertIn("ann kicked bob", bob.heard())

    def test_longLines(self) -> None:
        ann, bob = self.join("ann", "#tea", caps="message-tags"), self.lineClient("bob", "tea")
        ann.heard()
        text = "é" * 600
        bob.send(f"{text}\n")
        lines = ann.heard()
        self.assertEqual([line.count("msgid=") for line in lines], [1, 0, 0])
        bodies = [line[line.index(":bob!") :] for line in lines]
        self.assertTrue(all(len(body.encode()) <= BODY_BYTES for body in bodies))
        self.assertEqual("".join(body.partition(" :")[2] for body in bodies), text)
        self.assertEqual(ann.numerics("PRIVMSG #tea :" + "a" * 490), ["417"])

    def test_label(self) -> None:
        caps = "labeled-response batch echo-message message-tags"
        ann = self.join("ann", "#tea", caps=caps)
        (line,) = ann.say("@label=x PRIVMSG #tea :hi")
        self.assertRegex(line, r"^@label=x;msgid=\S+ :ann!~ann@guest PRIVMSG #tea :hi$")
        self.assertEqual(ann.say("@label=y PONG"), ["@label=y :irc.local ACK"])
        lines = ann.say("@label=z NAMES #tea")
        self.assertRegex(lines[0], r"^@label=z :irc.local BATCH \+(\w+) labeled-response$")
        self.assertTrue(all("batch=" in line for line in lines[1:-1]))
        # Lines that cannot be read have labels too.
        for text, answer in (
            (b"\xff", ":irc.local FAIL PRIVMSG INVALID_UTF8 :"),
            (b"A" * 510, ":irc.local 417 ann :"),
        ):
            (line,) = ann.say(b"@label=w PRIVMSG #tea :" + text)
            self.assertTrue(line.startswith(f"@label=w {answer}"), line)

    def test_invalidInput(self) -> None:
        ann = self.join("ann", "#tea")
        self.assertIn("FAIL PRIVMSG INVALID_UTF8", ann.say(b"PRIVMSG #tea :\xff")[0])
        for line, code in (
            ("FOO", "421"),
            ("JOIN", "461"),
            ("JOIN tea", "403"),
            ("JOIN #a!b", "479"),
            ("PART #no", "403"),
            ("PRIVMSG", "411"),
            ("PRIVMSG #tea", "412"),
            ("PRIVMSG nobody :x", "401"),
            ("PRIVMSG #no :x", "403"),
            ("MODE #tea +y", "472"),
            ("MODE #tea +o nobody", "401"),
            ("KICK #tea nobody", "401"),
            ("OPER a b", "491"),
            ("KILL ann x", "481"),
            ("WALLOPS x", "481"),
            ("USER a 0 * :b", "462"),
            ("A" * 600, "417"),
        ):
            self.assertEqual(ann.numerics(line), [code], line)

    def test_noticesAreNotAnswered(self) -> None:
        ann, bob, cat = self.join("ann", "#tea"), self.join("bob", "#tea"), self.join("cat")
        ann.send(f"REGISTER * * :{PASSWORD}", "NICK eve", "MODE #tea +m", "AWAY :out")
        cat.send(f"REGISTER * * :{PASSWORD}", "QUIT")
        for line, code in (
            ("", "411"),
            (" #tea", "412"),
            (" nobody :x", "401"),
            (" #no :x", "403"),
            (" #tea :x", "404"),
            (" @#tea :x", "404"),
            (" @#tea :\1PING\1", "404"),
            (" cat :x", "401"),
            (" eve :x", "301"),
            (" a,b,c,d,e :x", "407"),
        ):
            self.assertIn(code, bob.numerics(f"PRIVMSG{line}"), line)
            self.assertEqual(bob.say(f"NOTICE{line}"), [], line)
        self.assertIn("will read it later", ann.say("PRIVMSG cat :x")[0])
        self.assertEqual(ann.say("NOTICE cat :x"), [])

    def test_history(self) -> None:
        ann = self.join("ann", "#tea", caps="draft/chathistory batch message-tags server-time")
        ann.send(*[f"PRIVMSG #tea :{number}" for number in range(10)])
        lines = ann.say("CHATHISTORY LATEST #tea * 3")
        self.assertEqual([line[-1] for line in lines[1:-1]], ["7", "8", "9"])
        ident = re.findall("msgid=([^ ;]+)", lines[1])[0]
        for request, texts in (
            (f"BEFORE #tea msgid={ident} 2", ["5", "6"]),
            (f"AFTER #tea msgid={ident} 2", ["8", "9"]),
            (f"AROUND #tea msgid={ident} 3", ["6", "7", "8"]),
        ):
            found = ann.say(f"CHATHISTORY {request}")[1:-1]
            self.assertEqual([line[-1] for line in found], texts, request)
        for request in ("LATEST #no * 3", "LATEST #tea * x", "FOO", "BEFORE #tea msgid=x 1"):
            self.assertIn(" FAIL CHATHISTORY ", ann.say(f"CHATHISTORY {request}")[0], request)

    def test_historyByTimes(self) -> None:
        # ircv3/ircv3-specifications#604: many messages have one time.
        caps = "draft/chathistory batch message-tags server-time"
        ann = self.join("ann", "#tea", caps=caps)
        self.join("bob")
        for target in ("#Tea", "bob"):
            ann.send(*[f"PRIVMSG {target} :{number}" for number in range(8)])
            (line,) = ann.say(f"CHATHISTORY LATEST {target} * 1")[1:-1]
            now = "timestamp=" + re.findall("time=([^ ;]+)", line)[0]
            past, future = (
                "timestamp=2020-01-01T00:00:00.000Z",
                "timestamp=2040-01-01T00:00:00.000Z",
            )
            for requests in (
                (f"LATEST {target} * 3", f"BEFORE {target} {now} 3", f"BEFORE {target} {now} 3"),
                (f"BETWEEN {target} {future} {past} 3", *[f"BETWEEN {target} {now} {past} 3"] * 2),
            ):
                found = [line[-1] for it in requests for line in ann.say(f"CHATHISTORY {it}")[1:-1]]
                self.assertEqual(found, [*"567", *"234", *"01"])
            for requests in (
                (f"AFTER {target} {past} 3", f"AFTER {target} {now} 3", f"AFTER {target} {now} 3"),
                (
                    f"BETWEEN {target} {past} {future} 3",
                    *[f"BETWEEN {target} {now} {future} 3"] * 2,
                ),
            ):
                found = [line[-1] for it in requests for line in ann.say(f"CHATHISTORY {it}")[1:-1]]
                self.assertEqual(found, [*"012", *"345", *"67"])

    def test_replay(self) -> None:
        ann = self.join("ann", "#tea")
        ann.send("PRIVMSG #tea :before")
        bob = self.join("bob", caps="batch server-time")
        lines = bob.say("JOIN #tea")
        self.assertIn(" chathistory #tea", lines[-3])
        self.assertIn("PRIVMSG #tea :before", lines[-2])
        old = self.join("old")
        self.assertIn(":ann!~ann@guest PRIVMSG #tea :[12:10:00Z] before", old.say("JOIN #tea"))

    def test_monitor(self) -> None:
        ann = self.join("ann")
        self.assertEqual(ann.numerics("MONITOR + bob,cat"), ["731"])
        bob = self.join("bob")
        self.assertEqual(ann.heard(), [":irc.local 730 ann :bob!~bob@guest"])
        bob.send("QUIT")
        self.assertEqual(ann.heard(), [":irc.local 731 ann :bob"])
        ann.disconnect()
        self.assertEqual(self.chat.context.state.watchers, {})

    def test_ping(self) -> None:
        ann = self.join("ann", "#tea")
        self.storage.slow = True
        ann.heard()
        ann.protocol.dataReceived(b"PRIVMSG #tea :x\r\nPING y\r\n")
        ann.send()
        self.assertEqual(ann.heard(), [])
        self.storage.storeQueued()
        ann.send()
        self.assertEqual(ann.heard(), [":irc.local PONG irc.local :y"])

    def test_tokensAreHeld(self) -> None:
        words = dict(word.partition("=")[::2] for word in tokens("n", Limits()))
        ann = self.join("ann", "#tea")
        for letter in words["CHANMODES"].replace(",", ""):
            self.assertNotIn("472", ann.numerics(f"MODE #tea +{letter} 9"), letter)


class PrivateHistoryTests(IRCFrontendCase):
    CAPS = "draft/chathistory batch message-tags draft/account-registration echo-message"

    def test_betweenAccountsAndWithGuests(self) -> None:
        ann, bob, cat = (self.join(name, caps=self.CAPS) for name in ("ann", "bob", "cat"))
        for client in (ann, bob):
            client.send(f"REGISTER * * :{PASSWORD}")
        for number in range(6):
            (ann, bob)[number % 2].send(f"PRIVMSG {('bob', 'ann')[number % 2]} :{number}")
        ann.send("PRIVMSG cat :guest")
        for other, request, texts in (
            ("bob", "LATEST bob * 2", "45"),
            ("bob", "BEFORE bob msgid={2} 5", "01"),
            ("bob", "AFTER bob msgid={2} 2", "34"),
            ("bob", "AROUND bob msgid={2} 3", "123"),
            ("bob", "BETWEEN bob msgid={1} msgid={4} 9", "23"),
            ("bob", "BETWEEN bob msgid={4} msgid={1} 1", "3"),
            ("cat", "LATEST cat * 9", "t"),
        ):
            lines = ann.say(f"CHATHISTORY LATEST {other} * 9")[1:-1]
            idents = [re.findall("msgid=([^ ;]+)", line)[0] for line in lines]
            found = ann.say("CHATHISTORY " + request.format(*idents))[1:-1]
            self.assertEqual("".join(line[-1] for line in found), texts, request)
        ends = "timestamp=2020-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z"
        names = [line.split(" ")[4] for line in ann.say(f"CHATHISTORY TARGETS {ends} 9")[1:-1]]
        self.assertEqual(sorted(names), ["bob", "cat"])
        self.assertEqual(cat.say("CHATHISTORY LATEST ann * 9")[1][-5:], "guest")
        for request in ("LATEST nobody * 1", "TARGETS x y 1", "LATEST bob msgid=x 1", "AFTER bob"):
            self.assertIn(" FAIL CHATHISTORY ", ann.say(f"CHATHISTORY {request}")[0], request)


class FloodTests(IRCFrontendCase):
    limits = Limits(floodLines=1, floodBytes=0)

    def test_delays(self) -> None:
        ann = self.join("ann", "#tea")
        ann.send(*[f"PING {number}" for number in range(20)])
        self.assertLess(len(ann.heard()), 12)
        for _ in range(20):
            self.clock.advance(1)
        self.assertTrue(ann.heard()[-1].endswith(":19"))
        self.assertGreater(self.counters.delayed, 0)


class CommandTests(IRCFrontendCase):
    def setUp(self) -> None:
        super().setUp()
        self.chat.context.state.operators = frozenset({"root"})
        caps = (
            "setname away-notify account-notify draft/message-redaction message-tags echo-message"
        )
        self.ann = self.join("ann", "#tea", caps=caps)
        self.bob = self.join("bob", "#tea", caps=f"{caps} draft/read-marker extended-join")
        self.ann.heard()

    def operator(self) -> IRCTestClient:
        self.join("root").send(f"REGISTER * * :{PASSWORD}", "QUIT")
        boss = self.join("boss", "#tea")
        self.assertEqual(boss.numerics("OPER root wrong"), ["464"])
        self.assertIn("381", boss.numerics(f"OPER root :{PASSWORD}"))
        self.assertEqual(boss.numerics("MODE boss"), ["221"])
        return boss

    def test_answers(self) -> None:
        for line, codes in (
            ("WHO #tea", ["352", "352", "315"]),
            ("WHO b*", ["352", "315"]),
            ("WHO bob o", ["315"]),
            ("WHO #tea %tcuihsnfdlaor,42", ["354", "354", "315"]),
            ("WHOIS bob", ["311", "319", "312", "378", "318"]),
            ("WHOIS nobody", ["401", "318"]),
            ("WHOIS", ["431"]),
            ("WHOWAS nobody", ["406", "369"]),
            ("USERHOST ann bob nobody", ["302"]),
            ("ISON ann nobody", ["303"]),
            ("LIST", ["321", "322", "323"]),
            ("LIST >1,T<5,#t*", ["321", "323"]),
            ("LIST >1,C<5,!#no", ["321", "322", "323"]),
            ("LIST <1", ["321", "323"]),
            # A digit for Unicode, but not for numbers.
            ("LIST >\u00b2", ["321", "323"]),
            ("LIST C<\u00b2", ["321", "323"]),
            ("WHOWAS nobody \u00b2", ["406", "369"]),
            ("NAMES", ["366"]),
            ("TOPIC #tea", ["331"]),
            ("MODE #tea", ["324", "329"]),
            ("MODE #tea b", ["368"]),
            ("MODE bob +i", ["502"]),
            ("MODE ann +y", ["501"]),
            ("VERSION", ["351", "005", "005"]),
            ("VERSION nowhere", ["402"]),
            ("TIME", ["391"]),
            ("ADMIN irc.*", ["256", "257", "258", "259"]),
            ("INFO", ["371", "371", "371", "374"]),
            ("LINKS", ["365"]),
            ("HELP", ["704", *["705"] * 5, "706"]),
            ("HELP join", ["704", "706"]),
            ("HELP nothing", ["524"]),
            ("INVITE", ["337"]),
            ("INVITE bob #tea", ["443"]),
            ("MONITOR L", ["733"]),
            ("CAP", ["461"]),
            ("TAGMSG", ["461"]),
        ):
            self.assertEqual(self.ann.numerics(line), codes, line)

    def test_away(self) -> None:
        self.assertEqual(self.ann.numerics("AWAY :tea"), ["306"])
        self.assertIn(":ann!~ann@guest AWAY :tea", self.bob.heard())
        self.assertEqual(self.bob.numerics("PRIVMSG ann :x"), ["301"])
        self.assertEqual(self.ann.numerics("AWAY"), ["305"])

    def test_names(self) -> None:
        line = self.lineClient("cat", "tea")
        self.ann.send("MODE #tea +o cat")
        line.send("/mute ann\n")
        self.bob.heard()
        (answer,) = self.ann.say("SETNAME :Words of a muted user")
        self.assertIn(" FAIL SETNAME CANNOT_CHANGE_REALNAME :", answer)
        self.assertEqual(self.bob.heard(), [])
        line.send("/unmute ann\n")
        self.ann.send("SETNAME :Ann of Tea")
        self.assertIn(":ann!~ann@guest SETNAME :Ann of Tea", self.bob.heard())
        self.ann.send("NICK anna")
        self.assertIn(":ann!~ann@guest NICK :anna", self.bob.heard())
        self.assertIn("314", self.bob.numerics("WHOWAS ann"))
        self.ann.send(f"REGISTER * * :{PASSWORD}")
        self.assertTrue(any(" ACCOUNT anna" in line for line in self.bob.heard()))

    def test_private(self) -> None:
        self.assertEqual(len(self.ann.say("PRIVMSG ann :to myself")), 2)
        self.ann.send("PRIVMSG bob :\1VERSION\1")
        self.assertTrue(self.bob.heard()[0].endswith("PRIVMSG bob :\1VERSION\1"))
        self.bob.send("@+typing=active TAGMSG ann")
        self.assertRegex(self.ann.heard()[-1], r"\+typing=active.* :bob!~bob@guest TAGMSG ann$")
        self.bob.send("PRIVMSG @#tea :help")
        self.assertTrue(self.ann.heard()[-1].endswith("PRIVMSG @#tea :help"))

    def test_invitation(self) -> None:
        cat = self.join("cat")
        self.ann.send("MODE #tea +ik key")
        self.assertEqual(cat.numerics("JOIN #tea key"), ["473"])
        self.assertEqual(self.ann.numerics("INVITE cat #tea"), ["341"])
        self.assertEqual(cat.heard()[-1], ":ann!~ann@guest INVITE cat #tea")
        self.assertEqual(cat.numerics("INVITE"), ["336", "337"])
        self.assertEqual(cat.numerics("JOIN #tea"), ["475"])
        self.assertIn("366", cat.numerics("JOIN #tea key"))
        self.assertIn(":irc.local 324 cat #tea +iknt key", cat.say("MODE #tea"))
        self.ann.send("MODE #tea +k ::key")
        self.assertIn(":irc.local 324 cat #tea +iknt *", cat.say("MODE #tea"))
        self.assertEqual(cat.numerics("JOIN 0"), [])
        self.assertEqual(cat.protocol.connection.session.rooms, {})

    def test_invitationIsRefusedOrDone(self) -> None:
        # ngircd/ngircd#183.
        cat = self.join("cat")
        self.ann.send("MODE #tea +b cat!*@*")
        self.assertEqual(self.ann.numerics("INVITE cat #tea"), ["400"])
        self.ann.send("MODE #tea -b cat!*@*")
        self.storage.slow = True
        self.bob.send("PRIVMSG #tea :x")
        self.ann.send("INVITE cat #tea")
        # What others are refused meanwhile is nothing to her.
        self.assertEqual(cat.numerics("MODE #no"), ["403"])
        self.storage.storeQueued()
        self.ann.send()
        self.assertIn(":irc.local 341 ann cat #tea", self.ann.heard())

    def test_ban(self) -> None:
        self.assertEqual(self.ann.numerics("MODE #tea +b *!*@guest"), ["696"])
        self.assertEqual(self.bob.numerics("MODE #tea +b cat!*@*"), ["482"])
        self.ann.send("MODE #tea +b cat!*@*")
        self.assertEqual(self.join("cat").numerics("JOIN #tea"), ["474"])
        self.assertEqual(self.ann.numerics("MODE #tea +b"), ["367", "368"])

    def test_marks(self) -> None:
        when = "timestamp=2026-01-01T00:00:00.000Z"
        self.assertEqual(self.bob.say("MARKREAD #tea"), [":irc.local MARKREAD #tea *"])
        self.assertEqual(
            self.bob.say(f"MARKREAD #tea {when}"), [f":irc.local MARKREAD #tea {when}"]
        )
        older = "timestamp=2025-01-01T00:00:00.000Z"
        self.assertEqual(
            self.bob.say(f"MARKREAD #tea {older}"), [f":irc.local MARKREAD #tea {when}"]
        )
        self.bob.send("PART #tea")
        self.assertIn(f":irc.local MARKREAD #tea {when}", self.bob.say("JOIN #tea"))
        for line in ("MARKREAD", "MARKREAD #tea *"):
            self.assertIn(" FAIL MARKREAD ", self.bob.say(line)[0])

    def test_redaction(self) -> None:
        (line,) = self.bob.say("PRIVMSG #tea :oops")
        ident = re.findall("msgid=([^ ;]+)", line)[0]
        self.assertIn("REDACT_FORBIDDEN", self.bob.say(f"REDACT #tea {ident}")[0])
        self.ann.send(f"REDACT #tea {ident} :spam")
        self.assertTrue(self.bob.heard()[-1].endswith(f"REDACT #tea {ident} :spam"))
        for rest in (f"#tea {ident}", "#tea x", f"#no {ident}"):
            self.assertIn(" FAIL REDACT ", self.ann.say(f"REDACT {rest}")[0])

    def test_redactionOfPrivateMessages(self) -> None:
        cat = self.join("cat", caps="message-tags draft/message-redaction")
        for register in (False, True):
            if register:
                for client in (self.ann, self.bob):
                    client.send(f"REGISTER * * :{PASSWORD}")
                    client.heard()
            self.bob.send("PRIVMSG ann :oops")
            (line,) = self.bob.heard()
            ident = re.findall("msgid=([^ ;]+)", line)[0]
            self.ann.heard()
            for client, arguments, code in (
                (self.ann, f"bob {ident}", "REDACT_FORBIDDEN"),
                (self.bob, f"cat {ident}", "UNKNOWN_MSGID"),
                (self.bob, "ann x", "UNKNOWN_MSGID"),
                (cat, f"ann {ident}", "UNKNOWN_MSGID"),
            ):
                self.assertIn(f" FAIL REDACT {code} ", client.say(f"REDACT {arguments}")[0])
            self.assertTrue(self.bob.say(f"REDACT ann {ident}")[0].endswith(f"REDACT ann {ident}"))
            self.assertTrue(self.ann.heard()[-1].endswith(f"REDACT ann {ident}"))
            self.assertNotIn("oops", " ".join(self.ann.say("CHATHISTORY LATEST bob * 10")))
            self.assertIn(" FAIL REDACT ", self.bob.say(f"REDACT ann {ident}")[0])
        self.bob.send("PRIVMSG ann :later")
        found = self.ann.say(f"CHATHISTORY AFTER bob msgid={ident} 10")
        self.assertEqual([line.rpartition(":")[2] for line in found], ["later"])

    def test_operators(self) -> None:
        boss = self.operator()
        self.ann.send("MODE ann +w")
        boss.send("WALLOPS :soon")
        self.assertIn("WALLOPS :soon", self.ann.heard()[-1])
        self.assertFalse(any("WALLOPS" in line for line in self.bob.heard()))
        self.assertEqual(boss.numerics("KILL nobody"), ["401"])
        boss.send("KILL bob :out")
        kill, error = self.bob.heard()[-2:]
        self.assertEqual(kill, ":boss!~boss@root.account KILL bob :out")
        self.assertIn("ERROR :Closing Link: bob", error)
        self.assertTrue(self.bob.transport.disconnecting)
        self.assertIn("313", self.ann.numerics("WHOIS boss"))
        self.assertIn("314", self.ann.numerics("WHOWAS bob"))

    def test_serverStops(self) -> None:
        self.ann.protocol.serverStopping()
        self.clock.advance(0)
        self.assertEqual(self.ann.heard()[-1], "ERROR :Closing Link: ann (the server stops)")
