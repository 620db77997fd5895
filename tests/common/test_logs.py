"""
Tests for L{tsservices.audit}.
"""

from __future__ import annotations

import io
import json

from twisted.logger import globalLogPublisher, textFileLogObserver
from twisted.trial.unittest import SynchronousTestCase

from tests.support.line_clients import LineFrontendCase
from tsservices.common.logs import audit


class AuditCase(SynchronousTestCase):
    """A log that is written as twistd writes it."""

    def setUp(self) -> None:
        super().setUp()
        self.file = io.StringIO()
        observer = textFileLogObserver(self.file)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def lines(self) -> list[str]:
        return [each for each in self.file.getvalue().splitlines() if "[tsservices.audit#" in each]

    def facts(self) -> list[dict[str, object]]:
        return [json.loads(each.partition("] ")[2]) for each in self.lines()]


class AuditTests(AuditCase):
    def test_line(self) -> None:
        """Each is one line, whatever people have written."""
        why = "{audit} {0} \n 2026 [x] \x1b[31m \u202e \u2028 é \ud800 \"'"
        told = {"audit": "kick", "time": 5, "target": ["a", "b"], "author": None, "why": why}
        audit(told)
        self.assertEqual(self.facts(), [told])
        self.assertEqual(len(self.file.getvalue().splitlines()), 1)
        self.assertTrue(self.file.getvalue().isascii())

    def test_anything(self) -> None:
        """What JSON can't say is told in words."""
        audit({"audit": "x", "odd": {1}})
        self.assertEqual(self.facts(), [{"audit": "x", "odd": "{1}"}])


class AuditedTests(AuditCase, LineFrontendCase):
    """What becomes of a whole chat."""

    def test_stored(self) -> None:
        """What is done is told once it is stored, without a password or an address."""
        ann, bob = self.people("ann", "bob")
        self.journal.slow = True
        ann.send("/register correct horse\n")
        self.turns()
        self.assertEqual(self.facts(), [])
        self.journal.slow = False
        self.journal.keep()
        self.turns()
        (registered,) = self.facts()
        self.assertEqual(registered["audit"], "register")
        ann.send("/join dev\n")
        bob.send("/join dev\n")
        ann.send("/kick bob spam {0}\n")
        self.turns()
        (kicked,) = [each for each in self.facts() if each["audit"] == "kick"]
        self.assertEqual(kicked["why"], "spam {0}")
        written = "\n".join(self.lines())
        for secret in ("horse", "192.0.2.1", "SCRAM"):
            self.assertNotIn(secret, written)
