"""Tests for L{tsservices.common.limits}."""

from __future__ import annotations

from dataclasses import fields

from twisted.trial.unittest import SynchronousTestCase

from tsservices.common.limits import LimitError, Limits


class LimitsTests(SynchronousTestCase):
    def test_names(self) -> None:
        self.assertEqual(len(Limits.fieldNames()), len(fields(Limits)))
        for key in Limits.fieldNames():
            self.assertRegex(key, "^[a-z]+(-[a-z]+)*$")
        self.assertEqual(Limits.fieldNames()["idle-limit"], "idleLimit")

    def test_defaults(self) -> None:
        for key in Limits.fieldNames():
            default, reason = Limits.describe(key)
            self.assertEqual(Limits.coerce(key, str(default)), default)
            self.assertIn(" ", reason)

    def test_rejected(self) -> None:
        for value in ("", "1.5", "many", "0x10", " 1", True, 2.0, "٣", "9" * 20):
            error = self.assertRaises(LimitError, Limits.coerce, "idle-limit", value)
            self.assertIn("idle-limit takes", str(error))
        error = self.assertRaises(LimitError, Limits.coerce, "max-datagram", "65508")
        self.assertEqual(str(error), "max-datagram takes 1 to 65507 bytes, not 65508")
        self.assertRaises(LimitError, Limits.coerce, "max-connections", -1)
