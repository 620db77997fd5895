"""
The assembly of a server from all its parts, for twistd.

L{makeService} runs before twistd becomes a daemon: it binds sockets and locks the state folder,
because only then a failure can be printed in one line, with an exit status.  Everything that a
fork would break (threads, epoll objects) is made in C{startService}.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import sys
from dataclasses import replace
from typing import Any, TextIO

from twisted.application.internet import TimerService
from twisted.application.service import IService

from tsservices.admin.control import ControlService
from tsservices.admin.metrics import CountersFile
from tsservices.chat.storage import StorageError
from tsservices.cluster.broker import BrokerError
from tsservices.common.certificates import CertificateError
from tsservices.common.commandline import serverProgram
from tsservices.common.counters import CounterRegistry
from tsservices.common.descriptors import openMissing, raiseDescriptorLimit
from tsservices.common.limits import Limits
from tsservices.common.statedir import CHAT_FILE
from tsservices.frontends.formats.localtime import ZONE_SECONDS, SystemZone
from tsservices.server.certificates import (
    certificateService,
)
from tsservices.server.chat.factory import makeChat
from tsservices.server.listeners import (
    CHAT,
    BindError,
    ListenerService,
    PortsFile,
    bind,
    writeTable,
)
from tsservices.server.log import LogError, LoggedService
from tsservices.server.notes import startNotes, tlsNotes
from tsservices.server.options import Options
from tsservices.server.privileges import (
    actingAs,
    becomingUser,
    checkPIDFile,
    giveFolder,
    openLogAs,
    pidFile,
)
from tsservices.server.shutdown import SignalService
from tsservices.server.web import connectWeb
from tsservices.server.wiring import (
    chatConfig,
    makeWiring,
    plainLogin,
    portOf,
    serverCertificate,
)
from tsservices.server.worker import WorkerError, WorkerPlace, WorkerReport
from tsservices.server.workers import WorkersRegistry, WorkersService, workerCommand
from tsservices.services.talk.operator import OperatorService
from tsservices.transport.binder import Binder
from tsservices.transport.epoll.ringservice import RingService
from tsservices.transport.inherited import passedEnvironment
from tsservices.transport.reactor import prepareReactor
from tsservices.transport.shared_sockets import GivenSockets, OwnSockets, WorkersSockets
from tsservices.transport.udp_guard import REFLECTOR_PORTS

#: Descriptors that are not for connections: listening sockets, log, state.
DESCRIPTORS_RESERVED = 128


__all__ = ["Options", "makeService"]


def makeService(options: Options, reactor: Any = None, terminal: TextIO | None = None) -> IService:
    """
    Make the server, with its sockets bound and not yet serving.

    @param reactor: L{None}: twistd's reactor, in a process that runs only this server.
    @param terminal: gets the table of services at the start.
    @raise SystemExit: the server can't start; the argument is the line to print.
    """
    ownsProcess = reactor is None
    if ownsProcess:
        reactor = _prepareProcess()
    terminal = terminal or sys.__stdout__
    worker = WorkerPlace.fromEnvironment() if ownsProcess else None
    becoming = becomingUser(options)
    checkPIDFile(options)
    folder = options.folder
    limits = _withDescriptors(options.limits)
    for stream in (sys.stdout, terminal):
        _writeAnyCharacter(stream)
    try:
        folder.create()
        if not options["reuse-port"] and worker is None:
            folder.lock()
        folder.sweep()
        unchanged = giveFolder(options, becoming)
    except OSError as reason:
        folder.release()
        raise SystemExit(
            f"{serverProgram()}: the state folder {folder}: {reason.strerror}"
        ) from reason
    logConnections = bool(options["log-connections"])
    sockets, others = _sockets(options, worker)
    binder = Binder(reactor, not options["no-fast-lane"], sockets, logConnections)
    try:
        if worker is not None:
            worker.check([(spec.service.name, spec.transport) for spec in options.listenSpecs])
        chatOptions = chatConfig(options, limits)
        with actingAs(*becoming):
            chat = makeChat(chatOptions, reactor)
        certificate = serverCertificate(options, becoming)
        closedPorts, closedPaths = set(REFLECTOR_PORTS), set[str]()
        wiring = makeWiring(options, limits, closedPorts, closedPaths, chat, certificate, reactor)
        counters = CounterRegistry() if others is None else WorkersRegistry()
        served = {spec.service.name: spec.service for spec in options.listenSpecs}
        connectWeb(wiring.web, chat, counters, served, binder, options["metrics-from"])
        listeners = bind(options.listenSpecs, wiring, closedPorts, closedPaths, counters, binder)
        chat.plainLogin = plainLogin(options, listeners)
        chat.webPort = portOf("http", listeners, False) or portOf("http", listeners, True)
        with actingAs(*becoming):
            chat.prepare()
        # Last, so that a server that can't start leaves no log.
        observer = openLogAs(options, becoming, reactor, 0 if worker is None else worker.number)
    except (
        BindError,
        StorageError,
        BrokerError,
        CertificateError,
        LogError,
        WorkerError,
    ) as reason:
        binder.discard()
        folder.release()
        raise SystemExit(f"{serverProgram()}: {reason}") from reason
    if chat.counters is not None:
        counters.add({"offering": CHAT, "node": chat.node}, chat.counters)
    if chat.storage.counters is not None:
        where: dict[str, object] = {"offering": CHAT, "database": folder.path(CHAT_FILE)}
        counters.add(where, chat.storage.counters)
    operator = OperatorService(
        wiring.switchboard, folder, reactor, onTerminal=_hasTerminal(options)
    )
    control = ControlService(chat, folder, reactor)
    with actingAs(*becoming):
        if any(spec.service.name == "talk" for spec in options.listenSpecs):
            operator.bind()
        if chatOptions.served:
            control.bind()
    # Once more: a socket that was bound as root may be in the folder.
    unchanged = folder.giveTo(*becoming) if unchanged is not None else []

    server = LoggedService(observer)
    server.setName("tsserver")

    def discard() -> None:
        # The start can still fail, in twistd or in a service.  No bound socket must stay then.
        if not server.stopped:
            for owner in (binder, operator, control):
                owner.discard()
            folder.release()

    if ownsProcess:
        atexit.register(discard)
    # Stopped in the reverse order: the listeners close, then connections end, then the chat stores
    # the last messages, then the last counters are written.
    ports = PortsFile(folder)
    services: tuple[IService, ...] = (
        SignalService(reactor),
        *pidFile(options, becoming),
        CountersFile(counters, folder, reactor)
        if worker is None
        else WorkerReport(counters, reactor),
    )
    if others is None:
        services += (
            _followZone(reactor),
            chat,
            wiring.streams.timeouts,
            operator,
            control,
            ListenerService(listeners, ports if worker is None else None, chat),
        )
        if chatOptions.served and chatOptions.fastLane and not options["no-io-uring"]:
            services += (RingService(reactor),)
    else:
        assert isinstance(counters, WorkersRegistry)
        command = workerCommand(options.parent or {}, options.commandLine)
        services += (WorkersService(command, listeners, others, ports, counters, reactor),)
    if certificate is not None and others is None:
        certificateService(certificate, reactor).setServiceParent(server)
    for service in services:
        service.setServiceParent(server)
    if terminal is not None and worker is None:
        # The server also starts if this is a closed pipe or a file on a full disk.
        with contextlib.suppress(OSError):
            notes = startNotes(options, limits, chat, operator, control)
            notes += tlsNotes(options, certificate)
            if unchanged:
                notes.append(
                    f"in {folder} these stay with their owners: {', '.join(sorted(unchanged))}"
                )
            writeTable(listeners, notes, terminal)
    return server


def _sockets(
    options: Options, worker: WorkerPlace | None
) -> tuple[OwnSockets, WorkersSockets | None]:
    # The source of the sockets; the second item is the same object if they are for workers.
    if worker is not None:
        return GivenSockets(worker.descriptors), None
    if options["processes"] > 1:
        others = WorkersSockets(options["processes"])
        return others, others
    return OwnSockets(bool(options["reuse-port"])), None


def _writeAnyCharacter(stream: TextIO | None) -> None:
    # A character that the encoding of the terminal lacks is written as an escape.
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def _withDescriptors(limits: Limits) -> Limits:
    # Raise the limit of descriptors as far as the system allows, and fit the connections to it.
    soft = raiseDescriptorLimit()
    if soft is None:
        return limits
    room = max(1, soft - DESCRIPTORS_RESERVED)
    return replace(limits, maxConnections=min(limits.maxConnections, room))


def _followZone(reactor: Any) -> IService:
    service = TimerService(ZONE_SECONDS, SystemZone().refresh)
    service.clock = reactor
    service.setName("zone")
    return service


def _prepareProcess() -> Any:
    # First: neither the reactor nor a socket may get the number of a standard descriptor.
    if taken := openMissing():
        # twistd makes the reactor of --reactor before it calls this plugin, and its descriptors
        # can't be moved: execute the program again with the missing descriptors open.
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in taken:
            os.dup2(null, descriptor)
        # With the variables of systemd's sockets, which Twisted has removed.
        environ = {**os.environ, **passedEnvironment()}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)
    from twisted.internet import reactor

    prepareReactor(reactor)
    return reactor


def _hasTerminal(options: Options) -> bool:
    parent = options.parent
    stays = parent is not None and bool(parent.get("nodaemon", True))
    return options["operator"] is not None and stays
