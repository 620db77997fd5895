"""
Who is watched by an epoll object of our own, and for what.

This is the bookkeeping half of L{tsservices.transport.epoll.set}: which descriptors read, which
wait to be written to, and when the epoll object is opened, watched by the real reactor and closed.
"""

from __future__ import annotations

import select
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IReactorFDSet
from zope.interface import alsoProvides, implementer, providedBy

from tsservices.transport.capabilities import RoundObserver
from tsservices.transport.epoll.interfaces import InPlaceStream, WatchedDescriptor, isStream

#: About as much memory as the reads and replies of one round need at the most.
ARENA_BYTES = 16 * 1024 * 1024

EPOLLIN: int = getattr(select, "EPOLLIN", 0x01)
EPOLLOUT: int = getattr(select, "EPOLLOUT", 0x04)


@implementer(IReactorFDSet)
class EpollRegistry:
    """
    An L{IReactorFDSet} below another one.

    Every attribute it does not have is the real reactor's, and it provides every interface the
    real reactor provides, so that protocols which reach for C{transport.reactor} find a reactor.

    @ivar passing: whether a pass is going on, at whose end what is queued will be sent.
    @ivar queued: the plain streams that got bytes to send at the end of the round.  One that has
        lost them since, or its connection, may still be among them.
    @ivar observers: who is told when a round of reads begins and when it is over.
    @ivar _streams: members read in place, by descriptor.
    @ivar _readers: all other members that read, by descriptor.
    @ivar _writers: streams to be sent for by their own C{doWrite} at the end of the round.
    @ivar _waiting: members for which the kernel is asked to say when they can be written to.
    @ivar _changed: descriptors whose registration changed in this round; an event for one of them
        may be about a connection that is gone and whose number was used again.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.passing = False
        self.queued: list[InPlaceStream] = []
        self.observers: list[RoundObserver] = []
        self._streams: dict[int, InPlaceStream] = {}
        self._readers: dict[int, WatchedDescriptor] = {}
        self._writers: dict[int, InPlaceStream] = {}
        self._waiting: dict[int, WatchedDescriptor] = {}
        self._changed: set[int] = set()
        self._ports = 0
        self._poller: select.epoll | None = None
        self._number = -1
        alsoProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        """Hand whatever else a reactor can do to the real one."""
        if name == "_reactor":
            raise AttributeError(name)
        return getattr(self._reactor, name)

    def __repr__(self) -> str:
        """Say what the set holds: this is what a dirty reactor is reported with."""
        return f"<{type(self).__name__} of {self._members()} for {self._ports} ports>"

    def fileno(self) -> int:
        """The number of the epoll object, or -1 when it is closed."""
        return self._number

    def portOpened(self) -> None:
        """
        Count one more listening port that will add its connections here.

        @raise OSError: when no epoll object can be had (C{EMFILE}).
        """
        self._open()
        self._ports += 1

    def portClosed(self) -> None:
        """Count one listening port less; without ports and members the set leaves the reactor."""
        self._ports -= 1
        self._closeIfUnused()

    def _open(self) -> select.epoll:
        """Have an epoll object, watched by the real reactor."""
        poller = self._poller
        if poller is None:
            poller = select.epoll()
            # glibc learns by this to keep what is freed.  It would give the 64 KiB of a
            # large read back to the kernel each time, and fault them in again.
            bytes(ARENA_BYTES)
            self._number = poller.fileno()
            try:
                self._reactor.addReader(self)
            except BaseException:
                self._number = -1
                poller.close()
                raise
            self._poller = poller
        return poller

    def _closeIfUnused(self) -> None:
        """
        Leave the reactor when there is nothing left to watch: what stays behind there counts as
        forgotten.
        """
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
        """Give the epoll object back."""
        poller, self._poller = self._poller, None
        if poller is not None:
            poller.close()
        self._number = -1
        self.observers.clear()

    def wake(self) -> None:
        """Have a pass made although the kernel has nothing to say.  Subclasses do it."""
        raise NotImplementedError

    def _members(self) -> list[WatchedDescriptor]:
        return list({**self._streams, **self._readers, **self._waiting, **self._writing()}.values())

    def _writing(self) -> dict[int, InPlaceStream]:
        queued = {stream.descriptor: stream for stream in self.queued if stream.pendingBytes()}
        return {**queued, **self._writers}

    def _numberOf(self, member: WatchedDescriptor) -> int:
        if isStream(member):
            return member.descriptor
        number = member.fileno()
        if number == -1:
            for known, other in (*self._readers.items(), *self._waiting.items()):
                if other is member:
                    return known
        return number

    def _interest(self, number: int) -> int:
        reading = EPOLLIN if number in self._streams or number in self._readers else 0
        return reading | (EPOLLOUT if number in self._waiting else 0)

    def _watch(self, number: int, before: int, after: int) -> None:
        """Tell the kernel what is wanted of a descriptor."""
        if self.passing:
            self._changed.add(number)
        poller = self._open()
        if not before:
            poller.register(number, after)
        elif after:
            poller.modify(number, after)
        else:
            # Closed behind our back, the kernel has forgotten it already.
            with suppress(OSError):
                poller.unregister(number)

    def addReader(self, reader: Any) -> None:
        number = self._numberOf(reader)
        if number not in self._streams and number not in self._readers:
            before = self._interest(number)
            self._watch(number, before, before | EPOLLIN)
            place = self._streams if getattr(reader, "readInPlace", False) else self._readers
            place[number] = reader

    def removeReader(self, reader: Any) -> None:
        number = self._numberOf(reader)
        before = self._interest(number)
        if before & EPOLLIN:
            self._streams.pop(number, None)
            self._readers.pop(number, None)
            self._watch(number, before, before & ~EPOLLIN)
            self._closeIfUnused()

    def addWriter(self, writer: Any) -> None:
        """
        Have C{writer} sent for at the end of the round; the kernel is asked to watch it only if
        that leaves something over.
        """
        number = self._numberOf(writer)
        if number not in self._waiting:
            if isStream(writer):
                self._writers[number] = writer
                if not self.passing:
                    self.wake()
            else:
                self._await(number, writer)

    def _await(self, number: int, writer: WatchedDescriptor) -> None:
        """Have the kernel say when C{writer} can be written to."""
        before = self._interest(number)
        if not before & EPOLLOUT:
            self._watch(number, before, before | EPOLLOUT)
            self._waiting[number] = writer

    def removeWriter(self, writer: Any) -> None:
        number = self._numberOf(writer)
        self._writers.pop(number, None)
        before = self._interest(number)
        if before & EPOLLOUT:
            del self._waiting[number]
            self._watch(number, before, before & ~EPOLLOUT)
            self._closeIfUnused()

    def removeAll(self) -> list[Any]:
        members = self._members()
        for member in members:
            self.removeReader(member)
            self.removeWriter(member)
        return members

    def getReaders(self) -> list[Any]:
        return [*self._streams.values(), *self._readers.values()]

    def getWriters(self) -> list[Any]:
        return list({**self._waiting, **self._writing()}.values())
