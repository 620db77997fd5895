"""
What every door has for each person, whatever the wire: an outlet of the pipeline, and
the voice of a conversation.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Protocol

from tsservices.chat.controller import ChatContext, SessionController
from tsservices.chat.errors import STOPPING, TOO_SLOW, ChatError
from tsservices.chat.notifications import ErrorReply, Notification
from tsservices.chat.outlet import BroadcastMember, Formatter, Recipient
from tsservices.chat.session import Session
from tsservices.frontends.sendqueue import SendQueue, SendQueuePool
from tsservices.transport.capabilities import IBroadcastTransport, capability
from tsservices.transport.sockets import keepAlive
from tsservices.transport.stream import StreamFactory, StreamProtocol


class ChatBackend(Protocol):
    """What frontends need of the chat service."""

    @property
    def open(self) -> bool:
        """Whether people may connect."""

    @property
    def pool(self) -> SendQueuePool:
        """Counts what waits for all people together."""

    @property
    def context(self) -> ChatContext:
        """What all controllers share."""

    def newSession(self, outlet: Recipient, host: str) -> Session:
        """Make the session of a new connection."""

    def welcome(self) -> list[str]:
        """The lines to show first."""


class ChatFactory(StreamFactory):
    """Makes connections of one chat."""

    chat: ChatBackend


class ChatConnection(StreamProtocol):
    """
    One connection of one person.  A door's own protocol says how they are told
    (C{form}, L{roomCountChanged}, L{setFormat}), and takes what they send.

    @ivar form: how they are told.
    @ivar write: as L{tsservices.chat.session.Recipient} has it; the backlog sets it.
    @ivar writeLast: the same.
    @ivar wire: the same.
    @ivar session: as the chat sees them.
    @ivar conversation: their side of the chat.
    @ivar backlog: what they have still to be sent.
    """

    factory: ChatFactory
    write: Callable[[bytes], object]
    writeLast: Callable[[bytes], object]
    wire: BroadcastMember | None = None
    _paging: Callable[[], None] | None = None
    _leaving = False

    def connectionReady(self) -> None:
        """Begin a conversation."""
        context, chat = self.factory.context, self.factory.chat
        limits = context.limits
        # However slowly they spell it.
        self.deadline = context.monotonic() + limits.chatNameLimit
        self.idleLimit = 0
        if (handle := getattr(self.measured, "getHandle", None)) is not None:
            keepAlive(handle())
        wire = capability(self.transport, IBroadcastTransport)
        self.backlog = SendQueue(
            self,
            self.transport.write,
            self.transport.write if wire is None else wire.writeLast,
            wire,
            self.measured,
            chat.pool,
            limits,
            context.monotonic,
            self._overrun,
        )
        self.session = chat.newSession(self, self.host)
        self.conversation = SessionController(chat.context, self.session, self)

    def _hearIn(self, form: Formatter) -> None:
        if self.wire is not None:
            self.wire.leaveBroadcast()
        self._form = form

    form: property = property(attrgetter("_form"), _hearIn)

    def resumeInput(self) -> None:
        """Take what they have sent, as far as it goes now."""
        raise NotImplementedError

    def roomCountChanged(self, rooms: int) -> None:
        pass

    def setFormat(self, form: str) -> None:
        raise NotImplementedError

    def prompt(self, prompt: str) -> None:
        """
        Have them say a secret.  What they say next goes to C{conversation.answerSecret},
        as long as C{conversation.wantsSecret}.
        """
        raise NotImplementedError

    def producer(self) -> Any:
        """This."""
        return self

    def pauseProducing(self) -> None:
        """
        The peer does not read, or a handshake is under way that has to be read for: what
        is told waits, and no line is taken.
        """
        self.backlog.pause()

    def resumeProducing(self) -> None:
        """The peer reads again."""
        self.backlog.resume()
        if not self.backlog.paused and not self.ending:
            self.conversation.onIdle()
            self._page()
            self.resumeInput()

    def stopProducing(self) -> None:
        """The connection is lost; L{connectionLost} says so too."""

    def idle(self) -> None:
        # What is asked for now is answered behind what waits for the reader.
        if not self.backlog.paused:
            self.conversation.onIdle()
        if self.conversation.entered:
            self.deadline = None
        if self._leaving:
            self.finish()
        else:
            self.resumeInput()

    def finish(self) -> None:
        if not self.ending:
            self.backlog.close()
        super().finish()

    def show(self, happening: Notification, then: Callable[[], None] | None = None) -> None:
        if isinstance(happening, ErrorReply):
            self.factory.counters.refusals += 1
        self.backlog.writeReply(self.form.encode([happening]))
        if then is not None:
            self._paging = then
            self.factory.context.clock.callLater(0, self._page)

    def holdOutput(self, held: bool) -> None:
        self.backlog.hold(held)
        if not held:
            self.resumeInput()

    def closeWhenIdle(self) -> None:
        if self.session.pending:
            self._leaving = True
        else:
            self.finish()

    def replaced(self, why: ChatError) -> None:
        if not self.ending:
            self.show(ErrorReply(why))
            self.conversation.ended = True
            self.closeWhenIdle()

    def serverStopping(self) -> None:
        """
        The server stops; what was said is stored and acknowledged first.  That all
        leave is told to nobody.
        """
        self.replaced(ChatError(STOPPING))

    def closed(self) -> None:
        """The connection has ended."""
        self.backlog.discard()
        self.conversation.quit("")

    def _page(self) -> None:
        """Go on with an answer of many pages, if its reader can take more."""
        if self._paging is not None and not self.backlog.paused and not self.ending:
            then, self._paging = self._paging, None
            then()

    def _overrun(self, pending: int) -> None:
        """Too much waits for this one, who does not read."""
        if self.ending:
            return
        limits = self.factory.context.limits
        self.factory.counters.slow += 1
        refused = ChatError(TOO_SLOW, pending=pending, most=limits.chatPending)
        self.factory.context.peerLog.warn(
            self.host, "{peer} was dropped: {reason}", peer=self.peer, reason=str(refused)
        )
        self.backlog.discard()
        self.transport.write(self.form.encode([ErrorReply(refused)]))
        self.conversation.quit("did not read")
        self.finish()
