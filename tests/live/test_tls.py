"""TLS of real servers, as other programs see it, and what is on the wire."""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.live.support.server import Address, Server, until

pytest.importorskip("OpenSSL", reason="the extra tls is not installed")

SECRET = "correct-horse"


@pytest.fixture(scope="module")
def server(sharedFolder: Path) -> Iterator[Server]:
    options = ("--tls", "beside", "--services", "hello,chat,timestamp-line")
    with Server(sharedFolder / "tls", *options, impatient=True) as serving:
        yield serving


def places(server: Server, offering: str) -> tuple[Address, Address]:
    plain, secured = (
        row for row in server.addresses if (row.offering, row.transport) == (offering, "tcp")
    )
    assert (plain.tls, secured.tls) == (False, True)
    return plain, secured


def openssl(server: Server, *words: str, data: bytes = b"") -> str:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl")
    _, secured = places(server, "hello")
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{secured.port}", *words]
    done = subprocess.run(command, input=data, capture_output=True, timeout=20)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def test_asOpensslSeesIt(server: Server) -> None:
    trusted = ("-CAfile", str(server.state / "tls.pem"), "-verify_return_error")
    for name in ("-verify_hostname", "localhost"), ("-verify_ip", "127.0.0.1"):
        output = openssl(server, *trusted, *name, "-alpn", "h2")
        assert "Verification: OK" in output
        assert "No ALPN negotiated" in output
    assert "Verification: OK" not in openssl(server, *trusted, "-verify_hostname", "example.org")
    assert "Protocol  : TLSv1.2" in openssl(server, "-tls1_2")
    assert "alert protocol version" in openssl(server, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "no renegotiation" in openssl(server, "-tls1_2", data=b"R\n")
    (line,) = re.findall("sha256:[0-9a-f]{64}", server.output())
    command = ["openssl", "x509", "-in", str(server.state / "tls.pem"), "-noout", "-pubkey"]
    public = subprocess.check_output(command)
    encoded = subprocess.check_output(
        ["openssl", "pkey", "-pubin", "-outform", "DER"], input=public
    )
    digest = subprocess.check_output(["openssl", "dgst", "-sha256", "-r"], input=encoded)
    assert line == f"sha256:{digest.decode().split()[0]}"


class Tap(threading.Thread):
    """Passes one connection on, and keeps what goes by."""

    def __init__(self, to: Address) -> None:
        super().__init__(daemon=True)
        self.seen = b""
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        with self._listener, self._listener.accept()[0] as near, self._to.connect() as far:
            back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
            back.start()
            self._pass(near, far)
            back.join(10)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self.seen += data
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


def test_nothingIsReadOnTheWay(server: Server) -> None:
    """Passwords and talk; without TLS the same tap shows both."""
    context = ssl.create_default_context(cafile=str(server.state / "tls.pem"))
    for place, visible in zip(places(server, "chat"), (True, False), strict=True):
        name = "plain" if visible else "secured"
        tap = Tap(place)
        tap.start()
        client = socket.create_connection(("127.0.0.1", tap.port), 10)
        if not visible:
            client = context.wrap_socket(client, server_hostname="localhost")
        with client, client.makefile("rwb") as stream:
            lines = (name, f"/register {SECRET}", f"/passwd {SECRET} {SECRET}2", "hello", "/quit")
            stream.write("".join(f"{line}\n" for line in lines).encode())
            stream.flush()
            heard = stream.read().decode()
        tap.join(10)
        assert f"you are {name}" in heard
        assert "encrypted" not in heard
        assert (SECRET.encode() in tap.seen) == visible
        assert (b"hello" in tap.seen) == visible
    assert SECRET not in server.logText()


def test_wrongPort(server: Server) -> None:
    plain, secured = places(server, "timestamp-line")
    with secured.connect() as client:
        client.sendall(b"hello\n")
        assert client.recv(1024) == b"! this port speaks TLS only\n"
    context = ssl.create_default_context()
    with plain.connect() as client, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(client, server_hostname="localhost")

    def counted() -> bool:
        rows = json.loads((server.state / "counters.json").read_text())
        failures = [row["tlsFailures"] for row in rows if row["offering"] == "timestamp-line"]
        return failures == [1, 1]

    until(counted, "one failure at each port")


def test_sharedPorts(folder: Path) -> None:
    """Processes that share their ports have one key."""
    options = ("--services", "hello", "--tls", "only", "--reuse-port")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1] - 102
    if port < 1024:
        pytest.skip("no free port")
    with (
        Server(folder / "one", *options, port=str(port), state=folder / "state", guest=True) as one,
        Server(folder / "two", *options, port=str(port), state=folder / "state", guest=True) as two,
    ):
        shown = {re.findall("sha256:[0-9a-f]{64}", server.output())[0] for server in (one, two)}
        assert len(shown) == 1
