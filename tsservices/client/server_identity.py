"""
The identity that a server has shown in a TLS handshake: its key, and whether its certificate is
for the requested host.  Pure; needs the extra C{tls}.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable

import idna
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    IPAddress,
    SubjectAlternativeName,
)
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)

from tsservices.client.trust import ChainError, ShownIdentity, chainDoubt, nameDoubt
from tsservices.common.addresses import hostPort


def serverAddress(host: str, port: int) -> str:
    """Format host and port of a server, the same for all spellings."""
    return hostPort(canonicalHost(host), port)


def canonicalHost(host: str) -> str:
    """Convert a name or an address to ASCII, the same for all spellings."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        # A dot at the end only marks the name as fully qualified.
        return _asciiName(host).decode("ascii", "replace").lower().removesuffix(".")


def _asciiName(host: str) -> bytes:
    try:
        return idna.encode(host, uts46=True)
    except idna.IDNAError:
        # IDNA can't encode some names, for example those with an underscore.
        return host.encode("ascii", "replace")


def isAddress(host: str) -> bool:
    """Check whether a host is an address, with or without an IPv6 zone, and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def shownIdentity(
    certificate: Certificate, chainErrors: Iterable[ChainError], server: str, host: str
) -> ShownIdentity:
    """
    Collect the identity that a server has shown.

    @param chainErrors: the errors that OpenSSL found in its certificates.
    @param server: the name of the server in messages.
    @raise ValueError: the certificate can't be read.
    """
    doubt = chainDoubt(chainErrors) or _nameDoubt(certificate, host)
    whole = certificate.fingerprint(SHA256()).hex()
    return ShownIdentity(server, publicKeyDigest(certificate), whole, doubt)


def publicKeyDigest(certificate: Certificate) -> str:
    """
    Compute the SHA-256 of a certificate's public key, over its original bytes
    (SubjectPublicKeyInfo).

    @raise ValueError: the certificate is damaged.
    """
    # certificate.public_key() does not support all kinds of keys, and may encode one differently.
    data = certificate.tbs_certificate_bytes
    position = _element(data, 0)[1]
    if data[position] == 0xA0:
        # Skip the version, which certificates of version 1 do not have.
        position = _element(data, position)[2]
    # Skip serial number, signature, issuer, validity and subject.
    for _ in range(5):
        position = _element(data, position)[2]
    start, _, end = _element(data, position)
    return hashlib.sha256(data[start:end]).hexdigest()


def _element(data: bytes, start: int) -> tuple[int, int, int]:
    # The positions of a DER element: its start, the start of its content, its end.
    try:
        length, content = data[start + 1], start + 2
        if length & 0x80:
            content += length & 0x7F
            length = int.from_bytes(data[start + 2 : content], "big")
    except IndexError:
        raise ValueError("the certificate is cut") from None
    if content + length > len(data):
        raise ValueError("the certificate is cut")
    return start, content, content + length


def _nameDoubt(certificate: Certificate, host: str) -> str:
    try:
        if isAddress(host):
            verify_certificate_ip_address(certificate, host.partition("%")[0])
        else:
            verify_certificate_hostname(certificate, canonicalHost(host))
    except (VerificationError, CertificateError, ValueError):
        return nameDoubt(host, _names(certificate))
    return ""


def _names(certificate: Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ExtensionNotFound, ValueError):
        return []
    addresses = [str(address) for address in names.get_values_for_type(IPAddress)]
    return names.get_values_for_type(DNSName) + addresses
