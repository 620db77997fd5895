"""
The services of this suite, one row each, and the arguments of their constructors.

Options, the table at the start, C{--help} and the README are made from these rows, or checked
against them.  Services of other packages are found in L{tsservices.server.catalog}.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec

from twisted.internet.protocol import DatagramProtocol

from tsservices.common.counters import (
    DatagramCounters,
    StampCounters,
    StreamCounters,
    WebCounters,
)
from tsservices.common.limits import Limits
from tsservices.common.logs import PayloadLog
from tsservices.common.timestamps import Nanoclock, TimestampFormatter
from tsservices.frontends.connection import Chat
from tsservices.frontends.irc.protocol import IRCFactory
from tsservices.frontends.irc.server import IRCServer
from tsservices.frontends.line.protocol import LineChatFactory
from tsservices.frontends.web.server import WebServer
from tsservices.server.certificates import ServerCertificate
from tsservices.services.ack_sink import AckProtocol, SinkDatagramProtocol, SinkProtocol
from tsservices.services.api import ServiceSpec
from tsservices.services.hello import HelloDatagramProtocol, HelloProtocol
from tsservices.services.rfc86x import (
    ChargenProtocol,
    DaytimeDatagramProtocol,
    DaytimeProtocol,
    DiscardDatagramProtocol,
    DiscardProtocol,
    EchoDatagramProtocol,
    EchoProtocol,
    TimeDatagramProtocol,
    TimeProtocol,
)
from tsservices.services.stamp_reflector import reflecting
from tsservices.services.talk.protocol import TalkProtocol
from tsservices.services.talk.switchboard import Switchboard
from tsservices.services.timestamp import (
    TimestampDatagramProtocol,
    TimestampLineProtocol,
    TimestampProtocol,
)
from tsservices.stamp.reflector import ReflectorConfig
from tsservices.transport.context import DatagramContext, StreamContext
from tsservices.transport.stream import StreamFactory
from tsservices.transport.udp_guard import GuardPolicy


@dataclass(frozen=True, slots=True)
class BuiltinService(ServiceSpec):
    """A service of this suite."""

    #: The distance of its default port from C{--port}; L{None}: it has no default port.
    offset: int | None = None
    #: The fields of L{Wiring} that its constructors take after the context.
    needs: tuple[str, ...] = ()
    #: The class of its stream counters.
    streamCounters: type[StreamCounters] = StreamCounters
    #: The class of its datagram counters.
    datagramCounters: type[DatagramCounters] = DatagramCounters
    #: Whether its datagrams are for UDP only, not for UNIX sockets, because they describe IP.
    onlyIP: bool = False
    #: The optional dependency group that it needs; empty: none.
    extra: str = ""
    #: Gets the most bytes of a datagram from the limits; L{None}: as for L{ServiceSpec}.
    longest: Callable[[Limits], int] | None = None

    def bytesRead(self, limits: Limits) -> int:
        if self.longest is not None:
            return self.longest(limits) + 1
        return ServiceSpec.bytesRead(self, limits)


#: Only trusted clients have no rate limit; datagrams in the service's own format are dropped.
_STAMPING = GuardPolicy(ownFormat=True, empty=False, trusting=True)

#: Answers look like requests, so only the rate limit can end a loop; it applies to all clients.
_ECHOING = GuardPolicy(ownFormat=False, empty=False, trusting=False)

#: The same, with answers to empty datagrams, which are the requests of RFC 867 and 868.
_CLOCK = GuardPolicy(ownFormat=False, empty=True, trusting=False)


def _webFactory(context: StreamContext, server: WebServer) -> StreamFactory:
    # Imported here because it needs the optional extra `http`.
    from tsservices.frontends.web.protocol import WebFactory

    return WebFactory(context, server)


#: The services of this suite, in the order of their ports.
BUILTIN = (
    BuiltinService(
        "timestamp",
        "each chunk comes back with the time before it",
        TimestampProtocol,
        TimestampDatagramProtocol,
        _STAMPING,
        offset=0,
        needs=("formatter",),
    ),
    BuiltinService(
        "timestamp-line",
        "each line comes back with the time before it",
        TimestampLineProtocol,
        offset=1,
        needs=("formatter",),
    ),
    BuiltinService(
        "hello",
        "a welcome, and a hello for each chunk; exit ends",
        HelloProtocol,
        HelloDatagramProtocol,
        _STAMPING,
        offset=2,
    ),
    BuiltinService(
        "ack",
        "each chunk is logged and acknowledged; exit ends",
        AckProtocol,
        offset=3,
        needs=("payloadLog",),
    ),
    BuiltinService(
        "sink",
        "what comes is logged, nothing is answered",
        SinkProtocol,
        SinkDatagramProtocol,
        guard=None,
        offset=4,
        needs=("payloadLog",),
    ),
    BuiltinService(
        "talk",
        "talk with the operator of this server",
        TalkProtocol,
        shareable=False,
        offset=5,
        needs=("switchboard",),
    ),
    BuiltinService(
        "chat",
        "rooms to talk in, for nc and telnet; /help",
        LineChatFactory,
        shareable=False,
        offset=6,
        needs=("chat",),
    ),
    BuiltinService(
        "irc",
        "the same rooms, for programs of IRC",
        IRCFactory,
        shareable=False,
        offset=7,
        needs=("irc",),
    ),
    BuiltinService(
        "http",
        "the same rooms, for browsers; /api and /metrics",
        _webFactory,
        shareable=False,
        offset=8,
        needs=("web",),
        streamCounters=WebCounters,
        extra="http",
    ),
    BuiltinService(
        "stamp",
        "RFC 8762: packets come back with the times they came and left",
        datagram=reflecting,
        guard=None,
        offset=9,
        needs=("reflector", "nanoclock"),
        datagramCounters=StampCounters,
        longest=lambda limits: limits.stampDatagram,
        onlyIP=True,
    ),
    BuiltinService(
        "echo", "RFC 862: what comes goes back", EchoProtocol, EchoDatagramProtocol, _ECHOING
    ),
    BuiltinService(
        "discard",
        "RFC 863: what comes is thrown away",
        DiscardProtocol,
        DiscardDatagramProtocol,
        guard=None,
    ),
    BuiltinService("chargen", "RFC 864: characters without an end", ChargenProtocol),
    BuiltinService(
        "daytime",
        "RFC 867: the time as a line",
        DaytimeProtocol,
        DaytimeDatagramProtocol,
        _CLOCK,
        needs=("formatter",),
    ),
    BuiltinService(
        "time",
        "RFC 868: the time as four bytes",
        TimeProtocol,
        TimeDatagramProtocol,
        _CLOCK,
        needs=("formatter",),
    ),
)

#: The modules that an extra installs.
EXTRAS = {"http": ("h11", "prometheus_client", "wsproto")}


def missingExtra(service: ServiceSpec) -> str:
    """Say which extra a service needs that is not installed; empty: none."""
    extra = service.extra if isinstance(service, BuiltinService) else ""
    if all(find_spec(module) is not None for module in EXTRAS.get(extra, ())):
        return ""
    return f"{service.name} needs the extra {extra}: pip install 'tsservices[{extra}]'"


#: The rows of L{BUILTIN} by name.
BY_NAME = {row.name: row for row in BUILTIN}


@dataclass(frozen=True)
class Wiring:
    """
    The objects that services get, made once for each server.  A service does not get the L{Wiring},
    but a context and those other fields that its row names.
    """

    #: The context of TCP and UNIX listeners, without the counters.
    streams: StreamContext
    #: The context of UDP listeners, without the counters and the policy.
    datagrams: DatagramContext
    #: Writes timestamps.
    formatter: TimestampFormatter
    #: Logs what clients send to ack and sink.
    payloadLog: PayloadLog
    #: Connects the callers of talk with the operator.
    switchboard: Switchboard
    #: The configuration of the STAMP reflector.
    reflector: ReflectorConfig
    #: Nanoseconds since 1970.
    nanoclock: Nanoclock
    #: The chat service.
    chat: Chat
    #: The state that all IRC connections share.
    irc: IRCServer
    #: The state that all HTTP connections share.
    web: WebServer
    #: Makes OpenSSL's object of each connection with TLS; L{None}: the server has no certificate.
    certificate: ServerCertificate | None = None

    def streamFactory(self, service: ServiceSpec, secure: bool | None = None) -> StreamFactory:
        """
        Make the factory of one TCP or UNIX listener, with counters of its own.

        @param secure: see L{StreamContext.secure}.
        """
        kind = service.streamCounters if isinstance(service, BuiltinService) else StreamCounters
        context = replace(self.streams, counters=kind(), secure=secure)
        return service.streamFactory(context, *self._needs(service))

    def datagramProtocol(
        self, service: ServiceSpec, local: bool = False
    ) -> tuple[DatagramProtocol, DatagramCounters]:
        """
        Make the protocol of one listener for datagrams, and its counters.

        @param local: whether it is a UNIX socket.
        """
        context = service.datagramContext(self.datagrams, local)
        return service.datagramProtocol(context, *self._needs(service)), context.counters

    def _needs(self, service: ServiceSpec) -> list[object]:
        if not isinstance(service, BuiltinService):
            return []
        return [getattr(self, name) for name in service.needs]
