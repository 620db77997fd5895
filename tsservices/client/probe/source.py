"""The source of a probe's packets: the address and the interface from which they leave."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass

#: Whether the system can bind a socket to an interface.
BINDS_TO_INTERFACE = hasattr(socket, "SO_BINDTODEVICE")


@dataclass(frozen=True)
class Source:
    """The requested source; fields that are empty are chosen by the system."""

    #: An address of this host, without a zone.
    address: str = ""
    interface: str = ""

    @property
    def family(self) -> int:
        """4 or 6 if the address is of that family; 0 without an address."""
        return ipaddress.ip_address(self.address).version if self.address else 0

    def apply(self, created: socket.socket) -> None:
        """
        Bind an unbound socket to the interface.

        @raise OSError: the system does not allow it, or there is no such interface.
        """
        if not self.interface:
            return
        try:
            created.setsockopt(
                socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.interface.encode() + b"\0"
            )
        except PermissionError as error:
            reason = f"this system lets only root bind to the interface {self.interface}: "
            raise PermissionError(errno.EPERM, reason + "give its address instead") from error
        except OSError as error:
            raise OSError(error.errno, f"there is no interface {self.interface}") from error


#: The source is chosen by the system.
ANYWHERE = Source()


@dataclass(frozen=True)
class Origin:
    """The source that the system has chosen."""

    address: str
    #: The number of the interface, if one was requested; otherwise 0.
    interface: int


def parseSource(text: str) -> Source:
    """@raise ValueError: the text is neither an address nor the name of an interface."""
    bare, _, zone = text.partition("%")
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        address = None
    if address is None or zone:
        name = zone if address is not None else text
        if not BINDS_TO_INTERFACE:
            raise ValueError(f"{text!r}: this system binds to addresses only")
        # The system's limit, IFNAMSIZ, with the zero at the end.
        if not 0 < len(name.encode()) < 16 or "/" in name or name.split() != [name]:
            raise ValueError(f"{text!r} is neither an address nor an interface")
        return Source("" if address is None else str(address), name)
    if address.version == 6 and address.is_link_local:
        raise ValueError(f"{text!r} is link-local: add the interface, like {text}%eth0")
    return Source(str(address))


def findOrigin(address: str, port: int, source: Source) -> Origin:
    """
    Find the source of packets to an address, without sending one.

    @raise OSError: there is no route.
    """
    if ipaddress.ip_address(address).is_multicast:
        # Each member of the group would answer from its own address, which the socket ignores.
        raise OSError(errno.EADDRNOTAVAIL, "a multicast address, and a probe goes to one host")
    ((family, _, _, _, peer), *_) = socket.getaddrinfo(
        address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
    )
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        source.apply(trial)
        if source.address:
            try:
                trial.bind((source.address, 0))
            except OSError as error:
                reason = f"{source.address} is no address of this host"
                raise OSError(error.errno, reason) from error
        try:
            trial.connect(peer)
        except PermissionError as error:
            reason = "a broadcast address, or a route that prohibits it"
            raise PermissionError(error.errno, reason) from error
        name = source.interface or address.partition("%")[2]
        isNumber = name.isascii() and name.isdigit()
        index = int(name) if isNumber else socket.if_nametoindex(name) if name else 0
        return Origin(trial.getsockname()[0], index)


def isOurs(origin: Origin) -> bool:
    """Return whether this host still has that address."""
    family = socket.AF_INET6 if ":" in origin.address else socket.AF_INET
    scope = (0, origin.interface) if family == socket.AF_INET6 else ()
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((origin.address, 0, *scope))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True
