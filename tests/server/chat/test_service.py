"""
Tests for L{tsservices.server.chat.service}.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import provider

from tests.support.chat import NOON, Ear, SlowJournal
from tsservices.chat.errors import JOURNAL_FAILED, NOT_STORED, ChatError
from tsservices.chat.notifications import ErrorReply, Notice, RoomMessages
from tsservices.chat.operations import Enter, Join, Say
from tsservices.chat.records import RoomRecord
from tsservices.chat.storage import StorageError, StoredState
from tsservices.common.limits import Limits
from tsservices.server.chat.service import WELCOME_BYTES, ChatService
from tsservices.testing import ImmediateHasher

#: Where everybody comes from.
HOST = "192.0.2.1"


class Drawer(SlowJournal):
    """A journal that was used before, and stops when the test says so."""

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
        self.journal = Drawer()
        self.jobs: list[Callable[[], None]] = []
        self.gaveUp: list[str] = []
        self.chat = ChatService(
            self.journal,
            Limits(),
            lambda: NOON,
            self.jobs.append,
            "run",
            ImmediateHasher(),
            "welcome",
            self.gaveUp.append,
        )
        self.chat.prepare()
        self.chat.startService()
        self.ears = {name: Ear() for name in ("ann", "bob")}
        self.sessions = {name: self.chat.newSession(ear, HOST) for name, ear in self.ears.items()}
        for name, session in self.sessions.items():
            self.propose(Enter(session.ident, name, name), name)
            self.propose(Join(session.ident, "Tea", "tea"), name)
        self.journal.slow = True
        for ear in self.ears.values():
            ear.take()

    def propose(self, event: Enter | Join | Say, who: str) -> None:
        self.chat.house.pipeline.propose(event, self.sessions[who])
        while self.jobs:
            self.jobs.pop(0)()

    def say(self, who: str) -> None:
        self.propose(Say(self.sessions[who].ident, "tea", "message", ("x",)), who)

    def test_loaded(self) -> None:
        """It goes on where the journal ends."""
        self.assertEqual(self.chat.notes, ["a note"])
        room = self.chat.house.state.rooms["tea"]
        self.assertEqual((room.record.topic, room.storedSeq), ("hot", 5))
        self.say("ann")
        (batch,) = self.journal.queue
        self.assertEqual((batch.log, batch.position, batch.messages[0].first), ("log", 8, 6))

    def test_broken(self) -> None:
        """A journal that can't be used is told of before the server starts."""
        self.journal.broken = True
        self.assertRaises(StorageError, self.chat.prepare)

    def test_sessions(self) -> None:
        """No two sessions have the same id, whichever run they are of."""
        idents = [self.chat.newSession(Ear(), HOST).ident for _ in range(10)]
        self.assertEqual(len({*idents, *(each.ident for each in self.sessions.values())}), 12)
        self.assertTrue(all(each.startswith("run.") for each in idents))

    def test_stored(self) -> None:
        """What is stored is told."""
        self.say("ann")
        self.assertEqual(self.ears["bob"].take(), [])
        self.journal.keep()
        for job in self.jobs:
            job()
        self.assertEqual([type(each) for each in self.ears["bob"].take()], [RoomMessages])

    def test_troubled(self) -> None:
        """Only those who wait are told; the log is told of the end too."""
        self.say("ann")
        trouble = ChatError(NOT_STORED, reason="the disk is full")
        logged: list[object] = []

        @provider(ILogObserver)
        def observe(event: LogEvent) -> None:
            logged.append(event["log_level"])

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.chat.troubled(trouble)
        (notice,) = self.ears["ann"].take()
        assert isinstance(notice, Notice)
        self.assertIn("the disk is full", notice.lines[0])
        self.assertEqual(self.ears["bob"].take(), [])
        self.chat.troubled(None)
        self.assertEqual(logged, [LogLevel.error, LogLevel.info])

    def test_failed(self) -> None:
        """All are told, and the server ends."""
        self.chat.failed("no disk")
        for ear in self.ears.values():
            (refusal,) = ear.take()
            assert isinstance(refusal, ErrorReply)
            self.assertIs(refusal.error.code, JOURNAL_FAILED)
        self.assertEqual(self.gaveUp, ["the chat can't be kept any more: no disk"])

    def test_elsewhere(self) -> None:
        """Sessions of other nodes are told by these."""
        self.say("ann")
        for session in self.sessions.values():
            session.recipient = None
        self.chat.troubled(ChatError(NOT_STORED, reason="x"))
        self.chat.failed("x")
        self.assertEqual(self.ears["ann"].take(), [])

    def test_stop(self) -> None:
        """The end waits for the journal."""
        stopping = self.chat.stopService()
        self.assertNoResult(stopping)
        assert self.journal.stopped is not None
        self.journal.stopped()
        self.successResultOf(stopping)

    def test_hasher(self) -> None:
        """
        Passwords are worked on as long as it runs: not before, for a thread would not live
        through a fork, and not after.
        """
        done: list[str] = []

        class Noted(ImmediateHasher):
            """A hasher that notes when it is to work."""

            def start(self) -> None:
                done.append("start")

            def stop(self) -> None:
                done.append("stop")

        chat = ChatService(self.journal, Limits(), lambda: NOON, self.jobs.append, "run", Noted())
        chat.prepare()
        self.assertEqual(done, [])
        chat.startService()
        self.assertEqual(done, ["start"])
        chat.stopService()
        self.assertEqual(done, ["start", "stop"])

    def test_ofCluster(self) -> None:
        """What is part of a cluster goes on alone only if that is said, and then for good."""
        arguments = (self.journal, Limits(), lambda: NOON, self.jobs.append, "run")
        self.journal.epoch = "e"
        error = self.assertRaises(StorageError, ChatService(*arguments, ImmediateHasher()).prepare)
        self.assertIn("--leave-cluster", str(error))
        self.assertEqual(self.journal.epoch, "e")
        chat = ChatService(*arguments, ImmediateHasher(), leave=True)
        chat.prepare()
        self.assertEqual(chat.house.state.rooms["tea"].record.seq, 5)
        ChatService(*arguments, ImmediateHasher()).prepare()

    def test_operators(self) -> None:
        """Those who are named may do anything."""
        chat = ChatService(
            self.journal,
            Limits(),
            lambda: NOON,
            self.jobs.append,
            "run",
            ImmediateHasher(),
            operators=frozenset({"ann"}),
        )
        chat.prepare()
        self.assertEqual(chat.house.state.operators, {"ann"})

    def test_welcome(self) -> None:
        """The welcome file is read each time, bounded, and made safe; none is none."""
        self.assertEqual(self.chat.welcome(), [])
        Path("welcome").write_bytes(b"one\r\ntwo \x1b\n\nthree\xff")
        self.assertEqual(
            self.chat.welcome(), ["one", "two \\x1b", "", "three\N{REPLACEMENT CHARACTER}"]
        )
        Path("welcome").write_bytes(b"x" * 1_000_000)
        self.assertEqual(list(map(len, self.chat.welcome())), [WELCOME_BYTES])
