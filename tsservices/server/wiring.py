"""The objects and settings that the parts of a server get, made from the options."""

from __future__ import annotations

import time
from typing import Any

from tsservices.chat.controller import PlainLogin
from tsservices.cluster.nats.config import JetStreamConfig
from tsservices.common.addresses import TrustedNetworks
from tsservices.common.limits import Limits
from tsservices.common.logs import ConnectionLog, PayloadLog, PeerLog
from tsservices.common.timestamps import TimestampFormatter
from tsservices.frontends.irc.server import IRCServer
from tsservices.frontends.web.origins import WebConfig
from tsservices.frontends.web.server import WebServer
from tsservices.server.certificates import ServerCertificate, givenCertificate, ownCertificate
from tsservices.server.chat.factory import ChatConfig
from tsservices.server.chat.service import ChatService
from tsservices.server.config import REFUSE
from tsservices.server.listeners import CHAT, CHAT_FRONTENDS, IRC, BoundListener
from tsservices.server.options import Options
from tsservices.server.privileges import actingAs
from tsservices.server.registry import Wiring
from tsservices.services.talk.switchboard import Switchboard
from tsservices.transport.admission import Admission
from tsservices.transport.context import DatagramContext, StreamContext
from tsservices.transport.timeouts import ConnectionTimeouts

#: The operator's name without C{--operator}: an operator can still attach through the socket.
OPERATOR = "operator"


def makeWiring(
    options: Options,
    limits: Limits,
    closedPorts: set[int],
    closedPaths: set[str],
    chat: ChatService,
    certificate: ServerCertificate | None,
    reactor: Any,
) -> Wiring:
    """
    Make the objects that services get.

    @param closedPorts: the UDP ports of this server, added when they are bound.
    @param closedPaths: the paths of its UNIX sockets, likewise.
    """
    trusted = TrustedNetworks(options["trust"])
    monotonic = time.monotonic
    # Shared, because the limit of log lines is for the whole server.
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
        web=WebServer(chat, webConfig(options)),
    )


def serverCertificate(options: Options, becoming: tuple[int, int]) -> ServerCertificate | None:
    """
    Load the certificate of the services; L{None}: no service needs it.

    @raise CertificateError: it can't be used.
    """
    if not any(spec.tls for spec in options.listenSpecs):
        return None
    if options["certificate"] is not None:
        # With the present rights of the process: perhaps only root may read the key.
        return givenCertificate(options["certificate"], options.folder)
    with actingAs(*becoming):
        return ownCertificate(options.folder)


def plainLogin(options: Options, listeners: list[BoundListener]) -> PlainLogin:
    """Make the policy for logins without TLS, with the ports that have TLS."""
    return PlainLogin(
        options["plain-login"] == REFUSE,
        portOf(CHAT, listeners, True),
        portOf(IRC, listeners, True),
    )


def portOf(name: str, listeners: list[BoundListener], encrypted: bool) -> int | None:
    """Find the port of the first place of a service; L{None}: there is none."""
    for listener in listeners:
        where = listener.port.name
        spec = listener.spec
        if spec.service.name == name and spec.encrypted == encrypted and not isinstance(where, str):
            return where[1]
    return None


def webConfig(options: Options) -> WebConfig:
    """Make the settings of the web server from the options."""
    networks, unix = options["http-proxies"]
    return WebConfig(frozenset(options["http-hosts"]), networks, unix, options["http-origin"])


def chatConfig(options: Options, limits: Limits) -> ChatConfig:
    """Make the settings of the chat from the options."""
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
