"""
Tests for L{tsservices.frontends.formats.localtime}.
"""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from tests.support.chat_samples import NOON
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.localtime import LocalTime


class LocalTimeTests(SynchronousTestCase):
    def test_year(self) -> None:
        """Every day of a year reads as C{strftime} writes it where English is spoken."""
        local = LocalTime(time.gmtime)
        for second in range(NOON // NANOSECONDS, NOON // NANOSECONDS + 366 * 86_400, 86_399):
            moment, parts = local.moment(second), time.gmtime(second)
            self.assertEqual(moment.clock, time.strftime("%H:%M:%S", parts))
            expected = time.strftime(f"%A {parts.tm_mday} %B %Y", parts)
            self.assertEqual(moment.date, expected)
            self.assertEqual(local.minute(second), time.strftime("%Y-%m-%d %H:%M", parts))
