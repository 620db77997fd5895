"""
T3 of replies that are sent together.

A reply contains its departure time, and many replies leave by one system call.  So the times of
all but the first are predicted: the kernel takes about as long for each as it took for those of
the previous batch.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.common.structs import repeated
from tsservices.common.timestamps import NANOSECONDS
from tsservices.stamp.columns import packedSecond
from tsservices.stamp.timestamps import LOW_32

#: The largest prediction in nanoseconds for a reply, and for the work before the first one.
#: A longer time is caused by another program on the processor, and will rarely occur again at once.
MAXIMUM_STEP = 2_000
MAXIMUM_LEAD = 20_000

#: A prediction grows by the difference divided by this.  It falls at once: an early T3 counts as
#: network delay, as in a single reply, but a late T3 may make that negative.
GROWTH = 8


class DepartureTimes:
    """
    The predicted departures of the replies of one socket.

    Call L{take}, L{written} and L{sent} for each batch of replies.
    """

    def __init__(self, nanoclock: Callable[[], int]) -> None:
        """@param nanoclock: nanoseconds since 1970."""
        self._nanoclock = nanoclock
        self._lead = 0
        self._step = 0
        self._replies = 0
        self._when = 0
        # The packed seconds of the last batch, kept because the second is nearly always the same.
        self._second = 0
        self._seconds = b""

    def take(self, replies: int) -> tuple[bytes, bytes]:
        """Return the departures in packet format: all seconds, and all fractions."""
        self._when = now = self._nanoclock()
        second, nanoseconds = divmod(now + self._lead, NANOSECONDS)
        if second != self._second or replies != self._replies:
            self._second, self._replies = second, replies
            self._seconds = packedSecond(second) * replies
        # In units of a packet's fraction.  The few times of the next second stay in this one.
        first = (nanoseconds << 32) // NANOSECONDS
        step = min((self._step << 32) // NANOSECONDS, (LOW_32 - first) // replies)
        fractions = range(first, first + step * replies, step) if step else (first,) * replies
        return self._seconds, repeated(">I", replies).pack(*fractions)

    def written(self) -> None:
        """Note that the times are in the replies, which are sent now."""
        now = self._nanoclock()
        self._lead = _follow(self._lead, min(now - self._when, MAXIMUM_LEAD))
        self._when = now

    def sent(self) -> None:
        """Note that the replies have been sent."""
        each = (self._nanoclock() - self._when) // self._replies
        self._step = _follow(self._step, min(each, MAXIMUM_STEP))


def _follow(foreseen: int, measured: int) -> int:
    # The clock may have been set back meanwhile.
    more = max(0, measured) - foreseen
    return foreseen + min(more, more // GROWTH)
