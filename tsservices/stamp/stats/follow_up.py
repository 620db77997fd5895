"""
Follow-Up Telemetry at the sender: the departure of a reply comes with the next one.

A reply is held until the next one comes.  If that brings the time at which the held one left, that
time becomes T3; if not, T3 as it was written into the packet stays.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from tsservices.stamp.stats.result import ProbeResult, ProbeState

#: A reply whose number is this far behind the held one at most was overtaken by it; one that is
#: farther behind is of a reflector that was started again.
MAXIMUM_REORDERING = 16

#: Times kept of replies that are still on their way.
MAXIMUM_DEPARTURES = 64

#: So many replies in a row that could bring a time and do not, and replies are no longer held.
MAXIMUM_MISSES = 3


class FollowUpInfo(NamedTuple):
    """The Follow-Up Telemetry of a reply: about the reply before it."""

    #: The reflector's number of that one.
    sequence: int
    #: When it left, in nanoseconds since 1970; L{None} if the reflector does not know.
    departure: int | None


def withDeparture(result: ProbeResult, departure: int) -> ProbeResult:
    """
    The result with this time as T3.  It stays as it is if that cannot be true, as when a clock was
    set in between or the time is of another clock.
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
        # Whether any reply brought a time.
        self._answered = False

    @property
    def wantsNext(self) -> bool:
        """Whether a reply is held, and there is hope that the next one would bring its time."""
        # The first reply of a session knows of none before it.
        return self._waiting is not None and (self._answered or self._misses <= 1)

    def finish(
        self, reflectorSequence: int | None, followUp: FollowUpInfo | None
    ) -> list[ProbeResult]:
        """As L{add}, for a reply that is only there to bring the time of the one before it."""
        if followUp is not None:
            self._addDeparture(followUp)
        return self._completeWaiting(reflectorSequence)

    def add(self, result: ProbeResult, followUp: FollowUpInfo | None) -> list[ProbeResult]:
        """
        The results of which nothing better will be known any more.

        @param followUp: what this reply says of another; L{None} if the reflector does not know
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
        """What is no longer held, since the reply to this packet would have brought its time."""
        if self._waiting is not None and self._waiting.sequence < sequence:
            return self.release()
        return []

    def release(self) -> list[ProbeResult]:
        """The results that are still held; nothing more will come."""
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
                # An older reply came late; the next one may still bring the time.
                return []
        return self.release()
