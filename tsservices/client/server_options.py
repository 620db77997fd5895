"""
The options about the server that all clients of streams share: host, port and TLS.  Pure.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import NamedTuple

from tsservices.client.argtypes import hostName, portNumber
from tsservices.client.trust import TrustOptions, parseFingerprint
from tsservices.common.addresses import DEFAULT_PORT

#: The offset of a service's TLS port from its plain port.
TLS_OFFSET = 100

#: The prefix of a host that asks for TLS.
SCHEME = "tls://"


@dataclass(frozen=True)
class TLSOptions:
    """The options of a TLS connection."""

    trust: TrustOptions = field(default_factory=TrustOptions)
    #: The folder of the file of known hosts.
    folder: str = ""


class ServerName(NamedTuple):
    """A server, as it was named on the command line."""

    host: str
    #: 0: not given.
    port: int = 0
    tls: bool = False


def serverName(text: str) -> ServerName:
    """
    Parse a host name or an address, C{tls://HOST} or C{tls://HOST:PORT}.

    @raise argparse.ArgumentTypeError: the text has none of these forms.
    """
    if not text.lower().startswith(SCHEME):
        if "://" in text:
            raise argparse.ArgumentTypeError(f"{text!r} is neither HOST nor {SCHEME}HOST:PORT")
        return ServerName(hostName(text))
    place = text[len(SCHEME) :].removesuffix("/")
    try:
        # Without a port, an IPv6 address needs no brackets.
        ipaddress.IPv6Address(place)
        return ServerName(place, 0, True)
    except ValueError:
        pass
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]"):
        host, port = place, ""
    elif not port:
        raise argparse.ArgumentTypeError(f"{text!r} has no port behind its last colon")
    if not host or set(host) & set("/?#@") or (":" in host and not host.startswith("[")):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form {SCHEME}HOST:PORT")
    return ServerName(hostName(host), portNumber(port) if port else 0, True)


def _fingerprint(text: str) -> str:
    try:
        return parseFingerprint(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def addTLSOptions(parser: argparse.ArgumentParser) -> None:
    """Add the options of TLS to a command line."""
    group = parser.add_argument_group(
        "TLS",
        f"{SCHEME}HOST:PORT in place of HOST, or any of these options, encrypts the connection.\n"
        "The server is known by an authority of this system, or else by its key.  At the first\n"
        "connection you are asked about the key; afterwards another one is refused.",
    )
    group.add_argument("--tls", action="store_true", help="speak TLS")
    only = group.add_mutually_exclusive_group()
    only.add_argument(
        "--tls-ca",
        metavar="FILE",
        help="certificates (PEM): trust the server if one of these vouches for it, and only then",
    )
    only.add_argument(
        "--tls-fingerprint",
        metavar="sha256:HEX",
        type=_fingerprint,
        help="trust the server if this is the SHA-256 of its public key, and only then; "
        "nobody is asked, and the key is known from then on",
    )


class Server(NamedTuple):
    """A server and the kind of connection to it."""

    host: str
    port: int
    #: L{None}: unencrypted.
    tls: TLSOptions | None


def readServer(
    parser: argparse.ArgumentParser,
    parsed: argparse.Namespace,
    offset: int,
    stateFolder: Callable[[], str],
) -> Server:
    """
    Read the server from the arguments C{host} and C{port} and those of L{addTLSOptions}.

    @param offset: the offset of the service's port from L{DEFAULT_PORT}.
    @param stateFolder: returns the folder of the file of known hosts.
    @raise SystemExit: with status 2 if the command line is wrong.
    """
    named: ServerName = parsed.host
    if named.port and parsed.port and named.port != parsed.port:
        parser.error(f"--port {parsed.port} goes without the port in {SCHEME}HOST:{named.port}")
    port = named.port or parsed.port
    if not wantsTLS(parsed):
        return Server(named.host, port or DEFAULT_PORT + offset, None)
    for module in ("OpenSSL", "service_identity"):
        if find_spec(module) is None:
            parser.error("TLS needs pyOpenSSL: pip install 'tsservices[tls]'")
    if parsed.tls_ca is not None and not os.path.isfile(parsed.tls_ca):
        parser.error(f"--tls-ca: there is no file {parsed.tls_ca}")
    trust = TrustOptions(parsed.tls_ca or "", parsed.tls_fingerprint or "")
    default = DEFAULT_PORT + TLS_OFFSET + offset
    return Server(named.host, port or default, TLSOptions(trust, userFolder(stateFolder)))


def wantsTLS(parsed: argparse.Namespace) -> bool:
    """Check whether any argument asks for TLS."""
    # With a key or an authority given, the connection must not be unencrypted.
    return bool(
        parsed.tls or parsed.host.tls or parsed.tls_ca is not None or parsed.tls_fingerprint
    )


def userFolder(stateFolder: Callable[[], str]) -> str:
    """Return the folder of the clients' files; without one, a path that can contain no files."""
    try:
        return stateFolder()
    except ValueError:
        # History is then not saved and no known key is read; only users of TLS see an error.
        return os.devnull
