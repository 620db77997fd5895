"""The assembly of the chat of a server: its storage, and alone or in a cluster."""

from __future__ import annotations

import secrets
import socket
import time
from dataclasses import dataclass
from typing import Any

from twisted.logger import Logger

from tsservices.chat.passwords import PasswordBounds
from tsservices.chat.storage import Storage, StorageError
from tsservices.cluster.broker import BrokerError
from tsservices.cluster.nats.config import JetStreamConfig
from tsservices.cluster.node import storedNodeName
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import LogThrottle
from tsservices.common.statedir import CHAT_FILE, WELCOME_FILE, StateDirectory
from tsservices.server.chat.service import ChatService, ChatServiceConfig
from tsservices.server.password_hasher import PasswordHasherThread
from tsservices.server.shutdown import FatalShutdown
from tsservices.storage.memory import MemoryStorage
from tsservices.storage.sqlite.journal import SQLiteStorage
from tsservices.transport.epoll.set import turnEnd

_LOG = Logger("tsservices")

#: Different errors of a broker whose last log time is remembered.
_ERRORS_REMEMBERED = 64

#: The most log lines of errors in one minute, because many servers can fail at once.
_ERRORS_PER_MINUTE = 20


@dataclass(frozen=True, slots=True)
class ChatConfig:
    """The settings of the chat."""

    folder: StateDirectory
    limits: Limits
    #: Whether a frontend is served; if not, the chat needs neither disk nor cluster.
    served: bool
    #: Whether the chat is stored in a database, not in memory.
    persistent: bool
    #: Seconds that lines are kept; L{None}: for ever.
    keep: float | None
    #: Folded names of the accounts that may do anything.
    operators: frozenset[str]
    #: Whether a chat that belongs to a cluster leaves it for good.
    leaveCluster: bool
    #: Whether the reactor may have its own set for epoll.
    fastLane: bool
    #: The broker; L{None}: no cluster.
    cluster: JetStreamConfig | None
    #: The name of the node; L{None}: it is made at the first start, and stored.
    node: str | None


def makeChat(config: ChatConfig, reactor: Any) -> ChatService:
    """
    Make the chat, with nothing loaded yet.

    @raise StorageError: the chat can't be stored with these settings.
    @raise BrokerError: the chat can't be part of a cluster with these settings.
    """

    def callFromThread(*call: Any) -> None:
        # Looked up at each call, because reactors of tests lack this method.
        reactor.callFromThread(*call)

    folder, limits = config.folder, config.limits
    bounds = PasswordBounds(limits.passwordShortest, limits.passwordLongest)
    storage = _storage(config, callFromThread)
    arguments = (
        ChatServiceConfig(
            config.limits,
            secrets.token_hex(4),
            folder.path(WELCOME_FILE),
            config.operators,
            config.leaveCluster,
        ),
        storage,
        PasswordHasherThread(callFromThread, bounds=bounds),
        time.time_ns,
        time.monotonic,
        turnEnd(reactor, config.fastLane),
        FatalShutdown(reactor).stop,
        reactor.callLater,
    )
    if config.cluster is None or not config.served:
        return ChatService(*arguments)
    if config.leaveCluster:
        raise BrokerError("--leave-cluster is for a server without --cluster")
    if not isinstance(storage, SQLiteStorage):
        raise BrokerError("--cluster needs --journal sqlite: each node keeps all that happens")
    # Imported here because these need packages that are installed only for a cluster.
    from tsservices.cluster.nats.broker import JetStreamBroker
    from tsservices.server.chat.cluster_service import ClusterChatService, ClusterServiceConfig

    # An error repeats with every attempt, a few hundred milliseconds later.
    throttle = LogThrottle(_ERRORS_REMEMBERED, _ERRORS_PER_MINUTE, time.monotonic())

    def log(text: str) -> None:
        if throttle.allows(text, time.monotonic()):
            _LOG.warn("the engine: {text}", text=text)

    broker = JetStreamBroker(config.cluster, callFromThread, log=log)
    node = config.node or storedNodeName(folder, socket.gethostname(), lambda: secrets.token_hex(2))
    where = ", ".join(config.cluster.servers)
    return ClusterChatService(
        *arguments,
        cluster=ClusterServiceConfig(node, where, folder.path(CHAT_FILE)),
        broker=broker,
        clock=reactor,
    )


def _storage(config: ChatConfig, callFromThread: Any) -> Storage:
    folder = config.folder
    # Without a frontend there are no messages, so no database and no lock on it.
    if not config.persistent or not config.served:
        return MemoryStorage(secrets.token_hex(4))
    if not folder.owned:
        raise StorageError(
            f"another server has the state folder {folder}, and the chat in it; "
            "choose another --state"
            + ("" if config.cluster is not None else ", or --journal memory")
        )
    return SQLiteStorage(
        folder.path(CHAT_FILE),
        secrets.token_hex(4),
        config.keep,
        callFromThread,
        time.time_ns,
    )
