"""
The reactor of a process as an L{EpollReactor}: C{twistd --reactor=tsservices}.

It is Twisted's reactor on epoll with a loop of its own.  The connections of fast ports are in the
reactor's epoll object, and so are the descriptors that provide L{IDirectDescriptor}; both are
served as in a set (L{tsservices.transport.epoll.set}).  Every other descriptor is served by
Twisted's code, within a logging context.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress
from time import monotonic
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.interfaces import IReactorDaemonize
from twisted.internet.main import installReactor
from twisted.python.failure import Failure
from twisted.python.log import callWithLogger
from zope.interface import implementer

from tsservices.transport.capabilities import IDirectDescriptor, capability
from tsservices.transport.epoll.passes import EpollReactor
from tsservices.transport.epoll.registry import EPOLLIN, EPOLLOUT
from tsservices.transport.epoll.round import GONE

# What it saves
# -------------
#
# Below another reactor a message to one connection takes three `epoll_wait`: one of the reactor,
# and two of the set, the second of which finds nothing.  Here it takes one.  Per turn the loop asks
# once for the time, and it calls Twisted's `runUntilCurrent` and `timeout` only if there is
# something for them to do.
#
# Writing outside a round
# -----------------------
#
# There is always a round to come before the loop waits, so nothing has to wake it up: if something
# is to be sent, or to be done at the end of a turn, `epoll_wait` does not wait.
#
# Stale events
# ------------
#
# Between `epoll_wait` and the turn of an event its descriptor may be closed, and its number be in
# use again.  Twisted's reactor then takes the hang-up of the old connection for one of the new.
# Here such an event is dropped for all descriptors; a true one is reported again.


#: Seconds to wait at the most: what the kernel takes is a C{int} of milliseconds.
LONGEST_WAIT = 2_000_000.0


@implementer(IDirectDescriptor)
class Waker:
    """
    Wakes the loop up from another thread or from a signal's handler.

    Twisted's has a pipe, and writes a byte each time; this writes only if the loop has not been
    woken up yet.
    """

    disconnected = 0

    def __init__(self) -> None:
        """@raise OSError: if there are no more descriptors."""
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._woken = False

    def fileno(self) -> int:
        return self._descriptor

    def logPrefix(self) -> str:
        return "-"

    def wakeUp(self) -> None:
        if not self._woken and self._descriptor != -1:
            self._woken = True
            try:
                os.eventfd_write(self._descriptor, 1)
            except BaseException:
                # The next call has to try again.
                self._woken = False
                raise

    def doRead(self) -> None:
        # A turn within a turn may have read it already.
        with suppress(BlockingIOError):
            os.eventfd_read(self._descriptor)
        # In this order: whoever finds it set has queued a call before the loop looks for calls.
        # The other way round a write that comes between the two would be read here, and leave it
        # set for ever.
        self._woken = False

    def connectionLost(self, reason: Failure) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor != -1:
            os.close(descriptor)


@implementer(IReactorDaemonize)
class EpollMainReactor(EpollReactor, EPollReactor):
    """
    An L{EpollReactor} that is the reactor of the process.

    Its time is that of the monotonic clock, and no time of day.
    """

    seconds = staticmethod(monotonic)

    _poller: select.epoll

    def __init__(self) -> None:
        """@raise OSError: if there are no more descriptors."""
        EpollReactor.__init__(self)
        EPollReactor.__init__(self)

    def _wakerFactory(self) -> Any:
        return Waker()

    def _open(self) -> select.epoll:
        return self._poller

    def _closeIfUnused(self) -> None:
        if not (self._ports or self._streams):
            self.observers.clear()

    def wake(self) -> None:
        """Nothing: there is always a round to come."""

    # What is watched, and by whom

    def addReader(self, reader: Any) -> None:
        if capability(reader, IDirectDescriptor) is None:
            EPollReactor.addReader(self, reader)
            self._noteChange(reader)
        else:
            super().addReader(reader)

    def addWriter(self, writer: Any) -> None:
        if capability(writer, IDirectDescriptor) is None:
            EPollReactor.addWriter(self, writer)
            self._noteChange(writer)
        else:
            super().addWriter(writer)

    def _noteChange(self, member: Any) -> None:
        if self.passing:
            self._changed.add(member.fileno())

    def removeReader(self, reader: Any) -> None:
        if capability(reader, IDirectDescriptor) is None:
            EPollReactor.removeReader(self, reader)
        else:
            super().removeReader(reader)

    def removeWriter(self, writer: Any) -> None:
        if capability(writer, IDirectDescriptor) is None:
            EPollReactor.removeWriter(self, writer)
        else:
            super().removeWriter(writer)

    def removeAll(self) -> list[Any]:
        removed: list[Any] = EPollReactor.removeAll(self)
        return [*super().removeAll(), *removed]

    def _members(self) -> list[Any]:
        return [member for member in super()._members() if member not in self._internalReaders]

    def getReaders(self) -> list[Any]:
        return [*super().getReaders(), *EPollReactor.getReaders(self)]

    def getWriters(self) -> list[Any]:
        return [*super().getWriters(), *EPollReactor.getWriters(self)]

    # Daemons

    def beforeDaemonize(self) -> None:
        pass

    def afterDaemonize(self) -> None:
        """Have an epoll object of this process alone."""
        # That of the parent is shared with it: a descriptor that is closed here stays in it as long
        # as the parent has it open.
        self._poller.close()
        self._poller = select.epoll()
        for number in {*self._streams, *self._readers, *self._waiting}:
            self._poller.register(number, self._interest(number))
        for number in self._selectables:
            reading = EPOLLIN if number in self._reads else 0
            self._poller.register(number, reading | (EPOLLOUT if number in self._writes else 0))

    # The loop

    def mainLoop(self) -> None:
        while self._started:
            with self._log.failureHandler("A turn of the reactor was cut short"):
                self._turns()
        self._log.info("Main loop terminated.")

    def _turns(self) -> None:
        # ReactorBase.mainLoop, with a look for what there is to do in place of two calls.
        now = monotonic()
        while self._started:
            timers = self._pendingTimedCalls
            if (
                self._newTimedCalls
                or self.threadCallQueue
                or self._justStopped
                or (timers and timers[0].time <= now)
            ):
                self.runUntilCurrent()
                timers = self._pendingTimedCalls
                wait = self.timeout()
            elif timers:
                wait = timers[0].time - now
                if wait > LONGEST_WAIT:
                    wait = LONGEST_WAIT
            else:
                wait = None
            now = self._turn(self.running and wait)

    def doIteration(self, delay: float | None) -> None:
        self._turn(delay)

    def _turn(self, delay: float | None) -> float:
        # Waits so many seconds at the most, L{None} for ever; serves what is ready for one round.
        # Gives the time at the end.
        within = self.passing
        changed = self._changed
        if changed:
            self._changed = set()
        pending = self.queued or self._writers or self._jobs
        self.passing = True
        try:
            wait = 0 if pending else -1 if delay is None else delay
            events = self._poller.poll(wait, self._roundEvents)
            now = monotonic()
            return self._round(events, now) if events or pending else now
        finally:
            self.passing = within
            if within:
                # A protocol has called `iterate`: the events of the outer turn are older.
                self._changed |= changed

    def _dispatch(self, number: int, event: int) -> None:
        selectable = self._selectables.get(number)
        if selectable is None:
            # No `super` here: a lone datagram pays for it.
            EpollReactor._dispatch(self, number, event)
        elif number not in self._changed:
            if event & GONE and number in self._reads:
                # Twisted takes this for the end without a look.  But a pipe may be reported as hung
                # up before its last bytes are, and a UDP port that was refused is not at its end.
                event |= EPOLLIN
            callWithLogger(selectable, self._doReadOrWrite, selectable, number, event)


def install() -> None:
    """
    Make it the reactor of this process.

    @raise ReactorAlreadyInstalledError: if there is one.
    """
    installReactor(EpollMainReactor())
