"""Tests for L{tsservices.server.chat.cluster_service}."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.model.cluster import nodeUp
from tests.support.broker import ScriptedBroker
from tests.support.chat import NOON, RecordingOutlet, SlowStorage
from tests.support.hasher import ImmediateHasher
from tests.support.logs import gather
from tests.support.storage import MessageSource, StorageClient, ThreadReactor
from tsservices.chat.batch import Batch
from tsservices.chat.errors import STOPPING, ChatError
from tsservices.chat.handlers.nodes import shutdownOf
from tsservices.chat.notifications import Notice, RoomMessages
from tsservices.chat.operations import Enter, Join, Operation, Say
from tsservices.chat.records import RoomRecord
from tsservices.chat.session import Session
from tsservices.chat.storage import StoredState
from tsservices.cluster.apply import CHECKPOINT_SECONDS
from tsservices.cluster.broker import STOP_SECONDS, ClusterIdentity, StreamState
from tsservices.cluster.gather import CONCURRENT_SECONDS, GATHER_SECONDS
from tsservices.cluster.messages import Message, decode, encode
from tsservices.common.limits import Limits
from tsservices.server.chat.cluster_service import (
    TICK_SECONDS,
    ClusterChatService,
    ClusterLog,
    ClusterServiceConfig,
)
from tsservices.server.chat.cluster_snapshots import SNAPSHOT_RETRY_SECONDS
from tsservices.server.chat.service import ChatServiceConfig

#: Where everybody comes from.
HOST = "192.0.2.1"


class CopyingStorage(SlowStorage):
    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, RoomRecord] = {}
        self.copies: list[Callable[[str | None], None]] = []
        self.stops: list[Callable[[], None]] = []

    def prepare(self) -> StoredState:
        return replace(super().prepare(), rooms=list(self.records.values()))

    def store(self, batch: Batch) -> None:
        super().store(batch)
        self.records.update((room.key, room) for room in batch.roomRecords)

    def copy(self, path: str, copied: Callable[[str | None], None]) -> None:
        Path(path).write_bytes(b"copy")
        self.copies.append(copied)

    def stop(self, stopped: Callable[[], None]) -> None:
        self.stops.append(stopped)


def say(session: Session, text: str) -> Say:
    return Say(session.ident, "tea", "message", (text,))


class ClusterChatServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.broker = ScriptedBroker()
        self.storage = CopyingStorage()
        self.jobs: list[Callable[[], None]] = []
        self.shutDowns: list[str] = []
        self.calls: list[str] = []
        self.logged = gather(self)
        incarnations = iter(f"i{number}." for number in range(100))
        self.incarnations = lambda: next(incarnations)
        self.chat = self.make()

    def make(self) -> ClusterChatService:
        chat = ClusterChatService(
            ChatServiceConfig(Limits(), "run"),
            self.storage,
            ImmediateHasher(),
            lambda: NOON,
            self.clock.seconds,
            self.jobs.append,
            self.shutDowns.append,
            cluster=ClusterServiceConfig("b", "nats://here", "chat.sqlite", self.incarnations),
            broker=self.broker,
            clock=self.clock,
        )
        chat.prepare()
        chat.startService()
        return chat

    def history(self) -> None:
        self.storage = CopyingStorage()
        self.storage.start(StorageClient(self.storage, ThreadReactor()))
        self.storage.store(MessageSource("log").batch(("tea", ("x",))))
        self.restart()

    def restart(self) -> None:
        self.clock = Clock()
        self.broker = ScriptedBroker()
        self.chat = self.make()

    def turn(self) -> None:
        while self.jobs or self.broker.pending:
            while self.jobs:
                self.jobs.pop(0)()
            if not self.broker.pending:
                self.clock.advance(GATHER_SECONDS)
            if self.broker.pending:
                self.broker.deliver()

    def assertStopped(self, stopping: Deferred[None]) -> None:
        self.storage.stops.pop()()
        self.successResultOf(stopping)

    def open(self) -> None:
        self.broker.createStream()
        self.turn()
        self.assertTrue(self.chat.open)

    def person(self, nick: str) -> tuple[Session, RecordingOutlet]:
        outlet = RecordingOutlet()
        session = self.chat.newSession(outlet, HOST)
        self.propose(session, Enter(session.ident, nick, nick))
        self.propose(session, Join(session.ident, "tea", "tea"))
        outlet.heard()
        return session, outlet

    def propose(self, session: Session, event: Operation) -> None:
        self.chat.context.pipeline.propose(event, session)
        self.turn()

    def test_opensWhenItHasCaughtUp(self) -> None:
        for name in ("one", "two"):
            self.chat.whenReady(lambda name=name: self.calls.append(name))  # type: ignore[misc]
        self.assertIn("node b has caught up with the others at nats://here", self.chat.notes[-1])
        self.assertFalse(self.chat.open)
        self.broker.createStream()
        self.assertEqual((self.broker.firstSequence, len(self.broker.pending)), (1, 1))
        self.clock.advance(TICK_SECONDS)
        self.assertEqual((self.calls, self.chat.open), ([], False))
        self.broker.deliver()
        self.assertEqual((self.calls, self.chat.open), (["one", "two"], True))
        self.chat.whenReady(lambda: self.calls.append("three"))
        self.assertEqual(self.calls, ["one", "two", "three"])
        self.assertIn("node b has caught up, and the chat is open", self.logged)

    def test_identityThatItOffers(self) -> None:
        loaded = self.storage.prepare()
        self.assertEqual(self.broker.identity, ClusterIdentity("i0.i1.", "log", 0, loaded.secret))

    def test_opensAtTheEndOfTheStream(self) -> None:
        identity = ClusterIdentity("epoch", "log", 0, bytes(32))
        self.broker.openStream(StreamState(identity, 1, 2))
        self.broker.streamEnd = 0
        others = [encode(Message("a", "a1", 1, [nodeUp("a", "a1")])), b"nonsense"]
        self.broker.deliver(others[0])
        self.assertEqual((self.broker.pending, self.chat.open), ([], False))
        self.broker.deliver(others[1])
        self.assertTrue(self.chat.open)
        self.assertEqual(list(self.chat.context.state.nodes), ["a", "b"])
        self.assertEqual(self.chat.newSession(RecordingOutlet(), HOST).node, "b")

    def test_messageIsDeliveredWhenStored(self) -> None:
        self.open()
        session, _ = self.person("ann")
        _, outlet = self.person("bob")
        self.storage.slow = True
        self.propose(session, say(session, "hello"))
        self.assertEqual(outlet.heard(), [])
        self.storage.storeQueued()
        self.turn()
        self.assertEqual([type(notification) for notification in outlet.heard()], [RoomMessages])

    def test_concurrentProposalsGoTogether(self) -> None:
        self.open()
        ann, bob = (self.person(name)[0] for name in ("ann", "bob"))

        def sayNow(session: Session) -> None:
            self.chat.context.pipeline.propose(say(session, "x"), session)
            while self.jobs:
                self.jobs.pop(0)()

        for _ in range(2):
            self.clock.advance(CONCURRENT_SECONDS)
            sayNow(ann)
            self.assertEqual(len(self.broker.pending), 1)
            self.turn()
        sayNow(bob)
        sayNow(ann)
        self.assertEqual(self.broker.pending, [])
        self.clock.advance(GATHER_SECONDS)
        (message,) = self.broker.pending
        self.assertEqual(len(decode(message).operations), 2)
        self.turn()
        self.clock.advance(CONCURRENT_SECONDS)
        sayNow(ann)
        self.assertEqual(len(self.broker.pending), 1)

    def test_oneBrokenConnectionCostsNobodyElse(self) -> None:
        self.open()
        people = [self.person(name) for name in ("ann", "bob")]

        def refuse(data: bytes) -> None:
            raise RuntimeError("no way")

        self.patch(people[0][1], "write", refuse)
        for session, _ in people:
            self.chat.context.pipeline.propose(say(session, "x"), session)
        while self.jobs:
            self.jobs.pop(0)()
        self.clock.pump([TICK_SECONDS] * 20)
        self.assertEqual([type(notification) for notification in people[1][1].heard()], [Notice])
        self.chat.stopService()
        for session, _ in people:
            self.chat.context.pipeline.propose(say(session, "y"), session)
        self.jobs.pop()()
        self.assertEqual(people[1][1].errorCodes(), [STOPPING])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_failureToJoinEndsTheServer(self) -> None:
        assert self.broker.onFailed is not None
        self.broker.onFailed("it is not ours")
        self.chat.nodeBroken("again")
        self.assertEqual(self.shutDowns, ["node b can't go on: it is not ours"])
        self.assertEqual(self.logged[-1], "node b can't go on: it is not ours")

    def test_brokenStreamEndsTheServer(self) -> None:
        self.chat.whenReady(lambda: self.calls.append("ready"))
        self.broker.createStream()
        assert self.broker.listener is not None
        self.broker.listener.streamBroken("the stream was made anew")
        self.assertEqual(self.shutDowns, ["node b can't go on: the stream was made anew"])
        self.broker.deliver()
        self.chat.ready()
        self.assertEqual((self.calls, self.chat.open), ([], False))
        stopping = self.chat.stopService()
        self.assertStopped(stopping)

    def test_stopsInOrder(self) -> None:
        self.open()
        session, outlet = self.person("ann")
        self.chat.context.pipeline.propose(say(session, "x"), session)
        stopping = self.chat.stopService()
        self.assertEqual(self.broker.stops, [])
        events = [event for item in self.broker.pending for event in decode(item).operations]
        self.assertEqual([type(item).__name__ for item in events], ["Say", "NodeDown"])
        self.broker.deliver()
        self.assertEqual((len(self.broker.stops), len(self.storage.stops)), (1, 1))
        self.assertEqual(self.storage.prepare().checkpointPosition, self.broker.streamEnd)
        self.assertNoResult(stopping)
        self.assertStopped(stopping)
        self.assertEqual([call for call in self.clock.getDelayedCalls() if call.active()], [])
        self.assertEqual(outlet.errorCodes(), [])

    def test_stopBeforeOpen(self) -> None:
        self.chat.whenReady(lambda: self.calls.append("ready"))
        stopping = self.chat.stopService()
        self.assertEqual((len(self.broker.stops), len(self.storage.stops)), (1, 1))
        self.assertStopped(stopping)
        self.broker.createStream()
        self.assertIsNone(self.broker.listener)
        assert self.broker.onFailed is not None
        self.broker.onFailed("too late")
        self.chat.nodeBroken("too late")
        self.assertEqual((self.calls, self.shutDowns), ([], []))

    def test_stopWhileItJoins(self) -> None:
        self.broker.createStream()
        stopping = self.chat.stopService()
        self.assertStopped(stopping)
        self.assertEqual(len(self.broker.pending), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopUnanswered(self) -> None:
        self.open()
        session, outlet = self.person("ann")
        self.broker.neverStops = True
        self.chat.context.pipeline.propose(say(session, "x"), session)
        stopping = self.chat.stopService()
        self.clock.advance(STOP_SECONDS - 0.01)
        self.assertEqual(self.broker.stops, [])
        self.clock.advance(0.01)
        self.assertEqual((len(self.broker.stops), self.storage.stops), (1, []))
        self.clock.advance(STOP_SECONDS)
        self.assertStopped(stopping)
        self.broker.stops[0]()
        self.broker.deliver()
        self.assertEqual(outlet.heard(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopTwice(self) -> None:
        self.open()
        stopping = [self.chat.stopService() for _ in range(2)]
        self.broker.deliver()
        self.assertEqual((len(self.broker.stops), len(self.storage.stops)), (1, 1))
        for deferred in stopping:
            self.assertNoResult(deferred)
        self.storage.stops.pop()()
        for item in [*stopping, self.chat.stopService()]:
            self.successResultOf(item)

    def test_stopFails(self) -> None:
        def refuse() -> None:
            raise RuntimeError("no way")

        self.patch(self.chat.hasher, "stop", refuse)
        self.failureResultOf(self.chat.stopService(), RuntimeError)

    def test_proposedWhileItStops(self) -> None:
        self.open()
        session, outlet = self.person("ann")
        self.chat.stopService()
        self.chat.context.pipeline.propose(say(session, "x"), session)
        self.jobs.pop()()
        self.assertEqual(outlet.errorCodes(), [STOPPING])

    def test_describesNodes(self) -> None:
        assert self.chat.nodes is not None
        self.assertEqual(self.chat.nodes(), [])
        self.open()
        self.assertEqual(self.chat.context.nodes, self.chat.nodes)
        first, second, third = self.chat.nodes()
        self.assertTrue(first.startswith("b (this one): heard"))
        self.assertTrue(second.startswith("b is at 1, 0 behind"))
        self.assertTrue(third.startswith("the engine: nats://here:4222"))

    def test_tickUpdatesCountersAndSendsHeartbeats(self) -> None:
        self.open()
        self.assertEqual(self.chat.counters.nodes, 0)
        self.clock.advance(TICK_SECONDS)
        counters = self.chat.counters
        self.assertEqual((counters.connected, counters.nodes, counters.position), (1, 1, 1))
        self.assertIn("node b: nodes that are up: b", self.logged)
        self.broker.deliver(encode(Message("a", "a1", 1, [nodeUp("a", "a1")])))
        self.clock.advance(TICK_SECONDS)
        self.assertEqual((counters.nodes, counters.position), (2, 2))
        self.assertIn("node b: nodes that are up: a, b", self.logged)
        self.assertEqual(self.broker.pending, [])
        self.clock.pump([TICK_SECONDS] * 20)
        self.assertEqual(decode(self.broker.pending[0]).operations, [])

    def test_tickGoesOnAfterAnError(self) -> None:
        self.open()

        def refuse(position: int) -> None:
            raise RuntimeError("no way")

        self.patch(self.chat._snapshots, "tick", refuse)
        self.clock.advance(TICK_SECONDS)
        self.clock.advance(TICK_SECONDS)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_founderWithAHistoryMakesASnapshot(self) -> None:
        self.history()
        self.broker.createStream()
        self.clock.advance(TICK_SECONDS)
        self.assertEqual(self.storage.copies, [])
        self.turn()
        self.clock.advance(TICK_SECONDS)
        self.storage.copies.pop()(None)
        ((snapshot, path, _),) = self.broker.snapshotPuts
        self.assertEqual((snapshot.epoch, snapshot.position), ("i2.i3.", 1))
        self.assertEqual(path, "chat.sqlite.snapshot")
        stopping = self.chat.stopService()
        self.broker.deliver()
        self.assertStopped(stopping)
        self.assertFalse(Path(path).exists())

    def copied(self) -> int:
        self.clock.advance(TICK_SECONDS)
        (copied,) = self.storage.copies
        self.storage.copies.clear()
        copied(None)
        snapshot, _, offered = self.broker.snapshotPuts.pop()
        offered("not now")
        return snapshot.position

    def test_snapshotPositionIsStored(self) -> None:
        self.history()
        self.open()
        session, _ = self.person("ann")
        self.storage.slow = True
        self.propose(session, say(session, "x"))
        self.assertEqual(self.copied(), 1)
        self.clock.advance(CHECKPOINT_SECONDS - 2 * TICK_SECONDS)
        self.propose(session, say(session, "y"))
        self.clock.advance(TICK_SECONDS)
        self.propose(session, say(session, "z"))
        *before, saved = self.storage.queue
        self.assertTrue(saved.checkpoint)
        self.storage.queue = before
        self.storage.storeQueued()
        self.assertEqual(self.copied(), 1)
        self.storage.queue = [saved]
        self.storage.storeQueued()
        self.clock.advance(SNAPSHOT_RETRY_SECONDS - TICK_SECONDS)
        self.assertEqual(self.copied(), saved.position)
        self.assertEqual(self.storage.prepare().checkpointPosition, saved.position)

    def test_snapshotAfterRestart(self) -> None:
        self.history()
        self.open()
        session, _ = self.person("ann")
        self.propose(session, say(session, "x"))
        placed, identity = self.broker.stored, self.broker.identity
        assert identity is not None
        self.restart()
        self.broker.openStream(StreamState(identity, 1, len(placed)))
        self.broker.streamEnd = 0
        self.broker.deliver(*placed[:-1])
        self.clock.advance(CHECKPOINT_SECONDS)
        self.assertEqual(self.storage.copies, [])
        self.broker.deliver(placed[-1])
        self.assertTrue(self.chat.open)
        session, _ = self.person("bob")
        self.propose(session, say(session, "x"))
        self.assertEqual(self.storage.prepare().checkpointPosition, 1)
        self.assertEqual(self.copied(), 1)

    def test_onlyTheFirstNodeMakesSnapshots(self) -> None:
        self.history()
        self.broker.createStream()
        self.broker.deliver(encode(Message("a", "a1", 1, [nodeUp("a", "a1")])))
        self.assertTrue(self.chat.open)
        self.clock.advance(TICK_SECONDS)
        self.assertEqual(self.storage.copies, [])
        gone = shutdownOf(self.chat.context.state.nodes["a"])
        self.broker.deliver(encode(Message("a", "a1", 2, [gone])))
        self.assertEqual(self.copied(), 1)

    def test_clusterLog(self) -> None:
        troubles: list[ChatError | None] = []
        reports = ClusterLog("b", lambda: None, self.shutDowns.append, troubles.append)
        trouble = ChatError(STOPPING)
        reports.troubled(trouble)
        reports.troubled(None)
        self.assertEqual(troubles, [trouble, None])
        reports.log("a line")
        self.assertEqual(
            self.logged[-3:],
            [f"node b: {ChatError(STOPPING)}", "node b: the others answer again", "node b: a line"],
        )
        reports.logError(ValueError("x"))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        reports.nodeBroken("y")
        self.assertEqual(self.shutDowns, ["y"])
