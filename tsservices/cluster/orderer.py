"""
The link between the pipeline of a node and the stream of all nodes.  Pure.

The node's proposals go into the stream; messages from the stream, of any node, are applied at their
places, on every node alike.  Only the state at the time of application decides whether a message
counts, never something that only this node knows.  (Checking proposals only before they are ordered
was tried: in 50 runs it gave one nick to two users 21 times, and accepted 235 lines of users who
had been kicked before.)

The life of a node::

    start()     read the stream from the last checkpoint to its present end
    NodeUp      publish it alone, as message 1 of a new incarnation, with all sessions that are
                connected here; when it comes back this node is up, and its listeners may open
    ...         proposals are published, come back, and are applied
    NodeDown    of this node: it was silent for too long (frozen, or cut off), and the others have
                removed it.  Messages in flight will never count, because they have the old
                incarnation.  The waiting users get an error; the node begins a new incarnation
                and attaches its sessions again
    stop()      publish the node's own NodeDown, and wait until it comes back

A message that comes twice or out of turn is normal.  A process that was stopped for a minute
continues to publish its queue after the others have removed it; a replica of the broker may do the
same with its messages.  The message numbers and the incarnations resolve all these cases: of
L{Verdict} only TAKEN is applied.  L{tsservices.cluster.retransmit} publishes messages again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tsservices.chat.errors import STOPPING, ChatError
from tsservices.chat.handlers.nodes import Verdict, reattachments, shutdownOf
from tsservices.chat.operations import Quit, ReattachSession
from tsservices.chat.pipeline import Pipeline, Proposal
from tsservices.chat.session import Session
from tsservices.cluster.apply import LogApplier, judge, nodeUp
from tsservices.cluster.broker import Broker, StreamMessage, StreamState
from tsservices.cluster.consistency import StateDigest
from tsservices.cluster.failure_detector import FROZEN_SECONDS, HEARTBEAT_SECONDS, FailureDetector
from tsservices.cluster.gather import CallLater, SendGate
from tsservices.cluster.messages import Message, UnsupportedVersion, decode
from tsservices.cluster.node import NodeConfig
from tsservices.cluster.notices import UserNotifier
from tsservices.cluster.outbox import PublishQueue
from tsservices.cluster.retransmit import Retransmitter
from tsservices.cluster.status import CUT_OFF, FULL, ClusterListener, MessageCounters, NodeStatus

#: Batches waiting in memory for the disk at which the reading of the stream is paused.
MAX_BACKLOG = 1000


class ClusterOrderer:
    """
    Orders the proposals of a node among those of all nodes.  Implements the C{Orderer} of the
    pipeline, and the listener of the broker.
    """

    def __init__(
        self,
        config: NodeConfig,
        pipeline: Pipeline,
        broker: Broker,
        listener: ClusterListener,
        clock: Callable[[], float],
        callLater: CallLater | None = None,
    ) -> None:
        """@param callLater: L{None}: no message waits for other proposals."""
        node = config.name
        self._config = config
        self._pipeline = pipeline
        self._broker = broker
        self._listener = listener
        self._clock = clock
        self._queue = PublishQueue(node, clock, broker.publish)
        self._gate = SendGate(self._queue, clock, callLater)
        self._retransmitter = Retransmitter(broker, self._queue, clock)
        self._detector = FailureDetector(node, pipeline.state, clock)
        self._applier = LogApplier(node, pipeline, clock, listener.logError)
        self._notifier = UserNotifier(pipeline, self._queue, clock, listener)
        self._counters = MessageCounters(clock, listener.log)
        self._nodeSession = Session("", None, node=node)
        self._base = 0
        self._catchUpTo: int | None = None
        self._digest: StateDigest | None = None
        self._up = False
        self._ready = False
        self._ended = False
        self._paused = False
        self._onStopped: Callable[[], object] | None = None
        self._tickedAt = clock()

    def start(self, stream: StreamState, number: int, digest: StateDigest | None = None) -> None:
        """
        Read the stream, and join it after all its present messages are read.

        @param number: the number of the first message to read.
        @param digest: the digest of the database; L{None}: it is not compared.
        """
        self._digest = digest
        self._base = stream.identity.baseSequence
        self._retransmitter.readUpTo = number - 1
        self._retransmitter.streamEnd = self._catchUpTo = max(stream.last, number - 1)
        self._tickedAt = self._notifier.lastArrival = self._clock()
        self._applier.start()
        self._broker.subscribe(number, self)
        self._proceed()

    def stop(self, stopped: Callable[[], object]) -> None:
        """Publish a L{NodeDown}, after all proposals."""
        # Proposals of this turn come before the NodeDown.
        self._pipeline.flush()
        self._onStopped = stopped
        self._applier.stopping = True
        node = self._pipeline.state.nodes.get(self._config.name)
        if self._ended or not self._up or node is None:
            self._end()
        else:
            self._queue.add([(shutdownOf(node), self._nodeSession)])
            self._queue.send()

    def submit(self, proposals: list[Proposal]) -> None:
        if self._ended or self._onStopped is not None:
            self._notifier.reject(proposals, ChatError(STOPPING))
            return
        self._notifier.submitted(proposals)
        self._notifier.reject(self._queue.add(proposals), FULL)
        self._gate.proposed(proposals)

    @property
    def trouble(self) -> ChatError | None:
        """Why no proposal gets a position now; L{None}: proposals get one."""
        return self._notifier.trouble

    def status(self) -> NodeStatus:
        counts, now = self._counters.counts, self._clock()
        sinceArrival = now - self._notifier.lastArrival
        ages = {**self._detector.ages(), self._config.name: sinceArrival}
        nodes = self._pipeline.state.nodes.values()
        return NodeStatus(
            self._applier.incarnation,
            self._up,
            self._base + self._retransmitter.readUpTo,
            self._retransmitter.streamEnd - self._retransmitter.readUpTo,
            self._queue.messageCount,
            self._queue.size,
            sinceArrival,
            counts[Verdict.TAKEN],
            counts[Verdict.DUPLICATE],
            counts[Verdict.GAP],
            counts[Verdict.STRANGER],
            self._counters.garbage,
            tuple([(node.name, node.incarnation, ages.get(node.name, 0.0)) for node in nodes]),
        )

    @property
    def checkpointPosition(self) -> int:
        """The position of the last checkpoint in this run; 0: there was none."""
        return self._applier.checkpointPosition

    def tick(self) -> None:
        """Do periodic work; called four times a second."""
        if self._ended or self._catchUpTo is None:
            return
        now = self._clock()
        if now - self._tickedAt > FROZEN_SECONDS:
            # This process did not run.  Messages that came back meanwhile are not read yet, so
            # users must not get a notice that none does.
            self._notifier.lastArrival = now
        self._tickedAt = now
        self._resumeReading()
        self._retransmitter.tick()
        silent = self._detector.tick()
        if self._up:
            for operation in silent:
                self._listener.log(f"node {operation.node} is silent: it is taken for gone")
            self._queue.add([(operation, self._nodeSession) for operation in silent])
            self._queue.send(heartbeat=now - self._queue.publishedAt >= HEARTBEAT_SECONDS)
        self._notifier.tick(not self._paused)

    def delivered(self, deliveries: list[StreamMessage]) -> None:
        for delivery in deliveries:
            readUpTo = self._retransmitter.readUpTo
            if self._ended:
                return
            if delivery.sequence > readUpTo + 1:
                self.streamBroken(
                    f"the messages {readUpTo + 1} to {delivery.sequence - 1} of the stream are"
                    " gone: start this server again"
                )
                return
            if delivery.sequence == readUpTo + 1:
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
            self._gate.close()
            self._listener.nodeBroken(reason)

    def _proceed(self) -> None:
        if self._ended:
            return
        retransmitter = self._retransmitter
        if not self._applier.incarnation and retransmitter.readUpTo >= (self._catchUpTo or 0):
            if not self._matchesDatabase(self._base + retransmitter.readUpTo + 1):
                return
            self._announce()
        if self._up and not self._ready:
            self._ready = True
            self._listener.ready()
        self._resumeReading()
        if not self._gate.isGathering:
            self._queue.send()

    def _resumeReading(self) -> None:
        # At half of the limit, because at the limit reading would pause and resume at every batch.
        if self._paused and self._pipeline.backlog <= MAX_BACKLOG // 2:
            self._paused = False
            self._broker.pause(False)

    def _announce(self, pending: Mapping[str, ReattachSession] = MappingProxyType({})) -> None:
        # Begin an incarnation, and attach the sessions connected here again.  If the node is
        # removed again before that, such a session is in no state: its operation is in `pending`.
        applier, config = self._applier, self._config
        incarnation = applier.incarnation = config.makeIncarnation()
        returning = {
            operation.session: operation
            for operation in reattachments(self._pipeline.state, config.name)
        }
        first: list[Proposal] = [(nodeUp(config, incarnation), self._nodeSession)]
        for ident, session in applier.detached.items():
            session.pending += 1
            first.append((returning.get(ident) or pending[ident], session))
        self._queue.start(incarnation, first)
        self._queue.send()

    def _receive(self, delivery: StreamMessage) -> None:
        try:
            message = decode(delivery.data)
        except UnsupportedVersion as newer:
            # A node that skipped the message would no longer have the same state as the others.
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
        isOwn = message.node == self._config.name
        current = isOwn and message.incarnation == self._applier.incarnation
        if current:
            # A duplicate shows too that messages of this node come back.
            self._detector.ownMessageSeen()
        if verdict is Verdict.GAP and current:
            self._retransmitter.suspect()
        if verdict is not Verdict.TAKEN:
            return
        if isOwn and not current and self._up:
            self.streamBroken(
                f"another server has the name {self._config.name} too: each needs its own"
            )
            return
        self._apply(message, current, position, delivery.stamp)

    def _apply(self, message: Message, current: bool, position: int, stamp: int) -> None:
        sent = None
        if current:
            sent = self._queue.acknowledge(message.n)
            self._retransmitter.arrived()
            self._notifier.arrived()
        self._applier.apply(message, sent, position, stamp)
        if current and message.n == 1:
            self._up = True
        if self._applier.evicted:
            self._evicted()
        if not self._paused and self._pipeline.backlog > MAX_BACKLOG:
            self._paused = True
            self._broker.pause(True)

    def _matchesDatabase(self, position: int) -> bool:
        digest = self._digest
        if digest is None or position <= digest.position:
            return True
        self._digest = None
        if digest.matches(self._pipeline.state):
            return True
        self.streamBroken(
            f"up to {digest.position} the database of this node has something else than the"
            " stream: the engine has lost what it had, or the database was used without the"
            " cluster; see docs/cluster.md"
        )
        return False

    def _evicted(self) -> None:
        applier = self._applier
        applier.evicted = self._up = False
        dropped = self._queue.clear()
        self._retransmitter.confirm()
        self._detector.reset()
        pending: dict[str, ReattachSession] = {}
        for operation, session in dropped:
            if type(operation) is Quit:
                # The session wanted to leave, and was removed.
                applier.detached.pop(session.ident, None)
            elif isinstance(operation, ReattachSession):
                session.pending -= 1
                pending[session.ident] = operation
        lost = [proposal for proposal in dropped if type(proposal[0]) is not ReattachSession]
        if self._onStopped is not None:
            self._notifier.reject(lost, ChatError(STOPPING))
            self._end()
            return
        self._listener.log("the others have taken this server for gone: it begins again")
        # Before the rejection: an immediate retry by a user is ordered after the NodeUp.
        self._announce(pending)
        self._notifier.reject(lost, CUT_OFF)

    def _end(self) -> None:
        self._ended = True
        self._gate.close()
        self._notifier.reject(self._queue.clear(), ChatError(STOPPING))
        if self._onStopped is not None:
            self._onStopped()
