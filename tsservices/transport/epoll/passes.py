"""
A I{pass}: several rounds over our own epoll object, one after the other.

For each reply a reactor of Twisted makes two C{epoll_ctl} calls and one more C{epoll_wait}, and
enters two logging contexts.  An L{EpollReactor} replaces it for the transports of a server.  There
are two kinds: one below a reactor of Twisted (L{tsservices.transport.epoll.set}), and one that is
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
# then timers and other descriptors are served.  With our own main loop this happens after each
# round.  A limit of events is not enough, because one event may be a message for a whole room.
# With 1000 busy connections a timer of 10 ms is 1.7 ms late (99th percentile); in stock Twisted it
# is 11.4 ms late.  After a round that took longer than a pass may, the next rounds are smaller.
#
# Why it is fair
# --------------
#
# The kernel moves a reported descriptor to the end of its list of ready ones.  Therefore a
# connection that sends without pause is read once for each time that all others are read, even if
# a round is smaller than the number of ready descriptors.

#: The longest time of a pass, in seconds, after which timers are served.
PASS_SECONDS = 0.001


class EpollReactor(EpollRound):
    """
    The reactor of our transports, which makes the rounds.

    @ivar sendRing: sends to large rooms, if it is faster on this machine.
    @ivar _roundEvents: the most events of the next round.
    @ivar _poller: the epoll object, if there is one.
    @ivar _jobs: called when all ready descriptors have been read.
    """

    _poller: Any

    def __init__(self) -> None:
        super().__init__()
        self.sendRing: SendRing | None = None
        self._roundEvents = ROUND_EVENTS
        self._jobs: list[Callable[[], None]] = []

    def atTurnEnd(self, job: Callable[[], None]) -> None:
        """
        Call a function after a round has read all ready descriptors, before it sends.

        Bytes that the function writes are sent in the same round.  Calls that it schedules are made
        in the next round.
        """
        self._jobs.append(job)
        if not self.passing:
            self.wake()

    def _pass(self) -> None:
        # This never waits: only the real reactor does.
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
        # Serves these events and sends the queued bytes; returns the time at the end.
        for observer in self.observers:
            observer.roundBegan()
        try:
            self._receive(events)
        finally:
            for observer in self.observers:
                observer.roundEnded()
        turnEnds = bool(self._jobs)
        if turnEnds:
            # The time is taken before the jobs: most of their work does not depend on the number of
            # events, so smaller rounds would only repeat it more often.  And if each round has
            # jobs, as in a storm of joins, a slow one must not limit all others to one event.
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
