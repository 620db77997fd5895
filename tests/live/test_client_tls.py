"""The clients as real processes by TLS: asked at a terminal, refused on pipes, vouched for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.support.plain_servers import Terminal, runClient
from tests.live.support.server import Server
from tests.support.certificates import Identity


class Encrypted:
    """A server with a chat and a timestamp service under TLS."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.authority = Identity(authority=True, called="authority").save(folder / "ca.pem")
        self.identity = Identity("localhost", "127.0.0.1", issuer=self.authority)
        path = folder / "server.pem"
        self.identity.save(path)
        options = [
            f"--listen={name}=ssl:0:interface=127.0.0.1:privateKey={path}:certKey={path}"
            for name in ("chat", "timestamp")
        ]
        self.server = Server(folder / "state", "--services", "chat,timestamp", *options)

    def url(self, name: str) -> str:
        host, port = self.server.address(name).pair
        return f"tls://{host}:{port}"


@pytest.fixture(scope="module")
def encrypted(sharedFolder: Path) -> Iterator[Encrypted]:
    running = Encrypted(sharedFolder / "tls")
    with running.server:
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # For the file of known hosts, and without the authorities of this machine.
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return tmp_path


def test_askedAtPrompt(encrypted: Encrypted, folder: Path) -> None:
    pytest.importorskip("prompt_toolkit")
    pytest.importorskip("pyte")
    from tests.live.support.terminal import Screen

    arguments = ("-m", "tsservices.client", "chat", encrypted.url("chat"), "--nick", "ann")
    with Screen(*arguments) as screen:
        screen.shows(f"  sha256:{encrypted.identity.fingerprint}")
        screen.type("yes\r")
        screen.waitFor("2:#lobby | online, TLS")
        screen.type("/quit\r")
        assert screen.ended() == 0
    assert f"{encrypted.identity.fingerprint} asked 20" in (folder / "known_hosts").read_text()
    done = runClient(*arguments[2:], "--show", typed=b"hello\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"<~ann> hello\n" in done.stdout


def test_askedWithoutEditing(encrypted: Encrypted) -> None:
    terminal = Terminal("dumb", encrypted.url("timestamp"))
    try:
        terminal.shows(encrypted.identity.fingerprint)
        terminal.type("no\n")
        terminal.shows("is not trusted: the answer was no")
        assert terminal.status() == 1
    finally:
        terminal.close()


def test_pipes(encrypted: Encrypted, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = encrypted.url("timestamp")
    done = runClient(url, typed=b"a\n")
    wanted = f"add: --tls-fingerprint sha256:{encrypted.identity.fingerprint}\n"
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.endswith(wanted.encode())
    assert done.stderr.count(b"\n") == 1
    # The system's authorities are read from here.
    path = folder / "ca.pem"
    path.write_bytes(encrypted.authority.certificatePEM)
    with monkeypatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        done = runClient(url, typed=b"a\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(b"] a\n")
    done = runClient(url, typed=b"a\n")
    assert done.returncode == 1
    assert b"an authority vouched for 127.0.0.1 port" in done.stderr


def test_inClear(encrypted: Encrypted) -> None:
    port = encrypted.server.address("timestamp").port
    done = runClient("--port", port, typed=b"a line that is long enough\n")
    assert done.returncode == 1
    assert b"--tls" in done.stderr
    assert b"Traceback" not in done.stderr
