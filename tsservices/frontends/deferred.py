"""
When news of who comes and goes is sent to the many who are in a large room.  Pure.

A line of talk is sent at once.  That somebody has joined can wait for some milliseconds, and has
to: a thousand people who come one after the other would cost half a million sends, which is 20
times the rest of their joining.  So what is written by L{deferred
<tsservices.chat.outlet.Recipient.writeLater>} writes waits in the send queue of each connection,
or once for all of a room (L{tsservices.chat.delivery.backlog}). It is sent when that is due for all
of them, or before anything else is sent to that connection: the order of what one reader gets never
changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tsservices.chat.pipeline import CallLater, Timer
from tsservices.common.dutycycle import DutyCycle

#: Part of the time that may be spent on sending what can wait.  A sending to 1000 takes 4 ms.  With
#: a sixteenth of the time, a third of the processor time of a storm of joins was such sends.
SHARE = 1 / 48

#: Seconds that it waits at most: nobody can tell whether somebody came a fifth of a second earlier.
LONGEST = 0.2


class DeferringQueue(Protocol):
    """Has something to send that can wait."""

    def sendDeferred(self) -> bool:
        """
        Send it now, unless it was sent meanwhile.

        @return: whether this is to be called again when it is due again.
        """
        ...


class DeferredWrites:
    """
    The queues with something that can wait, and when it is sent: for all of them together.

    The first news after a time without any is sent in the next turn.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        callLater: CallLater,
        turnEnd: Callable[[Callable[[], None]], object],
    ) -> None:
        """
        @param monotonic: seconds that only go forward.
        @param callLater: calls in so many seconds.
        @param turnEnd: calls a function at the end of this turn, before anything is sent; at the
            end of the next one, if it is called at the end of one.
        """
        self._monotonic = monotonic
        self._callLater = callLater
        self._turnEnd = turnEnd
        self._cycle = DutyCycle(SHARE, LONGEST)
        self._queues: list[DeferringQueue] = []
        self._timer: Timer | None = None
        self._stopped = False

    def add(self, queue: DeferringQueue) -> None:
        """Have a queue send when it is due; once, until it has."""
        self._queues.append(queue)
        if len(self._queues) > 1:
            return
        wait = 0.0 if self._stopped else self._cycle.remaining(self._monotonic())
        if wait:
            self._timer = self._callLater(wait, self._due)
        else:
            self._turnEnd(self._send)

    def stop(self) -> None:
        """Send what waits, and let nothing wait any more."""
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

        # The connections send after the end of this turn: the work has ended at that of the next.
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
            # Raised when all others have sent.
            raise occurred
