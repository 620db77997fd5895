"""
Rounds over an epoll object of our own, one after the other: a I{pass}.

For each reply a reactor of Twisted makes two C{epoll_ctl} calls and one more C{epoll_wait}, and
enters two logging contexts.  An L{EpollReactor} takes its place for the transports of a server.
There are two: one below a reactor of Twisted (L{tsservices.transport.epoll.set}), and one that is
the reactor of the process (L{tsservices.transport.epoll.mainloop}).
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from tsservices.transport.epoll.round import ROUND_EVENTS, EpollRound
from tsservices.transport.epoll.sendring import SendRing

# What bounds a pass
# ------------------
#
# Below another reactor rounds follow each other until nothing is ready or `PASS_SECONDS` are over;
# then timers and other descriptors have their turn.  Where the loop is ours they have it after each
# round.  A limit of events alone is not enough, since one event may be a message for a whole room.
# With 1000 busy connections a timer of 10 ms is 1.7 ms late (99th percentile); in stock Twisted it
# is 11.4 ms late.  After a round that took longer than the whole pass should, the next rounds are
# smaller.
#
# Why it is fair
# --------------
#
# The kernel puts a descriptor that it has reported at the end of its list of ready ones.  So a
# connection that sends without pause is read once for each time that all others are read, although
# a round may be smaller than the number of ready descriptors.

#: How long, in seconds, a pass may go on before timers get their turn.
PASS_SECONDS = 0.001


class EpollReactor(EpollRound):
    """
    What a transport is given as its reactor, and what makes the rounds.

    @ivar sendRing: sends to large rooms, if that pays on this machine.
    @ivar _roundEvents: how many events the next round asks for.
    @ivar _poller: the epoll object, if there is one.
    @ivar _jobs: what to call when all that is ready has been read.
    """

    _poller: Any

    def __init__(self) -> None:
        super().__init__()
        self.sendRing: SendRing | None = None
        self._roundEvents = ROUND_EVENTS
        self._jobs: list[Callable[[], None]] = []

    def atTurnEnd(self, job: Callable[[], None]) -> None:
        """
        Call something when a round has read all that was ready, before it sends.

        What it writes leaves with the rest of the round.  What is asked for while it runs waits for
        the next round.
        """
        self._jobs.append(job)
        if not self.passing:
            self.wake()

    def _pass(self) -> None:
        # It never waits: that is the real reactor's part.
        began = monotonic()
        deadline = began + PASS_SECONDS
        while True:
            self._changed.clear()
            events = [] if self._poller is None else self._poller.poll(0, self._roundEvents)
            if not (events or self.queued or self._writers or self._jobs):
                return
            began = self._round(events, began)
            if began >= deadline:
                return

    def _round(self, events: list[tuple[int, int]], began: float) -> float:
        # Serves these events and sends what is queued; gives the time at the end.
        for observer in self.observers:
            observer.roundBegan()
        try:
            self._receive(events)
        finally:
            for observer in self.observers:
                observer.roundEnded()
        turnEnds = bool(self._jobs)
        if turnEnds:
            # Most of what follows does not grow with the events: smaller rounds would only repeat
            # it more often. And where each round ends a turn, as in a storm of joins, one that was
            # slow before must not leave rounds of one event for as long as that goes on.
            took = monotonic() - began
            self._endTurn()
        if self.queued or self._writers:
            self._send()
        ended = monotonic()
        if not turnEnds:
            took = ended - began
        if took > PASS_SECONDS:
            self._roundEvents = max(1, int(len(events) * PASS_SECONDS / took))
        elif self._roundEvents < ROUND_EVENTS and took < PASS_SECONDS / 2:
            self._roundEvents = min(ROUND_EVENTS, 2 * self._roundEvents)
        return ended

    def _endTurn(self) -> None:
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            try:
                job()
            except BaseException:
                self._log.failure("What was to be done at the end of a turn was cut short")
