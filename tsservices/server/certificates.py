"""
The certificate that a server shows: where it is, and how a renewed one takes the place of the old.

It is loaded when the server is made, with the rights that the process has then; later looks have
those of the user that the server has become.  Needs the extra C{tls}, but not to be imported.
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

#: Seconds between two looks whether the files have changed.
LOOK_SECONDS = 60

#: Looks after which the files are read even if nothing shows that they have changed: by some file
#: systems a file that was replaced is not told from the old one.
LOOKS_TO_READ = 60


@implementer(IOpenSSLServerConnectionCreator)
class ServerCertificate:
    """
    The certificate of a server.  Each new connection is shown the one that was loaded last.

    @ivar loaded: that one.
    """

    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(self, read: Callable[[], KeyAndChain], path: str) -> None:
        """
        Load it.

        @param path: a file, or a folder with files.
        @raise CertificateError: it can't be used.
        """
        self._read = read
        self._path = path
        self._looks = 0
        self._problem = ""
        self.loaded = read()
        self._context = _contextOf(self.loaded)
        self._seen = self._signature()

    def serverConnectionForTLS(self, tlsProtocol: object) -> Any:
        """Make the OpenSSL object of one connection."""
        from OpenSSL.SSL import Connection

        return Connection(self._context, None)

    def notes(self) -> list[str]:
        """What an operator should know, a line each."""
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

    def look(self) -> None:
        """Load it again if it has changed, or an hour has passed; the old one stays until then."""
        self._looks += 1
        seen = self._signature()
        if seen == self._seen and self._looks < LOOKS_TO_READ:
            return
        self._looks = 0
        self._seen = seen
        try:
            found = self._read()
            if found.chain != self.loaded.chain:
                self._context = _contextOf(found)
                self.loaded = found
                self._log.info(
                    "the certificate was renewed: until {end}, {fingerprint}",
                    end=f"{found.end:%Y-%m-%d}",
                    fingerprint=found.fingerprint,
                )
        except CertificateError as reason:
            problem = str(reason)
            # Once, until it is another problem.
            if problem != self._problem:
                self._log.warn(
                    "the certificate can't be read again, the old one stays: {problem}",
                    problem=problem + _whose(reason),
                )
            self._problem = problem
        else:
            self._problem = ""

    def _signature(self) -> object:
        # What tells whether the files are those that were loaded; links are followed, as certbot
        # makes new ones for a renewal.
        try:
            found = [os.stat(file) for file in certificates.filesAt(self._path)]
        except (OSError, CertificateError) as reason:
            return str(reason)
        return [(row.st_dev, row.st_ino, row.st_size, row.st_mtime_ns) for row in found]


def _whose(reason: CertificateError) -> str:
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


def _contextOf(loaded: KeyAndChain) -> Any:
    from OpenSSL import SSL
    from twisted.internet.ssl import CertificateOptions, TLSVersion

    # Twisted's types still name pyOpenSSL's own classes, which that has deprecated.
    chain: Any = loaded.chain
    try:
        context = CertificateOptions(
            privateKey=loaded.key,
            certificate=chain[0],
            extraCertChain=chain[1:],
            # Twisted's own default may become another one.
            insecurelyLowerMinimumTo=TLSVersion.TLSv1_2,
        ).getContext()
    except (SSL.Error, TypeError, ValueError) as reason:
        raise CertificateError(f"OpenSSL does not take it: {_words(reason)}") from reason
    # Costs a server much more than a client.  OpenSSL 3 refuses it anyway, 1.1.1 does not.
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    # None of the services has a name for it.  Twisted's own callback would name an empty one.
    context.set_alpn_select_callback(lambda *offered: SSL.NO_OVERLAPPING_PROTOCOLS)
    return context


def _words(reason: Exception) -> str:
    queue = reason.args[0] if reason.args else ""
    if isinstance(queue, list) and queue:
        return str(queue[-1][-1])
    return " ".join(str(reason).split())


def givenCertificate(path: str, folder: StateDirectory) -> ServerCertificate:
    """
    The certificate of C{--certificate}.

    @raise CertificateError: it can't be used.
    """
    path = os.path.abspath(path)

    def read() -> KeyAndChain:
        try:
            # Whoever the state folder belongs to must not have root read another file.
            folder.checkOwn(certificates.filesAt(path))
        except OSError as reason:
            raise CertificateError(f"{path}: {reason.strerror}") from reason
        return certificates.load(path)

    return ServerCertificate(read, path)


def ownCertificate(folder: StateDirectory) -> ServerCertificate:
    """
    The certificate of the state folder, which is made at the first start.

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
        # Only now: a server that runs keeps its key, whatever becomes of the file.
        folder.makeOnce(CERTIFICATE_FILE, make)
    except OSError as reason:
        raise CertificateError(f"{path}: {reason.strerror}") from reason
    return ServerCertificate(read, path)


def watching(certificate: ServerCertificate, clock: IReactorTime) -> TimerService:
    """The service that has the certificate loaded again."""
    service = TimerService(LOOK_SECONDS, certificate.look)
    service.clock = clock
    service.setName("certificate")
    return service
