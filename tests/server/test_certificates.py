"""Tests for L{tsservices.server.certificates}."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.logs import gathering
from tests.support.tls_clients import MemoryClient
from tsservices.common.statedir import CERTIFICATE_FILE, StateDirectory
from tsservices.server.certificates import (
    CHECKS_TO_READ,
    certificateService,
    givenCertificate,
    ownCertificate,
)
from tsservices.testing import ManualClock

pytest.importorskip("OpenSSL", reason="the extra tls is not installed")

from tests.support.services import SuiteServer
from tsservices.common.certificates import CertificateError, parse, selfSigned
from tsservices.server.registry import BY_NAME
from tsservices.transport.tls import TLSFactory

OLD, NEW = (selfSigned(name, datetime.now(UTC)) for name in ("old", "new"))

END = b"-----END PRIVATE KEY-----\n"


@pytest.fixture
def folder(tmp_path: Path) -> StateDirectory:
    found = StateDirectory(str(tmp_path / "state"))
    found.create()
    return found


def write(folder: Path, pem: bytes) -> None:
    key, certificate = pem.split(END)
    (folder / "privkey.pem").write_bytes(key + END)
    (folder / "fullchain.pem").write_bytes(certificate)


def test_renewal(tmp_path: Path, folder: StateDirectory) -> None:
    """A pair that does not fit changes nothing, and is told once; open connections go on."""
    write(tmp_path, OLD)
    certificate = givenCertificate(str(tmp_path), folder)
    server = SuiteServer()
    inner = server.listen(BY_NAME["hello"])
    factory = TLSFactory(certificate, inner, inner.context)

    def shown(client: MemoryClient) -> bytes | None:
        found: bytes | None = client.tls.getpeercert(True)
        return found

    first = MemoryClient(factory).shake()
    (tmp_path / "privkey.pem").write_bytes(NEW.split(END)[0] + END)
    with gathering() as log:
        for _ in range(CHECKS_TO_READ * 2):
            certificate.reloadIfChanged()
    assert [line for line in log if "belongs to another" in line] == log
    assert len(log) == 1
    assert shown(MemoryClient(factory).shake()) == shown(first)
    (tmp_path / "fullchain.pem").write_bytes(NEW.split(END)[1])
    with gathering() as log:
        certificate.reloadIfChanged()
        certificate.reloadIfChanged()
    assert [parse(NEW).fingerprint in line for line in log] == [True]
    second = MemoryClient(factory).shake()
    assert shown(second) != shown(first)
    assert first.say(b"a").endswith(b"Hello, a!")


def test_lookedAtEachMinute(tmp_path: Path, folder: StateDirectory) -> None:
    write(tmp_path, OLD)
    certificate = givenCertificate(str(tmp_path), folder)
    clock = ManualClock()
    certificateService(certificate, clock).startService()
    write(tmp_path, NEW)
    clock.advance(59)
    assert certificate.loaded.fingerprint == parse(OLD).fingerprint
    clock.advance(1)
    assert certificate.loaded.fingerprint == parse(NEW).fingerprint


def test_readEachHour(tmp_path: Path, folder: StateDirectory) -> None:
    """Also when nothing shows that it has changed."""
    write(tmp_path, OLD)
    certificate = givenCertificate(str(tmp_path), folder)
    certificate._signature = lambda: certificate._seen  # type: ignore[method-assign]
    write(tmp_path, NEW)
    for _ in range(CHECKS_TO_READ - 1):
        certificate.reloadIfChanged()
    assert certificate.loaded.fingerprint == parse(OLD).fingerprint
    certificate.reloadIfChanged()
    assert certificate.loaded.fingerprint == parse(NEW).fingerprint


def test_notReadableAnyMore(
    tmp_path: Path, folder: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, OLD)
    certificate = givenCertificate(str(tmp_path), folder)

    def refuse(path: str) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    with gathering() as log:
        for _ in range(5):
            certificate.reloadIfChanged()
    (line,) = log
    assert "the old one stays" in line
    assert "Permission denied (the server runs as " in line


def test_ownIsMadeOnce(folder: StateDirectory) -> None:
    """Many processes at once have one key, and no draft stays."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ownCertificate(folder).loaded.fingerprint, range(8)))
    assert len(set(found)) == 1
    assert os.listdir(str(folder)) == [CERTIFICATE_FILE]
    assert os.stat(folder.path(CERTIFICATE_FILE)).st_mode & 0o777 == 0o600


def test_ownStaysWithoutItsFile(folder: StateDirectory) -> None:
    certificate = ownCertificate(folder)
    os.unlink(folder.path(CERTIFICATE_FILE))
    before = certificate.loaded
    with gathering() as log:
        certificate.reloadIfChanged()
    assert certificate.loaded is before
    assert "No such file" in log[0]
    assert os.listdir(str(folder)) == []


def test_ownIsNoLink(tmp_path: Path, folder: StateDirectory) -> None:
    (tmp_path / "secret").write_bytes(OLD)
    os.symlink(tmp_path / "secret", folder.path(CERTIFICATE_FILE))
    with pytest.raises(CertificateError, match="is a link"):
        ownCertificate(folder)
    with pytest.raises(CertificateError, match="is a link"):
        givenCertificate(folder.path(CERTIFICATE_FILE), folder)


def test_ownIsDamaged(folder: StateDirectory) -> None:
    Path(folder.path(CERTIFICATE_FILE)).write_bytes(OLD[:50])
    with pytest.raises(CertificateError, match="the next start makes a new one"):
        ownCertificate(folder)


def test_draftsOfTheDead(folder: StateDirectory) -> None:
    draft = Path(folder.path(f"{CERTIFICATE_FILE}.0123abcd.new"))
    draft.write_bytes(b"")
    folder.lock()
    folder.sweep()
    assert not draft.exists()


def test_notes(tmp_path: Path, folder: StateDirectory) -> None:
    write(tmp_path, selfSigned("a", datetime.now(UTC) - timedelta(days=4000)))
    (tmp_path / "privkey.pem").chmod(0o644)
    _, expired, readable = givenCertificate(str(tmp_path), folder).notes()
    assert "does not hold now" in expired
    assert readable.endswith("privkey.pem")
    (tmp_path / "privkey.pem").chmod(0o640)
    write(tmp_path, OLD)
    (note,) = givenCertificate(str(tmp_path), folder).notes()
    assert parse(OLD).fingerprint in note


def test_weakKey(tmp_path: Path, folder: StateDirectory) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(65537, 1024)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(7)
    made = builder.not_valid_before(now).not_valid_after(now + timedelta(1)).sign(key, SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write(tmp_path, pem + made.public_bytes(Encoding.PEM))
    with pytest.raises(CertificateError, match=f"^{tmp_path}: .*key too small"):
        givenCertificate(str(tmp_path), folder)
