"""
The delayed sending of joins and leaves to the members of large rooms.  Pure.

A message is sent at once.  The news of a join can wait for some milliseconds, and has to: a
thousand users who join one after the other would cost half a million sends, 20 times the rest of
their joining.  Therefore L{deferred <tsservices.chat.outlet.Recipient.writeLater>} writes wait in
the send queue of each connection, or once for a whole room (L{tsservices.chat.delivery.backlog}).
They are sent when they are due for all connections, or before anything else is sent to that
connection: the order in which one reader gets output never changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tsservices.chat.pipeline import CallLater, Timer
from tsservices.common.dutycycle import DutyCycle

#: Share of the time that may be spent on deferred sends.  A send to 1000 members takes 4 ms.  With
#: a share of 1/16, such sends took a third of the processor time of a storm of joins.
SHARE = 1 / 48

#: Longest delay in seconds: users do not notice that a join is shown a fifth of a second late.
LONGEST = 0.2


class DeferringQueue(Protocol):
    """A queue with output that can wait."""

    def sendDeferred(self) -> bool:
        """
        Send the waiting output now, unless it was sent meanwhile.

        @return: whether to call this again at the next due time.
        """
        ...


class DeferredWrites:
    """
    The queues with deferred output, and the timer that sends it for all of them together.

    The first output after a time without any is sent in the next turn.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        callLater: CallLater,
        turnEnd: Callable[[Callable[[], None]], object],
    ) -> None:
        """
        @param monotonic: the monotonic time in seconds.
        @param callLater: calls a function after a number of seconds.
        @param turnEnd: calls a function at the end of this reactor turn, before anything is sent;
            if that end has begun, at the end of the next turn.
        """
        self._monotonic = monotonic
        self._callLater = callLater
        self._turnEnd = turnEnd
        self._cycle = DutyCycle(SHARE, LONGEST)
        self._queues: list[DeferringQueue] = []
        self._timer: Timer | None = None
        self._stopped = False

    def add(self, queue: DeferringQueue) -> None:
        """Have a queue send at the next due time; not to be repeated before it has sent."""
        self._queues.append(queue)
        if len(self._queues) > 1:
            return
        wait = 0.0 if self._stopped else self._cycle.remaining(self._monotonic())
        if wait:
            self._timer = self._callLater(wait, self._due)
        else:
            self._turnEnd(self._send)

    def stop(self) -> None:
        """Send waiting output now, and later output without delay."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._sendAll([])

    def _due(self) -> None:
        self._timer = None
        self._turnEnd(self._send)

    def _send(self) -> None:
        began = self._monotonic()
        again: list[DeferringQueue] = []

        def worked() -> None:
            self._cycle.worked(began, self._monotonic())
            for queue in again:
                self.add(queue)

        # The connections send after this turn ends, so the time is measured at the next one's end.
        self._turnEnd(worked)
        self._sendAll(again)

    def _sendAll(self, again: list[DeferringQueue]) -> None:
        queues, self._queues = self._queues, []
        errors: list[Exception] = []
        for queue in queues:
            try:
                if queue.sendDeferred():
                    again.append(queue)
            except Exception as error:
                errors.append(error)
        for occurred in errors:
            # Raised only after all other queues have sent.
            raise occurred
