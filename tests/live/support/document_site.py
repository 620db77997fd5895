"""
What the blocks of a page are run against: a server, a broker, and the people who are there.

A page shows the ports and folders of a reader's machine.  L{Site.local} replaces them:

  - ports from 21567 on by those of the server of the page, or, in a block that starts servers,
    by free ones; so are those from 31567 and 41567 on, 4222 (NATS), and 7007 and 9099 (examples);
  - C{.venv/bin/} by the programs of the tests' Python;
  - C{/tmp/} and C{/var/backups/} by a folder of the test;
  - C{--interface ::} by the loopback: a test opens nothing to the network;
  - a client that names no port gets C{--port}, and so does a server: their default may be in use.
"""

from __future__ import annotations

import os
import pty
import random
import re
import select
import signal
import socket
import subprocess
import termios
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import pytest

from tests.live.support.nats_server import program
from tests.live.support.plain_servers import OWN_TERMINAL
from tests.live.support.server import PYTHON, Server, until
from tests.support.documents import ROOT, blocks

#: Seconds in which one step of a block is done, on a machine that is busy with other things.
STEP_SECONDS = 30.0

#: Seconds in which servers have started or stopped.
SERVER_SECONDS = 40.0

#: How many ports a server has from its first one on.
PORTS = 10

#: First ports of the servers in the pages.
DOCUMENTED = (21567, 31567, 41567)

#: Other ports in the pages: of NATS, of an example of --listen, of an example of --prometheus.
EXAMPLES = (4222, 7007, 9099)

#: Where each client finds its service, from the first port of a server on.
CLIENTS = {"client": 0, "chat": 6, "probe": 9, "talk": 5}

#: A command that starts one of them.
CLIENT = rf"\btsservices ({'|'.join(CLIENTS)})\b"


def freeBase(count: int = PORTS) -> int:
    """Find ports in a row, outside the range that the system gives to clients."""
    for _ in range(1000):
        base = random.randrange(10000, 32000 - count)
        with ExitStack() as stack:
            try:
                for port in range(base, base + count):
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        taken = stack.enter_context(socket.socket(socket.AF_INET, kind))
                        taken.bind(("127.0.0.1", port))
            except OSError:
                continue
            return base
    raise AssertionError("there are no free ports")


class Running:
    """A command of a page, on pipes or on a terminal."""

    def __init__(
        self, command: str, folder: Path, environ: dict[str, str], terminal: bool = False
    ) -> None:
        self.output = ""
        self._ended = False
        shell = ["bash", "-o", "pipefail", "-c", command]
        if not terminal:
            self._process = subprocess.Popen(
                shell,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environ,
                start_new_session=True,
            )
            assert self._process.stdout is not None
            self._here = os.dup(self._process.stdout.fileno())
            self._process.stdout.close()
            return
        self._here, there = pty.openpty()
        # Control characters that the terminal echoes would be no part of the page.
        flags = termios.tcgetattr(there)
        flags[3] &= ~termios.ECHOCTL
        termios.tcsetattr(there, termios.TCSANOW, flags)
        launcher = OWN_TERMINAL.replace(
            "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])",
            "os.execvp(sys.argv[1], sys.argv[1:])",
        )
        self._process = subprocess.Popen(
            [str(PYTHON), "-c", launcher, *shell],
            stdin=there,
            stdout=there,
            stderr=there,
            cwd=folder,
            env=environ,
            start_new_session=True,
        )
        os.close(there)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._here)

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.output.split("\n")]

    def read(self, seconds: float) -> None:
        if self._ended:
            time.sleep(min(seconds, 0.02))
        elif select.select([self._here], [], [], seconds)[0]:
            try:
                data = os.read(self._here, 65536)
            except OSError:
                # A terminal whose last program has ended says so by an error.
                data = b""
            self._ended = not data
            self.output += data.decode("utf-8", "replace").replace("\r", "")

    def wait(
        self, question: Callable[[], bool], description: str, seconds: float = STEP_SECONDS
    ) -> None:
        deadline = time.monotonic() + seconds
        while not question():
            late = self._ended or time.monotonic() > deadline
            assert not late, f"no {description} in:\n{self.output}"
            self.read(0.05)

    def type(self, line: str) -> None:
        os.write(self._here, f"{line}\n".encode())

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def finish(self, seconds: float = SERVER_SECONDS) -> int:
        deadline = time.monotonic() + seconds
        while not self._ended:
            assert time.monotonic() < deadline, f"it does not end:\n{self.output}"
            self.read(0.05)
        return self._process.wait(seconds)


class Person:
    """Somebody in the chat who says what a page has them say."""

    def __init__(self, port: int, nick: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), STEP_SECONDS)
        self._seen = ""
        self._socket.sendall(f"{nick}\n".encode())
        self.sees("you are in #lobby")

    def close(self) -> None:
        self._socket.close()

    def sees(self, text: str) -> None:
        """Wait until something was shown, and forget what came before it."""
        while text not in self._seen:
            data = self._socket.recv(65536)
            assert data, f"no {text!r} in {self._seen!r}"
            self._seen += data.decode()
        self._seen = self._seen.partition(text)[2]

    def say(self, text: str) -> None:
        self._socket.sendall(f"/ack on\n{text}\n".encode())
        self.sees("stored lobby")


class Site:
    """What the blocks of one page share.  Each part starts when a block needs it."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.folder = folder
        self._files = files
        self._writeFiles(folder)
        self._stack = ExitStack()
        self._server: Server | None = None
        self._bob: Person | None = None
        self._nats: int | None = None
        self.base = freeBase()
        self._count = 0
        self._programs = PYTHON.parent
        if not PYTHON.with_name("tsservices").exists():
            # The tests run from a checkout that is not installed.
            self._programs = folder / "bin"
            self._programs.mkdir()
            script = self._programs / "tsservices"
            script.write_text(f'#!/bin/sh\nexec {PYTHON} -m tsservices "$@"\n')
            script.chmod(0o755)

    def close(self) -> None:
        self._stack.close()

    def environ(self, state: Path) -> dict[str, str]:
        """Get the variables of a command whose default state folder is in this one."""
        path = os.pathsep.join([str(self._programs), str(PYTHON.parent), os.environ["PATH"]])
        return {
            **os.environ,
            "HOME": str(state),
            "LC_ALL": "C.UTF-8",
            "PATH": path,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            # Without an extra the clients show the same as on such a terminal.
            "TERM": "dumb",
            "USER": "reader",
            "XDG_STATE_HOME": str(state),
        }

    def newFolder(self) -> Path:
        self._count += 1
        found = self.folder / str(self._count)
        found.mkdir()
        self._writeFiles(found)
        return found

    def _writeFiles(self, folder: Path) -> None:
        for name, text in self._files.items():
            (folder / name).write_text(text)

    def server(self) -> Server:
        """Get the server of the page, in the state folder that is the default of its commands."""
        if self._server is None:
            state = self.folder / "tsservices"
            made = Server(self.folder / "server", port=str(self.base), state=state)
            self._server = self._stack.enter_context(made)
        return self._server

    def bob(self) -> Person:
        if self._bob is None:
            self._bob = Person(self.server().address("chat").port, "bob")
            self._stack.callback(self._bob.close)
        return self._bob

    def broker(self) -> int:
        """Start NATS with the configuration that the page about clusters has."""
        if self._nats is None:
            pytest.importorskip("nats", reason="the extra cluster is not installed")
            port = self._nats = freeBase(1)
            (text,) = (item.text for item in blocks() if item.language == "conf")
            assert "4222" in text
            file = self.folder / "nats.conf"
            store = f"{self.folder}/"
            file.write_text(text.replace("4222", str(port)).replace("/tmp/", store))
            with open(self.folder / "nats.log", "wb") as log:
                process = subprocess.Popen(
                    [program(), "-c", str(file)], stdout=log, stderr=log, start_new_session=True
                )
            self._stack.callback(process.wait)
            self._stack.callback(process.kill)

            def listens() -> bool:
                output = (self.folder / "nats.log").read_text()
                assert process.poll() is None, output
                return "Server is ready" in output

            until(listens, "a broker that is ready")
        return self._nats

    def local(self, text: str, folder: Path, own: bool) -> tuple[str, dict[str, str]]:
        ports = {}
        for first in DOCUMENTED:
            if own or first == DOCUMENTED[0]:
                base = freeBase() if own else self.base
                ports.update({str(first + item): str(base + item) for item in range(PORTS)})
        for port in EXAMPLES:
            if re.search(rf"\b{port}\b", text):
                ports[str(port)] = str(self.broker() if port == 4222 else freeBase(1))
        text = re.sub(r"\b\d{4,5}\b", lambda found: ports.get(found[0], found[0]), text)
        text = text.replace(".venv/bin/", "").replace("--interface ::", "--interface 127.0.0.1")
        text = re.sub(r"(?<![\w.])/(?:tmp|var/backups)/", f"{folder}/", text)
        text = re.sub(rf"^.*{CLIENT}.*$", self._withPort, text, flags=re.M)
        if own and "--port" not in text:
            added = f"--port {ports[str(DOCUMENTED[0])]}"
            server = r"(\btsserver|^tsservices(?: serve)?)(?= |$)"
            text = re.sub(server, rf"\1 {added}", text, flags=re.M)
        return text, {there: here for here, there in ports.items()}

    def _withPort(self, match: re.Match[str]) -> str:
        line = match[0]
        if re.search(r"--(port|operator|help)\b", line):
            return line

        def named(found: re.Match[str]) -> str:
            service = found[1]
            offset = CLIENTS[service]
            if "--line" in line:
                offset = 1
            if service == "probe" and re.search(r"--(tcp|udp)\b", line):
                offset = 0
            return f"{found[0]} --port {self.base + offset}"

        return re.sub(CLIENT, named, line)
