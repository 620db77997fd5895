"""Tests for L{tsservices.common.timestamps}."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.common.timestamps import FORMS, NANOSECONDS, TimestampFormatter, rfc868, stamped

NOON = 1_795_176_600


class TestStamper:
    def setup_method(self) -> None:
        self.now = NOON * NANOSECONDS + 123_456_789
        self.asked = 0

    def clock(self) -> int:
        self.asked += 1
        return self.now

    def test_ctime(self) -> None:
        stamp = TimestampFormatter("ctime", self.clock).stamp()
        assert stamp == f"[{time.ctime(NOON)}] ".encode()
        assert len(stamp) == 27

    def test_ctimeFollowsTheClock(self) -> None:
        stamper = TimestampFormatter("ctime", self.clock)
        first = stamper.stamp()
        assert stamper.stamp() is first
        self.now += NANOSECONDS
        assert stamper.stamp() == f"[{time.ctime(NOON + 1)}] ".encode()

    def test_heldForARound(self) -> None:
        stamper = TimestampFormatter("ctime", self.clock)
        stamp = stamper.stamp()
        self.asked = 0
        stamper.roundBegan()
        assert stamper.roundStamp == stamp == f"[{time.ctime(NOON)}] ".encode()
        assert self.asked == 1
        stamper.roundEnded()
        assert stamper.roundStamp == b""

    def test_finerFormsHaveNoRoundStamp(self) -> None:
        for form in set(FORMS) - {"ctime"}:
            stamper = TimestampFormatter(form, self.clock)
            stamper.roundBegan()
            assert stamper.roundStamp == b""

    def test_iso(self) -> None:
        stamper = TimestampFormatter("iso", self.clock)
        assert stamper.stamp() == b"[2026-11-20T12:10:00.123456Z] "
        self.now += 1000
        assert stamper.stamp() == b"[2026-11-20T12:10:00.123457Z] "

    def test_epochNs(self) -> None:
        assert TimestampFormatter("epoch-ns", self.clock).stamp() == b"[1795176600123456789] "

    def test_unknownForm(self) -> None:
        with pytest.raises(KeyError):
            TimestampFormatter("roman", self.clock)

    def test_daytimeEndsTheLine(self) -> None:
        assert (
            TimestampFormatter("ctime", self.clock).daytime() == time.ctime(NOON).encode() + b"\r\n"
        )

    def test_rfc868(self) -> None:
        """RFC 868 gives the number for 1 May 1983; fields wrap in 2036 and do not break in 2038."""
        assert rfc868(420_595_200 * NANOSECONDS) == (2_629_584_000).to_bytes(4, "big")
        assert rfc868((2**32 - 2_208_988_800) * NANOSECONDS) == b"\0\0\0\0"
        assert len(rfc868(2**32 * NANOSECONDS)) == 4
        assert TimestampFormatter("ctime", self.clock).rfc868() == rfc868(self.now)


class TestStamped:
    @given(st.sampled_from(sorted(FORMS)), st.integers(0, 2**33), st.binary(max_size=40))
    def test_ownAnswers(self, form: str, second: int, data: bytes) -> None:
        nanoseconds = (second + 10**9) * NANOSECONDS
        assert stamped(TimestampFormatter(form, lambda: nanoseconds).stamp() + data)

    def test_noStamps(self) -> None:
        stamp = TimestampFormatter("ctime", lambda: NOON * NANOSECONDS).stamp()
        for data in (b"", b"[", b"[hello] ", b" " + stamp, stamp[:-1], b"hello", b"[12] x"):
            assert not stamped(data), data
