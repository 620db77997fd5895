"""
Tests for L{tsservices.common.timestamps}.
"""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tsservices.common.timestamps import FORMS, NANOSECONDS, TimestampFormatter, rfc868, stamped

NOON = 1_795_176_600


class StamperTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = NOON * NANOSECONDS + 123_456_789
        self.asked = 0

    def clock(self) -> int:
        self.asked += 1
        return self.now

    def test_ctime(self) -> None:
        """The default is what C{time.ctime} says, 24 characters in brackets."""
        stamp = TimestampFormatter("ctime", self.clock).stamp()
        self.assertEqual(stamp, f"[{time.ctime(NOON)}] ".encode())
        self.assertEqual(len(stamp), 27)

    def test_ctimeFollowsTheClock(self) -> None:
        """Within a second the text is the same object; the next second has its own."""
        stamper = TimestampFormatter("ctime", self.clock)
        first = stamper.stamp()
        self.assertIs(stamper.stamp(), first)
        self.now += NANOSECONDS
        self.assertEqual(stamper.stamp(), f"[{time.ctime(NOON + 1)}] ".encode())

    def test_heldForARound(self) -> None:
        """In a round the clock is looked at once; what is stamped after it has the time again."""
        stamper = TimestampFormatter("ctime", self.clock)
        stamper.roundBegan()
        self.assertEqual(stamper.held, f"[{time.ctime(NOON)}] ".encode())
        self.assertEqual(self.asked, 1)
        stamper.roundEnded()
        self.assertEqual(stamper.held, b"")

    def test_finerFormsAreNotHeld(self) -> None:
        """What tells more than seconds is made for each message."""
        for form in set(FORMS) - {"ctime"}:
            stamper = TimestampFormatter(form, self.clock)
            stamper.roundBegan()
            self.assertEqual(stamper.held, b"")

    def test_iso(self) -> None:
        """ISO 8601 in UTC with microseconds, also within one second."""
        stamper = TimestampFormatter("iso", self.clock)
        self.assertEqual(stamper.stamp(), b"[2026-11-20T12:10:00.123456Z] ")
        self.now += 1000
        self.assertEqual(stamper.stamp(), b"[2026-11-20T12:10:00.123457Z] ")

    def test_epochNs(self) -> None:
        """Nanoseconds are exact."""
        self.assertEqual(
            TimestampFormatter("epoch-ns", self.clock).stamp(), b"[1795176600123456789] "
        )

    def test_noSuchForm(self) -> None:
        """An unknown form is refused."""
        self.assertRaises(KeyError, TimestampFormatter, "roman", self.clock)

    def test_daytime(self) -> None:
        """RFC 867 wants a line."""
        self.assertEqual(
            TimestampFormatter("ctime", self.clock).daytime(), time.ctime(NOON).encode() + b"\r\n"
        )

    def test_rfc868(self) -> None:
        """
        RFC 868 gives the number for 1 May 1983; fields wrap in 2036 and do not
        break in 2038.
        """
        self.assertEqual(rfc868(420_595_200 * NANOSECONDS), (2_629_584_000).to_bytes(4, "big"))
        self.assertEqual(rfc868((2**32 - 2_208_988_800) * NANOSECONDS), b"\0\0\0\0")
        self.assertEqual(len(rfc868(2**32 * NANOSECONDS)), 4)
        self.assertEqual(TimestampFormatter("ctime", self.clock).rfc868(), rfc868(self.now))


class StampedTests(SynchronousTestCase):
    @given(st.sampled_from(sorted(FORMS)), st.integers(0, 2**33), st.binary(max_size=40))
    def test_ownAnswers(self, form: str, second: int, data: bytes) -> None:
        """Whatever this suite writes, at any time, is known again."""
        nanoseconds = (second + 10**9) * NANOSECONDS
        self.assertTrue(stamped(TimestampFormatter(form, lambda: nanoseconds).stamp() + data))

    def test_others(self) -> None:
        """Brackets alone, a stamp further on and a broken stamp are no stamps."""
        stamp = TimestampFormatter("ctime", lambda: NOON * NANOSECONDS).stamp()
        for data in (b"", b"[", b"[hello] ", b" " + stamp, stamp[:-1], b"hello", b"[12] x"):
            self.assertFalse(stamped(data), data)
