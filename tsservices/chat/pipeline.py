"""
The pipeline: propose, order, apply, store, deliver. Everything that happens in the chat passes
here.

On one node the turns of the reactor are the order: what is proposed in a turn is applied at its
end, as one batch. In a cluster an L{Orderer} brings the proposals of all nodes back in one order.

A batch is delivered when it is stored, and after those before it: whatever anybody has seen is
there after a crash. A batch with nothing to store still waits its turn, since it may speak of lines
that are not stored yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Protocol

from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import ErrorReply
from tsservices.chat.operations import SCHEMA, Operation
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.chat.storage import BatchStore

#: Stamps are from 1970 to 2255, whatever the clock says: storages have 64 bits for a time, and bans
#: end later.
LATEST_STAMP = 9 * 10**18

#: An operation, and the session that proposes it.
Proposal = tuple[Operation, Session]


class Orderer(Protocol):
    """The port to what puts the proposals of several nodes in one order."""

    def submit(self, proposals: list[Proposal]) -> None:
        """
        Give proposals their places.

        Nothing is returned: L{Pipeline.applied} is called when they have come back in order, or
        L{Pipeline.rejected} when they never will.
        """
        ...


#: Takes an entry of the audit log.
Audit = Callable[[dict[str, object]], object]


def _noAudit(facts: dict[str, object]) -> None:
    pass


class Pipeline:
    """
    Takes proposals, and owns the state, the order on one node, and the batches on their way.

    @ivar state: changed here alone.
    @ivar deliveredPosition: that of the last batch whose lines were delivered.
    @ivar log: the incarnation of the order: under another one numbers mean other lines.
    @ivar _position: that of the last batch with something to store, on one node.
    @ivar _storedPosition: that of the last batch that is stored.
    @ivar _deliveryDue: a call that will deliver is under way.
    @ivar _barriers: sessions that wait for all that was proposed before.
    @ivar _undelivered: batches that are applied, in order.
    """

    def __init__(
        self,
        state: ChatState,
        log: str,
        position: int,
        wallClock: Callable[[], int],
        turnEnd: Callable[[Callable[[], None]], object],
    ) -> None:
        """
        @param log: the incarnation of the order.
        @param position: that of the last batch that is stored.
        @param wallClock: the clock: nanoseconds since 1970, UTC.
        @param turnEnd: calls a function at the end of this turn of the reactor.
        """
        self.state = state
        self.log = log
        self._position = self._storedPosition = position
        self.deliveredPosition = position
        self._deliveryDue = False
        self._wallClock = wallClock
        self._turnEnd = turnEnd
        self._outbox: list[Proposal] = []
        self._barriers: list[Session] = []
        self._undelivered: deque[Batch] = deque()
        self._store: BatchStore | None = None
        self._orderer: Orderer | None = None
        self._audit: Audit = _noAudit

    def start(
        self, store: BatchStore, audit: Audit | None = None, orderer: Orderer | None = None
    ) -> None:
        """@param orderer: None: the turns of this node are the order."""
        self._store = store
        self._audit = audit or _noAudit
        self._orderer = orderer

    def unconfirmedSessions(self) -> list[Session]:
        """The authors of what is not stored yet."""
        proposers = chain.from_iterable(batch.proposers for batch in self._undelivered)
        return list({session.ident: session for session in proposers}.values())

    @property
    def backlog(self) -> int:
        """The number of batches that are not yet stored or not yet delivered."""
        return len(self._undelivered)

    def propose(self, operation: Operation, session: Session) -> None:
        """Propose an operation; the outcome comes in order, as notifications to C{session}."""
        session.pending += 1
        if not self._outbox:
            self._turnEnd(self.flush)
        self._outbox.append((operation, session))

    def barrier(self, session: Session) -> bool:
        """
        Count as a proposal of a session until what was proposed before, by whomever on this node,
        is decided, stored and delivered.

        @return: L{False}: that is so already.
        """
        if not self._outbox and not self._undelivered:
            return False
        if self._orderer is not None:
            # The session's own proposals have been waited for; when those of others come back, is
            # known to the orderer alone.
            return False
        session.pending += 1
        if not self._outbox and not self._barriers:
            self._turnEnd(self.flush)
        self._barriers.append(session)
        return True

    def flush(self) -> None:
        """End the turn: order what was proposed, apply it, and have it stored."""
        outbox, self._outbox = self._outbox, []
        barriers, self._barriers = self._barriers, []
        if not outbox and not barriers:
            return
        if self._orderer is not None:
            self._orderer.submit(outbox)
            return
        stamp = min(max(0, self._wallClock()), LATEST_STAMP)
        batch = Batch(self.log, self._position + 1, stamp)
        for operation, session in outbox:
            apply(self.state, operation, session, batch)
            batch.proposers.append(session)
        batch.proposers += barriers
        self._finish(batch)

    def applied(
        self,
        position: int,
        stamp: int,
        apply: Callable[[Batch], None],
        origins: Sequence[Session] = (),
        schema: int = SCHEMA,
    ) -> None:
        """
        Apply what has come back from the L{Orderer}. What was stored before this node stopped is
        applied again, but not stored again.

        @param stamp: the time of its place: nanoseconds since 1970, UTC.
        @param apply: fills the batch.
        @param origins: sessions of this node that proposed it.
        @param schema: the version of the rules by which it is applied.
        """
        batch = Batch(self.log, position, stamp, schema)
        apply(batch)
        batch.proposers += origins
        self._finish(batch)

    def rejected(self, proposals: Sequence[Proposal], error: ChatError) -> None:
        """Drop proposals that get no place; their sessions get the error."""
        reply = ErrorReply(error)
        errors: list[Exception] = []
        for _, session in proposals:
            session.pending -= 1
            recipient = session.recipient
            if recipient is None:
                continue
            try:
                recipient.notify(reply)
                if not session.pending:
                    recipient.idle()
            except Exception as failure:
                errors.append(failure)
        for occurred in errors:
            # Raised when all others have been written to.
            raise occurred

    def _finish(self, batch: Batch) -> None:
        if self.state.presenceBefore:
            self.state.reportPresence(batch)
        batch.freeze()
        self._undelivered.append(batch)
        if batch.durable and batch.position > self._storedPosition:
            self._position = batch.position
            assert self._store is not None
            # A storage in memory calls L{stored} before it returns: that must not ask for another
            # turn's end, since the delivery follows below.
            self._deliveryDue = True
            self._store.store(batch)
        self._deliverStored()

    def stored(self, position: int) -> None:
        """
        Deliver what is stored up to C{position}, at the end of this turn.

        At its end, since several transactions may have ended while the reactor was busy. Delivery
        after each of them made 0.27 of the deliveries in memory, not 0.61 to 0.91.
        """
        self._storedPosition = position
        if not self._deliveryDue:
            self._deliveryDue = True
            self._turnEnd(self._deliverStored)

    def _deliverStored(self) -> None:
        self._deliveryDue = False
        waiting = self._undelivered
        ready: list[Batch] = []
        while waiting and (not waiting[0].durable or waiting[0].position <= self._storedPosition):
            ready.append(waiting.popleft())
        errors: list[Exception] = []
        for batch in ready:
            self._deliver(batch, batch is ready[-1], errors)
        for error in errors:
            # Raised when all others have got what is theirs.
            raise error

    def _deliver(self, batch: Batch, last: bool, errors: list[Exception]) -> None:
        batch.deliver(last, errors)
        if batch.durable:
            # On one node another batch has the same position, if nothing in this one is stored.
            self.deliveredPosition = batch.position
        delivered = self.deliveredPosition
        for facts in batch.audits:
            self._audit(facts)
        for session in batch.proposers:
            session.pending -= 1
            session.answeredAt = delivered
        for session in dict.fromkeys(batch.proposers):
            if not session.pending and session.recipient is not None:
                try:
                    session.recipient.idle()
                except Exception as error:
                    errors.append(error)
