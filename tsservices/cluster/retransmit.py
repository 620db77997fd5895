"""
Retransmission: go-back-n over a stream whose newest messages may not be visible yet.  Pure.

A message that has not come back may be lost, in the stream but not read yet, or still on its way.
Publishing it again at once would often store it twice: duplicates do not count, but make a slow
broker slower.  Therefore the node first asks for the end of the stream, reads up to it and removes
messages that come back from its queue; the messages still in flight are then published again, in
order.

The broker's own de-duplication (C{Nats-Msg-Id}, within a time window) does not replace this: a
replica that was frozen and continued later stored a line twice, and lines that were retried without
waiting changed places.  All nodes ignore a duplicate by its number, however late it comes.

Without a leader the broker does not answer for 5 to 8 s.  In that time both an error and no answer
mean that the result is unknown.  No acknowledged message was lost in that time.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.cluster.broker import ACKNOWLEDGE_SECONDS, RETRY_SECONDS, STOP_SECONDS, Broker
from tsservices.cluster.failure_detector import HEARTBEAT_SECONDS
from tsservices.cluster.outbox import PublishQueue


class Retransmitter:
    """
    Suspends the queue while a message in flight may be lost, and publishes it again.

    @ivar streamEnd: the highest number known to be in the stream.
    @ivar readUpTo: the number of the last message read.
    """

    def __init__(self, broker: Broker, queue: PublishQueue, clock: Callable[[], float]) -> None:
        self._broker = broker
        self._queue = queue
        self._clock = clock
        self.streamEnd = 0
        self.readUpTo = 0
        self._isSuspect = False
        #: The number up to which the stream has to be read before messages are published again.
        self._resendAt: int | None = None
        self._query = 0
        self._askedAt = -STOP_SECONDS
        self._isAsking = False
        self._resentAt = -RETRY_SECONDS
        self._arrivedAt = 0.0

    def suspect(self) -> None:
        """Note that a message in flight may be lost."""
        if self._queue.inFlight and not self._isSuspect:
            self._isSuspect = self._queue.suspended = True
            self._resendAt = None
            # The answer to an earlier query would not cover messages published since.
            self._isAsking = False
            self._askIfDue()

    def confirm(self) -> None:
        """Note that no message in flight is suspect any more."""
        self._isSuspect = self._queue.suspended = False
        self._resendAt = None

    def arrived(self) -> None:
        """Note that a message of this node has come back."""
        self._arrivedAt = self._clock()

    def advanced(self, number: int) -> None:
        """Note that the stream was read up to this number."""
        self.readUpTo = number
        self.streamEnd = max(self.streamEnd, number)
        if self._resendAt is not None and number >= self._resendAt:
            self.confirm()
            self._resentAt = self._clock()
            self._queue.republish()

    def tick(self) -> None:
        now = self._clock()
        if now - max(self._arrivedAt, self._queue.publishedAt) >= ACKNOWLEDGE_SECONDS:
            # The broker has reported nothing, but a message normally comes back sooner.
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
            # When no message is suspect, the answer only shows how far this node is behind.
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
