"""
How a server is put together, for twistd: the one place where all parts meet.

L{makeService} runs before twistd becomes a daemon: it binds sockets and locks the state folder,
because only then a failure can be printed in one line, with an exit status.  Everything that a
fork would break (threads, epoll objects) begins in C{startService}.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import pwd
import resource
import sys
import time
from dataclasses import replace
from typing import Any, TextIO

from twisted.application.internet import TimerService
from twisted.application.service import IService
from twisted.logger import FileLogObserver

from tsservices.admin.control import ControlService
from tsservices.admin.metrics import CountersFile
from tsservices.chat.controller import PlainLogin
from tsservices.chat.storage import StorageError
from tsservices.cluster.broker import BrokerError
from tsservices.cluster.nats.config import JetStreamConfig
from tsservices.common.addresses import TrustedNetworks
from tsservices.common.certificates import CertificateError
from tsservices.common.commandline import serverProgram
from tsservices.common.counters import CounterRegistry
from tsservices.common.descriptors import openMissing
from tsservices.common.limits import Limits
from tsservices.common.logs import ConnectionLog, PayloadLog, PeerLog
from tsservices.common.statedir import CHAT_FILE
from tsservices.common.text import plural
from tsservices.common.timestamps import TimestampFormatter
from tsservices.frontends.formats.localtime import ZONE_SECONDS, SystemZone
from tsservices.frontends.irc.server import IRCServer
from tsservices.server.certificates import (
    ServerCertificate,
    givenCertificate,
    ownCertificate,
    watching,
)
from tsservices.server.chat.factory import ChatConfig, makeChat
from tsservices.server.chat.service import ChatService
from tsservices.server.config import REFUSE
from tsservices.server.listeners import (
    CHAT,
    CHAT_FRONTENDS,
    ONLY,
    BindError,
    BoundListener,
    ListenerService,
    bind,
    writeTable,
)
from tsservices.server.log import LogError, LoggedService, logPlace, openLog
from tsservices.server.options import Options
from tsservices.server.privileges import PIDFile, actingAs
from tsservices.server.registry import Wiring
from tsservices.server.shutdown import SignalService
from tsservices.services.talk.operator import OperatorService
from tsservices.services.talk.switchboard import Switchboard
from tsservices.transport.admission import Admission
from tsservices.transport.binder import Binder
from tsservices.transport.context import DatagramContext, StreamContext
from tsservices.transport.inherited import passedEnvironment
from tsservices.transport.reactor import prepareReactor
from tsservices.transport.timeouts import ConnectionTimeouts
from tsservices.transport.udp_guard import REFLECTOR_PORTS

#: Descriptors that every system gives, also one that says "infinite" and means less (macOS).
DESCRIPTORS_ANYWHERE = 10_240

#: Descriptors that are not for connections: listening sockets, log, state.
DESCRIPTORS_RESERVED = 128

#: The operator's name where C{--operator} names none: one can still attach by the socket.
OPERATOR = "operator"


__all__ = ["Options", "makeService"]


def makeService(options: Options, reactor: Any = None, terminal: TextIO | None = None) -> IService:
    """
    Make the server, bound and not yet serving.

    @param reactor: L{None}: the one that twistd runs, in a process that is the server's alone.
    @param terminal: where the start's table is written.
    @raise SystemExit: something can't be had; the argument is the line to print.
    """
    ownsProcess = reactor is None
    if ownsProcess:
        reactor = _prepareProcess()
    terminal = terminal or sys.__stdout__
    becoming = _becoming(options)
    folder = options.folder
    limits = _withDescriptors(options.limits)
    for stream in (sys.stdout, terminal):
        _writeAnyCharacter(stream)
    try:
        folder.create()
        if not options["reuse-port"]:
            folder.lock()
        folder.sweep()
        kept = _giveFolder(options, becoming)
    except OSError as reason:
        folder.release()
        raise SystemExit(
            f"{serverProgram()}: the state folder {folder}: {reason.strerror}"
        ) from reason
    logConnections = bool(options["log-connections"])
    binder = Binder(
        reactor, not options["no-fast-lane"], bool(options["reuse-port"]), logConnections
    )
    try:
        chatOptions = chatConfig(options, limits)
        with actingAs(*becoming):
            chat = makeChat(chatOptions, reactor)
        certificate = _certificate(options, becoming)
        closedPorts, closedPaths = set(REFLECTOR_PORTS), set[str]()
        wiring = _makeContexts(
            options, limits, closedPorts, closedPaths, chat, certificate, reactor
        )
        counters = CounterRegistry()
        listeners = bind(options.listenSpecs, wiring, closedPorts, closedPaths, counters, binder)
        chat.plainLogin = _plainLogin(options, listeners)
        with actingAs(*becoming):
            chat.prepare()
        # Last: a server that can't start leaves no log.
        observer = _openLog(options, becoming, reactor)
    except (BindError, StorageError, BrokerError, CertificateError, LogError) as reason:
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
    # Once more: a socket that was bound as root may be in there.
    kept = folder.giveTo(*becoming) if kept is not None else []

    server = LoggedService(observer)
    server.setName("tsserver")

    def discard() -> None:
        # The start can still fail: in twistd, or in a service.  What is bound must not stay.
        if not server.stopped:
            for owner in (binder, operator, control):
                owner.discard()
            folder.release()

    if ownsProcess:
        atexit.register(discard)
    # Stopped in the reverse order: first nobody can come any more, then connections end, then the
    # chat stores what they have said, and the last figures are written.
    services = (
        SignalService(reactor),
        *_pidFile(options, becoming),
        CountersFile(counters, folder, reactor),
        _followZone(reactor),
        chat,
        wiring.streams.timeouts,
        operator,
        control,
        ListenerService(listeners, folder, chat),
    )
    if certificate is not None:
        watching(certificate, reactor).setServiceParent(server)
    for service in services:
        service.setServiceParent(server)
    if terminal is not None:
        # A closed pipe or a full disk behind it is no reason not to serve.
        with contextlib.suppress(OSError):
            notes = _notes(options, limits, chat, operator, control)
            notes += _tlsNotes(options, certificate)
            if kept:
                notes.append(f"in {folder} these stay with their owners: {', '.join(sorted(kept))}")
            writeTable(listeners, notes, terminal)
    return server


def _makeContexts(
    options: Options,
    limits: Limits,
    closedPorts: set[int],
    closedPaths: set[str],
    chat: ChatService,
    certificate: ServerCertificate | None,
    reactor: Any,
) -> Wiring:
    trusted = TrustedNetworks(options["trust"])
    monotonic = time.monotonic
    # One for all: the limit of log lines is the server's.
    peerLog = PeerLog(monotonic)
    connectionLog = ConnectionLog(monotonic) if options["log-connections"] else None
    return Wiring(
        streams=StreamContext(
            limits=limits,
            clock=reactor,
            monotonic=monotonic,
            admission=Admission(limits, trusted),
            timeouts=ConnectionTimeouts(limits, reactor, monotonic),
            peerLog=peerLog,
            connectionLog=connectionLog,
        ),
        datagrams=DatagramContext(
            limits=limits,
            trusted=trusted,
            closedPorts=closedPorts,
            closedPaths=closedPaths,
            clock=reactor,
            monotonic=monotonic,
            peerLog=peerLog,
            connectionLog=connectionLog,
        ),
        formatter=TimestampFormatter(options["stamp"], time.time_ns),
        payloadLog=PayloadLog(limits.logRate, monotonic),
        switchboard=Switchboard(options["operator"] or OPERATOR, limits.talkWaiting),
        reflector=options.mode,
        nanoclock=time.time_ns,
        chat=chat,
        certificate=certificate,
        irc=IRCServer(
            chat,
            options["irc-name"],
            options["irc-network"],
            options["irc-info"],
            created=time.time_ns(),
        ),
    )


def _certificate(options: Options, becoming: tuple[int, int]) -> ServerCertificate | None:
    """@raise CertificateError: it can't be used."""
    if not any(spec.tls for spec in options.listenSpecs):
        return None
    if options["certificate"] is not None:
        # With the rights that the process has now: the key may be for root alone.
        return givenCertificate(options["certificate"], options.folder)
    with actingAs(*becoming):
        return ownCertificate(options.folder)


def _plainLogin(options: Options, listeners: list[BoundListener]) -> PlainLogin:
    ports = [
        listener.port.name[1]
        for listener in listeners
        if listener.spec.service.name == CHAT
        and listener.spec.encrypted
        and not isinstance(listener.port.name, str)
    ]
    return PlainLogin(options["plain-login"] == REFUSE, ports[0] if ports else None)


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
        served=any(spec.service.name in CHAT_FRONTENDS for spec in options.listenSpecs),
        persistent=options["journal"] != "memory",
        keep=options["keep"],
        operators=frozenset(options["chat-operators"]),
        leaveCluster=bool(options["leave-cluster"]),
        fastLane=not options["no-fast-lane"],
        cluster=cluster,
        node=options["node"],
    )


def _writeAnyCharacter(stream: TextIO | None) -> None:
    # A character that the encoding of the terminal lacks is written as a number.
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def _withDescriptors(limits: Limits) -> Limits:
    # As many descriptors for this process as the system allows, and no more connections.
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


def _followZone(reactor: Any) -> IService:
    service = TimerService(ZONE_SECONDS, SystemZone().refresh)
    service.clock = reactor
    service.setName("zone")
    return service


def _prepareProcess() -> Any:
    # First of all: neither the reactor nor a socket may get the number of a standard descriptor.
    if taken := openMissing():
        # twistd makes the reactor that --reactor names before it asks for us, and that can't be
        # moved: begin again with what was missing.
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in taken:
            os.dup2(null, descriptor)
        # With what Twisted has removed: the sockets of systemd are still for this process.
        environ = {**os.environ, **passedEnvironment()}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)
    from twisted.internet import reactor

    prepareReactor(reactor)
    return reactor


def _openLog(options: Options, becoming: tuple[int, int], reactor: Any) -> FileLogObserver | None:
    path, _ = _openedByTwistd(options)
    inFolder = path is not None and options.folder.contains(path)
    # Root would follow what that user has put there, and make a file that the user can't rotate.
    with actingAs(*(becoming if inFolder else (-1, -1))):
        return openLog(options.parent or {}, reactor)


def _pidFile(options: Options, becoming: tuple[int, int]) -> list[PIDFile]:
    _, path = _openedByTwistd(options)
    if path is None or becoming == (-1, -1) or not options.folder.contains(path):
        return []
    assert options.parent is not None
    # twistd looks here only when it writes the file, and when it removes it.
    options.parent["pidfile"] = ""
    return [PIDFile(options.folder, path)]


def _openedByTwistd(options: Options) -> tuple[str | None, str | None]:
    # The log and the file with the number of the process.
    parent = options.parent if options.parent is not None else {}
    log, pid = parent.get("logfile"), parent.get("pidfile")
    return (None if log in (None, "-") else str(log)), (str(pid) if pid else None)


def _giveFolder(options: Options, becoming: tuple[int, int]) -> list[str] | None:
    # What was not given to the user that the server becomes; L{None} if nothing can be.
    folder = options.folder
    # These are opened as root.
    folder.checkOwn(filter(None, (*_openedByTwistd(options), options["stamp-key"])))
    try:
        kept = folder.giveTo(*becoming)
    except OSError:
        # Without the right to do this there is none to become that user, which twistd will say.
        return None
    return kept


def _becoming(options: Options) -> tuple[int, int]:
    """@raise SystemExit: twistd could not become that user; the argument is the line to print."""
    parent = options.parent if options.parent is not None else {}
    user, group = parent.get("uid"), parent.get("gid")
    if user is not None and (group is None or user != os.getuid()):
        try:
            pwd.getpwuid(user)
        except KeyError:
            # twistd wants the user's name, to find the groups.
            raise SystemExit(
                f"{serverProgram()}: --uid {user}: this system knows no user with this number"
            ) from None
    return (-1 if user is None else int(user)), (-1 if group is None else int(group))


def _hasTerminal(options: Options) -> bool:
    parent = options.parent
    stays = parent is not None and bool(parent.get("nodaemon", True))
    return options["operator"] is not None and stays


def _notes(
    options: Options,
    limits: Limits,
    chat: ChatService,
    operator: OperatorService,
    control: ControlService,
) -> list[str]:
    notes = [f"log: {logPlace(options.parent or {})}; state: {options.folder}", *chat.notes]
    if options["reuse-port"]:
        notes.append(f"ports may be shared; these are in {options.folder.path('ports.<pid>.json')}")
    elif not options.folder.owned:
        notes.append(
            "another server has this state folder: ports are in "
            f"{options.folder.path('ports.<pid>.json')}, and operators attach to the other one"
        )
    if operator.trouble:
        notes.append(f"operators can't attach: {operator.trouble}")
    if control.trouble:
        notes.append(f"backup and export can't reach this server: {control.trouble}")
    if limits.maxConnections < options.limits.maxConnections:
        notes.append(f"descriptors allow {plural(limits.maxConnections, 'connection')}, not more")
    return notes


def _tlsNotes(options: Options, certificate: ServerCertificate | None) -> list[str]:
    specs = options.listenSpecs
    notes = []
    if certificate is not None:
        notes += certificate.notes()
    elif options["certificate"] is not None:
        notes.append("TLS: --certificate is not used, since no service is served by it")
    if options["tls"] == ONLY:
        names = [spec.service.name for spec in specs if spec.transport == "udp"]
        if names:
            notes.append(f"TLS: there is none for UDP, so in clear stay {', '.join(names)}")
    return notes
