"""
The addresses of the broker's servers and the credentials of a node.  They are checked before the
start, when an error can still be shown at the terminal in one line.
"""

from __future__ import annotations

import importlib.util
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tsservices.cluster.broker import BrokerError

_NAME = re.compile("[A-Za-z0-9_-]{1,64}")

_SUBJECT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")

_SCHEMES = ("nats", "tls")

_REPLICAS = (1, 3, 5)


#: Gets one line that describes a problem.
Log = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class JetStreamConfig:
    """
    The configuration of JetStream.  Secrets are in files, which are read again for each connection,
    so that they can be changed while a node runs.
    """

    #: Addresses, as C{nats://host:port} or C{tls://host:port}.
    servers: tuple[str, ...]
    #: The name of the stream, and of the bucket for snapshots.
    stream: str = "tsservices-chat"
    subject: str = "tsservices.chat"
    #: How many servers keep the stream: 1, 3 or 5.
    replicas: int = 1
    #: Certificates to trust; L{None}: the system's.
    caFile: str | None = None
    #: The certificate of this node, if the servers require one.
    certificateFile: str | None = None
    #: The key of that certificate; L{None}: it is in the same file.
    keyFile: str | None = None
    #: A JWT and its seed, as made by C{nsc}.
    credentialsFile: str | None = None
    #: Contains the seed of an nkey.
    nkeyFile: str | None = None
    tokenFile: str | None = None
    #: Contains C{user:password}.
    passwordFile: str | None = None

    @property
    def secure(self) -> bool:
        """Whether all connections must use TLS."""
        return bool(self.caFile or self.certificateFile)

    def check(self) -> None:
        """@raise BrokerError: the configuration can't be used."""
        if not self.servers:
            raise BrokerError("the engine needs the address of a server, like nats://host:4222")
        for server in self.servers:
            _checkServer(server)
        if not _NAME.fullmatch(self.stream):
            raise BrokerError(f"{self.stream!r} is no name of a stream: letters, digits, - and _")
        if not _SUBJECT.fullmatch(self.subject):
            raise BrokerError(f"{self.subject!r} is no subject: words with dots between them")
        if self.replicas not in _REPLICAS:
            raise BrokerError(f"the engine keeps 1, 3 or 5 replicas, not {self.replicas}")
        if self.keyFile and not self.certificateFile:
            raise BrokerError(f"the key {self.keyFile} needs its certificate")
        keys = (self.credentialsFile, self.nkeyFile)
        ways = [path for path in (*keys, self.tokenFile, self.passwordFile) if path]
        if len(ways) > 1:
            raise BrokerError(f"one way in is enough: {ways[0]} or {ways[1]}")
        if any(keys) and importlib.util.find_spec("nkeys") is None:
            raise BrokerError(f"{ways[0]} needs: pip install 'nats-py[nkeys]'")
        connectOptions(self)


def _checkServer(server: str) -> None:
    try:
        parts = urlsplit(server)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    else:
        if parts.username is not None:
            # The address is not in the message, because it contains a password.
            raise BrokerError("the address of a server has no password in it: use a file")
    if parts.scheme not in _SCHEMES or not host or port == 0 or parts.path not in ("", "/"):
        raise BrokerError(f"{server!r} is no address of a server, like nats://host:4222")


def _readLine(path: str) -> str:
    try:
        text = Path(path).read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BrokerError(f"{path} can't be read: {error}") from error
    if not text or "\n" in text:
        raise BrokerError(f"{path} has to have one line")
    return text


def _checkReadable(path: str) -> str:
    try:
        with open(path, "rb"):
            return path
    except OSError as error:
        raise BrokerError(f"{path} can't be read: {error}") from error


def _tlsContext(config: JetStreamConfig) -> ssl.SSLContext:
    for path in (config.caFile, config.certificateFile, config.keyFile):
        if path:
            _checkReadable(path)
    try:
        context = ssl.create_default_context(cafile=config.caFile)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if config.certificateFile:
            # Otherwise OpenSSL would ask for a passphrase at a terminal that is not there.
            context.load_cert_chain(config.certificateFile, config.keyFile, password=_noPassphrase)
    except (ssl.SSLError, OSError, BrokerError) as error:
        files = ", ".join(path for path in (config.caFile, config.certificateFile) if path)
        raise BrokerError(f"{files} can't be used for TLS: {error}") from error
    return context


def _noPassphrase() -> str:
    raise BrokerError("the key must not have a passphrase")


def connectOptions(config: JetStreamConfig) -> dict[str, Any]:
    """
    Return arguments for C{Client.connect}, with the present content of the files.

    @raise BrokerError: a file can't be used.
    """
    options: dict[str, Any] = {}
    if config.secure or any(urlsplit(server).scheme == "tls" for server in config.servers):
        options["tls"] = _tlsContext(config)
    if config.credentialsFile:
        options["user_credentials"] = _checkReadable(config.credentialsFile)
    elif config.nkeyFile:
        options["nkeys_seed"] = _checkReadable(config.nkeyFile)
    elif config.tokenFile:
        options["token"] = _readLine(config.tokenFile)
    elif config.passwordFile:
        user, colon, password = _readLine(config.passwordFile).partition(":")
        if not colon:
            raise BrokerError(f"{config.passwordFile} has to have one line: user:password")
        options["user"], options["password"] = user, password
    return options
