"""The chat of one server: makes, starts and stops its storage, state and pipeline."""

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

#: Random bytes of tokens, and of passwords that an operator gives to users.
TOKEN_BYTES = 16

#: Bytes of the welcome file that are shown.
WELCOME_BYTES = 8192


@dataclass(frozen=True, slots=True)
class ChatServiceConfig:
    limits: Limits
    #: The first part of session ids, different in each run.
    run: str
    #: The path of the welcome text; empty: there is none.
    welcomeFile: str = ""
    #: Folded names of the accounts that may do anything.
    operators: frozenset[str] = frozenset()
    #: Whether a chat that belongs to a cluster leaves it for good.
    leaveCluster: bool = False


class ChatService(Service):
    """
    The chat of one server, from loading the stored state to storing the last messages.

    Between L{prepare} and C{startService} the process may become a daemon: everything that a fork
    would break (threads, locks on files) is made in C{startService}.

    @ivar pool: the send queues of all connections together.
    @ivar notes: lines for the operator who starts the server.
    @ivar open: whether users may connect.
    @ivar plainLogin: policy for passwords on insecure connections; set before L{prepare}.
    @ivar webPort: the port for browsers; L{None}: there is none; set before L{prepare}.
    @ivar node: the name of this node; empty without a cluster.
    """

    name = "chat"
    node = ""
    #: L{None} without a cluster.
    counters: ClusterCounters | None = None
    open = False
    #: In a cluster, the reason why messages can't be ordered now.
    trouble: ChatError | None = None
    #: Describes the nodes of the cluster to an operator; L{None}: there is no cluster.
    nodes: Callable[[], list[str]] | None = None
    #: The objects that all session controllers share.
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
        @param wallClock: the time in nanoseconds since 1970, UTC.
        @param monotonic: the monotonic time in seconds.
        @param turnEnd: schedules a call at the end of the reactor's iteration.
        @param shutDown: ends the server with a failure; takes the reason in one line.
        @param callLater: as the reactor's; L{None}: writes are not delayed to be joined.
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
        Load the stored state, while a failure can still be shown in one line.

        @raise StorageError: the database can't be used.
        """
        config, loaded = self._config, self.storage.prepare()
        self.notes = loaded.notes
        if loaded.epoch and not config.leaveCluster:
            raise StorageError(
                "the chat in this state folder belongs to a cluster: start with --cluster, or"
                " once with --leave-cluster to have it go on alone for good"
            )
        if loaded.epoch:
            # Permanent: the next start needs no option, and the node can't return to the cluster.
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
        """Call a function when the chat is open, at once if it is."""
        call()

    def startService(self) -> None:
        super().startService()
        self.hasher.start()
        # The monitor's `stored` is a method of the pipeline, without the service in between.
        self.storage.start(StorageMonitor(self._pipeline, self._shutDown))
        self.open = True

    def stopService(self) -> Deferred[None]:
        """Stop; fires when everything is stored."""
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
        """Make the session of a new connection."""
        self._sessions += 1
        ident = f"{self._config.run}.{self._sessions}"
        return Session(ident, recipient, cloak(self._secret, host), self.node)

    def welcome(self) -> list[str]:
        """Read the lines of the welcome file, which may have changed since the last call."""
        if not self._config.welcomeFile:
            return []
        try:
            with open(openPlain(self._config.welcomeFile, os.O_RDONLY), "rb") as file:
                text = file.read(WELCOME_BYTES).decode("utf-8-sig", "replace")
        except OSError:
            # A missing or unreadable file must not prevent connections.
            return []
        # A file in another encoding, or with control characters, must not disturb a terminal.
        return [visible(line) for line in text.splitlines()]


class StorageMonitor:
    """
    Listener of the storage: reports its errors to the log and to the users concerned.

    @ivar stored: a method of the pipeline itself, since it is called for each batch.
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
    # Sessions of other nodes have no connection here; their node writes to them.
    if session.recipient is not None:
        session.recipient.notify(notification)
