"""
Propose, order, apply, store, release.  Pure.

One node needs no other sequencer than its own turns: what is proposed in a turn is
ordered as it came, applied at the turn's end, and given to the journal as one batch.
Where there are several nodes, an L{Orderer} gives what was proposed to all of them in one
order, and brings it back.  Batches are released in their order, each when it is stored,
so that whatever anybody has seen is there after a crash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import ErrorReply
from tsservices.chat.operations import Operation
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.chat.storage import BatchStore

#: What is to happen, and who proposes it.
Proposal = tuple[Operation, Session]


class Orderer(Protocol):
    """What puts the proposals of several nodes in one order."""

    def submit(self, proposals: list[Proposal]) -> None:
        """
        Give proposals their places.  L{Pipeline.applied} is called when they have them, or
        L{Pipeline.rejected} when they get none.
        """
        ...


#: Is told of something that is done, in facts.
Audit = Callable[[dict[str, object]], object]


def _noAudit(facts: dict[str, object]) -> None:
    pass


class Pipeline:
    """
    The one way by which anything happens.

    @ivar lobby: the state.
    """

    def __init__(
        self,
        state: ChatState,
        log: str,
        position: int,
        now: Callable[[], int],
        turnEnd: Callable[[Callable[[], None]], object],
    ) -> None:
        """@param now: the time: nanoseconds since 1970, UTC."""
        self.state = state
        self._log = log
        self._position = self._storedPosition = position
        self._deliveryDue = False
        self._now = now
        self._turnEnd = turnEnd
        self._outbox: list[Proposal] = []
        self._undelivered: deque[Batch] = deque()
        self._store: BatchStore | None = None
        self._orderer: Orderer | None = None
        self._audit: Audit = _noAudit

    def start(
        self, store: BatchStore, audit: Audit | None = None, orderer: Orderer | None = None
    ) -> None:
        """@param orderer: orders proposals; L{None}: the turns of this node do."""
        self._store = store
        self._audit = audit or _noAudit
        self._orderer = orderer

    def unconfirmedSessions(self) -> list[Session]:
        """Those who proposed what is not stored yet, each once."""
        return list(
            {each.ident: each for batch in self._undelivered for each in batch.proposers}.values()
        )

    @property
    def backlog(self) -> int:
        """How many batches are not stored, or not told, yet."""
        return len(self._undelivered)

    def propose(self, operation: Operation, session: Session) -> None:
        session.pending += 1
        if not self._outbox:
            self._turnEnd(self.flush)
        self._outbox.append((operation, session))

    def flush(self) -> None:
        """The turn ends: order, apply, and have it stored."""
        outbox, self._outbox = self._outbox, []
        if not outbox:
            return
        if self._orderer is not None:
            self._orderer.submit(outbox)
            return
        batch = Batch(self._log, self._position + 1, self._now())
        for event, session in outbox:
            apply(self.state, event, session, batch)
            batch.proposers.append(session)
        self._finish(batch)

    def applied(
        self,
        position: int,
        stamp: int,
        apply: Callable[[Batch], None],
        origins: Sequence[Session] = (),
    ) -> None:
        """
        Something has got its place from the L{Orderer}.  What was kept already, before
        this node stopped, is applied again but not stored again.

        @param stamp: when it got that: nanoseconds since 1970, UTC.
        """
        batch = Batch(self._log, position, stamp)
        apply(batch)
        batch.proposers += origins
        self._finish(batch)

    def rejected(self, proposals: Sequence[Proposal], why: ChatError) -> None:
        """Proposals get no place, and so never happen."""
        words = ErrorReply(why)
        errors: list[Exception] = []
        for _, session in proposals:
            session.pending -= 1
            outlet = session.recipient
            if outlet is None:
                continue
            try:
                outlet.write(outlet.form.encode([words]))
                if not session.pending:
                    outlet.idle()
            except Exception as failed:
                errors.append(failed)
        for error in errors:
            # Told once all others know.
            raise error

    def _finish(self, batch: Batch) -> None:
        batch.freeze()
        self._undelivered.append(batch)
        if batch.durable and batch.position > self._storedPosition:
            self._position = batch.position
            assert self._store is not None
            # A journal that stores at once tells so before it returns.
            self._deliveryDue = True
            self._store.store(batch)
        # Where nothing is kept it may still rest on what is not stored yet.
        self._deliverStored()

    def stored(self, position: int) -> None:
        """
        Tell everybody what they may know now, when this turn ends: what was stored in
        several transactions meanwhile is told together.
        """
        self._storedPosition = position
        if not self._deliveryDue:
            self._deliveryDue = True
            self._turnEnd(self._deliverStored)

    def _deliverStored(self) -> None:
        """Release what is kept."""
        self._deliveryDue = False
        waiting = self._undelivered
        ready: list[Batch] = []
        while waiting and (not waiting[0].durable or waiting[0].position <= self._storedPosition):
            ready.append(waiting.popleft())
        errors: list[Exception] = []
        for batch in ready:
            self._deliver(batch, batch is ready[-1], errors)
        for error in errors:
            # Told once all others have got what is theirs.
            raise error

    def _deliver(self, batch: Batch, last: bool, errors: list[Exception]) -> None:
        batch.deliver(last, errors)
        for facts in batch.audits:
            self._audit(facts)
        for session in batch.proposers:
            session.pending -= 1
        for session in dict.fromkeys(batch.proposers):
            if not session.pending and session.recipient is not None:
                try:
                    session.recipient.idle()
                except Exception as error:
                    errors.append(error)
