"""
A chat without wires, for tests of its core: people hear happenings, not bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from tests.support.hasher import ImmediateHasher
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.controller import ChatContext, SessionController
from tsservices.chat.errors import ChatError, ErrorCode
from tsservices.chat.history import HistoryReplayer
from tsservices.chat.login_limits import LoginRateLimiter
from tsservices.chat.notifications import ErrorReply, Notification, RoomMessages
from tsservices.chat.operations import Operation
from tsservices.chat.outlet import BroadcastMember, Formatter
from tsservices.chat.pipeline import Pipeline
from tsservices.chat.records import Record, RoomRecord
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.chat.storage import MessagesCallback
from tsservices.chat.verbs.talk import enter
from tsservices.common.limits import Limits
from tsservices.frontends.line.commands import perform
from tsservices.storage.memory import MemoryStorage

_Kind = TypeVar("_Kind")

#: When tests take place: nanoseconds since 1970.
NOON = 1_795_176_600_000_000_000

#: Of everybody here who has one.
PASSWORD = "correct horse"


class Index:
    """A form that can be read back: the number of each happening in one list."""

    def __init__(self) -> None:
        self.written: list[Notification] = []
        self.encodings = 0

    def encode(self, notifications: Sequence[Notification]) -> bytes:
        self.encodings += 1
        self.written.extend(notifications)
        end = len(self.written)
        return b"".join(b"%d;" % number for number in range(end - len(notifications), end))

    def read(self, data: bytes) -> list[Notification]:
        return [self.written[int(number)] for number in data.split(b";")[:-1]]


#: What everybody hears in, who has nothing else to do with forms.
INDEX = Index()


class Ear:
    """Where one session hears."""

    def __init__(self, form: Index = INDEX) -> None:
        self.form: Formatter = form
        self.broadcastMember: BroadcastMember | None = None
        self._index = form
        self.pushed: list[bytes] = []
        self.lasts = 0
        self.heard: list[Notification] = []
        self.settlements = 0
        self.moves: list[int] = []
        self.dismissals: list[ChatError] = []

    def write(self, data: bytes) -> None:
        self.pushed.append(data)
        self.heard.extend(self._index.read(data))

    def writeLast(self, data: bytes) -> None:
        self.lasts += 1
        self.write(data)

    def idle(self) -> None:
        self.settlements += 1

    def roomCountChanged(self, rooms: int) -> None:
        self.moves.append(rooms)

    def replaced(self, why: ChatError) -> None:
        self.dismissals.append(why)

    def take(self) -> list[Notification]:
        heard, self.heard = self.heard, []
        return heard

    def reasons(self) -> list[ErrorCode]:
        return [each.error.code for each in self.take() if isinstance(each, ErrorReply)]

    def lines(self) -> list[str]:
        return [
            text for each in self.take() if isinstance(each, RoomMessages) for text in each.texts
        ]


def only(kind: type[_Kind], notifications: Sequence[Notification]) -> _Kind:
    (found,) = notifications
    assert isinstance(found, kind)
    return found


class Sessions:
    """A lobby and sessions, turn by turn."""

    def __init__(
        self,
        limits: Limits | None = None,
        records: Sequence[RoomRecord] = (),
        kept: Sequence[Record] = (),
        operators: Sequence[str] = (),
    ) -> None:
        self.state = ChatState(limits or Limits(), records, kept, operators)
        self.people: dict[str, Session] = {}
        self.ears: dict[str, Ear] = {}
        self.batches: list[Batch] = []

    def arrive(self, ident: str) -> Session:
        self.ears[ident] = Ear()
        self.people[ident] = Session(ident, self.ears[ident])
        return self.people[ident]

    def turn(self, *events: Operation, stamp: int = NOON, release: bool = True) -> Batch:
        batch = Batch("log", len(self.batches) + 1, stamp)
        self.batches.append(batch)
        for event in events:
            session = self.people.get(event.session) or self.arrive(event.session)
            apply(self.state, event, session, batch)
        batch.freeze()
        if release:
            batch.deliver()
        return batch

    def hush(self) -> None:
        for ear in self.ears.values():
            ear.take()


class SlowJournal(MemoryStorage):
    """Keeps when the test says so."""

    def __init__(self) -> None:
        super().__init__("log")
        self.slow = False
        self.slowReads = False
        self.queue: list[Batch] = []
        self.reads: list[tuple[str, int, int]] = []
        self.failure: ChatError | None = None
        self._waiting: list[Callable[[], None]] = []

    def store(self, batch: Batch) -> None:
        if self.slow:
            self.queue.append(batch)
        else:
            super().store(batch)

    def keep(self) -> None:
        queue, self.queue = self.queue, []
        for batch in queue:
            super().store(batch)

    def read(self, room: str, first: int, last: int, onResult: MessagesCallback) -> None:
        self.reads.append((room, first, last))
        if self.failure is not None:
            onResult(self.failure)
        elif self.slowReads:
            self._waiting.append(lambda: super(SlowJournal, self).read(room, first, last, onResult))
        else:
            super().read(room, first, last, onResult)

    def answer(self) -> None:
        self._waiting.pop(0)()


class Person(Ear):
    """One person of a L{Town}: outlet and voice."""

    conversation: SessionController

    def __init__(self, town: Town, ident: str, cloak: str) -> None:
        super().__init__()
        self.session = Session(ident, self, cloak)
        self.held = False
        self.left = False
        self.chosen: list[str] = []
        self.prompts: list[str] = []
        self._town = town
        self._then: Callable[[], None] | None = None
        self.conversation = SessionController(town.house, self.session, self)

    def show(
        self, notification: Notification, onWritable: Callable[[], None] | None = None
    ) -> None:
        self.heard.append(notification)
        if onWritable is not None:
            self._then = onWritable

    def holdOutput(self, held: bool) -> None:
        self.held = held

    def resumeInput(self) -> None:
        pass

    def setFormat(self, form: str) -> None:
        self.chosen.append(form)

    def prompt(self, prompt: str) -> None:
        self.prompts.append(prompt)

    def closeWhenIdle(self) -> None:
        self.left = True

    def idle(self) -> None:
        super().idle()
        self.conversation.onIdle()

    def more(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()

    def type(self, *lines: str) -> None:
        """Type lines in one turn, whether or not the last one was answered."""
        for line in lines:
            try:
                if self.conversation.secret is not None:
                    self.conversation.answerSecret(line)
                elif line.startswith("/"):
                    perform(self.conversation, line[1:])
                elif self.conversation.entered:
                    self.conversation.say((line,))
                else:
                    self.conversation.start(partial(enter, self.conversation, line))
            except ChatError as refused:
                self.conversation.refuse(refused)

    def propose(self, kind: Callable[..., Operation], *values: object) -> None:
        """Propose without the checks that a verb makes."""
        self._town.house.pipeline.propose(kind(self.session.ident, *values), self.session)

    def do(self, *lines: str) -> list[Notification]:
        for line in lines:
            self.type(line)
            self._town.turn()
        return self.take()


class Town:
    """A house with its journal, and people in it."""

    def __init__(
        self,
        limits: Limits | None = None,
        records: Sequence[RoomRecord] = (),
        operators: Sequence[str] = (),
        nodes: Callable[[], list[str]] | None = None,
    ) -> None:
        self.now = NOON
        self.journal = SlowJournal()
        self._jobs: list[Callable[[], None]] = []
        self.hasher = ImmediateHasher()
        self._secrets = 0
        state = ChatState(limits or Limits(), records, (), operators)
        pipeline = Pipeline(state, "log", 0, lambda: self.now, self._jobs.append)
        pipeline.start(self.journal)
        self.journal.start(_Listening(pipeline))
        self.house = ChatContext(
            pipeline,
            HistoryReplayer(self.journal),
            self.journal,
            self.journal,
            self.hasher,
            LoginRateLimiter((limits or Limits()).guesses),
            lambda: self.now,
            self._random,
            nodes,
        )
        self.people: dict[str, Person] = {}

    def turn(self) -> None:
        while self._jobs:
            self._jobs.pop(0)()

    def _random(self) -> str:
        self._secrets += 1
        return f"secret-number-{self._secrets}"

    def stranger(self, cloak: str = "") -> Person:
        ident = f"s{len(self.people) + 1}"
        self.people[ident] = Person(self, ident, cloak or f"~{ident}")
        return self.people[ident]

    def person(self, nick: str, *rooms: str) -> Person:
        person = self.stranger()
        person.do(*[f"/nick {nick}", *(f"/join {room}" for room in rooms or ("lobby",))])
        self.hush()
        return person

    def owner(self, nick: str, *rooms: str) -> Person:
        person = self.person(nick, *rooms)
        person.do(f"/register {PASSWORD}")
        self.hush()
        return person

    def hush(self) -> None:
        for person in self.people.values():
            person.take()


class _Listening:
    """Tells a pipeline what is kept."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.stored = pipeline.stored

    def troubled(self, trouble: ChatError | None) -> None:
        pass

    def failed(self, reason: str) -> None:
        pass
