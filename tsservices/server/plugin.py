"""
How a running server is put together, for twistd.

L{makeService} runs before twistd becomes a daemon: it binds sockets and takes the
state folder, because only then a failure can be told in one line and with an exit
status.  Everything that a fork would break begins in C{startService}.
"""

from __future__ import annotations

import contextlib
import io
import resource
import sys
import time
from dataclasses import replace
from typing import Any, TextIO

from twisted.application.service import IService

from tsservices.admin.control import ControlService
from tsservices.admin.metrics import CountersFile
from tsservices.chat.storage import StorageError
from tsservices.cluster.broker import BrokerError
from tsservices.cluster.nats.config import JetStreamConfig
from tsservices.common.addresses import TrustedNetworks
from tsservices.common.limits import Limits
from tsservices.common.timestamps import TimestampFormatter
from tsservices.server.chat.factory import ChatConfig, makeChat
from tsservices.server.chat.service import ChatService
from tsservices.server.listeners import BindError, ListenerService, bind, writeTable
from tsservices.server.options import Options
from tsservices.server.shutdown import OrderedMultiService, SignalService
from tsservices.services.talk.operator import OperatorService
from tsservices.transport.binder import Binder
from tsservices.transport.context import ServiceContext

#: Descriptors that every system gives, also one that says "infinite" and means less.
DESCRIPTORS_ANYWHERE = 10_240

#: Descriptors that connections may not have: listening sockets, log, state.
DESCRIPTORS_RESERVED = 128


__all__ = ["Options", "makeService"]


def makeService(options: Options, reactor: Any = None, terminal: TextIO | None = None) -> IService:
    """
    The server.

    @raise SystemExit: it can't be served; the argument is the line to print.
    """
    if reactor is None:
        from twisted.internet import reactor
    terminal = terminal or sys.__stdout__
    folder = options.folder
    limits = _withDescriptors(options.limits)
    for stream in (sys.stdout, terminal):
        _makeForgiving(stream)
    try:
        folder.create()
        if not options["reuse-port"]:
            folder.lock()
    except OSError as reason:
        raise SystemExit(f"tsserver: the state folder {folder}: {reason.strerror}") from reason
    binder = Binder(reactor, not options["no-fast-lane"], bool(options["reuse-port"]))
    try:
        chat = makeChat(chatConfig(options, limits), reactor)
        environment = ServiceContext.make(
            limits,
            TimestampFormatter(options["stamp"], time.time_ns),
            TrustedNetworks(options["trust"]),
            reactor,
            time.monotonic,
            chat,
            options["operator"] or "operator",
            mode=options.mode,
        )
        listeners = bind(options.places, environment, binder)
        chat.prepare()
    except (BindError, StorageError, BrokerError) as reason:
        binder.discard()
        folder.release()
        raise SystemExit(f"tsserver: {reason}") from reason
    if chat.counters is not None:
        environment.ledger.add({"offering": "chat", "node": chat.node}, chat.counters)
    seat = OperatorService(
        environment.switchboard, folder, reactor, onTerminal=_hasTerminal(options)
    )
    if any(each.place.offering.name == "talk" for each in listeners):
        seat.bind()
    control = ControlService(chat, folder, reactor)
    if any(each.place.offering.name == "chat" for each in listeners):
        control.bind()
    # Who may not do this may not become that user either, which twistd will say.
    with contextlib.suppress(OSError):
        folder.chown(*_becoming(options))

    server = OrderedMultiService()
    server.setName("tsserver")
    services = (
        CountersFile(environment.ledger, folder, reactor),
        chat,
        environment.sweep,
        seat,
        control,
        ListenerService(listeners, folder, chat),
        SignalService(reactor),
    )
    for service in services:
        service.setServiceParent(server)
    if terminal is not None:
        # Nobody looks, or the disk behind it is full: serving comes first.
        with contextlib.suppress(OSError):
            writeTable(listeners, _notes(options, limits, chat, seat, control), terminal)
    return server


def chatConfig(options: Options, limits: Limits) -> ChatConfig:
    """The chat that the options ask for."""
    cluster = None
    if options["cluster"] is not None:
        cluster = JetStreamConfig(
            servers=tuple(options["cluster"]),
            stream=options["cluster-stream"],
            subject=options["cluster-stream"],
            replicas=options["cluster-replicas"],
            caFile=options["cluster-ca"],
            certificateFile=options["cluster-certificate"],
            keyFile=options["cluster-key"],
            credentialsFile=options["cluster-credentials"],
            nkeyFile=options["cluster-nkey-file"],
            tokenFile=options["cluster-token-file"],
            passwordFile=options["cluster-user-file"],
        )
    return ChatConfig(
        folder=options.folder,
        limits=limits,
        served=any(each.offering.name == "chat" for each in options.places),
        persistent=options["journal"] != "memory",
        keep=options["keep"],
        operators=frozenset(options["chat-operators"]),
        leaveCluster=bool(options["leave-cluster"]),
        fastLane=not options["no-fast-lane"],
        cluster=cluster,
        node=options["node"],
    )


def _makeForgiving(stream: TextIO | None) -> None:
    """Let a stream write out as numbers what its encoding lacks, instead of failing."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def _withDescriptors(limits: Limits) -> Limits:
    """Let this process have as many descriptors as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, DESCRIPTORS_ANYWHERE):
        if soft != hard and wanted != soft:
            # Where the hard limit is "infinite" the soft one may not be set to it.
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                soft = wanted
                break
    if soft == resource.RLIM_INFINITY:
        return limits
    room = max(1, soft - DESCRIPTORS_RESERVED)
    return replace(limits, maxConnections=min(limits.maxConnections, room))


def _becoming(options: Options) -> tuple[int, int]:
    parent = options.parent if options.parent is not None else {}
    user, group = parent.get("uid"), parent.get("gid")
    return (-1 if user is None else int(user)), (-1 if group is None else int(group))


def _hasTerminal(options: Options) -> bool:
    parent = options.parent
    stays = parent is not None and bool(parent.get("nodaemon", True))
    return options["operator"] is not None and stays


def _notes(
    options: Options,
    limits: Limits,
    chat: ChatService,
    seat: OperatorService,
    control: ControlService,
) -> list[str]:
    notes = [f"log: {_logPlace(options)}; state: {options.folder}", *chat.notes]
    if options["reuse-port"]:
        notes.append(f"ports may be shared; these are in {options.folder.path('ports.<pid>.json')}")
    elif not options.folder.owned:
        notes.append(
            "another server has this state folder: ports are in "
            f"{options.folder.path('ports.<pid>.json')}, and operators attach to the other one"
        )
    if seat.trouble:
        notes.append(f"operators can't attach: {seat.trouble}")
    if control.trouble:
        notes.append(f"backup and export can't reach this server: {control.trouble}")
    if limits.maxConnections < options.limits.maxConnections:
        notes.append(f"descriptors allow {limits.maxConnections} connections, not more")
    return notes


def _logPlace(options: Options) -> str:
    parent = options.parent if options.parent is not None else {}
    if parent.get("syslog"):
        return "syslog"
    logFile = parent.get("logfile")
    if logFile not in (None, "-"):
        return str(logFile)
    return "this terminal" if parent.get("nodaemon", True) else "twistd.log"
