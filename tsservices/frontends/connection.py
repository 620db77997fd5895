"""
What every door has for each person, whatever the wire: an outlet of the pipeline, and
the voice of a conversation.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from tsservices.chat.controller import Conversation
from tsservices.chat.errors import STOPPING, TOO_SLOW, Refused
from tsservices.chat.notifications import Happening, Refusal
from tsservices.chat.outlet import Wire
from tsservices.chat.session import Form
from tsservices.frontends.sendqueue import Backlog
from tsservices.transport.epoll.tcp import FastTCPServer
from tsservices.transport.sockets import keepAlive
from tsservices.transport.stream import StreamProtocol


class PersonProtocol(StreamProtocol):
    """
    One connection of one person.  A door's own protocol says how they are told
    (C{form}, L{membershipChanged}, L{choose}), and takes what they send.

    @ivar form: how they are told.
    @ivar push: as L{tsservices.chat.session.Outlet} has it; the backlog sets it.
    @ivar pushLast: the same.
    @ivar wire: the same.
    @ivar session: as the chat sees them.
    @ivar conversation: their side of the chat.
    @ivar backlog: what they have still to be sent.
    """

    push: Callable[[bytes], object]
    pushLast: Callable[[bytes], object]
    wire: Wire | None = None
    _paging: Callable[[], None] | None = None
    _leaving = False

    def opened(self) -> None:
        """Begin a conversation."""
        environment = self.factory.environment
        limits, chat = environment.limits, environment.chat
        # However slowly they spell it.
        self.deadline = environment.monotonic() + limits.chatNameLimit
        self.idleLimit = 0
        if (handle := getattr(self.measured, "getHandle", None)) is not None:
            keepAlive(handle())
        transport: object = self.transport
        wire = transport if isinstance(transport, FastTCPServer) else None
        self.backlog = Backlog(
            self,
            self.transport.write,
            self.transport.write if wire is None else wire.writeLast,
            wire,
            self.measured,
            chat.pool,
            limits,
            environment.monotonic,
            self._overrun,
        )
        self.session = chat.newSession(self, self.host)
        self.conversation = Conversation(chat.house, self.session, self)

    def _hearIn(self, form: Form) -> None:
        if self.wire is not None:
            self.wire.leave()
        self._form = form

    form: property = property(attrgetter("_form"), _hearIn)

    def goOn(self) -> None:
        """Take what they have sent, as far as it goes now."""
        raise NotImplementedError

    def membershipChanged(self, rooms: int) -> None:
        pass

    def choose(self, form: str) -> None:
        raise NotImplementedError

    def ask(self, prompt: str) -> None:
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
            self.conversation.settled()
            self._page()
            self.goOn()

    def stopProducing(self) -> None:
        """The connection is lost; L{connectionLost} says so too."""

    def settled(self) -> None:
        # What is asked for now is answered behind what waits for the reader.
        if not self.backlog.paused:
            self.conversation.settled()
        if self.conversation.entered:
            self.deadline = None
        if self._leaving:
            self.finish()
        else:
            self.goOn()

    def finish(self) -> None:
        if not self.ending:
            self.backlog.close()
        super().finish()

    def tell(self, happening: Happening, then: Callable[[], None] | None = None) -> None:
        if isinstance(happening, Refusal):
            self.factory.counters.refusals += 1
        self.backlog.answer(self.form.encode([happening]))
        if then is not None:
            self._paging = then
            self.factory.environment.clock.callLater(0, self._page)

    def hold(self, held: bool) -> None:
        self.backlog.hold(held)
        if not held:
            self.goOn()

    def farewell(self) -> None:
        if self.session.outstanding:
            self._leaving = True
        else:
            self.finish()

    def dismissed(self, why: Refused) -> None:
        if not self.ending:
            self.tell(Refusal(why))
            self.conversation.ended = True
            self.farewell()

    def goodbye(self) -> None:
        """
        The server stops; what was said is stored and acknowledged first.  That all
        leave is told to nobody.
        """
        self.dismissed(Refused(STOPPING))

    def closed(self) -> None:
        """The connection has ended."""
        self.backlog.clear()
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
        limits = self.factory.environment.limits
        self.factory.counters.slow += 1
        refused = Refused(TOO_SLOW, pending=pending, most=limits.chatPending)
        self.factory.environment.complaints.complain(
            self.host, "{peer} was dropped: {reason}", peer=self.peer, reason=str(refused)
        )
        self.backlog.clear()
        self.transport.write(self.form.encode([Refusal(refused)]))
        self.conversation.quit("did not read")
        self.finish()
