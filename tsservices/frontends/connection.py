"""
What every frontend has for one connection: a session of the chat, and what its reader has still
to read.  It writes to a L{ChatStream}, and is none.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tsservices.chat.controller import ChatContext, SessionController
from tsservices.chat.errors import STOPPING, TOKENS_OFTEN, TOO_SLOW, WRONG_TOKEN, ChatError
from tsservices.chat.notifications import ErrorReply, Notification
from tsservices.chat.outlet import Backlog, BroadcastMember, Formatter, Recipient
from tsservices.chat.pipeline import Timer
from tsservices.chat.session import Session
from tsservices.common.counters import StreamCounters
from tsservices.common.limits import Limits
from tsservices.frontends.sendqueue import ByteSink, SendQueue, SendQueuePool

#: Errors that are logged with the address: somebody tries tokens, or a program has an old one.
_LOGGED = frozenset({WRONG_TOKEN, TOKENS_OFTEN})


class ChatStream(ByteSink, Protocol):
    """
    The byte stream below a connection.  A thin protocol for each transport implements it, and
    calls its L{ChatConnection} for each event.
    """

    #: The peer's address, for its cloak and the count of log lines.
    host: str
    #: The peer's name for the log.
    peer: str
    #: Nothing is read or written any more.
    ending: bool
    #: When it is closed, whatever has come, in seconds of the monotonic clock; L{None}: never.
    deadline: float | None

    @property
    def secure(self) -> bool:
        """Whether nobody on the way can read what is sent."""
        ...

    def pauseReading(self) -> None:
        """Take nothing from the peer for now."""
        ...

    def resumeReading(self) -> None:
        """Take bytes again."""
        ...

    def finish(self) -> None:
        """Send what was written, then close."""
        ...


class Chat(Protocol):
    """The running chat, as frontends know it."""

    @property
    def context(self) -> ChatContext:
        """The part of the chat that all connections share."""

    @property
    def pool(self) -> SendQueuePool:
        """Counts what waits for all readers together."""

    @property
    def open(self) -> bool:
        """Whether anybody may connect."""

    def newSession(self, recipient: Recipient, host: str) -> Session:
        """A session for a new connection."""
        ...

    def welcome(self) -> list[str]:
        """The lines of the greeting."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionContext:
    """What all connections of one listener share."""

    chat: Chat
    limits: Limits
    counters: StreamCounters
    #: The time in seconds.
    monotonic: Callable[[], float]
    #: Calls in so many seconds.
    callLater: Callable[[float, Callable[[], None]], Timer]
    #: Writes a line to the log: the peer's address, a format, and its fields.
    warn: Callable[..., Any]


class ChatConnection:
    """
    The connection of one session: its recipient, and the presenter of its controller.

    A frontend derives from it: L{resumeInput}, L{setFormat}, L{prompt} and L{endOfInput} are its
    own.

    @ivar form: how notifications are written now; read for each line and each member, so it is no
        property, and L{changeForm} changes it.
    @ivar queue: what is still to be sent.
    """

    # The send queue sets these four; they are L{Recipient}'s.
    write: Callable[[bytes], object]
    writeLast: Callable[[bytes], object]
    writeLater: Callable[[bytes], object]
    broadcastMember: BroadcastMember | None

    def __init__(self, stream: ChatStream, context: ConnectionContext, form: Formatter) -> None:
        self.stream = stream
        self.context = context
        self.form = form
        self._leaving = False
        self._seenAtStop = 0
        self._paging: Callable[[], None] | None = None
        self.queue = SendQueue(
            self, stream, context.chat.pool, context.limits, context.monotonic, self._overrun
        )
        self.session = context.chat.newSession(self, stream.host)
        self.controller = SessionController(context.chat.context, self.session, self)
        self.controller.secure = stream.secure
        # However slowly the name is spelt: bytes that come do not put this off.
        stream.deadline = context.monotonic() + context.limits.chatNameLimit

    def changeForm(self, form: Formatter) -> None:
        """Write notifications in another way from now on."""
        if self.broadcastMember is not None:
            self.broadcastMember.leaveBroadcast()
        self.form = form

    def resumeInput(self) -> None:
        """Take what the peer has sent, as far as it goes now."""
        raise NotImplementedError

    def setFormat(self, form: str) -> None:
        raise NotImplementedError

    def prompt(self, prompt: str) -> None:
        raise NotImplementedError

    def endOfInput(self) -> None:
        """The peer sends nothing more: do what it has asked for, then close."""
        raise NotImplementedError

    def notify(self, notification: Notification) -> None:
        self.write(self.form.encode([notification]))

    def follow(self, backlog: Backlog, session: Session) -> bool:
        return self.queue.follow(backlog, session)

    def roomCountChanged(self, rooms: int) -> None:
        pass

    def pauseOutput(self) -> None:
        """
        The peer does not read, or a handshake is under way that has to be read for: what is
        delivered waits, and no line is taken.
        """
        self._outputStops()
        self.queue.pause()

    def _outputStops(self) -> None:
        self._seenAtStop = self.seenPosition

    @property
    def seenPosition(self) -> int:
        """The position of the last batch whose lines were sent to this session's reader."""
        if self.queue.direct:
            return self.controller.context.pipeline.deliveredPosition
        return self._seenAtStop

    def resumeOutput(self) -> None:
        """The peer reads again."""
        self.queue.resume()
        if not self.queue.paused and not self.stream.ending:
            self.controller.onIdle()
            self._continuePaging()
            self.resumeInput()

    def idle(self) -> None:
        if self.session.nick:
            self.stream.deadline = None
        if self._leaving:
            self.finish()
            return
        # What is asked for now is answered behind what waits for the reader.
        if not self.queue.paused:
            self.controller.onIdle()
        self.resumeInput()

    def show(
        self, notification: Notification, onWritable: Callable[[], None] | None = None
    ) -> None:
        if isinstance(notification, ErrorReply):
            self._noteRefusal(notification.error)
        self.reply(notification)
        if onWritable is not None:
            self.afterReading(onWritable)

    def afterReading(self, call: Callable[[], None]) -> None:
        """Call when the peer can take more, in a turn of its own."""
        self._paging = call
        self.context.callLater(0, self._continuePaging)

    def reply(self, notification: Notification) -> None:
        """Write an answer, before output that is held."""
        self.queue.writeReply(self.form.encode([notification]))

    def _noteRefusal(self, error: ChatError) -> None:
        stream, context = self.stream, self.context
        context.counters.refusals += 1
        if error.code in _LOGGED:
            context.warn(
                stream.host, "{peer} was refused: {reason}", peer=stream.peer, reason=str(error)
            )

    def _continuePaging(self) -> None:
        if self._paging is not None and not self.queue.paused and not self.stream.ending:
            then, self._paging = self._paging, None
            then()

    def blockOutput(self, blocked: bool) -> None:
        if blocked:
            self._outputStops()
        self.queue.block(blocked)

    def closeWhenIdle(self) -> None:
        if self.session.pending:
            self._leaving = True
        else:
            self.finish()

    def finish(self) -> None:
        """Send what waits, then close."""
        if not self.stream.ending:
            self.queue.close()
            self.stream.finish()

    def replaced(self, why: ChatError) -> None:
        if not self.stream.ending:
            self.show(ErrorReply(why))
            self.controller.end()
            self.closeWhenIdle()

    def serverStopping(self) -> None:
        """
        The server stops; what was said is stored and acknowledged first.  No session is
        notified that all others leave.
        """
        self.replaced(ChatError(STOPPING))

    def closed(self) -> None:
        """The connection has ended."""
        self.queue.discard()
        self.controller.quit("")

    def writeLastWords(self, error: ChatError) -> None:
        """Write to the stream itself why the connection ends."""
        self.stream.write(self.form.encode([ErrorReply(error)]))

    def _overrun(self, pending: int) -> None:
        stream, context = self.stream, self.context
        if stream.ending:
            return
        context.counters.slow += 1
        error = ChatError(TOO_SLOW, pending=pending, most=context.limits.chatPending)
        context.warn(
            stream.host, "{peer} was dropped: {reason}", peer=stream.peer, reason=str(error)
        )
        self.queue.discard()
        # Behind what the transport has already: the last thing that this reader finds.
        self.writeLastWords(error)
        self.controller.quit("did not read")
        self.finish()
