"""
What this node has proposed and has not seen come back from the stream.  Pure.

Few messages are in flight at a time, and what is proposed meanwhile goes together in the next one:
the busier the node, the fuller its messages.  A message keeps its number until it has come back,
so that it can be published as often as need be and still counts once: all nodes apply only the
number that follows the last one (L{tsservices.chat.handlers.nodes}).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass

from tsservices.chat.operations import NodeDown, NodeUp, Operation, Quit, ReattachSession
from tsservices.chat.pipeline import Proposal
from tsservices.chat.session import Session
from tsservices.cluster.messages import MESSAGE_BYTES, assemble, encodeOperation, overhead

#: Bytes that a node keeps for a broker that does not answer: some seconds of everybody's talk.
OUTBOX_BYTES = 8 * 1024 * 1024

#: Seconds after which what was never published is rejected: nobody waits longer for their own line.
OUTBOX_SECONDS = 30.0

#: Messages of a node that are published and not back yet: more bring no more lines, since what
#: comes meanwhile goes together in the next one.
MAX_IN_FLIGHT = 4

#: Accepted when the queue is full, and never expired.  Without these somebody would stay for ever
#: in rooms that they have left, or be missing where they are.
ALWAYS_ACCEPTED: tuple[type[Operation], ...] = (Quit, NodeUp, NodeDown, ReattachSession)


@dataclass(slots=True)
class InFlight:
    """A message that was published and has not come back."""

    #: Its number.
    n: int
    data: bytes
    proposals: list[Proposal]
    #: When it was published first, in seconds.
    publishedAt: float
    #: Its people know that its fate is unknown.
    notified: bool = False


@dataclass(slots=True)
class _Waiting:
    """A proposal that was never published."""

    proposal: Proposal
    #: Its row in a message.
    data: bytes
    #: In seconds.
    proposedAt: float


class PublishQueue:
    """
    Proposals of this node, from when they are accepted until they come back.

    @ivar inFlight: the messages that were published, in order.
    @ivar size: bytes of these and of what waits.
    @ivar suspended: nothing new is to be published for now.
    @ivar publishedAt: when something was published last, in seconds.
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
        """How many messages all of it is, about: what waits makes one."""
        return len(self.inFlight) + bool(self._waiting)

    def proposals(self) -> list[Proposal]:
        """All, in order."""
        return [
            *(proposal for sent in self.inFlight for proposal in sent.proposals),
            *(waiting.proposal for waiting in self._waiting),
        ]

    def start(self, incarnation: str, first: Sequence[Proposal]) -> None:
        """Begin an incarnation, with the number 1.  Nothing may be in flight."""
        assert not self.inFlight
        self._incarnation = incarnation
        self._n = 0
        self._capacity = MESSAGE_BYTES - overhead(self._node, incarnation)
        later, self._waiting = self._waiting, deque()
        self.suspended = False
        self.add(first)
        self._waiting.extend(later)

    def clear(self) -> list[Proposal]:
        """Forget all of it; give it back, in order."""
        dropped = self.proposals()
        self.inFlight.clear()
        self._waiting.clear()
        self.size = 0
        return dropped

    def add(self, proposals: Iterable[Proposal]) -> list[Proposal]:
        """
        Accept proposals, and give those back for which there is no room.

        After one of them none of the same turn is accepted, so that nobody's second line is
        stored without the first.
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
        Publish what waits, as far as there may be more in flight.

        @param heartbeat: it is time that the others hear of this node.
        """
        if not self._incarnation:
            return
        if heartbeat and self.inFlight:
            # The others hear a duplicate as well as a new message.
            self._publishAgain(self.inFlight[0])
        elif heartbeat and not self._waiting:
            self._send([])
        maximum = MAX_IN_FLIGHT if self._isEstablished else 1
        while self._waiting and not self.suspended and len(self.inFlight) < maximum:
            self._send(self._next())

    @property
    def _isEstablished(self) -> bool:
        # The first message has the NodeUp, and goes alone: if it were lost, all that follow it
        # would come from a node that nobody knows.
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
        """Publish all again that is in flight."""
        for sent in list(self.inFlight):
            self._publishAgain(sent)

    def acknowledge(self, n: int) -> InFlight | None:
        """The message with this number has come back; L{None}: it is not the next one."""
        if not self.inFlight or self.inFlight[0].n != n:
            return None
        sent = self.inFlight.popleft()
        self.size -= len(sent.data)
        return sent

    def takeExpired(self, known: Container[str]) -> list[Proposal]:
        """
        Take the proposals that have waited for too long and now are never published.

        @param known: ids of the sessions that all nodes know.
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
            # Whoever never got in need not get out: else a crowd that comes and goes while the
            # broker is away would fill the queue with Quits, which do not expire.
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
        """The sessions whose lines are in flight for too long; once for each message."""
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
