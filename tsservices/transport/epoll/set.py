"""
An epoll object of our own, whose descriptor is one reader in the real reactor.

For each reply a reactor of Twisted makes two C{epoll_ctl} calls and one more C{epoll_wait}, and
enters two logging contexts.  An L{EpollReactor} takes its place for the transports of one server:
it is called a I{set} where that is no reactor of Twisted.  It serves its descriptors in I{rounds}
(L{tsservices.transport.epoll.round}); all rounds of one wake-up are a I{pass}.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from time import monotonic
from typing import Any
from weakref import WeakValueDictionary

from twisted.internet.interfaces import ILoggingContext, IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.transport.epoll.round import ROUND_EVENTS, EpollRound

# Why below the reactor
# ---------------------
#
# An epoll object can itself be watched: it is readable while one of its descriptors is ready.  So
# any reactor can be above it (epoll, poll, select and asyncio are tested), ports, timers, processes
# and signals stay Twisted's, and every descriptor that is not in the set is served as before.  A
# reactor of our own would have to do all of that.  The price is one `epoll_wait` more for each
# wake-up, which many ready connections share.  UDP ports, of which a server has few, would only pay
# it, so they are not in the set.
#
# What bounds a pass
# ------------------
#
# Rounds follow each other until nothing is ready or `PASS_SECONDS` are over; then timers and other
# descriptors have their turn.  A limit of events alone is not enough, since one event may be a
# message for a whole room.  With 1000 busy connections a timer of 10 ms is 1.7 ms late (99th
# percentile); in stock Twisted it is 11.4 ms late.  After a round that took longer than the whole
# pass should, the next rounds are smaller.
#
# Why it is fair
# --------------
#
# The kernel puts a descriptor that it has reported at the end of its list of ready ones.  So a
# connection that sends without pause is read once for each time that all others are read, although
# a round may be smaller than the number of ready descriptors.
#
# Outside a pass
# --------------
#
# Bytes that are written while no pass is made (from a timer, or by a thread's result) are queued
# too. One `callLater(0)` for the whole set makes a pass that sends them, however many were written.

#: How long, in seconds, a pass may go on before the real reactor gets its turn.
PASS_SECONDS = 0.001


def available() -> bool:
    """Whether this platform has epoll."""
    return hasattr(select, "epoll")


def epollSetOf(reactor: Any) -> EpollReactor:
    """The set that all fast ports of one reactor share; it is made if there is none."""
    if isinstance(reactor, EpollReactor):
        return reactor
    epollSet = _sets.get(reactor)
    if epollSet is None:
        # Known before it is opened: a chat asks for the end of turns before there are ports.
        epollSet = _sets[reactor] = EpollReactor(reactor)
    return epollSet


def turnEnd(reactor: Any, fast: bool) -> Callable[[Callable[[], None]], object]:
    """
    A function that has something called at the end of this turn of the reactor.

    @param fast: whether connections are in an L{EpollReactor}: then it is called when all that is
        ready has been read and nothing is sent yet.
    """
    if not fast or not available():
        return lambda job: reactor.callLater(0, job)
    return epollSetOf(reactor).atTurnEnd


@implementer(IReactorFDSet, IReadDescriptor, ILoggingContext)
class EpollReactor(EpollRound):
    """
    What a transport is given as its reactor, and what makes the passes.

    @ivar _roundEvents: how many events the next round asks for.
    @ivar _woken: whether a pass is scheduled for the next turn of the real reactor.
    @ivar _jobs: what to call when all that is ready has been read.
    """

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor)
        self._roundEvents = ROUND_EVENTS
        self._woken = False
        self._jobs: list[Callable[[], None]] = []

    def _open(self) -> select.epoll:
        if self._poller is not None:
            return self._poller
        poller = super()._open()
        _sets.setdefault(self._reactor, self)
        return poller

    def _close(self) -> None:
        super()._close()
        if _sets.get(self._reactor) is self:
            del _sets[self._reactor]

    def logPrefix(self) -> str:
        return "-"

    def connectionLost(self, reason: Failure) -> None:
        """Every member loses its connection: the real reactor has stopped."""
        for member in self.removeAll():
            self._end(member, reason)
        self._close()

    def wake(self) -> None:
        """Make a pass in the next turn of the real reactor, also if no descriptor is ready."""
        if not self._woken:
            self._woken = True
            self._reactor.callLater(0, self._wakeUp)

    def _wakeUp(self) -> None:
        self._woken = False
        self.doRead()

    def atTurnEnd(self, job: Callable[[], None]) -> None:
        """
        Call something when a round has read all that was ready, before it sends.

        What it writes leaves with the rest of the round.  What is asked for while it runs waits for
        the next round.
        """
        self._jobs.append(job)
        if not self.passing:
            self.wake()

    def doRead(self) -> None:
        """Make a pass."""
        # It never raises and never returns a value: the real reactor would take either as the end
        # of this reader, and with it of every connection.  A protocol may run the reactor from
        # within a pass, so a pass may be within another.
        outer, self.passing = self.passing, True
        try:
            self._pass()
        except BaseException:
            self._log.failure("A pass over the connections was cut short")
        finally:
            self.passing = outer
        if self.queued or self._writers or self._jobs:
            self.wake()
        self._closeIfUnused()

    def _pass(self) -> None:
        began = monotonic()
        deadline = began + PASS_SECONDS
        while True:
            self._changed.clear()
            wanted = self._roundEvents
            # It never waits: that is the real reactor's part.
            events = [] if self._poller is None else self._poller.poll(0, wanted)
            if not (events or self.queued or self._writers or self._jobs):
                return
            for observer in self.observers:
                observer.roundBegan()
            try:
                self._receive(events)
            finally:
                for observer in self.observers:
                    observer.roundEnded()
            turnEnds = bool(self._jobs)
            if turnEnds:
                self._endTurn()
            self._send()
            ended = monotonic()
            took = ended - began
            if turnEnds:
                # Most of that time does not grow with the events.  Smaller rounds would only repeat
                # it more often.
                pass
            elif took > PASS_SECONDS:
                self._roundEvents = max(1, int(len(events) * PASS_SECONDS / took))
            elif took < PASS_SECONDS / 2 and wanted < ROUND_EVENTS:
                self._roundEvents = min(ROUND_EVENTS, 2 * wanted)
            if ended >= deadline:
                return
            began = ended

    def _endTurn(self) -> None:
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            try:
                job()
            except BaseException:
                self._log.failure("What was to be done at the end of a turn was cut short")


# Weak: a set that was never opened goes with the last port or chat that asked for it.
_sets: WeakValueDictionary[Any, EpollReactor] = WeakValueDictionary()
