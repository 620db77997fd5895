"""
What stands between the pipeline of a node and the stream of all.  Pure.

What the node proposes goes out by the L{outbox<tsservices.cluster.outbox>}; what the
stream brings, of whichever node, is applied at its place, here as on every node.  Whether
a message counts is decided by the state alone, and by nothing that only this node knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from tsservices.chat.errors import STOPPING, ChatError
from tsservices.chat.handlers.nodes import Verdict, goodbye, returns
from tsservices.chat.operations import Quit, ReattachSession
from tsservices.chat.pipeline import Pipeline, Proposal
from tsservices.chat.session import Session
from tsservices.cluster.apply import LogApplier, judge, nodeUp
from tsservices.cluster.broker import Broker, StreamMessage, StreamState
from tsservices.cluster.consistency import StateDigest
from tsservices.cluster.failure_detector import FROZEN_SECONDS, HEARTBEAT_SECONDS, FailureDetector
from tsservices.cluster.messages import UnsupportedVersion, decode
from tsservices.cluster.notices import UserNotifier
from tsservices.cluster.outbox import PublishQueue
from tsservices.cluster.retransmit import Retransmitter
from tsservices.cluster.status import CUT_OFF, FULL, ClusterListener, MessageCounters, NodeStatus
from tsservices.common.limits import Limits

#: Seconds that a message waits for what else is said, when several talk.
GATHER_SECONDS = 0.001

#: Seconds between two who talk up to which they do so at the same time.
CONCURRENT_SECONDS = 0.05

#: Batches that wait for the disk before no more are taken from the engine.
MAX_BACKLOG = 1000


#: Has something called after so many seconds.
CallLater = Callable[[float, Callable[[], object]], object]


class ClusterOrderer:
    """Orders the proposals of a node among those of all."""

    def __init__(
        self,
        node: str,
        incarnations: Callable[[], str],
        pipeline: Pipeline,
        engine: Broker,
        seconds: Callable[[], float],
        tell: ClusterListener,
        limits: Limits,
        operators: Iterable[str] = (),
        later: CallLater | None = None,
    ) -> None:
        """@param later: has something called after so many seconds; L{None}: nothing waits."""
        self._node = node
        self._makeIncarnation = incarnations
        self._pipeline = pipeline
        self._broker = engine
        self._clock = seconds
        self._listener = tell
        self._limits = limits
        self._operators = tuple(sorted(operators))
        self._queue = PublishQueue(node, seconds, engine.publish)
        self._retransmitter = Retransmitter(engine, self._queue, seconds)
        self._detector = FailureDetector(node, pipeline.state, seconds)
        self._applier = LogApplier(node, pipeline, seconds, tell.logError)
        self._notifier = UserNotifier(pipeline, self._queue, seconds, tell)
        self._nodeSession = Session("", None, node=node)
        self._base = 0
        self._catchUpTo: int | None = None
        self._callLater = later
        self._gathering = False
        self._lastProposer: Session | None = None
        self._proposedAt = self._concurrentUntil = -CONCURRENT_SECONDS
        self._digest: StateDigest | None = None
        self._up = False
        self._ready = False
        self._ended = False
        self._paused = False
        self._onStopped: Callable[[], object] | None = None
        self._tickedAt = seconds()
        self._counters = MessageCounters(seconds, tell.log)

    def start(self, stream: StreamState, number: int, kept: StateDigest | None = None) -> None:
        """Read the stream, and take part in it as soon as all is read that it has now."""
        self._digest = kept
        self._base = stream.identity.baseSequence
        self._retransmitter.readUpTo = number - 1
        self._retransmitter.streamEnd = self._catchUpTo = max(stream.last, number - 1)
        self._tickedAt = self._notifier.lastArrival = self._clock()
        self._applier.begin()
        self._broker.subscribe(number, self)
        self._proceed()

    def stop(self, stopped: Callable[[], object]) -> None:
        """Say goodbye, after all that was proposed."""
        # What was proposed in this turn comes before the goodbye.
        self._pipeline.flush()
        self._onStopped = stopped
        self._applier.stopping = True
        node = self._pipeline.state.nodes.get(self._node)
        if self._ended or not self._up or node is None:
            self._end()
        else:
            self._queue.add([(goodbye(node), self._nodeSession)])
            self._queue.send()

    def submit(self, proposals: list[Proposal]) -> None:
        if self._ended or self._onStopped is not None:
            self._notifier.reject(proposals, ChatError(STOPPING))
            return
        self._notifier.submitted(proposals)
        self._notifier.reject(self._queue.add(proposals), FULL)
        self._detectConcurrency(proposals)
        self._send()

    def _detectConcurrency(self, proposals: list[Proposal]) -> None:
        now, speaker = self._clock(), proposals[-1][1]
        another = speaker is not self._lastProposer and now < self._proposedAt + CONCURRENT_SECONDS
        if another or any(session is not speaker for _, session in proposals):
            self._concurrentUntil = now + CONCURRENT_SECONDS
        self._lastProposer, self._proposedAt = speaker, now

    def _send(self) -> None:
        """
        Publish what waits; but when several talk it waits for the others a moment, since
        each message, once it is back, costs a turn to everybody.
        """
        if self._gathering:
            return
        if self._callLater is None or self._clock() >= self._concurrentUntil:
            self._queue.send()
            return
        self._gathering = True
        self._callLater(GATHER_SECONDS, self._sendGathered)

    def _sendGathered(self) -> None:
        """What others have said meanwhile is in the same message."""
        self._gathering = False
        if not self._ended:
            self._queue.send()

    @property
    def trouble(self) -> ChatError | None:
        """Why nothing gets its place at present."""
        return self._notifier.trouble

    def waitingSessions(self) -> list[Session]:
        """Those whose proposals have no place yet, each once."""
        return self._notifier.waitingSessions()

    def status(self) -> NodeStatus:
        """How this node stands among the others."""
        counts, now = self._counters.counts, self._clock()
        ages = {**self._detector.ages(), self._node: now - self._notifier.lastArrival}
        nodes = self._pipeline.state.nodes.values()
        return NodeStatus(
            self._applier.incarnation,
            self._up,
            self._base + self._retransmitter.readUpTo,
            self._retransmitter.streamEnd - self._retransmitter.readUpTo,
            self._queue.messageCount,
            self._queue.size,
            now - self._notifier.lastArrival,
            counts[Verdict.TAKEN],
            counts[Verdict.DUPLICATE],
            counts[Verdict.GAP],
            counts[Verdict.STRANGER],
            self._counters.garbage,
            tuple([(each.name, each.incarnation, ages.get(each.name, 0.0)) for each in nodes]),
        )

    @property
    def checkpointPosition(self) -> int:
        """The position where this run has kept the whole state last; 0: nowhere yet."""
        return self._applier.checkpointPosition

    def tick(self) -> None:
        """Some time has gone by: to be called four times a second."""
        if self._ended or self._catchUpTo is None:
            return
        now = self._clock()
        if now - self._tickedAt > FROZEN_SECONDS:
            # What came meanwhile was not heard, but may be there.
            self._notifier.lastArrival = now
        self._tickedAt = now
        self._resumeReading()
        self._retransmitter.tick()
        gone = self._detector.tick()
        if self._up:
            for each in gone:
                self._listener.log(f"node {each.node} is silent: it is taken for gone")
            self._queue.add([(each, self._nodeSession) for each in gone])
            self._queue.send(heartbeat=now - self._queue.publishedAt >= HEARTBEAT_SECONDS)
        self._notifier.tick(not self._paused)

    def delivered(self, deliveries: list[StreamMessage]) -> None:
        for delivery in deliveries:
            read = self._retransmitter.readUpTo
            if self._ended:
                return
            if delivery.sequence > read + 1:
                self.streamBroken(
                    f"the messages {read + 1} to {delivery.sequence - 1} of the stream are gone:"
                    " start this server again"
                )
                return
            if delivery.sequence == read + 1:
                self._receive(delivery)
                self._retransmitter.advanced(delivery.sequence)
        self._proceed()

    def publishUncertain(self) -> None:
        if not self._ended:
            self._retransmitter.suspect()

    def connected(self, where: str) -> None:
        if where:
            self._listener.log(f"connected to {where}")
            self.publishUncertain()
        else:
            self._listener.log("there is no connection to the other servers")

    def streamBroken(self, reason: str) -> None:
        if not self._ended:
            self._ended = True
            self._listener.nodeBroken(reason)

    def _proceed(self) -> None:
        """Do what can be done now that something was read."""
        if self._ended:
            return
        if not self._applier.incarnation and self._retransmitter.readUpTo >= (self._catchUpTo or 0):
            if not self._matchesDatabase(self._base + self._retransmitter.readUpTo + 1):
                return
            self._announce()
        if self._up and not self._ready:
            self._ready = True
            self._listener.ready()
        self._resumeReading()
        if not self._gathering:
            self._queue.send()

    def _resumeReading(self) -> None:
        """Read on, if not too much waits for the disk any more."""
        if self._paused and self._pipeline.backlog <= MAX_BACKLOG // 2:
            self._paused = False
            self._broker.pause(False)

    def _announce(self, lost: Mapping[str, ReattachSession] = MappingProxyType({})) -> None:
        """Begin, or begin again, and bring those back who were here."""
        incarnation = self._applier.incarnation = self._makeIncarnation()
        up = nodeUp(self._node, incarnation, self._limits, self._operators)
        back = {each.session: each for each in returns(self._pipeline.state, self._node)}
        first: list[Proposal] = [(up, self._nodeSession)]
        for ident, session in self._applier.detached.items():
            session.pending += 1
            first.append((back.get(ident) or lost[ident], session))
        self._queue.start(incarnation, first)
        self._queue.send()

    def _receive(self, delivery: StreamMessage) -> None:
        try:
            message = decode(delivery.data)
        except UnsupportedVersion as newer:
            self.streamBroken(f"another server speaks in a newer way ({newer}): update this one")
            return
        except ValueError:
            self._counters.countGarbage()
            return
        position = self._base + delivery.sequence
        if not self._matchesDatabase(position):
            return
        verdict = judge(self._pipeline.state, message, position, delivery.stamp)
        self._counters.counts[verdict] += 1
        own = message.node == self._node
        current = own and message.incarnation == self._applier.incarnation
        if current:
            self._detector.ownMessageSeen()
        if verdict is Verdict.GAP and current:
            self._retransmitter.suspect()
        if verdict is not Verdict.TAKEN:
            return
        if own and not current and self._up:
            self.streamBroken(f"another server has the name {self._node} too: each needs its own")
            return
        sent = None
        if current:
            sent = self._queue.acknowledge(message.n)
            self._retransmitter.arrived()
            self._notifier.arrived()
        self._applier.apply(message, sent, position, delivery.stamp)
        if current and message.n == 1:
            self._up = True
        if self._applier.evicted:
            self._evicted()
        if not self._paused and self._pipeline.backlog > MAX_BACKLOG:
            self._paused = True
            self._broker.pause(True)

    def _matchesDatabase(self, position: int) -> bool:
        kept = self._digest
        if kept is None or position <= kept.position:
            return True
        self._digest = None
        if kept.matches(self._pipeline.state):
            return True
        self.streamBroken(
            f"up to {kept.position} the database of this node has something else than the stream:"
            " the engine has lost what it had, or the database was used without the cluster;"
            " see docs/cluster.md"
        )
        return False

    def _evicted(self) -> None:
        """
        The others have taken this node for gone, or it has said goodbye: nothing of what is
        under way will ever count.
        """
        applying = self._applier
        applying.evicted = self._up = False
        dropped = self._queue.clear()
        self._retransmitter.confirm()
        self._detector.reset()
        returning: dict[str, ReattachSession] = {}
        for event, session in dropped:
            if type(event) is Quit:
                # They are gone, as they wanted.
                applying.detached.pop(session.ident, None)
            elif isinstance(event, ReattachSession):
                session.pending -= 1
                returning[session.ident] = event
        lost = [each for each in dropped if type(each[0]) is not ReattachSession]
        if self._onStopped is not None:
            self._notifier.reject(lost, ChatError(STOPPING))
            self._end()
            return
        self._listener.log("the others have taken this server for gone: it begins again")
        self._announce(returning)
        self._notifier.reject(lost, CUT_OFF)

    def _end(self) -> None:
        """Have nothing to do with the stream any more."""
        self._ended = True
        self._notifier.reject(self._queue.clear(), ChatError(STOPPING))
        if self._onStopped is not None:
            self._onStopped()
