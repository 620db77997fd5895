"""
The timestamp's form on the wire.  Pure: the clock comes from the caller.

A stamp is C{[<time>] }, brackets and the one space included, and stands before
the data it belongs to.  There are three forms of the time:

  - C{ctime}: 24 characters of local time, C{Fri Nov 20 12:10:00 2026};
  - C{iso}: UTC with microseconds, C{2026-11-20T12:10:00.123456Z};
  - C{epoch-ns}: nanoseconds since 1970, C{1795176600123456789}.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

#: Nanoseconds in a second.
NANOSECONDS = 1_000_000_000

#: Seconds from the epoch of RFC 868 to the one of UNIX.
SECONDS_1900_TO_1970 = 2_208_988_800

#: Tells the time in nanoseconds since 1970, as C{time.time_ns} does.
Nanoclock = Callable[[], int]

_OWN = re.compile(
    rb"\[(?:"
    rb"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}"
    rb"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    rb"|\d{16,20}"
    rb")\] "
)


def stamped(data: bytes) -> bool:
    """Does this begin with a stamp in any of the three forms?"""
    return data[:1] == b"[" and _OWN.match(data) is not None


def rfc868(nanoseconds: int) -> bytes:
    """
    The time as RFC 868 puts it.  The field wrapped from 2036 on starts again at
    zero, which is all its 32 bits allow.

    @param nanoseconds: since 1970.
    @return: seconds since 1900, four bytes, the highest first.
    """
    seconds = nanoseconds // NANOSECONDS + SECONDS_1900_TO_1970
    return (seconds & 0xFFFFFFFF).to_bytes(4, "big")


class TimestampFormatter:
    """
    Writes the stamps of one server.

    Where many messages are read in one go, L{roundBegan} and L{roundEnded} tell it, and it looks at
    the clock once for all of them, as far as the form tells no more than seconds.

    @ivar stamp: gives the stamp for this moment, as bytes.
    @ivar held: the stamp for all messages of the round; empty when none is going on, or when each
        message needs its own.
    """

    def __init__(self, form: str, clock: Nanoclock) -> None:
        """
        @param clock: nanoseconds since 1970.
        @raise KeyError: there is no such form.
        """
        self._clock = clock
        self._text = b""
        self._since = self._until = 0
        self._holds = form == "ctime"
        self.held = b""
        self.stamp: Callable[[], bytes] = getattr(self, FORMS[form])

    def roundBegan(self) -> None:
        """Messages that have come are going to be read."""
        if self._holds:
            self.held = self.stamp()

    def roundEnded(self) -> None:
        """They have been read: the next message comes later."""
        self.held = b""

    def _ctime(self) -> bytes:
        now = self._clock()
        # Not a division: this is asked for each message.
        if not self._since <= now < self._until:
            second = self._turn(now)
            self._text = b"[%s] " % time.ctime(second).encode("ascii")
        return self._text

    def _iso(self) -> bytes:
        now = self._clock()
        if not self._since <= now < self._until:
            second = self._turn(now)
            self._text = time.strftime("[%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode("ascii")
        return b"%s.%06dZ] " % (self._text, (now - self._since) // 1000)

    def _turn(self, now: int) -> int:
        """Another second has begun."""
        second = now // NANOSECONDS
        self._since = second * NANOSECONDS
        self._until = self._since + NANOSECONDS
        return second

    def _epochNs(self) -> bytes:
        return b"[%d] " % self._clock()

    def daytime(self) -> bytes:
        """The local time as RFC 867 wants it: one line of text."""
        return time.ctime(self._clock() // NANOSECONDS).encode("ascii") + b"\r\n"

    def rfc868(self) -> bytes:
        """The time as RFC 868 wants it: four bytes."""
        return rfc868(self._clock())


#: The forms a stamp may have, and the method of L{TimestampFormatter} that writes each.
FORMS = {"ctime": "_ctime", "iso": "_iso", "epoch-ns": "_epochNs"}
