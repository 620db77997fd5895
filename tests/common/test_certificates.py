"""Tests for L{tsservices.common.certificates}."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the extra tls is not installed")

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tsservices.common.certificates import CertificateError, load, parse, selfSigned

NOW = datetime(2026, 11, 20, 12, 10, tzinfo=UTC)

OWN, OTHER = selfSigned("chat.example.org", NOW), selfSigned("other", NOW)

KEY, CERTIFICATE = OWN.split(b"-----BEGIN CERTIFICATE")
CERTIFICATE = b"-----BEGIN CERTIFICATE" + CERTIFICATE


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def signed(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
    builder = builder.public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def test_selfSigned() -> None:
    (made,) = parse(OWN).chain
    assert made.subject == made.issuer == name("chat.example.org")
    assert made.not_valid_before_utc < NOW
    assert made.not_valid_after_utc == NOW + timedelta(days=3650)
    found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == ["chat.example.org", "localhost"]
    assert found.get_values_for_type(x509.IPAddress) == [ip_address("127.0.0.1"), ip_address("::1")]


@pytest.mark.parametrize(
    "host", ["", "a b", "héte", "x" * 65, "192.0.2.1", "-a", "localhost", "a_b"]
)
def test_hostWithoutName(host: str) -> None:
    (made,) = parse(selfSigned(host, NOW)).chain
    assert made.subject == name("localhost")
    found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == ["localhost"]


def test_fingerprint() -> None:
    """It is that of the public key, as other programs have it."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl")
    encoded = subprocess.run(
        ["openssl", "pkey", "-pubout", "-outform", "DER"],
        input=KEY,
        capture_output=True,
        check=True,
    )
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-r"], input=encoded.stdout, capture_output=True, check=True
    )
    assert parse(OWN).fingerprint == "sha256:" + digest.stdout.decode().split()[0]


def test_orderOfTheChain() -> None:
    """The server's own goes first, then who has signed for it; what is not needed stays away."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    own, middle, root = (
        signed(*names, key)
        for names, key in zip((("a", "b"), ("b", "c"), ("c", "c")), keys, strict=True)
    )
    pem = keys[0].private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    stranger = OTHER.split(b"-----END PRIVATE KEY-----\n")[1]
    for parts in ((pem, own, middle, root), (root, stranger, middle, pem, own)):
        chain = parse(b"some text\n" + b"".join(parts)).chain
        assert [item.subject for item in chain] == [name("a"), name("b"), name("c")]


def test_kindsOfKeys() -> None:
    for key in (rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()):
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(CertificateError, match="belongs to another"):
            parse(private + CERTIFICATE)


def encrypted(form: PrivateFormat) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "there are 0"),
        (b"\xff\0garbage", "there are 0"),
        (KEY, "no certificate"),
        (CERTIFICATE, "there are 0"),
        (KEY + OTHER, "there are 2"),
        (KEY + OTHER.split(b"-----END PRIVATE KEY-----\n")[1], "belongs to another"),
        (OWN[:-40], "no certificate"),
        (KEY.replace(b"MIG", b"MIH") + CERTIFICATE, "damaged"),
        (KEY + CERTIFICATE.replace(b"MII", b"XXX"), "damaged"),
        (encrypted(PrivateFormat.PKCS8) + CERTIFICATE, "encrypted"),
        (encrypted(PrivateFormat.TraditionalOpenSSL) + CERTIFICATE, "encrypted"),
    ],
    # The keys are others each time, and all processes that run tests need the same names.
    ids=map(str, range(11)),
)
def test_wrong(data: bytes, words: str) -> None:
    with pytest.raises(CertificateError, match=words) as caught:
        parse(data)
    assert "\n" not in str(caught.value)


def test_files(tmp_path: Path) -> None:
    (tmp_path / "all.pem").write_bytes(CERTIFICATE + KEY)
    assert load(str(tmp_path / "all.pem")).fingerprint == parse(OWN).fingerprint
    with pytest.raises(CertificateError, match=r"needs privkey\.pem and fullchain\.pem"):
        load(str(tmp_path))
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "key").write_bytes(KEY)
    (tmp_path / "privkey.pem").symlink_to(archive / "key")
    (tmp_path / "cert.pem").write_bytes(CERTIFICATE)
    (tmp_path / "chain.pem").write_bytes(OTHER.split(b"-----END PRIVATE KEY-----\n")[1])
    assert len(load(str(tmp_path)).chain) == 1
    (tmp_path / "fullchain.pem").write_bytes(b"")
    with pytest.raises(CertificateError, match="no certificate"):
        load(str(tmp_path))
    (tmp_path / "fullchain.pem").unlink()
    os.mkfifo(tmp_path / "fullchain.pem")
    with pytest.raises(CertificateError, match="no regular file"):
        load(str(tmp_path))
    with pytest.raises(CertificateError, match="No such file"):
        load(str(tmp_path / "nowhere"))
