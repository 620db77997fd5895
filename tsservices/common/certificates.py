"""
The certificate of a server: read from PEM files, made if there is none, and its fingerprint.  Pure.

This module needs the library C{cryptography}, which the extra C{tls} installs, and imports it only
when a function is called.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: The sets of files in a folder of certbot.
FOLDER_FILES = (("privkey.pem", "fullchain.pem"), ("privkey.pem", "cert.pem", "chain.pem"))

#: The prefix of a fingerprint.
PREFIX = "sha256:"

#: The validity of a self-signed certificate: clients remember its key, not its date.
DAYS = 3650

# The most bytes read from a file; a chain has some thousand.
_MOST = 1_048_576

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)

# A valid host name for certificates; the common name has at most 64 characters.
_HOST = re.compile(r"(?=.{1,64}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


class CertificateError(Exception):
    """A certificate can't be used.  The argument is the reason, one line."""


@dataclass(frozen=True, slots=True)
class KeyAndChain:
    """The key and the certificate chain of a server."""

    #: The private key: an object of C{cryptography}.
    key: Any
    #: The server's certificate, and those of its issuers.
    chain: tuple[Certificate, ...]

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the public key, which a renewal with the same key does not change."""
        return fingerprint(self.chain[0])

    @property
    def end(self) -> datetime:
        """The end of the certificate's validity."""
        return self.chain[0].not_valid_after_utc


def fingerprint(certificate: Certificate) -> str:
    """Get the SHA-256 digest of a certificate's public key, in hexadecimal digits."""
    return PREFIX + hashlib.sha256(_spki(certificate.public_key())).hexdigest()


def filesAt(path: str) -> tuple[str, ...]:
    """
    Get the files of C{--certificate}.

    @param path: one file with key and certificates, or a folder.
    @raise CertificateError: the folder lacks a file, or can't be read.
    """
    try:
        names = os.listdir(path)
    except NotADirectoryError:
        return (path,)
    except OSError as reason:
        raise CertificateError(f"{path}: {reason.strerror}") from reason
    for files in FOLDER_FILES:
        if set(files) <= set(names):
            return tuple(os.path.join(path, name) for name in files)
    raise CertificateError(
        f"{path}: a folder needs {FOLDER_FILES[0][0]} and {FOLDER_FILES[0][1]}, as certbot has them"
    )


def load(path: str) -> KeyAndChain:
    """
    Read the key and the certificates of C{--certificate}.

    @raise CertificateError: they can't be read, or used.
    """
    files = filesAt(path)
    try:
        return parse(b"\n".join(map(_read, files)))
    except CertificateError as reason:
        raise CertificateError(f"{path}: {reason}") from reason


def _read(path: str) -> bytes:
    try:
        # O_NONBLOCK: do not wait for a writer of a named pipe.
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(opened, "rb") as file:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise CertificateError(f"{os.path.basename(path)} is no regular file")
            return file.read(_MOST)
    except OSError as reason:
        raise CertificateError(f"{os.path.basename(path)}: {reason.strerror}") from reason


def parse(data: bytes) -> KeyAndChain:
    """
    Read a private key and certificates, in any order.

    @param data: PEM.
    @raise CertificateError: there is no key, or no certificate for it.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    keys, certificates = [], []
    try:
        for block in _BLOCK.finditer(data):
            kind, text = block[1], block[0] + b"\n"
            if kind == b"CERTIFICATE":
                certificates.append(x509.load_pem_x509_certificate(text))
            elif kind == b"ENCRYPTED PRIVATE KEY" or b"ENCRYPTED" in text:
                raise CertificateError(
                    "the key is encrypted, and a server can't ask for its password"
                )
            elif kind.endswith(b"PRIVATE KEY"):
                keys.append(load_pem_private_key(text, None))
        public = [_spki(key.public_key()) for key in keys]
        presented = [_spki(certificate.public_key()) for certificate in certificates]
    # Each kind of key raises other errors.
    except (ValueError, TypeError, ArithmeticError) as reason:
        raise CertificateError(f"it is damaged: {_oneLine(reason)}") from reason
    except Exception as reason:
        if isinstance(reason, CertificateError):
            raise
        raise CertificateError(f"it can't be used: {_oneLine(reason)}") from reason
    if len(set(public)) != 1:
        raise CertificateError(f"one private key is needed in PEM, there are {len(set(public))}")
    if not certificates:
        raise CertificateError("there is no certificate in PEM")
    if public[0] not in presented:
        raise CertificateError("the key belongs to another certificate")
    own = certificates.pop(presented.index(public[0]))
    return KeyAndChain(keys[0], (own, *_issuers(own, certificates)))


def _issuers(own: Certificate, others: Sequence[Certificate]) -> list[Certificate]:
    # Only the certificates of the chain, in its order, which clients expect.
    ordered: list[Certificate] = []
    last, left = own, list(others)
    while last.subject != last.issuer:
        following = [other for other in left if other.subject == last.issuer]
        if not following:
            break
        last = following[0]
        left.remove(last)
        ordered.append(last)
    return ordered


def _spki(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _oneLine(reason: Exception) -> str:
    return " ".join(str(reason).split())[:200] or type(reason).__name__


def selfSigned(host: str, now: datetime) -> bytes:
    """
    Make a key, and a certificate for it that no authority has signed.

    @param host: the name of this machine.
    @return: both, in PEM.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )
    from cryptography.x509.oid import ExtendedKeyUsageOID

    names: list[x509.GeneralName] = []
    host = host.lower()
    # An IP address is no DNS name.
    known = bool(_HOST.fullmatch(host))
    with contextlib.suppress(ValueError):
        ip_address(host)
        known = False
    for name in dict.fromkeys([host] if known else []) | {"localhost": None}:
        names.append(x509.DNSName(name))
    names += [x509.IPAddress(ip_address("127.0.0.1")), x509.IPAddress(ip_address("::1"))]
    key = ec.generate_private_key(ec.SECP256R1())
    common = host if known else "localhost"
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # So that a client whose clock is slow accepts it too.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + made.public_bytes(Encoding.PEM)
