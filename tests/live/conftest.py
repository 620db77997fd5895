"""Fixtures of the live tests."""

from __future__ import annotations

import gc
import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
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
    with tempfile.TemporaryDirectory(prefix="ts-") as path:
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
    pytest.importorskip("cryptography", reason="the extra tls is not installed")
    from tests.support.certificates import Identity

    own = Identity("localhost", authority=True)
    keyFile, certFile = sharedFolder / "key.pem", sharedFolder / "cert.pem"
    keyFile.write_bytes(own.keyPEM)
    certFile.write_bytes(own.certificatePEM)
    return keyFile, certFile
