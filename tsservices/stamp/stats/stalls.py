"""Times in which this program did not run: it was stopped, starved, or the system slept."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

#: Stalls that are kept one by one; the earlier ones are only counted.
MAXIMUM_STALLS = 16


@dataclass(frozen=True, slots=True)
class Stall:
    """This program did not run; in nanoseconds."""

    #: Since the start of the run: the last sign of life before it.
    time: int
    #: To the first sign of life after it.
    duration: int
    #: How long of that the system slept; the monotonic clock stood still then.
    slept: int = 0


class Stalls:
    """The stalls of a run and what they cost, in bounded memory."""

    def __init__(self) -> None:
        #: The newest, in order.
        self.newest: deque[Stall] = deque(maxlen=MAXIMUM_STALLS)
        self.count = 0
        #: Nanoseconds.
        self.total = 0
        self.longest = 0
        self.slept = 0
        #: Packets that were due in one, and were not sent.
        self.skipped = 0
        #: Replies that were in the air in one, so that nobody knows how long a program would wait
        #: for them.
        self.unmeasured = 0
        #: Datagrams that this host dropped at any time, since its buffer was full.
        self.overflowed = 0

    def add(self, stall: Stall) -> None:
        self.newest.append(stall)
        self.count += 1
        self.total += stall.duration
        self.longest = max(self.longest, stall.duration)
        self.slept += stall.slept
