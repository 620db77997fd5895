"""Tests for L{tsservices.frontends.irc.protocol}: answers that programs stumble over elsewhere."""

from __future__ import annotations

from tests.support.irc_clients import IRCFrontendCase
from tests.support.line_clients import LineClient
from tsservices.frontends.irc import client as clients
from tsservices.frontends.irc import names, queries, server
from tsservices.frontends.irc.isupport import tokens
from tsservices.frontends.irc.message import BODY_BYTES
from tsservices.frontends.irc.people import present


class WrittenTests(IRCFrontendCase):
    def test_parametersOfClientsAreOneWord(self) -> None:
        # ergochat/ergo#994: what is sent back may not begin a last parameter, or make two of one.
        ann = self.join("ann", "#tea")
        for line, answer in (
            (":prefix :command", ":irc.local 421 ann COMMAND :Unknown command"),
            ("NICK :a b", ":irc.local 432 ann a :"),
            ("WHOIS :a b", ":irc.local 401 ann a :No such nick/channel"),
            ("MODE #tea +o ::x", ":irc.local 401 ann x :No such nick/channel"),
            ("JOIN :x y", ":irc.local 403 ann x :"),
            ("CHATHISTORY :a b #tea * 5", ":irc.local FAIL CHATHISTORY INVALID_PARAMS A :"),
            ("MONITOR + ::x", ":irc.local 733"),
        ):
            said = ann.say(line, "MONITOR L")
            self.assertTrue(said[0].startswith(answer), said)

    def test_allThatIsSupportedIsListed(self) -> None:
        client = self.connect()
        said = client.say("NICK ann", "USER ann 0 * :Ann")
        words = [word for line in said if " 005 " in line for word in line.split(" ")[3:]]
        self.assertLessEqual(set(tokens("tsservices", self.limits)), set(words))

    def test_manyRoomsAreCountedNowAndThen(self) -> None:
        self.patch(server, "COUNTED_AT_ONCE", 2)
        ann = self.join("ann", "#a", "#b")

        def rooms() -> str:
            (line,) = [line for line in ann.say("LUSERS") if " 254 " in line]
            return line.split(" ")[3]

        self.assertEqual(rooms(), "2")
        ann.send("JOIN #c,#d")
        first = rooms()
        ann.send("JOIN #e", "MODE #e +s")
        self.assertEqual(int(rooms()), int(first) + 1, "one's own secret room counts at once")
        self.clock.advance(server.COUNT_SECONDS)
        self.assertEqual(rooms(), "5")
        bob = self.join("bob")
        (line,) = [line for line in bob.say("LUSERS") if " 254 " in line]
        self.assertIn(" 4 :", line)

    def test_greetingOfSeveral(self) -> None:
        # What is kept of one greeting is another one's, but for the nick.
        greetings = []
        for nick in ("ann", "bob"):
            client = self.connect()
            client.send(f"NICK {nick}", "USER x 0 * :x")
            greetings.append([line.replace(nick, "NICK") for line in client.heard()])
        differing = [a for a, b in zip(*greetings, strict=True) if a != b]
        self.assertEqual([line.split(" ")[1] for line in differing], ["251", "255", "265", "266"])

    def test_linesFit(self) -> None:
        # inspircd/inspircd#1101, ngircd/ngircd#339: whatever another frontend has let through.
        line = LineClient(self.lines, self.clock, 1)
        line.send("ann\n")
        line.send("/join tea\n")
        bob = self.join("bob", "#tea", caps="away-notify server-time")
        line.send(f"/topic {'é' * 300}\n")
        line.send(f"/away {'é' * 300}\n")
        heard = bob.heard() + bob.say("TOPIC #tea", "WHOIS ann", "LIST")
        line.send(f"/part tea {'é' * 300}\n")
        heard += bob.heard()
        long = [
            text.partition(" ")[2] if text[0] == "@" else text for text in heard if "éé" in text
        ]
        self.assertGreater(len(long), 4)
        for text in long:
            self.assertLessEqual(len(text.encode()), BODY_BYTES)
            self.assertNotIn("�", text)

    def test_coloursLeaveNoNumbers(self) -> None:
        # erming/shout#216, DALnet/bahamut#118.
        ann, bob = self.join("ann", "#tea"), self.join("bob", "#tea")
        for text, plain in (
            ("\x0304,05red\x03 5", "red 5"),
            ("\x034,x", ",x"),
            ("\x03,5", ",5"),
            ("S\x033x\x03073", "Sx3"),
            ("\x025\x02 \x1d6\x1d", "5 6"),
            ("\x04ff0000,00FF00red\x04 \x04ffx", "red ffx"),
            ("\1ACTION \x0312waves\1", "\1ACTION waves\1"),
        ):
            ann.send(f"PRIVMSG #tea :{text}")
            self.assertEqual(bob.heard()[-1], f":ann!~ann@guest PRIVMSG #tea :{plain}")
        self.assertEqual(ann.numerics("PRIVMSG #tea :\x0304\x03"), ["412"])

    def test_namesEndUnderTheNameThatTheyHave(self) -> None:
        # convos-chat/convos#277: a program that looks for the name exactly finds no end.
        ann = self.join("ann", "#Tea")
        for asked, ended in (("#tEA", "#Tea"), ("#TEA,#none", "#Tea,#none")):
            self.assertEqual(
                ann.say(f"NAMES {asked}"),
                [
                    ":irc.local 353 ann = #Tea :@ann",
                    f":irc.local 366 ann {ended} :End of /NAMES list",
                ],
            )

    def test_whoisEndsUnderTheNameThatWasAskedFor(self) -> None:
        # ircdocs/modern-irc#115.
        ann = self.join("ann")
        self.assertTrue(ann.say("WHOIS ANN")[-1].startswith(":irc.local 318 ann ANN :"))

    def test_aListIsShownOnce(self) -> None:
        ann = self.join("ann", "#tea")
        self.assertEqual(ann.numerics(f"MODE #tea {'b' * 480}"), ["368"])

    def test_noIdentIsNoMessage(self) -> None:
        ann = self.join("ann", "#tea")
        self.assertIn("FAIL REDACT UNKNOWN_MSGID #tea *", ann.say("REDACT #tea :")[0])

    def test_noTargetAmongCommas(self) -> None:
        ann = self.join("ann")
        self.assertEqual(ann.numerics("PRIVMSG ,, :x"), ["411"])

    def test_oneTargetInTwoCases(self) -> None:
        # ngircd/ngircd#187.
        ann, bob = self.join("ann", "#tea"), self.join("bob", "#tea")
        bob.heard()
        ann.send("PRIVMSG #tea,#TEA,bob,BOB :once")
        self.assertEqual(len(bob.heard()), 2)


class NamesTests(IRCFrontendCase):
    def test_theListFollowsAllThatChangesIt(self) -> None:
        people = [self.join(name, "#tea") for name in ("ann", "bob", "cat", "dan")]
        ann, bob, _, dan = people
        eve = self.join("eve")

        def names() -> str:
            return eve.say("NAMES #tea")[0].partition(" :")[2]

        self.assertEqual(names(), "@ann bob cat dan")
        bob.send("NICK Bo")
        self.assertEqual(names(), "@ann Bo cat dan")
        ann.send("MODE #tea +vo cat dan")
        self.assertEqual(names(), "@ann Bo +cat @dan")
        bob.send("PART #tea")
        self.join("fay", "#tea")
        self.assertEqual(names(), "@ann +cat @dan fay")
        bob.send("JOIN #tea")
        ann.send("KICK #tea cat")
        self.assertEqual(names(), "@ann @dan fay Bo")
        dan.send("QUIT")
        bob.send("NICK BO")
        self.assertEqual(names(), "@ann fay BO")


class SecrecyTests(IRCFrontendCase):
    def test_secretChannelsAreNotCounted(self) -> None:
        # ergochat/ergo#687.
        ann, bob = self.join("ann", "#tea"), self.join("bob")
        ann.send("MODE #tea +s")
        self.assertNotIn("254", bob.numerics("LUSERS"))
        self.assertIn(":irc.local 254 ann 1 :channels formed", ann.say("LUSERS"))


class NewsTests(IRCFrontendCase):
    def test_nobodyIsToldOfTheirOwnAway(self) -> None:
        # ircv3/ircv3-specifications#531.
        ann = self.join("ann", "#tea", caps="away-notify")
        bob = self.join("bob", "#tea", caps="away-notify")
        ann.heard()
        self.assertEqual(ann.numerics("AWAY :tea"), ["306"])
        self.assertEqual(ann.heard(), [])
        self.assertEqual(bob.heard(), [":ann!~ann@guest AWAY :tea"])

    def test_anotherCaseIsNoOtherName(self) -> None:
        # pirc-pl/unrealircd-modules#16, robustirc/robustirc#127.
        ann, bob = self.join("ann"), self.join("bob")
        ann.send("MONITOR + bob")
        ann.heard()
        self.assertEqual(bob.say("NICK BOB"), [":bob!~bob@guest NICK :BOB"])
        self.assertEqual(ann.heard(), [])

    def test_whoComesHasNoWrongUser(self) -> None:
        ann = self.join("ann")
        ann.send("MONITOR + bob")
        ann.heard()
        self.join("bob")
        self.assertEqual(ann.heard(), [":irc.local 730 ann :bob!~bob@guest"])
        self.lineClient("cat", "tea")
        self.assertEqual(ann.say("MONITOR + cat"), [":irc.local 730 ann :cat!user@guest"])

    def test_whoLeavesKeepsTheirUser(self) -> None:
        ann, bob = self.join("ann", "#tea"), self.join("bob", "#tea")
        ann.heard()
        bob.send("QUIT :bye")
        self.assertEqual(ann.heard(), [":bob!~bob@guest QUIT :bye"])

    def test_ofTwoWithOneNameOneIsRefusedOnce(self) -> None:
        first, second = self.connect(), self.connect()
        for client in (first, second):
            client.protocol.dataReceived(b"NICK ann\r\nUSER a 0 * :A\r\n")
        first.send()
        self.assertIn(" 001 ann ", first.heard()[0])
        (answer,) = second.heard()
        self.assertIn(" 433 * ann ", answer)
        self.assertEqual(second.numerics("NICK bob")[0], "001")

    def test_masksAreNotCut(self) -> None:
        ann, bob = self.join("ann", "#tea", caps="message-tags"), self.lineClient("bob", "tea")
        ann.send("MODE #tea +o bob")
        ann.heard()
        masks = [f"some-{number}!*@*.{'y' * 40}" for number in range(20)]
        bob.say(f"/mode -t+{'b' * 20}m {' '.join(masks)}\n")
        lines = ann.heard()
        self.assertEqual(["msgid=" in line for line in lines], [True, False, False])
        words = [line.partition(" MODE #tea ")[2].split(" ") for line in lines]
        self.assertEqual([mask for _, *found in words for mask in found], masks)
        letters = [first for first, *_ in words]
        self.assertEqual("".join(letters).replace("+", ""), f"-t{'b' * 20}m")
        self.assertTrue(all(first.lstrip("-t")[0] == "+" for first in letters), letters)

    def test_membersSeeTheKey(self) -> None:
        # irssi and WeeChat join again with the key that they have seen.
        ann, bob = self.join("ann", "#tea"), self.join("bob", "#tea")
        bob.heard()
        ann.send("MODE #tea +vk bob beer")
        self.assertEqual(bob.heard(), [":ann!~ann@guest MODE #tea +vk bob beer"])
        ann.send("MODE #tea -k beer", "MODE #tea -t+k ale")
        lines = [":ann!~ann@guest MODE #tea -k *", ":ann!~ann@guest MODE #tea -t+k ale"]
        self.assertEqual(bob.heard(), lines)

    def test_invitationsAreNotRepeatedWithoutEnd(self) -> None:
        # ngircd/ngircd#186, charybdis-ircd/charybdis#194.
        ann, bob, cat = self.join("ann", "#tea"), self.join("bob"), self.join("cat")
        for _ in range(3):
            self.assertEqual(ann.numerics("INVITE bob #tea"), ["341"])
        bob.heard()
        self.assertEqual(ann.numerics("INVITE bob #tea"), ["400"])
        self.assertEqual(bob.heard(), [])
        self.assertEqual(ann.numerics("INVITE cat #tea"), ["341"])
        self.clock.advance(20)
        self.assertEqual(ann.numerics("INVITE bob #tea"), ["341"])
        self.assertTrue(cat.heard() and bob.heard())


class TogetherTests(IRCFrontendCase):
    """Lines that come in one segment are read in one step."""

    CAPS = "message-tags server-time echo-message"

    def segment(self, *lines: str) -> list[str]:
        ann = self.join("ann", "#tea", caps=self.CAPS)
        bob, cat = self.join("bob", "#tea", caps=self.CAPS), self.join("cat", "#tea")
        for client in (ann, bob, cat):
            client.heard()
        ann.protocol.dataReceived("".join(f"{line}\r\n" for line in lines).encode())
        ann.send()
        own, heard = ann.heard(), bob.heard()
        self.assertEqual(own, heard)
        plain = cat.heard()
        self.assertEqual([line.partition(" ")[2] for line in heard if line[0] == "@"], plain)
        return heard

    def test_eachHasItsId(self) -> None:
        heard = self.segment(*[f"PRIVMSG #Tea :é {number}" for number in range(3)])
        self.assertEqual(len({line.partition(" ")[0] for line in heard}), 3)
        pattern = r"^@time=\S+Z;msgid=\S+-\d+-\d :ann!~ann@guest PRIVMSG #tea :é %d$"
        for number, line in enumerate(heard):
            self.assertRegex(line, pattern % number)

    def test_whatIsNotPlainIsReadByItself(self) -> None:
        long = "x" * 450
        heard = self.segment(
            "PRIVMSG #tea :\2bold\2", "PRIVMSG #tea :PRIVMSG #tea :x", "PRIVMSG #tea :\1ACTION a\1"
        )
        texts = [line.partition("#tea :")[2] for line in heard]
        self.assertEqual(texts, ["bold", "PRIVMSG #tea :x", "\1ACTION a\1"])
        ann = self.join("dan", "#tea", "#milk", caps=self.CAPS)
        ann.send(f"PRIVMSG #tea :{long}\r\nPRIVMSG #milk :b\r\nTOPIC #milk :c\r\nPRIVMSG #milk :d")
        texts = [line.rpartition(":")[2] for line in ann.heard()]
        self.assertEqual(texts, [long, "b", "c", "d"])

    def test_oneAfterTheOther(self) -> None:
        # The second one begins as the first.
        ann, bob = self.join("ann", "#tea"), self.join("bob", "#tea")
        ann.send("PRIVMSG #tea :first")
        bob.heard()
        for text in ("x", "PRIVMSG #tea :x", " :x", "é", "x\1", "\1ACTION a\1", "x" * 450):
            ann.send(f"PRIVMSG #tea :{text}")
            shown = text if text.startswith("\1") else text.strip("\1")
            self.assertEqual(bob.heard(), [f":ann!~ann@guest PRIVMSG #tea :{shown}"])
        self.assertEqual(ann.numerics("PRIVMSG #tea :"), ["412"])
        self.assertIn("INVALID_UTF8", ann.say(b"PRIVMSG #tea :\xff")[0])
        self.assertEqual(ann.numerics(f"PRIVMSG #tea :{'x' * 494}"), ["417"])
        ann.send("PRIVMSG #tea :a\r\nTOPIC #tea :b", "PART #tea", "PRIVMSG #tea :c")
        self.assertEqual([line.split(" ")[1] for line in bob.heard()], ["PRIVMSG", "TOPIC", "PART"])

    def test_itIsRefusedAsOthersAre(self) -> None:
        ann = self.join("ann", "#tea")
        bob = self.join("bob", "#tea")
        ann.send("MODE #tea +m")
        bob.heard()
        self.assertEqual(bob.numerics("PRIVMSG #tea :x\r\nPRIVMSG #tea :y")[0], "404")
        self.assertEqual(bob.numerics("PRIVMSG #none :x\r\nPRIVMSG #none :y"), ["403", "403"])
        self.assertEqual(bob.numerics(f"PRIVMSG #tea :{'x' * 495}"), ["417"])

    def test_noNulInTags(self) -> None:
        ann = self.join("ann", "#tea", caps=self.CAPS)
        self.assertIn(";+a=bc :", ann.say("@+a=b\0c TAGMSG #tea")[0])


class PagesTests(IRCFrontendCase):
    """Long answers are sent in pages, each when the one before is read."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(clients, "PAGE_LINES", 1)
        self.patch(names, "NAMES_AT_ONCE", 4)
        self.people = [self.join(f"n{number}", "#tea") for number in range(12)]
        self.ann = self.join("ann", caps="labeled-response batch")

    def paged(self, line: str, end: str) -> list[str]:
        protocol, transport = self.ann.protocol, self.ann.transport
        protocol.pauseProducing()
        transport.pending = 65_536
        protocol.dataReceived(f"{line}\r\nPING end\r\n".encode())
        self.ann.send()
        self.assertEqual(self.ann.heard(), [])
        pages = 0
        heard: list[str] = []
        while not heard or "PONG" not in heard[-1]:
            # Room for a page, then none.
            transport.pending = 0
            protocol.resumeProducing()
            protocol.pauseProducing()
            self.ann.send()
            heard += self.ann.heard()
            pages += 1
            self.assertLess(pages, 99)
        self.assertGreater(pages, 2)
        self.assertIn(end, heard[-2])
        return heard[:-1]

    def test_who(self) -> None:
        self.assertEqual(len(self.paged("WHO #tea", " 315 ann #tea ")), 13)
        self.assertEqual(len(self.paged("WHO #tea %cuhnar", " 315 ann #tea ")), 13)
        self.assertEqual(len(self.paged("@label=x WHO #tea", " BATCH -")), 15)

    def test_whoIsComparedInPages(self) -> None:
        self.ann.say("JOIN #tea")
        while self.ann.say():
            """Until all names have come."""
        self.patch(queries, "WHO_LOOKED_AT", 4)
        self.assertEqual(len(self.paged("WHO *nobody*", " 315 ann *nobody* ")), 1)

    def test_names(self) -> None:
        heard = self.paged("JOIN #tea", " 366 ann #tea ")
        self.assertEqual(heard[0], ":ann!~ann@guest JOIN #tea")
        names = " ".join(line.partition(" :")[2] for line in heard[1:-1]).split()
        self.assertEqual(names, ["@n0", *[f"n{number}" for number in range(1, 12)], "ann"])

    def test_whoHasLeftIsNotListed(self) -> None:
        room = self.chat.context.state.rooms["tea"]
        answer = iter(names.namePages(self.ann.protocol.connection, present(room)))
        self.assertIn("@n0 n1 n2 n3", next(answer))
        self.people[5].send("PART #tea")
        self.people[6].send("NICK new")
        self.assertIn(":n4 new n7", next(answer))
