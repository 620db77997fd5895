"""A chat without wires, for tests of its core: people hear happenings, not bytes."""

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
from tsservices.chat.storage import MessagesFound
from tsservices.chat.verbs.talk import enter
from tsservices.common.limits import Limits
from tsservices.frontends.line.commands import perform
from tsservices.storage.memory import MemoryStorage

_Kind = TypeVar("_Kind")

#: When tests take place: nanoseconds since 1970.
NOON = 1_795_176_600_000_000_000

#: Of everybody here who has one.
PASSWORD = "correct horse"


class IndexFormatter:
    """A form that can be read back: the number of each happening in one list."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.encodings = 0

    def encode(self, happenings: Sequence[Notification]) -> bytes:
        self.encodings += 1
        self.notifications.extend(happenings)
        end = len(self.notifications)
        return b"".join(b"%d;" % number for number in range(end - len(happenings), end))

    def read(self, data: bytes) -> list[Notification]:
        return [self.notifications[int(number)] for number in data.split(b";")[:-1]]


#: What everybody hears in, who has nothing else to do with forms.
INDEX_FORMATTER = IndexFormatter()


class RecordingOutlet:
    """Where one session hears."""

    def __init__(self, form: IndexFormatter = INDEX_FORMATTER) -> None:
        self.form: Formatter = form
        self.wire: BroadcastMember | None = None
        self._formatter = form
        self.written: list[bytes] = []
        self.lastWrites = 0
        self.notifications: list[Notification] = []
        self.idleCount = 0
        self.roomCounts: list[int] = []
        self.replacements: list[ChatError] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.notifications.extend(self._formatter.read(data))

    def writeLast(self, data: bytes) -> None:
        self.lastWrites += 1
        self.write(data)

    def idle(self) -> None:
        self.idleCount += 1

    def roomCountChanged(self, rooms: int) -> None:
        self.roomCounts.append(rooms)

    def replaced(self, why: ChatError) -> None:
        self.replacements.append(why)

    def heard(self) -> list[Notification]:
        heard, self.notifications = self.notifications, []
        return heard

    def errorCodes(self) -> list[ErrorCode]:
        return [each.error.code for each in self.heard() if isinstance(each, ErrorReply)]

    def texts(self) -> list[str]:
        return [
            text for each in self.heard() if isinstance(each, RoomMessages) for text in each.texts
        ]


def only(kind: type[_Kind], notifications: Sequence[Notification]) -> _Kind:
    (found,) = notifications
    assert isinstance(found, kind)
    return found


class StateHarness:
    """A lobby and sessions, turn by turn."""

    def __init__(
        self,
        limits: Limits | None = None,
        records: Sequence[RoomRecord] = (),
        rows: Sequence[Record] = (),
        operators: Sequence[str] = (),
    ) -> None:
        self.state = ChatState(limits or Limits(), records, rows, operators)
        self.sessions: dict[str, Session] = {}
        self.outlets: dict[str, RecordingOutlet] = {}
        self.batches: list[Batch] = []

    def connect(self, ident: str) -> Session:
        self.outlets[ident] = RecordingOutlet()
        self.sessions[ident] = Session(ident, self.outlets[ident])
        return self.sessions[ident]

    def tick(self, *operations: Operation, stamp: int = NOON, release: bool = True) -> Batch:
        batch = Batch("log", len(self.batches) + 1, stamp)
        self.batches.append(batch)
        for event in operations:
            session = self.sessions.get(event.session) or self.connect(event.session)
            apply(self.state, event, session, batch)
        batch.freeze()
        if release:
            batch.deliver()
        return batch

    def clear(self) -> None:
        for outlet in self.outlets.values():
            outlet.heard()


class SlowStorage(MemoryStorage):
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

    def storeQueued(self) -> None:
        queue, self.queue = self.queue, []
        for batch in queue:
            super().store(batch)

    def read(self, room: str, first: int, last: int, found: MessagesFound) -> None:
        self.reads.append((room, first, last))
        if self.failure is not None:
            found(self.failure)
        elif self.slowReads:
            self._waiting.append(lambda: super(SlowStorage, self).read(room, first, last, found))
        else:
            super().read(room, first, last, found)

    def answerRead(self) -> None:
        self._waiting.pop(0)()


class MemoryClient(RecordingOutlet):
    """One person of a L{ChatHarness}: outlet and voice."""

    controller: SessionController

    def __init__(self, chat: ChatHarness, ident: str, cloak: str) -> None:
        super().__init__()
        self.session = Session(ident, self, cloak)
        self.outputHeld = False
        self.closed = False
        self.formats: list[str] = []
        self.prompts: list[str] = []
        self._chat = chat
        self._then: Callable[[], None] | None = None
        self.controller = SessionController(chat.context, self.session, self)

    def show(self, happening: Notification, then: Callable[[], None] | None = None) -> None:
        self.notifications.append(happening)
        if then is not None:
            self._then = then

    def holdOutput(self, held: bool) -> None:
        self.outputHeld = held

    def resumeInput(self) -> None:
        pass

    def setFormat(self, form: str) -> None:
        self.formats.append(form)

    def prompt(self, prompt: str) -> None:
        self.prompts.append(prompt)

    def closeWhenIdle(self) -> None:
        self.closed = True

    def idle(self) -> None:
        super().idle()
        self.controller.onIdle()

    def continueOutput(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()

    def type(self, *lines: str) -> None:
        """Type lines in one turn, whether or not the last one was answered."""
        for line in lines:
            try:
                if self.controller.secret is not None:
                    self.controller.answerSecret(line)
                elif line.startswith("/"):
                    perform(self.controller, line[1:])
                elif self.controller.entered:
                    self.controller.say((line,))
                else:
                    self.controller.start(partial(enter, self.controller, line))
            except ChatError as refused:
                self.controller.refuse(refused)

    def propose(self, kind: Callable[..., Operation], *values: object) -> None:
        """Propose without the checks that a verb makes."""
        self._chat.context.pipeline.propose(kind(self.session.ident, *values), self.session)

    def say(self, *lines: str) -> list[Notification]:
        for line in lines:
            self.type(line)
            self._chat.tick()
        return self.heard()


class ChatHarness:
    """A house with its journal, and people in it."""

    def __init__(
        self,
        limits: Limits | None = None,
        records: Sequence[RoomRecord] = (),
        operators: Sequence[str] = (),
        nodes: Callable[[], list[str]] | None = None,
    ) -> None:
        self.time = NOON
        self.storage = SlowStorage()
        self._jobs: list[Callable[[], None]] = []
        self.hasher = ImmediateHasher()
        self._secrets = 0
        state = ChatState(limits or Limits(), records, (), operators)
        pipeline = Pipeline(state, "log", 0, lambda: self.time, self._jobs.append)
        pipeline.start(self.storage)
        self.storage.start(_Listening(pipeline))
        self.context = ChatContext(
            pipeline,
            HistoryReplayer(self.storage),
            self.storage,
            self.storage,
            self.hasher,
            LoginRateLimiter((limits or Limits()).guesses),
            lambda: self.time,
            self._random,
            nodes,
        )
        self.clients: dict[str, MemoryClient] = {}

    def tick(self) -> None:
        while self._jobs:
            self._jobs.pop(0)()

    def _random(self) -> str:
        self._secrets += 1
        return f"secret-number-{self._secrets}"

    def connect(self, cloak: str = "") -> MemoryClient:
        ident = f"s{len(self.clients) + 1}"
        self.clients[ident] = MemoryClient(self, ident, cloak or f"~{ident}")
        return self.clients[ident]

    def join(self, nick: str, *rooms: str) -> MemoryClient:
        person = self.connect()
        person.say(*[f"/nick {nick}", *(f"/join {room}" for room in rooms or ("lobby",))])
        self.clear()
        return person

    def joinRegistered(self, nick: str, *rooms: str) -> MemoryClient:
        person = self.join(nick, *rooms)
        person.say(f"/register {PASSWORD}")
        self.clear()
        return person

    def clear(self) -> None:
        for person in self.clients.values():
            person.heard()


class _Listening:
    """Tells a pipeline what is kept."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.stored = pipeline.stored

    def troubled(self, trouble: ChatError | None) -> None:
        pass

    def failed(self, reason: str) -> None:
        pass
