"""
When what this node has published is published again.  Pure.

What may be lost may also be there and not read yet, or still be on its way.  So the
stream is read to its end first, and what has not come back then goes again.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.cluster.broker import (
    ACKNOWLEDGE_SECONDS,
    RETRY_SECONDS,
    STOP_SECONDS,
    Broker,
)
from tsservices.cluster.failure_detector import HEARTBEAT_SECONDS
from tsservices.cluster.outbox import PublishQueue


class Retransmitter:
    """
    Doubts, looks how far the stream goes, reads on, and sends again.

    @ivar streamEnd: the highest number that the stream is known to have.
    @ivar readUpTo: the number up to which it was read.
    """

    def __init__(self, broker: Broker, queue: PublishQueue, clock: Callable[[], float]) -> None:
        self._broker = broker
        self._queue = queue
        self._clock = clock
        self.streamEnd = 0
        self.readUpTo = 0
        self._isSuspect = False
        self._resendAt: int | None = None
        self._query = 0
        self._askedAt = -STOP_SECONDS
        self._isAsking = False
        self._resentAt = -RETRY_SECONDS
        self._arrivedAt = 0.0

    def suspect(self) -> None:
        """Something that is under way may be lost."""
        if self._queue.inFlight and not self._isSuspect:
            self._isSuspect = self._queue.held = True
            self._resendAt = None
            # An answer to what was asked before would speak of what was before.
            self._isAsking = False
            self._askIfDue()

    def confirm(self) -> None:
        """There is nothing to doubt any more, since nothing of it counts any more."""
        self._isSuspect = self._queue.held = False
        self._resendAt = None

    def arrived(self) -> None:
        """Something has come back."""
        self._arrivedAt = self._clock()

    def advanced(self, number: int) -> None:
        self.readUpTo = number
        self.streamEnd = max(self.streamEnd, number)
        if self._resendAt is not None and number >= self._resendAt:
            self.confirm()
            self._resentAt = self._clock()
            self._queue.republish()

    def tick(self) -> None:
        """Some time has gone by."""
        now = self._clock()
        quiet = now - max(self._arrivedAt, self._queue.publishedAt)
        if quiet >= ACKNOWLEDGE_SECONDS:
            # Nobody has said so, but whatever comes does so sooner.
            self.suspect()
        self._askIfDue()

    def _askIfDue(self) -> None:
        """Ask how far the stream goes, if it is time to."""
        now = self._clock()
        if self._isAsking and now - self._askedAt < STOP_SECONDS:
            return
        if self._isSuspect and self._resendAt is None:
            if now - max(self._askedAt, self._resentAt) < RETRY_SECONDS:
                return
        elif now - self._askedAt < HEARTBEAT_SECONDS:
            return
        self._ask(now)

    def _ask(self, now: float) -> None:
        self._query += 1
        question = self._query
        self._isAsking, self._askedAt = True, now
        self._broker.lastSequence(lambda number: self._answered(question, number))

    def _answered(self, question: int, number: int | None) -> None:
        if question != self._query or not self._isAsking:
            return
        self._isAsking = False
        if number is None:
            return
        self.streamEnd = max(self.streamEnd, number)
        if self._isSuspect:
            self._resendAt = number
            self.advanced(self.readUpTo)
