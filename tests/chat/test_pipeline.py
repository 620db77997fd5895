"""Tests for L{tsservices.chat.pipeline}."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.chat import NOON, RecordingOutlet
from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.operations import Enter, Join, Say, SendPrivate
from tsservices.chat.pipeline import Pipeline
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
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
