"""
Tests for L{tsservices.frontends.line.protocol}: leaving, reading slowly, and what was said before.
"""

from __future__ import annotations

import json
import re

from tests.support.line_clients import LineClient, LineFrontendCase
from tsservices.chat.errors import NOT_STORED, ChatError
from tsservices.chat.storage import HISTORY_PAGE
from tsservices.common.limits import Limits

#: The hour of these tests.
AT = "[12:10:00]"


def numbers(text: str) -> list[int]:
    items = [json.loads(line) for line in text.splitlines()]
    return [item["seq"] for item in items if item["type"] == "said"]


class LeavingTests(LineFrontendCase):
    def test_quit(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send("bye\n/quit for tea\nafterwards\n")
        self.tick()
        self.assertEqual(bob.heard(), f"{AT} <ann> bye\n* ann is gone (for tea)\n")
        self.assertTrue(ann.transport.disconnecting)
        ann.disconnect()
        self.tick()
        self.assertEqual(bob.heard(), "")
        self.join("ann")

    def test_closeAfterMessage(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send("one\n")
        ann.send("two\n")
        ann.protocol.readConnectionLost()
        self.tick()
        self.assertEqual(bob.heard(), f"{AT} <ann> one\n{AT} <ann> two\n* ann is gone\n")
        self.assertTrue(ann.transport.disconnecting)

    def test_quitWaitsForStorage(self) -> None:
        (ann,) = self.join("ann")
        ann.say("/ack on\n")
        self.storage.slow = True
        ann.send("bye\n/quit\n")
        self.assertFalse(ann.transport.disconnecting)
        self.finishStoring()
        self.finishStoring()
        self.assertIn("* stored lobby 1\n", ann.heard())
        self.assertTrue(ann.transport.disconnecting)

    def test_strangerQuits(self) -> None:
        client = self.connect()
        client.send("/quit\n")
        self.assertTrue(client.transport.disconnecting)
        self.assertIsNone(client.transport.producer)

    def test_lostConnectionFreesNick(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.disconnect()
        self.assertEqual(bob.heard(), "* ann is gone\n")
        self.join("ann")
        self.assertEqual(self.counters.open, 2)

    def test_lostWhileEntering(self) -> None:
        client = self.connect()
        client.send("ann\n", turn=False)
        client.disconnect()
        self.tick()
        self.assertEqual(self.chat.context.state.sessionsByNick, {})

    def test_halfCloseAfterOneSegment(self) -> None:
        (bob,) = self.join("bob")
        client = self.connect()
        client.send("ann\nhello\n/who\nlast", turn=False)
        client.protocol.readConnectionLost()
        self.tick(10)
        self.assertEqual(
            bob.heard(),
            f"* ann (guest) joined #lobby\n{AT} <ann> hello\n{AT} <ann> last\n* ann is gone\n",
        )
        self.assertIn("* 2 people in #lobby\n", client.heard())
        self.assertTrue(client.transport.disconnecting)

    def test_halfCloseOfStranger(self) -> None:
        client = self.connect()
        client.protocol.readConnectionLost()
        self.assertTrue(client.transport.disconnecting)

    def test_halfCloseWhileSlow(self) -> None:
        """A half-closed connection is in no room, so nothing new keeps it open."""
        ann, bob = self.join("ann", "bob")
        ann.block()
        bob.send("one\n")
        self.assertEqual(ann.heard(), "")
        ann.protocol.readConnectionLost()
        self.tick()
        bob.send("two\n")
        self.assertTrue(ann.transport.disconnecting)
        self.assertEqual(ann.heard(), f"{AT} <bob> one\n")
        self.assertEqual(self.chat.pool.size, 0)
        self.assertIn("* ann is gone\n", bob.heard())

    def test_serverStops(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.say("/ack on\n")
        self.storage.slow = True
        ann.send("last\n", turn=False)
        stopping = self.timeouts.stopService()
        self.tick()
        self.assertFalse(ann.transport.disconnecting)
        self.assertTrue(bob.transport.disconnecting)
        self.assertEqual(bob.heard(), "! the server stops\n")
        self.finishStoring()
        self.assertTrue(ann.transport.disconnecting)
        self.assertTrue(ann.heard().endswith("* stored lobby 1\n"))
        for client in (ann, bob):
            client.disconnect()
        self.successResultOf(stopping)

    def test_serverStopsDuringQuit(self) -> None:
        client = self.connect()
        client.send("/quit\n")
        client.heard()
        client.protocol.serverStopping()
        self.assertEqual(client.heard(), "")

    def test_inputAfterServerStop(self) -> None:
        ann, bob = self.join("ann", "bob")
        self.timeouts.stopService()
        ann.send("after\n")
        self.tick()
        self.assertNotIn("after", bob.heard())


class SlowTests(LineFrontendCase):
    limits = Limits(floodLines=0, floodBytes=0, chatPending=65_536, chatSlow=10)

    def fill(self, client: LineClient, size: int) -> None:
        for _ in range(size // 1000):
            client.send("x" * 999 + "\n")

    def test_slowReaderIsDropped(self) -> None:
        ann, bob, slow = self.join("ann", "bob", "slow")
        slow.block()
        self.fill(ann, 60_000)
        self.assertFalse(slow.transport.disconnecting)
        self.clock.advance(10)
        self.fill(ann, 20_000)
        self.tick()
        self.assertTrue(slow.transport.disconnecting)
        self.assertIsNone(slow.transport.producer)
        self.assertEqual(self.counters.slow, 1)
        self.assertRegex(
            slow.heard(), r"\A! you did not read: 6\d{4} bytes waited, 65536 may; .*\n\Z"
        )
        heard = bob.heard()
        self.assertEqual(heard.count("x" * 999), 80)
        self.assertEqual(heard.count("* slow is gone (did not read)\n"), 1)
        self.assertEqual(self.chat.pool.size, 0)
        self.fill(ann, 10_000)
        self.assertEqual(slow.heard(), "")
        self.assertEqual(self.chat.pool.size, 0)
        slow.disconnect()
        self.assertEqual(bob.heard().count("gone"), 0)

    def test_slowReaderCatchesUp(self) -> None:
        ann, slow = self.join("ann", "slow")
        slow.block()
        for number in range(50):
            ann.send(f"{number}\n")
        self.assertEqual(slow.heard(), "")
        slow.unblock()
        for number in range(50, 60):
            ann.send(f"{number}\n")
        self.assertEqual(slow.heard(), "".join(f"{AT} <ann> {n}\n" for n in range(60)))
        self.assertEqual(self.chat.pool.size, 0)

    def test_slowReadersInputWaits(self) -> None:
        ann, slow = self.join("ann", "slow")
        slow.block()
        slow.send("hello\n")
        self.assertEqual(slow.transport.producerState, "paused")
        self.assertEqual(ann.heard(), "")
        slow.unblock()
        self.tick()
        self.assertEqual(ann.heard(), f"{AT} <slow> hello\n")
        self.assertEqual(slow.transport.producerState, "producing")

    def test_handshake(self) -> None:
        """A pause before anything was sent, as TLS makes it, does not keep from reading."""
        client = self.connect()
        client.protocol.pauseProducing()
        self.assertEqual(client.transport.producerState, "producing")

    def test_ownAnswersDropNobody(self) -> None:
        ann, bob = self.join("ann", "bob")
        for _ in range(3 * HISTORY_PAGE // 50):
            ann.send(("x" * 999 + "\n") * 50)
        bob.heard()
        bob.send("/since 0\n", turn=False)
        bob.block()
        self.tick(20)
        first = bob.heard()
        self.assertEqual(first.count("x" * 999), HISTORY_PAGE)
        for _ in range(20):
            bob.unblock()
            bob.block()
            self.tick()
        bob.unblock()
        self.tick()
        self.assertEqual((first + bob.heard()).count("x" * 999), 3 * HISTORY_PAGE)
        self.assertEqual(self.counters.slow, 0)


class ReplayTests(LineFrontendCase):
    def test_joinDuringMessages(self) -> None:
        (ann,) = self.join("ann")
        ann.send("".join(f"{number}\n" for number in range(30)))
        bob = self.connect()
        bob.heard()
        bob.send("bob\n")
        ann.send("live\n")
        heard = bob.heard()
        self.assertEqual(re.findall(r"\| .*<ann> (\d+)\n", heard), [str(n) for n in range(10, 30)])
        self.assertTrue(heard.endswith(f"--- now ---\n{AT} <ann> live\n"))

    def test_sinceDuringMessages(self) -> None:
        ann, bob = self.join("ann", "bob")
        count = 3 * HISTORY_PAGE
        ann.send("".join(f"{number}\n" for number in range(count)))
        bob.say("/format json\n")
        self.storage.slowReads = True
        bob.send("/since 0\n")
        for page in range(4):
            ann.send(f"before {page}\n")
            if page % 2:
                bob.block()
            if self.storage._waiting:
                self.storage.answerRead()
            ann.send(f"after {page}\n")
            if page % 2:
                bob.unblock()
            self.tick()
        while self.storage._waiting:
            self.finishReading()
        ann.send("last\n")
        self.assertEqual(numbers(bob.heard()), list(range(1, count + 10)))

    def test_sinceDuringStoring(self) -> None:
        ann, bob = self.join("ann", "bob")
        bob.say("/format json\n")
        ann.send("1\n2\n3\n")
        bob.heard()
        self.storage.slow = True
        ann.send("4\n")
        bob.send("/since 1\n")
        ann.send("5\n")
        self.tick()
        self.assertEqual(numbers(bob.heard()), [2, 3])
        self.finishStoring()
        self.assertEqual(numbers(bob.heard()), [4, 5])

    def test_joinDuringStoring(self) -> None:
        (ann,) = self.join("ann")
        ann.send("1\n2\n")
        bob = self.connect()
        bob.send("/nick bob\n")
        bob.say("/format json\n")
        self.storage.slow = True
        ann.send("3\n")
        bob.send("/join lobby\n")
        ann.send("4\n")
        self.tick()
        self.assertEqual(bob.heard(), "")
        self.finishStoring()
        self.assertEqual(numbers(bob.heard()), [1, 2, 3, 4])

    def test_returnWithLastNumber(self) -> None:
        ann, bob = self.join("ann", "bob")
        bob.say("/format json\n")
        ann.send("1\n2\n")
        known = numbers(bob.heard())
        bob.disconnect()
        ann.send("3\n4\n5\n")
        again = self.connect()
        again.send("/nick bob\n/format json\n/join lobby\n")
        self.tick()
        again.heard()
        again.send(f"/since {known[-1]}\n")
        self.tick()
        self.assertEqual(known + numbers(again.heard()), [1, 2, 3, 4, 5])

    def test_quitDuringReplay(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send("".join(f"{number}\n" for number in range(2 * HISTORY_PAGE)))
        self.storage.slowReads = True
        bob.send("/since 0\n")
        ann.send("live\n")
        self.assertGreater(self.chat.pool.size, 0)
        bob.disconnect()
        self.finishReading()
        ann.send("live\n")
        self.assertEqual(self.chat.pool.size, 0)

    def test_failedReplay(self) -> None:
        ann, bob = self.join("ann", "bob")
        ann.send("1\n")
        self.storage.failure = ChatError(NOT_STORED, reason="x")
        self.assertIn("! nothing can be stored", bob.say("/since 0\n"))
        self.tick()
        self.assertEqual(ann.say(""), "")
        bob.send("hello\n")
        self.assertEqual(ann.heard(), f"{AT} <bob> hello\n")
