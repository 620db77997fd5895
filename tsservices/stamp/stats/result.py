"""
The result of one packet, and the delays that follow from its four times.

    this host    T1 ----------.              .--------> T4
                               \\            /
    reflector                   '-> T2 .. T3
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from tsservices.stamp.stats.errors import ErrorReport
from tsservices.stamp.stats.marks import Marks

#: Nanoseconds by which the difference of this host's wall clock and monotonic clock may change from
#: a packet to its reply.  If it changes more, the wall clock was set in between.
MAXIMUM_BASE_CHANGE = 100_000

#: Nanoseconds by which a round trip by the wall clock may be longer than by the monotonic clock.
#: If it is more, the wall clock was set in between.
MAXIMUM_CLOCK_STEP = 1_000_000


class ProbeState(Enum):
    """The result of a packet.  The values are public: they are C{state} in JSON and CSV."""

    OK = "ok"
    #: The reply came after the packet was counted as lost.
    LATE = "late"
    #: Another reply to the same packet.
    DUPLICATE = "duplicate"
    TIMEOUT = "timeout"
    #: The other host reported that no program listens there.
    REFUSED = "refused"
    #: The network, or this system, reported that there is no route.
    UNREACHABLE = "unreachable"


class Timestamps(NamedTuple):
    """The four times of an exchange, in nanoseconds since 1970."""

    #: T1 and T4, by this host's clock.
    sent: int
    received: int
    #: T2 and T3, by the reflector's clock; L{None} if the protocol has none.
    reflectorReceived: int | None = None
    reflectorSent: int | None = None
    #: Who took T1 and T4: C{k} the kernel, C{u} this program.
    clocks: str = "uu"
    #: T3 of the packet, if C{reflectorSent} is instead the real departure, which the next reply
    #: contained.
    writtenT3: int | None = None


class Delays(NamedTuple):
    """Delays from the four times, in nanoseconds; L{None} where a time is unknown."""

    #: The round trip: (T4 - T1) - (T3 - T2).
    network: int | None = None
    #: T3 - T2.
    server: int | None = None
    #: T2 - T1 and T4 - T3, which contain the offset of the clocks and may be negative.
    up: int | None = None
    down: int | None = None
    #: ((T2 - T1) + (T3 - T4)) / 2: the reflector's clock minus this host's.
    offset: int | None = None


def delaysOf(timestamps: Timestamps | None, application: int | None) -> Delays:
    """
    Compute the delays; all are unknown if the times contradict each other (a clock was set).

    @param application: the round trip by the monotonic clock, in nanoseconds.
    """
    if timestamps is None:
        return Delays()
    t1, t4 = timestamps.sent, timestamps.received
    t2, t3 = timestamps.reflectorReceived, timestamps.reflectorSent
    total = t4 - t1
    if total < 0 or (application is not None and total > application + MAXIMUM_CLOCK_STEP):
        return Delays()
    if t2 is None or t3 is None:
        return Delays(network=total)
    server = t3 - t2
    if not 0 <= server <= total:
        return Delays()
    up, down = t2 - t1, t4 - t3
    return Delays(total - server, server, up, down, (up - down) // 2)


# A tuple: creating a frozen dataclass of that many fields takes four times as long, per packet.
class ProbeResult(NamedTuple):
    """The result of one packet.  Unknown values are L{None}."""

    #: The number of the packet, from 0.
    sequence: int
    state: ProbeState
    #: When the packet was sent: nanoseconds since the start of the run, and since 1970.
    sentOffset: int
    sentAt: int
    #: The round trip as measured by this program, in nanoseconds.
    application: int | None = None
    timestamps: Timestamps | None = None
    #: The number that the reflector gave to the reply.
    reflectorSequence: int | None = None
    #: Octets of the reply, and its TTL.
    size: int | None = None
    ttl: int | None = None
    #: Why there was no reply, in words.
    reason: str = ""
    #: This host's wall clock minus its time since boot, at the packet and at the reply: it changes
    #: only when the clock is set.
    sentBase: int | None = None
    receivedBase: int | None = None
    #: Whether this program did not run for a part of the time between packet and reply.
    stalled: bool = False
    #: The report of the error, if there was one.
    error: ErrorReport | None = None
    #: DSCP and ECN in both directions, if the packet requested them.
    marks: Marks | None = None

    @property
    def delays(self) -> Delays:
        """The delays that follow from the timestamps."""
        return delaysOf(None if self.clockSet else self.timestamps, self.application)

    @property
    def clockSet(self) -> bool:
        """Whether this host's clock was set between the packet and the reply."""
        sent, received = self.sentBase, self.receivedBase
        return (
            sent is not None and received is not None and abs(received - sent) > MAXIMUM_BASE_CHANGE
        )

    @property
    def followUpDelay(self) -> int | None:
        """Nanoseconds from T3 in the packet to the real departure; L{None} if that is unknown."""
        times = self.timestamps
        if times is None or times.writtenT3 is None or times.reflectorSent is None:
            return None
        return times.reflectorSent - times.writtenT3
