"""
What a cluster expects of the engine that orders its messages.  Pure.

All of it is called in the reactor's thread, whatever threads an engine has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

#: Seconds without an answer after which a message is taken for lost.
ACKNOWLEDGE_SECONDS = 1.0

#: Seconds between two attempts while the engine has no leader.
RETRY_SECONDS = 0.25

#: Seconds for the last message and for saying goodbye.
STOP_SECONDS = 3.0


class BrokerError(Exception):
    """
    An engine can't be used as it is.  The argument is one line that says why, and what
    to do.
    """


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """
    What all nodes of a cluster share from its beginning: kept with the stream itself.

    @ivar epoch: no other stream has it: of the same name, made again, it has another one.
    @ivar log: the incarnation of the order: the first part of the ids of lines.
    @ivar baseSequence: what is added to a number in the stream to get a position.
    @ivar cloakKey: 32 bytes, by which the addresses of people are cloaked.
    """

    epoch: str
    log: str
    baseSequence: int
    cloakKey: bytes


@dataclass(frozen=True, slots=True)
class StreamState:
    """
    What there is to know of the stream.

    @ivar identity: what was said when it was made.
    @ivar first: the number of its first message; of the next one, if it is empty.
    @ivar last: the number of its last message; 0, if there never was one.
    @ivar created: this node has made it now.
    """

    identity: ClusterIdentity
    first: int
    last: int
    created: bool = False


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """
    A message, at its place.

    @ivar sequence: in the stream.
    @ivar stamp: when the stream took it: nanoseconds since 1970, UTC.
    @ivar data: what was published.
    """

    sequence: int
    stamp: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """
    A copy of a node's database, kept beside the stream.

    @ivar epoch: of the stream.
    @ivar position: up to where it goes.
    @ivar size: in bytes.
    """

    epoch: str
    position: int
    size: int


class BrokerListener(Protocol):
    """Who is told what an engine brings."""

    def delivered(self, deliveries: list[StreamMessage]) -> None: ...

    def publishUncertain(self) -> None:
        """Something that was published may not have got there, or not yet."""
        ...

    def connected(self, where: str) -> None: ...

    def streamBroken(self, reason: str) -> None:
        """The stream is not what it was: it can't be gone on with."""
        ...


class Broker(Protocol):
    """Orders messages, and keeps them for some days."""

    def open(
        self,
        founding: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        """
        Connect, however long that takes, and find the stream.

        @param founding: what to make it with, if it is not there; L{None}: it has to be.
        """
        ...

    def subscribe(self, number: int, listener: BrokerListener) -> None: ...

    def publish(self, data: bytes) -> None:
        """
        Give the stream a message.  Whether it got there is seen when it is delivered;
        L{BrokerListener.publishUncertain} says when it is time to doubt.
        """
        ...

    def pause(self, paused: bool) -> None: ...

    def lastSequence(self, found: Callable[[int | None], object]) -> None:
        """
        @param found: gets the number of the last message in the stream now; L{None}: it
            can't be found out.
        """
        ...

    def latestSnapshot(self, found: Callable[[SnapshotInfo | None], object]) -> None: ...

    def getSnapshot(self, path: str, fetched: Callable[[str | None], object]) -> None:
        """@param fetched: is told of the end: L{None}, or why it failed, in one line."""
        ...

    def putSnapshot(
        self, snapshot: SnapshotInfo, path: str, offered: Callable[[str | None], object]
    ) -> None:
        """
        Keep a snapshot in place of the one before.

        @param offered: is told of the end: L{None}, or why it failed, in one line.
        """
        ...

    def stop(self, stopped: Callable[[], object]) -> None:
        """Send what was published, if that goes at once, and end."""
        ...
