"""Tests for L{tsservices.frontends.line.protocol}: entering, talk, and what people may send."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from twisted.internet.interfaces import IHalfCloseableProtocol
from zope.interface.verify import verifyObject

from tests.support.line_clients import LineFrontendCase
from tsservices.common.limits import Limits
from tsservices.frontends.line.connection import GREETING, OUTSTANDING, SLOWED
from tsservices.frontends.line.protocol import LineChatFactory
from tsservices.testing import MemoryTransport
from tsservices.transport.rejection import REJECTED_AT_ONCE

#: The hour of these tests.
AT = "[12:10:00]"


class EnteringTests(LineFrontendCase):
    def test_greeting(self) -> None:
        client = self.connect()
        verifyObject(IHalfCloseableProtocol, client.protocol)
        self.assertEqual(client.heard(), f"* {GREETING}\n")

    def test_nodeThatIsNotOpen(self) -> None:
        self.patch(self.chat, "open", False)
        for _ in range(REJECTED_AT_ONCE):
            transport = MemoryTransport()
            protocol = self.factory.buildProtocol(transport.getPeer())
            assert protocol is not None
            protocol.makeConnection(transport)
            self.assertEqual(transport.value(), LineChatFactory.notOpen)
            self.assertTrue(transport.disconnecting)
        self.assertIsNone(self.factory.buildProtocol(MemoryTransport().getPeer()))
        self.assertEqual(self.counters.refused, REJECTED_AT_ONCE + 1)
        self.patch(self.chat, "open", True)
        self.assertIn(GREETING, self.connect().heard())

    def test_bareName(self) -> None:
        ann, bob = self.connect(), self.connect()
        self.assertEqual(ann.say("ann\n"), "* you are ann\n* you are in #lobby, alone\n")
        self.assertEqual(
            bob.say(" \u2028\x85Bob \x0b\r\n"),
            "* you are Bob\n* you are in #lobby with 1 other: ann\n",
        )
        self.assertEqual(ann.heard(), "* Bob (guest) joined #lobby\n")

    def test_nickCommandJoinsNoRoom(self) -> None:
        client = self.connect()
        self.assertEqual(client.say("/nick ann\n"), "* you are ann\n")
        self.assertIn("! you are in no room", client.say("hello\n"))

    def test_commandsBeforeNick(self) -> None:
        client = self.connect()
        self.assertIn("* /nick NAME", client.say("/help\n"))
        self.assertIn("! say your name first", client.say("/me waves\n"))

    def test_nickTakenInAnyCase(self) -> None:
        self.join("Ann")
        client = self.connect()
        self.assertIn("! aNN is taken", client.say("aNN\n"))
        self.assertIn("* you are eve", client.say("eve\n"))

    def test_badNicks(self) -> None:
        client = self.connect()
        for name in (
            "p\N{CYRILLIC SMALL LETTER A}ypal",
            "a\N{ZERO WIDTH SPACE}nn",
            "a\N{RIGHT-TO-LEFT OVERRIDE}nn",
            "a\N{ESCAPE}nn",
            "ann smith",
            "x" * 33,
        ):
            answer = client.say(f"{name}\n")
            self.assertTrue(answer.startswith("! "), answer)
            self.assertTrue(answer[:-1].isprintable(), answer)
        self.assertEqual(self.chat.context.state.sessionsByNick, {})

    def test_severalTriesInOneSegment(self) -> None:
        (bob,) = self.join("bob")
        client = self.connect()
        client.send("no name\nbob\nann\nhello\n//x\n")
        self.tick()
        self.assertEqual(
            bob.heard(), f"* ann (guest) joined #lobby\n{AT} <ann> hello\n{AT} <ann> /x\n"
        )
        self.assertEqual(client.heard().count("! "), 2)

    def test_nickTakenInTheOrder(self) -> None:
        bob, client = self.connect(), self.connect()
        bob.send("ann\n", turn=False)
        client.send("ann\neve\nhello\n")
        self.tick()
        self.assertIn("* you are eve\n", client.heard())
        self.assertIn("<eve> hello\n", bob.heard())

    def test_httpRequestIsClosed(self) -> None:
        (bob,) = self.join("bob")
        body = "Host: x\r\nOrigin: y\r\n\r\nann\r\nhello\r\n"
        for request in (
            "GET / HTTP/1.1\r\n",
            "POST /x HTTP/1.1\r\n",
            "PRI * HTTP/2.0\r\n",
            "\r\nPOST / HTTP/1.0\r\n",
            "POST /" + "x" * 5000 + " HTTP/1.1\r\n",
        ):
            for data in (request + body, request):
                client = self.connect()
                client.send(data)
                client.send(body)
                self.tick()
                self.assertIn("! this is a chat for people, not a web server\n", client.heard())
                self.assertTrue(client.transport.disconnecting)
                client.disconnect()
        self.assertEqual(bob.heard(), "")

    def test_portForBrowsers(self) -> None:
        self.chat.context = replace(self.chat.context, webPort=21575)
        client = self.connect()
        client.send("GET / HTTP/1.1\r\n")
        self.assertIn("a web server; browsers talk to port 21575\n", client.heard())

    def test_textLikeHTTPRequest(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send("GET / HTTP/1.1\nHost: x\n")
        self.assertEqual(bob.heard(), f"{AT} <ann> GET / HTTP/1.1\n{AT} <ann> Host: x\n")

    def test_loginTimeout(self) -> None:
        silent, ann, command = self.connect(), self.connect(), self.connect()
        ann.send("ann\n")
        command.send("/nick bob\n")
        for _ in range(2 * Limits().chatNameLimit):
            self.clock.advance(1)
            if silent.transport.aborted and self.counters.open == 3:
                silent.disconnect()
        self.assertTrue(silent.transport.aborted)
        self.assertFalse(ann.transport.aborted)
        self.assertFalse(command.transport.aborted)
        self.assertEqual(self.counters.idle, 1)
        self.clock.advance(1_000_000)
        self.assertFalse(ann.transport.aborted)

    def test_slowNick(self) -> None:
        slow = self.connect()
        for _ in range(Limits().chatNameLimit - 4):
            self.clock.advance(1)
            slow.send("x")
            slow.transport.bytesSent += 1
        self.assertFalse(slow.transport.aborted)
        for _ in range(8):
            self.clock.advance(1)
            if not slow.transport.aborted:
                slow.send("/help\nx")
        self.assertTrue(slow.transport.aborted)

    def test_welcomeFile(self) -> None:
        path = Path("welcome.txt")
        self.open(self.limits, str(path))
        self.assertEqual(self.connect().heard(), f"* {GREETING}\n")
        path.write_bytes("grüß dich\n\x1b[31mred \xff\n".encode() + b"\xff\n")
        self.assertEqual(
            self.connect().heard(),
            f"* grüß dich\n* \\x1b[31mred ÿ\n* \N{REPLACEMENT CHARACTER}\n* {GREETING}\n",
        )
        path.unlink()
        path.mkdir()
        self.assertEqual(self.connect().heard(), f"* {GREETING}\n")


class TalkTests(LineFrontendCase):
    def test_othersHearLines(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send("one\ntwo\r\n\nthree\n")
        self.assertEqual(bob.heard(), f"{AT} <ann> one\n{AT} <ann> two\n{AT} <ann> three\n")
        self.assertEqual(ann.heard(), "")

    def test_splitCharacter(self) -> None:
        ann, bob = self.join("ann", "bob")
        for byte in "grüß \N{FAMILY}\n".encode():
            ann.send(bytes([byte]))
        self.assertEqual(bob.heard(), f"{AT} <ann> grüß \N{FAMILY}\n")

    def test_notUTF8(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send(b"a\nb\xe9\nc\n")
        self.tick()
        self.assertEqual(bob.heard(), f"{AT} <ann> a\n{AT} <ann> c\n")
        self.assertEqual(
            ann.heard(), "! this line is not UTF-8 at byte 2: nothing of it was sent\n"
        )

    def test_longestLine(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send("é" * 2048 + "\n" + "é" * 2048 + "x\n")
        self.tick()
        self.assertEqual(len(bob.heard()), 2048 + len(f"{AT} <ann> \n"))
        self.assertEqual(ann.heard(), "! a line has at most 4096 bytes: this one was not sent\n")
        self.assertEqual(self.counters.overlong, 1)

    def test_endlessLine(self) -> None:
        ann, bob = self.join("ann", "bob")
        for _ in range(150):
            ann.send(b"x" * 4096)
            self.assertLessEqual(len(ann.protocol.connection._input._lines._pending), 8192)
        ann.send(b"tail\nhello\n")
        self.assertEqual(bob.heard(), f"{AT} <ann> hello\n")
        self.assertEqual(ann.heard(), "! a line has at most 4096 bytes: this one was not sent\n")
        self.assertEqual(self.counters.overlong, 1)

    def test_controlCharactersBecomeVisible(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send("\0 \x1b[2J \N{RIGHT-TO-LEFT OVERRIDE} \x9b1m a\n")
        self.assertEqual(bob.heard(), f"{AT} <ann> \\x00 \\x1b[2J \\u202e \\x9b1m a\n")
        ann.send("/topic \x1b[2J\n/away \x07\n/msg bob \x1bc\n")
        self.tick()
        heard = bob.heard()
        self.assertTrue(heard.replace("\n", "").isprintable(), heard)
        self.assertEqual(heard.count("\\x"), 3)

    def test_editedWhisper(self) -> None:
        ann, bob, cat = self.join("ann", "bob", "cat")
        ann.send(b"hello\nx\x7f/msg bob secret\n")
        self.tick()
        self.assertIn("secret", bob.heard())
        self.assertEqual(cat.heard(), f"{AT} <ann> hello\n")

    def test_linesOfSeveralRooms(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send("/join tea\n")
        bob.say("/join tea\n")
        ann.send("/join lobby\nhello\n")
        self.tick()
        self.assertIn(f"{AT} #lobby <ann> hello\n", bob.heard())
        ann.send("last\n", turn=False)
        bob.send("/part lobby\n", turn=False)
        self.tick()
        self.assertEqual(bob.heard(), f"{AT} #lobby <ann> last\n* you left #lobby\n")
        ann.send("/join tea\nhello\n")
        self.tick()
        self.assertEqual(bob.heard(), f"{AT} <ann> hello\n")

    def test_linesOfSeveralRoomsDuringStoring(self) -> None:
        ann, bob = self.join("ann", "bob")
        bob.say("/join tea\n")
        self.storage.slow = True
        ann.send("hello\n")
        bob.send("/part tea\n")
        self.finishStoring()
        self.assertEqual(bob.heard(), f"{AT} #lobby <ann> hello\n* you left #tea\n")

    def test_formats(self) -> None:
        ann, bob = self.join("ann", "bob")
        answer = bob.say("/format json\n")
        self.assertEqual(json.loads(answer), {"type": "format", "version": 1})
        bob.say("/join tea\n")
        ann.send("grüß\n")
        message = json.loads(bob.heard())
        self.assertEqual(
            (message["type"], message["room"], message["seq"], message["text"]),
            ("said", "lobby", 1, "grüß"),
        )
        self.assertEqual(bob.say("/format text\n"), "* format is text\n")
        ann.send("x\n")
        self.assertEqual(bob.heard(), f"{AT} #lobby <ann> x\n")

    def test_acknowledgedWhenStored(self) -> None:
        (ann,) = self.join("ann")
        ann.say("/ack on\n/echo on\n")
        self.tick()
        ann.heard()
        self.storage.slow = True
        self.assertEqual(ann.say("x\ny\n"), "")
        self.finishStoring()
        heard = ann.heard()
        self.assertIn("* stored lobby 1\n* stored lobby 2\n", heard)
        self.assertIn(f"{AT} <ann> x\n{AT} <ann> y\n", heard)


class FloodTests(LineFrontendCase):
    limits = Limits()

    def test_pasteIsDelayed(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send("".join(f"{number}\n" for number in range(200)))
        self.assertLess(bob.heard().count("\n"), 110)
        self.assertEqual(ann.transport.producerState, "paused")
        self.assertEqual(ann.heard(), f"* {SLOWED}\n")
        heard = ""
        for _ in range(120):
            self.clock.advance(0.1)
            heard += bob.heard()
        self.assertEqual(ann.transport.producerState, "producing")
        self.assertGreater(self.counters.delayed, 0)
        numbers = [int(line.split()[-1]) for line in heard.splitlines()]
        self.assertEqual(numbers, list(range(numbers[0], 200)))
        self.assertEqual(ann.heard(), "")

    def test_endlessPasteIsNotRead(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send(("x" * 4000 + "\n") * 40)
        self.assertEqual(ann.transport.producerState, "paused")
        ann.protocol.pauseProducing()
        ann.protocol.resumeProducing()
        self.assertEqual(ann.transport.producerState, "paused")
        for _ in range(12):
            self.clock.advance(1)
        self.assertEqual(bob.heard().count("x" * 4000), 40)

    def test_quitCancelsTimer(self) -> None:
        (ann,) = self.join("ann")
        ann.send("x\n" * 200)
        self.assertIsNotNone(ann.protocol.connection._delayed)
        ann.disconnect()
        self.tick()
        self.timeouts.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_halfCloseDuringDelay(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send("".join(f"{number}\n" for number in range(150)) + "last")
        ann.protocol.readConnectionLost()
        heard = ""
        for _ in range(200):
            self.assertNotIn("last", heard)
            self.clock.advance(0.1)
            heard += bob.heard()
            if ann.transport.disconnecting:
                break
        self.assertTrue(ann.transport.disconnecting)
        self.assertIn("<ann> last\n* ann is gone\n", heard)


class OutstandingTests(LineFrontendCase):
    def test_outstandingLinesAreBounded(self) -> None:
        ann, bob = self.join("ann", "bob")
        self.storage.slow = True
        for number in range(OUTSTANDING + 20):
            if ann.transport.producerState == "paused":
                break
            ann.send(f"{number}\n")
        self.assertEqual(ann.protocol.connection.session.pending, OUTSTANDING)
        self.assertEqual(number, OUTSTANDING + 1)
        self.assertEqual(bob.heard(), "")
        self.finishStoring()
        self.finishStoring()
        self.assertEqual(ann.transport.producerState, "producing")
        self.assertEqual(bob.heard().count("\n"), OUTSTANDING + 1)

    def test_outstandingCommandIsBounded(self) -> None:
        (ann,) = self.join("ann")
        self.storage.slow = True
        ann.send("x\n/who\n")
        ann.send("y\n")
        self.assertEqual(ann.transport.producerState, "paused")
        self.finishStoring()
        self.finishStoring()
        self.assertEqual(ann.transport.producerState, "producing")
        self.assertIn("1 person", ann.heard())


class LastLineTests(LineFrontendCase):
    """C{/delete NAME last} means the last line that was sent to who types it."""

    def setUp(self) -> None:
        super().setUp()
        self.ann, self.bob = self.connect(), self.connect()
        self.ann.send("/nick ann\n/join tea\n/register correct horse\n")
        self.tick()
        self.bob.send("/nick bob\n/join tea\none\n")
        self.tick()
        self.ann.heard()

    def passTime(self) -> None:
        for _ in range(60):
            self.clock.advance(1)

    def deleted(self) -> list[str]:
        self.passTime()
        heard = self.ann.say("/history\n")
        return [line.split()[3] for line in heard.splitlines() if "(deleted)" in line]

    def test_outputIsBlocked(self) -> None:
        self.ann.block()
        self.bob.send("two\n")
        self.ann.send("/delete bob last\n")
        self.ann.unblock()
        self.assertEqual(self.deleted(), ["1"])

    def test_delayedByFloodControl(self) -> None:
        self.open(Limits(floodLines=1, floodBytes=0))
        self.ann, self.bob = self.connect(), self.connect()
        self.ann.send("/nick ann\n/join tea\n")
        self.bob.send("/nick bob\n/join tea\none\n")
        self.passTime()
        self.ann.send("x\n" * 12 + "/delete bob last\n")
        self.bob.send("two\n")
        self.assertEqual(self.deleted(), ["1"])
