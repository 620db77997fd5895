"""
Where each offering is to listen, from C{--port}, C{--services} and C{--listen}.

The places where a server listens: bound when it is made, served when it starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TextIO

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure

from tsservices.common.addresses import hostPort
from tsservices.common.counters import AnyCounters, DatagramCounters, StreamCounters
from tsservices.common.statedir import PORTS_FILE, StateDirectory
from tsservices.server.chat.service import ChatService
from tsservices.server.endpoints import EndpointError, EndpointSpec, endpoint, parse, udpAddress
from tsservices.server.registry import BY_NAME, CATALOG, ServiceSpec
from tsservices.transport.binder import Binder, BoundPort
from tsservices.transport.context import ServiceContext
from tsservices.transport.proxy_protocol import ProxyProtocolFactory


class ListenError(ValueError):
    """What was asked for can't be served.  The argument is why."""


@dataclass(frozen=True)
class ListenSpec:
    """
    One offering at one place.

    @ivar offering: what.
    @ivar transport: C{tcp} or C{udp}.
    @ivar description: where.
    """

    offering: ServiceSpec
    transport: str
    description: EndpointSpec


def serviceNamed(name: str) -> ServiceSpec:
    """
    Its row.

    @raise PlaceError: there is none.
    """
    if name not in BY_NAME:
        raise ListenError(f"there is no service {name!r}; there are {', '.join(BY_NAME)}")
    return BY_NAME[name]


def selectServices(names: Iterable[str] | None, sharing: bool = False) -> list[ServiceSpec]:
    """
    Their rows, each once, in the order of the catalogue.

    @param names: of offerings; L{None} for those that have a default place.
    @raise PlaceError: one is not there, or can't be shared.
    """
    if names is None:
        return [
            offering
            for offering in CATALOG
            if offering.offset is not None and (offering.shareable or not sharing)
        ]
    chosen = [serviceNamed(name) for name in names]
    if not chosen:
        raise ListenError(f"services names none; there are {', '.join(BY_NAME)}")
    if sharing:
        checkShareable(chosen)
    return [offering for offering in CATALOG if offering in chosen]


def checkShareable(offerings: Iterable[ServiceSpec]) -> None:
    """@raise PlaceError: one of them can't be."""
    for offering in offerings:
        if not offering.shareable:
            raise ListenError(f"{offering.name} can't share its port with other processes")


def parseListen(text: str, interface: str, backlog: int) -> ListenSpec:
    """
    The place.

    @raise PlaceError: it is none.
    """
    name, equals, where = text.partition("=")
    if not equals:
        raise ListenError(f"listen takes NAME=ENDPOINT, not {text!r}")
    offering = serviceNamed(name)
    try:
        description = parse(where, interface, backlog)
        if description.kind != "udp":
            endpoint(description, None)
    except EndpointError as reason:
        raise ListenError(f"{text}: {reason}") from reason
    transport = "udp" if description.kind == "udp" else "tcp"
    if transport not in offering.transports:
        raise ListenError(f"{name} has no {transport}; it has {', '.join(offering.transports)}")
    return ListenSpec(offering, transport, description)


def resolveListeners(
    offerings: Sequence[ServiceSpec],
    added: Sequence[ListenSpec],
    port: int,
    interface: str,
    backlog: int,
) -> list[ListenSpec]:
    """
    Give each offering its places: the first that is named for it and a transport
    replaces the default one, later ones stand beside it.

    @raise PlaceError: an offering has no place, or a port is too high.
    """
    places: list[ListenSpec] = []
    for offering in CATALOG:
        for transport in offering.transports:
            there = [
                each for each in added if (each.offering, each.transport) == (offering, transport)
            ]
            if not there and offering in offerings and offering.offset is not None:
                there = [_default(offering, transport, port, interface, backlog)]
            places += there
        if offering in offerings and not any(each.offering is offering for each in places):
            raise ListenError(
                f"{offering.name} has no default place; "
                f"say --listen {offering.name}={offering.transports[-1]}:PORT"
            )
    return places


def _default(
    offering: ServiceSpec, transport: str, port: int, interface: str, backlog: int
) -> ListenSpec:
    assert offering.offset is not None
    number = port + offering.offset if port else 0
    try:
        where = f"{transport}:{number}"
        return ListenSpec(offering, transport, parse(where, interface, backlog))
    except EndpointError as reason:
        raise ListenError(f"{offering.name} would be at port {number}: {reason}") from reason


class BindError(Exception):
    """A place can't be listened on.  The argument names it, and says why."""


@dataclass(frozen=True)
class BoundListener:
    """
    One place that is bound.

    @ivar place: what was asked for.
    @ivar port: what listens.
    """

    place: ListenSpec
    port: BoundPort

    @property
    def address(self) -> str:
        """Where it is, for people."""
        name = self.port.name
        return name if isinstance(name, str) else hostPort(*name)

    def asJSON(self) -> dict[str, object]:
        """Where it is, for programs."""
        name = self.port.name
        where = {"path": name} if isinstance(name, str) else {"host": name[0], "port": name[1]}
        return {
            "offering": self.place.offering.name,
            "transport": self.place.transport if "port" in where else "unix",
            **where,
        }


def bind(
    places: list[ListenSpec], environment: ServiceContext, binder: Binder
) -> list[BoundListener]:
    """
    Bind all places, or none.

    @raise PlaceTaken: one can't be had.
    """
    listeners: list[BoundListener] = []
    for place in places:
        counters: AnyCounters
        try:
            if place.transport == "udp":
                counters = _bindDatagram(place, environment, binder)
            else:
                counters = _bindStream(place, environment, binder)
        except (CannotListenError, OSError) as reason:
            binder.discard()
            raise BindError(
                f"{place.offering.name} can't listen on {_where(place)}: {_why(reason)}"
            ) from reason
        listener = BoundListener(place, binder.ports[-1])
        listeners.append(listener)
        environment.ledger.add(listener.asJSON(), counters)
        if place.transport == "udp":
            environment.closedPorts.add(int(binder.ports[-1].name[1]))
    return listeners


def _bindStream(place: ListenSpec, environment: ServiceContext, binder: Binder) -> StreamCounters:
    offering = place.offering
    assert offering.stream is not None
    counters = StreamCounters()
    factory: Any = offering.stream(environment, counters)
    if place.description.proxied:
        factory = ProxyProtocolFactory(factory, environment, counters)
    failures: list[Failure] = []
    endpoint(place.description, binder).listen(factory).addErrback(failures.append)
    for failure in failures:
        failure.raiseException()
    return counters


def _bindDatagram(
    place: ListenSpec, environment: ServiceContext, binder: Binder
) -> DatagramCounters:
    offering = place.offering
    assert offering.datagram is not None
    counters = offering.counters()
    guard = offering.guard(environment, counters)
    most = offering.bytesRead(environment.limits)
    port, interface = udpAddress(place.description)
    binder.bindUDP(port, interface, offering.datagram(environment, counters, guard), most)
    return counters


def _where(place: ListenSpec) -> str:
    description = place.description
    if description.kind == "unix":
        return f"unix {description.arguments[0] if description.arguments else description.named}"
    host, port = description.argument("interface"), description.argument("port")
    if port is None:
        return str(description)
    return f"{description.kind} {hostPort(host or '0.0.0.0', int(port))}"


def _why(reason: CannotListenError | OSError) -> str:
    cause = reason.socketError if isinstance(reason, CannotListenError) else reason
    return getattr(cause, "strerror", None) or str(cause)


class ListenerService(Service):
    """Serves the bound places, and tells programs where they are."""

    name = "listeners"
    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(
        self, listeners: list[BoundListener], folder: StateDirectory, chat: ChatService
    ) -> None:
        self.listeners = listeners
        self._chat = chat
        self._open = False
        self._folder = folder
        self._file = ""

    def startService(self) -> None:
        """Serve, then say so: who reads the file may connect."""
        super().startService()
        for listener in self.listeners:
            listener.port.startListening()
        self._chat.whenReady(self._opened)
        self._file = self._folder.privatePath(PORTS_FILE)
        self._tell()

    def _opened(self) -> None:
        """The chat takes people, which it may not do at once."""
        self._open = True
        # A file that is gone, since this has stopped, stays gone.
        if self._file and self.running:
            self._tell()

    def _tell(self) -> None:
        """Write down what serves."""
        serving = [
            each.asJSON()
            for each in self.listeners
            if self._open or each.place.offering.name != "chat"
        ]
        try:
            self._folder.write(self._file, serving)
        except OSError as reason:
            self._log.warn("{file}: {reason}", file=self._file, reason=str(reason))

    def stopService(self) -> Deferred[Any]:
        """Fires when nothing listens any more."""
        super().stopService()
        self._folder.remove(self._file)
        return DeferredList([each.port.stopListening() for each in self.listeners])


def writeTable(listeners: list[BoundListener], notes: list[str], terminal: TextIO) -> None:
    """Say what is served where."""
    rows = [("service", "over", "address", "what it is")] + [
        (
            each.place.offering.name,
            str(each.asJSON()["transport"]),
            each.address,
            each.place.offering.summary,
        )
        for each in listeners
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [row[column].ljust(widths[column]) for column in range(3)]
        terminal.write("  ".join([*cells, row[3]]) + "\n")
    for note in notes:
        terminal.write(note + "\n")
    terminal.flush()
