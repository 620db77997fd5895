"""What can wait for others changes when bytes leave, and never which bytes one reader gets."""

from __future__ import annotations

import time
from random import Random

import pytest
from twisted.internet.task import Clock

from tests.frontends.test_connection import LIMITS, TEXT, HarnessChat, Stream, Timer
from tests.support.examples import tried
from tsservices.chat import fanout, room
from tsservices.common.counters import StreamCounters
from tsservices.frontends.connection import ConnectionContext
from tsservices.frontends.deferred import DeferredWrites
from tsservices.frontends.formats.json import JSONFormatter
from tsservices.frontends.formats.text import TextFormatter
from tsservices.frontends.irc.connection import IRCConnection
from tsservices.frontends.irc.server import IRCServer
from tsservices.frontends.line.connection import LineConnection, LineFormats
from tsservices.frontends.sendqueue import SendQueue, SendQueuePool

#: What people send; their number and a name that is free are filled in.
SAID = (
    "hello from {number}",
    "/join r",
    "/join q",
    "/join r",
    "/part",
    "/part r bye",
    "/away tea",
    "/away",
    "/nick n{fresh}",
    "/who",
    "/history",
    "/ignore p1",
    "/ignore p3",
    "/unignore p1",
    "/resume secret-number-{number}",
    "/format json",
    "/format text",
    "/msg p2 psst",
    "/topic t{fresh}",
    "/quit",
)

#: The same for programs of IRC.
SAID_IN_IRC = (
    "PRIVMSG #r :hello from {number}",
    "JOIN #r",
    "JOIN #q",
    "PART #r",
    "AWAY :tea",
    "AWAY",
    "NICK n{fresh}",
    "CAP REQ :away-notify extended-join",
    "CAP REQ :-away-notify",
    "CAP REQ :echo-message message-tags batch labeled-response",
    "@label=a{fresh} PING b{fresh}",
    "@label=c{fresh} JOIN #r",
    "NAMES #r",
    "QUIT",
)
SEATS = 8

#: Seats from this number on have a program of IRC.
IRC_FROM = 5

#: So long that what follows has to wait.
LOOK_SECONDS = 0.003


class World:
    """Some people in the same rooms, with or without writes that can wait."""

    def __init__(self, deferred: bool) -> None:
        self.chat = HarnessChat()
        self.harness = self.chat.harness
        self.clock = Clock()
        self._looks = 0
        self.irc = IRCServer(self.chat)
        if deferred:
            jobs = self.harness._jobs
            writes = DeferredWrites(self._monotonic, self.clock.callLater, jobs.append)
            self.chat.pool = SendQueuePool(writes)
        self.context = ConnectionContext(
            chat=self.chat,
            limits=LIMITS,
            counters=StreamCounters(),
            monotonic=lambda: 0.0,
            callLater=self._callLater,
            warn=lambda *args, **fields: None,
        )
        withRoom = TextFormatter(time.gmtime, withRoom=True)
        self.formats = LineFormats(TEXT, withRoom, JSONFormatter())
        self.streams: list[Stream] = []
        self.seats: list[LineConnection | IRCConnection] = []
        for number in range(SEATS):
            self.seats.append(self.connect(number, f"p{number}"))

    def _monotonic(self) -> float:
        # Each look at the clock takes time, so that all sends seem to.
        self._looks += 1
        return self.clock.seconds() + self._looks * LOOK_SECONDS

    def _callLater(self, seconds: float, call: object) -> Timer:
        timer = Timer(call)  # type: ignore[arg-type]
        self.harness._jobs.append(lambda: None if timer.cancelled else timer.call())
        return timer

    def connect(self, number: int, name: str) -> LineConnection | IRCConnection:
        stream = Stream()
        self.streams.append(stream)
        if number >= IRC_FROM:
            program = IRCConnection(stream, self.context, self.irc)
            program.received(f"NICK {name}\r\nUSER {name} 0 * :{name}\r\nJOIN #r\r\n".encode())
            return program
        connection = LineConnection(stream, self.context, self.formats)
        connection.received(f"{name}\n".encode())
        return connection

    def run(self, seed: int) -> list[bytes]:
        random = Random(seed)
        for fresh in range(60):
            number = random.randrange(SEATS)
            connection = self.seats[number]
            action = random.random()
            if connection.stream.ending:
                connection.closed()
                self.seats[number] = self.connect(number, f"c{fresh}")
            elif action < 0.1:
                connection.pauseOutput()
            elif action < 0.2:
                connection.resumeOutput()
            else:
                texts = SAID if number < IRC_FROM else SAID_IN_IRC
                # Joins and leaves come in storms.
                line = random.choice(texts if random.random() < 0.6 else texts[1:4])
                line = line.format(number=number, fresh=fresh)
                connection.received(f"{line}\r\n".encode())
            seconds = random.choice((0.0, 0.001, 0.01, 0.2))
            storage = self.harness.storage
            storage.slow = random.random() < 0.5
            if not storage.slow and random.random() < 0.5:
                self.harness.finishStoring()
            if random.random() < 0.6:
                self.clock.advance(seconds)
                self.harness.tick()
        self.harness.storage.slow = False
        self.harness.finishStoring()
        for connection in self.seats:
            if not connection.stream.ending:
                connection.resumeOutput()
        self.harness.tick()
        self.clock.advance(1.0)
        self.harness.tick()
        return [stream.written for stream in self.streams]


@pytest.mark.parametrize("seed", range(tried(200)))
def test_eachReaderGetsTheSame(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # All are written to one by one.
    expected = World(False).run(seed)
    monkeypatch.setattr(fanout, "DEFERRED_FROM", 2)
    monkeypatch.setattr(room, "DEFERRED_FROM", 2)
    assert World(True).run(seed) == expected


def test_membersFollow(monkeypatch: pytest.MonkeyPatch) -> None:
    # The runs above compare nothing, if nobody follows a backlog in them.
    monkeypatch.setattr(fanout, "DEFERRED_FROM", 2)
    monkeypatch.setattr(room, "DEFERRED_FROM", 2)
    sent: list[int] = []
    original = SendQueue.sendNow

    def sendNow(queue: SendQueue, data: bytes, last: bool) -> None:
        sent.append(data.count(b"\n"))
        original(queue, data, last)

    monkeypatch.setattr(SendQueue, "sendNow", sendNow)
    for seed in range(20):
        World(True).run(seed)
    assert len(sent) > 50
    assert max(sent) > 2
