"""
Loss: in which direction packets were lost, doubled or reordered, and how many in a row.

A stateful reflector numbers its replies by a counter of its own, from 0.  Up to any reply,
what it has not counted was lost on the way up, and what it has counted and did not arrive
was lost on the way down.  A stateless one repeats the sender's number, and then nobody
can know.  As long as all numbers are equal it may be either kind, and nothing is claimed.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum

from tsservices.stamp.stats.distribution import Histogram

#: How many replies, and how many sequence numbers back, duplicates are recognized.
WINDOW = 4096

#: How far a reflector's counter may be ahead of the sender's: packets that overtook others are
#: ahead for a moment.  If it is farther ahead, it does not count the packets of this session.
SLACK = 64


class ReplyKind(Enum):
    """A reply, compared with those before it."""

    FIRST = "first"
    #: One more reply to the same packet.
    DUPLICATE = "duplicate"
    #: To a packet that was never sent, or is forgotten.
    STRAY = "stray"


class DirectionalLoss:
    """The loss of one session by direction."""

    def __init__(self, stateful: bool | None = None) -> None:
        #: Whether the reflector counts; L{None} as long as nothing shows it.
        self.stateful = stateful
        #: Replies beyond the first.
        self.duplicates = 0
        #: First replies to packets sent before one that was answered earlier (RFC 4737).
        self.reordered = 0
        self._kindGiven = stateful is not None
        self._contradicted = False
        # Numbers of the packets answered, and of the replies: a window of each.
        self._answered: OrderedDict[int, None] = OrderedDict()
        self._replies: OrderedDict[int, None] = OrderedDict()
        self._distinctReplies = 0
        self._highest = -1
        self._highestReply = -1
        self._duplicatesUp = 0
        self._reorderedUp = 0
        self._reorderedDown = 0
        # Errors before the last reply, and those after it, which do not explain a gap yet.
        self._errors = 0
        self._tailErrors = 0
        self._lastError = -1

    def add(self, sequence: int, reflectorSequence: int | None) -> ReplyKind:
        """@param reflectorSequence: the reflector's number; L{None} if the protocol has none."""
        duplicate = sequence in self._answered
        if not duplicate and self._highest - sequence >= WINDOW:
            return ReplyKind.STRAY
        number = reflectorSequence
        newNumber = number is not None and self._addNumber(sequence, number, duplicate)
        if duplicate:
            # Two numbers of the reflector: it was doubled before it got there.
            self.duplicates += 1
            self._duplicatesUp += newNumber
            return ReplyKind.DUPLICATE
        if sequence < self._highest:
            self.reordered += 1
            self._reorderedUp += number is not None and number > self._highestReply
        self._reorderedDown += number is not None and number < self._highestReply
        _remember(self._answered, sequence)
        if sequence > self._highest:
            self._highest = sequence
            if sequence > self._lastError:
                self._errors += self._tailErrors
                self._tailErrors = 0
        if number is not None:
            self._highestReply = max(self._highestReply, number)
        return ReplyKind.FIRST

    def addError(self, sequence: int) -> None:
        """The network itself said what became of this packet: it was lost in no direction."""
        self._lastError = max(self._lastError, sequence)
        if sequence < self._highest:
            self._errors += 1
        else:
            self._tailErrors += 1

    def _addNumber(self, sequence: int, number: int, duplicate: bool) -> bool:
        if number != sequence and not self._kindGiven:
            self.stateful = True
        new = number not in self._replies
        # One number for two packets, or one far away from the others: the reflector was started
        # again, or counts something else.
        if (
            (not new and not duplicate)
            or number < self._highestReply - WINDOW
            or number > max(sequence, self._highest) + self.duplicates + SLACK
        ):
            self._contradicted = True
        if new:
            _remember(self._replies, number)
            self._distinctReplies += 1
            if duplicate:
                self._highestReply = max(self._highestReply, number)
        return new

    @property
    def known(self) -> bool:
        """Whether the directions can be told apart; if not, all figures below are L{None}."""
        return bool(self.stateful) and not self._contradicted and self._missingUp() >= 0

    def _missingUp(self) -> int:
        reflected = self._highestReply + 1 - self._duplicatesUp
        return self._highest + 1 - reflected - self._errors

    @property
    def lostUp(self) -> int | None:
        """Packets that did not reach the reflector."""
        return self._missingUp() if self.known else None

    @property
    def lostDown(self) -> int | None:
        """Replies that did not arrive."""
        return self._highestReply + 1 - self._distinctReplies if self.known else None

    @property
    def duplicatesUp(self) -> int | None:
        """Packets that reached the reflector twice."""
        return self._duplicatesUp if self.known else None

    @property
    def duplicatesDown(self) -> int | None:
        """Replies that arrived twice."""
        return self.duplicates - self._duplicatesUp if self.known else None

    @property
    def reorderedUp(self) -> int | None:
        """Packets that were overtaken on the way up."""
        return self._reorderedUp if self.known else None

    @property
    def reorderedDown(self) -> int | None:
        """Replies that were overtaken on the way down."""
        return self._reorderedDown if self.known else None


def _remember(window: OrderedDict[int, None], number: int) -> None:
    window[number] = None
    if len(window) > WINDOW:
        window.popitem(last=False)


class LossBursts:
    """
    The lengths of runs of lost packets.

    Packets are settled in any order and looked at in the order of sending; memory is bounded
    by how many are on their way at once.

    @ivar lengths: of the runs that have ended.
    """

    def __init__(self) -> None:
        self.lengths = Histogram()
        self._next = 0
        self._settled: dict[int, bool] = {}
        self._current = 0

    def add(self, sequence: int, lost: bool) -> None:
        self._settled[sequence] = lost
        while (nextLost := self._settled.pop(self._next, None)) is not None:
            self._next += 1
            if nextLost:
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
