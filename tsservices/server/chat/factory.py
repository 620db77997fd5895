"""
How the chat of a server is put together: its journal, and what orders it.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import socket
import time
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from tsservices.chat.storage import Storage, StorageError
from tsservices.cluster.broker import BrokerError
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import LogThrottle
from tsservices.common.statedir import CHAT_FILE, NODE_FILE, WELCOME_FILE, StateDirectory
from tsservices.server import config as values
from tsservices.server.chat.service import ChatService
from tsservices.server.options import Options
from tsservices.server.password_hasher import PasswordHasherThread
from tsservices.server.shutdown import FatalShutdown
from tsservices.storage.memory import MemoryStorage
from tsservices.storage.sqlite.journal import SQLiteStorage
from tsservices.transport.epoll.set import turnEnd

_LOG = Logger("tsservices")

#: Troubles of an engine of which it is remembered when the log told of them.
_TROUBLES_REMEMBERED = 64

#: How many the log tells of in one minute: with many servers many fail.
_TROUBLES_PER_MINUTE = 20


def makeChat(options: Options, limits: Limits, reactor: Any) -> ChatService:
    """
    The chat, not loaded.

    @raise JournalError: it can't be kept as asked for.
    @raise EngineError: it can't be one with others as asked for.
    """

    def callFromThread(*call: Any) -> None:
        reactor.callFromThread(*call)

    served = any(each.offering.name == "chat" for each in options.places)
    journal = _journal(options, served, callFromThread)
    arguments = (
        journal,
        limits,
        time.time_ns,
        turnEnd(reactor, not options["no-fast-lane"]),
        secrets.token_hex(4),
        PasswordHasherThread(callFromThread),
        options.folder.path(WELCOME_FILE),
        FatalShutdown(reactor).stop,
        frozenset(options["chat-operators"]),
    )
    if options["cluster"] is None or not served:
        return ChatService(*arguments, leaveCluster=bool(options["leave-cluster"]))
    if options["leave-cluster"]:
        raise BrokerError("--leave-cluster is for a server without --cluster")
    if not isinstance(journal, SQLiteStorage):
        raise BrokerError("--cluster needs --journal sqlite: each node keeps all that happens")
    # Who runs one node alone needs none of this.
    from tsservices.cluster.nats.broker import JetStreamBroker
    from tsservices.cluster.nats.config import JetStreamConfig
    from tsservices.server.chat.cluster_service import ClusterChatService

    once = LogThrottle(_TROUBLES_REMEMBERED, _TROUBLES_PER_MINUTE, time.monotonic())

    def noted(words: str) -> None:
        if once.allows(words, time.monotonic()):
            _LOG.warn("the engine: {words}", words=words)

    stream = options["cluster-stream"]
    engine = JetStreamBroker(
        JetStreamConfig(
            servers=tuple(options["cluster"]),
            stream=stream,
            subject=stream,
            replicas=options["cluster-replicas"],
            caFile=options["cluster-ca"],
            certificateFile=options["cluster-certificate"],
            keyFile=options["cluster-key"],
            credentialsFile=options["cluster-credentials"],
            nkeyFile=options["cluster-nkey-file"],
            tokenFile=options["cluster-token-file"],
            passwordFile=options["cluster-user-file"],
        ),
        callFromThread,
        time.monotonic,
        log=noted,
    )
    return ClusterChatService(
        *arguments,
        node=options["node"]
        or nodeName(options.folder, socket.gethostname(), lambda: secrets.token_hex(2)),
        broker=engine,
        where=", ".join(options["cluster"]),
        path=options.folder.path(CHAT_FILE),
        clock=reactor,
        seconds=time.monotonic,
    )


def nodeName(folder: StateDirectory, machine: str, random: Callable[[], str]) -> str:
    """
    Name a node that nobody has named: after its machine, where others may run too, and the
    same at each start.

    @raise EngineError: it can't be kept.
    """
    path = folder.path(NODE_FILE)
    try:
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
            return values.node(json.load(file))
        host = re.sub("[^a-z0-9]+", "-", machine.partition(".")[0].lower()).strip("-")[:20]
        name = f"{host or 'node'}-{random()}"
        folder.write(path, name)
    except (OSError, ValueError) as reason:
        raise BrokerError(f"{path}: {reason}; --node NAME names this node") from reason
    return name


def _journal(options: Options, served: bool, callFromThread: Any) -> Storage:
    folder = options.folder
    if options["journal"] == "memory" or not served:
        return MemoryStorage(secrets.token_hex(4))
    if not folder.owned:
        raise StorageError(
            f"another server has the state folder {folder}, and the chat in it; "
            "choose another --state" + ("" if options["cluster"] else ", or --journal memory")
        )
    return SQLiteStorage(
        folder.path(CHAT_FILE),
        secrets.token_hex(4),
        options["keep"],
        callFromThread,
        time.time_ns,
    )
