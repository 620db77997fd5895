"""
The places where services listen: from C{--port}, C{--services} and C{--listen} to bound sockets,
the table at the start and C{ports.json}.

Sockets are bound when the server is made, all or none, and served when it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TextIO
from typing import Protocol as Interface

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure

from tsservices.common.addresses import hostPort
from tsservices.common.counters import (
    AnyCounters,
    CounterRegistry,
    DatagramCounters,
    StreamCounters,
)
from tsservices.common.statedir import PORTS_FILE, StateDirectory
from tsservices.server.catalog import Catalog
from tsservices.server.config import TLS
from tsservices.server.endpoints import (
    SECURE,
    EndpointError,
    EndpointSpec,
    endpoint,
    parse,
    tlsPlace,
    udpAddress,
    unixgramAddress,
)
from tsservices.server.registry import BUILTIN, Wiring
from tsservices.services.api import ServiceSpec
from tsservices.transport.binder import Binder, BoundPort
from tsservices.transport.proxy_protocol import ProxyProtocolFactory

#: The chat service for nc and telnet.
CHAT = "chat"

#: The chat service for IRC clients.
IRC = "irc"

#: All services of the chat; they may listen before the chat is ready.
CHAT_FRONTENDS = frozenset({CHAT, IRC, "http"})

OFF, BESIDE, ONLY = TLS

#: The distance of the default port with TLS from the one without.
TLS_OFFSET = 100


class ListenError(ValueError):
    """A service can't listen; the argument says why."""


@dataclass(frozen=True)
class ListenSpec:
    """One service at one place."""

    service: ServiceSpec
    #: C{tcp} for streams or C{udp} for datagrams; both mean UNIX sockets too.
    transport: str
    #: Where it is served.
    description: EndpointSpec
    #: Whether it begins with TLS, with the certificate of this server.
    tls: bool = False

    @property
    def encrypted(self) -> bool:
        """Whether it begins with TLS."""
        return self.tls or self.description.encrypted

    @property
    def secure(self) -> bool | None:
        """See L{StreamContext.secure<tsservices.transport.context.StreamContext.secure>}."""
        where = self.description
        if where.secure is not None:
            return where.secure
        # At a UNIX socket, a proxy reports for each client whether its connection is encrypted.
        return True if self.encrypted or (where.local and not where.proxied) else None


def selectServices(
    catalog: Catalog, names: Iterable[str] | None, sharing: bool = False
) -> list[ServiceSpec]:
    """
    Get services, each once, in the order of the catalog.

    @param names: names of services; L{None}: those with a default port.
    @raise ValueError: there is no such service, or it can't share its port.
    """
    if names is None:
        return [
            service
            for service in BUILTIN
            if service.offset is not None and (service.shareable or not sharing)
        ]
    chosen = {name: catalog.get(name) for name in names}
    if not chosen:
        raise ListenError(f"none is named; there are {', '.join(catalog.names)}")
    if sharing:
        checkShareable(chosen.values())
    return [chosen[name] for name in catalog.names if name in chosen]


def checkShareable(services: Iterable[ServiceSpec]) -> None:
    """@raise ListenError: a service can't share its port."""
    for service in services:
        if not service.shareable:
            raise ListenError(f"{service.name} can't share its port with other processes")


def checkPlaces(
    added: Iterable[ListenSpec], sharing: bool, tls: str = OFF, passing: bool = False
) -> None:
    """
    Check the places of C{--listen} for conflicts.

    @param sharing: other processes are to listen there too.
    @param passing: these processes are children of this one, and inherit its sockets.
    @param tls: as for L{resolveListeners}.
    @raise ListenError: two places have one socket, or a place can't be shared, or is in clear.
    """
    taken: set[int] = set()
    for spec in added:
        if tls == ONLY and spec.transport == "tcp" and not spec.secure:
            raise ListenError(
                f"{spec.service.name}={spec.description} would be in clear, with --tls {ONLY}: "
                f"use ssl: or tls:, or say {SECURE}=yes there"
            )
        if sharing:
            checkShareable([spec.service])
            if spec.description.kind == "unixgram":
                raise ListenError(f"{spec.service.name}: unixgram can't be shared by processes")
        inherited = spec.description.inherited
        if inherited is not None:
            if passing:
                raise ListenError(
                    f"{spec.service.name}: there is one socket of systemd, and with --processes"
                    " each has its own: name a port"
                )
            if inherited.descriptor in taken:
                raise ListenError(f"{spec.service.name}: that socket of systemd is listed twice")
            taken.add(inherited.descriptor)


def parseListen(catalog: Catalog, text: str, interface: str, backlog: int) -> ListenSpec:
    """
    Read a value of C{--listen}.

    @raise ValueError: the value is not of that form, or there is no such service.
    """
    name, equals, where = text.partition("=")
    if not equals:
        raise ListenError(f"this is NAME=ENDPOINT, not {text!r}")
    service = catalog.get(name)
    try:
        description = parse(where, interface, backlog)
        if not description.datagrams and description.inherited is None:
            # Twisted checks the arguments when it makes the endpoint, which binds nothing yet.
            endpoint(description, None)
    except EndpointError as reason:
        raise ListenError(f"{text}: {reason}") from reason
    transport = "udp" if description.datagrams else "tcp"
    if transport not in service.transports:
        raise ListenError(f"{name} has no {transport}; it has {', '.join(service.transports)}")
    if transport == "udp" and description.local and service.onlyIP:
        raise ListenError(f"{name} is for UDP, not for datagrams over UNIX sockets")
    return ListenSpec(service, transport, description)


def resolveListeners(
    catalog: Catalog,
    services: Sequence[ServiceSpec],
    added: Sequence[ListenSpec],
    port: int,
    interface: str,
    backlog: int,
    tls: str = OFF,
) -> list[ListenSpec]:
    """
    Find where services listen: the first place that is added for a service and a transport
    replaces the default one, later ones are served too.  A place with TLS replaces both defaults,
    that in clear and that with TLS.

    @param services: the services to serve, with or without added places.
    @param tls: L{OFF}, L{BESIDE} or L{ONLY}.
    @raise ListenError: a service has no place, or a port is too high.
    """
    specs: list[ListenSpec] = []
    wanted = {service.name: service for service in services}
    wanted |= {spec.service.name: spec.service for spec in added}
    for name in catalog.names:
        if (service := wanted.get(name)) is None:
            continue
        ofService = [spec for spec in added if spec.service is service]
        # With C{--port 0} any free port will do, so no default is needed.  But a service with a
        # place of its own gets no unexpected second one.
        hasDefault = service.offset is not None or (not port and not ofService)
        for transport in service.transports:
            onTransport = [spec for spec in ofService if spec.transport == transport]
            if service in services and hasDefault:
                secured = transport == "tcp" and tls != OFF
                inClear = not onTransport and not (secured and tls == ONLY)
                secured = secured and not any(spec.encrypted for spec in onTransport)
                for isWanted, withTLS in ((inClear, False), (secured, True)):
                    if isWanted:
                        onTransport.append(
                            _default(service, transport, port, interface, backlog, withTLS)
                        )
            specs += onTransport
        if not any(spec.service is service for spec in specs):
            raise ListenError(
                f"{name} has no default place; say --listen {name}={service.transports[-1]}:PORT, "
                "or --port 0 for a free one"
            )
    return specs


def _default(
    service: ServiceSpec, transport: str, port: int, interface: str, backlog: int, tls: bool
) -> ListenSpec:
    number = port + (service.offset or 0) + (TLS_OFFSET if tls else 0) if port else 0
    try:
        where = f"{transport}:{number}"
        return ListenSpec(service, transport, parse(where, interface, backlog), tls)
    except EndpointError as reason:
        over = " with TLS" if tls else ""
        raise ListenError(f"{service.name}{over} would be at port {number}: {reason}") from reason


class BindError(Exception):
    """The system refuses to listen at a place.  The argument says where, and why."""


@dataclass(frozen=True)
class BoundListener:
    """A bound socket and its service."""

    spec: ListenSpec
    port: BoundPort

    @property
    def address(self) -> str:
        """Host and port, or path, as shown to the operator."""
        name = self.port.name
        return name if isinstance(name, str) else hostPort(*name)

    def asJSON(self) -> dict[str, object]:
        """Make the entry of C{ports.json}, which also begins the entry of C{counters.json}."""
        name = self.port.name
        where = {"path": name} if isinstance(name, str) else {"host": name[0], "port": name[1]}
        local = "unixgram" if self.spec.transport == "udp" else "unix"
        entry: dict[str, object] = {
            "offering": self.spec.service.name,
            "transport": self.spec.transport if "port" in where else local,
            **where,
        }
        if self.spec.transport == "tcp":
            entry["tls"] = self.spec.encrypted
        return entry


def bind(
    specs: list[ListenSpec],
    wiring: Wiring,
    closedPorts: set[int],
    closedPaths: set[str],
    registry: CounterRegistry,
    binder: Binder,
) -> list[BoundListener]:
    """
    Bind all places, or none.

    @param closedPorts: gets the bound UDP ports: a datagram from one of them is forged, or an
        answer of this server.
    @param closedPaths: gets the paths of bound UNIX sockets, for the same reason.
    @raise BindError: a place can't be bound.
    """
    listeners: list[BoundListener] = []
    for spec in specs:
        counters: AnyCounters
        try:
            if spec.transport == "udp":
                counters = _bindDatagram(spec, wiring, binder)
            else:
                counters = _bindStream(spec, wiring, binder)
        except (CannotListenError, OSError) as reason:
            # A server with some of its places missing would look as if it worked.
            binder.discard()
            raise BindError(
                f"{spec.service.name} can't listen on {_where(spec)}: {_why(reason)}"
            ) from reason
        except Exception:
            # A bug in a service: its author needs the traceback.  Without the discard, the UNIX
            # sockets of the services before it would stay in the file system.
            binder.discard()
            raise
        listener = BoundListener(spec, binder.ports[-1])
        listeners.append(listener)
        registry.add(listener.asJSON(), counters)
        if spec.transport == "udp":
            # The number is not known before if the system chooses it.
            where = binder.ports[-1].name
            if isinstance(where, str):
                closedPaths.add(where)
            else:
                closedPorts.add(where[1])
    return listeners


def _bindStream(spec: ListenSpec, wiring: Wiring, binder: Binder) -> StreamCounters:
    inner = wiring.streamFactory(spec.service, spec.secure)
    factory: Any = inner
    where = spec.description
    place = tlsPlace(where) if where.encrypted else None
    if spec.encrypted:
        # Imported here because it needs pyOpenSSL, which is optional.
        from tsservices.transport.tls import TLSFactory

        creator = wiring.certificate if place is None else place.connectionCreator
        factory = TLSFactory(creator, inner, inner.context)
    if where.proxied:
        # Proxies send the header first, before TLS too.
        factory = ProxyProtocolFactory(factory, inner.context)
    inherited = where.inherited
    if inherited is not None:
        binder.adoptStreamPort(inherited.descriptor, inherited.family, factory)
        return inner.counters
    if place is not None:
        binder.listenTCP(place.port, factory, place.backlog, place.interface)
        return inner.counters
    failures: list[Failure] = []
    endpoint(where, binder).listen(factory).addErrback(failures.append)
    # A L{Binder} binds at once, so the Deferred has fired already.
    for failure in failures:
        failure.raiseException()
    return inner.counters


def _bindDatagram(spec: ListenSpec, wiring: Wiring, binder: Binder) -> DatagramCounters:
    description = spec.description
    protocol, counters = wiring.datagramProtocol(spec.service, description.local)
    size = spec.service.bytesRead(wiring.datagrams.limits)
    inherited = description.inherited
    if inherited is not None:
        binder.adoptDatagramPort(inherited.descriptor, inherited.family, protocol, size)
    elif description.local:
        path, mode = unixgramAddress(description)
        binder.bindUNIXDatagram(path, mode, protocol, size)
    else:
        port, interface = udpAddress(description)
        binder.bindUDP(port, interface, protocol, size)
    return counters


def _where(spec: ListenSpec) -> str:
    description = spec.description
    if description.kind in ("unix", "unixgram"):
        return f"{description.kind} {description.argument('address')}"
    host, port = description.argument("interface"), description.argument("port")
    if port is None:
        return str(description)
    return f"{description.kind} {hostPort(host or '0.0.0.0', int(port))}"


def _why(reason: CannotListenError | OSError) -> str:
    cause = reason.socketError if isinstance(reason, CannotListenError) else reason
    return getattr(cause, "strerror", None) or str(cause)


class Readiness(Interface):
    """A chat that may be ready only after the start, because its node has to catch up first."""

    def whenReady(self, call: Callable[[], object]) -> None:
        """Call this when the chat is ready, which may be at once."""
        ...


class PortsFile:
    """C{ports.json}: the places to which programs can connect now."""

    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(self, folder: StateDirectory) -> None:
        self._folder = folder
        self._path = ""
        self._closed = False

    def write(self, listeners: Iterable[BoundListener]) -> None:
        """Write these places to the file."""
        try:
            if not self._path and not self._closed:
                self._path = self._folder.privatePath(PORTS_FILE)
            if self._path:
                self._folder.write(self._path, [listener.asJSON() for listener in listeners])
        except OSError as reason:
            where = self._path or str(self._folder)
            self._log.warn("{where}: {reason}", where=where, reason=str(reason))
            # Do not try again.
            self._closed = not self._path

    def remove(self) -> None:
        """Remove the file, and write nothing from now on."""
        path, self._path, self._closed = self._path, "", True
        if path:
            self._folder.remove(path)


class ListenerService(Service):
    """
    Serves the bound places, and maintains C{ports.json}.

    @ivar listeners: the bound places.
    """

    name = "listeners"
    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(
        self, listeners: list[BoundListener], ports: PortsFile | None, chat: Readiness
    ) -> None:
        """@param ports: L{None}: another process writes the file."""
        self.listeners = listeners
        self._chat = chat
        self._chatReady = False
        self._ports = ports

    def startService(self) -> None:
        super().startService()
        for listener in self.listeners:
            listener.port.startListening()
            transport = listener.asJSON()["transport"]
            self._log.info(
                "{service} listens at {transport} {address}",
                service=listener.spec.service.name,
                transport=transport,
                address=listener.address,
            )
        # Written after the listening, because programs connect as soon as they have read it.
        self._chat.whenReady(self._chatOpened)
        self._writePorts()

    def _chatOpened(self) -> None:
        self._chatReady = True
        # The chat may become ready after the stop, when the file must not be written again.
        if self.running:
            self._writePorts()

    def _writePorts(self) -> None:
        if self._ports is not None:
            self._ports.write(
                listener
                for listener in self.listeners
                if self._chatReady or listener.spec.service.name not in CHAT_FRONTENDS
            )

    def stopService(self) -> Deferred[Any]:
        """Remove C{ports.json} and stop listening; fires when all ports are closed."""
        super().stopService()
        # Before the ports are closed: a program that reads the file may connect.
        if self._ports is not None:
            self._ports.remove()
        return DeferredList([listener.port.stopListening() for listener in self.listeners])


def writeTable(listeners: list[BoundListener], notes: list[str], terminal: TextIO) -> None:
    """Write the table of services and their places."""
    rows = [("service", "over", "address", "what it is")] + [
        (
            listener.spec.service.name,
            str(listener.asJSON()["transport"]) + (" tls" if listener.spec.encrypted else ""),
            listener.address,
            listener.spec.service.summary,
        )
        for listener in listeners
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [row[column].ljust(widths[column]) for column in range(3)]
        terminal.write("  ".join([*cells, row[3]]) + "\n")
    for note in notes:
        terminal.write(note + "\n")
    terminal.flush()
