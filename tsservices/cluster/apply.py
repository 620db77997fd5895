"""
What comes of messages that count, at their place.  Pure.

What is decided rests on the state and the message alone.  Only what the people of this
node are told, and when the whole state is kept, is this node's own affair.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.handlers.nodes import Verdict, heard, mayBegin, sessionOf
from tsservices.chat.operations import NodeDown, NodeUp, Operation, ReattachSession
from tsservices.chat.pipeline import Pipeline
from tsservices.chat.session import Session
from tsservices.chat.snapshot import save
from tsservices.chat.state import ChatState
from tsservices.cluster.messages import Message
from tsservices.cluster.outbox import InFlight
from tsservices.cluster.status import STORED
from tsservices.common.limits import Limits

#: Seconds between two times that a node keeps its whole state: what came since is applied again
#: after a restart.
CHECKPOINT_SECONDS = 60.0

#: Seconds between two copies of the database for nodes that are new or were long away.
SNAPSHOT_SECONDS = 3600.0


def judge(state: ChatState, message: Message, position: int, stamp: int) -> Verdict:
    """
    Whether it counts.

    @param stamp: when: nanoseconds since 1970, UTC.
    """
    node, incarnation = message.node, message.incarnation
    first = message.operations[0] if message.operations else None
    if (
        type(first) is NodeUp
        and (first.node, first.incarnation) == (node, incarnation)
        and mayBegin(state, node, incarnation, message.n)
    ):
        return Verdict.TAKEN
    return heard(state, node, incarnation, message.n, position, stamp)


def nodeUp(node: str, incarnation: str, limits: Limits, operators: tuple[str, ...]) -> NodeUp:
    """What it says first."""
    return NodeUp(
        "",
        node,
        incarnation,
        limits.roomsEach,
        limits.maxRooms,
        limits.maxAccounts,
        limits.roomsFounded,
        limits.accountsFounded,
        operators,
    )


class LogApplier:
    """
    Applies messages that count.

    @ivar incarnation: of this node, since it began the last time.
    @ivar detached: the sessions of this node that the others have taken for gone, by their ids,
        until they are back.
    @ivar evicted: the others have taken this node for gone, or it has said goodbye.
    @ivar checkpointPosition: the position where the whole state was kept last; 0: nowhere yet.
    @ivar stopping: it is to say goodbye: all of the state is kept then.
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

    @property
    def _state(self) -> ChatState:
        return self._pipeline.state

    def begin(self) -> None:
        """The state is as it was kept."""
        self._checkpointedAt = self._clock()

    def apply(self, message: Message, sent: InFlight | None, position: int, stamp: int) -> None:
        """
        @param sent: the same as this node has sent it; L{None}: another has, or one that had
            its name before.
        @param stamp: when it got that: nanoseconds since 1970, UTC.
        """
        if message.operations:
            origins = [] if sent is None else [each for _, each in sent.proposals if each.ident]

            def events(batch: Batch) -> None:
                self._applyOperations(message, sent, batch)

            self._applyAt(position, stamp, events, origins)
        elif self._clock() - self._checkpointedAt >= SNAPSHOT_SECONDS:
            # However quiet it is, what is kept is not to be older than the stream.
            self._applyAt(position, stamp, self._checkpoint, [])

    def _applyAt(
        self, position: int, stamp: int, apply: Callable[[Batch], None], origins: list[Session]
    ) -> None:
        try:
            self._pipeline.applied(position, stamp, apply, origins)
        except Exception as error:
            # What goes wrong with one costs the others nothing, and no message its place.
            self._logError(error)

    def _applyOperations(self, message: Message, sent: InFlight | None, batch: Batch) -> None:
        state = self._state
        for number, event in enumerate(message.operations):
            if sent is not None:
                session = sent.proposals[number][1]
            else:
                session = sessionOf(state, event.session, message.node)
            try:
                if self._removesThisNode(event):
                    self._removeThisNode(event, session, batch)
                else:
                    apply(state, event, session, batch)
            except Exception as error:
                self._logError(error)
            if sent is not None and type(event) is ReattachSession:
                self.detached.pop(session.ident, None)
        if sent is not None and sent.notified:
            for session in {each.ident: each for _, each in sent.proposals if each.ident}.values():
                batch.reply(session, STORED)
        if sent is None:
            # The node through which it was done tells its log of it: once, though all apply
            # it, and some do again.
            batch.audits.clear()
        last = self.evicted and self.stopping
        if last or self._clock() - self._checkpointedAt >= CHECKPOINT_SECONDS:
            self._checkpoint(batch)

    def _removesThisNode(self, event: Operation) -> bool:
        if type(event) is not NodeDown:
            return False
        return (event.node, event.incarnation) == (self._node, self.incarnation)

    def _removeThisNode(self, event: Operation, session: Session, batch: Batch) -> None:
        state = self._state
        here = {
            each.ident: each
            for each in state.sessions.values()
            if each.node == self._node and each.outlet is not None
        }
        apply(state, event, session, batch)
        if self._node not in state.nodes:
            self.detached.update(here)
            self.evicted = True

    def _checkpoint(self, batch: Batch) -> None:
        self._checkpointedAt = self._clock()
        try:
            batch.checkpoint = save(self._state)
        except Exception as error:
            # What this message has brought about is to be kept all the same.
            self._logError(error)
        else:
            self.checkpointPosition = batch.position
