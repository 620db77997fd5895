"""
What became of one packet that was sent to measure with.  Pure.

Which reply tells of which when it left.  Pure.

A reply is held until the next one comes, which brings the time at which it left; or does
not, and then T3 as it was written into the packet counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

#: Nanoseconds by which a round trip between two stamps of the wall clock may exceed the same on the
#: monotonic clock, before the wall clock must have been set in between.
MOST_STEP = 1_000_000


class ProbeState(Enum):
    """
    What became of it.

    @cvar OK: the reply came in time.
    @cvar LATE: the reply came, after the packet was counted as lost.
    @cvar DUPLICATE: one more reply.
    @cvar TIMEOUT: no reply in time.
    @cvar REFUSED: the other host says that nobody listens there.
    @cvar UNREACHABLE: the network, or this system, says that there is no way.
    """

    OK = "ok"
    LATE = "late"
    DUPLICATE = "duplicate"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Timestamps:
    """
    The four times of an exchange, in nanoseconds since 1970.  T2 and T3 are of the other
    clock, and missing when the other side does not tell them.

    @ivar sent: T1, of this clock.
    @ivar arrived: T2.
    @ivar returned: T3.
    @ivar received: T4, of this clock.
    @ivar clocks: whose stamps T1 and T4 are: C{k} the kernel's, C{u} this program's.
    @ivar written: T3 as the packet has it, when C{returned} is what the reflector told of it
        later: when it has really left.
    """

    sent: int
    received: int
    arrived: int | None = None
    returned: int | None = None
    clocks: str = "uu"
    written: int | None = None


@dataclass(frozen=True, slots=True)
class Delays:
    """
    What follows from the four times; all in nanoseconds.

    @ivar network: the round trip d = (T4 - T1) - (T3 - T2).
    @ivar server: T3 - T2.
    @ivar up: T2 - T1, which contains the offset of the clocks and may be negative.
    @ivar down: T4 - T3, the same.
    @ivar offset: o = ((T2 - T1) + (T3 - T4)) / 2: the other clock less this one.
    """

    network: int | None = None
    server: int | None = None
    up: int | None = None
    down: int | None = None
    offset: int | None = None


def timing(stamps: Timestamps | None, application: int | None) -> Delays:
    """
    What follows; nothing when the times contradict each other, as they do when a clock is set
    during the exchange.
    """
    if stamps is None:
        return Delays()
    whole = stamps.received - stamps.sent
    if whole < 0 or (application is not None and whole > application + MOST_STEP):
        return Delays()
    if stamps.arrived is None or stamps.returned is None:
        return Delays(network=whole)
    server = stamps.returned - stamps.arrived
    if not 0 <= server <= whole:
        return Delays()
    up, down = stamps.arrived - stamps.sent, stamps.received - stamps.returned
    return Delays(whole - server, server, up, down, (up - down) // 2)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """
    What became of one packet.

    @ivar sequence: its number, from 0.
    @ivar state: what became of it.
    @ivar sentOffset: when it was sent, in nanoseconds since the start.
    @ivar sentAt: when it was sent, in nanoseconds since 1970.
    @ivar application: the round trip as this program saw it, in nanoseconds.
    @ivar stamps: the four times; L{None} without a reply.
    @ivar reflectorSequence: the reflector's own number of the reply.
    @ivar size: bytes of the reply.
    @ivar ttl: that the packet had left when it arrived there, or of the reply; L{None}
        when unknown.
    @ivar reason: in words, when there was no reply.
    """

    sequence: int
    state: ProbeState
    sentOffset: int
    sentAt: int
    application: int | None = None
    stamps: Timestamps | None = None
    reflectorSequence: int | None = None
    size: int | None = None
    ttl: int | None = None
    reason: str = ""

    @property
    def timing(self) -> Delays:
        """What follows from the stamps."""
        return timing(self.stamps, self.application)

    @property
    def followUp(self) -> int | None:
        """
        Nanoseconds from T3 in the packet to the moment at which the reply left; L{None} when
        that moment is not known, and T3 in the packet counts.
        """
        if self.stamps is None or self.stamps.written is None or self.stamps.returned is None:
            return None
        return self.stamps.returned - self.stamps.written
