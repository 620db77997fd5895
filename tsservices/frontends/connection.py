"""
The part of a connection that all frontends share: a chat session and its send queue.  It writes to
a L{ChatStream}.  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tsservices.chat.controller import ChatContext, SessionController
from tsservices.chat.errors import NO_WEB, STOPPING, TOKENS_OFTEN, TOO_SLOW, WRONG_TOKEN, ChatError
from tsservices.chat.notifications import ErrorReply, Notification
from tsservices.chat.outlet import Backlog, BroadcastMember, Formatter, Recipient
from tsservices.chat.pipeline import Timer
from tsservices.chat.session import Session
from tsservices.common.counters import StreamCounters
from tsservices.common.limits import Limits
from tsservices.frontends.sendqueue import ByteSink, SendQueue, SendQueuePool

#: The first line of an HTTP request, or the second one: the first may be too long to be taken.
_HTTP = re.compile(r"[A-Z]{3,10} \S+ HTTP/[0-9.]+|(?i:host):")

#: Errors logged with the peer's address: someone guesses tokens, or a program has an old one.
_LOGGED = frozenset({WRONG_TOKEN, TOKENS_OFTEN})


def checkNoWeb(context: ChatContext, line: str) -> None:
    """
    @param line: from somebody who has no name yet.
    @raise ChatError: it is of HTTP: a web page must not be able to post into a text port.
    """
    if _HTTP.match(line):
        port = context.webPort
        place = "" if port is None else f"; browsers talk to port {port}"
        raise ChatError(NO_WEB, place=place)


class ChatStream(ByteSink, Protocol):
    """
    The byte stream below a connection.  A thin protocol for each transport implements it, and
    calls its L{ChatConnection} for each event.
    """

    #: The peer's address, for its cloak and the count of log lines.
    host: str
    #: The peer's name for the log.
    peer: str
    #: Whether it is closing: nothing is read or written any more.
    ending: bool
    #: Monotonic time in seconds at which it is closed, whatever was received; L{None}: never.
    deadline: float | None

    @property
    def secure(self) -> bool:
        """Whether nobody between the peer and the server can read the data."""
        ...

    def pauseReading(self) -> None:
        """Stop reading from the peer for now."""
        ...

    def resumeReading(self) -> None:
        """Read from the peer again."""
        ...

    def finish(self) -> None:
        """Send the written data, then close."""
        ...


class Chat(Protocol):
    """The running chat, as frontends know it."""

    @property
    def context(self) -> ChatContext:
        """The part of the chat that all connections share."""

    @property
    def pool(self) -> SendQueuePool:
        """Counts the bytes queued for all readers together."""

    @property
    def open(self) -> bool:
        """Whether new connections are accepted."""

    def newSession(self, recipient: Recipient, host: str) -> Session:
        """Make a session for a new connection."""
        ...

    def welcome(self) -> list[str]:
        """The lines of the greeting."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionContext:
    """The objects that all connections of one listener share."""

    chat: Chat
    limits: Limits
    counters: StreamCounters
    #: The time in seconds.
    monotonic: Callable[[], float]
    #: Calls a function after a number of seconds.
    callLater: Callable[[float, Callable[[], None]], Timer]
    #: Writes a line to the log: the peer's address, a format, and its fields.
    warn: Callable[..., Any]


class ChatConnection:
    """
    The connection of one session: its recipient, and the presenter of its controller.

    Frontends derive from it and implement L{resumeInput}, L{setFormat}, L{prompt} and
    L{endOfInput}.

    @ivar form: the current formatter.  It is read for each line and each member, so it is not a
        property; L{changeForm} changes it.
    @ivar queue: the output that is still to be sent.
    """

    # The attributes of L{Recipient} that the send queue sets.
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
        # Received bytes do not extend this deadline, in case a name is sent very slowly.
        stream.deadline = context.monotonic() + context.limits.chatNameLimit

    def changeForm(self, form: Formatter) -> None:
        """Write notifications with another formatter from now on."""
        if self.broadcastMember is not None:
            self.broadcastMember.leaveBroadcast()
        self.form = form

    def resumeInput(self) -> None:
        """Process the received input, as far as is possible now."""
        raise NotImplementedError

    def setFormat(self, form: str) -> None:
        raise NotImplementedError

    def prompt(self, prompt: str) -> None:
        raise NotImplementedError

    def endOfInput(self) -> None:
        """Finish the requests of a peer that sends nothing more, then close."""
        raise NotImplementedError

    def notify(self, notification: Notification) -> None:
        self.write(self.form.encode([notification]))

    def follow(self, backlog: Backlog, session: Session) -> bool:
        return self.queue.follow(backlog, session)

    def roomCountChanged(self, rooms: int) -> None:
        pass

    def pauseOutput(self) -> None:
        """
        Queue output and take no line: the peer does not read, or a TLS handshake waits for input.
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
        """Send queued output: the peer reads again."""
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
        # While output waits for the reader, no request continues: its answer would be queued too.
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
        """Call a function when the peer can take more, in a separate reactor turn."""
        self._paging = call
        self.context.callLater(0, self._continuePaging)

    def reply(self, notification: Notification) -> None:
        """Write an answer, ahead of output that is blocked."""
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
        """Send queued output, then close."""
        if not self.stream.ending:
            self.queue.close()
            self.stream.finish()

    def disconnect(self, why: ChatError) -> None:
        if not self.stream.ending:
            self.show(ErrorReply(why))
            self.controller.end()
            self.closeWhenIdle()

    def serverStopping(self) -> None:
        """
        Close because the server stops, after messages were stored and acknowledged.  No session
        is notified that the others leave.
        """
        self.disconnect(ChatError(STOPPING))

    def closed(self) -> None:
        """Clean up after the connection has ended."""
        self.queue.discard()
        self.controller.quit("")

    def writeLastWords(self, error: ChatError) -> None:
        """Write directly to the stream why the connection ends."""
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
        # Written behind the data that the transport has already: the last thing that is sent.
        self.writeLastWords(error)
        self.controller.quit("did not read")
        self.finish()
