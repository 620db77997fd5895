"""
When what this node has published is published again.  Pure.

What may be lost may also be there and not read yet, or still be on its way.  So the
stream is read to its end first, and what has not come back then goes again.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.cluster.broker import (
    ENGINE_DOUBT_SECONDS,
    ENGINE_RETRY_SECONDS,
    ENGINE_STOP_SECONDS,
    Broker,
)
from tsservices.cluster.failure_detector import HEARTBEAT_SECONDS
from tsservices.cluster.outbox import PublishQueue


class Retransmitter:
    """
    Doubts, looks how far the stream goes, reads on, and sends again.

    @ivar last: the highest number that the stream is known to have.
    @ivar read: the number up to which it was read.
    """

    def __init__(self, engine: Broker, outbox: PublishQueue, seconds: Callable[[], float]) -> None:
        self._engine = engine
        self._outbox = outbox
        self._seconds = seconds
        self.last = 0
        self.read = 0
        self._doubtful = False
        self._target: int | None = None
        self._question = 0
        self._asked = -ENGINE_STOP_SECONDS
        self._open = False
        self._attempt = -ENGINE_RETRY_SECONDS
        self._heard = 0.0

    def suspect(self) -> None:
        """Something that is under way may be lost."""
        if self._outbox.sent and not self._doubtful:
            self._doubtful = self._outbox.held = True
            self._target = None
            # An answer to what was asked before would speak of what was before.
            self._open = False
            self._look()

    def confirm(self) -> None:
        """There is nothing to doubt any more, since nothing of it counts any more."""
        self._doubtful = self._outbox.held = False
        self._target = None

    def returned(self) -> None:
        """Something has come back."""
        self._heard = self._seconds()

    def advanced(self, number: int) -> None:
        self.read = number
        self.last = max(self.last, number)
        if self._target is not None and number >= self._target:
            self.confirm()
            self._attempt = self._seconds()
            self._outbox.again()

    def tick(self) -> None:
        """Some time has gone by."""
        now = self._seconds()
        quiet = now - max(self._heard, self._outbox.published)
        if quiet >= ENGINE_DOUBT_SECONDS:
            # Nobody has said so, but whatever comes does so sooner.
            self.suspect()
        self._look()

    def _look(self) -> None:
        """Ask how far the stream goes, if it is time to."""
        now = self._seconds()
        if self._open and now - self._asked < ENGINE_STOP_SECONDS:
            return
        if self._doubtful and self._target is None:
            if now - max(self._asked, self._attempt) < ENGINE_RETRY_SECONDS:
                return
        elif now - self._asked < HEARTBEAT_SECONDS:
            return
        self._ask(now)

    def _ask(self, now: float) -> None:
        self._question += 1
        question = self._question
        self._open, self._asked = True, now
        self._engine.lastSequence(lambda number: self._found(question, number))

    def _found(self, question: int, number: int | None) -> None:
        if question != self._question or not self._open:
            return
        self._open = False
        if number is None:
            return
        self.last = max(self.last, number)
        if self._doubtful:
            self._target = number
            self.advanced(self.read)
