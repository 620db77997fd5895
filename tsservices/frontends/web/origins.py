"""
Checks of where a request comes from: names of this server, origins of its page, and clients behind
proxies.  Pure.

A foreign page must neither write nor read here.  The browser names the page in C{Origin}; and if
the page's name was made to point to this server (DNS rebinding), that name is still in C{Host}.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from tsservices.common.addresses import isLoopback, parse

#: In the list of proxies, stands for those that connect by a UNIX socket.
UNIX = "unix"

#: The ports that a URL need not name.
_DEFAULT_PORTS = {"http": "80", "https": "443"}

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")

# An address with a port, or in brackets, as in a URL.
_HOP = re.compile(r"([0-9.]+):[0-9]+|\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?")


def hostName(host: str) -> str:
    """
    Return the name in the value of a C{Host} header, in lower case and without the port.

    @raise ValueError: the value is not valid.
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
    # As a browser writes an origin: without the default port.
    return f"{scheme}://{host.lower().removesuffix(':' + _DEFAULT_PORTS[scheme])}"


@dataclass(frozen=True, slots=True)
class PublicPlace:
    """The place of the page as browsers see it, if it is behind a proxy."""

    #: As browsers write it.
    origin: str
    #: The name.
    host: str
    #: Ends with a slash.
    path: str

    @property
    def encrypted(self) -> bool:
        """Whether browsers connect with TLS."""
        return self.origin.startswith("https:")


def publicPlace(text: str) -> PublicPlace:
    """
    Parse the URL of a page.

    @raise ValueError: it is not valid.
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
        # The path is used in a cookie.
        raise ValueError(f"the path in http-origin has letters, digits, -, ., _ and ~: {text!r}")
    return PublicPlace(_normal(url.scheme, url.netloc), name, path)


@dataclass(frozen=True, slots=True)
class Client:
    """The sender of a request."""

    #: The address; L{UNIX} of a UNIX socket.
    host: str
    #: Whether the browser has connected with TLS.
    encrypted: bool
    #: Whether nobody between the browser and the server can read the data.
    secure: bool
    #: Whether the request came through a known proxy, which may name the client.
    proxied: bool = False
    #: Whether headers show a proxy that is not known.
    unknownProxy: bool = False


@dataclass(frozen=True)
class WebConfig:
    """The operator's settings about the place of the web server."""

    #: Names of this server in C{Host} headers, beside those of this machine.
    hosts: frozenset[str] = frozenset()
    #: Known proxies, which may name their clients.
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    #: Whether a peer on a UNIX socket is a known proxy.
    unixProxies: bool = False
    #: L{None}: the address that browsers connect to.
    place: PublicPlace | None = None

    @property
    def path(self) -> str:
        """The path of the page; ends with a slash."""
        return "/" if self.place is None else self.place.path

    def isProxy(self, host: str) -> bool:
        """Whether a peer is a known proxy."""
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
            # An address of this machine can't be the name of a foreign page.
            # Clients leave out the interface of a link-local address (fe80::1%eth0).
            return isLoopback(bare) or parse(bare) == parse(connectedTo.partition("%")[0])
        except ValueError:
            return False

    def isOwnOrigin(self, origin: str, host: str, encrypted: bool) -> bool:
        """
        Whether an C{Origin} is that of this server's page.

        @param host: the C{Host} of the same request, which names this server.
        @param encrypted: whether the request came over TLS.
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
        Find the sender of a request.

        @param host: the peer of the connection.
        @param encrypted: whether the connection has TLS.
        @param secure: whether nobody can read the data on the connection.
        @param forwardedFor: the values of C{X-Forwarded-For}.
        @param forwardedProto: the values of C{X-Forwarded-Proto}.
        @param otherwiseForwarded: whether the request has another header that proxies add.
        """
        if not self.isProxy(host):
            # Behind a local proxy all clients have this machine's address: a request with headers
            # of a proxy is not taken for one of a local user.
            strange = bool(forwardedFor or forwardedProto or otherwiseForwarded)
            return Client(host, encrypted, encrypted or (secure and not strange), False, strange)
        if not (forwardedFor or forwardedProto):
            # The proxy asks for itself, or does not name the client: only its connection is known.
            return Client(host, encrypted, encrypted, True)
        # The last hop was written by the known proxy; the ones before may be forged.
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
