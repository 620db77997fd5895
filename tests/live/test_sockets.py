"""Sockets that others have bound, UNIX sockets of datagrams, and a start as root."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.support.server import ANSWER_SECONDS, TWISTD, Server, until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")

#: Does what systemd does: binds a socket of streams and one of datagrams in the folder that its
#: first argument names, and becomes the program that the others name.
ACTIVATE = """
import os, socket, sys
folder, *command = sys.argv[1:]
for number, kind in ((3, socket.SOCK_STREAM), (4, socket.SOCK_DGRAM)):
    bound = socket.socket(socket.AF_UNIX, kind)
    bound.bind(f"{folder}/{number}")
    if kind == socket.SOCK_STREAM:
        bound.listen()
    os.dup2(bound.detach(), number)
    os.set_inheritable(number, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2")
os.execv(command[0], command)
"""

lanes = pytest.mark.parametrize("lane", [(), ("--no-fast-lane",)], ids=["fast", "stock"])


def twistd(folder: Path, *options: str) -> list[str]:
    return [TWISTD, *options, f"--logfile={folder}/log", "-n", "--pidfile=", "tsserver"]


def ask(folder: Path, path: str, datagram: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.settimeout(ANSWER_SECONDS)
        client.bind(str(folder / "client"))
        try:
            client.sendto(datagram, path)
            return client.recv(100)
        finally:
            os.unlink(folder / "client")


@lanes
def test_activation(folder: Path, lane: tuple[str, ...]) -> None:
    """With an index and without names; the files of the sockets stay."""
    listen = ("--listen", "hello=systemd:domain=UNIX:index=0", "--listen", "hello=systemd:index=1")
    launcher = [sys.executable, "-c", ACTIVATE, str(folder), *twistd(folder)]
    with Server(folder, "--services", "hello", *listen, *lane, command=launcher) as server:
        with server.connect("hello", "unix") as client:
            assert client.recv(100) == b"Welcome!"
            # A descriptor that nobody wants is closed, and is nothing for the log.
            socket.send_fds(client, [b"bob"], [0])
            assert client.recv(100) == b"Hello, bob!"
        assert "escriptor" not in server.logText()
        assert ask(folder, server.address("hello", "unixgram").path, b"ann") == b"Hello, ann!"
    assert (folder / "3").is_socket()
    assert (folder / "4").is_socket()


def test_client(folder: Path) -> None:
    path = f"{folder}/datagrams"
    options = (
        "--services",
        "timestamp",
        "--stamp",
        "iso",
        "--listen",
        f"timestamp=unixgram:{path}",
    )
    command = [sys.executable, "-m", "tsservices.client", "--udp", path]
    with Server(folder, *options) as server:
        done = subprocess.run(command, input=b"a\nb\n", capture_output=True, timeout=ANSWER_SECONDS)
        assert (done.stderr, done.returncode) == (b"", 0)
        assert [line[-2:] for line in done.stdout.splitlines()] == [b" a", b" b"]
        assert server.address("timestamp", "unixgram").path == path


@lanes
def test_twoServersOnePath(folder: Path, lane: tuple[str, ...]) -> None:
    """The older one leaves alone what has become the newer one's."""
    paths = [folder / "streams", folder / "datagrams"]
    listen = ["--services", "hello", "--listen", f"hello=unix:{paths[0]}"]
    listen += ["--listen", f"hello=unixgram:{paths[1]}:mode=600", *lane]
    with Server(folder / "older", *listen) as older:
        for path in paths:
            path.unlink()
        with Server(folder / "newer", *listen) as newer:
            older.stop()
            with newer.connect("hello", "unix") as client:
                assert client.recv(100) == b"Welcome!"
            assert ask(folder, str(paths[1]), b"ann") == b"Hello, ann!"
    assert not any(path.exists() for path in paths)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_linksInTheStateFolder(folder: Path) -> None:
    """A user who had the folder before gets nothing of root by it."""
    user = pwd.getpwnam("nobody").pw_uid
    for parent in (folder, *folder.parents):
        if not parent.stat().st_mode & 1:
            parent.chmod(parent.stat().st_mode | 0o111)
    state, secret = folder / "state", folder / "secret"
    state.mkdir(0o700)
    os.chown(state, user, user)
    secret.write_text("secret")
    secret.chmod(0o600)
    for name in ("counters.json", "chat.ballast", "chat.sqlite.probe", "mine"):
        (state / name).symlink_to(secret)
    (state / "other").hardlink_to(secret)
    before = secret.stat()
    command = twistd(folder, f"--uid={user}", f"--gid={user}")
    with Server(folder, "--services", "chat", command=command) as server:
        until(lambda: (state / "chat.ballast").is_file(), "the reserve")
        assert (state / "chat.sqlite").stat().st_uid == user
        assert "stay with their owners: chat.ballast, counters.json, mine, other" in server.output()
    after = secret.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (0, before.st_gid, before.st_mode)
    assert secret.read_text() == "secret"
