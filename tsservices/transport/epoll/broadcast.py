"""
A broadcast: the same bytes for many connections, sent by a loop over their descriptors.

The speed in a room of a thousand members is limited by memory and not by instructions: the data of
a transport is not in the processor's caches when it is sent to.  Therefore the descriptors are in
one array, and C{map} calls C{os.write} for each, without Python code in between.  Only transports
whose bytes the kernel did not take completely are accessed.

Where it is faster, one system call sends to all: L{tsservices.transport.epoll.sendring}.
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
    """A stream transport that can be a member of a L{StreamBroadcast}."""

    reactor: EpollReactor
    #: The broadcasts of which it is a member; only L{StreamBroadcast} changes this.
    broadcasts: tuple[StreamBroadcast, ...]

    def write(self, data: bytes) -> None:
        """Queue some bytes."""


class StreamBroadcast:
    """
    A group of idle streams of one set, to which the same bytes are sent.

    By C{leaveBroadcast} a stream dissolves its broadcasts before it is no longer plain or has bytes
    that wait.  A stream may be in several broadcasts.

    @ivar valid: whether the broadcast can still be used; false for ever once it is dissolved.
    @ivar sent: the number of bytes that this broadcast has sent to each stream.
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
        Send some bytes at once to all streams, except those of C{without}.

        @return: whether the bytes were sent; if not, nothing was sent to any stream.
        """
        epollSet = self._reactor
        if not self.valid or epollSet.queued or epollSet.hasWriters:
            # Bytes written before, to any stream of the set, have to be sent first.
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
        # By index, the number of bytes sent to each stream that did not get all bytes.
        incomplete: dict[int, int] = {}
        if ring is not None and len(descriptors) >= ring.smallest:
            served, incomplete = ring.send(descriptors, data)
        if served < len(descriptors):
            # Usually the ring has served all, or there is no ring.
            sizes = _sendToEach(islice(descriptors, served, None), data)
            if sizes.count(size) != len(sizes):
                incomplete |= {
                    place: sent for place, sent in enumerate(sizes, served) if sent < size
                }
        # One addition in place of one for each stream; the excluded ones are corrected.
        self.sent += size
        for stream in excluded:
            stream.sentAlone -= size
        if incomplete:
            self._finish(data, {descriptors[place]: sent for place, sent in incomplete.items()})
        return True

    def dissolve(self) -> None:
        """End this broadcast, and release its streams; does nothing the second time."""
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
                # The connection cannot be ended here, because the caller is iterating over a room.
                # At the end of the round the send fails again, or waits, as for any write.
                stream.write(data)


def _sendToEach(descriptors: Iterable[int], data: bytes) -> list[int]:
    sizes: list[int] = []
    sends = map(os.write, descriptors, repeat(data))
    while True:
        # An exception ends `extend`, but not the iterator: the next call goes on after the stream
        # that failed, to which 0 bytes were sent.
        try:
            sizes.extend(sends)
            return sizes
        except OSError:
            sizes.append(0)
