"""
Nodes of a cluster with people on them, which live, freeze, die and come back; and what has
to hold for them all the time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.support.chat import Ear
from tests.support.cluster_network import FOUNDING, LooseEngine, Net, Timeline
from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import ErrorReply, Notice, RoomMessages
from tsservices.chat.operations import MESSAGE, Enter, Join, Operation, Part, Quit, Rename, Say
from tsservices.chat.pipeline import Pipeline, Proposal
from tsservices.chat.session import Session
from tsservices.chat.snapshot import load, save
from tsservices.chat.state import ChatState
from tsservices.cluster.broker import ENGINE_STOP_SECONDS, StreamState
from tsservices.cluster.consistency import StateDigest
from tsservices.cluster.orderer import ClusterOrderer
from tsservices.cluster.status import STORED, UNKNOWN
from tsservices.common.limits import Limits

LIMITS = Limits(roomsFounded=1000)
ROOM = "r"
TICK = 0.25


class Disk:
    """What a node has kept, also when it is dead."""

    def __init__(self) -> None:
        self.position = FOUNDING.baseSequence
        self.said: dict[int, str] = {}
        self.checkpoint: tuple[int, list[str]] | None = None


class Truth:
    """What came of each position, on whichever node it was first: it has to be the same on all."""

    def __init__(self) -> None:
        self.batches: dict[int, str] = {}
        self.states: dict[int, list[str]] = {}
        self.texts: dict[str, tuple[int, str]] = {}

    def check(self, batch: Batch) -> None:
        picture = repr(
            (batch.messages, batch.roomRecords, batch.records, batch.privateMessages, batch.stamp)
        )
        if self.batches.setdefault(batch.position, picture) != picture:
            raise AssertionError(f"{self.batches[batch.position]} here, {picture} there")
        if batch.checkpoint:
            assert self.states.setdefault(batch.position, batch.checkpoint) == batch.checkpoint
        for said in batch.messages:
            for text in said.texts:
                place = (batch.position, said.session)
                assert self.texts.setdefault(text, place) == place, f"{text} is there twice"


@dataclass
class Dweller:
    """Somebody on a node."""

    session: Session
    ear: Ear
    said: list[str] = field(default_factory=list)
    left: bool = False
    refused: Counter[str] = field(default_factory=Counter)


class SimNode:
    """A node, through all its lives."""

    orderer: ClusterOrderer
    pipeline: Pipeline
    engine: LooseEngine

    def __init__(self, name: str, timeline: Timeline, net: Net, truth: Truth) -> None:
        self.name = name
        self._timeline = timeline
        self._net = net
        self._truth = truth
        self.disk = Disk()
        self.trouble: ChatError | None = None
        self.alive = False
        self.frozen = False
        self.open = False
        self.stopping = False
        self.diskSeconds = 0.01
        self.people: list[Dweller] = []
        self.ends: list[str] = []
        self.troubles: list[ChatError | None] = []
        self.notes: list[str] = []
        self.errors: list[Exception] = []
        self.outline: StateDigest | None = None
        self._life = 0
        self._incarnations = 0
        self._backlog: list[Callable[[], object]] = []
        self._stores: list[Batch] = []

    def later(self, delay: float, what: Callable[[], object]) -> None:
        life = self._life

        def due() -> None:
            if life != self._life or not self.alive:
                return
            if self.frozen:
                self._backlog.append(due)
            else:
                what()

        self._timeline.later(delay, due)

    def start(self) -> None:
        self._life += 1
        self.alive, self.open, self.stopping, self.frozen = True, False, False, False
        self.people = []
        self._stores = []
        self._backlog = []
        self.engine = self._net.engine(self.later)
        self.engine.open(None, self._opened, self.broken)

    def _opened(self, stream: StreamState) -> None:
        kept = self.disk.checkpoint
        state = ChatState(LIMITS) if kept is None else load(LIMITS, kept[1])
        self.pipeline = Pipeline(
            state,
            FOUNDING.log,
            self.disk.position,
            self._timeline.stamp,
            lambda what: self.later(0.0, what),
        )
        self.orderer = ClusterOrderer(
            self.name,
            self._incarnation,
            self.pipeline,
            self.engine,
            self._timeline.seconds,
            self,
            LIMITS,
        )
        self.pipeline.start(self, orderer=self.orderer)
        refused = self.pipeline.rejected

        def note(proposals: Sequence[Proposal], error: ChatError) -> None:
            for event, session in proposals:
                if isinstance(event, Say):
                    person = next(each for each in self.people if each.session is session)
                    person.refused.update(event.texts)
            refused(proposals, error)

        self.pipeline.rejected = note  # type: ignore[method-assign]
        first = FOUNDING.baseSequence if kept is None else kept[0]
        self.orderer.begin(stream, first + 1 - FOUNDING.baseSequence, self.outline)
        self._tick()

    def _incarnation(self) -> str:
        self._incarnations += 1
        return f"{self.name}-{self._incarnations}"

    def _tick(self) -> None:
        self.orderer.tick()
        self.later(TICK, self._tick)

    def store(self, batch: Batch) -> None:
        self._truth.check(batch)
        self._stores.append(batch)
        self.later(self.diskSeconds, lambda: self._commit(batch))

    def _commit(self, batch: Batch) -> None:
        if batch not in self._stores:
            return
        disk = self.disk
        while self._stores:
            each = self._stores.pop(0)
            assert each.position > disk.position
            disk.position = each.position
            if each.messages:
                disk.said[each.position] = repr(each.messages)
            if each.checkpoint:
                disk.checkpoint = (each.position, each.checkpoint)
            if each is batch:
                break
        self.pipeline.stored(batch.position)

    def ready(self) -> None:
        assert not self.open
        self.open = True

    def troubled(self, trouble: ChatError | None) -> None:
        self.troubles.append(trouble)

    def broken(self, reason: str) -> None:
        self.ends.append(reason)

    def noted(self, text: str) -> None:
        self.notes.append(text)

    def failed(self, error: Exception) -> None:
        self.errors.append(error)

    def die(self) -> None:
        if self.alive:
            self.alive = self.open = False
            self._net.leave(self.engine)

    def stop(self) -> None:
        if not self.open or self.frozen or self.stopping:
            return
        self.stopping = True
        self.orderer.stop(lambda: self.later(self.diskSeconds + 0.01, self.die))
        self.later(ENGINE_STOP_SECONDS, self.die)

    def thaw(self) -> None:
        self.frozen = False
        backlog, self._backlog = self._backlog, []
        for each in backlog:
            each()

    @property
    def willing(self) -> bool:
        return self.alive and self.open and not self.frozen and not self.stopping

    def propose(self, person: Dweller, event: Operation) -> None:
        if isinstance(event, Say):
            person.said.extend(event.texts)
        self.pipeline.propose(event, person.session)

    def arrive(self, nick: str) -> None:
        ear = Ear()
        ident = f"{self.name}{self._life}.{len(self.people)}"
        session = Session(ident, ear, "~" + ident, self.name)
        session.wantsEcho = True
        person = Dweller(session, ear)
        self.people.append(person)
        self.propose(person, Enter(ident, nick, nick, "~" + ident, f"t-{ident}"))
        self.propose(person, Join(ident, ROOM, ROOM))

    def act(self, kind: str, which: int, nick: str) -> None:
        if not self.willing:
            return
        here = [each for each in self.people if not each.left]
        if kind == "arrive" or not here:
            self.arrive(nick)
            return
        person = here[which % len(here)]
        ident = person.session.ident
        if kind == "say":
            texts = tuple(f"{ident}/{len(person.said) + n:04}" for n in range(1 + which % 3))
            self.propose(person, Say(ident, ROOM, MESSAGE, texts))
        elif kind == "rename":
            self.propose(person, Rename(ident, nick, nick))
        elif kind == "part":
            self.propose(person, Part(ident, ROOM, ""))
        elif kind == "join":
            self.propose(person, Join(ident, ROOM, ROOM))
        else:
            self.propose(person, Quit(ident, ""))
            person.left = True


class World:
    """Several nodes and their stream."""

    def __init__(self, count: int, seed: int) -> None:
        self.timeline = Timeline()
        self.net = Net(self.timeline, Random(seed))
        self.truth = Truth()
        self.nodes = [SimNode(name, self.timeline, self.net, self.truth) for name in "abcd"[:count]]
        for node in self.nodes:
            node.start()
        self.timeline.run(2)
        assert all(node.open for node in self.nodes)

    def heal(self) -> None:
        """All goes well from now on, for so long that nothing is left undone."""
        self.net.faults, self.net.away = 0.0, False
        for node in self.nodes:
            node.diskSeconds = 0.01
            if node.alive:
                node.thaw()
                node.engine.slow = 0.0
                node.engine.reconnect()
        self.timeline.run(ENGINE_STOP_SECONDS + 1)
        for node in self.nodes:
            if not node.alive:
                node.start()
        self.timeline.run(70)

    def check(self) -> None:
        for node in self.nodes:
            assert node.ends == []
            assert node.errors == []
            assert node.open
            assert node.orderer.standing().up
            assert node.orderer.trouble is None
        # The heartbeats of the last moment may not have come to all of them.
        self.timeline.run(3.0)
        states = [self.durable(node) for node in self.nodes]
        assert states[1:] == states[:-1]
        disks = [node.disk.said for node in self.nodes]
        assert disks[1:] == disks[:-1]
        state = self.nodes[0].pipeline.state
        assert set(state.nodes) == {node.name for node in self.nodes}
        here = {
            each.session.ident: each
            for node in self.nodes
            for each in node.people
            if each.session.nick and not each.left
        }
        assert set(state.sessions) == set(here)
        for node in self.nodes:
            for person in node.people:
                self.checkPerson(person)
        self.checkOrder()

    def durable(self, node: SimNode) -> list[str]:
        state = node.pipeline.state
        before = {name: (each.n, each.position, each.stamp) for name, each in state.nodes.items()}
        for each in state.nodes.values():
            each.n = each.position = each.stamp = 0
        rows = save(state)
        for name, each in state.nodes.items():
            each.n, each.position, each.stamp = before[name]
        return rows

    def checkPerson(self, person: Dweller) -> None:
        session, texts = person.session, self.truth.texts
        assert session.pending == 0
        told = Counter(
            text
            for each in person.ear.heard
            if isinstance(each, RoomMessages) and each.session == session.ident
            for text in each.texts
        )
        stored = {text for text in person.said if text in texts}
        assert max(person.refused.values(), default=1) == 1
        assert not stored & person.refused.keys()
        if not person.left:
            assert told == Counter(stored)
        refusals = sum(isinstance(each, ErrorReply) for each in person.ear.heard)
        rest = [each for each in person.said if each not in stored | person.refused.keys()]
        if not person.left:
            assert refusals >= (bool(rest) + bool(person.refused))
        notices = [each for each in person.ear.heard if isinstance(each, Notice)]
        if STORED in notices:
            assert UNKNOWN in notices

    def checkOrder(self) -> None:
        """Nobody's lines have changed places, and their numbers have no gap."""
        last: dict[str, str] = {}
        places = sorted((place, text) for text, (place, _) in self.truth.texts.items())
        for _, text in places:
            who = text.partition("/")[0]
            assert last.get(who, "") < text
            last[who] = text
        record = self.nodes[0].pipeline.state.rooms.get(ROOM)
        if record is not None:
            assert record.record.seq == len(self.truth.texts)
