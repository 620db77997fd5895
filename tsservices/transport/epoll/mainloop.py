"""
The L{EpollReactor} that is the reactor of a process: C{twistd --reactor=tsservices}.

It is Twisted's reactor on epoll with a loop of its own.  Connections of fast ports, and descriptors
that provide L{IDirectDescriptor}, are in the reactor's epoll object, and are served as in a set
(L{tsservices.transport.epoll.set}).  All other descriptors are served by Twisted's code, within a
logging context.
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
from tsservices.transport.epoll.round import ERROR_OR_HANGUP

# What this saves
# ---------------
#
# Below another reactor a message to one connection takes three `epoll_wait`: one of the reactor,
# and two of the set, the second of which finds nothing.  Here it takes one.  The loop reads the
# clock once per turn, and calls Twisted's `runUntilCurrent` and `timeout` only if needed.
#
# Writing outside a round
# -----------------------
#
# The loop always makes a round before it waits, so nothing has to wake it up: while bytes are
# queued, or jobs for the end of a turn exist, `epoll_wait` does not wait.
#
# Stale events
# ------------
#
# Before an event of `epoll_wait` is served, its descriptor may be closed, and its number be in use
# again.  Twisted's reactor then treats a hang-up of the old connection as one of the new.  Here the
# events of changed descriptors are dropped; the kernel reports valid ones again.


#: The longest wait in seconds: the kernel takes milliseconds as a C{int}.
LONGEST_WAIT = 2_000_000.0


@implementer(IDirectDescriptor)
class Waker:
    """
    A waker, which wakes the loop up from another thread or from a signal handler.

    Twisted's waker has a pipe, and writes a byte each time; this one writes only if the loop has
    not been woken up yet.
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
                # So that the next call tries again.
                self._woken = False
                raise

    def doRead(self) -> None:
        # A nested turn may have read it already.
        with suppress(BlockingIOError):
            os.eventfd_read(self._descriptor)
        # After the read: a thread that finds the flag set has queued its call before the loop looks
        # for calls.  In the reverse order, a write between the two steps would be read here, and
        # leave the flag set for ever.
        self._woken = False

    def connectionLost(self, reason: Failure) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor != -1:
            os.close(descriptor)


@implementer(IReactorDaemonize)
class EpollMainReactor(EpollReactor, EPollReactor):
    """
    An L{EpollReactor} that is the reactor of the process.

    C{seconds} is the monotonic clock, and no time of day.
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
        """Do nothing: the loop always makes a round before it waits."""

    # Readers and writers

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
        """Replace the epoll object, which is shared with the parent process."""
        # In the shared one, a descriptor that is closed here stays until the parent closes it too.
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
        # ReactorBase.mainLoop, but its two calls are made only if needed.
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
        # Waits up to so many seconds (None: for ever), serves one round, and returns the time at
        # its end.
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
                # A protocol has called `iterate`: the outer turn still has older events.
                self._changed |= changed

    def _dispatch(self, number: int, event: int) -> None:
        selectable = self._selectables.get(number)
        if selectable is None:
            # Not `super`, which would be slower for each single datagram.
            EpollReactor._dispatch(self, number, event)
        elif number not in self._changed:
            if event & ERROR_OR_HANGUP and number in self._reads:
                # Twisted closes the descriptor without reading.  But a pipe may be reported as hung
                # up before its last bytes, and a UDP port whose datagram was refused stays open.
                event |= EPOLLIN
            callWithLogger(selectable, self._doReadOrWrite, selectable, number, event)


def install() -> None:
    """
    Install an L{EpollMainReactor} in this process.

    @raise ReactorAlreadyInstalledError: if a reactor is installed.
    """
    installReactor(EpollMainReactor())
