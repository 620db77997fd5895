"""Tests for L{tsservices.frontends.formats.localtime}."""

from __future__ import annotations

import time

from tests.support.chat_samples import NOON
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.localtime import LocalTime


def test_yearReadsLikeStrftime() -> None:
    local = LocalTime(time.gmtime)
    for second in range(NOON // NANOSECONDS, NOON // NANOSECONDS + 366 * 86_400, 86_399):
        moment, parts = local.moment(second), time.gmtime(second)
        assert moment.clock == time.strftime("%H:%M:%S", parts)
        expected = time.strftime(f"%A {parts.tm_mday} %B %Y", parts)
        assert moment.date == expected
        assert local.minute(second) == time.strftime("%Y-%m-%d %H:%M", parts)
