"""
The certificate of a server: how it is loaded, and replaced when it was renewed.

It is loaded when the server is made, with the rights of the process at that time; later checks
have the rights of the user that the server runs as.  This module can be imported without the
extra C{tls}, but not used.
"""

from __future__ import annotations

import errno
import getpass
import os
import socket
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from twisted.application.internet import TimerService
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from tsservices.common import certificates
from tsservices.common.certificates import CertificateError, KeyAndChain
from tsservices.common.statedir import CERTIFICATE_FILE, StateDirectory

#: Seconds between two checks whether the files have changed.
CHECK_SECONDS = 60

#: Checks after which the files are read even if they seem unchanged: on some file systems a
#: replaced file can't be distinguished from the old one.
CHECKS_TO_READ = 60


@implementer(IOpenSSLServerConnectionCreator)
class ServerCertificate:
    """
    The certificate of a server.  New connections use the one that was loaded last.

    @ivar loaded: the key and the chain that were loaded last.
    """

    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(self, read: Callable[[], KeyAndChain], path: str) -> None:
        """
        @param path: a file, or a folder with files.
        @raise CertificateError: the certificate can't be used.
        """
        self._read = read
        self._path = path
        self._checks = 0
        self._problem = ""
        self.loaded = read()
        self._context = _contextOf(self.loaded, path)
        self._seen = self._signature()

    def serverConnectionForTLS(self, tlsProtocol: object) -> Any:
        """Make the OpenSSL object of one connection."""
        from OpenSSL.SSL import Connection

        return Connection(self._context, None)

    def notes(self) -> list[str]:
        """Make the notes for the operator, one line each."""
        leaf, end = self.loaded.chain[0], self.loaded.end
        notes = [f"TLS: {self._path}, until {end:%Y-%m-%d}, {self.loaded.fingerprint}"]
        now = datetime.now(UTC)
        if not leaf.not_valid_before_utc <= now <= end:
            notes.append("TLS: this certificate does not hold now: clients will not trust it")
        try:
            for file in certificates.filesAt(self._path):
                # The key may be in any of them.
                if os.stat(file).st_mode & stat.S_IROTH and _hasKey(file):
                    notes.append(f"TLS: every user of this machine can read the key in {file}")
        except (OSError, CertificateError):
            pass
        return notes

    def reloadIfChanged(self) -> None:
        """Load the certificate again if the files have changed, or an hour has passed."""
        self._checks += 1
        seen = self._signature()
        if seen == self._seen and self._checks < CHECKS_TO_READ:
            return
        self._checks = 0
        self._seen = seen
        try:
            found = self._read()
            if found.chain != self.loaded.chain:
                self._context = _contextOf(found, self._path)
                self.loaded = found
                self._log.info(
                    "the certificate was renewed: until {end}, {fingerprint}",
                    end=f"{found.end:%Y-%m-%d}",
                    fingerprint=found.fingerprint,
                )
        except CertificateError as reason:
            problem = str(reason)
            # Each problem is logged once.
            if problem != self._problem:
                self._log.warn(
                    "the certificate can't be read again, the old one stays: {problem}",
                    problem=problem + _permissionHint(reason),
                )
            self._problem = problem
        else:
            self._problem = ""

    def _signature(self) -> object:
        # Identifies the files that were loaded.  Links are followed, because certbot renews by
        # making new ones.
        try:
            found = [os.stat(file) for file in certificates.filesAt(self._path)]
        except (OSError, CertificateError) as reason:
            return str(reason)
        return [(row.st_dev, row.st_ino, row.st_size, row.st_mtime_ns) for row in found]


def _permissionHint(reason: CertificateError) -> str:
    # A renewed key that only root may read is the usual case.
    if not str(reason).endswith(os.strerror(errno.EACCES)):
        return ""
    try:
        user = getpass.getuser() if os.geteuid() == os.getuid() else str(os.geteuid())
    except (KeyError, OSError):
        user = str(os.geteuid())
    return f" (the server runs as {user}; give that user the right to read it, or restart)"


def _hasKey(file: str) -> bool:
    with open(file, "rb") as opened:
        return b"PRIVATE KEY-----" in opened.read(65_536)


def _contextOf(loaded: KeyAndChain, path: str) -> Any:
    from OpenSSL import SSL
    from twisted.internet.ssl import CertificateOptions, TLSVersion

    # Twisted's type hints name classes of pyOpenSSL that are deprecated.
    chain: Any = loaded.chain
    try:
        context = CertificateOptions(
            privateKey=loaded.key,
            certificate=chain[0],
            extraCertChain=chain[1:],
            # Fixed here, because Twisted's default may change.
            insecurelyLowerMinimumTo=TLSVersion.TLSv1_2,
        ).getContext()
    except (SSL.Error, TypeError, ValueError) as reason:
        raise CertificateError(f"{path}: OpenSSL refuses it: {_words(reason)}") from reason
    # Renegotiation costs a server much more than a client.  OpenSSL 3 refuses it by default,
    # 1.1.1 does not.
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    # No service has an ALPN name.  Twisted's callback would select an empty one.
    context.set_alpn_select_callback(lambda *offered: SSL.NO_OVERLAPPING_PROTOCOLS)
    return context


def _words(reason: Exception) -> str:
    queue = reason.args[0] if reason.args else ""
    if isinstance(queue, list) and queue:
        return str(queue[-1][-1])
    return " ".join(str(reason).split())


def givenCertificate(path: str, folder: StateDirectory) -> ServerCertificate:
    """
    Load the certificate of C{--certificate}.

    @raise CertificateError: it can't be used.
    """
    path = os.path.abspath(path)

    def read() -> KeyAndChain:
        try:
            # The owner of the state folder must not make root read another file through a link.
            folder.checkOwn(certificates.filesAt(path))
        except OSError as reason:
            raise CertificateError(f"{path}: {reason.strerror}") from reason
        return certificates.load(path)

    return ServerCertificate(read, path)


def ownCertificate(folder: StateDirectory) -> ServerCertificate:
    """
    Load the certificate of the state folder, which is made at the first start.

    @raise CertificateError: it can't be made, or used.
    """
    path = folder.path(CERTIFICATE_FILE)

    def make() -> bytes:
        return certificates.selfSigned(socket.gethostname(), datetime.now(UTC))

    def read() -> KeyAndChain:
        try:
            return certificates.parse(folder.readPrivate(CERTIFICATE_FILE))
        except OSError as reason:
            raise CertificateError(f"{path}: {reason.strerror}") from reason
        except CertificateError as reason:
            raise CertificateError(
                f"{path}: {reason}; without this file the next start makes a new one"
            ) from reason

    try:
        # Not in read: a running server keeps its key if the file is removed.
        folder.makeOnce(CERTIFICATE_FILE, make)
    except OSError as reason:
        raise CertificateError(f"{path}: {reason.strerror}") from reason
    return ServerCertificate(read, path)


def certificateService(certificate: ServerCertificate, clock: IReactorTime) -> TimerService:
    """Make the service that checks the certificate regularly."""
    service = TimerService(CHECK_SECONDS, certificate.reloadIfChanged)
    service.clock = clock
    service.setName("certificate")
    return service
