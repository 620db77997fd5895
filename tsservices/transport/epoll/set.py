"""
An epoll object of our own whose descriptor is one reader in the real reactor.

A Twisted reactor pays for each reply two C{epoll_ctl} calls, an extra C{epoll_wait} and a logging
context.  An L{EpollReactor} is what a transport is given in place of that reactor.  When its epoll
descriptor becomes readable it serves everything that is ready in a few tight rounds:

  - a round polls once without waiting, reads each ready member once, then sends once for each
    member that has something queued, however many writes queued it; only the answer of a protocol
    that gave its transport a function for it is sent at once;

  - rounds follow each other until nothing is ready or L{PASS_SECONDS} have gone by, and the size
    of a round follows what its members cost, so timers and other descriptors get their turn;

  - the kernel puts a served descriptor at the end of its ready list, so a member that never stops
    sending is read once for each time all others are.

Bytes written outside a pass are sent in a pass made by one C{callLater(0)} for the whole set.
What is asked for by L{EpollReactor.atTurnEnd} is done between the reads and the sends of a round.

Any reactor that can watch a descriptor will do above the set: it need not be an epoll reactor.
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

#: How long, in seconds, a pass may go on before the real reactor gets its turn.
PASS_SECONDS = 0.001


def available() -> bool:
    """Whether this platform has epoll, without which no L{EpollReactor} can be opened."""
    return hasattr(select, "epoll")


def epollSetOf(reactor: Any) -> EpollReactor:
    """Find the set all fast ports of one reactor share, or make it."""
    if isinstance(reactor, EpollReactor):
        return reactor
    found = _sets.get(reactor)
    if found is None:
        # Known before it is opened: the end of turns is asked for before ports are.
        found = _sets[reactor] = EpollReactor(reactor)
    return found


def turnEnd(reactor: Any, fast: bool) -> Callable[[Callable[[], None]], object]:
    """
    Has something called when this turn of the reactor ends: once more has been read, and
    nothing is sent yet, if that can be.
    """
    if not fast or not available():
        return lambda job: reactor.callLater(0, job)
    return epollSetOf(reactor).atTurnEnd


@implementer(IReactorFDSet, IReadDescriptor, ILoggingContext)
class EpollReactor(EpollRound):
    """
    The members of an epoll object and the passes that serve them.

    @ivar _roundEvents: how many events the next round asks for.
    @ivar _woken: whether a pass is due in the next turn of the real reactor.
    @ivar _jobs: what is to be done when all that is ready has been read.
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
        """What the real reactor puts in front of lines logged during a pass."""
        return "-"

    def connectionLost(self, reason: Failure) -> None:
        """The real reactor stops: pass it on to every member, whatever one of them raises."""
        for member in self.removeAll():
            self._end(member, reason)
        self._close()

    def wake(self) -> None:
        """Have a pass made in the next turn of the real reactor, whatever the kernel has to say."""
        if not self._woken:
            self._woken = True
            self._reactor.callLater(0, self._woke)

    def _woke(self) -> None:
        """Make the pass asked for by L{wake}."""
        self._woken = False
        self.doRead()

    def atTurnEnd(self, job: Callable[[], None]) -> None:
        """
        Have something done when a round has read all that was ready, before it sends: what that
        writes leaves together with the rest.
        """
        self._jobs.append(job)
        if not self.passing:
            self.wake()

    def doRead(self) -> None:
        """
        Make a pass.

        This never raises and never returns a value: to the real reactor either would mean the end
        of every connection.
        """
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
        """Serve rounds until there is nothing to do or the time is over."""
        began = monotonic()
        deadline = began + PASS_SECONDS
        while True:
            self._changed.clear()
            wanted = self._roundEvents
            events = [] if self._poller is None else self._poller.poll(0, wanted)
            if not (events or self.queued or self._writers or self._jobs):
                return
            for watcher in self.observers:
                watcher.roundBegan()
            try:
                self._receive(events)
            finally:
                for watcher in self.observers:
                    watcher.roundEnded()
            turnEnds = bool(self._jobs)
            if turnEnds:
                self._endTurn()
            self._send()
            ended = monotonic()
            took = ended - began
            if turnEnds:
                # What it took is not for each of the events: the more of them the better.
                pass
            elif took > PASS_SECONDS:
                self._roundEvents = max(1, int(len(events) * PASS_SECONDS / took))
            elif took < PASS_SECONDS / 2 and wanted < ROUND_EVENTS:
                self._roundEvents = min(ROUND_EVENTS, 2 * wanted)
            if ended >= deadline:
                return
            began = ended

    def _endTurn(self) -> None:
        """
        Do what was asked for by L{atTurnEnd}; what is asked for meanwhile waits for the next
        round.
        """
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            try:
                job()
            except BaseException:
                self._log.failure("What was to be done at the end of a turn was cut short")


# Weak: a set that never was opened goes with the last port or chat that wanted it.
_sets: WeakValueDictionary[Any, EpollReactor] = WeakValueDictionary()
