"""
The registry of the descriptors that our epoll object watches, and of their events.

This is the lowest layer of L{tsservices.transport.epoll.passes}: it stores which descriptors read,
and which wait to be writable.  L{tsservices.transport.epoll.round} serves them.
"""

from __future__ import annotations

import select
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IReactorFDSet
from zope.interface import implementer

from tsservices.transport.capabilities import RoundObserver
from tsservices.transport.epoll.interfaces import InPlaceStream, WatchedDescriptor, isStream

# Level-triggered
# ---------------
#
# All descriptors are watched level-triggered: a round reads once from each, and the kernel reports
# those with more data again.  Edge-triggered epoll reports a descriptor once, so reads would have
# to go on until `EAGAIN`, and one busy connection could block all others.  Measured, the difference
# in speed is within noise.
#
# `EPOLLRDHUP` is not requested.  When a peer stops sending, its descriptor is readable, and the
# read returns nothing; the flag would report this before the earlier bytes are read.
#
# `EPOLLOUT` is requested only if the kernel did not take all bytes: a reply costs no `epoll_ctl` at
# all, where Twisted's reactors need two.

#: About the most bytes that the reads and replies of one round need.
ARENA_BYTES = 16 * 1024 * 1024

# Python has these names on Linux only; the module can be imported everywhere.
EPOLLIN: int = getattr(select, "EPOLLIN", 0x01)
EPOLLOUT: int = getattr(select, "EPOLLOUT", 0x04)


@implementer(IReactorFDSet)
class EpollRegistry:
    """
    An L{IReactorFDSet} for the descriptors that it serves itself.

    @ivar passing: whether a pass is running, which will send the queued bytes.
    @ivar queued: the plain streams with bytes to send at the end of the round.  It may still
        contain streams whose bytes were sent since, or whose connection was lost.
    @ivar observers: called when a round of reads begins and when it ends.
    @ivar _streams: members that are read in place, by descriptor.
    @ivar _readers: all other members that read, by descriptor.
    @ivar _writers: streams whose C{doWrite} is called at the end of the round, by descriptor.
    @ivar _waiting: members that wait until the kernel reports them as writable.
    @ivar _changed: descriptors whose registration has changed in this round: an event for one of
        them may be of a closed connection whose number is in use again.
    @ivar _ports: the number of listening ports that add their connections here.
    """

    def __init__(self) -> None:
        self.passing = False
        self.queued: list[InPlaceStream] = []
        self.observers: list[RoundObserver] = []
        self._streams: dict[int, InPlaceStream] = {}
        self._readers: dict[int, WatchedDescriptor] = {}
        self._writers: dict[int, InPlaceStream] = {}
        self._waiting: dict[int, WatchedDescriptor] = {}
        self._changed: set[int] = set()
        self._ports = 0

    def portOpened(self) -> None:
        """
        Add one to the count of listening ports that add their connections here.

        @raise OSError: if no epoll object can be made (C{EMFILE}).
        """
        self._open()
        if not self._ports:
            # When a large block is freed, glibc raises the size from which on it returns memory to
            # the kernel.  Without this the 64 KiB of each large read are returned and paged in
            # again: 32 requests of 4 KiB in flight ran at 0.25 of uvloop's rate, and with it at
            # 0.81.
            bytes(ARENA_BYTES)
        self._ports += 1

    def portClosed(self) -> None:
        """Subtract one from the count of listening ports."""
        self._ports -= 1
        self._closeIfUnused()

    def _open(self) -> select.epoll:
        # Returns the epoll object, and makes it if there is none.
        raise NotImplementedError

    def _closeIfUnused(self) -> None:
        # Frees resources that are needed only while there are ports or members.
        raise NotImplementedError

    def wake(self) -> None:
        """Schedule a pass even if no descriptor is ready."""
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
            # Twisted closes some sockets before it removes them.
            for known, other in (*self._readers.items(), *self._waiting.items()):
                if other is member:
                    return known
        return number

    def _interest(self, number: int) -> int:
        reading = EPOLLIN if number in self._streams or number in self._readers else 0
        return reading | (EPOLLOUT if number in self._waiting else 0)

    def _watch(self, number: int, before: int, after: int) -> None:
        if self.passing:
            self._changed.add(number)
        poller = self._open()
        if not before:
            poller.register(number, after)
        elif after:
            poller.modify(number, after)
        else:
            # If the socket is closed already, the kernel has removed it.
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
        """Call C{doWrite} at the end of the round; the rest waits until the socket is writable."""
        number = self._numberOf(writer)
        if number not in self._waiting:
            if isStream(writer):
                self._writers[number] = writer
                if not self.passing:
                    self.wake()
            else:
                self._awaitWritable(number, writer)

    def _awaitWritable(self, number: int, writer: WatchedDescriptor) -> None:
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
