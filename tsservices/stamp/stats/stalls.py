"""Times in which this program did not run: it was stopped, starved, or the system slept."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

#: Stalls that are kept separately; the earlier ones are only counted.
MAXIMUM_STALLS = 16


@dataclass(frozen=True, slots=True)
class Stall:
    """A time in which this program did not run; in nanoseconds."""

    #: The last activity before it, since the start of the run.
    time: int
    #: Until the first activity after it.
    duration: int
    #: The part in which the system slept; the monotonic clock stood still then.
    slept: int = 0


class Stalls:
    """The stalls of a run and their effects, in bounded memory."""

    def __init__(self) -> None:
        #: The newest, in order.
        self.newest: deque[Stall] = deque(maxlen=MAXIMUM_STALLS)
        self.count = 0
        #: Nanoseconds.
        self.total = 0
        self.longest = 0
        self.slept = 0
        #: Packets that were due during a stall, and were not sent.
        self.skipped = 0
        #: Replies that were under way during a stall, so that the round trip of an application is
        #: unknown.
        self.unmeasured = 0
        #: Datagrams that this host dropped, at any time, because its buffer was full.
        self.overflowed = 0

    def add(self, stall: Stall) -> None:
        self.newest.append(stall)
        self.count += 1
        self.total += stall.duration
        self.longest = max(self.longest, stall.duration)
        self.slept += stall.slept
