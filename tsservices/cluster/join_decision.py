"""
How a node that starts gets to the state of the others: from its own database, from a snapshot,
from the beginning of the stream, or not at all.  Pure.

A wrong answer here would be silent: a subscription to a stream that was made anew, or whose first
messages were deleted, brings nothing or something else, but no error.  So identity and first
number are compared before anything is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tsservices.cluster.broker import BrokerError, SnapshotInfo, StreamState


class JoinMethod(Enum):
    """
    What a node does before it reads messages.

    @cvar OWN_DATABASE: nothing: its own database goes on.
    @cvar BIND: its database, which belongs to no stream yet, is made part of this one.
    @cvar SNAPSHOT: it replaces its database by the snapshot.
    """

    OWN_DATABASE = "own database"
    BIND = "bind"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class LocalState:
    """The content of a node's own database."""

    #: Of the stream it belongs to; nothing: of none.
    epoch: str
    #: The incarnation of its order.
    log: str
    #: Of the last batch in it.
    position: int
    #: The position of the whole state in it.
    checkpoint: int
    #: Nothing was ever stored in it.
    empty: bool


def decideJoin(
    local: LocalState, stream: StreamState, snapshot: SnapshotInfo | None
) -> tuple[JoinMethod, int]:
    """
    What to do, and the number of the first message to read; after L{JoinMethod.SNAPSHOT} this is
    to be asked again of the database that has come.

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
        # This node has created the stream, maybe in a run that went no further.
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
    """Whether the stream still has every message that comes after the snapshot."""
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
