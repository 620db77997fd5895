"""
The chat of one server: its journal, its pipeline, and how both begin and end.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import ClassVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from tsservices.chat.cloaks import cloak
from tsservices.chat.controller import ChatContext
from tsservices.chat.errors import JOURNAL_FAILED, ChatError
from tsservices.chat.history import HistoryReplayer
from tsservices.chat.login_limits import LoginRateLimiter
from tsservices.chat.notifications import ErrorReply, Notice
from tsservices.chat.outlet import Recipient
from tsservices.chat.pipeline import Pipeline
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.chat.storage import Storage, StorageError, StoredState
from tsservices.common.counters import ClusterCounters
from tsservices.common.limits import Limits
from tsservices.common.logs import audit
from tsservices.common.text import visible
from tsservices.frontends.sendqueue import SendQueuePool
from tsservices.server.password_hasher import PasswordHasherThread

#: Bytes of what nobody can guess: tokens, and passwords that an operator gives out.
TOKEN_BYTES = 16

#: Bytes of the welcome file that are shown.
WELCOME_BYTES = 8192


class ChatService(Service):
    """
    Loads what was kept, starts the journal, and tells everybody of its troubles.

    @ivar house: what all conversations share.
    @ivar journal: keeps what is said.
    @ivar hasher: does the work of passwords.
    @ivar operators: the folded names of those accounts that may do anything.
    @ivar pool: what waits for all people together.
    @ivar notes: what to tell whoever starts the server.
    @ivar open: whether people may come.
    @ivar node: the name of this node; nothing if there is one only.
    @ivar counters: how it is among the others; L{None}: the same.
    @ivar nodes: says how all nodes are, if there are several.
    @ivar stored: the pipeline's own, since each batch comes by; see
        L{tsservices.chat.storage.StorageListener.stored}.
    """

    name = "chat"
    node = ""
    counters: ClusterCounters | None = None
    open = False
    nodes: Callable[[], list[str]] | None = None
    _log: ClassVar[Logger] = Logger("tsservices")
    house: ChatContext
    stored: Callable[[int], None]

    def __init__(
        self,
        journal: Storage,
        limits: Limits,
        now: Callable[[], int],
        turnEnd: Callable[[Callable[[], None]], object],
        token: str,
        hasher: PasswordHasherThread,
        welcomeFile: str = "",
        giveUp: Callable[[str], object] | None = None,
        operators: frozenset[str] = frozenset(),
        random: Callable[[], str] = lambda: secrets.token_urlsafe(TOKEN_BYTES),
        leave: bool = False,
    ) -> None:
        """@param now: the time: nanoseconds since 1970, UTC."""
        self._leaves = leave
        self._random = random
        self.journal = journal
        self._limits = limits
        self._now = now
        self._turnEnd = turnEnd
        self._token = token
        self.hasher = hasher
        self.operators = operators
        self._welcomeFile = welcomeFile
        self._giveUp = giveUp
        self._sessions = 0
        self.pool = SendQueuePool()
        self.notes: list[str] = []

    def prepare(self) -> None:
        """
        Load what was kept, while failure can still be told in one line.

        @raise tsservices.chat.storage.JournalError: it can't be used.
        """
        loaded = self.journal.prepare()
        self.notes = loaded.notes
        if loaded.epoch and not self._leaves:
            raise StorageError(
                "the chat in this state folder belongs to a cluster: start with --cluster, or"
                " once with --leave-cluster to have it go on alone for good"
            )
        if loaded.epoch:
            self.journal.leave()
        self._open(loaded, ChatState(self._limits, loaded.rooms, loaded.records, self.operators))
        self._pipeline.start(self.journal, audit)

    def _open(self, loaded: StoredState, state: ChatState) -> None:
        """Make all of what was kept that conversations need."""
        self._secret = loaded.secret
        if free := sorted(self.operators - state.accounts.keys()):
            self.notes.append(
                f"chat-operators: nobody has registered {', '.join(free)} yet;"
                " whoever does first looks after the server"
            )
        self._pipeline = Pipeline(state, loaded.log, loaded.position, self._now, self._turnEnd)
        self.stored = self._pipeline.stored
        self.house = ChatContext(
            self._pipeline,
            HistoryReplayer(self.journal),
            self.journal,
            self.journal,
            self.hasher,
            LoginRateLimiter(self._limits.guesses),
            self._now,
            self._random,
            self.nodes,
        )

    def whenReady(self, call: Callable[[], object]) -> None:
        call()

    def startService(self) -> None:
        """Begin to keep."""
        super().startService()
        self.hasher.start()
        self.journal.start(self)
        self.open = True

    def stopService(self) -> Deferred[None]:
        """Fires when all that was said is kept."""
        super().stopService()
        self.hasher.stop()
        stopped: Deferred[None] = Deferred()
        self.journal.stop(lambda: stopped.callback(None))
        return stopped

    def newSession(self, outlet: Recipient, host: str) -> Session:
        """A session for a new connection."""
        self._sessions += 1
        ident = f"{self._token}.{self._sessions}"
        return Session(ident, outlet, cloak(self._secret, host), self.node)

    def welcome(self) -> list[str]:
        """What to show to who connects, which may have been changed meanwhile."""
        if not self._welcomeFile:
            return []
        try:
            with open(self._welcomeFile, "rb") as file:
                text = file.read(WELCOME_BYTES).decode("utf-8", "replace")
        except OSError:
            return []
        return [visible(line) for line in text.splitlines()]

    def troubled(self, trouble: ChatError | None) -> None:
        if trouble is None:
            self._log.info("the chat is stored again")
            return
        self._log.error("chat: {trouble}", trouble=str(trouble))
        words = Notice([f"not stored yet: {trouble}; what you said is told when it is"])
        for session in self._pipeline.unconfirmedSessions():
            if session.recipient is not None:
                session.recipient.write(session.recipient.form.encode([words]))

    def failed(self, reason: str) -> None:
        self._log.critical("the chat can't be kept any more: {reason}", reason=reason)
        words = ErrorReply(ChatError(JOURNAL_FAILED))
        for session in self.house.state.sessions.values():
            if session.recipient is not None:
                session.recipient.write(session.recipient.form.encode([words]))
        if self._giveUp is not None:
            self._giveUp(f"the chat can't be kept any more: {reason}")
