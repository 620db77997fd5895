"""Fixtures of the live tests."""

from __future__ import annotations

import gc
import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from tests.live.support.nats_server import NatsServer
from tests.live.support.server import Server


class Start(Protocol):
    """Starts a server that is stopped when the test is over."""

    def __call__(self, *options: str) -> Server: ...


def _makeFolder() -> Iterator[Path]:
    # Not tmp_path: its name is too long for the paths of UNIX sockets.
    with tempfile.TemporaryDirectory(prefix="ts-", dir="/tmp") as path:
        yield Path(path)


folder = pytest.fixture(_makeFolder, name="folder")
sharedFolder = pytest.fixture(_makeFolder, scope="module", name="sharedFolder")


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        count = iter(range(100))

        def startOne(*options: str) -> Server:
            return stack.enter_context(Server(folder / str(next(count)), *options))

        yield startOne


@pytest.fixture
def natsServer(folder: Path) -> Iterator[NatsServer]:
    pytest.importorskip("nats", reason="the extra cluster is not installed")
    with NatsServer(folder / "n1") as one:
        yield one


@pytest.fixture
def quietLoop(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that nothing goes to asyncio's log: the client of NATS has an event loop of its own."""
    pytest.importorskip("nats", reason="the extra cluster is not installed")
    with caplog.at_level(logging.WARNING):
        yield
        gc.collect()
    records = [row for row in caplog.records if row.name.partition(".")[0] == "asyncio"]
    assert not records, records


@pytest.fixture(scope="module")
def certificate(sharedFolder: Path) -> tuple[Path, Path]:
    x509 = pytest.importorskip("cryptography.x509", reason="the extra tls is not installed")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    keyFile, certFile = sharedFolder / "key.pem", sharedFolder / "cert.pem"
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    keyFile.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    certFile.write_bytes(signed.public_bytes(pem))
    return keyFile, certFile
