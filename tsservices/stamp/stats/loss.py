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
        self._kindGiven = stateful is not None
        self._contradicted = False
        self._answeredSequences: OrderedDict[int, None] = OrderedDict()
        self._reflectorSequences: OrderedDict[int, None] = OrderedDict()
        self._firsts = 0
        self._distinctReplies = 0
        self._highest = -1
        self._highestReflectorSequence = -1
        self._duplicatesUp = 0
        self._reorderedUp = 0
        self._reorderedDown = 0
        self._errors = 0
        self._tailErrors = 0
        self._lastError = -1

    def add(self, sequence: int, reflectorSequence: int | None) -> ReplyKind:
        """
        What it is.

        @param reflectorSequence: the reflector's number of the reply; L{None} if it has none.
        """
        again = sequence in self._answeredSequences
        if not again and self._highest - sequence >= WINDOW:
            return ReplyKind.STRAY
        fresh = self._addReflectorSequence(sequence, reflectorSequence, again)
        if again:
            self.duplicates += 1
            self._duplicatesUp += fresh
            return ReplyKind.DUPLICATE
        if sequence < self._highest:
            self.reordered += 1
            self._reorderedUp += (
                reflectorSequence is not None and reflectorSequence > self._highestReflectorSequence
            )
        self._reorderedDown += (
            reflectorSequence is not None and reflectorSequence < self._highestReflectorSequence
        )
        self._firsts += 1
        _remember(self._answeredSequences, sequence)
        if sequence > self._highest:
            self._highest = sequence
            if sequence > self._lastError:
                self._errors += self._tailErrors
                self._tailErrors = 0
        if reflectorSequence is not None:
            self._highestReflectorSequence = max(self._highestReflectorSequence, reflectorSequence)
        return ReplyKind.FIRST

    def addError(self, sequence: int) -> None:
        """A packet's fate was told by the network itself: it is no loss to find a way for."""
        self._lastError = max(self._lastError, sequence)
        if sequence < self._highest:
            self._errors += 1
        else:
            self._tailErrors += 1

    def _addReflectorSequence(
        self, sequence: int, reflectorSequence: int | None, duplicate: bool
    ) -> bool:
        """Look at a reply's own number."""
        if reflectorSequence is None:
            return False
        if reflectorSequence != sequence and not self._kindGiven:
            self.stateful = True
        fresh = reflectorSequence not in self._reflectorSequences
        # One number for two packets, or one far away from the rest: it began anew, or
        # counts something else.
        if (
            (not fresh and not duplicate)
            or reflectorSequence < self._highestReflectorSequence - WINDOW
            or reflectorSequence > max(sequence, self._highest) + self.duplicates + SLACK
        ):
            self._contradicted = True
        if fresh:
            _remember(self._reflectorSequences, reflectorSequence)
            self._distinctReplies += 1
            if duplicate:
                self._highestReflectorSequence = max(
                    self._highestReflectorSequence, reflectorSequence
                )
        return fresh

    @property
    def known(self) -> bool:
        """Whether the two ways can be told apart."""
        return bool(self.stateful) and not self._contradicted and self._missingUp() >= 0

    def _missingUp(self) -> int:
        counted = self._highestReflectorSequence + 1 - self._duplicatesUp
        return self._highest + 1 - counted - self._errors

    @property
    def lostUp(self) -> int | None:
        """Packets that did not reach the reflector; L{None} if nobody can know."""
        return self._missingUp() if self.known else None

    @property
    def lostDown(self) -> int | None:
        """Replies that did not arrive; L{None} if nobody can know."""
        return self._highestReflectorSequence + 1 - self._distinctReplies if self.known else None

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
        self._outOfOrder: dict[int, bool] = {}
        self._current = 0

    def add(self, sequence: int, lost: bool) -> None:
        self._outOfOrder[sequence] = lost
        while (known := self._outOfOrder.pop(self._next, None)) is not None:
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
