"""
The chat of one server: puts storage, state and pipeline together, starts them, and stops them.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from tsservices.chat.cloaks import cloak
from tsservices.chat.controller import ChatContext, PlainLogin
from tsservices.chat.errors import JOURNAL_FAILED, ChatError
from tsservices.chat.history import HistoryReplayer
from tsservices.chat.login_limits import LoginRateLimiter
from tsservices.chat.notifications import ErrorReply, Notice
from tsservices.chat.outlet import Recipient
from tsservices.chat.pipeline import CallLater, Pipeline
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.chat.storage import Storage, StorageError, StoredState
from tsservices.common.counters import ClusterCounters
from tsservices.common.limits import Limits
from tsservices.common.logs import audit
from tsservices.common.plainfiles import openPlain
from tsservices.common.text import visible
from tsservices.frontends.deferred import DeferredWrites
from tsservices.frontends.sendqueue import SendQueuePool
from tsservices.server.password_hasher import PasswordHasherThread

#: Bytes of what nobody can guess: tokens, and passwords that an operator gives out.
TOKEN_BYTES = 16

#: Bytes of the welcome file that are shown.
WELCOME_BYTES = 8192


@dataclass(frozen=True, slots=True)
class ChatServiceConfig:
    limits: Limits
    #: The first part of the ids of sessions: no other run has it.
    run: str
    #: The path of the welcome text; empty: there is none.
    welcomeFile: str = ""
    #: Folded names of the accounts that may do anything.
    operators: frozenset[str] = frozenset()
    #: A chat that belongs to a cluster goes on alone, for good.
    leaveCluster: bool = False


class ChatService(Service):
    """
    The chat, from loading what was stored to storing what is left.

    Between L{prepare} and C{startService} the process may become a daemon: what a fork would
    break (threads, locks on files) begins in C{startService}.

    @ivar pool: the send queues of all connections together.
    @ivar notes: lines for whoever starts the server.
    @ivar open: people may come.
    @ivar plainLogin: for passwords over connections that are not secure; set before L{prepare}.
    @ivar webPort: the port for browsers; L{None}: there is none; set before L{prepare}.
    @ivar node: the name of this node; nothing: it is no node of a cluster.
    """

    name = "chat"
    node = ""
    #: L{None} if this is no node of a cluster.
    counters: ClusterCounters | None = None
    open = False
    #: Why nothing that is said gets a place among all that is said, in a cluster.
    trouble: ChatError | None = None
    #: Describes the nodes of the cluster to an operator; L{None}: there is none.
    nodes: Callable[[], list[str]] | None = None
    #: What all controllers of sessions share.
    context: ChatContext
    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(
        self,
        config: ChatServiceConfig,
        storage: Storage,
        hasher: PasswordHasherThread,
        wallClock: Callable[[], int],
        monotonic: Callable[[], float],
        turnEnd: Callable[[Callable[[], None]], object],
        shutDown: Callable[[str], object] | None = None,
        callLater: CallLater | None = None,
    ) -> None:
        """
        @param wallClock: the time: nanoseconds since 1970, UTC.
        @param monotonic: seconds that only go forward.
        @param turnEnd: has something called at the end of the reactor's turn.
        @param shutDown: ends the server with a failure, for a reason in one line.
        @param callLater: calls in so many seconds; None: nothing that is sent waits for more.
        """
        self._config = config
        self.storage = storage
        self.hasher = hasher
        self._wallClock = wallClock
        self._monotonic = monotonic
        self._turnEnd = turnEnd
        self._shutDown = shutDown
        self._sessions = 0
        self._callLater = callLater
        self._deferred: DeferredWrites | None = None
        if callLater is not None:
            self._deferred = DeferredWrites(monotonic, callLater, turnEnd)
        self.pool = SendQueuePool(self._deferred)
        self.notes: list[str] = []
        self.plainLogin = PlainLogin()
        self.webPort: int | None = None

    def prepare(self) -> None:
        """
        Load what was stored, while a failure can still be shown in one line.

        @raise StorageError: it can't be used.
        """
        config, loaded = self._config, self.storage.prepare()
        self.notes = loaded.notes
        if loaded.epoch and not config.leaveCluster:
            raise StorageError(
                "the chat in this state folder belongs to a cluster: start with --cluster, or"
                " once with --leave-cluster to have it go on alone for good"
            )
        if loaded.epoch:
            # For good: the next start needs no option, and the cluster does not take it back.
            self.storage.leave()
            loaded = self.storage.prepare()
        state = ChatState(config.limits, loaded.rooms, loaded.records, config.operators)
        self._open(loaded, state)
        self._pipeline.start(self.storage, audit)

    def _open(self, loaded: StoredState, state: ChatState) -> None:
        self._secret = loaded.secret
        if free := sorted(self._config.operators - state.accounts.keys()):
            self.notes.append(
                f"chat-operators: nobody has registered {', '.join(free)} yet;"
                " whoever does first looks after the server"
            )
        self._pipeline = Pipeline(
            state,
            loaded.log,
            loaded.position,
            self._wallClock,
            self._turnEnd,
            monotonic=self._monotonic,
            callLater=self._callLater,
        )
        self.context = ChatContext(
            self._pipeline,
            HistoryReplayer(self.storage),
            self.storage,
            self.storage,
            self.hasher,
            LoginRateLimiter(self._config.limits.guesses),
            self._wallClock,
            self._monotonic,
            lambda: secrets.token_urlsafe(TOKEN_BYTES),
            self.nodes,
            self.plainLogin,
            self.webPort,
        )

    def whenReady(self, call: Callable[[], object]) -> None:
        """Have something called when people may come: at once, if they may."""
        call()

    def startService(self) -> None:
        super().startService()
        self.hasher.start()
        # The pipeline listens itself, by the monitor's `stored`; the service passes nothing on.
        self.storage.start(StorageMonitor(self._pipeline, self._shutDown))
        self.open = True

    def stopService(self) -> Deferred[None]:
        """Fires when everything is stored."""
        super().stopService()
        if self._deferred is not None:
            self._deferred.stop()
        if self.open:
            self._pipeline.stop()
        self.hasher.stop()
        stopped: Deferred[None] = Deferred()
        self.storage.stop(lambda: stopped.callback(None))
        return stopped

    def newSession(self, recipient: Recipient, host: str) -> Session:
        """A session for a new connection."""
        self._sessions += 1
        ident = f"{self._config.run}.{self._sessions}"
        return Session(ident, recipient, cloak(self._secret, host), self.node)

    def welcome(self) -> list[str]:
        """The lines of the welcome file, which may have been changed since the last time."""
        if not self._config.welcomeFile:
            return []
        try:
            with open(openPlain(self._config.welcomeFile, os.O_RDONLY), "rb") as file:
                text = file.read(WELCOME_BYTES).decode("utf-8-sig", "replace")
        except OSError:
            # A missing or unreadable file must not keep people out.
            return []
        # A file in another encoding, or with control characters, must not disturb a terminal.
        return [visible(line) for line in text.splitlines()]


class StorageMonitor:
    """
    Listens to the storage: troubles go to the log and to people.

    @ivar stored: the pipeline's own method, since it is called for each batch.
    """

    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(self, pipeline: Pipeline, shutDown: Callable[[str], object] | None) -> None:
        self.stored: Callable[[int], None] = pipeline.stored
        self._pipeline = pipeline
        self._shutDown = shutDown

    def troubled(self, trouble: ChatError | None) -> None:
        if trouble is None:
            self._log.info("the chat is stored again")
            return
        self._log.error("chat: {trouble}", trouble=str(trouble))
        notice = Notice([f"not stored yet: {trouble}; what you said is told when it is"])
        for session in self._pipeline.unconfirmedSessions():
            _write(session, notice)

    def noted(self, text: str, isError: bool) -> None:
        if isError:
            self._log.error("chat: {text}", text=text)
        else:
            self._log.warn("chat: {text}", text=text)

    def failed(self, reason: str) -> None:
        self._log.critical("the chat can't be kept any more: {reason}", reason=reason)
        for session in self._pipeline.state.sessions.values():
            _write(session, ErrorReply(ChatError(JOURNAL_FAILED)))
        if self._shutDown is not None:
            self._shutDown(f"the chat can't be kept any more: {reason}")


def _write(session: Session, notification: Notice | ErrorReply) -> None:
    # Sessions of other nodes have no connection here; their own node writes to them.
    if session.recipient is not None:
        session.recipient.notify(notification)
