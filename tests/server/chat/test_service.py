"""Tests for L{tsservices.server.chat.service}."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import provider

from tests.support.chat import NOON, RecordingOutlet, SlowStorage, only
from tests.support.hasher import ImmediateHasher
from tsservices.chat.errors import JOURNAL_FAILED, NOT_STORED, ChatError
from tsservices.chat.notifications import ErrorReply, Notice, RoomMessages
from tsservices.chat.operations import Enter, Join, Say
from tsservices.chat.records import RoomRecord
from tsservices.chat.storage import StorageError, StoredState
from tsservices.common.limits import Limits
from tsservices.server.chat.service import (
    WELCOME_BYTES,
    ChatService,
    ChatServiceConfig,
    StorageMonitor,
)

#: Where everybody comes from.
HOST = "192.0.2.1"


class UsedStorage(SlowStorage):
    def __init__(self) -> None:
        super().__init__()
        self.stopped: Callable[[], None] | None = None
        self.broken = False
        self.epoch = ""

    def leave(self) -> None:
        self.epoch = ""

    def prepare(self) -> StoredState:
        if self.broken:
            raise StorageError("broken: no disk")
        room = RoomRecord("tea", "Tea", 5, NOON, "hot", "eve", 1)
        return StoredState("log", 7, [room], ["a note"], epoch=self.epoch)

    def stop(self, stopped: Callable[[], None]) -> None:
        self.stopped = stopped


class ChatServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.storage = UsedStorage()
        self.jobs: list[Callable[[], None]] = []
        self.shutDowns: list[str] = []
        self.chat = ChatService(
            ChatServiceConfig(Limits(), "run", "welcome"),
            self.storage,
            ImmediateHasher(),
            lambda: NOON,
            float,
            self.jobs.append,
            self.shutDowns.append,
        )
        self.chat.prepare()
        self.monitor = StorageMonitor(self.chat.context.pipeline, self.shutDowns.append)
        self.chat.startService()
        self.recipients = {name: RecordingOutlet() for name in ("ann", "bob")}
        self.sessions = {
            name: self.chat.newSession(outlet, HOST) for name, outlet in self.recipients.items()
        }
        for name, session in self.sessions.items():
            self.propose(Enter(session.ident, name, name), name)
            self.propose(Join(session.ident, "Tea", "tea"), name)
        self.storage.slow = True
        for outlet in self.recipients.values():
            outlet.heard()

    def make(self, hasher: ImmediateHasher | None = None, **settings: Any) -> ChatService:
        config = ChatServiceConfig(Limits(), "run", **settings)
        hasher = hasher or ImmediateHasher()
        return ChatService(config, self.storage, hasher, lambda: NOON, float, self.jobs.append)

    def propose(self, event: Enter | Join | Say, who: str) -> None:
        self.chat.context.pipeline.propose(event, self.sessions[who])
        while self.jobs:
            self.jobs.pop(0)()

    def say(self, who: str) -> None:
        self.propose(Say(self.sessions[who].ident, "tea", "message", ("x",)), who)

    def test_goesOnFromTheStorage(self) -> None:
        self.assertEqual(self.chat.notes, ["a note"])
        room = self.chat.context.state.rooms["tea"]
        self.assertEqual((room.record.topic, room.storedSeq), ("hot", 5))
        self.say("ann")
        (batch,) = self.storage.queue
        self.assertEqual((batch.log, batch.position, batch.messages[0].first), ("log", 8, 6))

    def test_storageCantBeUsed(self) -> None:
        self.storage.broken = True
        self.assertRaises(StorageError, self.chat.prepare)

    def test_sessionIdsAreUnique(self) -> None:
        idents = [self.chat.newSession(RecordingOutlet(), HOST).ident for _ in range(10)]
        self.assertEqual(len({*idents, *(session.ident for session in self.sessions.values())}), 12)
        self.assertTrue(all(item.startswith("run.") for item in idents))

    def test_stored(self) -> None:
        self.say("ann")
        self.assertEqual(self.recipients["bob"].heard(), [])
        self.storage.storeQueued()
        for job in self.jobs:
            job()
        self.assertEqual(
            [type(notification) for notification in self.recipients["bob"].heard()], [RoomMessages]
        )

    def test_troubleIsToldToThoseWhoWait(self) -> None:
        self.say("ann")
        trouble = ChatError(NOT_STORED, reason="the disk is full")
        logged: list[object] = []

        @provider(ILogObserver)
        def observe(event: LogEvent) -> None:
            logged.append(event["log_level"])

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.monitor.troubled(trouble)
        notice = only(Notice, self.recipients["ann"].heard())
        self.assertIn("the disk is full", notice.lines[0])
        self.assertEqual(self.recipients["bob"].heard(), [])
        self.monitor.troubled(None)
        self.assertEqual(logged, [LogLevel.error, LogLevel.info])

    def test_failureIsToldToAllAndEndsTheServer(self) -> None:
        self.monitor.failed("no disk")
        for outlet in self.recipients.values():
            refusal = only(ErrorReply, outlet.heard())
            self.assertIs(refusal.error.code, JOURNAL_FAILED)
        self.assertEqual(self.shutDowns, ["the chat can't be kept any more: no disk"])

    def test_sessionsOfOtherNodes(self) -> None:
        self.say("ann")
        for session in self.sessions.values():
            session.recipient = None
        self.monitor.troubled(ChatError(NOT_STORED, reason="x"))
        self.monitor.failed("x")
        self.assertEqual(self.recipients["ann"].heard(), [])

    def test_stopWaitsForTheStorage(self) -> None:
        stopping = self.chat.stopService()
        self.assertNoResult(stopping)
        assert self.storage.stopped is not None
        self.storage.stopped()
        self.successResultOf(stopping)

    def test_hasherRunsWithTheService(self) -> None:
        done: list[str] = []

        class Noted(ImmediateHasher):
            def start(self) -> None:
                done.append("start")

            def stop(self) -> None:
                done.append("stop")

        chat = self.make(hasher=Noted())
        chat.prepare()
        self.assertEqual(done, [])
        chat.startService()
        self.assertEqual(done, ["start"])
        chat.stopService()
        self.assertEqual(done, ["start", "stop"])

    def test_clusterIsLeftOnlyIfAsked(self) -> None:
        self.storage.epoch = "e"
        error = self.assertRaises(StorageError, self.make().prepare)
        self.assertIn("--leave-cluster", str(error))
        self.assertEqual(self.storage.epoch, "e")
        chat = self.make(leaveCluster=True)
        chat.prepare()
        self.assertEqual(chat.context.state.rooms["tea"].record.seq, 5)
        self.make().prepare()

    def test_operators(self) -> None:
        chat = self.make(operators=frozenset({"ann"}))
        chat.prepare()
        self.assertEqual(chat.context.state.operators, {"ann"})

    def test_welcomeFile(self) -> None:
        self.assertEqual(self.chat.welcome(), [])
        Path("welcome").write_bytes(b"\xef\xbb\xbfone\r\ntwo \x1b\n\nthree\xff")
        self.assertEqual(
            self.chat.welcome(), ["one", "two \\x1b", "", "three\N{REPLACEMENT CHARACTER}"]
        )
        Path("welcome").write_bytes(b"x" * 1_000_000)
        self.assertEqual(list(map(len, self.chat.welcome())), [WELCOME_BYTES])
