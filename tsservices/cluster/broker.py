"""
The port to the broker: what a cluster needs of the service that orders its messages.  Pure.

Everything here is called in the reactor's thread, whatever threads a broker has.  The log and
the messages to operators call it "the engine".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

#: Seconds without an answer after which a message counts as lost: far more than a broker with a
#: leader takes (2 ms), far less than the 5 to 8 s that it takes to elect another leader.
ACKNOWLEDGE_SECONDS = 1.0

#: Seconds between two attempts while the broker has no leader.
RETRY_SECONDS = 0.25

#: Seconds for the last message of a node, and again for the end of the connection: a process
#: manager waits for both.
STOP_SECONDS = 3.0


class BrokerError(Exception):
    """The broker can't be used.  The argument is one line that says why, and what to do."""


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """What all nodes of a cluster share from its beginning.  It is kept with the stream itself."""

    #: Which stream it is: one that is made again under the same name has another one.
    epoch: str
    #: The incarnation of the order: the first part of the ids of lines.
    log: str
    #: What is added to a number in the stream to get a position.
    baseSequence: int
    #: 32 bytes by which the addresses of people are cloaked.
    cloakKey: bytes


@dataclass(frozen=True, slots=True)
class StreamState:
    """The stream, as it is found when a node opens it."""

    identity: ClusterIdentity
    #: The number of its first message; of the next one, if it is empty.
    first: int
    #: The number of its last message; 0, if there never was one.
    last: int
    #: This node has just made it.
    created: bool = False


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """A message at its place in the stream."""

    sequence: int
    #: When the stream took it: nanoseconds since 1970, UTC.
    stamp: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A copy of a node's database, kept beside the stream."""

    #: Of the stream.
    epoch: str
    #: Of the last batch in it.
    position: int
    #: In bytes.
    size: int


class BrokerListener(Protocol):
    """Gets what the stream brings, and what becomes of the connection."""

    def delivered(self, deliveries: list[StreamMessage]) -> None: ...

    def publishUncertain(self) -> None:
        """A published message may be lost, or not be in the stream yet."""
        ...

    def connected(self, where: str) -> None:
        """@param where: the server there is a connection to now; nothing: there is none."""
        ...

    def streamBroken(self, reason: str) -> None:
        """The stream is not what it was, so that no node can go on from it."""
        ...


class Broker(Protocol):
    """Puts messages in one order, and keeps them for some days."""

    def open(
        self,
        identity: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        """
        Connect, however long that takes, and find the stream.

        @param identity: what to create the stream with; L{None}: it has to exist.
        """
        ...

    def subscribe(self, number: int, listener: BrokerListener) -> None:
        """@param number: of the first message that is wanted."""
        ...

    def publish(self, data: bytes) -> None:
        """
        Give the stream a message.  Its delivery is the acknowledgement; without one,
        L{BrokerListener.publishUncertain} says when it is time to look.
        """
        ...

    def pause(self, paused: bool) -> None: ...

    def lastSequence(self, done: Callable[[int | None], object]) -> None:
        """@param done: gets the number of the last message; L{None}: there was no answer."""
        ...

    def latestSnapshot(self, done: Callable[[SnapshotInfo | None], object]) -> None: ...

    def getSnapshot(self, path: str, done: Callable[[str | None], object]) -> None:
        """@param done: gets L{None} at the end, or one line that says why it failed."""
        ...

    def putSnapshot(
        self, snapshot: SnapshotInfo, path: str, done: Callable[[str | None], object]
    ) -> None:
        """
        Keep a snapshot in place of the one before.

        @param done: gets L{None} at the end, or one line that says why it failed.
        """
        ...

    def stop(self, stopped: Callable[[], object]) -> None:
        """Send what was published, if that goes at once, and disconnect."""
        ...
