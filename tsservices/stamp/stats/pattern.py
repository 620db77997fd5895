"""Detection of losses at regular intervals, as those caused by a rate limit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from statistics import median_low

#: Runs of lost packets, and of received ones, that are remembered.
REMEMBERED_RUNS = 64

#: Runs needed to show regularity.  Short runs of random losses are often alike, long ones rarely.
SHORT_RUNS = 48
LONG_RUNS = 5

#: Packets of a long run, at least.
LONG = 10

#: The share of the runs whose length may differ from that of the others.
EXCEPTIONS = 1 / 16


class LossPattern:
    """The lengths of the last runs of lost and of received packets."""

    def __init__(self) -> None:
        self._runs: dict[bool, deque[int]] = {
            lost: deque(maxlen=REMEMBERED_RUNS) for lost in (False, True)
        }
        self._lost = False
        self._length = 0
        self._begun = False

    def add(self, lost: bool) -> None:
        """Count a packet; to be called in the order of sending."""
        if lost is not self._lost:
            # The first run may be the burst that a rate limit allows at the beginning.
            if self._begun:
                self._runs[self._lost].append(self._length)
            self._begun = self._begun or self._length > 0
            self._lost = lost
            self._length = 0
        self._length += 1

    @property
    def passing(self) -> float | None:
        """The share of packets that a regular pattern lets through; L{None} if there is none."""
        received, lost = self._runs[False], self._runs[True]
        if not received or not lost:
            return None
        longer = max(median_low(received), median_low(lost))
        needed = LONG_RUNS if longer >= LONG else SHORT_RUNS
        if min(len(received), len(lost)) < needed or not (_alike(received) and _alike(lost)):
            return None
        count = min(len(received), len(lost))
        passed, dropped = sum(list(received)[-count:]), sum(list(lost)[-count:])
        return passed / (passed + dropped)


def _alike(lengths: Iterable[int]) -> bool:
    values = list(lengths)
    middle = median_low(values)
    others = sum(abs(value - middle) > max(1, middle / 10) for value in values)
    return others <= EXCEPTIONS * len(values)
