"""
The proposals of this node that have not come back from the stream yet.  Pure.

Few messages are in flight at a time, and proposals made meanwhile go together in the next one: the
busier the node, the larger its messages.  A message keeps its number until it has come back, so it
can be published several times and still counts once: all nodes apply only the number that follows
the last one (L{tsservices.chat.handlers.nodes}).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass

from tsservices.chat.operations import NodeDown, NodeUp, Operation, Quit, ReattachSession
from tsservices.chat.pipeline import Proposal
from tsservices.chat.session import Session
from tsservices.cluster.messages import MESSAGE_BYTES, assemble, encodeOperation, overhead

#: Bytes that a node queues while the broker does not answer: some seconds of a busy chat.
OUTBOX_BYTES = 8 * 1024 * 1024

#: Seconds after which a proposal that was never published is rejected: users do not wait longer.
OUTBOX_SECONDS = 30.0

#: Messages of a node in flight at most: more would not increase the throughput, because proposals
#: made meanwhile go together in the next message.
MAX_IN_FLIGHT = 4

#: Accepted even when the queue is full, and never expired.  Without these, users would stay
#: for ever in rooms that they have left, or be missing in their rooms.
ALWAYS_ACCEPTED: tuple[type[Operation], ...] = (Quit, NodeUp, NodeDown, ReattachSession)


@dataclass(slots=True)
class InFlight:
    """A message that was published and has not come back."""

    #: Its number.
    n: int
    data: bytes
    proposals: list[Proposal]
    #: When it was first published, in seconds.
    publishedAt: float
    #: Its users got a notice that the result is unknown.
    notified: bool = False


@dataclass(slots=True)
class _Waiting:
    """A proposal that was never published."""

    proposal: Proposal
    #: The proposal's row in a message.
    data: bytes
    #: In seconds.
    proposedAt: float


class PublishQueue:
    """
    The proposals of this node from their acceptance until they come back.

    @ivar inFlight: the messages that were published, in order.
    @ivar size: bytes of these messages and of the waiting proposals.
    @ivar suspended: nothing new may be published now.
    @ivar publishedAt: the time of the last publication, in seconds.
    """

    def __init__(
        self, node: str, clock: Callable[[], float], publish: Callable[[bytes], object]
    ) -> None:
        self._node = node
        self._clock = clock
        self._publish = publish
        self._incarnation = ""
        self._n = 0
        self._capacity = 0
        self._waiting: deque[_Waiting] = deque()
        self.inFlight: deque[InFlight] = deque()
        self.size = 0
        self.suspended = False
        self.publishedAt = 0.0

    @property
    def messageCount(self) -> int:
        """The approximate number of messages: all waiting proposals count as one."""
        return len(self.inFlight) + bool(self._waiting)

    def proposals(self) -> list[Proposal]:
        """Return all proposals, in order."""
        return [
            *(proposal for sent in self.inFlight for proposal in sent.proposals),
            *(waiting.proposal for waiting in self._waiting),
        ]

    def start(self, incarnation: str, first: Sequence[Proposal]) -> None:
        """Begin an incarnation, with message number 1.  Nothing may be in flight."""
        assert not self.inFlight
        self._incarnation = incarnation
        self._n = 0
        self._capacity = MESSAGE_BYTES - overhead(self._node, incarnation)
        later, self._waiting = self._waiting, deque()
        self.suspended = False
        self.add(first)
        self._waiting.extend(later)

    def clear(self) -> list[Proposal]:
        """Remove all proposals and return them in order."""
        dropped = self.proposals()
        self.inFlight.clear()
        self._waiting.clear()
        self.size = 0
        return dropped

    def add(self, proposals: Iterable[Proposal]) -> list[Proposal]:
        """
        Accept proposals, and return those that do not fit.

        After one that does not fit, no other proposal of the turn is accepted, so that a user's
        second line is not stored without the first.
        """
        now = self._clock()
        maximum = self._capacity or MESSAGE_BYTES // 2
        rejected: list[Proposal] = []
        for proposal in proposals:
            data = encodeOperation(proposal[0])
            size = len(data) + 1
            full = bool(rejected) or self.size + size > OUTBOX_BYTES
            if (full and not isinstance(proposal[0], ALWAYS_ACCEPTED)) or size > maximum:
                rejected.append(proposal)
                continue
            self.size += size
            self._waiting.append(_Waiting(proposal, data, now))
        return rejected

    def send(self, heartbeat: bool = False) -> None:
        """
        Publish waiting proposals, up to the limit of messages in flight.

        @param heartbeat: a sign of life to the other nodes is due.
        """
        if not self._incarnation:
            return
        if heartbeat and self.inFlight:
            # A duplicate is as good a sign of life as a new message.
            self._publishAgain(self.inFlight[0])
        elif heartbeat and not self._waiting:
            self._send([])
        maximum = MAX_IN_FLIGHT if self._isEstablished else 1
        while self._waiting and not self.suspended and len(self.inFlight) < maximum:
            self._send(self._next())

    @property
    def _isEstablished(self) -> bool:
        # The first message has the NodeUp, and is alone in flight: if it were lost, the messages
        # after it would come from a node unknown to the others.
        return self._n > 1 or (self._n == 1 and not self.inFlight)

    def _next(self) -> list[_Waiting]:
        waiting, parts, size = self._waiting, list[_Waiting](), 0
        while waiting and size + len(waiting[0].data) + 1 <= self._capacity:
            size += len(waiting[0].data) + 1
            parts.append(waiting.popleft())
        return parts

    def _send(self, parts: list[_Waiting]) -> None:
        self._n += 1
        rows = [part.data for part in parts]
        data = assemble(self._node, self._incarnation, self._n, rows)
        self.size += len(data) - sum(len(row) + 1 for row in rows)
        sent = InFlight(self._n, data, [part.proposal for part in parts], self._clock())
        self.inFlight.append(sent)
        self._publishAgain(sent)

    def _publishAgain(self, sent: InFlight) -> None:
        self.publishedAt = self._clock()
        self._publish(sent.data)

    def republish(self) -> None:
        """Publish all messages in flight again."""
        for sent in list(self.inFlight):
            self._publishAgain(sent)

    def acknowledge(self, n: int) -> InFlight | None:
        """Remove and return the message that has come back; L{None}: it is not the next one."""
        if not self.inFlight or self.inFlight[0].n != n:
            return None
        sent = self.inFlight.popleft()
        self.size -= len(sent.data)
        return sent

    def takeExpired(self, known: Container[str]) -> list[Proposal]:
        """
        Remove and return proposals that have waited for too long; they are never published.

        @param known: ids of the sessions known to all nodes.
        """
        waiting, oldest = self._waiting, self._clock() - OUTBOX_SECONDS
        if not waiting or waiting[0].proposedAt > oldest:
            return []
        expired: list[Proposal] = []
        coming = {session.ident for sent in self.inFlight for _, session in sent.proposals}
        self._waiting = deque()
        for item in waiting:
            operation, session = item.proposal
            if isinstance(operation, ReattachSession):
                coming.add(session.ident)
            # A session that never entered the state needs no Quit.  Otherwise many short sessions
            # would fill the queue with Quits, which do not expire, while the broker is away.
            needless = type(operation) is Quit and session.ident not in coming
            needless = needless and session.ident not in known
            if item.proposedAt > oldest or (
                isinstance(operation, ALWAYS_ACCEPTED) and not needless
            ):
                self._waiting.append(item)
            else:
                self.size -= len(item.data) + 1
                expired.append(item.proposal)
        return expired

    def takeUnknown(self) -> list[Session]:
        """Return the sessions whose lines are in flight for too long; once for each message."""
        oldest = self._clock() - OUTBOX_SECONDS
        sessions: dict[str, Session] = {}
        for sent in self.inFlight:
            if sent.publishedAt > oldest:
                break
            if not sent.notified:
                sent.notified = True
                sessions.update((session.ident, session) for _, session in sent.proposals)
        sessions.pop("", None)
        return list(sessions.values())
