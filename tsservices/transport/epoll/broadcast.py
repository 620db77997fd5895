"""
The same bytes for many connections, sent by one loop that touches nothing of them but their
descriptors.

In a room of a thousand the memory of a thousand transports is what costs, not the instructions:
none of it is in the processor's caches when its turn comes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import repeat
from typing import Protocol

from tsservices.transport.epoll.interfaces import InPlaceStream
from tsservices.transport.epoll.set import EpollReactor


class BroadcastStream(InPlaceStream, Protocol):
    """
    A stream transport as a L{Broadcast} needs it.

    @ivar broadcasts: those in which it is; only L{Broadcast} changes them.
    """

    reactor: EpollReactor
    broadcasts: tuple[Broadcast, ...]

    def write(self, data: bytes) -> None:
        """Queue some bytes."""


class Broadcast:
    """
    Plain connections of one set with nothing to send, all of which are sent the same.

    Each of them dissolves it before that stops being true of it, by
    L{FastTCPServer.leave<tsservices.transport.epoll.tcp.FastTCPServer.leave>}.

    @ivar valid: it is not dissolved.
    @ivar sent: how many bytes each of them was sent here.
    """

    __slots__ = ("_descriptors", "_reactor", "_streams", "sent", "valid")

    def __init__(self, streams: Sequence[BroadcastStream]) -> None:
        self.sent = 0
        self.valid = True
        self._reactor = streams[0].reactor
        self._streams = list(streams)
        self._descriptors = [stream.descriptor for stream in streams]
        for stream in streams:
            stream.broadcasts += (self,)

    def send(self, data: bytes, without: Sequence[BroadcastStream]) -> bool:
        epollSet = self._reactor
        if not self.valid or epollSet.queued or epollSet.hasWriters:
            # What was written before goes first.
            return False
        descriptors = self._descriptors
        left = [stream for stream in without if self in stream.broadcasts]
        if left:
            descriptors = descriptors.copy()
            for stream in left:
                descriptors.remove(stream.descriptor)
        size = len(data)
        taken: list[int] = []
        sends = map(os.write, descriptors, repeat(data))
        while True:
            try:
                taken.extend(sends)
                break
            except OSError:
                taken.append(0)
        self.sent += size
        for stream in left:
            stream.sentAlone -= size
        if taken.count(size) != len(taken):
            self._finish(data, dict(zip(descriptors, taken, strict=True)))
        return True

    def dissolve(self) -> None:
        if not self.valid:
            return
        self.valid = False
        for stream in self._streams:
            stream.sentAlone += self.sent
            stream.broadcasts = tuple([each for each in stream.broadcasts if each is not self])
        self._streams.clear()
        self._descriptors.clear()

    def _finish(self, data: bytes, taken: dict[int, int]) -> None:
        """Keep for later what some did not take."""
        size = len(data)
        behind = [
            (stream, taken[stream.descriptor])
            for stream in self._streams
            if taken.get(stream.descriptor, size) < size
        ]
        self.dissolve()
        for stream, sent in behind:
            stream.sentAlone -= size - sent
            if sent:
                stream.reactor.keepUnsent(stream, data, sent)
            else:
                # At the end of the round it fails again, or waits, as any write does.
                stream.write(data)
