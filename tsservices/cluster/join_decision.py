"""
How a starting node gets the state of the others: from its own database, from a snapshot, from the
beginning of the stream, or not at all.  Pure.

A wrong decision would cause no error: a subscription to a stream that was created again, or whose
first messages were deleted, delivers nothing or other messages.  Therefore the identity and the
first number are compared before anything is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tsservices.cluster.broker import BrokerError, SnapshotInfo, StreamState


class JoinMethod(Enum):
    """
    The action of a node before it reads messages.

    @cvar OWN_DATABASE: none: it continues with its own database.
    @cvar BIND: it binds its database, which belongs to no stream yet, to this stream.
    @cvar SNAPSHOT: it replaces its database by the snapshot.
    """

    OWN_DATABASE = "own database"
    BIND = "bind"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class LocalState:
    """The content of a node's own database."""

    #: The epoch of the stream it belongs to; empty: none.
    epoch: str
    #: The incarnation of its order.
    log: str
    #: The position of the last batch.
    position: int
    #: The position of the checkpoint.
    checkpoint: int
    #: The database was never used.
    empty: bool


def decideJoin(
    local: LocalState, stream: StreamState, snapshot: SnapshotInfo | None
) -> tuple[JoinMethod, int]:
    """
    Decide what to do; also return the number of the first message to read.  After
    L{JoinMethod.SNAPSHOT} this has to be called again with the new database.

    @raise BrokerError: this node can't join.
    """
    identity = stream.identity
    base = identity.baseSequence
    if local.epoch == identity.epoch:
        if local.position - base > stream.last:
            raise BrokerError(
                f"the stream ends at {stream.last}, but this node has its message"
                f" {local.position - base}: the engine has lost what it had; see docs/cluster.md"
            )
        number = local.checkpoint - base + 1
        if number >= stream.first:
            return JoinMethod.OWN_DATABASE, number
        return JoinMethod.SNAPSHOT, _afterSnapshot(stream, snapshot)
    if local.epoch:
        raise BrokerError(
            "the database of this node belongs to another stream, which was made anew since or"
            " is elsewhere; see docs/cluster.md"
        )
    if stream.created or (local.log == identity.log and local.position == base):
        # This node has created the stream, perhaps in an earlier run that ended at once.
        return JoinMethod.BIND, 1
    if not local.empty:
        raise BrokerError(
            "this node has a chat of its own in its database, which is not that of the cluster;"
            " start it with another --state, or move chat.sqlite away"
        )
    if isUsable(snapshot, stream):
        return JoinMethod.SNAPSHOT, _afterSnapshot(stream, snapshot)
    if stream.first > 1 or base:
        raise BrokerError(
            "there is no snapshot yet from which a new node could begin; one comes within an"
            " hour of any other node's start, or take a backup of another node for chat.sqlite"
        )
    return JoinMethod.BIND, 1


def isUsable(snapshot: SnapshotInfo | None, stream: StreamState) -> bool:
    """Whether the stream still has all messages after the snapshot."""
    identity = stream.identity
    return (
        snapshot is not None
        and snapshot.epoch == identity.epoch
        and snapshot.position - identity.baseSequence + 1 >= stream.first
    )


def _afterSnapshot(stream: StreamState, snapshot: SnapshotInfo | None) -> int:
    if snapshot is None or not isUsable(snapshot, stream):
        raise BrokerError(
            "this node was away for longer than the stream keeps messages, and there is no"
            " snapshot to go on from; take a backup of another node for its chat.sqlite"
        )
    return snapshot.position - stream.identity.baseSequence + 1
