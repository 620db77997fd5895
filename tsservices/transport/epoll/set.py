"""
An epoll object of our own, whose descriptor is one reader in the real reactor: a I{set}.

It makes the connections of a server fast under every reactor.  Under the reactor of
L{tsservices.transport.epoll.mainloop} there is none: that is an L{EpollReactor} itself.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from twisted.internet.interfaces import ILoggingContext, IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer, providedBy

from tsservices.transport.epoll.passes import EpollReactor

# Why below the reactor
# ---------------------
#
# An epoll object can itself be watched: it is readable while one of its descriptors is ready.  So
# any reactor can be above it (epoll, poll, select and asyncio are tested), and every descriptor
# that is not in the set is served as before.  The price is two `epoll_wait` more for each wake-up,
# which many ready connections share.  UDP ports, of which a server has few, would only pay it, so
# they are not in the set.
#
# Outside a pass
# --------------
#
# Bytes that are written while no pass is made (from a timer, or by a thread's result) are queued
# too. One `callLater(0)` for the whole set makes a pass that sends them, however many were written.


def available() -> bool:
    """Whether this platform has epoll."""
    return hasattr(select, "epoll")


def epollSetOf(reactor: Any) -> EpollReactor:
    """
    What all fast ports of one reactor share: the reactor itself if it is an L{EpollReactor}, and
    otherwise its set, which is made if there is none.
    """
    if isinstance(reactor, EpollReactor):
        return reactor
    epollSet = _sets.get(reactor)
    if epollSet is None:
        # Known before it is opened: a chat asks for the end of turns before there are ports.
        epollSet = _sets[reactor] = EpollSet(reactor)
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
class EpollSet(EpollReactor):
    """
    An L{EpollReactor} below another reactor, which wakes it up.

    It hands on every attribute that it does not have to the real reactor, and provides the same
    interfaces, so that a protocol that uses C{transport.reactor} finds a reactor.

    Owned by the listening ports that have opened it: the epoll object is open, and known to the
    real reactor, while there is a port or a member.

    @ivar _woken: whether a pass is scheduled for the next turn of the real reactor.
    """

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self._reactor = reactor
        self._woken = False
        self._poller: select.epoll | None = None
        self._number = -1
        alsoProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        if name == "_reactor":
            # Not set yet: looking for it in itself would not end.
            raise AttributeError(name)
        return getattr(self._reactor, name)

    def __repr__(self) -> str:
        # Trial prints this when a test leaves the set behind in the reactor.
        return f"<{type(self).__name__} of {self._members()} for {self._ports} ports>"

    def fileno(self) -> int:
        """The number of the epoll object, or -1 while it is closed."""
        return self._number

    def logPrefix(self) -> str:
        return "-"

    def connectionLost(self, reason: Failure) -> None:
        """Every member loses its connection: the real reactor has stopped."""
        for member in self.removeAll():
            self._end(member, reason)
        self._close()

    def _open(self) -> select.epoll:
        poller = self._poller
        if poller is None:
            poller = select.epoll()
            self._number = poller.fileno()
            try:
                self._reactor.addReader(self)
            except BaseException:
                self._number = -1
                poller.close()
                raise
            self._poller = poller
            _sets.setdefault(self._reactor, self)
        return poller

    def _closeIfUnused(self) -> None:
        # A reader that stays in the reactor is a dirty reactor to trial, and keeps a descriptor.
        # Not during a pass: the epoll object is in use, and the pass does this at its end.
        if not (
            self._ports
            or self._poller is None
            or self.passing
            or self._streams
            or self._readers
            or self._waiting
        ):
            self._reactor.removeReader(self)
            self._close()

    def _close(self) -> None:
        poller, self._poller = self._poller, None
        if poller is not None:
            poller.close()
        self._number = -1
        self.observers.clear()
        if _sets.get(self._reactor) is self:
            del _sets[self._reactor]

    def wake(self) -> None:
        """Make a pass in the next turn of the real reactor, also if no descriptor is ready."""
        if not self._woken:
            self._woken = True
            self._reactor.callLater(0, self._wakeUp)

    def _wakeUp(self) -> None:
        self._woken = False
        self.doRead()

    def doRead(self) -> None:
        """Make a pass."""
        # It never raises and never returns a value: the real reactor would take either as the end
        # of this reader, and with it of every connection.  A protocol may run the reactor from
        # within a pass, so a pass may be within another.
        outer, self.passing = self.passing, True
        changed, self._changed = self._changed, set()
        try:
            self._pass()
        except BaseException:
            self._log.failure("A pass over the connections was cut short")
        finally:
            self.passing = outer
            if outer:
                # The events of the outer pass are older than what has changed in either.
                self._changed |= changed
        if self.queued or self._writers or self._jobs:
            self.wake()
        self._closeIfUnused()


# Weak: a set that was never opened goes with the last port or chat that asked for it.
_sets: WeakValueDictionary[Any, EpollSet] = WeakValueDictionary()
