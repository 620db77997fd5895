"""
Where each offering is to listen, from C{--port}, C{--services} and C{--listen}.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tsservices.catalog import BY_NAME, CATALOG, Offering
from tsservices.endpoints import Description, EndpointError, endpoint, parse


class PlaceError(ValueError):
    """
    What was asked for can't be served.  The argument is why.
    """


@dataclass(frozen=True)
class Place:
    """
    One offering at one place.

    @ivar offering: what.
    @ivar transport: C{tcp} or C{udp}.
    @ivar description: where.
    """

    offering: Offering
    transport: str
    description: Description


def named(name: str) -> Offering:
    """
    @param name: of an offering.
    @return: its row.
    @raise PlaceError: there is none.
    """
    if name not in BY_NAME:
        raise PlaceError(f"there is no service {name!r}; there are {', '.join(BY_NAME)}")
    return BY_NAME[name]


def choose(names: Iterable[str] | None, sharing: bool = False) -> list[Offering]:
    """
    @param names: of offerings; L{None} for those that have a default place.
    @param sharing: whether several processes are to share their ports.
    @return: their rows, each once, in the order of the catalogue.
    @raise PlaceError: one is not there, or can't be shared.
    """
    if names is None:
        return [
            offering
            for offering in CATALOG
            if offering.offset is not None and (offering.shareable or not sharing)
        ]
    chosen = [named(name) for name in names]
    if not chosen:
        raise PlaceError(f"services names none; there are {', '.join(BY_NAME)}")
    if sharing:
        checkShareable(chosen)
    return [offering for offering in CATALOG if offering in chosen]


def checkShareable(offerings: Iterable[Offering]) -> None:
    """
    @param offerings: what several processes are to serve on one port.
    @raise PlaceError: one of them can't be.
    """
    for offering in offerings:
        if not offering.shareable:
            raise PlaceError(f"{offering.name} can't share its port with other processes")


def listen(text: str, interface: str, backlog: int) -> Place:
    """
    @param text: C{NAME=ENDPOINT}.
    @param interface: where to listen if it does not say.
    @param backlog: connections waiting to be accepted, if it does not say.
    @return: the place.
    @raise PlaceError: it is none.
    """
    name, equals, where = text.partition("=")
    if not equals:
        raise PlaceError(f"listen takes NAME=ENDPOINT, not {text!r}")
    offering = named(name)
    try:
        description = parse(where, interface, backlog)
        if description.kind != "udp":
            endpoint(description, None)
    except EndpointError as reason:
        raise PlaceError(f"{text}: {reason}") from reason
    transport = "udp" if description.kind == "udp" else "tcp"
    if transport not in offering.transports:
        raise PlaceError(f"{name} has no {transport}; it has {', '.join(offering.transports)}")
    return Place(offering, transport, description)


def arrange(
    offerings: Sequence[Offering], added: Sequence[Place], port: int, interface: str, backlog: int
) -> list[Place]:
    """
    Give each offering its places: the first that is named for it and a transport
    replaces the default one, later ones stand beside it.

    @param offerings: what to serve at its default place.
    @param added: the places that were named.
    @param port: of the first offering; 0 lets the system choose for each.
    @param interface: where to listen.
    @param backlog: connections waiting to be accepted.
    @return: all places, in the order of the catalogue.
    @raise PlaceError: an offering has no place, or a port is too high.
    """
    places: list[Place] = []
    for offering in CATALOG:
        for transport in offering.transports:
            there = [
                each for each in added if (each.offering, each.transport) == (offering, transport)
            ]
            if not there and offering in offerings and offering.offset is not None:
                there = [_default(offering, transport, port, interface, backlog)]
            places += there
        if offering in offerings and not any(each.offering is offering for each in places):
            raise PlaceError(
                f"{offering.name} has no default place; "
                f"say --listen {offering.name}={offering.transports[-1]}:PORT"
            )
    return places


def _default(offering: Offering, transport: str, port: int, interface: str, backlog: int) -> Place:
    """
    @param offering: one that has a default place.
    @param transport: C{tcp} or C{udp}.
    @param port: of the first offering, or 0.
    @param interface: where to listen.
    @param backlog: connections waiting to be accepted.
    @return: its default place.
    @raise PlaceError: the port is too high.
    """
    assert offering.offset is not None
    number = port + offering.offset if port else 0
    try:
        where = f"{transport}:{number}"
        return Place(offering, transport, parse(where, interface, backlog))
    except EndpointError as reason:
        raise PlaceError(f"{offering.name} would be at port {number}: {reason}") from reason
