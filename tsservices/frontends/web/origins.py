"""
Whose requests are ours: names of this server, origins of its page, and clients behind proxies.
Pure.

A page of somebody else must neither write nor read here.  Its browser names that page in C{Origin};
and when its name has become the address of this server (DNS rebinding), it still names itself in
C{Host}.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from tsservices.common.addresses import isLoopback, parse

#: In the list of proxies, those that come by a UNIX socket.
UNIX = "unix"

#: The ports that a URL need not name.
_DEFAULT_PORTS = {"http": "80", "https": "443"}

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")

# With a port, or in brackets, as it stands in a URL.
_HOP = re.compile(r"([0-9.]+):[0-9]+|\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?")


def hostName(host: str) -> str:
    """
    The name in the value of a C{Host} header, in lower case and without the port.

    @raise ValueError: it is none.
    """
    match = _HOST.fullmatch(host)
    if match is None:
        raise ValueError(host)
    return match[1].lower().removesuffix(".")


def _withoutPort(hop: str) -> str:
    # Some proxies write the port of the client too.
    match = _HOP.fullmatch(hop)
    return hop if match is None else match[1] or match[2]


def _normal(scheme: str, host: str) -> str:
    # As a browser writes an origin: without the port that goes without saying.
    return f"{scheme}://{host.lower().removesuffix(':' + _DEFAULT_PORTS[scheme])}"


@dataclass(frozen=True, slots=True)
class PublicPlace:
    """Where the page stands for browsers, if a proxy is before it."""

    #: As browsers write it.
    origin: str
    #: The name.
    host: str
    #: Ends with a slash.
    path: str

    @property
    def encrypted(self) -> bool:
        """Whether browsers come by TLS."""
        return self.origin.startswith("https:")


def publicPlace(text: str) -> PublicPlace:
    """
    Read the URL of a page.

    @raise ValueError: it is none.
    """
    try:
        url = urlsplit(text)
        name = hostName(url.netloc)
    except ValueError:
        raise ValueError(f"http-origin is a URL like https://chat.example/, not {text!r}") from None
    path = url.path.rstrip("/") + "/"
    if url.scheme not in _DEFAULT_PORTS or url.query or url.fragment:
        raise ValueError(f"http-origin is a URL like https://chat.example/, not {text!r}")
    if not re.fullmatch(r"/(?:[A-Za-z0-9._~-]+/)*", path):
        # It stands in a cookie.
        raise ValueError(f"the path in http-origin has letters, digits, -, ., _ and ~: {text!r}")
    return PublicPlace(_normal(url.scheme, url.netloc), name, path)


@dataclass(frozen=True, slots=True)
class Client:
    """Who has sent a request."""

    #: The address; L{UNIX} of a UNIX socket.
    host: str
    #: Whether the browser has come by TLS.
    encrypted: bool
    #: Whether nobody on the way can read what is sent.
    secure: bool
    #: Whether it came through a proxy that may say who it is.
    proxied: bool = False
    #: Whether somebody on the way says that it is a proxy, whom nobody here knows.
    strangeProxy: bool = False


@dataclass(frozen=True)
class WebConfig:
    """What an operator has said about the place of the web server."""

    #: Names in C{Host} headers that are ours, beside those of this machine.
    hosts: frozenset[str] = frozenset()
    #: Proxies that may say for whom they ask.
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    #: Whether who comes by a UNIX socket is one.
    unixProxies: bool = False
    #: L{None}: where they connect to.
    place: PublicPlace | None = None

    @property
    def path(self) -> str:
        """Where the page is below its host; ends with a slash."""
        return "/" if self.place is None else self.place.path

    def isProxy(self, host: str) -> bool:
        """Whether a peer may say for whom it asks."""
        if host == UNIX:
            return self.unixProxies
        try:
            address = parse(host)
        except ValueError:
            return False
        return any(address in network for network in self.proxies)

    def isOurs(self, host: str, connectedTo: str) -> bool:
        """
        Whether a C{Host} header names this server.

        @param connectedTo: the address at this end of the connection.
        """
        try:
            name = hostName(host)
        except ValueError:
            return False
        if name in self.hosts or name == "localhost":
            return True
        if self.place is not None and name == self.place.host:
            return True
        bare = name.strip("[]")
        try:
            # No name can stand for an address of this machine: it is one.
            return isLoopback(bare) or parse(bare) == parse(connectedTo)
        except ValueError:
            return False

    def isOwnOrigin(self, origin: str, host: str, encrypted: bool) -> bool:
        """
        Whether an C{Origin} is that of our page.

        @param host: the C{Host} of the same request, which is ours.
        @param encrypted: whether that came by TLS.
        """
        if self.place is not None and origin == self.place.origin:
            return True
        return origin == _normal("https" if encrypted else "http", host)

    def client(
        self,
        host: str,
        encrypted: bool,
        secure: bool,
        forwardedFor: Sequence[str],
        forwardedProto: Sequence[str],
        otherwiseForwarded: bool = False,
    ) -> Client:
        """
        Who has sent a request.

        @param host: the peer of the connection.
        @param encrypted: whether the connection has TLS.
        @param secure: whether nobody can read what goes over the connection.
        @param forwardedFor: the values of C{X-Forwarded-For}.
        @param forwardedProto: those of C{X-Forwarded-Proto}.
        @param otherwiseForwarded: whether it has another header that proxies add.
        """
        if not self.isProxy(host):
            # Behind a local proxy everybody comes from this machine: who says that there is one is
            # not taken for a person at it.
            strange = bool(forwardedFor or forwardedProto or otherwiseForwarded)
            return Client(host, encrypted, encrypted or (secure and not strange), False, strange)
        if not (forwardedFor or forwardedProto):
            # It asks for itself, or does not say for whom: only what it has with us is known.
            return Client(host, encrypted, encrypted, True)
        # The last one was written by the proxy that is known, the ones before by whoever likes.
        hops = [hop.strip() for value in forwardedFor for hop in value.split(",")]
        client = host
        for hop in reversed(hops):
            try:
                hop = _withoutPort(hop)
                parse(hop)
            except ValueError:
                break
            client = hop
            if not self.isProxy(hop):
                break
        scheme = forwardedProto[-1].split(",")[-1].strip().lower() if forwardedProto else ""
        byTLS = scheme == "https"
        onMachine = client != host and isLoopback(client)
        return Client(client, byTLS, byTLS or onMachine, True)
