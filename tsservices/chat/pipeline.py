"""
The pipeline: propose, order, apply, store, deliver. Every change of the chat passes through it.

On one node the turns of the reactor are the order: the proposals of a turn are applied at its end,
as one batch. After a delivery to a large room, talk may wait for some turns before it is ordered
(L{TalkHold}). In a cluster an L{Orderer} returns the proposals of all nodes in one order.

A batch is delivered once it is stored, and after the batches before it: everything that a client
has seen is still there after a crash. A batch with nothing to store waits too, because it may refer
to lines that are not stored yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from operator import sub
from typing import Protocol

from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.delivery.talk_hold import HELD_FROM, TalkHold
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import ErrorReply
from tsservices.chat.operations import SCHEMA, Operation
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.chat.storage import BatchStore
from tsservices.common.histograms import Histogram

#: Stamps are from 1970 to 2255, whatever the clock says: storages have 64 bits for a time, and the
#: end of a ban, which is after its stamp, must fit too.
LATEST_STAMP = 9 * 10**18

#: Time values of batches, four for each, that are added to the histograms together.
WAITING_TIMES = 1024

#: An operation, and the session that proposes it.
Proposal = tuple[Operation, Session]


class Orderer(Protocol):
    """The port to the component that puts the proposals of several nodes in one order."""

    def submit(self, proposals: list[Proposal]) -> None:
        """
        Give proposals their places in the order.

        Returns nothing: L{Pipeline.applied} is called when they come back in order, or
        L{Pipeline.rejected} when they never will.
        """
        ...


class Timer(Protocol):
    """A scheduled call."""

    def cancel(self) -> None: ...


#: Calls a function after a number of seconds.
CallLater = Callable[[float, Callable[[], None]], Timer]

#: Takes an entry of the audit log.
Audit = Callable[[dict[str, object]], object]


def _noAudit(facts: dict[str, object]) -> None:
    pass


class PipelineTimes:
    """
    The times of batches, by step.

    @ivar clock: monotonic, in seconds.
    @ivar apply: the time to decide all operations of a batch.
    @ivar store: from then until the delivery begins.
    @ivar deliver: the time to write the batch to its recipients.
    @ivar whole: the sum of the three.
    """

    __slots__ = ("_waiting", "apply", "clock", "deliver", "store", "whole")

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.apply = Histogram()
        self.store = Histogram()
        self.deliver = Histogram()
        self.whole = Histogram()
        # Four for each batch that is not in the histograms yet.
        self._waiting: list[float] = []

    def count(self, batch: Batch, began: float, ended: float) -> None:
        """
        Add the times of a delivered batch.

        @param began: the start of the delivery, in seconds of the clock.
        @param ended: its end: the same.
        """
        waiting = self._waiting
        waiting += (batch.beganAt, batch.appliedAt, began, ended)
        if len(waiting) >= WAITING_TIMES:
            self.settle()

    def settle(self) -> None:
        """Bring the histograms up to date; to be called before they are read."""
        waiting = self._waiting
        starts, applied, began, ended = (waiting[place::4] for place in range(4))
        waiting.clear()
        self.apply.count(map(sub, applied, starts))
        self.store.count(map(sub, began, applied))
        self.deliver.count(map(sub, ended, began))
        self.whole.count(map(sub, ended, starts))


class Pipeline:
    """
    The pipeline of a node: it has the state, the order on one node, and the undelivered batches.

    @ivar state: changed only here.
    @ivar times: L{None}: not measured yet.
    @ivar deliveredPosition: that of the last batch whose lines were delivered.
    @ivar log: the incarnation of the order: in another one the same numbers mean other lines.
    @ivar _position: that of the last batch with something to store, on one node.
    @ivar _storedPosition: that of the last stored batch.
    @ivar _deliveryDue: whether a call that delivers is already scheduled.
    @ivar _flushDue: whether a call of L{flush} is scheduled.
    @ivar _hold: decides whether talk waits; L{None}: it never waits.
    @ivar _timer: ends the wait of the outbox.
    @ivar _barriers: sessions that wait for all earlier proposals.
    @ivar _undelivered: applied batches, in order.
    """

    def __init__(
        self,
        state: ChatState,
        log: str,
        position: int,
        wallClock: Callable[[], int],
        turnEnd: Callable[[Callable[[], None]], object],
        times: PipelineTimes | None = None,
        monotonic: Callable[[], float] | None = None,
        callLater: CallLater | None = None,
    ) -> None:
        """
        @param log: the incarnation of the order.
        @param position: that of the last batch that is stored.
        @param wallClock: the clock: nanoseconds since 1970, UTC.
        @param turnEnd: calls a function at the end of this turn of the reactor.
        @param times: L{None}: not measured before L{measure} is called.
        @param monotonic: a clock, in seconds; None: no line waits for others.
        @param callLater: for lines that wait; None: no line waits.
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
        self._flushDue = False
        self._callLater = callLater
        self._hold: TalkHold | None = None
        if monotonic is not None and callLater is not None:
            self._hold = TalkHold(monotonic)
        self._timer: Timer | None = None
        self._undelivered: deque[Batch] = deque()
        self._store: BatchStore | None = None
        self._orderer: Orderer | None = None
        self._audit: Audit = _noAudit
        self.times = times

    def measure(self, clock: Callable[[], float]) -> PipelineTimes:
        """
        The times of batches, measured from the first call on: measuring costs about 2 microseconds
        for each line, and most servers never read them.

        @param clock: monotonic, in seconds.
        """
        if self.times is None:
            self.times = PipelineTimes(clock)
        return self.times

    def start(
        self, store: BatchStore, audit: Audit | None = None, orderer: Orderer | None = None
    ) -> None:
        """@param orderer: None: the turns of this node are the order."""
        self._store = store
        self._audit = audit or _noAudit
        self._orderer = orderer

    def unconfirmedSessions(self) -> list[Session]:
        """The sessions with proposals that are not stored yet."""
        proposers = chain.from_iterable(batch.proposers for batch in self._undelivered)
        return list({session.ident: session for session in proposers}.values())

    @property
    def backlog(self) -> int:
        """The number of batches that are not yet stored or not yet delivered."""
        return len(self._undelivered)

    def propose(self, operation: Operation, session: Session) -> None:
        """Propose an operation; C{session} gets the outcome in order, as notifications."""
        session.pending += 1
        if not self._flushDue:
            self._flushDue = True
            self._turnEnd(self.flush)
        self._outbox.append((operation, session))

    def barrier(self, session: Session) -> bool:
        """
        Add a pending proposal to a session until all earlier proposals of this node are decided,
        stored and delivered.

        @return: L{False}: there is nothing to wait for.
        """
        if not self._outbox and not self._undelivered:
            return False
        if self._orderer is not None:
            # The session's own proposals are complete already; only the orderer knows when those of
            # others come back.
            return False
        session.pending += 1
        if not self._flushDue:
            self._flushDue = True
            self._turnEnd(self.flush)
        self._barriers.append(session)
        return True

    def flush(self) -> None:
        """End the turn: order, apply and store the proposals, unless they have to wait."""
        self._flushDue = False
        if self._hold is not None and self._hold.active and self._waits(self._hold):
            return
        outbox, self._outbox = self._outbox, []
        barriers, self._barriers = self._barriers, []
        if not outbox and not barriers:
            return
        if self._orderer is not None:
            self._orderer.submit(outbox)
            return
        stamp = min(max(0, self._wallClock()), LATEST_STAMP)
        times = self.times
        batch = Batch(self.log, self._position + 1, stamp)
        if times is not None:
            batch.beganAt = times.clock()
        for operation, session in outbox:
            apply(self.state, operation, session, batch)
            batch.proposers.append(session)
        batch.proposers += barriers
        self._finish(batch)

    def _waits(self, hold: TalkHold) -> bool:
        # A session with a barrier waits for an answer.
        wait = 0.0 if self._barriers or not self._outbox else hold.wait(self._outbox)
        if wait:
            if self._timer is None:
                assert self._callLater is not None
                self._timer = self._callLater(wait, self._waited)
            return True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return False

    def _waited(self) -> None:
        self._timer = None
        assert self._hold is not None
        self._hold.active = False
        if not self._flushDue:
            # At the end of a turn, because more proposals may arrive in it.
            self._flushDue = True
            self._turnEnd(self.flush)

    def stop(self) -> None:
        """Order all waiting proposals; from now on none waits."""
        self._hold = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self.flush()

    def applied(
        self,
        position: int,
        stamp: int,
        apply: Callable[[Batch], None],
        origins: Sequence[Session] = (),
        schema: int = SCHEMA,
    ) -> None:
        """
        Apply operations that the L{Orderer} returns. Those that were stored before this node
        stopped are applied again, but not stored again.

        @param stamp: the time of its place: nanoseconds since 1970, UTC.
        @param apply: fills the batch.
        @param origins: sessions of this node that proposed them.
        @param schema: the version of the rules by which it is applied.
        """
        batch = Batch(self.log, position, stamp, schema)
        if self.times is not None:
            batch.beganAt = self.times.clock()
        apply(batch)
        batch.proposers += origins
        self._finish(batch)

    def rejected(self, proposals: Sequence[Proposal], error: ChatError) -> None:
        """Drop proposals that get no place in the order; their sessions get the error."""
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
            # Raised after all others have been written to.
            raise occurred

    def _finish(self, batch: Batch) -> None:
        if self.state.presenceBefore:
            self.state.reportPresence(batch)
        batch.freeze()
        if self.times is not None:
            batch.appliedAt = self.times.clock()
        self._undelivered.append(batch)
        if batch.durable and batch.position > self._storedPosition:
            self._position = batch.position
            assert self._store is not None
            # A storage in memory calls L{stored} before it returns: that must not schedule another
            # delivery, because one follows below.
            self._deliveryDue = True
            self._store.store(batch)
        self._deliverStored()

    def stored(self, position: int) -> None:
        """
        Deliver the stored batches up to C{position}, at the end of this turn.

        Several transactions may end while the reactor is busy. With a delivery after each of them
        the rate was 0.27 of that with storage in memory; at the end of the turn it is 0.61 to 0.91.
        """
        self._storedPosition = position
        if not self._deliveryDue:
            self._deliveryDue = True
            self._turnEnd(self._deliverStored)

    def _deliverStored(self) -> None:
        self._deliveryDue = False
        waiting = self._undelivered
        ready: list[Batch] = []
        audience = 0
        while waiting and (not waiting[0].durable or waiting[0].position <= self._storedPosition):
            audience += waiting[0].audience
            ready.append(waiting.popleft())
        errors: list[Exception] = []
        hold = self._hold
        if hold is not None and audience < HELD_FROM:
            hold = None
        began = 0.0 if hold is None else hold.now()
        for batch in ready:
            self._deliver(batch, batch is ready[-1], errors)
        if hold is not None:
            hold.delivered(
                {item.room for batch in ready for item in batch.messages},
                {session.ident for batch in ready for session in batch.proposers},
                audience,
                began,
            )
        for error in errors:
            # Raised after all others have got their output.
            raise error

    def _deliver(self, batch: Batch, last: bool, errors: list[Exception]) -> None:
        if self.times is None or not batch.beganAt:
            # Not measured, or begun before the measuring.
            batch.deliver(last, errors)
        else:
            began = self.times.clock()
            batch.deliver(last, errors)
            self.times.count(batch, began, self.times.clock())
        if batch.durable:
            # On one node the next batch has the same position, if nothing in this one is stored.
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
