"""
The port to the broker, the service that orders the messages of a cluster.  Pure.

Everything here is called in the reactor's thread, whatever threads a broker has.  The log and the
messages to operators call the broker "the engine".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

#: Seconds without an answer after which a message counts as lost: far more than a broker with a
#: leader needs (2 ms), far less than the election of another leader (5 to 8 s).
ACKNOWLEDGE_SECONDS = 1.0

#: Seconds between two attempts while the broker has no leader.
RETRY_SECONDS = 0.25

#: Seconds for the last message of a node, and again to close the connection: a process manager
#: waits for both.
STOP_SECONDS = 3.0


class BrokerError(Exception):
    """The broker can't be used.  The argument is one line with the reason and a remedy."""


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """The identity of a cluster, shared by all its nodes and stored with the stream."""

    #: Identifies the stream: a stream created again under the same name has another epoch.
    epoch: str
    #: The incarnation of the order: the first part of the ids of lines.
    log: str
    #: Added to a number in the stream to get a position.
    baseSequence: int
    #: The key of 32 bytes with which the addresses of users are cloaked.
    cloakKey: bytes


@dataclass(frozen=True, slots=True)
class StreamState:
    """The state of the stream when a node opens it."""

    identity: ClusterIdentity
    #: The number of its first message, or of the next one if it is empty.
    first: int
    #: The number of its last message; 0 if there never was one.
    last: int
    #: This node has just created the stream.
    created: bool = False


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """A message at its place in the stream."""

    sequence: int
    #: When the stream stored it: nanoseconds since 1970, UTC.
    stamp: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A copy of a node's database, stored beside the stream."""

    #: The epoch of the stream.
    epoch: str
    #: The position of the last batch in the snapshot.
    position: int
    #: In bytes.
    size: int


class BrokerListener(Protocol):
    """Gets the messages of the stream, and changes of the connection."""

    def delivered(self, deliveries: list[StreamMessage]) -> None: ...

    def publishUncertain(self) -> None:
        """A published message may be lost or not in the stream yet."""
        ...

    def connected(self, where: str) -> None:
        """@param where: the server that is connected now; empty: none."""
        ...

    def streamBroken(self, reason: str) -> None:
        """The stream was replaced or damaged; no node can continue with it."""
        ...


class Broker(Protocol):
    """A service that puts messages in one order, and keeps them for some days."""

    def open(
        self,
        identity: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        """
        Connect, however long that takes, and find the stream.

        @param identity: used to create the stream; L{None}: the stream has to exist.
        """
        ...

    def subscribe(self, number: int, listener: BrokerListener) -> None:
        """@param number: the number of the first message to deliver."""
        ...

    def publish(self, data: bytes) -> None:
        """
        Send a message to the stream.  Its delivery is the acknowledgement; if it may be lost,
        L{BrokerListener.publishUncertain} is called.
        """
        ...

    def pause(self, paused: bool) -> None: ...

    def lastSequence(self, done: Callable[[int | None], object]) -> None:
        """@param done: gets the number of the last message; L{None}: there was no answer."""
        ...

    def latestSnapshot(self, done: Callable[[SnapshotInfo | None], object]) -> None: ...

    def getSnapshot(self, path: str, done: Callable[[str | None], object]) -> None:
        """@param done: gets L{None} at the end, or the reason of the failure in one line."""
        ...

    def putSnapshot(
        self, snapshot: SnapshotInfo, path: str, done: Callable[[str | None], object]
    ) -> None:
        """
        Store a snapshot in place of the previous one.

        @param done: gets L{None} at the end, or the reason of the failure in one line.
        """
        ...

    def stop(self, stopped: Callable[[], object]) -> None:
        """Send the published messages if that is possible at once, and disconnect."""
        ...
