"""
What a server has shown of itself in a handshake: its key, and whether its certificate is for the
host that is meant.  Pure; needs the extra C{tls}.
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
    """Host and port of a server, the same for all ways to write them."""
    return hostPort(canonicalHost(host), port)


def canonicalHost(host: str) -> str:
    """A name or an address, in ASCII, the same for all ways to write it."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        # In a name nobody asks for, a dot at the end only says that it is whole.
        return _asciiName(host).decode("ascii", "replace").lower().removesuffix(".")


def _asciiName(host: str) -> bytes:
    try:
        return idna.encode(host, uts46=True)
    except idna.IDNAError:
        # Names with an underscore, say, which IDNA has no form for.
        return host.encode("ascii", "replace")


def isAddress(host: str) -> bool:
    """Whether it is an address, with or without a zone of IPv6, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def shownIdentity(
    certificate: Certificate, chainErrors: Iterable[ChainError], server: str, host: str
) -> ShownIdentity:
    """
    What a server has shown of itself.

    @param chainErrors: what OpenSSL has found wrong with its certificates.
    @param server: the server in a sentence.
    @raise ValueError: the certificate can't be read.
    """
    doubt = chainDoubt(chainErrors) or _nameDoubt(certificate, host)
    whole = certificate.fingerprint(SHA256()).hex()
    return ShownIdentity(server, publicKeyDigest(certificate), whole, doubt)


def publicKeyDigest(certificate: Certificate) -> str:
    """
    The SHA-256 of the public key in a certificate, as it stands in it (SubjectPublicKeyInfo).

    @raise ValueError: the certificate is damaged.
    """
    # Not by certificate.public_key(): that knows not every kind of key, and may write one in
    # another form.
    data = certificate.tbs_certificate_bytes
    position = _element(data, 0)[1]
    if data[position] == 0xA0:
        # The version, which the oldest form has not.
        position = _element(data, position)[2]
    # Serial number, signature, issuer, validity, subject.
    for _ in range(5):
        position = _element(data, position)[2]
    start, _, end = _element(data, position)
    return hashlib.sha256(data[start:end]).hexdigest()


def _element(data: bytes, start: int) -> tuple[int, int, int]:
    # Where an element of DER starts, where its content starts, and where it ends.
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
