"""
Loss, duplicates and reordering by direction, and the lengths of bursts of loss.

A stateful reflector numbers its replies by its own counter, from 0.  Up to any reply, packets that
it has not counted were lost on the way up, and counted packets whose reply did not arrive were lost
on the way down.  A stateless reflector repeats the sender's number, and then the direction is
unknown.  While all numbers are equal either kind is possible, and no direction is reported.
"""

from __future__ import annotations

import operator
from enum import Enum
from typing import NamedTuple

from tsservices.stamp.stats.distribution import Histogram
from tsservices.stamp.stats.pattern import LossPattern

#: How far behind the highest number duplicates are recognized.
WINDOW = 4096

_WINDOW_BITS = (1 << WINDOW) - 1

#: How far a reflector's counter may be ahead of the sender's: packets that overtook others are
#: ahead for a moment.  A counter farther ahead does not count the packets of this session.
SLACK = 64


class ReplyKind(Enum):
    """The kind of a reply, compared with those before it."""

    FIRST = "first"
    #: Another reply to the same packet.
    DUPLICATE = "duplicate"
    #: A reply to a packet that was never sent, or is no longer remembered.
    STRAY = "stray"


class NumberWindow:
    """
    The set of the numbers received among the last L{WINDOW}, up to the highest.

    It takes half a kilobyte, a dictionary would take half a megabyte: a run may have thousands of
    hosts.
    """

    __slots__ = ("_bits", "_highest", "_run")

    def __init__(self) -> None:
        self._highest = -1
        # How many consecutive numbers end at the highest.  Most new numbers are the next one: for
        # those, the bits are not shifted, which would cost a microsecond.
        self._run = 0
        # Bit 0 stands for the number before these.
        self._bits = 0

    def __contains__(self, number: int) -> bool:
        behind = self._highest - number
        if behind < self._run:
            return 0 <= behind < WINDOW
        return behind < WINDOW and bool(self._bits >> behind - self._run & 1)

    def add(self, number: int) -> None:
        """Add a number; one that is too far back is ignored."""
        behind = self._highest - number
        if behind == -1:
            self._highest = number
            self._run += 1
        elif behind < 0:
            # The shift is limited to the width of the bits, because the number may have any value.
            gap = min(-behind, WINDOW) - 1
            run = min(self._run, WINDOW)
            self._bits = (((self._bits + 1 << run) - 1) << gap) & _WINDOW_BITS
            self._highest = number
            self._run = 1
        elif self._run <= behind < WINDOW:
            self._bits |= 1 << behind - self._run


class _Directions(NamedTuple):
    """The numbers of packets of one session, by direction."""

    lostUp: int = 0
    lostDown: int = 0
    duplicatesUp: int = 0
    duplicatesDown: int = 0
    reorderedUp: int = 0
    reorderedDown: int = 0

    def plus(self, other: _Directions) -> _Directions:
        return _Directions(*map(operator.add, self, other))


class DirectionalLoss:
    """
    The loss of a target by direction.

    A reflector counts each session from 0.  After L{beginSession} the counter is that of another
    session; the figures of earlier sessions are kept as sums.
    """

    def __init__(self, stateful: bool | None = None) -> None:
        #: Whether the reflector is stateful; L{None} while that is unknown.
        self.stateful = stateful
        #: Replies after the first one to a packet.
        self.duplicates = 0
        #: First replies to packets sent before one that is already answered (RFC 4737).
        self.reordered = 0
        self._givenKind = stateful
        # Sums of earlier sessions; L{None} if one of them lost packets in an unknown direction.
        self._earlier: _Directions | None = _Directions()
        # Numbers of the packets answered.
        self._answered = NumberWindow()
        self._highest = -1
        self._startSession(0)

    def _startSession(self, first: int) -> None:
        self.stateful = self._givenKind
        self._first = first
        # The newest answered packet of this session; none yet.
        self._newest = first - 1
        self._contradicted = False
        # Numbers of the replies.
        self._replies = NumberWindow()
        self._answers = 0
        self._distinctReplies = 0
        self._highestReply = -1
        self._duplicates = 0
        self._duplicatesUp = 0
        self._reordered = 0
        self._reorderedUp = 0
        self._reorderedDown = 0
        # Errors before the last reply, and errors after it, which do not explain a gap yet.
        self._errors = 0
        self._tailErrors = 0
        self._lastError = first - 1

    def beginSession(self, first: int) -> None:
        """
        Begin a session, for which the reflector counts from 0 again.

        @param first: the number of the first packet that it will count.
        """
        current = self._current()
        if current is None and self._isPlain():
            current = _Directions()
        if self._earlier is not None:
            self._earlier = None if current is None else self._earlier.plus(current)
        self._startSession(first)

    def add(self, sequence: int, reflectorSequence: int | None) -> ReplyKind:
        """@param reflectorSequence: the reflector's number; L{None} if the protocol has none."""
        duplicate = sequence in self._answered
        if not duplicate and self._highest - sequence >= WINDOW:
            return ReplyKind.STRAY
        # For a packet of an earlier session the number is one of another counter.
        number = reflectorSequence if sequence >= self._first else None
        newNumber = number is not None and self._addNumber(sequence, number, duplicate)
        if duplicate:
            # If the reflector gave it two numbers, it was duplicated on the way up.
            self.duplicates += 1
            self._duplicates += sequence >= self._first
            self._duplicatesUp += newNumber
            return ReplyKind.DUPLICATE
        if sequence < self._highest:
            self.reordered += 1
            self._reorderedUp += number is not None and number > self._highestReply
            self._reordered += sequence >= self._first
        self._reorderedDown += number is not None and number < self._highestReply
        self._answered.add(sequence)
        if sequence > self._highest:
            self._highest = sequence
        self._answers += sequence >= self._first
        if sequence > self._newest:
            self._newest = sequence
            if sequence > self._lastError:
                self._errors += self._tailErrors
                self._tailErrors = 0
        if number is not None and number > self._highestReply:
            self._highestReply = number
        return ReplyKind.FIRST

    def addError(self, sequence: int) -> None:
        """Count a packet whose loss was reported as an error: it is lost in neither direction."""
        if sequence < self._first:
            return
        self._lastError = max(self._lastError, sequence)
        if sequence < self._newest:
            self._errors += 1
        else:
            self._tailErrors += 1

    def _addNumber(self, sequence: int, number: int, duplicate: bool) -> bool:
        # A stateless reflector repeats the sender's numbers, which start from 0 only once.
        if number != sequence and self._givenKind is None:
            self.stateful = True
        new = number not in self._replies
        # The same number for two packets, or one far away from the others: the reflector was
        # restarted, or counts something else.
        if (
            (not new and not duplicate)
            or number < self._highestReply - WINDOW
            or number > max(sequence, self._newest) - self._first + self._duplicates + SLACK
        ):
            self._contradicted = True
        if new:
            self._replies.add(number)
            self._distinctReplies += 1
            if duplicate:
                self._highestReply = max(self._highestReply, number)
        return new

    @property
    def known(self) -> bool:
        """Whether the directions can be distinguished; if not, all figures below are L{None}."""
        return self._total is not None

    @property
    def _total(self) -> _Directions | None:
        current = self._current()
        if self._earlier is None or current is None:
            return None
        return self._earlier.plus(current)

    def _current(self) -> _Directions | None:
        missingUp = self._missingUp()
        if self.stateful and not self._contradicted and missingUp >= 0:
            return _Directions(
                missingUp,
                self._highestReply + 1 - self._distinctReplies,
                self._duplicatesUp,
                self._duplicates - self._duplicatesUp,
                self._reorderedUp,
                self._reorderedDown,
            )
        # Without losses, duplicates and reordering the figures are 0 for any kind of reflector.
        if self._first and self._isPlain():
            return _Directions()
        return None

    def _isPlain(self) -> bool:
        # Up to the last reply, each packet was answered once and in order.
        sent = self._newest + 1 - self._first - self._errors
        return sent == self._answers and not (self._duplicates or self._reordered)

    def _missingUp(self) -> int:
        reflected = self._highestReply + 1 - self._duplicatesUp
        return self._newest + 1 - self._first - reflected - self._errors

    @property
    def lostUp(self) -> int | None:
        """Packets that did not reach the reflector."""
        return None if (total := self._total) is None else total.lostUp

    @property
    def lostDown(self) -> int | None:
        """Replies that did not arrive."""
        return None if (total := self._total) is None else total.lostDown

    @property
    def duplicatesUp(self) -> int | None:
        """Packets that reached the reflector twice."""
        return None if (total := self._total) is None else total.duplicatesUp

    @property
    def duplicatesDown(self) -> int | None:
        """Replies that arrived twice."""
        return None if (total := self._total) is None else total.duplicatesDown

    @property
    def reorderedUp(self) -> int | None:
        """Packets that were overtaken on the way up."""
        return None if (total := self._total) is None else total.reorderedUp

    @property
    def reorderedDown(self) -> int | None:
        """Replies that were overtaken on the way down."""
        return None if (total := self._total) is None else total.reorderedDown


class LossBursts:
    """
    The lengths of runs of lost packets.

    Packets are settled in any order and evaluated in the order of sending; memory is bounded by the
    number of packets under way.

    @ivar lengths: the lengths of the runs that have ended.
    """

    def __init__(self) -> None:
        self.lengths = Histogram()
        self.pattern = LossPattern()
        self._next = 0
        self._settled: dict[int, bool] = {}
        self._current = 0

    def add(self, sequence: int, lost: bool) -> None:
        if sequence != self._next:
            self._settled[sequence] = lost
            return
        self._addNext(lost)
        while (nextLost := self._settled.pop(self._next, None)) is not None:
            self._addNext(nextLost)

    def _addNext(self, lost: bool) -> None:
        self._next += 1
        self.pattern.add(lost)
        if lost:
            self._current += 1
        elif self._current:
            self.lengths.add(self._current)
            self._current = 0

    def summary(self) -> Histogram:
        """Return the lengths, including the run that has not ended."""
        lengths = self.lengths.copy()
        if self._current:
            lengths.add(self._current)
        return lengths
