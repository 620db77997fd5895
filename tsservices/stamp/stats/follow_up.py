"""
Follow-up.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import NamedTuple

from tsservices.stamp.stats.result import ProbeResult, ProbeState

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
    stamps = outcome.stamps
    if stamps is None or stamps.arrived is None or stamps.returned is None:
        return outcome
    if left < stamps.returned or left - stamps.arrived > stamps.received - stamps.sent:
        return outcome
    return replace(outcome, stamps=replace(stamps, returned=left, written=stamps.returned))


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
