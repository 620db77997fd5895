"""
The same bytes for many connections, sent by one loop that touches only their descriptors.

A room of a thousand members is limited by memory and not by instructions: when the turn of a
transport comes, nothing of it is in the processor's caches any more.  So the numbers of the
descriptors stand in one list, and C{map} calls C{os.write} for each without any Python code
between.  The transports are touched only for those whose kernel did not take all bytes.

Where it pays, one system call sends to all of them: L{tsservices.transport.epoll.sendring}.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Sequence
from itertools import islice, repeat
from typing import Protocol

from tsservices.transport.epoll.interfaces import InPlaceStream
from tsservices.transport.epoll.passes import EpollReactor


class BroadcastStream(InPlaceStream, Protocol):
    """A stream transport as a L{StreamBroadcast} needs it."""

    reactor: EpollReactor
    #: The broadcasts of which it is a member; only L{StreamBroadcast} changes them.
    broadcasts: tuple[StreamBroadcast, ...]

    def write(self, data: bytes) -> None:
        """Queue some bytes."""


class StreamBroadcast:
    """
    Some idle streams of one set, all of which are sent the same bytes.

    A stream dissolves its broadcasts before it stops to be plain or gets bytes that have to wait,
    by C{leaveBroadcast}.  A stream may be in several.

    @ivar valid: whether it can still be used; once dissolved, never again.
    @ivar sent: how many bytes each stream was sent by it.
    """

    __slots__ = ("_descriptors", "_reactor", "_streams", "sent", "valid")

    def __init__(self, streams: Sequence[BroadcastStream]) -> None:
        self.sent = 0
        self.valid = True
        self._reactor = streams[0].reactor
        self._streams = list(streams)
        self._descriptors = array("I", [stream.descriptor for stream in streams])
        for stream in streams:
            stream.broadcasts += (self,)

    def send(self, data: bytes, without: Sequence[BroadcastStream]) -> bool:
        """
        Send some bytes at once to all streams but some.

        @return: whether it was done; if not, nothing was sent to any of them.
        """
        epollSet = self._reactor
        if not self.valid or epollSet.queued or epollSet.hasWriters:
            # What was written before, to any stream of the set, has to be sent first.
            return False
        descriptors = self._descriptors
        excluded = [stream for stream in without if self in stream.broadcasts]
        if excluded:
            descriptors = descriptors[:]
            for stream in excluded:
                descriptors.remove(stream.descriptor)
        size = len(data)
        ring = epollSet.sendRing
        served = 0
        # The places of those that did not get all bytes, and how many they got.
        incomplete: dict[int, int] = {}
        if ring is not None and len(descriptors) >= ring.smallest:
            served, incomplete = ring.send(descriptors, data)
        if served < len(descriptors):
            # Usually all or none.
            sizes = _sendToEach(islice(descriptors, served, None), data)
            if sizes.count(size) != len(sizes):
                incomplete |= {
                    place: sent for place, sent in enumerate(sizes, served) if sent < size
                }
        # One addition in place of one for each stream; the excluded ones are put right.
        self.sent += size
        for stream in excluded:
            stream.sentAlone -= size
        if incomplete:
            self._finish(data, {descriptors[place]: sent for place, sent in incomplete.items()})
        return True

    def dissolve(self) -> None:
        """Let its streams be sent to alone again; does nothing the second time."""
        if not self.valid:
            return
        self.valid = False
        for stream in self._streams:
            stream.sentAlone += self.sent
            stream.broadcasts = tuple([other for other in stream.broadcasts if other is not self])
        self._streams.clear()
        self._descriptors = array("I")

    def _finish(self, data: bytes, sizes: dict[int, int]) -> None:
        size = len(data)
        incomplete = [
            (stream, sizes[stream.descriptor])
            for stream in self._streams
            if sizes.get(stream.descriptor, size) < size
        ]
        self.dissolve()
        for stream, sent in incomplete:
            stream.sentAlone -= size - sent
            if sent:
                stream.reactor.keepUnsent(stream, data, sent)
            else:
                # At the end of the round the send fails again, or waits, as for any write.  The
                # connection cannot be ended here: the caller is in the middle of a room.
                stream.write(data)


def _sendToEach(descriptors: Iterable[int], data: bytes) -> list[int]:
    sizes: list[int] = []
    sends = map(os.write, descriptors, repeat(data))
    while True:
        # An exception ends `extend`, but not the iterator: the next call goes on behind the stream
        # that failed, of which 0 bytes were sent.
        try:
            sizes.extend(sends)
            return sizes
        except OSError:
            sizes.append(0)
