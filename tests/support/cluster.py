"""
A simulated cluster: nodes with users that freeze, are killed and restart, and the invariants that
must hold all the time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from tests.support.chat import RecordingOutlet
from tests.support.cluster_network import IDENTITY, SimulatedBroker, SimulatedNetwork, Timeline
from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import ErrorReply, Notice, RoomMessages
from tsservices.chat.operations import MESSAGE, Enter, Join, Operation, Part, Quit, Rename, Say
from tsservices.chat.pipeline import Pipeline, Proposal
from tsservices.chat.session import Session
from tsservices.chat.snapshot import load, save
from tsservices.chat.state import ChatState
from tsservices.cluster.broker import STOP_SECONDS, StreamState
from tsservices.cluster.consistency import StateDigest
from tsservices.cluster.node import NodeConfig
from tsservices.cluster.orderer import ClusterOrderer
from tsservices.cluster.status import STORED, UNKNOWN
from tsservices.common.limits import Limits

LIMITS = Limits(roomsFounded=1000)
ROOM = "r"
TICK = 0.25


class SimulatedDisk:
    """The stored data of a node, which survives its runs."""

    def __init__(self) -> None:
        self.position = IDENTITY.baseSequence
        self.messages: dict[int, str] = {}
        self.checkpoint: tuple[int, list[str]] | None = None


class ReferenceLog:
    """The result of each position on the first node that applied it; all nodes must agree."""

    def __init__(self) -> None:
        self.batches: dict[int, str] = {}
        self.states: dict[int, list[str]] = {}
        self.positions: dict[str, tuple[int, str]] = {}

    def check(self, batch: Batch) -> None:
        picture = repr(
            (batch.messages, batch.roomRecords, batch.records, batch.privateMessages, batch.stamp)
        )
        if self.batches.setdefault(batch.position, picture) != picture:
            raise AssertionError(f"{self.batches[batch.position]} here, {picture} there")
        if batch.checkpoint:
            assert self.states.setdefault(batch.position, batch.checkpoint) == batch.checkpoint
        for message in batch.messages:
            for text in message.texts:
                place = (batch.position, message.session)
                assert self.positions.setdefault(text, place) == place, f"{text} is there twice"


@dataclass
class SimulatedUser:
    session: Session
    recipient: RecordingOutlet
    sentTexts: list[str] = field(default_factory=list)
    hasQuit: bool = False
    rejected: Counter[str] = field(default_factory=Counter)


class SimulatedNode:
    """A node, over all its runs."""

    orderer: ClusterOrderer
    pipeline: Pipeline
    broker: SimulatedBroker

    def __init__(
        self, name: str, timeline: Timeline, network: SimulatedNetwork, reference: ReferenceLog
    ) -> None:
        self.name = name
        self._timeline = timeline
        self._network = network
        self._reference = reference
        self.disk = SimulatedDisk()
        self.trouble: ChatError | None = None
        self.isAlive = False
        self.isFrozen = False
        self.isOpen = False
        self.isStopping = False
        self.diskSeconds = 0.01
        self.users: list[SimulatedUser] = []
        self.failures: list[str] = []
        self.troubles: list[ChatError | None] = []
        self.logLines: list[str] = []
        self.errors: list[Exception] = []
        self.digest: StateDigest | None = None
        self._run = 0
        self._incarnations = 0
        self._backlog: list[Callable[[], object]] = []
        self._storing: list[Batch] = []

    def callLater(self, delay: float, call: Callable[[], object]) -> None:
        run = self._run

        def due() -> None:
            if run != self._run or not self.isAlive:
                return
            if self.isFrozen:
                self._backlog.append(due)
            else:
                call()

        self._timeline.callLater(delay, due)

    def start(self) -> None:
        self._run += 1
        self.isAlive, self.isOpen, self.isStopping, self.isFrozen = True, False, False, False
        self.users = []
        self._storing = []
        self._backlog = []
        self.broker = self._network.connect(self.callLater)
        self.broker.open(None, self._streamOpened, self.nodeBroken)

    def _streamOpened(self, stream: StreamState) -> None:
        checkpoint = self.disk.checkpoint
        state = ChatState(LIMITS) if checkpoint is None else load(LIMITS, checkpoint[1])
        self.pipeline = Pipeline(
            state,
            IDENTITY.log,
            self.disk.position,
            self._timeline.stamp,
            lambda call: self.callLater(0.0, call),
        )
        self.orderer = ClusterOrderer(
            NodeConfig(self.name, self._incarnation, LIMITS),
            self.pipeline,
            self.broker,
            self,
            self._timeline.seconds,
        )
        self.pipeline.start(self, orderer=self.orderer)
        rejected = self.pipeline.rejected

        def noteRejected(proposals: Sequence[Proposal], error: ChatError) -> None:
            for event, session in proposals:
                if isinstance(event, Say):
                    user = next(user for user in self.users if user.session is session)
                    user.rejected.update(event.texts)
            rejected(proposals, error)

        self.pipeline.rejected = noteRejected  # type: ignore[method-assign]
        first = IDENTITY.baseSequence if checkpoint is None else checkpoint[0]
        self.orderer.start(stream, first + 1 - IDENTITY.baseSequence, self.digest)
        self._tick()

    def _incarnation(self) -> str:
        self._incarnations += 1
        return f"{self.name}-{self._incarnations}"

    def _tick(self) -> None:
        self.orderer.tick()
        self.callLater(TICK, self._tick)

    def store(self, batch: Batch) -> None:
        self._reference.check(batch)
        self._storing.append(batch)
        self.callLater(self.diskSeconds, lambda: self._commit(batch))

    def _commit(self, batch: Batch) -> None:
        if batch not in self._storing:
            return
        disk = self.disk
        while self._storing:
            stored = self._storing.pop(0)
            assert stored.position > disk.position
            disk.position = stored.position
            if stored.messages:
                disk.messages[stored.position] = repr(stored.messages)
            if stored.checkpoint:
                disk.checkpoint = (stored.position, stored.checkpoint)
            if stored is batch:
                break
        self.pipeline.stored(batch.position)

    def ready(self) -> None:
        assert not self.isOpen
        self.isOpen = True

    def troubled(self, trouble: ChatError | None) -> None:
        self.troubles.append(trouble)

    def nodeBroken(self, reason: str) -> None:
        self.failures.append(reason)

    def log(self, text: str) -> None:
        self.logLines.append(text)

    def logError(self, error: Exception) -> None:
        self.errors.append(error)

    def kill(self) -> None:
        if self.isAlive:
            self.isAlive = self.isOpen = False
            self._network.disconnect(self.broker)

    def stop(self) -> None:
        if not self.isOpen or self.isFrozen or self.isStopping:
            return
        self.isStopping = True
        self.orderer.stop(lambda: self.callLater(self.diskSeconds + 0.01, self.kill))
        self.callLater(STOP_SECONDS, self.kill)

    def thaw(self) -> None:
        self.isFrozen = False
        backlog, self._backlog = self._backlog, []
        for call in backlog:
            call()

    @property
    def isUsable(self) -> bool:
        return self.isAlive and self.isOpen and not self.isFrozen and not self.isStopping

    def propose(self, user: SimulatedUser, event: Operation) -> None:
        if isinstance(event, Say):
            user.sentTexts.extend(event.texts)
        self.pipeline.propose(event, user.session)

    def addUser(self, nick: str) -> None:
        recipient = RecordingOutlet()
        ident = f"{self.name}{self._run}.{len(self.users)}"
        session = Session(ident, recipient, "~" + ident, self.name)
        session.wantsEcho = True
        user = SimulatedUser(session, recipient)
        self.users.append(user)
        self.propose(user, Enter(ident, nick, nick, "~" + ident, f"t-{ident}"))
        self.propose(user, Join(ident, ROOM, ROOM))

    def say(self, user: SimulatedUser, *texts: str) -> None:
        self.propose(user, Say(user.session.ident, ROOM, MESSAGE, texts))

    def quit(self, user: SimulatedUser) -> None:
        self.propose(user, Quit(user.session.ident, ""))
        user.hasQuit = True

    def perform(self, kind: str, which: int, nick: str) -> None:
        if not self.isUsable:
            return
        connected = [user for user in self.users if not user.hasQuit]
        if kind == "arrive" or not connected:
            self.addUser(nick)
            return
        user = connected[which % len(connected)]
        ident = user.session.ident
        if kind == "say":
            texts = tuple(f"{ident}/{len(user.sentTexts) + n:04}" for n in range(1 + which % 3))
            self.say(user, *texts)
        elif kind == "rename":
            self.propose(user, Rename(ident, nick, nick))
        elif kind == "part":
            self.propose(user, Part(ident, ROOM, ""))
        elif kind == "join":
            self.propose(user, Join(ident, ROOM, ROOM))
        else:
            self.quit(user)


class ClusterSimulation:
    def __init__(self, count: int, seed: int) -> None:
        self.timeline = Timeline()
        self.network = SimulatedNetwork(self.timeline, Random(seed))
        self.reference = ReferenceLog()
        self.nodes = [
            SimulatedNode(name, self.timeline, self.network, self.reference)
            for name in "abcd"[:count]
        ]
        for node in self.nodes:
            node.start()
        self.timeline.run(2)
        assert all(node.isOpen for node in self.nodes)

    def heal(self) -> None:
        # End all faults, and wait until all pending work is done.
        self.network.faultRate, self.network.leaderless = 0.0, False
        for node in self.nodes:
            node.diskSeconds = 0.01
            if node.isAlive:
                node.thaw()
                node.broker.delay = 0.0
                node.broker.reconnect()
        self.timeline.run(STOP_SECONDS + 1)
        for node in self.nodes:
            if not node.isAlive:
                node.start()
        self.timeline.run(70)

    def check(self) -> None:
        for node in self.nodes:
            assert node.failures == []
            assert node.errors == []
            assert node.isOpen
            assert node.orderer.status().up
            assert node.orderer.trouble is None
        # The latest heartbeats may not have reached all nodes.
        self.timeline.run(3.0)
        states = [self.stateWithoutCounts(node) for node in self.nodes]
        assert states[1:] == states[:-1]
        disks = [node.disk.messages for node in self.nodes]
        assert disks[1:] == disks[:-1]
        state = self.nodes[0].pipeline.state
        assert set(state.nodes) == {node.name for node in self.nodes}
        connected = {
            user.session.ident: user
            for node in self.nodes
            for user in node.users
            if user.session.nick and not user.hasQuit
        }
        assert set(state.sessions) == set(connected)
        for node in self.nodes:
            for user in node.users:
                self.checkUser(user)
        self.checkOrder()

    def stateWithoutCounts(self, node: SimulatedNode) -> list[str]:
        # A heartbeat changes these fields, and the last one may not have reached all nodes.
        state = node.pipeline.state
        nodes = state.nodes
        state.nodes = {
            name: replace(peer, n=0, position=0, stamp=0) for name, peer in nodes.items()
        }
        rows = save(state)
        state.nodes = nodes
        return rows

    def checkUser(self, user: SimulatedUser) -> None:
        session, texts = user.session, self.reference.positions
        assert session.pending == 0
        received = Counter(
            text
            for notification in user.recipient.notifications
            if isinstance(notification, RoomMessages) and notification.session == session.ident
            for text in notification.texts
        )
        stored = {text for text in user.sentTexts if text in texts}
        assert max(user.rejected.values(), default=1) == 1
        assert not stored & user.rejected.keys()
        if not user.hasQuit:
            assert received == Counter(stored)
        refusals = sum(
            isinstance(notification, ErrorReply) for notification in user.recipient.notifications
        )
        unanswered = [text for text in user.sentTexts if text not in stored | user.rejected.keys()]
        if not user.hasQuit:
            assert refusals >= (bool(unanswered) + bool(user.rejected))
        notices = [
            notification
            for notification in user.recipient.notifications
            if isinstance(notification, Notice)
        ]
        if STORED in notices:
            assert UNKNOWN in notices

    def checkOrder(self) -> None:
        # The lines of a user are in order, and the numbers of the room have no gap.
        last: dict[str, str] = {}
        places = sorted((place, text) for text, (place, _) in self.reference.positions.items())
        for _, text in places:
            user_ = text.partition("/")[0]
            assert last.get(user_, "") < text
            last[user_] = text
        record = self.nodes[0].pipeline.state.rooms.get(ROOM)
        if record is not None:
            assert record.record.seq == len(self.reference.positions)
