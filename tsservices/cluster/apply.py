"""
What comes of messages that count, at their place.  Pure.

What is decided rests on the state and the message alone.  Only what the people of this
node are told, and when the whole state is kept, is this node's own affair.
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
    first = message.events[0] if message.events else None
    if (
        type(first) is NodeUp
        and (first.node, first.incarnation) == (node, incarnation)
        and isNewIncarnation(state, node, incarnation, message.n)
    ):
        return Verdict.TAKEN
    return acceptMessage(state, node, incarnation, message.n, position, stamp)


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
    @ivar away: the sessions of this node that the others have taken for gone, by their ids,
        until they are back.
    @ivar gone: the others have taken this node for gone, or it has said goodbye.
    @ivar saved: the position where the whole state was kept last; 0: nowhere yet.
    @ivar stopping: it is to say goodbye: all of the state is kept then.
    """

    def __init__(
        self,
        node: str,
        pipeline: Pipeline,
        seconds: Callable[[], float],
        failed: Callable[[Exception], object],
    ) -> None:
        self._node = node
        self._pipeline = pipeline
        self._seconds = seconds
        self._failed = failed
        self._checkpointed = seconds()
        self.incarnation = ""
        self.away: dict[str, Session] = {}
        self.gone = False
        self.stopping = False
        self.saved = 0

    @property
    def _state(self) -> ChatState:
        return self._pipeline.state

    def begin(self) -> None:
        """The state is as it was kept."""
        self._checkpointed = self._seconds()

    def apply(self, message: Message, sent: InFlight | None, position: int, stamp: int) -> None:
        """
        @param sent: the same as this node has sent it; L{None}: another has, or one that had
            its name before.
        @param stamp: when it got that: nanoseconds since 1970, UTC.
        """
        if message.events:
            origins = [] if sent is None else [each for _, each in sent.proposals if each.ident]

            def events(batch: Batch) -> None:
                self._events(message, sent, batch)

            self._ordered(position, stamp, events, origins)
        elif self._seconds() - self._checkpointed >= SNAPSHOT_SECONDS:
            # However quiet it is, what is kept is not to be older than the stream.
            self._ordered(position, stamp, self._save, [])

    def _ordered(
        self, position: int, stamp: int, apply: Callable[[Batch], None], origins: list[Session]
    ) -> None:
        try:
            self._pipeline.applied(position, stamp, apply, origins)
        except Exception as error:
            # What goes wrong with one costs the others nothing, and no message its place.
            self._failed(error)

    def _events(self, message: Message, sent: InFlight | None, batch: Batch) -> None:
        state = self._state
        for number, event in enumerate(message.events):
            if sent is not None:
                session = sent.proposals[number][1]
            else:
                session = sessionOf(state, event.session, message.node)
            try:
                if self._speaksOfThis(event):
                    self._goodbye(event, session, batch)
                else:
                    apply(state, event, session, batch)
            except Exception as error:
                self._failed(error)
            if sent is not None and type(event) is ReattachSession:
                self.away.pop(session.ident, None)
        if sent is not None and sent.told:
            for session in {each.ident: each for _, each in sent.proposals if each.ident}.values():
                batch.reply(session, STORED)
        if sent is None:
            # The node through which it was done tells its log of it: once, though all apply
            # it, and some do again.
            batch.audits.clear()
        last = self.gone and self.stopping
        if last or self._seconds() - self._checkpointed >= CHECKPOINT_SECONDS:
            self._save(batch)

    def _speaksOfThis(self, event: Operation) -> bool:
        if type(event) is not NodeDown:
            return False
        return (event.node, event.incarnation) == (self._node, self.incarnation)

    def _goodbye(self, event: Operation, session: Session, batch: Batch) -> None:
        state = self._state
        here = {
            each.ident: each
            for each in state.sessions.values()
            if each.node == self._node and each.recipient is not None
        }
        apply(state, event, session, batch)
        if self._node not in state.nodes:
            self.away.update(here)
            self.gone = True

    def _save(self, batch: Batch) -> None:
        self._checkpointed = self._seconds()
        try:
            batch.checkpoint = save(self._state)
        except Exception as error:
            # What this message has brought about is to be kept all the same.
            self._failed(error)
        else:
            self.saved = batch.position
