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
from tsservices.chat.handlers.nodes import Verdict, reattachments, shutdownOf
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
SEVERAL_SECONDS = 0.05

#: Batches that wait for the disk before no more are taken from the engine.
WAITING_BATCHES = 1000


#: Has something called after so many seconds.
Later = Callable[[float, Callable[[], object]], object]


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
        later: Later | None = None,
    ) -> None:
        """@param later: has something called after so many seconds; L{None}: nothing waits."""
        self._node = node
        self._incarnations = incarnations
        self._pipeline = pipeline
        self._engine = engine
        self._seconds = seconds
        self._tell = tell
        self._limits = limits
        self._operators = tuple(sorted(operators))
        self._outbox = PublishQueue(node, seconds, engine.publish)
        self._resending = Retransmitter(engine, self._outbox, seconds)
        self._watch = FailureDetector(node, pipeline.state, seconds)
        self._applying = LogApplier(node, pipeline, seconds, tell.failed)
        self._telling = UserNotifier(pipeline, self._outbox, seconds, tell)
        self._itself = Session("", None, node=node)
        self._base = 0
        self._goal: int | None = None
        self._later = later
        self._gathering = False
        self._speaker: Session | None = None
        self._spoke = self._several = -SEVERAL_SECONDS
        self._kept: StateDigest | None = None
        self._up = False
        self._ready = False
        self._ended = False
        self._paused = False
        self._stopped: Callable[[], object] | None = None
        self._ticked = seconds()
        self._tally = MessageCounters(seconds, tell.noted)

    def begin(self, stream: StreamState, number: int, kept: StateDigest | None = None) -> None:
        """Read the stream, and take part in it as soon as all is read that it has now."""
        self._kept = kept
        self._base = stream.founding.baseSequence
        self._resending.read = number - 1
        self._resending.last = self._goal = max(stream.last, number - 1)
        self._ticked = self._telling.back = self._seconds()
        self._applying.begin()
        self._engine.subscribe(number, self)
        self._proceed()

    def stop(self, stopped: Callable[[], object]) -> None:
        """Say goodbye, after all that was proposed."""
        # What was proposed in this turn comes before the goodbye.
        self._pipeline.flush()
        self._stopped = stopped
        self._applying.stopping = True
        node = self._pipeline.state.nodes.get(self._node)
        if self._ended or not self._up or node is None:
            self._end()
        else:
            self._outbox.add([(shutdownOf(node), self._itself)])
            self._outbox.send()

    def submit(self, proposals: list[Proposal]) -> None:
        if self._ended or self._stopped is not None:
            self._telling.refuse(proposals, ChatError(STOPPING))
            return
        self._telling.proposed(proposals)
        self._telling.refuse(self._outbox.add(proposals), FULL)
        self._detectConcurrency(proposals)
        self._send()

    def _detectConcurrency(self, proposals: list[Proposal]) -> None:
        now, speaker = self._seconds(), proposals[-1][1]
        another = speaker is not self._speaker and now < self._spoke + SEVERAL_SECONDS
        if another or any(session is not speaker for _, session in proposals):
            self._several = now + SEVERAL_SECONDS
        self._speaker, self._spoke = speaker, now

    def _send(self) -> None:
        """
        Publish what waits; but when several talk it waits for the others a moment, since
        each message, once it is back, costs a turn to everybody.
        """
        if self._gathering:
            return
        if self._later is None or self._seconds() >= self._several:
            self._outbox.send()
            return
        self._gathering = True
        self._later(GATHER_SECONDS, self._gathered)

    def _gathered(self) -> None:
        """What others have said meanwhile is in the same message."""
        self._gathering = False
        if not self._ended:
            self._outbox.send()

    @property
    def trouble(self) -> ChatError | None:
        """Why nothing gets its place at present."""
        return self._telling.trouble

    def waiting(self) -> list[Session]:
        """Those whose proposals have no place yet, each once."""
        return self._telling.waiting()

    def standing(self) -> NodeStatus:
        """How this node stands among the others."""
        counts, now = self._tally.counts, self._seconds()
        ages = {**self._watch.ages(), self._node: now - self._telling.back}
        nodes = self._pipeline.state.nodes.values()
        return NodeStatus(
            self._applying.incarnation,
            self._up,
            self._base + self._resending.read,
            self._resending.last - self._resending.read,
            self._outbox.messages,
            self._outbox.size,
            now - self._telling.back,
            counts[Verdict.TAKEN],
            counts[Verdict.DUPLICATE],
            counts[Verdict.GAP],
            counts[Verdict.STRANGER],
            self._tally.garbage,
            tuple([(each.name, each.incarnation, ages.get(each.name, 0.0)) for each in nodes]),
        )

    @property
    def saved(self) -> int:
        """The position where this run has kept the whole state last; 0: nowhere yet."""
        return self._applying.saved

    def tick(self) -> None:
        """Some time has gone by: to be called four times a second."""
        if self._ended or self._goal is None:
            return
        now = self._seconds()
        if now - self._ticked > FROZEN_SECONDS:
            # What came meanwhile was not heard, but may be there.
            self._telling.back = now
        self._ticked = now
        self._resume()
        self._resending.tick()
        gone = self._watch.tick()
        if self._up:
            for each in gone:
                self._tell.noted(f"node {each.node} is silent: it is taken for gone")
            self._outbox.add([(each, self._itself) for each in gone])
            self._outbox.send(heartbeat=now - self._outbox.published >= HEARTBEAT_SECONDS)
        self._telling.tick(not self._paused)

    def delivered(self, deliveries: list[StreamMessage]) -> None:
        for delivery in deliveries:
            read = self._resending.read
            if self._ended:
                return
            if delivery.number > read + 1:
                self.broken(
                    f"the messages {read + 1} to {delivery.number - 1} of the stream are gone:"
                    " start this server again"
                )
                return
            if delivery.number == read + 1:
                self._take(delivery)
                self._resending.advanced(delivery.number)
        self._proceed()

    def unsure(self) -> None:
        if not self._ended:
            self._resending.suspect()

    def connected(self, where: str) -> None:
        if where:
            self._tell.noted(f"connected to {where}")
            self.unsure()
        else:
            self._tell.noted("there is no connection to the other servers")

    def broken(self, reason: str) -> None:
        if not self._ended:
            self._ended = True
            self._tell.broken(reason)

    def _proceed(self) -> None:
        """Do what can be done now that something was read."""
        if self._ended:
            return
        if not self._applying.incarnation and self._resending.read >= (self._goal or 0):
            if not self._matchesDatabase(self._base + self._resending.read + 1):
                return
            self._announce()
        if self._up and not self._ready:
            self._ready = True
            self._tell.ready()
        self._resume()
        if not self._gathering:
            self._outbox.send()

    def _resume(self) -> None:
        """Read on, if not too much waits for the disk any more."""
        if self._paused and self._pipeline.backlog <= WAITING_BATCHES // 2:
            self._paused = False
            self._engine.pause(False)

    def _announce(self, lost: Mapping[str, ReattachSession] = MappingProxyType({})) -> None:
        """Begin, or begin again, and bring those back who were here."""
        incarnation = self._applying.incarnation = self._incarnations()
        up = nodeUp(self._node, incarnation, self._limits, self._operators)
        back = {each.session: each for each in reattachments(self._pipeline.state, self._node)}
        first: list[Proposal] = [(up, self._itself)]
        for ident, session in self._applying.away.items():
            session.pending += 1
            first.append((back.get(ident) or lost[ident], session))
        self._outbox.begin(incarnation, first)
        self._outbox.send()

    def _take(self, delivery: StreamMessage) -> None:
        try:
            message = decode(delivery.data)
        except UnsupportedVersion as newer:
            self.broken(f"another server speaks in a newer way ({newer}): update this one")
            return
        except ValueError:
            self._tally.misunderstood()
            return
        position = self._base + delivery.number
        if not self._matchesDatabase(position):
            return
        verdict = judge(self._pipeline.state, message, position, delivery.stamp)
        self._tally.counts[verdict] += 1
        own = message.node == self._node
        current = own and message.incarnation == self._applying.incarnation
        if current:
            self._watch.ownMessageSeen()
        if verdict is Verdict.GAP and current:
            self._resending.suspect()
        if verdict is not Verdict.TAKEN:
            return
        if own and not current and self._up:
            self.broken(f"another server has the name {self._node} too: each needs its own")
            return
        sent = None
        if current:
            sent = self._outbox.arrived(message.n)
            self._resending.returned()
            self._telling.returned()
        self._applying.apply(message, sent, position, delivery.stamp)
        if current and message.n == 1:
            self._up = True
        if self._applying.gone:
            self._evicted()
        if not self._paused and self._pipeline.backlog > WAITING_BATCHES:
            self._paused = True
            self._engine.pause(True)

    def _matchesDatabase(self, position: int) -> bool:
        kept = self._kept
        if kept is None or position <= kept.position:
            return True
        self._kept = None
        if kept.agrees(self._pipeline.state):
            return True
        self.broken(
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
        applying = self._applying
        applying.gone = self._up = False
        dropped = self._outbox.drop()
        self._resending.confirm()
        self._watch.reset()
        returning: dict[str, ReattachSession] = {}
        for event, session in dropped:
            if type(event) is Quit:
                # They are gone, as they wanted.
                applying.away.pop(session.ident, None)
            elif isinstance(event, ReattachSession):
                session.pending -= 1
                returning[session.ident] = event
        lost = [each for each in dropped if type(each[0]) is not ReattachSession]
        if self._stopped is not None:
            self._telling.refuse(lost, ChatError(STOPPING))
            self._end()
            return
        self._tell.noted("the others have taken this server for gone: it begins again")
        self._announce(returning)
        self._telling.refuse(lost, CUT_OFF)

    def _end(self) -> None:
        """Have nothing to do with the stream any more."""
        self._ended = True
        self._telling.refuse(self._outbox.drop(), ChatError(STOPPING))
        if self._stopped is not None:
            self._stopped()
