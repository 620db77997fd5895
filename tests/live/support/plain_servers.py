"""Tiny servers on plain sockets, and real client processes."""

from __future__ import annotations

import os
import pty
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from tests.live.support.forked import ForkedClient
from tests.support.examples import thorough

#: Seconds after which anything here has failed.
PATIENCE = 30.0

STAMP = b"[Fri Nov 20 12:10:00 2026] "


#: Makes its terminal the one whose Ctrl-C reaches it, and becomes the client.
OWN_TERMINAL = (
    "import fcntl, os, sys, termios;"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


def stampChunks(connection: socket.socket) -> None:
    while data := connection.recv(1024):
        connection.sendall(STAMP + data)


def stampLines(connection: socket.socket) -> None:
    with connection.makefile("rb") as lines:
        for line in lines:
            connection.sendall(STAMP + line)


def answerOnce(connection: socket.socket) -> None:
    connection.sendall(STAMP + connection.recv(1024))
    connection.recv(1024)


def converse(connection: socket.socket) -> None:
    """Greet, repeat, and say goodbye at the end."""
    connection.sendall("你好\x1b[31m\n".encode())
    while data := connection.recv(1024):
        connection.sendall(b"heard " + data)
    connection.sendall(b"bye")


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(PATIENCE)
            answer(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=serve, args=[connection], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield listening.getsockname()[1]
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        accepting.join(PATIENCE)


@contextmanager
def servingDatagrams(answer: Callable[[bytes, int], list[bytes]]) -> Iterator[int]:
    stopping = threading.Event()

    def serve() -> None:
        number = 0
        while not stopping.is_set():
            with suppress(TimeoutError):
                data, peer = listening.recvfrom(65536)
                number += 1
                for reply in answer(data, number):
                    listening.sendto(reply, peer)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(0.1)
        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield listening.getsockname()[1]
        stopping.set()
        serving.join(PATIENCE)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tsservices.client", *map(str, arguments)]


def runClient(*arguments: object, typed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    words = command(*arguments)
    with runningClient(*arguments) as client:
        out, err = client.communicate(typed, timeout=PATIENCE)
        return subprocess.CompletedProcess(words, client.wait(PATIENCE), out, err)


def _startClient(words: list[str]) -> subprocess.Popen[bytes] | ForkedClient:
    if not thorough():
        return ForkedClient(words[3:])
    pipe = subprocess.PIPE
    return subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe)


@contextmanager
def runningClient(*arguments: object) -> Iterator[subprocess.Popen[bytes] | ForkedClient]:
    with _startClient(command(*arguments)) as client:
        try:
            yield client
        finally:
            client.kill()


def onTerminal(
    words: Sequence[str], terminal: int, environ: dict[str, str]
) -> subprocess.Popen[bytes] | ForkedClient:
    """Start a program in Python on a terminal of its own; this closes the terminal here."""
    environ = {"PYTHONWARNINGS": "error", **environ}
    try:
        # What the locale changes is set when Python starts.
        if (
            list(words[:2]) == ["-m", "tsservices.client"]
            and not thorough()
            and not environ.get("LC_ALL")
        ):
            return ForkedClient(words[2:], terminal, environ)
        return subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL, *words],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, **environ},
            start_new_session=True,
            close_fds=True,
        )
    finally:
        os.close(terminal)


class Terminal:
    """The client, or another program in Python, on a terminal of its own."""

    def __init__(self, term: str, *arguments: object, program: Sequence[str] = ()) -> None:
        self._terminal, stdio = pty.openpty()
        self._screen = b""
        self._process = onTerminal(program or command(*arguments)[1:], stdio, {"TERM": term})

    def close(self) -> None:
        with self._process:
            self._process.kill()
        os.close(self._terminal)

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def shows(self, text: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while text.encode() not in self._screen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} is not in {self._screen!r}"
            if select.select([self._terminal], [], [], left)[0]:
                try:
                    self._screen += os.read(self._terminal, 4096)
                except OSError as error:
                    raise AssertionError(f"{text!r} is not in {self._screen!r}") from error
        before, found, self._screen = self._screen.partition(text.encode())
        return (before + found).decode()

    def status(self) -> int:
        return self._process.wait(PATIENCE)
