"""
When what was proposed is published: at once, or together with what others say in this moment.
Pure.

Each message, once it is back, costs every node a turn.  One person who talks alone waits for
nobody; where several talk at the same time, a millisecond brings many lines together.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.chat.pipeline import Proposal
from tsservices.chat.session import Session
from tsservices.cluster.outbox import PublishQueue

#: Seconds that a message waits for other proposals, when several people talk.
GATHER_SECONDS = 0.001

#: Seconds between proposals of two people up to which they talk at the same time.
CONCURRENT_SECONDS = 0.05

#: Has something called after so many seconds.
CallLater = Callable[[float, Callable[[], object]], object]


class SendGate:
    """
    Sends a queue, after a moment where several talk.

    @ivar isGathering: it will be sent in a moment: nobody else needs to send it now.
    """

    def __init__(
        self, queue: PublishQueue, clock: Callable[[], float], callLater: CallLater | None
    ) -> None:
        """@param callLater: L{None}: nothing waits."""
        self._queue = queue
        self._clock = clock
        self._callLater = callLater
        self._lastProposer: Session | None = None
        self._proposedAt = self._concurrentUntil = -CONCURRENT_SECONDS
        self._closed = False
        self.isGathering = False

    def proposed(self, proposals: list[Proposal]) -> None:
        """Something was added to the queue."""
        now, proposer = self._clock(), proposals[-1][1]
        changed = proposer is not self._lastProposer and now < self._proposedAt + CONCURRENT_SECONDS
        if changed or any(session is not proposer for _, session in proposals):
            self._concurrentUntil = now + CONCURRENT_SECONDS
        self._lastProposer, self._proposedAt = proposer, now
        if self.isGathering:
            return
        if self._callLater is None or now >= self._concurrentUntil:
            self._queue.send()
            return
        self.isGathering = True
        self._callLater(GATHER_SECONDS, self._gathered)

    def _gathered(self) -> None:
        self.isGathering = False
        if not self._closed:
            self._queue.send()

    def close(self) -> None:
        """Send nothing more."""
        self._closed = True
