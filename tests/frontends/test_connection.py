"""
Tests for L{tsservices.frontends.connection}, and of the line frontend's: on a stream that is no
protocol of Twisted.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.support.chat import ChatHarness
from tsservices.chat.controller import ChatContext
from tsservices.chat.errors import TAKEN_OVER, ChatError
from tsservices.chat.notifications import ErrorReply
from tsservices.chat.outlet import BroadcastMember, Recipient
from tsservices.chat.session import Session
from tsservices.common.counters import StreamCounters
from tsservices.common.limits import Limits
from tsservices.frontends.connection import ChatConnection, ConnectionContext
from tsservices.frontends.formats.json import JSONFormatter
from tsservices.frontends.formats.text import TextFormatter
from tsservices.frontends.line.connection import GREETING, LineConnection, LineFormats
from tsservices.frontends.sendqueue import SendQueuePool

#: Small bounds, without flood control.
LIMITS = Limits(floodLines=0, floodBytes=0, chatPending=65_536, chatPendingAll=1 << 20, chatSlow=10)

#: For people.
TEXT = TextFormatter(time.gmtime, withRoom=False)


class Stream:
    member: BroadcastMember | None = None

    def __init__(self) -> None:
        self.host = "192.0.2.1"
        self.peer = "192.0.2.1:5"
        self.ending = False
        self.secure = True
        self.deadline: float | None = None
        self.bytesSent = 0
        self.reading = True
        self.written = b""

    @property
    def bottomTransport(self) -> Stream:
        return self

    def unacknowledgedBytes(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        assert not self.ending
        self.written += data

    def writeLast(self, data: bytes) -> None:
        self.write(data)

    def pauseReading(self) -> None:
        self.reading = False

    def resumeReading(self) -> None:
        self.reading = True

    def finish(self) -> None:
        self.ending = True

    def take(self) -> str:
        written, self.written = self.written, b""
        return written.decode()


class Timer:
    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class HarnessChat:
    open = True

    def __init__(self) -> None:
        self.harness = ChatHarness(LIMITS)
        self.context: ChatContext = self.harness.context
        self.pool = SendQueuePool()
        self._sessions = 0

    def newSession(self, outlet: Recipient, host: str) -> Session:
        self._sessions += 1
        return Session(f"t{self._sessions}", outlet, f"~{host}")

    def welcome(self) -> list[str]:
        return ["hello"]


class TestLineConnection:
    def setup_method(self) -> None:
        self.chat = HarnessChat()
        self.harness = self.chat.harness
        self.now = 0.0
        self.timers: list[Timer] = []
        self.log: list[tuple[str, str, dict[str, str]]] = []
        self.counters = StreamCounters()
        self.context = ConnectionContext(
            chat=self.chat,
            limits=LIMITS,
            counters=self.counters,
            monotonic=lambda: self.now,
            callLater=self._callLater,
            warn=lambda host, text, **fields: self.log.append((host, text, fields)),
        )
        self.formats = LineFormats(TEXT, TEXT, JSONFormatter())
        self.stream, self.ann = self.connect()

    def _callLater(self, seconds: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(call))
        return self.timers[-1]

    def connect(self) -> tuple[Stream, LineConnection]:
        stream = Stream()
        return stream, LineConnection(stream, self.context, self.formats)

    def send(self, text: str) -> str:
        self.ann.received(text.encode())
        self.harness.tick()
        return self.stream.take()

    def test_entering(self) -> None:
        assert self.stream.take() == f"* hello\n* {GREETING}\n"
        assert self.stream.deadline == LIMITS.chatNameLimit
        assert "#lobby" in self.send("ann\n")
        assert self.stream.deadline is None

    def test_slowReader(self) -> None:
        self.send("ann\n")
        bob = self.harness.join("bob")
        self.stream.take()
        self.ann.pauseOutput()
        bob.say("/me waves")
        self.harness.clear()
        assert self.send("/topic tea\n") == ""
        assert not self.stream.reading
        assert self.chat.pool.size == self.ann.queue.size > 0
        self.ann.resumeOutput()
        self.harness.tick()
        assert self.chat.pool.size == 0
        assert self.stream.reading
        waved, topic = self.stream.take().splitlines()
        assert "bob waves" in waved
        assert "tea" in topic

    def test_answerToPausedReader(self) -> None:
        self.send("ann\n")
        self.stream.take()
        self.harness.storage.slow = True
        self.send("/me waves\n/topic\n")
        self.ann.pauseOutput()
        self.harness.storage.storeQueued()
        self.harness.tick()
        assert self.ann.session.pending == 0
        assert self.stream.take() == ""
        self.ann.resumeOutput()
        assert "topic" in self.stream.take()

    def test_pages(self) -> None:
        self.send("ann\n")
        for number in range(3):
            self.ann.show(self.greeting(), lambda: None)
            assert len(self.timers) == number + 1
        calls: list[str] = []
        self.ann.show(self.greeting(), lambda: calls.append("more"))
        self.ann.pauseOutput()
        self.timers[-1].call()
        assert calls == []
        self.ann.resumeOutput()
        self.timers[-1].call()
        assert calls == ["more"]

    def greeting(self) -> ErrorReply:
        return ErrorReply(ChatError(TAKEN_OVER))

    def test_overrun(self) -> None:
        self.send("ann\n")
        bob = self.harness.join("bob")
        self.stream.take()
        self.ann.pauseOutput()
        self.now = LIMITS.chatSlow
        for _ in range(LIMITS.chatPending // 5_000 + 2):
            bob.say("/me " + "x" * 5_000)
        assert self.stream.ending
        assert self.stream.take().startswith("! ")
        assert self.counters.slow == 1
        assert self.log[0][0] == self.stream.host
        assert "ann" not in self.harness.context.state.sessionsByNick
        assert self.chat.pool.size == 0

    def test_replaced(self) -> None:
        self.send("ann\n")
        self.harness.storage.slow = True
        self.send("/me waves\n")
        self.ann.disconnect(ChatError(TAKEN_OVER))
        assert self.stream.take().startswith("! ")
        assert not self.stream.ending
        self.harness.storage.storeQueued()
        self.harness.tick()
        assert self.stream.ending

    def test_quitInOneChunk(self) -> None:
        self.send("ann\n")
        bob = self.harness.join("bob")
        self.send("/topic tea\n/quit\n")
        self.harness.tick()
        assert self.stream.ending
        assert [type(item).__name__ for item in bob.heard()] == ["RoomMessages", "UserQuit"]
        assert self.ann.session.pending == 0

    def test_closeCancelsDelayedLine(self) -> None:
        self.ann._delay(1.0)
        self.ann.closed()
        assert self.timers[-1].cancelled

    def test_frontendMethods(self) -> None:
        connection = ChatConnection(self.stream, self.context, TEXT)
        connection.roomCountChanged(2)
        for call in (
            connection.resumeInput,
            connection.endOfInput,
            lambda: connection.prompt(""),
            lambda: connection.setFormat(""),
        ):
            with pytest.raises(NotImplementedError):
                call()
