"""
A I{set}: an own epoll object, whose descriptor is one reader in the real reactor.

It makes the connections of a server fast under every reactor.  The reactor of
L{tsservices.transport.epoll.mainloop} has no set, because it is an L{EpollReactor} itself.
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
# An epoll object can itself be watched: it is readable while one of its descriptors is ready.
# Therefore any reactor can be above it (epoll, poll, select and asyncio are tested), and it serves
# descriptors that are not in the set as before.  The cost is two more `epoll_wait` for each
# wake-up, shared by all ready connections.  A server has few UDP ports, which would have the cost
# without the gain, so they are not in the set.
#
# Outside a pass
# --------------
#
# Bytes that are written outside a pass (from a timer, or by a thread's result) are queued too.  One
# `callLater(0)` for the whole set makes a pass that sends all of them.


def available() -> bool:
    """Whether this platform has epoll."""
    return hasattr(select, "epoll")


def epollSetOf(reactor: Any) -> EpollReactor:
    """
    Get the object that all fast ports of one reactor share: the reactor itself if it is an
    L{EpollReactor}, otherwise its set, which is made if there is none.
    """
    if isinstance(reactor, EpollReactor):
        return reactor
    epollSet = _sets.get(reactor)
    if epollSet is None:
        # Registered before it is opened: a chat calls `turnEnd` before there are ports.
        epollSet = _sets[reactor] = EpollSet(reactor)
    return epollSet


def turnEnd(reactor: Any, fast: bool) -> Callable[[Callable[[], None]], object]:
    """
    Get a function that schedules a call for the end of this turn of the reactor.

    @param fast: whether connections are in an L{EpollReactor}: then the call is made after all
        ready descriptors are read and before anything is sent.
    """
    if not fast or not available():
        return lambda job: reactor.callLater(0, job)
    return epollSetOf(reactor).atTurnEnd


@implementer(IReactorFDSet, IReadDescriptor, ILoggingContext)
class EpollSet(EpollReactor):
    """
    An L{EpollReactor} below another reactor, which wakes it up.

    For missing attributes it returns those of the real reactor, and it provides the same
    interfaces, so that protocols can use C{transport.reactor} as a reactor.

    The epoll object is open, and a reader of the real reactor, while there is a listening port that
    uses the set, or a member.

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
            # Not set yet: the lookup would call this method without end.
            raise AttributeError(name)
        return getattr(self._reactor, name)

    def __repr__(self) -> str:
        # Trial prints this when a test leaves the set behind in the reactor.
        return f"<{type(self).__name__} of {self._members()} for {self._ports} ports>"

    def fileno(self) -> int:
        """Get the descriptor of the epoll object, or -1 while it is closed."""
        return self._number

    def logPrefix(self) -> str:
        return "-"

    def connectionLost(self, reason: Failure) -> None:
        """End the connections of all members, because the real reactor has stopped."""
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
        # A reader left in the reactor keeps a descriptor, and trial reports it as unclean.  Not
        # during a pass: the epoll object is in use, and the pass does this at its end.
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
        """Schedule a pass for the next turn of the real reactor, even if no descriptor is ready."""
        if not self._woken:
            self._woken = True
            self._reactor.callLater(0, self._wakeUp)

    def _wakeUp(self) -> None:
        self._woken = False
        self.doRead()

    def doRead(self) -> None:
        """Make a pass."""
        # This never raises and never returns a value: the real reactor would then end this reader,
        # and with it all connections.  Passes may be nested, because a protocol may run the reactor
        # within a pass.
        outer, self.passing = self.passing, True
        changed, self._changed = self._changed, set()
        try:
            self._pass()
        except BaseException:
            self._log.failure("A pass over the connections was cut short")
        finally:
            self.passing = outer
            if outer:
                # The outer pass still has older events, for which both sets of changes count.
                self._changed |= changed
        if self.queued or self._writers or self._jobs:
            self.wake()
        self._closeIfUnused()


# Weak: a set that was never opened is freed with the last port or chat that uses it.
_sets: WeakValueDictionary[Any, EpollSet] = WeakValueDictionary()
