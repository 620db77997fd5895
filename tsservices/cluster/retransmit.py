"""
When what this node has published is published again: go-back-n over a stream that may hide what
it has.  Pure.

A message that has not come back may be lost, or be in the stream and not read yet, or be on its
way still.  If it went again at once, it would often be there twice: duplicates do not count, but
a broker that is slow gets slower by them.  So the node first asks where the stream ends, reads up
to there and crosses off what comes back; all that is in flight after that goes again, in order.

The broker's own de-duplication (C{Nats-Msg-Id}, within a window of time) does not replace this: a
replica that was frozen and thawed later stored a line twice, and lines that were retried without
waiting changed places.  All nodes ignore a double by its number, however late it comes.

Without a leader the broker does not answer for 5 to 8 s.  An error and no answer mean the same
then: unknown.  Nothing that was acknowledged got lost in that time.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.cluster.broker import ACKNOWLEDGE_SECONDS, RETRY_SECONDS, STOP_SECONDS, Broker
from tsservices.cluster.failure_detector import HEARTBEAT_SECONDS
from tsservices.cluster.outbox import PublishQueue


class Retransmitter:
    """
    Holds the queue back while something in flight may be lost, and has it published again.

    @ivar streamEnd: the highest number that the stream is known to have.
    @ivar readUpTo: the number of the last message that was read.
    """

    def __init__(self, broker: Broker, queue: PublishQueue, clock: Callable[[], float]) -> None:
        self._broker = broker
        self._queue = queue
        self._clock = clock
        self.streamEnd = 0
        self.readUpTo = 0
        self._isSuspect = False
        #: The number up to which the stream has to be read before anything goes again.
        self._resendAt: int | None = None
        self._query = 0
        self._askedAt = -STOP_SECONDS
        self._isAsking = False
        self._resentAt = -RETRY_SECONDS
        self._arrivedAt = 0.0

    def suspect(self) -> None:
        """Something that is in flight may be lost."""
        if self._queue.inFlight and not self._isSuspect:
            self._isSuspect = self._queue.suspended = True
            self._resendAt = None
            # The answer to an earlier question would not cover what was published since.
            self._isAsking = False
            self._askIfDue()

    def confirm(self) -> None:
        """Nothing in flight is suspect any more."""
        self._isSuspect = self._queue.suspended = False
        self._resendAt = None

    def arrived(self) -> None:
        """A message of this node has come back."""
        self._arrivedAt = self._clock()

    def advanced(self, number: int) -> None:
        """The stream was read up to this number."""
        self.readUpTo = number
        self.streamEnd = max(self.streamEnd, number)
        if self._resendAt is not None and number >= self._resendAt:
            self.confirm()
            self._resentAt = self._clock()
            self._queue.republish()

    def tick(self) -> None:
        now = self._clock()
        if now - max(self._arrivedAt, self._queue.publishedAt) >= ACKNOWLEDGE_SECONDS:
            # The broker has reported nothing, but a message that comes back comes sooner.
            self.suspect()
        self._askIfDue()

    def _askIfDue(self) -> None:
        now = self._clock()
        if self._isAsking and now - self._askedAt < STOP_SECONDS:
            return
        if self._isSuspect and self._resendAt is None:
            if now - max(self._askedAt, self._resentAt) < RETRY_SECONDS:
                return
        elif now - self._askedAt < HEARTBEAT_SECONDS:
            # Without a suspicion the answer only says how far this node is behind.
            return
        self._query += 1
        query = self._query
        self._isAsking, self._askedAt = True, now
        self._broker.lastSequence(lambda number: self._answered(query, number))

    def _answered(self, query: int, number: int | None) -> None:
        if query != self._query or not self._isAsking:
            return
        self._isAsking = False
        if number is None:
            return
        self.streamEnd = max(self.streamEnd, number)
        if self._isSuspect:
            self._resendAt = number
            self.advanced(self.readUpTo)
