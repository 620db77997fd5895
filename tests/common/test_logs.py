"""Tests for L{tsservices.common.logs}."""

from __future__ import annotations

import io
import json

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher, textFileLogObserver
from twisted.trial.unittest import SynchronousTestCase

from tests.support.line_clients import LineFrontendCase
from tests.support.logs import gather
from tsservices.common.logs import (
    BURST_SECONDS,
    CONNECTION_LINES_PER_MINUTE,
    LOG_LINES_PER_MINUTE,
    PAYLOAD_LINES,
    ConnectionLog,
    LogFilter,
    PayloadLog,
    PeerLog,
    audit,
)


class AuditCase(SynchronousTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.file = io.StringIO()
        observer = textFileLogObserver(self.file)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def lines(self) -> list[str]:
        return [item for item in self.file.getvalue().splitlines() if "[tsservices.audit#" in item]

    def facts(self) -> list[dict[str, object]]:
        return [json.loads(item.partition("] ")[2]) for item in self.lines()]


class AuditTests(AuditCase):
    def test_oneLineEach(self) -> None:
        why = "{audit} {0} \n 2026 [x] \x1b[31m \u202e \u2028 é \ud800 \"'"
        record = {"audit": "kick", "time": 5, "target": ["a", "b"], "author": None, "why": why}
        audit(record)
        self.assertEqual(self.facts(), [record])
        self.assertEqual(len(self.file.getvalue().splitlines()), 1)
        self.assertTrue(self.file.getvalue().isascii())

    def test_notJSON(self) -> None:
        audit({"audit": "x", "odd": {1}})
        self.assertEqual(self.facts(), [{"audit": "x", "odd": "{1}"}])


class FilterTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.logged = gather(self)
        self.clock = Clock()

    def test_withheldLinesAreCounted(self) -> None:
        limit = LogFilter(lambda allowed: bool(allowed))
        self.assertEqual([limit.admit(item) for item in (1, 0, 0, 1, 1)], [0, None, None, 2, 0])

    def test_oncePerMinuteForEachPeer(self) -> None:
        log = PeerLog(self.clock.seconds)
        for host in ("a", "b", "a", "a"):
            log.warn(host, "{peer} is odd: {why}", peer=host, why="{peer}")
        self.assertEqual(self.logged, ["a is odd: {peer}", "b is odd: {peer}"])
        self.clock.advance(60)
        log.warn("a", "{peer} is odd", peer="a")
        self.assertEqual(self.logged[2:], ["a is odd (and 2 more lines about peers)"])

    def test_forgedPeersAreBounded(self) -> None:
        log = PeerLog(self.clock.seconds)
        for number in range(LOG_LINES_PER_MINUTE + 10):
            log.warn(str(number), "odd")
        self.assertEqual(len(self.logged), LOG_LINES_PER_MINUTE)

    def test_shortPayloads(self) -> None:
        log = PayloadLog(1_000_000, self.clock.seconds)
        for _ in range(PAYLOAD_LINES * 10):
            log.note("x", "peer")
        self.assertEqual(len(self.logged), PAYLOAD_LINES * BURST_SECONDS)

    def test_payload(self) -> None:
        log = PayloadLog(10, self.clock.seconds)
        for text in ("x" * 80, "y", "z"):
            log.note(text, "peer")
        self.assertEqual(self.logged, [f"客户端发来的消息是:{'x' * 80} [peer]"])
        self.clock.advance(1)
        log.note("a\nb\n", "peer")
        self.assertEqual(
            self.logged[1:],
            ["2 messages came too fast to be logged", "客户端发来的消息是:a\\nb [peer]"],
        )


class ConnectionLogTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.logged = gather(self)
        self.clock = Clock()
        self.log = ConnectionLog(self.clock.seconds)

    def test_connections(self) -> None:
        self.log.connected("echo", "a:7")
        self.log.disconnected("echo", "a:7", 1.25, 1, 2, "closed by the peer")
        self.assertEqual(
            self.logged,
            [
                "echo: a:7 connected",
                "echo: a:7 disconnected after 1.2 s, 1 byte in, 2 bytes out: closed by the peer",
            ],
        )

    def test_datagrams(self) -> None:
        for port in (7, 7, 8):
            self.log.datagram("echo", "::ffff:192.0.2.1", port, None)
        for drop in ("badSize", "badSize", "muted"):
            self.log.datagram("echo", "::1", 9, drop)
        self.log.datagram("time", "::1", 9, "badSize")
        first, last = "echo: first datagram from 192.0.2.1", "dropped a datagram from [::1]:9"
        size = "badSize (it is empty, too short or too long)"
        self.assertEqual(
            self.logged,
            [
                f"{first}:7",
                f"{first}:8",
                f"echo: {last}: {size}",
                f"echo: {last}: muted (its source asked too often, and gets nothing for a while)",
                f"time: {last}: {size}",
            ],
        )
        self.clock.advance(60)
        self.log.datagram("echo", "::1", 9, "badSize")
        self.assertEqual(self.logged[5:], [f"echo: {last}: {size}"])

    def test_strangersDoNotFillTheLog(self) -> None:
        for number in range(CONNECTION_LINES_PER_MINUTE + 7):
            self.log.datagram("echo", f"::{number:x}", 9, "badSize")
        self.assertEqual(len(self.logged), CONNECTION_LINES_PER_MINUTE)
        self.clock.advance(1)
        self.log.connected("echo", "a:7")
        self.assertEqual(
            self.logged[-1], "echo: a:7 connected (and 7 more lines about connections)"
        )


class AuditedTests(AuditCase, LineFrontendCase):
    def test_storedWithoutSecrets(self) -> None:
        ann, bob = self.join("ann", "bob")
        self.storage.slow = True
        ann.send("/register correct horse\n")
        self.tick()
        self.assertEqual(self.facts(), [])
        self.storage.slow = False
        self.finishStoring()
        (registered,) = self.facts()
        self.assertEqual(registered["audit"], "register")
        ann.send("/join dev\n")
        bob.send("/join dev\n")
        ann.send("/kick bob spam {0}\n")
        self.tick()
        (kicked,) = [item for item in self.facts() if item["audit"] == "kick"]
        self.assertEqual(kicked["why"], "spam {0}")
        written = "\n".join(self.lines())
        for secret in ("horse", "192.0.2.1", "SCRAM"):
            self.assertNotIn(secret, written)
