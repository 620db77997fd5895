"""
The requests of one session, in order, and the context that all sessions share.  Pure.

A session is a queue.  Lines of talk are proposed one after another without waiting.  Every other
request waits until all earlier proposals of the session are decided, stored and delivered, and the
lines after it wait for it: an answer must not show a state that an earlier line of the same session
is still to change.  The requests are in L{tsservices.chat.verbs}; they parse no text.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from tsservices.chat.errors import NAME_FIRST, NOWHERE, TOKEN_SAID, ChatError
from tsservices.chat.handlers.messages import CLOCK_STEP_NANOSECONDS
from tsservices.chat.history import HistoryReplayer
from tsservices.chat.login_limits import LoginRateLimiter
from tsservices.chat.names import roomKey
from tsservices.chat.notifications import ErrorReply, HistoryReplay, Notification, ResumeToken
from tsservices.chat.operations import MESSAGE, Operation, Quit, Say
from tsservices.chat.outlet import Presenter
from tsservices.chat.passwords import PasswordHasher
from tsservices.chat.pipeline import Pipeline
from tsservices.chat.requests import PendingReply, Request, RequestQueue
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.chat.storage import BatchStore, HistoryQueries, SearchQuery
from tsservices.common.ratelimit import KeyedRateLimiter
from tsservices.common.tokens import TOKEN_SIGN, tokenIds

#: Invitations from one person to the same other person at once, and the seconds until one more.
INVITATIONS, INVITATION_SECONDS = 3, 20.0

#: The latest time: nanoseconds since 1970.
END_OF_TIME = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PlainLogin:
    """How passwords on unencrypted connections are handled."""

    #: Whether they are refused. If not, the user is warned.
    refuse: bool = False
    #: The port of the chat with TLS; L{None}: none.
    port: int | None = None
    #: The port for IRC clients with TLS; L{None}: none.
    ircPort: int | None = None


@dataclass(frozen=True, slots=True)
class ChatContext:
    """The ports and services of the chat that all sessions of a node share."""

    #: Takes proposals.
    pipeline: Pipeline
    #: Replays messages.
    history: HistoryReplayer
    #: Has C{trouble} while nothing can be stored.
    store: BatchStore
    #: Answers queries.
    archive: HistoryQueries
    hasher: PasswordHasher
    #: Limits how often passwords are tried.
    loginLimits: LoginRateLimiter
    #: The time: nanoseconds since 1970, UTC.
    wallClock: Callable[[], int]
    #: Monotonic clock, in seconds.
    monotonic: Callable[[], float]
    #: Returns an unguessable text.
    random: Callable[[], str]
    #: Describes this node and the others, a line each; L{None}: there are no others.
    nodes: Callable[[], list[str]] | None = None
    #: The rule for passwords on unencrypted connections.
    plainLogin: PlainLogin = PlainLogin()
    #: The port for browsers; L{None}: there is none.
    webPort: int | None = None
    #: Returns as many random bytes as its argument says.
    entropy: Callable[[int], bytes] = os.urandom
    #: Limits how often one person invites the same other person.
    invitations: KeyedRateLimiter = field(
        default_factory=lambda: KeyedRateLimiter(INVITATIONS, INVITATION_SECONDS)
    )
    #: Accounts, or sessions of guests, that have a running search.
    searching: set[str] = field(default_factory=set)

    @property
    def state(self) -> ChatState:
        """All sessions, accounts and rooms."""
        return self.pipeline.state

    def latestTime(self) -> int:
        """The clock's time, but not before that of the last batch: nanoseconds since 1970, UTC."""
        return max(self.wallClock(), self.pipeline.state.time)

    def courtesyTime(self) -> int:
        """
        The time for a verb's check of bans and mutes: nanoseconds since 1970, UTC.

        The time of the order decides. While the clock is behind it, verbs do not apply restrictions
        that end: a refused session proposes nothing, so only others could bring the current time
        into the order.
        """
        now, last = self.wallClock(), self.pipeline.state.time
        if now > last - CLOCK_STEP_NANOSECONDS:
            return max(now, last)
        return END_OF_TIME


def digest(token: str) -> str:
    """The digest of a token; it may be stored and sent to other nodes."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class SessionController:
    """
    The requests of one session.

    @ivar context: shared by all sessions.
    @ivar session: the session in the state.
    @ivar presenter: shows answers to the user.
    @ivar requests: the running request, and those that wait for its end.
    @ivar current: the key of the room that gets plain lines.
    @ivar seenPosition: the position of the last batch delivered to the session before the user sent
        the line that is handled now.
    @ivar ended: nothing more is shown; L{end} sets it.
    @ivar secure: whether nobody on the network path can read the connection; set by the frontend.
    @ivar refusesInsecure: whether insecure passwords are refused regardless of the server's rule.
    @ivar tlsPort: the TLS port for clients of this protocol; L{None}: none.
    @ivar warnedInsecure: whether the user was warned that the connection is not secure.
    @ivar secret: gets the next line, as the answer to a prompt; L{None}: no prompt is open.
    @ivar olderResults: the query for the next page of a search.
    @ivar olderPrivate: for the next page of private messages: the key of the other side, and the id
        before which the page ends.
    """

    def __init__(self, context: ChatContext, session: Session, presenter: Presenter) -> None:
        self.context = context
        self.session = session
        self.presenter = presenter
        self.requests = RequestQueue(self.refuse, presenter.resumeInput)
        self.current = ""
        self.seenPosition = 0
        self.ended = False
        self.secure = True
        self.refusesInsecure = False
        self.tlsPort = context.plainLogin.port
        self.warnedInsecure = False
        self.secret: PendingReply[str] | None = None
        self.olderResults: SearchQuery | None = None
        self.olderPrivate: tuple[str, str] | None = None
        self._settled: PendingReply[None] | None = None
        self._token = ""

    @property
    def entered(self) -> bool:
        """Whether the session has a name."""
        return bool(self.session.nick)

    @property
    def busy(self) -> bool:
        """Whether the next line has to wait; the answer to a prompt does not wait."""
        return self.requests.busy and self.secret is None

    def start(self, request: Request) -> None:
        """Run a request after those before it; its L{ChatError} is shown."""
        self.requests.add(request)

    async def settled(self) -> None:
        """Wait until all proposals of the session are decided, stored and delivered."""
        while self.session.pending:
            self._settled = PendingReply()
            await self._settled

    def onIdle(self) -> None:
        """Resume L{settled}, if no proposal is outstanding."""
        if self._settled is not None and not self.session.pending:
            settled, self._settled = self._settled, None
            settled(None)

    async def ask(self, prompt: str) -> str:
        """Ask the user for a secret: their next line."""
        self.secret = PendingReply()
        self.presenter.prompt(prompt)
        return await self.secret

    def answerSecret(self, text: str) -> None:
        """Take the answer to the prompt."""
        secret, self.secret = self.secret, None
        if secret is not None:
            secret(text)

    @property
    def token(self) -> str:
        """The digest of the token with which another connection can take this session over."""
        if not self._token:
            self._token = self.context.random()
        return digest(self._token)

    def setToken(self, token: str) -> None:
        self._token = token

    def showToken(self) -> None:
        """Show the token, if the session has a name that a later connection can get back."""
        if self.entered:
            self.presenter.show(ResumeToken(self._token))

    def room(self, name: str = "") -> Room:
        """
        A room by its name, or the current one.

        @raise ChatError: the session is not in the room.
        """
        key = roomKey(name)[1] if name else self.current
        if not key:
            raise ChatError(NOWHERE)
        return self.context.state.joinedRoom(self.session, key)

    def propose(self, operation: Operation) -> None:
        self.context.pipeline.propose(operation, self.session)

    def say(self, texts: tuple[str, ...], kind: str = MESSAGE) -> None:
        """
        Say something in the current room.

        @raise ChatError: the line is refused.
        """
        if not self.session.nick:
            raise ChatError(NAME_FIRST)
        if not self.current:
            raise ChatError(NOWHERE)
        self.sayIn(self.current, texts, kind)

    def sayIn(self, room: str, texts: tuple[str, ...], kind: str, tags: str = "") -> None:
        """
        @param room: its key.
        @param tags: as in L{Say}.
        @raise ChatError: the line is refused.
        """
        context, session = self.context, self.session
        pipeline = context.pipeline
        # For each line of talk: L{propose}, L{checkStored} and the state's roomToTalkIn are inlined
        # here, which saves three calls.
        state = pipeline.state
        target = state.rooms[room] if room in session.rooms else state.roomToTalkIn(session, room)
        if target.permissions.checksTalk:
            state.checkSpeak(session, target, context.courtesyTime())
        if context.store.trouble is not None:
            self.checkStored()
        for text in texts:
            if TOKEN_SIGN in text:
                texts = self._withoutTokens(texts)
                break
        pipeline.propose(Say(session.ident, room, kind, texts, tags), session)

    def checkNoToken(self, text: str) -> None:
        """
        @param text: a text that others will read.
        @raise ChatError: it contains an account token of this server, pasted by mistake.
        """
        # Only the id is looked up: an answer about the secret part would help to guess it.
        if any(ident in self.context.state.accountTokens for ident in tokenIds(text)):
            raise ChatError(TOKEN_SAID)

    def _withoutTokens(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        # Only the lines with a token are refused, not the others that were sent with them.
        harmless: list[str] = []
        error: ChatError | None = None
        for text in texts:
            try:
                self.checkNoToken(text)
                harmless.append(text)
            except ChatError as refused:
                error = refused
        if error is not None and not harmless:
            raise error
        if error is not None:
            self.refuse(error)
        return tuple(harmless)

    def checkStored(self) -> None:
        """@raise ChatError: nothing can be stored now."""
        trouble = self.context.store.trouble
        if trouble is not None:
            # The same object is raised while a disk is full: without this it would collect a
            # traceback, with all its frames, for each refused line.
            raise trouble.with_traceback(None)

    async def replay(self, room: Room, first: int, last: int | None = None) -> None:
        """
        Show the messages of a room from a number on; live output waits until they are shown.

        @param last: the number of the last message; None: that of the newest line.
        """
        first = max(first, room.permissions.firstReadable(self.session))
        await self._showReplay(self.context.history.pages(room, first, self.session, last))

    async def replayNewest(self, room: Room, count: int, last: int | None = None) -> None:
        """
        Show the newest messages of a room; live output waits until they are shown.

        @param last: as in L{replay}.
        """
        await self._showReplay(self.context.history.newestPages(room, count, self.session, last))

    async def _showReplay(self, pages: AsyncGenerator[HistoryReplay, None]) -> None:
        self.presenter.blockOutput(True)
        try:
            async for page in pages:
                page.log = self.context.pipeline.log
                await self._showPage(page)
        except ChatError as error:
            # The error is a page too: live output waits until it can be written.
            await self._showPage(ErrorReply(error))
        self.presenter.blockOutput(False)

    async def showPages(self, pages: Sequence[Notification]) -> None:
        """Show a long answer page by page, each once the last was read; live output waits."""
        if len(pages) == 1:
            self.presenter.show(pages[0])
            return
        self.presenter.blockOutput(True)
        for page in pages:
            await self._showPage(page)
        self.presenter.blockOutput(False)

    async def _showPage(self, page: Notification) -> None:
        read: PendingReply[None] = PendingReply()
        self.presenter.show(page, lambda: read(None))
        await read

    def refuse(self, error: ChatError) -> None:
        self.presenter.show(ErrorReply(error))

    def end(self) -> None:
        """Show nothing more, and start no request."""
        self.ended = True
        self.requests.stop()

    def quit(self, reason: str) -> None:
        """Leave the chat."""
        if not self.ended:
            self.end()
            if self.entered or self.session.pending:
                self.propose(Quit(self.session.ident, reason))
