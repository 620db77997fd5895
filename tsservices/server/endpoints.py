"""
Endpoint strings: Twisted's, and for datagrams C{udp:PORT[:interface=ADDRESS]} and
C{unixgram:PATH[:mode=660]}.  C{systemd:} takes the arguments of Twisted's, also for datagrams.

Twisted's grammar is C{kind:argument:name=argument}, with a backslash before each character that
has to lose its special meaning.

Strings are parsed here and put together again for Twisted's parsers, because those have other
defaults: all interfaces, and a backlog of 50.  L{Binder<tsservices.transport.binder>}, which
stands in for the reactor, can't distinguish such a default from a value given by the operator.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import ServerFactory
from twisted.python.failure import Failure

from tsservices.common.addresses import HIGHEST_PORT
from tsservices.common.limits import LimitError, Limits
from tsservices.server import config
from tsservices.transport.inherited import (
    InheritedError,
    InheritedSocket,
    inheritedSocket,
    passedEnvironment,
)
from tsservices.transport.twisted_internals import connectionCreatorOf

#: The kind that is a prefix of other kinds.
PROXY = "haproxy"

#: The kinds that are served, each with the names of its positional arguments.  For Twisted's kinds
#: these are the parameters of its parsers (read in 26.10), up to the last one used here.
KINDS: dict[str, tuple[str, ...]] = {
    "tcp": ("port", "interface", "backlog"),
    "tcp6": ("port", "backlog", "interface"),
    "unix": ("address", "mode", "backlog"),
    "ssl": ("port", "privateKey", "certKey", "sslmethod", "interface", "backlog"),
    "tls": ("path", "port", "backlog", "interface"),
    "systemd": (),
    PROXY: (),
    "udp": ("port", "interface"),
    "unixgram": ("address", "mode"),
}

#: Our own argument for every stream kind, yes or no.
SECURE = "secure"

#: Permissions of the file of a UNIX socket, as for Twisted's C{unix:}.
_MODE = "666"

#: The IPv6 counterparts of the two usual IPv4 interfaces.
_SIX = {"127.0.0.1": "::1", "0.0.0.0": "::"}


class EndpointError(ValueError):
    """An endpoint string can't be used.  The argument says why."""


@dataclass
class EndpointSpec:
    """A parsed endpoint string."""

    #: The first word.
    kind: str
    #: Values without a name.
    arguments: list[str] = field(default_factory=list)
    #: Values by name.
    named: dict[str, str] = field(default_factory=dict)
    #: Whether it has the prefix C{haproxy:}.
    proxied: bool = False
    #: The socket of C{systemd:}.
    inherited: InheritedSocket | None = None
    #: Whether the operator declares the path to the clients secure; L{None}: not declared.
    secure: bool | None = None

    @property
    def datagrams(self) -> bool:
        """Whether it is for datagrams, not streams."""
        if self.inherited is not None:
            return self.inherited.kind == socket.SOCK_DGRAM
        return self.kind in ("udp", "unixgram")

    @property
    def encrypted(self) -> bool:
        """Whether it is one of Twisted's kinds with TLS."""
        return self.kind in ("ssl", "tls")

    @property
    def local(self) -> bool:
        """Whether it is a UNIX socket."""
        if self.inherited is not None:
            return self.inherited.family == socket.AF_UNIX
        return self.kind in ("unix", "unixgram")

    def argument(self, name: str) -> str | None:
        """Get an argument by its position or its name; L{None}: there is none."""
        byPlace = dict(zip(KINDS[self.kind], self.arguments, strict=False))
        return byPlace.get(name, self.named.get(name))

    def __str__(self) -> str:
        """The endpoint string as Twisted reads it, without C{haproxy:}."""
        parts = [self.kind, *(quoteStringArgument(value) for value in self.arguments)]
        parts += [f"{name}={quoteStringArgument(value)}" for name, value in self.named.items()]
        return ":".join(parts)


def parse(text: str, interface: str, backlog: int) -> EndpointSpec:
    """
    Parse an endpoint string, and add the interface and the backlog if they are missing.

    @raise EndpointError: the string is wrong, or of a kind that is not served.
    """
    kind, arguments, named = _split(text)
    if kind == PROXY:
        inner = parse(text.partition(":")[2], interface, backlog)
        # Datagrams have no PROXY header here, and a second header would not be parsed.
        if inner.datagrams or inner.proxied:
            raise EndpointError(f"{PROXY} goes before a stream endpoint")
        inner.proxied = True
        return inner
    secure = _takeSecure(named)
    if kind not in KINDS:
        raise EndpointError(f"there is no endpoint {kind!r}; there are {', '.join(KINDS)}")
    spec = EndpointSpec(kind, arguments, named, secure=secure)
    if secure is not None and spec.kind in ("udp", "unixgram"):
        raise EndpointError(f"{SECURE}= is for streams")
    names = KINDS[kind]
    if "port" in names:
        _checkPort(spec)
    if "interface" in names:
        if spec.argument("interface") is None:
            named["interface"] = _ownFamily(kind, interface)
        _checkInterface(spec)
    if "backlog" in names:
        if spec.argument("backlog") is None:
            named["backlog"] = str(backlog)
        _checkBacklog(spec)
    if kind in ("unix", "unixgram") and not spec.argument("address"):
        raise EndpointError(f"{kind} takes the path of a socket")
    if kind == "tls" and not os.path.isdir(spec.argument("path") or ""):
        raise EndpointError("tls takes a folder of PEM files, and port=")
    if kind == "udp" and (set(named) - set(names) or len(arguments) > len(names)):
        raise EndpointError("udp takes a port and interface=ADDRESS, nothing else")
    if kind == "unixgram":
        _checkUNIXDatagram(spec)
    if kind == "systemd":
        if arguments:
            raise EndpointError("systemd takes index or name, and domain, each with its name")
        try:
            spec.inherited = inheritedSocket(named, passedEnvironment(), os.getpid())
        except InheritedError as reason:
            raise EndpointError(str(reason)) from reason
    return spec


def endpoint(spec: EndpointSpec, reactor: Any) -> IStreamServerEndpoint:
    """
    Make Twisted's endpoint.

    @raise EndpointError: Twisted does not take it.
    """
    try:
        made: IStreamServerEndpoint = serverFromString(reactor, str(spec))
        return made
    except ImportError as missing:
        raise EndpointError(needTLS(spec.kind)) from missing
    # Twisted's parsers, and the functions they call, raise many different errors.
    except Exception as reason:
        if spec.encrypted and not haveTLS():
            raise EndpointError(needTLS(spec.kind)) from reason
        if isinstance(reason, OSError) and reason.filename:
            raise EndpointError(f"{reason.filename}: {reason.strerror}") from reason
        # A wrong argument is a TypeError that names Twisted's function: _parseTCP() got ...
        message = re.sub(r"^\S+\(\) ", f"{spec.kind} ", str(reason))
        raise EndpointError(message or type(reason).__name__) from reason


@dataclass(frozen=True, slots=True)
class TLSPlace:
    """The address and the TLS settings of a listening TCP socket."""

    #: Twisted's creator of the OpenSSL object of each connection.
    connectionCreator: Any
    port: int
    backlog: int
    interface: str


class _Recorder:
    # A stand-in for the reactor that records how one of Twisted's endpoints would listen.
    place: TLSPlace

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int, interface: str
    ) -> None:
        self.place = TLSPlace(contextFactory, port, backlog, interface)

    def listenTCP(self, port: int, factory: Any, backlog: int, interface: str) -> None:
        self.place = TLSPlace(connectionCreatorOf(factory), port, backlog, interface)


def tlsPlace(spec: EndpointSpec) -> TLSPlace:
    """
    Get the address and TLS settings of an C{ssl:} or C{tls:} endpoint, without Twisted's wrapper.

    @raise EndpointError: Twisted does not take it.
    """
    recorder = _Recorder()
    failures: list[Failure] = []
    endpoint(spec, recorder).listen(ServerFactory()).addErrback(failures.append)
    if failures:
        raise EndpointError(str(failures[0].value))
    return recorder.place


def udpAddress(spec: EndpointSpec) -> tuple[int, str]:
    """Get the port and the interface of a C{udp:} endpoint."""
    port = spec.argument("port")
    interface = spec.argument("interface")
    assert port is not None
    assert interface is not None
    return int(port), interface


def unixgramAddress(spec: EndpointSpec) -> tuple[str, int]:
    """Get the path and the permissions of a C{unixgram:} endpoint."""
    path = spec.argument("address")
    assert path is not None
    return path, int(spec.argument("mode") or _MODE, 8)


def _split(text: str) -> tuple[str, list[str], dict[str, str]]:
    # As a private function of Twisted, but without its internal errors, for example at a backslash
    # that ends the string.
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


def _takeSecure(named: dict[str, str]) -> bool | None:
    # Removed here because Twisted's parsers do not accept it.
    value = named.pop(SECURE, None)
    if value not in (None, "yes", "no"):
        raise EndpointError(f"{SECURE} is yes or no, not {value!r}")
    return None if value is None else value == "yes"


def _checkPort(spec: EndpointSpec) -> None:
    port = spec.argument("port")
    if port is None and spec.kind == "tls":
        return
    if not port or not re.fullmatch("[0-9]{1,5}", port) or int(port) > HIGHEST_PORT:
        raise EndpointError(f"a port is a number from 0 to {HIGHEST_PORT}, not {port!r}")


def _checkUNIXDatagram(spec: EndpointSpec) -> None:
    names = KINDS[spec.kind]
    if set(spec.named) - set(names) or len(spec.arguments) > len(names):
        raise EndpointError("unixgram takes a path and mode=MODE, nothing else")
    mode = spec.argument("mode")
    if mode is not None and not re.fullmatch("0?[0-7]{3}", mode):
        raise EndpointError(f"a mode is three octal digits, not {mode!r}")
    if not sys.platform.startswith("linux"):
        raise EndpointError("unixgram is for Linux only")


def _checkBacklog(spec: EndpointSpec) -> None:
    try:
        Limits.coerce("backlog", spec.argument("backlog"))
    except LimitError as reason:
        raise EndpointError(str(reason)) from reason


def _checkInterface(spec: EndpointSpec) -> None:
    try:
        config.interface(spec.argument("interface") or "0.0.0.0")
    except ValueError as reason:
        raise EndpointError(str(reason)) from reason


def _ownFamily(kind: str, interface: str) -> str:
    # These two kinds listen on IPv6 sockets, also if the default interface is an IPv4 address.
    if kind not in ("tcp6", "tls") or ":" in interface:
        return interface
    if interface not in _SIX:
        raise EndpointError(f"{kind} listens on IPv6, so it needs interface= here")
    return _SIX[interface]


def haveTLS() -> bool:
    """Return whether the extra C{tls} is installed."""
    try:
        import twisted.internet.ssl  # noqa: F401
    except ImportError:
        return False
    return True


def needTLS(what: str) -> str:
    """Make the error message for a missing extra C{tls}."""
    return f"{what} needs the extra tls: pip install 'tsservices[tls]'"
