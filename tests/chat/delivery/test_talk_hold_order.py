"""Lines that wait for others are the same lines, in the same order for each who speaks or reads."""

from __future__ import annotations

from random import Random

import pytest
from twisted.internet.task import Clock

from tests.support.chat import NOON, RecordingOutlet
from tests.support.examples import tried
from tsservices.chat import pipeline as pipelines
from tsservices.chat.batch import Batch
from tsservices.chat.delivery import talk_hold
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import JoinedRoom, RoomMessages
from tsservices.chat.operations import Enter, Join, Part, Say
from tsservices.chat.pipeline import Pipeline
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.limits import Limits

PEOPLE = 6
ROOMS = ("r", "q")
STEPS = 150


class World:
    """Some people in two rooms, whose lines may have to wait."""

    def __init__(self, hold: bool, random: Random) -> None:
        self.clock = Clock()
        self.random = random
        self.jobs: list[object] = []
        self.batches: list[Batch] = []
        self.waited = 0
        self.pipeline = Pipeline(
            ChatState(Limits()),
            "log",
            0,
            lambda: NOON + round(self.clock.seconds() * 10**9),
            self.jobs.append,
            monotonic=self.clock.seconds if hold else None,
            callLater=self.clock.callLater if hold else None,
        )
        self.pipeline.start(self)
        self.outlets = [RecordingOutlet() for _ in range(PEOPLE)]
        self.sessions = [Session(f"s{n}", outlet) for n, outlet in enumerate(self.outlets)]
        self.texts: list[str] = []
        for session in self.sessions:
            session.wantsEcho = True
            name = session.ident
            self.pipeline.propose(Enter(name, name, name), session)
            for room in ROOMS:
                self.pipeline.propose(Join(name, room, room), session)
        self.turn()

    trouble: ChatError | None = None

    def store(self, batch: Batch) -> None:
        self.batches.append(batch)

    def turn(self) -> None:
        while self.jobs:
            self.jobs.pop(0)()  # type: ignore[operator]
        if self.clock.getDelayedCalls():
            self.waited += 1

    def finishStoring(self) -> None:
        batches, self.batches = self.batches, []
        if batches:
            self.pipeline.stored(batches[-1].position)
        self.turn()

    def step(self, number: int) -> None:
        random = self.random
        session = random.choice(self.sessions)
        room = random.choice(ROOMS)
        action = random.random()
        if action < 0.7:
            texts = tuple(f"{number}.{line}" for line in range(random.choice((1, 1, 1, 3))))
            self.pipeline.propose(Say(session.ident, room, "message", texts), session)
        elif action < 0.8:
            self.pipeline.propose(Part(session.ident, room, ""), session)
        elif action < 0.95:
            self.pipeline.propose(Join(session.ident, room, room), session)
        else:
            self.pipeline.barrier(session)
        if random.random() < 0.6:
            self.turn()
        if random.random() < 0.6:
            self.finishStoring()
        if random.random() < 0.4:
            self.clock.advance(random.choice((0.0001, 0.001, 0.06)))
            self.turn()

    def run(self) -> None:
        for number in range(STEPS):
            self.step(number)
        self.pipeline.stop()
        for _ in range(3):
            self.turn()
            self.finishStoring()
        assert self.clock.getDelayedCalls() == []
        assert not any(session.pending for session in self.sessions)

    def live(self, person: int) -> list[tuple[str, str, str]]:
        """Room, author and text of each line that somebody was sent when it was said."""
        return [
            (item.room, item.nick, text)
            for item in self.outlets[person].notifications
            if isinstance(item, RoomMessages)
            for text in item.texts
        ]

    def replayed(self, person: int) -> set[tuple[str, str, str]]:
        """The same for lines that were said before it came."""
        return {
            (messages.room, messages.nick, text)
            for item in self.outlets[person].notifications
            if isinstance(item, JoinedRoom) and item.replay is not None
            for messages in item.replay.messages
            for text in messages.texts
        }


def world(hold: bool, seed: int) -> World:
    made = World(hold, Random(seed))
    made.run()
    return made


def spoken(line: tuple[str, str, str]) -> tuple[int, ...]:
    return tuple(int(number) for number in line[2].split("."))


@pytest.mark.parametrize("seed", range(tried(100)))
def test_sameLinesForEachReader(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "HELD_FROM", 2)
    monkeypatch.setattr(talk_hold, "SEND_SECONDS", 1e-3)
    waiting, plain = world(True, seed), world(False, seed)
    assert waiting.waited
    assert not plain.waited
    readers = range(PEOPLE)
    for person in readers:
        lines = waiting.live(person)
        # Nothing twice and nothing lost: a command ends the wait, so the same people are there.
        assert len(set(lines)) == len(lines)
        assert set(lines) == set(plain.live(person))
        assert waiting.replayed(person) == plain.replayed(person)
        for session in waiting.sessions:
            own = [line for line in lines if line[1] == session.nick]
            assert own == sorted(own, key=spoken)
    for room in ROOMS:
        # All read the lines of a room in one order, with gaps where they were not there.
        numbers = {
            (item.room, item.nick, text): item.first + offset
            for outlet in waiting.outlets
            for item in outlet.notifications
            if isinstance(item, RoomMessages)
            for offset, text in enumerate(item.texts)
        }
        for person in readers:
            places = [numbers[line] for line in waiting.live(person) if line[0] == room]
            assert places == sorted(places)
