"""
Tests for L{tsservices.server.chat.cluster_service} and L{tsservices.server.chat.cluster_service}.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.model.cluster import nodeUp
from tests.support.broker import HandEngine
from tests.support.chat import NOON, Ear, SlowJournal
from tests.support.logs import gather
from tests.support.storage import Reactor, Talk, Witness
from tsservices.chat.batch import Batch
from tsservices.chat.errors import STOPPING, ChatError
from tsservices.chat.handlers.nodes import shutdownOf
from tsservices.chat.notifications import Notice, RoomMessages
from tsservices.chat.operations import Enter, Join, Operation, Say
from tsservices.chat.records import RoomRecord
from tsservices.chat.session import Session
from tsservices.chat.storage import StoredState
from tsservices.cluster.apply import CHECKPOINT_SECONDS
from tsservices.cluster.broker import ENGINE_STOP_SECONDS, ClusterIdentity, StreamState
from tsservices.cluster.messages import Message, decode, encode
from tsservices.cluster.orderer import GATHER_SECONDS, SEVERAL_SECONDS
from tsservices.common.limits import Limits
from tsservices.server.chat.cluster_service import TICK_SECONDS, ClusterChatService, ClusterLog
from tsservices.server.chat.cluster_snapshots import SNAPSHOT_RETRY_SECONDS
from tsservices.testing import ImmediateHasher

#: Where everybody comes from.
HOST = "192.0.2.1"


class Witnessed(SlowJournal):
    """A journal that can be copied, and stops when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, RoomRecord] = {}
        self.copies: list[Callable[[str | None], None]] = []
        self.stops: list[Callable[[], None]] = []

    def prepare(self) -> StoredState:
        return replace(super().prepare(), records=list(self.records.values()))

    def store(self, batch: Batch) -> None:
        super().store(batch)
        self.records.update((each.key, each) for each in batch.roomRecords)

    def copy(self, path: str, copied: Callable[[str | None], None]) -> None:
        Path(path).write_bytes(b"copy")
        self.copies.append(copied)

    def stop(self, stopped: Callable[[], None]) -> None:
        self.stops.append(stopped)


class ClusterChatServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.engine = HandEngine()
        self.journal = Witnessed()
        self.jobs: list[Callable[[], None]] = []
        self.gaveUp: list[str] = []
        self.calls: list[str] = []
        self.logged = gather(self)
        incarnations = iter(f"i{number}." for number in range(100))
        self.incarnations = lambda: next(incarnations)
        self.chat = self.make()

    def make(self) -> ClusterChatService:
        chat = ClusterChatService(
            self.journal,
            Limits(),
            lambda: NOON,
            self.jobs.append,
            "run",
            ImmediateHasher(),
            "",
            self.gaveUp.append,
            node="b",
            engine=self.engine,
            where="nats://here",
            path="chat.sqlite",
            clock=self.clock,
            seconds=self.clock.seconds,
            incarnations=self.incarnations,
        )
        chat.prepare()
        chat.startService()
        return chat

    def history(self) -> None:
        self.journal = Witnessed()
        self.journal.start(Witness(self.journal, Reactor()))
        self.journal.store(Talk("log").batch(("tea", ("x",))))
        self.again()

    def again(self) -> None:
        """The node was killed, and begins again with what its journal has."""
        self.clock = Clock()
        self.engine = HandEngine()
        self.chat = self.make()

    def turn(self) -> None:
        while self.jobs or self.engine.messages:
            while self.jobs:
                self.jobs.pop(0)()
            if not self.engine.messages:
                self.clock.advance(GATHER_SECONDS)
            if self.engine.messages:
                self.engine.deliver()

    def open(self) -> None:
        self.engine.found()
        self.turn()
        self.assertTrue(self.chat.open)

    def person(self, nick: str) -> tuple[Session, Ear]:
        ear = Ear()
        session = self.chat.newSession(ear, HOST)
        self.propose(session, Enter(session.ident, nick, nick))
        self.propose(session, Join(session.ident, "tea", "tea"))
        ear.take()
        return session, ear

    def propose(self, session: Session, event: Operation) -> None:
        self.chat.house.pipeline.propose(event, session)
        self.turn()

    def test_open(self) -> None:
        """
        Those who wait are told in order when the node has caught up with the others, and
        not before; who asks later, at once.
        """
        for name in ("one", "two"):
            self.chat.whenReady(lambda name=name: self.calls.append(name))  # type: ignore[misc]
        self.assertIn("node b has caught up with the others at nats://here", self.chat.notes[-1])
        self.assertFalse(self.chat.open)
        self.engine.found()
        self.assertEqual((self.engine.number, len(self.engine.messages)), (1, 1))
        self.clock.advance(TICK_SECONDS)
        self.assertEqual((self.calls, self.chat.open), ([], False))
        self.engine.deliver()
        self.assertEqual((self.calls, self.chat.open), (["one", "two"], True))
        self.chat.whenReady(lambda: self.calls.append("three"))
        self.assertEqual(self.calls, ["one", "two", "three"])
        self.assertIn("node b has caught up, and the chat is open", self.logged)

    def test_founding(self) -> None:
        """What it offers to found the cluster with."""
        loaded = self.journal.prepare()
        self.assertEqual(self.engine.founding, ClusterIdentity("i0.i1.", "log", 0, loaded.secret))

    def test_behind(self) -> None:
        """It opens when it has read to the end of the stream."""
        founding = ClusterIdentity("epoch", "log", 0, bytes(32))
        self.engine.find(StreamState(founding, 1, 2))
        self.engine.end = 0
        others = [encode(Message("a", "a1", 1, [nodeUp("a", "a1")])), b"nonsense"]
        self.engine.deliver(others[0])
        self.assertEqual((self.engine.messages, self.chat.open), ([], False))
        self.engine.deliver(others[1])
        self.assertTrue(self.chat.open)
        self.assertEqual(list(self.chat.house.state.nodes), ["a", "b"])
        self.assertEqual(self.chat.newSession(Ear(), HOST).node, "b")

    def test_talk(self) -> None:
        """What is said is told when it has its place and is stored."""
        self.open()
        session, _ = self.person("ann")
        _, ear = self.person("bob")
        self.journal.slow = True
        self.propose(session, Say(session.ident, "tea", "message", ("hello",)))
        self.assertEqual(ear.take(), [])
        self.journal.keep()
        self.turn()
        self.assertEqual([type(each) for each in ear.take()], [RoomMessages])

    def test_gathered(self) -> None:
        """
        Where several talk at the same time what is said waits for a moment for others, of
        all of which there is one message; who talks alone waits for nobody.
        """
        self.open()
        ann, bob = (self.person(name)[0] for name in ("ann", "bob"))

        def say(session: Session) -> None:
            event = Say(session.ident, "tea", "message", ("x",))
            self.chat.house.pipeline.propose(event, session)
            while self.jobs:
                self.jobs.pop(0)()

        for _ in range(2):
            self.clock.advance(SEVERAL_SECONDS)
            say(ann)
            self.assertEqual(len(self.engine.messages), 1)
            self.turn()
        say(bob)
        say(ann)
        self.assertEqual(self.engine.messages, [])
        self.clock.advance(GATHER_SECONDS)
        (message,) = self.engine.messages
        self.assertEqual(len(decode(message).events), 2)
        self.turn()
        self.clock.advance(SEVERAL_SECONDS)
        say(ann)
        self.assertEqual(len(self.engine.messages), 1)

    def test_deaf(self) -> None:
        """What goes wrong with one of those who are told of troubles costs the others nothing."""
        self.open()
        people = [self.person(name) for name in ("ann", "bob")]

        def refuse(data: bytes) -> None:
            raise RuntimeError("no way")

        self.patch(people[0][1], "write", refuse)
        for session, _ in people:
            event = Say(session.ident, "tea", "message", ("x",))
            self.chat.house.pipeline.propose(event, session)
        while self.jobs:
            self.jobs.pop(0)()
        self.clock.pump([TICK_SECONDS] * 20)
        self.assertEqual([type(each) for each in people[1][1].take()], [Notice])
        self.chat.stopService()
        for session, _ in people:
            event = Say(session.ident, "tea", "message", ("y",))
            self.chat.house.pipeline.propose(event, session)
        self.jobs.pop()()
        self.assertEqual(people[1][1].reasons(), [STOPPING])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_refused(self) -> None:
        """A node that can't join ends its server with one line, once."""
        assert self.engine.failed is not None
        self.engine.failed("it is not ours")
        self.chat.broken("again")
        self.assertEqual(self.gaveUp, ["node b can't go on: it is not ours"])
        self.assertEqual(self.logged[-1], "node b can't go on: it is not ours")

    def test_broken(self) -> None:
        """So does one that is told later that the stream is not what it was; nothing opens it."""
        self.chat.whenReady(lambda: self.calls.append("ready"))
        self.engine.found()
        assert self.engine.listener is not None
        self.engine.listener.broken("the stream was made anew")
        self.assertEqual(self.gaveUp, ["node b can't go on: the stream was made anew"])
        self.engine.deliver()
        self.chat.ready()
        self.assertEqual((self.calls, self.chat.open), ([], False))
        stopping = self.chat.stopService()
        self.journal.stops.pop()()
        self.successResultOf(stopping)

    def test_stop(self) -> None:
        """It says goodbye behind all that was said, then the engine ends, and then the journal."""
        self.open()
        session, ear = self.person("ann")
        self.chat.house.pipeline.propose(Say(session.ident, "tea", "message", ("x",)), session)
        stopping = self.chat.stopService()
        self.assertEqual(self.engine.stops, [])
        events = [event for each in self.engine.messages for event in decode(each).events]
        self.assertEqual([type(each).__name__ for each in events], ["Say", "NodeDown"])
        self.engine.deliver()
        self.assertEqual((len(self.engine.stops), len(self.journal.stops)), (1, 1))
        self.assertEqual(self.journal.prepare().checkpointPosition, self.engine.end)
        self.assertNoResult(stopping)
        self.journal.stops.pop()()
        self.successResultOf(stopping)
        self.assertEqual([call for call in self.clock.getDelayedCalls() if call.active()], [])
        self.assertEqual(ear.reasons(), [])

    def test_stopBeforeOpen(self) -> None:
        """Nothing is waited for that was not begun, and nothing comes of what comes later."""
        self.chat.whenReady(lambda: self.calls.append("ready"))
        stopping = self.chat.stopService()
        self.assertEqual((len(self.engine.stops), len(self.journal.stops)), (1, 1))
        self.journal.stops.pop()()
        self.successResultOf(stopping)
        self.engine.found()
        self.assertIsNone(self.engine.listener)
        assert self.engine.failed is not None
        self.engine.failed("too late")
        self.chat.broken("too late")
        self.assertEqual((self.calls, self.gaveUp), ([], []))

    def test_stopWhileItJoins(self) -> None:
        """A goodbye that nobody could understand is not said."""
        self.engine.found()
        stopping = self.chat.stopService()
        self.journal.stops.pop()()
        self.successResultOf(stopping)
        self.assertEqual(len(self.engine.messages), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopUnanswered(self) -> None:
        """
        Neither the stream nor the engine says anything more: the server ends all the same,
        and nothing comes of what they say later.
        """
        self.open()
        session, ear = self.person("ann")
        self.engine.dumb = True
        self.chat.house.pipeline.propose(Say(session.ident, "tea", "message", ("x",)), session)
        stopping = self.chat.stopService()
        self.clock.advance(ENGINE_STOP_SECONDS - 0.01)
        self.assertEqual(self.engine.stops, [])
        self.clock.advance(0.01)
        self.assertEqual((len(self.engine.stops), self.journal.stops), (1, []))
        self.clock.advance(ENGINE_STOP_SECONDS)
        self.journal.stops.pop()()
        self.successResultOf(stopping)
        self.engine.stops[0]()
        self.engine.deliver()
        self.assertEqual(ear.take(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopTwice(self) -> None:
        """Both wait for the same end."""
        self.open()
        stopping = [self.chat.stopService() for _ in range(2)]
        self.engine.deliver()
        self.assertEqual((len(self.engine.stops), len(self.journal.stops)), (1, 1))
        for each in stopping:
            self.assertNoResult(each)
        self.journal.stops.pop()()
        for each in [*stopping, self.chat.stopService()]:
            self.successResultOf(each)

    def test_stopFails(self) -> None:
        """What goes wrong is told."""

        def refuse() -> None:
            raise RuntimeError("no way")

        self.patch(self.chat.hasher, "stop", refuse)
        self.failureResultOf(self.chat.stopService(), RuntimeError)

    def test_late(self) -> None:
        """Who says something while it ends is told that it does."""
        self.open()
        session, ear = self.person("ann")
        self.chat.stopService()
        self.chat.house.pipeline.propose(Say(session.ident, "tea", "message", ("x",)), session)
        self.jobs.pop()()
        self.assertEqual(ear.reasons(), [STOPPING])

    def test_nodes(self) -> None:
        """How the nodes are is known when there is something to know."""
        assert self.chat.nodes is not None
        self.assertEqual(self.chat.nodes(), [])
        self.open()
        self.assertEqual(self.chat.house.nodes, self.chat.nodes)
        first, second, third = self.chat.nodes()
        self.assertTrue(first.startswith("b (this one): heard"))
        self.assertTrue(second.startswith("b is at 1, 0 behind"))
        self.assertTrue(third.startswith("the engine: nats://here:4222"))

    def test_tick(self) -> None:
        """
        Several times a second it is counted and seen what has changed, and people get a
        sign of life of the node.
        """
        self.open()
        self.assertEqual(self.chat.counters.nodes, 0)
        self.clock.advance(TICK_SECONDS)
        counters = self.chat.counters
        self.assertEqual((counters.connected, counters.nodes, counters.position), (1, 1, 1))
        self.assertIn("node b: nodes that are up: b", self.logged)
        self.engine.deliver(encode(Message("a", "a1", 1, [nodeUp("a", "a1")])))
        self.clock.advance(TICK_SECONDS)
        self.assertEqual((counters.nodes, counters.position), (2, 2))
        self.assertIn("node b: nodes that are up: a, b", self.logged)
        self.assertEqual(self.engine.messages, [])
        self.clock.pump([TICK_SECONDS] * 20)
        self.assertEqual(decode(self.engine.messages[0]).events, [])

    def test_tickFails(self) -> None:
        """Time goes on all the same."""
        self.open()

        def refuse(position: int) -> None:
            raise RuntimeError("no way")

        self.patch(self.chat._snapshots, "tick", refuse)
        self.clock.advance(TICK_SECONDS)
        self.clock.advance(TICK_SECONDS)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_snapshotAtOnce(self) -> None:
        """Who founds a cluster with a history makes a snapshot of it as soon as it is open."""
        self.history()
        self.engine.found()
        self.clock.advance(TICK_SECONDS)
        self.assertEqual(self.journal.copies, [])
        self.turn()
        self.clock.advance(TICK_SECONDS)
        self.journal.copies.pop()(None)
        ((snapshot, path, _),) = self.engine.offers
        self.assertEqual((snapshot.epoch, snapshot.position), ("i2.i3.", 1))
        self.assertEqual(path, "chat.sqlite.snapshot")
        stopping = self.chat.stopService()
        self.engine.deliver()
        self.journal.stops.pop()()
        self.successResultOf(stopping)
        self.assertFalse(Path(path).exists())

    def copied(self) -> int:
        self.clock.advance(TICK_SECONDS)
        (copied,) = self.journal.copies
        self.journal.copies.clear()
        copied(None)
        snapshot, _, offered = self.engine.offers.pop()
        offered("not now")
        return snapshot.position

    def test_snapshotOfWhatIsStored(self) -> None:
        """A snapshot says no more than what is on the disk: not what is on its way there."""
        self.history()
        self.open()
        session, _ = self.person("ann")
        self.journal.slow = True
        self.propose(session, Say(session.ident, "tea", "message", ("x",)))
        self.assertEqual(self.copied(), 1)
        self.clock.advance(CHECKPOINT_SECONDS - 2 * TICK_SECONDS)
        self.propose(session, Say(session.ident, "tea", "message", ("y",)))
        self.clock.advance(TICK_SECONDS)
        self.propose(session, Say(session.ident, "tea", "message", ("z",)))
        *before, saved = self.journal.queue
        self.assertTrue(saved.checkpoint)
        self.journal.queue = before
        self.journal.keep()
        self.assertEqual(self.copied(), 1)
        self.journal.queue = [saved]
        self.journal.keep()
        self.clock.advance(SNAPSHOT_RETRY_SECONDS - TICK_SECONDS)
        self.assertEqual(self.copied(), saved.position)
        self.assertEqual(self.journal.prepare().checkpointPosition, saved.position)

    def test_snapshotAfterRestart(self) -> None:
        """Nor what is applied again after a restart, and not stored again."""
        self.history()
        self.open()
        session, _ = self.person("ann")
        self.propose(session, Say(session.ident, "tea", "message", ("x",)))
        placed, founding = self.engine.placed, self.engine.founding
        assert founding is not None
        self.again()
        self.engine.find(StreamState(founding, 1, len(placed)))
        self.engine.end = 0
        self.engine.deliver(*placed[:-1])
        self.clock.advance(CHECKPOINT_SECONDS)
        self.assertEqual(self.journal.copies, [])
        self.engine.deliver(placed[-1])
        self.assertTrue(self.chat.open)
        session, _ = self.person("bob")
        self.propose(session, Say(session.ident, "tea", "message", ("x",)))
        self.assertEqual(self.journal.prepare().checkpointPosition, 1)
        self.assertEqual(self.copied(), 1)

    def test_snapshotOfOne(self) -> None:
        """One node makes them: the first of those that are up."""
        self.history()
        self.engine.found()
        self.engine.deliver(encode(Message("a", "a1", 1, [nodeUp("a", "a1")])))
        self.assertTrue(self.chat.open)
        self.clock.advance(TICK_SECONDS)
        self.assertEqual(self.journal.copies, [])
        gone = shutdownOf(self.chat.house.state.nodes["a"])
        self.engine.deliver(encode(Message("a", "a1", 2, [gone])))
        self.assertEqual(self.copied(), 1)

    def test_reports(self) -> None:
        """The log is told of troubles, and of their end."""
        reports = ClusterLog("b", lambda: None, self.gaveUp.append)
        reports.troubled(ChatError(STOPPING))
        reports.troubled(None)
        reports.noted("a line")
        self.assertEqual(
            self.logged[-3:],
            [f"node b: {ChatError(STOPPING)}", "node b: the others answer again", "node b: a line"],
        )
        reports.failed(ValueError("x"))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        reports.broken("y")
        self.assertEqual(self.gaveUp, ["y"])
