"""
One session's requests, in order, and what all sessions share.  Pure.

A session is a queue.  Talk is proposed line after line without waiting.  Every other request
waits until all that the session proposed before is decided, stored and delivered, and the lines
after it wait for it: so an answer never shows a state that the session's own line is still to
change.  What can be asked for stands in L{tsservices.chat.verbs}, and reads no text.
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

#: Invitations of one person by the same other one at once, and the seconds until one more.
INVITATIONS, INVITATION_SECONDS = 3, 20.0

#: The latest time: nanoseconds since 1970.
END_OF_TIME = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PlainLogin:
    """What becomes of who sends a password over a connection that others can read."""

    #: Whether it is refused; else they are told.
    refuse: bool = False
    #: The port of the chat with TLS; L{None}: there is none.
    port: int | None = None
    #: The same for programs of IRC.
    ircPort: int | None = None


@dataclass(frozen=True, slots=True)
class ChatContext:
    """The ports and services of the chat that all sessions of a node share."""

    #: Takes proposals.
    pipeline: Pipeline
    #: Replays messages.
    history: HistoryReplayer
    #: Says whether anything can be stored.
    store: BatchStore
    #: Answers queries.
    archive: HistoryQueries
    #: Hashes passwords.
    hasher: PasswordHasher
    #: Bounds how often passwords are guessed.
    loginLimits: LoginRateLimiter
    #: The time: nanoseconds since 1970, UTC.
    wallClock: Callable[[], int]
    #: Seconds that only go forward.
    monotonic: Callable[[], float]
    #: Makes a text that nobody can guess.
    random: Callable[[], str]
    #: Describes this node and the others, a line each; L{None}: there are no others.
    nodes: Callable[[], list[str]] | None = None
    #: For passwords over a connection that is not secure.
    plainLogin: PlainLogin = PlainLogin()
    #: The port for browsers; L{None}: there is none.
    webPort: int | None = None
    #: Makes as many random bytes as it is asked for.
    entropy: Callable[[int], bytes] = os.urandom
    #: Bounds how often somebody invites the same person.
    invitations: KeyedRateLimiter = field(
        default_factory=lambda: KeyedRateLimiter(INVITATIONS, INVITATION_SECONDS)
    )
    #: Who has a search under way: accounts, or sessions of guests.
    searching: set[str] = field(default_factory=set)

    @property
    def state(self) -> ChatState:
        """All sessions, accounts and rooms."""
        return self.pipeline.state

    def latestTime(self) -> int:
        """The time, but not before that of the last batch: nanoseconds since 1970, UTC."""
        return max(self.wallClock(), self.pipeline.state.time)

    def courtesyTime(self) -> int:
        """
        The time by which a verb judges bans and mutes: nanoseconds since 1970, UTC.

        The order's time decides. As long as the clock is behind it, a verb refuses nobody by a
        restriction that ends: whoever is refused proposes nothing, and so would wait for others to
        bring the present time into the order.
        """
        now, last = self.wallClock(), self.pipeline.state.time
        if now > last - CLOCK_STEP_NANOSECONDS:
            return max(now, last)
        return END_OF_TIME


def digest(token: str) -> str:
    """The digest of a token, which may be stored and sent to other nodes."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class SessionController:
    """
    One session's requests.

    @ivar context: what all sessions share.
    @ivar session: the session, as the state knows it.
    @ivar presenter: shows answers to the user.
    @ivar requests: what is under way, and what waits behind it.
    @ivar current: the key of the room where plain lines go.
    @ivar seenPosition: the position of the last batch that had been delivered to the session when
        what is done now was asked for.
    @ivar ended: nothing more is to be shown; L{end} sets it.
    @ivar secure: whether nobody on the way can read what is sent; the frontend says so.
    @ivar refusesInsecure: whether then no password is taken, whatever the server's rule is.
    @ivar tlsPort: the port with TLS for those who come by this way; L{None}: there is none.
    @ivar warnedInsecure: whether the user was told that it is not.
    @ivar secret: gets the next line, which is the answer to a prompt; L{None}: none is open.
    @ivar olderResults: the query for the next page of a search.
    @ivar olderPrivate: the key of whom the next page of private messages is with, and
        the id before which it ends.
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
        """Whether the next line has to wait; the answer to a prompt has not."""
        return self.requests.busy and self.secret is None

    def start(self, request: Request) -> None:
        """Do a request when those before it have ended; what it raises is shown."""
        self.requests.add(request)

    async def settled(self) -> None:
        """Wait until all that was proposed is decided, stored and delivered."""
        while self.session.pending:
            self._settled = PendingReply()
            await self._settled

    def onIdle(self) -> None:
        """Go on, if nothing is outstanding."""
        if self._settled is not None and not self.session.pending:
            settled, self._settled = self._settled, None
            settled(None)

    async def ask(self, prompt: str) -> str:
        """Have the person type a secret: their next line."""
        self.secret = PendingReply()
        self.presenter.prompt(prompt)
        return await self.secret

    def answerSecret(self, text: str) -> None:
        """The person has typed the answer to the prompt."""
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
        """Show the token, if there is a name that it can give back."""
        if self.entered:
            self.presenter.show(ResumeToken(self._token))

    def room(self, name: str = "") -> Room:
        """
        A room by its name, or the current one.

        @raise ChatError: the session is not there.
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

        @raise ChatError: it can't be said.
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
        @raise ChatError: it can't be said.
        """
        context, session = self.context, self.session
        pipeline = context.pipeline
        # Each line of talk comes by: L{propose}, L{checkStored} and the state's roomToTalkIn are
        # done in place, for three calls less.
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
        @param text: others are to read it.
        @raise ChatError: it has an account token of this server in it, which was pasted by mistake.
        """
        # By the id alone: to say whether the rest is right would let it be guessed here.
        if any(ident in self.context.state.accountTokens for ident in tokenIds(text)):
            raise ChatError(TOKEN_SAID)

    def _withoutTokens(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        # Of lines that came together only those with a token are refused.
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
        """@raise ChatError: nothing can be stored at present."""
        trouble = self.context.store.trouble
        if trouble is not None:
            # One object, raised for as long as a disk is full: it would gather a traceback,
            # with all its frames, of each line that was refused.
            raise trouble.with_traceback(None)

    async def replay(self, room: Room, first: int, last: int | None = None) -> None:
        """
        Show the messages of a room from a number on; live output waits for the end of that.

        @param last: the number of the last of them; None: that of the newest line.
        """
        first = max(first, room.permissions.firstReadable(self.session))
        await self._showReplay(self.context.history.pages(room, first, self.session, last))

    async def replayNewest(self, room: Room, count: int, last: int | None = None) -> None:
        """
        Show the newest messages of a room; live output waits for the end of that.

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
            # A page too: live output waits for its reader, as it does for the others'.
            await self._showPage(ErrorReply(error))
        self.presenter.blockOutput(False)

    async def showPages(self, pages: Sequence[Notification]) -> None:
        """Show a long answer, each page when the one before is read; live output waits."""
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
        """Show nothing more, and begin nothing more."""
        self.ended = True
        self.requests.stop()

    def quit(self, reason: str) -> None:
        """Leave the chat."""
        if not self.ended:
            self.end()
            if self.entered or self.session.pending:
                self.propose(Quit(self.session.ident, reason))
