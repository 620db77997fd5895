"""Tests for L{tsservices.chat.pipeline}."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

import pytest
from twisted.internet.task import Clock

from tests.support.chat import NOON, RecordingOutlet
from tsservices.chat.batch import Batch
from tsservices.chat.delivery.talk_hold import HELD_FROM, SEND_SECONDS
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import JoinedRoom, RoomMessages
from tsservices.chat.operations import Enter, Join, Quit, Say, SendPrivate
from tsservices.chat.pipeline import (
    WAITING_TIMES,
    Pipeline,
    PipelineTimes,
)
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.histograms import SECONDS
from tsservices.common.limits import Limits


class FakeStore:
    def __init__(self) -> None:
        self.trouble: ChatError | None = None
        self.batches: list[Batch] = []

    def store(self, batch: Batch) -> None:
        self.batches.append(batch)


class TestPipeline:
    def setup_method(self) -> None:
        self.jobs: list[Callable[[], None]] = []
        self.store = FakeStore()
        self.pipeline = Pipeline(ChatState(Limits()), "log", 41, lambda: NOON, self.jobs.append)
        self.pipeline.start(self.store)
        self.outlets = {name: RecordingOutlet() for name in ("ann", "bob")}
        self.sessions = {name: Session(name, outlet) for name, outlet in self.outlets.items()}
        for name, session in self.sessions.items():
            self.pipeline.propose(Enter(name, name, name), session)
            self.pipeline.propose(Join(name, "r", "r"), session)
        self.turn()
        for outlet in self.outlets.values():
            outlet.heard()

    def turn(self) -> None:
        while self.jobs:
            self.jobs.pop(0)()

    def stored(self, position: int) -> None:
        self.pipeline.stored(position)
        self.turn()

    def say(self, ident: str, *texts: str) -> None:
        self.pipeline.propose(Say(ident, "r", "message", texts), self.sessions[ident])

    def test_turnIsOneBatch(self) -> None:
        self.say("ann", "1")
        self.say("bob", "2")
        self.say("ann", "3")
        assert len(self.jobs) == 1
        assert self.store.batches == []
        self.turn()
        (batch,) = self.store.batches
        assert [item.texts for item in batch.messages] == [("1",), ("2",), ("3",)]
        assert (batch.position, batch.log, batch.stamp) == (42, "log", NOON)
        assert [item.ident for item in self.pipeline.unconfirmedSessions()] == ["ann", "bob"]

    def test_nothingBeforeStored(self) -> None:
        self.say("ann", "1")
        self.turn()
        self.say("ann", "2")
        self.turn()
        assert self.outlets["bob"].texts() == []
        self.stored(42)
        assert self.outlets["bob"].texts() == ["1"]
        assert self.sessions["ann"].pending == 1
        self.stored(43)
        assert self.outlets["bob"].texts() == ["2"]

    def test_laterPositionStoresAllBefore(self) -> None:
        for text in "123":
            self.say("ann", text)
            self.turn()
        self.stored(44)
        assert self.outlets["bob"].texts() == ["1", "2", "3"]
        assert self.pipeline.unconfirmedSessions() == []

    def test_lastDeliveryOfTurn(self) -> None:
        bob = self.outlets["bob"]
        self.say("ann", "1")
        self.turn()
        self.stored(42)
        assert bob.lastWrites == 1
        for text in "234":
            self.say("ann", text)
            self.turn()
        self.stored(45)
        assert bob.lastWrites == 2
        self.say("ann", "5")
        self.pipeline.propose(
            SendPrivate("ann", "bob", "bob", "message", "6"), self.sessions["ann"]
        )
        self.turn()
        self.stored(46)
        assert bob.lastWrites == 2

    def test_batchWithoutDurableChange(self) -> None:
        self.pipeline.propose(Join("ann", "q", "q"), self.sessions["ann"])
        self.turn()
        assert len(self.outlets["ann"].heard()) == 1
        assert self.store.batches == []
        self.say("ann", "1")
        self.turn()
        self.pipeline.propose(Join("bob", "q", "q"), self.sessions["bob"])
        self.turn()
        assert self.outlets["bob"].heard() == []
        self.stored(42)
        names = [type(item).__name__ for item in self.outlets["bob"].heard()]
        assert names == ["RoomMessages", "JoinedRoom"]
        self.say("ann", "2")
        self.turn()
        assert [item.position for item in self.store.batches] == [42, 43]

    def test_idleWhenNothingIsPending(self) -> None:
        outlet = self.outlets["ann"]
        before = outlet.idleCount
        self.say("ann", "1")
        self.turn()
        self.say("ann", "2")
        self.say("ann", "3")
        self.turn()
        self.stored(42)
        assert (outlet.idleCount, self.sessions["ann"].pending) == (before, 2)
        self.stored(43)
        assert (outlet.idleCount, self.sessions["ann"].pending) == (before + 1, 0)

    def test_proposedDuringDelivery(self) -> None:
        outlet = self.outlets["ann"]
        outlet.idle = lambda: self.say("ann", "again")  # type: ignore[method-assign]
        self.say("ann", "once")
        self.turn()
        self.pipeline.stored(42)
        self.jobs.pop()()
        assert len(self.jobs) == 1
        outlet.idle = lambda: None  # type: ignore[method-assign]
        self.turn()
        assert len(self.store.batches) == 2

    def test_failingRecipientHarmsNobodyElse(self) -> None:

        def broken(data: bytes) -> None:
            raise ValueError("broken")

        self.outlets["bob"].write = broken  # type: ignore[method-assign]
        self.outlets["bob"].writeLast = broken  # type: ignore[method-assign]
        self.say("ann", "1")
        self.pipeline.propose(
            SendPrivate("bob", "ann", "ann", "message", "2"), self.sessions["bob"]
        )
        self.turn()
        self.pipeline.stored(42)
        with pytest.raises(ValueError, match="broken"):
            self.jobs.pop()()
        assert [item.pending for item in self.sessions.values()] == [0, 0]
        assert self.outlets["ann"].idleCount
        assert self.outlets["ann"].notifications

    def test_emptyTurn(self) -> None:
        self.pipeline.flush()
        assert self.store.batches == []


def test_times() -> None:
    now = iter([10.0, 10.25, 11.0, 11.5])
    jobs: list[Callable[[], None]] = []
    times = PipelineTimes(lambda: next(now))
    pipeline = Pipeline(ChatState(Limits()), "log", 41, lambda: NOON, jobs.append, times)
    store = FakeStore()
    pipeline.start(store)
    session = Session("s1", None)
    for operation in (
        Enter("s1", "ann", "ann"),
        Join("s1", "r", "r"),
        Say("s1", "r", "me", ("x",)),
    ):
        pipeline.propose(operation, session)
    jobs.pop()()
    # Nothing is counted before it is stored.
    times.settle()
    assert not sum(times.whole.counts)
    pipeline.stored(store.batches[0].position)
    jobs.pop()()
    times.settle()
    for histogram, seconds in (
        (times.apply, 0.25),
        (times.store, 0.75),
        (times.deliver, 0.5),
        (times.whole, 1.5),
    ):
        assert histogram.total == seconds
        assert histogram.counts[bisect_left(SECONDS, seconds)] == sum(histogram.counts) == 1


def test_timesAreCountedInOneGo() -> None:
    times = PipelineTimes(lambda: 0.0)
    batch = Batch("log", 1, NOON)
    batch.beganAt = batch.appliedAt = 1.0
    for _ in range(WAITING_TIMES // 4):
        assert not sum(times.whole.counts)
        times.count(batch, 1.0, 1.5)
    assert sum(times.whole.counts) == WAITING_TIMES // 4
    assert times.whole.total == WAITING_TIMES // 8


class TestTalkThatWaits:
    """A room of L{HELD_FROM}: ann and bob, and others whose connections are elsewhere."""

    def setup_method(self) -> None:
        self.clock = Clock()
        self.jobs: list[Callable[[], None]] = []
        self.store = FakeStore()
        self.pipeline = Pipeline(
            ChatState(Limits()),
            "log",
            0,
            lambda: NOON,
            self.jobs.append,
            monotonic=self.clock.seconds,
            callLater=self.clock.callLater,
        )
        self.pipeline.start(self.store)
        self.sessions = {name: Session(name, None) for name in ("ann", "bob", "cat")}
        for number in range(HELD_FROM):
            self.sessions[f"x{number}"] = Session(f"x{number}", None)
        self.outlet = self.sessions["cat"].recipient = RecordingOutlet()
        for name, session in self.sessions.items():
            self.pipeline.propose(Enter(name, name, name), session)
            self.pipeline.propose(Join(name, "r", "r"), session)
        for name in ("ann", "bob", "cat"):
            self.pipeline.propose(Join(name, "q", "q"), self.sessions[name])
        self.turn()
        self.outlet.heard()
        # As long as the sends take, which are only estimated, and once more.
        self.send = 2 * SEND_SECONDS * (HELD_FROM + 3)

    def turn(self) -> list[str]:
        while self.jobs:
            self.jobs.pop(0)()
        if self.store.batches:
            self.pipeline.stored(self.store.batches[-1].position)
        while self.jobs:
            self.jobs.pop(0)()
        return self.outlet.texts()

    def say(self, name: str, text: str, room: str = "r") -> None:
        self.pipeline.propose(Say(name, room, "message", (text,)), self.sessions[name])

    def pass_(self, seconds: float) -> list[str]:
        self.clock.advance(seconds)
        return self.turn()

    def test_oneAloneNeverWaits(self) -> None:
        for text in "123":
            self.say("ann", text)
            assert self.turn() == [text]
        assert self.clock.getDelayedCalls() == []

    def test_anotherWaits(self) -> None:
        self.say("ann", "1")
        assert self.turn() == ["1"]
        self.say("bob", "2")
        assert self.turn() == []
        self.say("bob", "3")
        assert self.pass_(self.send * 0.9) == []
        assert self.pass_(self.send * 0.2) == ["2", "3"]
        assert len(self.store.batches) == 2

    def test_untilAllHaveSpoken(self) -> None:
        self.say("ann", "1")
        self.say("bob", "2")
        assert self.turn() == ["1", "2"]
        self.say("bob", "3")
        assert self.turn() == []
        self.say("ann", "4")
        assert self.turn() == ["3", "4"]
        assert self.clock.getDelayedCalls() == []

    def test_afterAWhileNobodyWaits(self) -> None:
        self.say("ann", "1")
        self.turn()
        self.clock.advance(self.send * 1.1)
        self.say("bob", "2")
        assert self.turn() == ["2"]

    def test_elsewhereNobodyWaits(self) -> None:
        self.say("ann", "1")
        self.turn()
        self.say("bob", "2", "q")
        assert self.turn() == ["2"]

    def test_commandsDoNotWait(self) -> None:
        self.say("ann", "1")
        self.turn()
        self.say("bob", "2")
        assert self.turn() == []
        self.pipeline.propose(
            SendPrivate("cat", "bob", "bob", "message", "x"), self.sessions["cat"]
        )
        # And what waited goes before them.
        assert self.turn()[0] == "2"
        assert self.clock.getDelayedCalls() == []

    def test_barrierDoesNotWait(self) -> None:
        self.say("ann", "1")
        self.turn()
        self.say("bob", "2")
        assert self.turn() == []
        before = self.outlet.idleCount
        assert self.pipeline.barrier(self.sessions["cat"])
        assert self.turn() == ["2"]
        assert self.outlet.idleCount == before + 1

    def test_stop(self) -> None:
        self.say("ann", "1")
        self.turn()
        self.say("bob", "2")
        assert self.turn() == []
        self.pipeline.stop()
        assert self.turn() == ["2"]
        assert self.clock.getDelayedCalls() == []
        self.say("ann", "3")
        assert self.turn() == ["3"]

    def test_whoLeavesMeanwhile(self) -> None:
        self.say("ann", "1")
        self.turn()
        self.say("bob", "2")
        assert self.turn() == []
        self.pipeline.propose(Quit("bob", ""), self.sessions["bob"])
        assert self.turn() == ["2"]

    def test_whoComesMeanwhileGetsTheLineOnce(self) -> None:
        self.say("ann", "1")
        self.turn()
        self.say("bob", "2")
        assert self.turn() == []
        dan = RecordingOutlet()
        session = self.sessions["dan"] = Session("dan", dan)
        self.pipeline.propose(Enter("dan", "dan", "dan"), session)
        self.pipeline.propose(Join("dan", "r", "r"), session)
        self.turn()
        heard = dan.heard()
        (joined,) = [item for item in heard if isinstance(item, JoinedRoom)]
        assert joined.replay is not None
        assert [item.texts for item in joined.replay.messages] == [("1",), ("2",)]
        assert [item for item in heard if isinstance(item, RoomMessages)] == []

    def test_smallRooms(self) -> None:
        self.say("ann", "1", "q")
        assert self.turn() == ["1"]
        self.say("bob", "2", "q")
        assert self.turn() == ["2"]
