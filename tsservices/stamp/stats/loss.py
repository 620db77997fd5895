"""
On which way packets were lost, doubled or reordered.  Pure.

A stateful reflector numbers its replies by a counter of its own, from 0.  Up to any reply,
what it has not counted was lost on the way up, and what it has counted and did not arrive
was lost on the way down.  A stateless one repeats the sender's number, and then nobody
can know.  As long as all numbers are equal it may be either, and nothing is claimed.

How many packets in a row are lost.  Pure.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum

from tsservices.stamp.stats.distribution import Histogram

#: How many replies, and how many sequence numbers back, doubles are recognized.
WINDOW = 4096

#: How far a reflector's counter may be ahead of the sender's before it counts something else:
#: packets that overtook others are ahead for a moment.
SLACK = 64


class ReplyKind(Enum):
    """
    What a reply is beside those before it.

    @cvar FIRST: the first to its packet.
    @cvar DUPLICATE: another to the same.
    @cvar STRAY: to a packet so old that nobody knows.
    """

    FIRST = "first"
    DUPLICATE = "duplicate"
    STRAY = "stray"


class DirectionalLoss:
    """
    The account of one session.

    @ivar stateful: whether the reflector counts; L{None} as long as nothing shows it.
    @ivar duplicates: replies beyond the first.
    @ivar reordered: first replies to packets sent before one that was answered earlier
        (RFC 4737).
    """

    def __init__(self, stateful: bool | None = None) -> None:
        self.stateful = stateful
        self.duplicates = 0
        self.reordered = 0
        self._told = stateful is not None
        self._contradicted = False
        self._answered: OrderedDict[int, None] = OrderedDict()
        self._counted: OrderedDict[int, None] = OrderedDict()
        self._firsts = 0
        self._distinct = 0
        self._highest = -1
        self._highestCounted = -1
        self._duplicatesUp = 0
        self._reorderedUp = 0
        self._reorderedDown = 0
        self._errors = 0
        self._tailErrors = 0
        self._lastError = -1

    def add(self, sequence: int, counted: int | None) -> ReplyKind:
        """
        What it is.

        @param counted: the reflector's number of the reply; L{None} if it has none.
        """
        again = sequence in self._answered
        if not again and self._highest - sequence >= WINDOW:
            return ReplyKind.STRAY
        fresh = self._count(sequence, counted, again)
        if again:
            self.duplicates += 1
            self._duplicatesUp += fresh
            return ReplyKind.DUPLICATE
        if sequence < self._highest:
            self.reordered += 1
            self._reorderedUp += counted is not None and counted > self._highestCounted
        self._reorderedDown += counted is not None and counted < self._highestCounted
        self._firsts += 1
        _remember(self._answered, sequence)
        if sequence > self._highest:
            self._highest = sequence
            if sequence > self._lastError:
                self._errors += self._tailErrors
                self._tailErrors = 0
        if counted is not None:
            self._highestCounted = max(self._highestCounted, counted)
        return ReplyKind.FIRST

    def refused(self, sequence: int) -> None:
        """A packet's fate was told by the network itself: it is no loss to find a way for."""
        self._lastError = max(self._lastError, sequence)
        if sequence < self._highest:
            self._errors += 1
        else:
            self._tailErrors += 1

    def _count(self, sequence: int, counted: int | None, again: bool) -> bool:
        """Look at a reply's own number."""
        if counted is None:
            return False
        if counted != sequence and not self._told:
            self.stateful = True
        fresh = counted not in self._counted
        # One number for two packets, or one far away from the rest: it began anew, or
        # counts something else.
        if (
            (not fresh and not again)
            or counted < self._highestCounted - WINDOW
            or counted > max(sequence, self._highest) + self.duplicates + SLACK
        ):
            self._contradicted = True
        if fresh:
            _remember(self._counted, counted)
            self._distinct += 1
            if again:
                self._highestCounted = max(self._highestCounted, counted)
        return fresh

    @property
    def known(self) -> bool:
        """Whether the two ways can be told apart."""
        return bool(self.stateful) and not self._contradicted and self._upward() >= 0

    def _upward(self) -> int:
        counted = self._highestCounted + 1 - self._duplicatesUp
        return self._highest + 1 - counted - self._errors

    @property
    def lostUp(self) -> int | None:
        """Packets that did not reach the reflector; L{None} if nobody can know."""
        return self._upward() if self.known else None

    @property
    def lostDown(self) -> int | None:
        """Replies that did not arrive; L{None} if nobody can know."""
        return self._highestCounted + 1 - self._distinct if self.known else None

    @property
    def duplicatesUp(self) -> int | None:
        """Packets that reached the reflector twice; L{None} if nobody can know."""
        return self._duplicatesUp if self.known else None

    @property
    def duplicatesDown(self) -> int | None:
        """Replies that arrived twice; L{None} if nobody can know."""
        return self.duplicates - self._duplicatesUp if self.known else None

    @property
    def reorderedUp(self) -> int | None:
        """Packets that were overtaken on the way up; L{None} if nobody can know."""
        return self._reorderedUp if self.known else None

    @property
    def reorderedDown(self) -> int | None:
        """Replies that were overtaken on the way down; L{None} if nobody can know."""
        return self._reorderedDown if self.known else None


def _remember(seen: OrderedDict[int, None], number: int) -> None:
    seen[number] = None
    if len(seen) > WINDOW:
        seen.popitem(last=False)


class LossBursts:
    """
    The lengths of runs of lost packets.

    What becomes of packets is told in any order and looked at in the order of sending;
    memory is bounded by how many are on their way at once.

    @ivar lengths: of the runs that have ended.
    """

    def __init__(self) -> None:
        """Start before the packet with sequence number 0."""
        self.lengths = Histogram()
        self._next = 0
        self._early: dict[int, bool] = {}
        self._current = 0

    def settle(self, sequence: int, lost: bool) -> None:
        self._early[sequence] = lost
        while (known := self._early.pop(self._next, None)) is not None:
            self._next += 1
            if known:
                self._current += 1
            elif self._current:
                self.lengths.add(self._current)
                self._current = 0

    def summary(self) -> Histogram:
        """The lengths, with the run that has not ended."""
        lengths = self.lengths.copy()
        if self._current:
            lengths.add(self._current)
        return lengths
