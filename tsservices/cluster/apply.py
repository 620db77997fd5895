"""
Applies the messages that count, at their places in the stream.  Pure.

The effect of a message depends only on the state and the message, so it is the same on every node.
Only two things differ between nodes: the output to their own users, and the times at which they
store their whole state.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.handlers.nodes import Verdict, acceptMessage, isNewIncarnation, sessionOf
from tsservices.chat.operations import NodeDown, NodeUp, Operation, ReattachSession
from tsservices.chat.pipeline import Pipeline
from tsservices.chat.session import Session
from tsservices.chat.snapshot import save
from tsservices.chat.state import ChatState
from tsservices.cluster.messages import Message
from tsservices.cluster.node import NodeConfig
from tsservices.cluster.outbox import InFlight
from tsservices.cluster.status import STORED

#: Seconds between two checkpoints of a node's whole state: later messages are applied again after a
#: restart.
CHECKPOINT_SECONDS = 60.0

#: Seconds between two snapshots of the database, for nodes that are new or were away for long.
SNAPSHOT_SECONDS = 3600.0


def judge(state: ChatState, message: Message, position: int, stamp: int) -> Verdict:
    """
    Decide whether a message counts.

    @param stamp: when the stream stored it: nanoseconds since 1970, UTC.
    """
    node, incarnation = message.node, message.incarnation
    first = message.operations[0] if message.operations else None
    if (
        type(first) is NodeUp
        and (first.node, first.incarnation) == (node, incarnation)
        and isNewIncarnation(state, node, incarnation, message.n)
    ):
        return Verdict.TAKEN
    return acceptMessage(state, node, incarnation, message.n, position, stamp)


def nodeUp(config: NodeConfig, incarnation: str) -> NodeUp:
    """Make the first operation of an incarnation."""
    limits = config.limits
    return NodeUp(
        "",
        config.name,
        incarnation,
        limits.roomsEach,
        limits.maxRooms,
        limits.maxAccounts,
        limits.roomsFounded,
        limits.accountsFounded,
        tuple(sorted(config.operators)),
        limits.sessionsEach,
    )


class LogApplier:
    """
    Applies messages, and detects that this node itself was removed by the others.

    @ivar incarnation: the current incarnation of this node; empty before the first.
    @ivar detached: sessions that are connected here but were removed with this node, by id, until
        they are attached again.
    @ivar evicted: this node was removed, by the others or by its own L{NodeDown}.
    @ivar checkpointPosition: the position of the last checkpoint in this run; 0: none.
    @ivar stopping: this node is shutting down: its whole state is stored with its L{NodeDown}.
    """

    def __init__(
        self,
        node: str,
        pipeline: Pipeline,
        clock: Callable[[], float],
        logError: Callable[[Exception], object],
    ) -> None:
        self._node = node
        self._pipeline = pipeline
        self._clock = clock
        self._logError = logError
        self._checkpointedAt = clock()
        self.incarnation = ""
        self.detached: dict[str, Session] = {}
        self.evicted = False
        self.stopping = False
        self.checkpointPosition = 0

    def start(self) -> None:
        """Begin after the state was loaded."""
        self._checkpointedAt = self._clock()

    def apply(self, message: Message, sent: InFlight | None, position: int, stamp: int) -> None:
        """
        @param sent: the message as published in this run; L{None}: the message is from another
            node or an earlier run.
        @param stamp: when the stream stored it: nanoseconds since 1970, UTC.
        """
        if message.operations:
            proposers = (
                []
                if sent is None
                else [proposal for _, proposal in sent.proposals if proposal.ident]
            )

            def operations(batch: Batch) -> None:
                self._applyOperations(message, sent, batch)

            self._applyAt(position, stamp, operations, proposers, message.schema)
        elif self._clock() - self._checkpointedAt >= SNAPSHOT_SECONDS:
            # Even in a quiet chat a checkpoint must not get older than the stream's messages.
            self._applyAt(position, stamp, self._checkpoint, [], message.schema)

    def _applyAt(
        self,
        position: int,
        stamp: int,
        apply: Callable[[Batch], None],
        proposers: list[Session],
        schema: int,
    ) -> None:
        try:
            self._pipeline.applied(position, stamp, apply, proposers, schema)
        except Exception as error:
            # After an error the message still counts, as it does on the other nodes.
            self._logError(error)

    def _applyOperations(self, message: Message, sent: InFlight | None, batch: Batch) -> None:
        state = self._pipeline.state
        for number, operation in enumerate(message.operations):
            if sent is not None:
                session = sent.proposals[number][1]
            else:
                session = sessionOf(state, operation.session, message.node)
            try:
                if self._removesThisNode(operation):
                    self._removeThisNode(operation, session, batch)
                else:
                    apply(state, operation, session, batch)
            except Exception as error:
                self._logError(error)
            if sent is not None and type(operation) is ReattachSession:
                self.detached.pop(session.ident, None)
        if sent is not None and sent.notified:
            for session in {
                proposal.ident: proposal for _, proposal in sent.proposals if proposal.ident
            }.values():
                batch.reply(session, STORED)
        if sent is None:
            # Only the proposing node writes the audit log: all nodes apply the message, and some do
            # so again after a restart.
            batch.audits.clear()
        last = self.evicted and self.stopping
        if last or self._clock() - self._checkpointedAt >= CHECKPOINT_SECONDS:
            self._checkpoint(batch)

    def _removesThisNode(self, operation: Operation) -> bool:
        if type(operation) is not NodeDown:
            return False
        return (operation.node, operation.incarnation) == (self._node, self.incarnation)

    def _removeThisNode(self, operation: Operation, session: Session, batch: Batch) -> None:
        state = self._pipeline.state
        # Sessions of an earlier run of this node are in the state too, without a connection.
        connected = {
            known.ident: known
            for known in state.sessions.values()
            if known.node == self._node and known.recipient is not None
        }
        apply(state, operation, session, batch)
        # The operation has no effect if a later message of this node was applied before it.
        if self._node not in state.nodes:
            self.detached.update(connected)
            self.evicted = True

    def _checkpoint(self, batch: Batch) -> None:
        self._checkpointedAt = self._clock()
        try:
            batch.checkpoint = save(self._pipeline.state)
        except Exception as error:
            # The changes made by this message are stored anyway.
            self._logError(error)
        else:
            self.checkpointPosition = batch.position
