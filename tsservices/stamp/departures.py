"""
T3 of replies that are sent together.

A reply contains the time at which it leaves, and many replies leave by one system call.  So the
times of all but the first have to be foreseen: the kernel needs about as long for each, and how
long that is was measured when the last ones were sent.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.common.structs import repeated
from tsservices.common.timestamps import NANOSECONDS
from tsservices.stamp.columns import packedSecond
from tsservices.stamp.timestamps import LOW_32

#: Nanoseconds that are foreseen for a reply, and for what is done before the first one, at most.
#: What takes longer is another program on the same processor, which does not come again at once.
MAXIMUM_STEP = 2_000
MAXIMUM_LEAD = 20_000

#: By so much of the difference what is foreseen grows.  It falls at once: a T3 that is early is
#: time on the way, as in a reply that is sent alone, but a late one could make that negative.
GROWTH = 8


class DepartureTimes:
    """
    Foresees when the replies of one socket leave.

    For each group of replies L{take}, L{written} and L{sent} are to be called.
    """

    def __init__(self, nanoclock: Callable[[], int]) -> None:
        """@param nanoclock: nanoseconds since 1970."""
        self._nanoclock = nanoclock
        self._lead = 0
        self._step = 0
        self._replies = 0
        self._when = 0
        # The seconds of the last replies, and which second that was: nearly always it is the same.
        self._second = 0
        self._seconds = b""

    def take(self, replies: int) -> tuple[bytes, bytes]:
        """The times of the next replies as packets have them: all seconds, and all fractions."""
        self._when = now = self._nanoclock()
        second, nanoseconds = divmod(now + self._lead, NANOSECONDS)
        if second != self._second or replies != self._replies:
            self._second, self._replies = second, replies
            self._seconds = packedSecond(second) * replies
        # In units of a packet's fraction.  Those that would be in the next second stay in this one:
        # they are few.
        first = (nanoseconds << 32) // NANOSECONDS
        step = min((self._step << 32) // NANOSECONDS, (LOW_32 - first) // replies)
        fractions = range(first, first + step * replies, step) if step else (first,) * replies
        return self._seconds, repeated(">I", replies).pack(*fractions)

    def written(self) -> None:
        """The times are in the replies, which are sent now."""
        now = self._nanoclock()
        self._lead = _follow(self._lead, min(now - self._when, MAXIMUM_LEAD))
        self._when = now

    def sent(self) -> None:
        """The replies have been sent."""
        each = (self._nanoclock() - self._when) // self._replies
        self._step = _follow(self._step, min(each, MAXIMUM_STEP))


def _follow(foreseen: int, measured: int) -> int:
    # The clock may have been set back meanwhile.
    more = max(0, measured) - foreseen
    return foreseen + min(more, more // GROWTH)
