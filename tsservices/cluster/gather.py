"""
The time at which proposals are published: at once, or together with those of other users.  Pure.

Each message that comes back costs every node a turn.  Lines of a single active user do not wait;
when several users talk at the same time, a delay of a millisecond collects many lines.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.chat.pipeline import Proposal
from tsservices.chat.session import Session
from tsservices.cluster.outbox import PublishQueue

#: Seconds that a message waits for other proposals when several users talk.
GATHER_SECONDS = 0.001

#: Seconds between the proposals of two users up to which they count as simultaneous.
CONCURRENT_SECONDS = 0.05

#: Calls a function after a number of seconds.
CallLater = Callable[[float, Callable[[], object]], object]


class SendGate:
    """
    Sends a queue: at once, or after a short delay when several users talk.

    @ivar isGathering: the delay is running; the queue need not be sent by others now.
    """

    def __init__(
        self, queue: PublishQueue, clock: Callable[[], float], callLater: CallLater | None
    ) -> None:
        """@param callLater: L{None}: there is no delay."""
        self._queue = queue
        self._clock = clock
        self._callLater = callLater
        self._lastProposer: Session | None = None
        self._proposedAt = self._concurrentUntil = -CONCURRENT_SECONDS
        self._closed = False
        self.isGathering = False

    def proposed(self, proposals: list[Proposal]) -> None:
        """Send proposals that were added to the queue, now or after the delay."""
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
