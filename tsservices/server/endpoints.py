"""
Endpoint strings: Twisted's, and C{udp:PORT[:interface=ADDRESS]} beside them.

Twisted's grammar is C{kind:argument:name=argument}, a backslash before a character
that is meant as itself.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint

from tsservices.common.addresses import HIGHEST_PORT
from tsservices.common.limits import LimitError, Limits

#: The kind that is put before another one.
PROXY = "haproxy"


@dataclass(frozen=True, slots=True)
class EndpointKind:
    """
    Where the arguments of one kind of endpoint stand when they are not named.

    @ivar port: counted from 0; L{None} when it takes none, and so are the others.
    @ivar interface: where to listen.
    @ivar backlog: connections waiting to be accepted.
    """

    port: int | None = None
    interface: int | None = None
    backlog: int | None = None


#: The kinds that are served.
KINDS = {
    "tcp": EndpointKind(port=0, interface=1, backlog=2),
    "tcp6": EndpointKind(port=0, interface=2, backlog=1),
    "unix": EndpointKind(backlog=2),
    "ssl": EndpointKind(port=0, interface=4, backlog=5),
    "tls": EndpointKind(port=1, interface=3, backlog=2),
    "systemd": EndpointKind(),
    PROXY: EndpointKind(),
    "udp": EndpointKind(port=0, interface=1),
}

#: What the two usual IPv4 interfaces are called in IPv6.
_SIX = {"127.0.0.1": "::1", "0.0.0.0": "::"}


class EndpointError(ValueError):
    """An endpoint string can't be used.  The argument is why."""


@dataclass
class EndpointSpec:
    """
    An endpoint string, taken apart.

    @ivar kind: the first word.
    @ivar arguments: what is not named.
    @ivar named: what is.
    @ivar proxied: it stood behind C{haproxy:}.
    """

    kind: str
    arguments: list[str] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)
    proxied: bool = False

    def argument(self, name: str) -> str | None:
        """Its text, if there is any."""
        place: int | None = getattr(KINDS[self.kind], name)
        if place is not None and place < len(self.arguments):
            return self.arguments[place]
        return self.named.get(name)

    def __str__(self) -> str:
        """The endpoint string, without C{haproxy:}."""
        parts = [self.kind, *(quoteStringArgument(each) for each in self.arguments)]
        parts += [f"{name}={quoteStringArgument(each)}" for name, each in self.named.items()]
        return ":".join(parts)


def parse(text: str, interface: str, backlog: int) -> EndpointSpec:
    """
    Take an endpoint string apart, and put in what it leaves open.

    @raise EndpointError: it is none that is served.
    """
    kind, arguments, named = _split(text)
    if kind == PROXY:
        inner = parse(text.partition(":")[2], interface, backlog)
        if inner.kind == "udp" or inner.proxied:
            raise EndpointError(f"{PROXY} goes before a stream endpoint")
        inner.proxied = True
        return inner
    if kind not in KINDS:
        raise EndpointError(f"there is no endpoint {kind!r}; there are {', '.join(KINDS)}")
    description = EndpointSpec(kind, arguments, named)
    takes = KINDS[kind]
    if takes.port is not None:
        _checkPort(description)
    if takes.interface is not None:
        if description.argument("interface") is None:
            named["interface"] = _family(kind, interface)
        _checkInterface(description)
    if takes.backlog is not None:
        if description.argument("backlog") is None:
            named["backlog"] = str(backlog)
        _checkBacklog(description)
    if kind == "unix" and not (arguments[0] if arguments else named.get("address")):
        raise EndpointError("unix takes the path of a socket")
    if kind == "tls" and not os.path.isdir(arguments[0] if arguments else named.get("path", "")):
        raise EndpointError("tls takes a folder of PEM files, and port=")
    if kind == "udp" and (set(named) - {"port", "interface"} or len(arguments) > 2):
        raise EndpointError("udp takes a port and interface=ADDRESS, nothing else")
    return description


def endpoint(description: EndpointSpec, reactor: Any) -> IStreamServerEndpoint:
    """
    The endpoint.

    @raise EndpointError: Twisted refuses it.
    """
    try:
        found: IStreamServerEndpoint = serverFromString(reactor, str(description))
        return found
    except ImportError as missing:
        raise EndpointError(_needTLS(description.kind)) from missing
    # Each of Twisted's parsers, and what they call, has errors of its own.
    except Exception as reason:
        if description.kind in ("ssl", "tls") and not _haveTLS():
            raise EndpointError(_needTLS(description.kind)) from reason
        if description.kind == "systemd" and isinstance(reason, LookupError):
            raise EndpointError("systemd has passed no such socket") from reason
        words = re.sub(r"^\S+\(\) ", f"{description.kind} ", str(reason))
        raise EndpointError(words or type(reason).__name__) from reason


def udpAddress(description: EndpointSpec) -> tuple[int, str]:
    """Port and interface."""
    port = description.argument("port")
    interface = description.argument("interface")
    assert port is not None
    assert interface is not None
    return int(port), interface


def _split(text: str) -> tuple[str, list[str], dict[str, str]]:
    parts: list[tuple[str | None, str]] = []
    name: str | None = None
    word = ""
    characters = iter(text)
    for character in characters:
        if character == "\\":
            word += next(characters, "")
        elif character == "=" and name is None:
            name, word = word, ""
        elif character == ":":
            parts.append((name, word))
            name, word = None, ""
        else:
            word += character
    parts.append((name, word))
    arguments = [value for name, value in parts if name is None]
    named = {name: value for name, value in parts if name is not None}
    return arguments.pop(0) if arguments else "", arguments, named


def _checkPort(description: EndpointSpec) -> None:
    port = description.argument("port")
    if port is None and description.kind == "tls":
        return
    if not port or not re.fullmatch("[0-9]{1,5}", port) or int(port) > HIGHEST_PORT:
        raise EndpointError(f"a port is a number from 0 to {HIGHEST_PORT}, not {port!r}")


def _checkBacklog(description: EndpointSpec) -> None:
    try:
        Limits.coerce("backlog", description.argument("backlog"))
    except LimitError as reason:
        raise EndpointError(str(reason)) from reason


def _checkInterface(description: EndpointSpec) -> None:
    interface = description.argument("interface")
    try:
        ipaddress.ip_address(interface or "0.0.0.0")
    except ValueError as reason:
        raise EndpointError(f"an interface is an address, not {interface!r}") from reason


def _family(kind: str, interface: str) -> str:
    if kind not in ("tcp6", "tls") or ":" in interface:
        return interface
    if interface not in _SIX:
        raise EndpointError(f"{kind} listens on IPv6, so it needs interface= here")
    return _SIX[interface]


def _haveTLS() -> bool:
    try:
        import twisted.internet.ssl  # noqa: F401
    except ImportError:
        return False
    return True


def _needTLS(kind: str) -> str:
    return f"{kind} needs the extra tls: pip install 'tsservices[tls]'"
