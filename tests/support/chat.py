"""A chat without a network, for tests of its core: clients receive notifications, not bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import TypeVar

from tests.support.hasher import ImmediateHasher
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.controller import ChatContext, SessionController
from tsservices.chat.errors import ChatError, ErrorCode
from tsservices.chat.history import HistoryReplayer
from tsservices.chat.login_limits import LoginRateLimiter
from tsservices.chat.notifications import ErrorReply, Notice, Notification, RoomMessages
from tsservices.chat.operations import Operation
from tsservices.chat.outlet import Backlog, BroadcastMember, Formatter
from tsservices.chat.pipeline import Pipeline
from tsservices.chat.records import Record, RoomRecord
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.chat.storage import LineSpan, MessagesCallback, NumberCallback
from tsservices.chat.verbs.talk import enter
from tsservices.common.limits import Limits
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.slash.commands import perform
from tsservices.storage.memory import MemoryStorage

_Kind = TypeVar("_Kind")

#: The time in tests: nanoseconds since 1970.
NOON = 1_795_176_600_000_000_000

#: Nanoseconds.
HOUR = 3600 * NANOSECONDS

#: The password of every account.
PASSWORD = "correct horse"

#: The password after a change.
OTHER_PASSWORD = "battery staple"


class IndexFormatter:
    """A format that can be decoded: the index of each notification in one list."""

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


#: The default format of outlets.
INDEX_FORMATTER = IndexFormatter()


class RecordingOutlet:
    def __init__(self, form: IndexFormatter = INDEX_FORMATTER) -> None:
        self.form: Formatter = form
        self.broadcastMember: BroadcastMember | None = None
        self._formatter = form
        self.written: list[bytes] = []
        self.lastWrites = 0
        self.laterWrites = 0
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

    def writeLater(self, data: bytes) -> None:
        self.laterWrites += 1
        self.write(data)

    def follow(self, backlog: Backlog, session: Session) -> bool:
        return False

    def notify(self, notification: Notification) -> None:
        self.write(self.form.encode([notification]))

    def idle(self) -> None:
        self.idleCount += 1

    def roomCountChanged(self, rooms: int) -> None:
        self.roomCounts.append(rooms)

    def disconnect(self, why: ChatError) -> None:
        self.replacements.append(why)

    def heard(self) -> list[Notification]:
        heard, self.notifications = self.notifications, []
        return heard

    def errorCodes(self) -> list[ErrorCode]:
        return errorCodes(self.heard())

    def texts(self) -> list[str]:
        return [text for _, text in kindsAndTexts(self.heard())]


def kinds(notifications: Sequence[Notification]) -> list[type[Notification]]:
    return [type(item) for item in notifications]


def kindNames(notifications: Sequence[Notification]) -> list[str]:
    return [type(item).__name__ for item in notifications]


def errorCodes(notifications: Sequence[Notification]) -> list[ErrorCode]:
    return [item.error.code for item in notifications if isinstance(item, ErrorReply)]


def codes(notifications: Sequence[Notification]) -> list[str]:
    return [
        item.error.code.name if isinstance(item, ErrorReply) else item.code
        for item in notifications
        if isinstance(item, ErrorReply | Notice)
    ]


def kindsAndTexts(notifications: Sequence[Notification]) -> list[tuple[str, str]]:
    return [
        (item.kind, text)
        for item in notifications
        if isinstance(item, RoomMessages)
        for text in item.texts
    ]


def only(kind: type[_Kind], notifications: Sequence[Notification]) -> _Kind:
    (notification,) = notifications
    assert isinstance(notification, kind)
    return notification


class StateHarness:
    """A state and its sessions, without a pipeline: one batch for each tick."""

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

    def heard(self, ident: str) -> list[Notification]:
        return self.outlets[ident].heard()

    def errorCodes(self, ident: str) -> list[ErrorCode]:
        return self.outlets[ident].errorCodes()

    def clear(self) -> None:
        for outlet in self.outlets.values():
            outlet.heard()


class SlowStorage(MemoryStorage):
    """A storage whose writes and reads can be delayed by the test."""

    def __init__(self) -> None:
        super().__init__("log")
        self.slow = False
        self.slowReads = False
        self.queue: list[Batch] = []
        self.reads: list[tuple[str, int, int]] = []
        self.failure: ChatError | None = None
        # Incarnations of the order, each with the last position of the previous one.
        self.logs: list[tuple[str, int]] = []
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

    def read(self, room: str, first: int, last: int, found: MessagesCallback) -> None:
        self.reads.append((room, first, last))
        if self.failure is not None:
            found(self.failure)
        elif self.slowReads:
            self._waiting.append(lambda: super(SlowStorage, self).read(room, first, last, found))
        else:
            super().read(room, first, last, found)

    def lastCommon(self, room: str, log: str, found: NumberCallback) -> None:
        for (earlier, _), (_, position) in reversed(list(pairwise(self.logs))):
            if log in ("", earlier):
                lines = self._rooms.get(room, ())
                found(max((item.last for item in lines if item.position <= position), default=0))
                return
        found(None)

    def newest(self, span: LineSpan, found: MessagesCallback) -> None:
        self.reads.append((span.room, span.first, span.last))
        if self.failure is not None:
            found(self.failure)
        elif self.slowReads:
            self._waiting.append(lambda: super(SlowStorage, self).newest(span, found))
        else:
            super().newest(span, found)

    def answerRead(self) -> None:
        self._waiting.pop(0)()


class MemoryClient(RecordingOutlet):
    """A client of a L{ChatHarness}."""

    controller: SessionController

    def __init__(self, chat: ChatHarness, ident: str, cloak: str) -> None:
        super().__init__()
        self.session = Session(ident, self, cloak)
        self.outputBlocked = False
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

    def blockOutput(self, blocked: bool) -> None:
        self.outputBlocked = blocked

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
        """Type lines in one tick, without waiting for answers."""
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
            except ChatError as error:
                self.controller.refuse(error)

    def propose(self, kind: Callable[..., Operation], *values: object) -> None:
        """Propose an operation without the checks of a verb."""
        self._chat.context.pipeline.propose(kind(self.session.ident, *values), self.session)

    def say(self, *lines: str) -> list[Notification]:
        for line in lines:
            self.type(line)
            self._chat.tick()
        return self.heard()


class ChatHarness:
    """A chat with its storage and clients."""

    def __init__(
        self,
        limits: Limits | None = None,
        records: Sequence[RoomRecord] = (),
        operators: Sequence[str] = (),
        nodes: Callable[[], list[str]] | None = None,
    ) -> None:
        self.time = NOON
        self.monotonic: Callable[[], float] = lambda: self.time / NANOSECONDS
        self.storage = SlowStorage()
        self._jobs: list[Callable[[], None]] = []
        self.hasher = ImmediateHasher()
        self._secrets = 0
        state = ChatState(limits or Limits(), records, (), operators)
        pipeline = Pipeline(state, "log", 0, lambda: self.time, self._jobs.append)
        pipeline.start(self.storage)
        self.storage.start(StorageListener(pipeline.stored))
        self.context = ChatContext(
            pipeline,
            HistoryReplayer(self.storage),
            self.storage,
            self.storage,
            self.hasher,
            LoginRateLimiter((limits or Limits()).guesses),
            lambda: self.time,
            lambda: self.monotonic(),
            self._random,
            nodes,
        )
        self.clients: dict[str, MemoryClient] = {}

    def tick(self) -> None:
        while self._jobs:
            self._jobs.pop(0)()

    def finishStoring(self) -> None:
        self.storage.storeQueued()
        self.tick()

    def finishReading(self) -> None:
        self.storage.answerRead()
        self.tick()

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

    def login(
        self, nick: str, *rooms: str, cloak: str = "", password: str = PASSWORD
    ) -> MemoryClient:
        client = self.connect(cloak)
        client.say(f"/login {nick} {password}", *(f"/join {room}" for room in rooms))
        assert client.session.account == nick.lower()
        self.clear()
        return client

    def verifier(self) -> str:
        got: list[str | ChatError] = []
        self.hasher.derive(PASSWORD, got.append)
        (verifier,) = got
        assert isinstance(verifier, str)
        return verifier

    def clear(self) -> None:
        for person in self.clients.values():
            person.heard()


class StorageListener:
    def __init__(self, stored: Callable[[int], None] = lambda position: None) -> None:
        self.stored = stored

    def troubled(self, trouble: ChatError | None) -> None:
        pass

    def noted(self, text: str, isError: bool) -> None:
        pass

    def failed(self, reason: str) -> None:
        pass


class RoomCase:
    """
    The room tea, founded by ann; opal is an operator in it, mel a member with an account, and bob
    a guest.  Root is an operator of the server.
    """

    def setup_method(self) -> None:
        self.chat = ChatHarness(operators=["root"])
        self.root = self.chat.joinRegistered("root", "tea")
        self.root.say("/part")
        self.ann = self.chat.joinRegistered("ann", "tea")
        self.opal = self.chat.joinRegistered("opal", "tea")
        self.mel = self.chat.joinRegistered("mel", "tea")
        self.bob = self.chat.join("bob", "tea")
        self.ann.say("hello", "/op opal")
        self.root.say("/join tea")
        self.chat.clear()
        self.state = self.chat.context.state
        self.room = self.state.rooms["tea"]
        assert self.room.record.founder == "ann"

    def isMember(self, person: MemoryClient) -> bool:
        return person.session.ident in self.room.members
