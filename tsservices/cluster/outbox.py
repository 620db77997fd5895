"""
What this node has proposed, and has not seen come back from the stream.  Pure.

A few messages are under way at a time; what is proposed meanwhile goes together in the
next one.  A message keeps its number until it has come back at its place, so that it can
be published as often as need be, and still counts once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass

from tsservices.chat.operations import NodeDown, NodeUp, Operation, Quit, ReattachSession
from tsservices.chat.pipeline import Proposal
from tsservices.chat.session import Session
from tsservices.cluster.messages import MESSAGE_BYTES, assemble, encodeOperation, overhead

#: Bytes that a node keeps for an engine that does not answer: some seconds of everybody's talk.
OUTBOX_BYTES = 8 * 1024 * 1024

#: Seconds after which what was never sent is refused: nobody waits longer for their own line.
OUTBOX_SECONDS = 30.0

#: Messages of a node that are published and not back yet: more makes no more lines, since what
#: comes meanwhile goes together in the next one.
MAX_IN_FLIGHT = 4


#: What there is always room and time for: without it people would be somewhere for ever who have
#: left long since, or the other way round.
ALWAYS_ACCEPTED: tuple[type[Operation], ...] = (Quit, NodeUp, NodeDown, ReattachSession)


@dataclass(slots=True)
class InFlight:
    """
    A message that was published, and has not come back.

    @ivar n: its number.
    @ivar data: as it is published.
    @ivar proposals: those in it, in order.
    @ivar publishedAt: when it was published first, in seconds.
    @ivar notified: its people know that nothing is known of it.
    """

    n: int
    data: bytes
    proposals: list[Proposal]
    publishedAt: float
    notified: bool = False


@dataclass(slots=True)
class _Waiting:
    """
    Something that was never published.

    @ivar proposal: what is to happen, and who proposes it.
    @ivar data: what stands for it in a message.
    @ivar proposedAt: when it was proposed, in seconds.
    """

    proposal: Proposal
    data: bytes
    proposedAt: float


class PublishQueue:
    """
    What was proposed and has not come back.

    @ivar inFlight: the messages that are under way, in order.
    @ivar size: bytes of these and of what waits.
    @ivar held: whether nothing is to be published for now.
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
        self.held = False
        self.publishedAt = 0.0

    @property
    def messageCount(self) -> int:
        """How many messages all of it is, about: what waits makes one."""
        return len(self.inFlight) + bool(self._waiting)

    def proposals(self) -> list[Proposal]:
        """All, in order."""
        return [
            *(proposal for each in self.inFlight for proposal in each.proposals),
            *(each.proposal for each in self._waiting),
        ]

    def start(self, incarnation: str, first: Sequence[Proposal]) -> None:
        """Count from the beginning.  Nothing may be under way."""
        assert not self.inFlight
        self._incarnation = incarnation
        self._n = 0
        self._capacity = MESSAGE_BYTES - overhead(self._node, incarnation)
        later, self._waiting = self._waiting, deque()
        self.held = False
        self.add(first)
        self._waiting.extend(later)

    def clear(self) -> list[Proposal]:
        """All, in order, of which none is published any more."""
        dropped = self.proposals()
        self.inFlight.clear()
        self._waiting.clear()
        self.size = 0
        return dropped

    def add(self, proposals: Iterable[Proposal]) -> list[Proposal]:
        """
        Those of them for which there is no room. After one of them comes none of the same turn,
        so that nobody's second line is kept without the first.
        """
        now = self._clock()
        refused: list[Proposal] = []
        for proposal in proposals:
            data = encodeOperation(proposal[0])
            size = len(data) + 1
            full = bool(refused) or self.size + size > OUTBOX_BYTES
            if (full and not isinstance(proposal[0], ALWAYS_ACCEPTED)) or size > self._maximumSize:
                refused.append(proposal)
                continue
            self.size += size
            self._waiting.append(_Waiting(proposal, data, now))
        return refused

    @property
    def _maximumSize(self) -> int:
        return self._capacity or MESSAGE_BYTES // 2

    def send(self, heartbeat: bool = False) -> None:
        """
        Publish what waits, as far as there may be more under way.  The first message is
        alone: until it has come back, nothing else is listened to.
        """
        if not self._incarnation:
            return
        if heartbeat and self.inFlight:
            # What the others may have heard already they hear again.
            self._publishAgain(self.inFlight[0])
        elif heartbeat and not self._waiting:
            self._send([])
        while (
            self._waiting
            and not self.held
            and len(self.inFlight) < (MAX_IN_FLIGHT if self._isEstablished else 1)
        ):
            self._send(self._next())

    @property
    def _isEstablished(self) -> bool:
        return self._n > 1 or (self._n == 1 and not self.inFlight)

    def _next(self) -> list[_Waiting]:
        waiting, parts, size = self._waiting, list[_Waiting](), 0
        while waiting and size + len(waiting[0].data) + 1 <= self._capacity:
            size += len(waiting[0].data) + 1
            parts.append(waiting.popleft())
        return parts

    def _send(self, parts: list[_Waiting]) -> None:
        self._n += 1
        data = assemble(self._node, self._incarnation, self._n, [each.data for each in parts])
        self.size += len(data) - sum(len(each.data) + 1 for each in parts)
        sent = InFlight(self._n, data, [each.proposal for each in parts], self._clock())
        self.inFlight.append(sent)
        self._publishAgain(sent)

    def _publishAgain(self, sent: InFlight) -> None:
        self.publishedAt = self._clock()
        self._publish(sent.data)

    def republish(self) -> None:
        """Publish all again that is under way."""
        for sent in list(self.inFlight):
            self._publishAgain(sent)

    def acknowledge(self, n: int) -> InFlight | None:
        """What it was; L{None}: not what is waited for."""
        if not self.inFlight or self.inFlight[0].n != n:
            return None
        sent = self.inFlight.popleft()
        self.size -= len(sent.data)
        return sent

    def takeExpired(self, entered: Container[str]) -> list[Proposal]:
        """
        What has waited for too long without being published, and never is. Who has left before
        they could enter need not say so.
        """
        waiting, oldest = self._waiting, self._clock() - OUTBOX_SECONDS
        if not waiting or waiting[0].proposedAt > oldest:
            return []
        expired: list[Proposal] = []
        coming = {session.ident for each in self.inFlight for _, session in each.proposals}
        self._waiting = deque()
        for each in waiting:
            event, session = each.proposal
            if isinstance(event, ReattachSession):
                coming.add(session.ident)
            idle = type(event) is Quit and session.ident not in coming
            idle = idle and session.ident not in entered
            if each.proposedAt > oldest or (isinstance(event, ALWAYS_ACCEPTED) and not idle):
                self._waiting.append(each)
            else:
                self.size -= len(each.data) + 1
                expired.append(each.proposal)
        return expired

    def takeUnknown(self) -> list[Session]:
        """
        Those of whose proposals nothing is known for too long, each once, and once for each
        message.
        """
        oldest = self._clock() - OUTBOX_SECONDS
        found: dict[str, Session] = {}
        for sent in self.inFlight:
            if sent.publishedAt > oldest:
                break
            if not sent.notified:
                sent.notified = True
                found.update((session.ident, session) for _, session in sent.proposals)
        found.pop("", None)
        return list(found.values())
