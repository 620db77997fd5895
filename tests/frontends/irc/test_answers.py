"""Tests for answers of the IRC frontend: long ones in pages, and what errors say."""

from __future__ import annotations

from tests.support.irc_clients import PASSWORD, IRCFrontendCase, IRCTestClient
from tsservices.frontends.irc import client, names


class PagingTests(IRCFrontendCase):
    """Long answers, with pages of a few lines."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(client, "PAGE_LINES", 2)
        self.patch(names, "NAMES_AT_ONCE", 3)
        for number in range(8):
            self.join(f"m{number}", "#tea")

    def names(self, lines: list[str]) -> list[str]:
        found = [line.partition(" = #tea :")[2] for line in lines if " = #tea :" in line]
        return [name.lstrip("@") for part in found for name in part.split(" ")]

    def pages(self, client: IRCTestClient) -> list[str]:
        for _ in range(20):
            self.clock.advance(0)
        return client.heard()

    def test_join(self) -> None:
        ann = self.join("ann")
        ann.send("JOIN #tea,#other")
        lines = self.pages(ann)
        self.assertEqual(self.names(lines), [*[f"m{number}" for number in range(8)], "ann"])
        ends = [line.split(" ")[3] for line in lines if " 366 " in line]
        self.assertEqual(ends, ["#tea", "#other"])

    def test_pages(self) -> None:
        ann, bob = self.join("ann", "#tea"), self.join("bob", "#tea")
        self.pages(ann)
        connection = ann.protocol.connection
        for line, count in (("NAMES #tea", 5), ("WHO #tea", 11)):
            ann.protocol.dataReceived(f"{line}\r\n".encode())
            connection.pauseOutput()
            self.assertEqual(len(self.pages(ann)), 2, line)
            connection.resumeOutput()
            self.assertEqual(len(self.pages(ann)), count - 2, line)
        # Who leaves meanwhile is not named.
        ann.protocol.dataReceived(b"NAMES #tea\r\n")
        connection.pauseOutput()
        bob.send("PART #tea")
        connection.resumeOutput()
        self.assertNotIn("bob", self.names(self.pages(ann)))

    def test_label(self) -> None:
        ann = self.join("ann", "#tea", caps="labeled-response batch message-tags")
        self.pages(ann)
        connection = ann.protocol.connection
        ann.protocol.dataReceived(b"@label=x WHO #tea\r\n")
        connection.pauseOutput()
        begin, *lines = self.pages(ann)
        self.assertEqual(len(lines), 2)
        connection.resumeOutput()
        *others, end = self.pages(ann)
        lines += others
        self.assertRegex(begin, r"^@label=x :irc.local BATCH \+(\w+) labeled-response$")
        name = begin.split("+")[1].split(" ")[0]
        self.assertEqual(end, f":irc.local BATCH -{name}")
        self.assertEqual([line.startswith(f"@batch={name} ") for line in lines], [True] * 10)
        self.assertIn("@label=y :irc.local PONG", ann.say("@label=y PING x")[0])
        plain = self.join("bob", "#tea", caps="labeled-response message-tags")
        lines = plain.say("@label=x WHO #tea")
        self.assertEqual([line.count("label=") for line in lines], [1] + [0] * 10)


class TextTests(IRCFrontendCase):
    def test_noCommandsOfOtherFrontends(self) -> None:
        ann = self.join("ann", "#tea")
        for line in ("PART #no", "MODE #no", "KICK #no ann", "TOPIC #no"):
            (answer,) = ann.say(line)
            self.assertEqual(answer, ":irc.local 403 ann #no :there is no room #no")

    def test_listsAreNotCut(self) -> None:
        # ergochat/ergo#1935.
        names = [f"{number:02}-{'x' * 28}" for number in range(15)]
        ann = self.join("a" * 32, *[f"#{name}" for name in names])
        for name in names:
            self.join(name)
        for line, code, wanted in (
            (f"WHOIS {'a' * 32}", "319", {f"@#{name}" for name in names}),
            (f"ISON {' '.join(names)}", "303", set(names)),
        ):
            lists = [answer for answer in ann.say(line) if f" {code} " in answer]
            self.assertEqual(len(lists), 2)
            found = [word for answer in lists for word in answer.rpartition(":")[2].split(" ")]
            self.assertEqual(set(found), wanted)
            self.assertEqual(len(found), len(wanted))

    def test_idle(self) -> None:
        ann = self.join("ann", "#tea")
        self.clock.advance(50)
        ann.send("PRIVMSG #tea :hi")
        self.clock.advance(7)
        (answer,) = [line for line in ann.say("WHOIS ann") if " 317 " in line]
        self.assertRegex(answer, "^:irc.local 317 ann ann 7 1795[0-9]+ :")


class MarkTests(IRCFrontendCase):
    def test_answerWithoutTheCapability(self) -> None:
        ann = self.join("ann", "#tea")
        line = "MARKREAD #tea timestamp=2026-11-20T12:00:00.000Z"
        self.assertEqual(ann.say(line), [f":irc.local {line}"])


class HistoryErrorTests(IRCFrontendCase):
    def test_words(self) -> None:
        """The words of each error are those of the specification."""
        ann = self.join("ann", "#Tea", caps="batch draft/chathistory message-tags")
        for request, words in (
            ("FOO #tea * 1", "INVALID_PARAMS FOO"),
            ("LATEST #tea 1", "INVALID_PARAMS LATEST"),
            ("LATEST #tea * 1 1", "INVALID_PARAMS LATEST"),
            ("LATEST #tea * x", "INVALID_PARAMS LATEST"),
            ("LATEST #tea timestamp=x 1", "INVALID_PARAMS LATEST timestamp=x"),
            ("LATEST #tea foo=x 1", "INVALID_MSGREFTYPE LATEST #tea foo=x"),
            ("BEFORE #tea msgid=x 1", "MESSAGE_ERROR BEFORE #tea x"),
            ("BEFORE ann msgid=x 1", "MESSAGE_ERROR BEFORE ann x"),
            ("BEFORE #tea msgid=x-\u00b2-1 1", "MESSAGE_ERROR BEFORE #tea x-\u00b2-1"),
            ("LATEST #no * 1", "INVALID_TARGET LATEST #no"),
            ("LATEST nobody * 1", "INVALID_TARGET LATEST nobody"),
            ("TARGETS msgid=x msgid=y 1", "INVALID_PARAMS TARGETS"),
        ):
            (answer,) = ann.say(f"CHATHISTORY {request}")
            self.assertTrue(answer.startswith(f":irc.local FAIL CHATHISTORY {words} :"), answer)
        for target, name in (("#TEA", "#Tea"), ("ANN", "ANN")):
            begin = ann.say(f"CHATHISTORY LATEST {target} * 1")[0]
            self.assertTrue(begin.endswith(f" chathistory {name}"), begin)

    def test_targetsOfOneTimeAreOnOnePage(self) -> None:
        # ircv3/ircv3-specifications#604.
        ann = self.join("ann", "#tea")
        ann.send("PRIVMSG #tea :first")
        self.clock.advance(1)
        for name in ("bob", "cat", "dan"):
            self.join(name)
        ann.send("PRIVMSG bob,cat,dan :same moment")
        early, late = "timestamp=2020-01-01T00:00:00.000Z", "timestamp=2040-01-01T00:00:00.000Z"
        for times, limit, count in (
            (f"{early} {late}", 1, 1),
            (f"{early} {late}", 3, 1),
            (f"{early} {late}", 4, 4),
            (f"{late} {early}", 1, 3),
            (f"{late} {early}", 3, 3),
        ):
            found = ann.say(f"CHATHISTORY TARGETS {times} {limit}")
            self.assertEqual(len(found), count, (times, limit))

    def test_whoHasAnotherNick(self) -> None:
        # ergochat/ergo#821.
        for name in ("ann", "bob"):
            self.join(name).send(f"REGISTER * * :{PASSWORD}", "QUIT")
        ann, bob = self.connect(), self.connect()
        for one, nick, name in ((ann, "ann", "ann"), (bob, "bobby", "bob")):
            one.send(f"PASS {name}:{PASSWORD}", f"NICK {nick}", "USER x 0 * :X")
        for target in ("bob", "bobby", "BOBBY"):
            ann.send(f"PRIVMSG {target} :{target}")
        for target in ("bob", "bobby"):
            found = ann.say(f"CHATHISTORY LATEST {target} * 9")
            self.assertEqual([line.rpartition(":")[2] for line in found], ["bob", "bobby", "BOBBY"])
        bob.send("QUIT")
        self.assertEqual(len(ann.say("CHATHISTORY LATEST bobby * 9")), 3)

    def test_withoutBatches(self) -> None:
        ann = self.join("ann", "#tea", caps="message-tags")
        ann.send("PRIVMSG #tea :hi")
        (line,) = ann.say("CHATHISTORY LATEST #tea * 1")
        self.assertTrue(line.endswith(" PRIVMSG #tea :hi"))
