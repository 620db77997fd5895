"""
What became of one packet that was sent to measure with.  Pure.

Which reply tells of which when it left.  Pure.

A reply is held until the next one comes, which brings the time at which it left; or does
not, and then T3 as it was written into the packet counts.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

#: Nanoseconds by which a round trip between two stamps of the wall clock may exceed the same on the
#: monotonic clock, before the wall clock must have been set in between.
MAXIMUM_CLOCK_STEP = 1_000_000


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
    @ivar reflectorReceived: T2.
    @ivar reflectorSent: T3.
    @ivar received: T4, of this clock.
    @ivar clocks: whose stamps T1 and T4 are: C{k} the kernel's, C{u} this program's.
    @ivar writtenT3: T3 as the packet has it, when C{returned} is what the reflector told of it
        later: when it has really left.
    """

    sent: int
    received: int
    reflectorReceived: int | None = None
    reflectorSent: int | None = None
    clocks: str = "uu"
    writtenT3: int | None = None


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


def delaysOf(timestamps: Timestamps | None, application: int | None) -> Delays:
    """
    What follows; nothing when the times contradict each other, as they do when a clock is set
    during the exchange.
    """
    if timestamps is None:
        return Delays()
    whole = timestamps.received - timestamps.sent
    if whole < 0 or (application is not None and whole > application + MAXIMUM_CLOCK_STEP):
        return Delays()
    if timestamps.reflectorReceived is None or timestamps.reflectorSent is None:
        return Delays(network=whole)
    server = timestamps.reflectorSent - timestamps.reflectorReceived
    if not 0 <= server <= whole:
        return Delays()
    up, down = (
        timestamps.reflectorReceived - timestamps.sent,
        timestamps.received - timestamps.reflectorSent,
    )
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
    @ivar timestamps: the four times; L{None} without a reply.
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
    timestamps: Timestamps | None = None
    reflectorSequence: int | None = None
    size: int | None = None
    ttl: int | None = None
    reason: str = ""

    @property
    def delays(self) -> Delays:
        """What follows from the stamps."""
        return delaysOf(self.timestamps, self.application)

    @property
    def followUpDelay(self) -> int | None:
        """
        Nanoseconds from T3 in the packet to the moment at which the reply left; L{None} when
        that moment is not known, and T3 in the packet counts.
        """
        if (
            self.timestamps is None
            or self.timestamps.writtenT3 is None
            or self.timestamps.reflectorSent is None
        ):
            return None
        return self.timestamps.reflectorSent - self.timestamps.writtenT3


#: A reply whose number is this far behind the held one at most was overtaken by it; one farther
#: behind is of a reflector that has begun anew.
OVERTAKEN = 16

#: Times kept of replies that are still on their way.
EARLY = 64

#: Replies in a row that could tell a time and do not, until it is no longer waited for.
MISSES = 3


class FollowUpInfo(NamedTuple):
    """
    What a reply tells of the one before it.

    @ivar number: of that, by the reflector's own count.
    @ivar when: it left, in nanoseconds since 1970; L{None} if this is not known there.
    """

    number: int
    when: int | None


def completed(outcome: ProbeResult, left: int) -> ProbeResult:
    """
    The same with that as T3; or just the same if that cannot be, as when a clock was set in
    between or the time is of another clock.
    """
    stamps = outcome.timestamps
    if stamps is None or stamps.reflectorReceived is None or stamps.reflectorSent is None:
        return outcome
    if (
        left < stamps.reflectorSent
        or left - stamps.reflectorReceived > stamps.received - stamps.sent
    ):
        return outcome
    return replace(
        outcome, timestamps=replace(stamps, reflectorSent=left, writtenT3=stamps.reflectorSent)
    )


class FollowUpMatcher:
    """The replies of one session."""

    def __init__(self) -> None:
        """Nothing is held."""
        self._held: ProbeResult | None = None
        self._early: OrderedDict[int, int] = OrderedDict()
        self._misses = 0

    def arrived(self, outcome: ProbeResult, told: FollowUpInfo | None) -> list[ProbeResult]:
        """
        Of which packets nothing better will be known any more.

        @param told: what this reply tells of another; L{None} if its sender does not know
            how to.
        """
        if told is not None:
            self._note(told)
        ready = self._freed(outcome.reflectorSequence)
        left = (
            None
            if outcome.reflectorSequence is None
            else self._early.get(outcome.reflectorSequence)
        )
        if outcome.state is not ProbeState.OK:
            ready.append(outcome)
        elif left is not None:
            ready.append(completed(outcome, left))
        elif told is None or self._misses >= MISSES or self._held is not None:
            ready.append(outcome)
        else:
            self._held = outcome
        return ready

    def failed(self, sequence: int) -> list[ProbeResult]:
        """What need not be held any more: it could have told."""
        if self._held is not None and self._held.sequence < sequence:
            return self.release()
        return []

    def release(self) -> list[ProbeResult]:
        """What is held."""
        held, self._held = self._held, None
        return [] if held is None else [held]

    def _note(self, told: FollowUpInfo) -> None:
        if told.when is None:
            self._misses += 1
            return
        self._misses = 0
        self._early[told.number] = told.when
        if len(self._early) > EARLY:
            self._early.popitem(last=False)

    def _freed(self, counted: int | None) -> list[ProbeResult]:
        held = self._held
        if held is None or held.reflectorSequence is None:
            return self.release()
        left = self._early.get(held.reflectorSequence)
        if left is not None:
            self._held = None
            return [completed(held, left)]
        if counted is not None and 0 <= held.reflectorSequence - counted <= OVERTAKEN:
            return []
        return self.release()
