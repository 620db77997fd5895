"""
Follow-Up Telemetry at the sender: the next reply contains the departure of the previous one.

A reply is held until the next one arrives.  If that one contains the departure of the held reply,
the departure replaces T3; if not, T3 of the packet is used.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from tsservices.stamp.stats.result import ProbeResult, ProbeState

#: A reply whose number is at most this far behind the held one was overtaken by it; if the number
#: is farther behind, the reflector was restarted.
MAXIMUM_REORDERING = 16

#: Departures that are kept for replies that have not arrived yet.
MAXIMUM_DEPARTURES = 64

#: After this many replies in a row without a departure, replies are no longer held.
MAXIMUM_MISSES = 3


class FollowUpInfo(NamedTuple):
    """The Follow-Up Telemetry of a reply, about the previous reply."""

    #: The reflector's number of the previous reply.
    sequence: int
    #: Its departure, in nanoseconds since 1970; L{None} if the reflector does not know it.
    departure: int | None


def withDeparture(result: ProbeResult, departure: int) -> ProbeResult:
    """
    Return the result with this time as T3, or the unchanged result if that is impossible: a clock
    was set in between, or the time is of another clock.
    """
    times = result.timestamps
    if times is None or times.reflectorReceived is None or times.reflectorSent is None:
        return result
    t3 = times.reflectorSent
    if departure < t3 or departure - times.reflectorReceived > times.received - times.sent:
        return result
    return result._replace(timestamps=times._replace(reflectorSent=departure, writtenT3=t3))


class FollowUpMatcher:
    """The replies of one session; at most one of them is held."""

    def __init__(self) -> None:
        self._waiting: ProbeResult | None = None
        self._departures: OrderedDict[int, int] = OrderedDict()
        self._misses = 0
        # Whether any reply contained a departure.
        self._answered = False

    @property
    def wantsNext(self) -> bool:
        """Whether a reply is held, and the next one may contain its departure."""
        # The first reply of a session has no previous reply to report.
        return self._waiting is not None and (self._answered or self._misses <= 1)

    def finish(
        self, reflectorSequence: int | None, followUp: FollowUpInfo | None
    ) -> list[ProbeResult]:
        """Like L{add}, for a reply only requested for the departure of the previous one."""
        if followUp is not None:
            self._addDeparture(followUp)
        return self._completeWaiting(reflectorSequence)

    def add(self, result: ProbeResult, followUp: FollowUpInfo | None) -> list[ProbeResult]:
        """
        Add a result, and return the results that are final.

        @param followUp: what this reply reports of another; L{None} if the reflector does not know
            the extension.
        """
        if followUp is not None:
            self._addDeparture(followUp)
        ready = self._completeWaiting(result.reflectorSequence)
        departure = self._departureOf(result)
        if result.state is not ProbeState.OK:
            ready.append(result)
        elif departure is not None:
            # The next reply has overtaken this one.
            ready.append(withDeparture(result, departure))
        elif followUp is None or self._misses >= MAXIMUM_MISSES or self._waiting is not None:
            ready.append(result)
        else:
            self._waiting = result
        return ready

    def failed(self, sequence: int) -> list[ProbeResult]:
        """Return the held result if the reply to this packet would have contained its departure."""
        if self._waiting is not None and self._waiting.sequence < sequence:
            return self.release()
        return []

    def release(self) -> list[ProbeResult]:
        """Return the results that are still held, since no more replies follow."""
        waiting, self._waiting = self._waiting, None
        return [] if waiting is None else [waiting]

    def _addDeparture(self, followUp: FollowUpInfo) -> None:
        if followUp.departure is None:
            self._misses += 1
            return
        self._misses = 0
        self._answered = True
        self._departures[followUp.sequence] = followUp.departure
        if len(self._departures) > MAXIMUM_DEPARTURES:
            self._departures.popitem(last=False)

    def _departureOf(self, result: ProbeResult) -> int | None:
        number = result.reflectorSequence
        return None if number is None else self._departures.get(number)

    def _completeWaiting(self, reflectorSequence: int | None) -> list[ProbeResult]:
        waiting = self._waiting
        if waiting is None or waiting.reflectorSequence is None:
            return self.release()
        departure = self._departureOf(waiting)
        if departure is not None:
            self._waiting = None
            return [withDeparture(waiting, departure)]
        if reflectorSequence is not None:
            behind = waiting.reflectorSequence - reflectorSequence
            if 0 <= behind <= MAXIMUM_REORDERING:
                # An older reply arrived late; the next one may still contain the departure.
                return []
        return self.release()
