"""Certificates for tests: self-signed, signed by an authority, expired, for other names."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Identity:
    """A key and its certificate."""

    def __init__(
        self,
        *names: str,
        issuer: Identity | None = None,
        authority: bool = False,
        days: int = 30,
        key: ec.EllipticCurvePrivateKey | None = None,
        called: str = "",
    ) -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [x509.NameAttribute(x509.NameOID.COMMON_NAME, called or (names or ("nobody",))[0])]
        )
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        self.certificate: x509.Certificate = builder.sign(
            issuer.key if issuer else self.key, SHA256()
        )

    @property
    def fingerprint(self) -> str:
        public = self.key.public_key()
        return sha256(
            public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        ).hexdigest()

    @property
    def certificatePEM(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def keyPEM(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def save(self, path: Path) -> Self:
        """Write the certificate and the key to one file."""
        path.write_bytes(self.certificatePEM + self.keyPEM)
        return self
