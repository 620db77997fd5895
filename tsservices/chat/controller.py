"""
What one person's side of the chat rests on: how they are told, and what all share.  Pure.

One person's side of the chat: what they type becomes proposals and questions.  Pure.

A session is a queue.  Talk follows talk without waiting; whatever else is asked for
waits until all that was proposed before is decided, stored and told, and what comes
after waits for it.  So an answer never speaks of a state that one's own line is still
to change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tsservices.chat.errors import NAME_FIRST, NOWHERE, ChatError
from tsservices.chat.handlers.membership import LOBBY
from tsservices.chat.history import HistoryReplayer
from tsservices.chat.login_limits import LoginRateLimiter
from tsservices.chat.names import ROOM_SIGN, nameKey
from tsservices.chat.notifications import ErrorReply, Notice, Notification, ResumeToken
from tsservices.chat.operations import MESSAGE, Enter, Join, Operation, Quit, Say
from tsservices.chat.outlet import Presenter
from tsservices.chat.passwords import PasswordHasher
from tsservices.chat.pipeline import Pipeline
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.chat.storage import BatchStore, HistoryQueries

if TYPE_CHECKING:
    from tsservices.chat.storage import SearchQuery


@dataclass(frozen=True, slots=True)
class ChatContext:
    """
    What all conversations share.

    @ivar pipeline: by which everything happens.
    @ivar recall: reads what was said before.
    @ivar store: knows whether anything can be kept.
    @ivar archive: where what was said can be looked for.
    @ivar hashing: does the work of passwords.
    @ivar guesses: bounds how often passwords are guessed.
    @ivar now: the time: nanoseconds since 1970, UTC.
    @ivar random: gives a text that nobody can guess.
    @ivar nodes: says how this node and the others are; L{None}: there are no others.
    @ivar searching: those who wait for what they search for: accounts, or sessions of
        guests.
    """

    pipeline: Pipeline
    recall: HistoryReplayer
    store: BatchStore
    archive: HistoryQueries
    hashing: PasswordHasher
    guesses: LoginRateLimiter
    now: Callable[[], int]
    random: Callable[[], str]
    nodes: Callable[[], list[str]] | None = None
    searching: set[str] = field(default_factory=set)

    @property
    def state(self) -> ChatState:
        """Everybody and every room."""
        return self.pipeline.state


def digest(token: str) -> str:
    """What can be told of it without telling it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class SessionController:
    """
    One person's side.

    @ivar house: what is shared.
    @ivar session: as the chat sees it.
    @ivar voice: as it is told.
    @ivar current: the key of the room where plain lines go.
    @ivar ended: nothing more is to be said.
    @ivar searched: what the next page is of that they have searched for.
    @ivar secret: gets the next line, which is the answer to what was asked; L{None}: nothing was.
    @ivar asking: something is done elsewhere, for which the next line has to wait.
    @ivar next: what is to be done when all that was proposed is decided, before the next line.
    @ivar lettersBefore: the key of whom the next page of private messages is with, and
        the id before which it ends.
    """

    def __init__(self, house: ChatContext, session: Session, voice: Presenter) -> None:
        self.house = house
        self.session = session
        self.voice = voice
        self.current = ""
        self.ended = False
        self.searched: SearchQuery | None = None
        self.lettersBefore: tuple[str, str] | None = None
        self.asking = False
        self.next: list[Callable[[], None]] = []
        self.secret: Callable[[str], None] | None = None
        self._token = ""

    @property
    def wantsSecret(self) -> bool:
        """Whether the next line is the answer to what was asked."""
        return self.secret is not None

    def ask(self, prompt: str, then: Callable[[str], None]) -> None:
        """Have them say something that is not to be seen."""
        self.secret = then
        self.voice.prompt(prompt)

    def answerSecret(self, text: str) -> None:
        """@raise Refused: it won't do."""
        then, self.secret = self.secret, None
        if then is not None:
            then(text)

    def awaitResult(self, begin: Callable[[Callable[[Callable[[], None]], None]], None]) -> None:
        """
        Wait for something that is done elsewhere.

        @raise Refused: it does not even begin.
        """
        self.asking = True

        def done(what: Callable[[], None]) -> None:
            self.asking = False
            if self.ended:
                return
            try:
                what()
            except ChatError as refused:
                self.refuse(refused)
            self.onIdle()
            # The next line may be waiting, with nothing proposed that would bring it on.
            self.voice.holdOutput(False)

        try:
            begin(done)
        except ChatError:
            self.asking = False
            raise

    @property
    def token(self) -> str:
        """The digest of what another connection has to know to go on for this one."""
        if not self._token:
            self._token = self.house.random()
        return digest(self._token)

    def setToken(self, token: str) -> None:
        self._token = token

    def showToken(self) -> None:
        """They have a name now, or have been told why not."""
        if self.entered:
            self.voice.show(ResumeToken(self._token))

    @property
    def entered(self) -> bool:
        """Whether they have a name."""
        return bool(self.session.nick)

    @property
    def busy(self) -> bool:
        """Whether the next line has to wait."""
        return self.asking or bool(self.next)

    def propose(self, event: Operation) -> None:
        self.house.pipeline.propose(event, self.session)

    def say(self, texts: tuple[str, ...], kind: str = MESSAGE) -> None:
        """
        Say something in the current room.

        @raise Refused: it can't be said.
        """
        if not self.session.nick:
            raise ChatError(NAME_FIRST)
        if not self.current:
            raise ChatError(NOWHERE)
        self.sayIn(self.current, texts, kind)

    def sayIn(self, room: str, texts: tuple[str, ...], kind: str) -> None:
        """@raise Refused: it can't be said."""
        house, session = self.house, self.session
        pipeline = house.pipeline
        # Each line comes by: what others do by a method each is done in place.
        state = pipeline.state
        found = state.rooms[room] if room in session.rooms else state.joinedRoom(session, room)
        if found.permissions.restrictions:
            pipeline.state.checkSpeak(session, found, house.now())
        trouble = house.store.trouble
        if trouble is not None:
            raise trouble
        pipeline.propose(Say(session.ident, room, kind, texts), session)

    def checkStored(self) -> None:
        """@raise Refused: nothing can be kept at present."""
        trouble = self.house.store.trouble
        if trouble is not None:
            raise trouble

    def pickNick(self, nick: str) -> None:
        """
        Take a name that was said without a command, and enter the lobby.

        @raise Refused: it can't be theirs.
        """
        key = nameKey(nick)
        self.house.state.checkNick(self.session, nick, key)
        self.checkStored()
        self.register(nick, key)
        self.afterPending(self._enterLobby)

    def register(self, nick: str, key: str) -> None:
        """Take a name for the first time."""
        session = self.session
        self.propose(Enter(session.ident, nick, key, session.cloak, self.token))
        self.afterPending(self.showToken)

    def _enterLobby(self) -> None:
        """They have a name now, or have been told why not."""
        if self.entered:
            self.join(LOBBY, LOBBY)

    def join(self, name: str, key: str) -> None:
        """
        Enter a room, or turn to it if they are there.

        @raise Refused: they may not.
        """
        if key in self.session.rooms:
            self.current = key
            self.voice.show(Notice([f"you talk in {ROOM_SIGN}{name}"]))
            return
        self.house.state.checkJoin(self.session, key, self.house.now())
        self.checkStored()
        room = self.house.state.rooms.get(key)
        if room is None:
            self._propose(name, key)
        else:
            self.asking = True
            self.house.recall.preload(room, lambda refused: self._preloaded(name, key, refused))

    def _preloaded(self, name: str, key: str, refused: ChatError | None) -> None:
        """What was said in a room is at hand, if it can be had."""
        self.asking = False
        if self.ended:
            return
        if refused is not None:
            self.refuse(refused)
        self._propose(name, key)

    def _propose(self, name: str, key: str) -> None:
        self.propose(Join(self.session.ident, name, key))

        def turn() -> None:
            if key in self.session.rooms:
                self.current = key

        self.afterPending(turn)

    def replay(self, room: Room, first: int) -> None:
        """Be told what was said in a room; what is said meanwhile waits."""
        self.asking = True
        self.voice.holdOutput(True)
        first = max(first, room.permissions.firstReadable(self.session))
        self.house.recall.replay(room, first, self._page, self._replayed)

    def showPages(self, pages: Sequence[Notification]) -> None:
        """Be told something that may be long, each page when the one before is read."""
        if len(pages) == 1:
            self.voice.show(pages[0])
            return
        self.asking = True
        self.voice.holdOutput(True)
        self._nextPage(iter(pages))

    def _nextPage(self, pages: Iterator[Notification]) -> None:
        page = next(pages, None)
        if page is None:
            self._replayed()
        else:
            self._page(page, lambda: self._nextPage(pages))

    def _page(self, happening: Notification, then: Callable[[], None]) -> None:
        if not self.ended:
            self.voice.show(happening, then)

    def _replayed(self) -> None:
        """All has been told."""
        self.asking = False
        self.onIdle()
        if not self.ended:
            self.voice.holdOutput(False)

    def quit(self, why: str) -> None:
        """Leave."""
        if not self.ended:
            self.ended = True
            if self.entered or self.session.pending:
                self.propose(Quit(self.session.ident, why))

    def afterPending(self, what: Callable[[], None]) -> None:
        """
        Have something done when all that was proposed is decided, stored and told:
        now, if nothing is.
        """
        self.next.append(what)
        self.onIdle()

    def onIdle(self) -> None:
        """Go on, if nothing is outstanding."""
        while self.next and not self.asking and not self.session.pending:
            what, *later = self.next
            self.next = []
            if not self.ended:
                try:
                    what()
                except ChatError as refused:
                    self.refuse(refused)
            # What this has put off comes before what was put off earlier.
            self.next += later

    def refuse(self, refused: ChatError) -> None:
        self.voice.show(ErrorReply(refused))
