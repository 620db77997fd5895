"""
The forms of a timestamp on the wire.  Pure: the clock comes from the caller.

A stamp is C{[<time>] }, including the brackets and the space, and precedes the data.  There are
three forms of the time:

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

#: Seconds from the epoch of RFC 868 to the epoch of UNIX.
SECONDS_1900_TO_1970 = 2_208_988_800

#: A clock like C{time.time_ns}: nanoseconds since 1970.
Nanoclock = Callable[[], int]

_STAMP = re.compile(
    rb"\[(?:"
    rb"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}"
    rb"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    rb"|\d{16,20}"
    rb")\] "
)


def stamped(data: bytes) -> bool:
    """Whether data begins with a stamp in any of the three forms."""
    # The first check is quick, and false for most data.
    return data[:1] == b"[" and _STAMP.match(data) is not None


def rfc868(nanoseconds: int) -> bytes:
    """Convert nanoseconds since 1970 to RFC 868 time: seconds since 1900 in four octets."""
    # In 2036 the 32 bits overflow, and begin again at zero.
    seconds = nanoseconds // NANOSECONDS + SECONDS_1900_TO_1970
    return (seconds & 0xFFFFFFFF).to_bytes(4, "big")


class TimestampFormatter:
    """
    The formatter of the stamps of one server.

    A transport calls L{roundBegan} before and L{roundEnded} after a round of reads.  A form that
    shows whole seconds reads the clock once for all messages of a round.

    @ivar stamp: makes the stamp for now.
    @ivar roundStamp: the stamp for all messages of the round; empty outside a round, and if each
        message needs its own.
    """

    def __init__(self, form: str, clock: Nanoclock) -> None:
        """
        @param clock: nanoseconds since 1970.
        @raise KeyError: C{form} is not in L{FORMS}.
        """
        self._clock = clock
        self._text = b""
        self._since = self._until = 0
        self._hasRoundStamp = form == "ctime"
        self.roundStamp = b""
        self.stamp: Callable[[], bytes] = getattr(self, FORMS[form])

    def roundBegan(self) -> None:
        """Make one stamp for all messages until L{roundEnded}, if the form allows it."""
        if self._hasRoundStamp:
            # The same as `_ctime`, without a call: a round of one connection has one message.
            self.roundStamp = (
                self._text if self._since <= self._clock() < self._until else self._ctime()
            )

    def roundEnded(self) -> None:
        self.roundStamp = b""

    def _ctime(self) -> bytes:
        now = self._clock()
        # Two comparisons for each message, and one strftime a second.
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
        second = now // NANOSECONDS
        self._since = second * NANOSECONDS
        self._until = self._since + NANOSECONDS
        return second

    def _epochNs(self) -> bytes:
        return b"[%d] " % self._clock()

    def daytime(self) -> bytes:
        """Get the local time for RFC 867: one line of text."""
        return time.ctime(self._clock() // NANOSECONDS).encode("ascii") + b"\r\n"

    def rfc868(self) -> bytes:
        """Get the time for RFC 868: four bytes."""
        return rfc868(self._clock())


#: The forms of a stamp, and the methods of L{TimestampFormatter} that write them.
FORMS = {"ctime": "_ctime", "iso": "_iso", "epoch-ns": "_epochNs"}
