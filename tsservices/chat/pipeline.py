"""
The pipeline: propose, order, apply, store, deliver. Everything that happens in the chat passes
here.

On one node the turns of the reactor are the order: what is proposed in a turn is applied at its
end, as one batch. After a large room was sent to, talk may wait for some turns before it is ordered
(L{TalkHold}). In a cluster an L{Orderer} brings the proposals of all nodes back in
one order.

A batch is delivered when it is stored, and after those before it: whatever anybody has seen is
there after a crash. A batch with nothing to store still waits its turn, since it may speak of lines
that are not stored yet.
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

#: Stamps are from 1970 to 2255, whatever the clock says: storages have 64 bits for a time, and bans
#: end later.
LATEST_STAMP = 9 * 10**18

#: Times of batches, four for each, that are counted in one go.
WAITING_TIMES = 1024

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


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None: ...


#: Calls a function in so many seconds.
CallLater = Callable[[float, Callable[[], None]], Timer]

#: Takes an entry of the audit log.
Audit = Callable[[dict[str, object]], object]


def _noAudit(facts: dict[str, object]) -> None:
    pass


class PipelineTimes:
    """
    How long batches take.

    @ivar clock: seconds that only go forward.
    @ivar apply: to decide all that a batch brings.
    @ivar store: from there until it is stored, and may be delivered.
    @ivar deliver: to write it to all who get it.
    @ivar whole: from the beginning to the last of them.
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
        Count the times of a batch, once it is delivered.

        @param began: when that began, in seconds of the clock.
        @param ended: when it ended: the same.
        """
        waiting = self._waiting
        waiting += (batch.beganAt, batch.appliedAt, began, ended)
        if len(waiting) >= WAITING_TIMES:
            self.settle()

    def settle(self) -> None:
        """Bring the histograms up to date: before they are read."""
        waiting = self._waiting
        starts, applied, began, ended = (waiting[place::4] for place in range(4))
        waiting.clear()
        self.apply.count(map(sub, applied, starts))
        self.store.count(map(sub, began, applied))
        self.deliver.count(map(sub, ended, began))
        self.whole.count(map(sub, ended, starts))


class Pipeline:
    """
    Takes proposals, and owns the state, the order on one node, and the batches on their way.

    @ivar state: changed here alone.
    @ivar times: L{None}: they are not counted yet.
    @ivar deliveredPosition: that of the last batch whose lines were delivered.
    @ivar log: the incarnation of the order: under another one numbers mean other lines.
    @ivar _position: that of the last batch with something to store, on one node.
    @ivar _storedPosition: that of the last batch that is stored.
    @ivar _deliveryDue: a call that will deliver is under way.
    @ivar _flushDue: a call of L{flush} is under way.
    @ivar _hold: decides whether talk waits; L{None}: it never does.
    @ivar _timer: ends the wait of what is in the outbox.
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
        times: PipelineTimes | None = None,
        monotonic: Callable[[], float] | None = None,
        callLater: CallLater | None = None,
    ) -> None:
        """
        @param log: the incarnation of the order.
        @param position: that of the last batch that is stored.
        @param wallClock: the clock: nanoseconds since 1970, UTC.
        @param turnEnd: calls a function at the end of this turn of the reactor.
        @param times: are counted; None: not before L{measure} is called.
        @param monotonic: seconds that only go forward; None: no line waits for others.
        @param callLater: for lines that wait; None: none does.
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
        The times of batches, which are counted from the first call on: each line pays some 2
        microseconds for it, and most servers are asked by nobody.

        @param clock: seconds that only go forward.
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
        if not self._flushDue:
            self._flushDue = True
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
        if not self._flushDue:
            self._flushDue = True
            self._turnEnd(self.flush)
        self._barriers.append(session)
        return True

    def flush(self) -> None:
        """
        End the turn: order what was proposed, apply it, and have it stored; unless it has to wait.
        """
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
        # Who asks for a barrier waits for an answer.
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
            # At the end of a turn, since more may have come with it.
            self._flushDue = True
            self._turnEnd(self.flush)

    def stop(self) -> None:
        """Order what waits, and let nothing wait any more."""
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
        Apply what has come back from the L{Orderer}. What was stored before this node stopped is
        applied again, but not stored again.

        @param stamp: the time of its place: nanoseconds since 1970, UTC.
        @param apply: fills the batch.
        @param origins: sessions of this node that proposed it.
        @param schema: the version of the rules by which it is applied.
        """
        batch = Batch(self.log, position, stamp, schema)
        if self.times is not None:
            batch.beganAt = self.times.clock()
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
        if self.times is not None:
            batch.appliedAt = self.times.clock()
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
            # Raised when all others have got what is theirs.
            raise error

    def _deliver(self, batch: Batch, last: bool, errors: list[Exception]) -> None:
        if self.times is None or not batch.beganAt:
            # Not counted, or begun before that was asked for.
            batch.deliver(last, errors)
        else:
            began = self.times.clock()
            batch.deliver(last, errors)
            self.times.count(batch, began, self.times.clock())
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
