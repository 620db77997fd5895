"""A real server in a process of its own, and what can be seen of it from outside."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from twisted.scripts.twistd import run as twistdRun

from tests.live.support.forked import ForkedTwistd
from tests.live.support.impatient import run as impatientRun
from tests.support.examples import thorough
from tsservices.transport.epoll.set import available

#: Seconds until a server serves, has stopped, or has done what it is to do, on a busy machine.
START_SECONDS, STOP_SECONDS, ANSWER_SECONDS = 40.0, 10.0, 10.0

#: How often a question is asked again.
POLL_SECONDS = 0.02

#: Words that a log must not hold.
TROUBLE = ("Traceback", "Unhandled")

#: What an entry of the counters says beside them.
PLACE = ("offering", "transport", "host", "port", "path", "tls")

#: The Python of the tests; the programs of its environment stand beside it.
PYTHON = Path(sys.executable)

#: The program that users start.
TWISTD = str(PYTHON.with_name("twistd"))

#: The same, for tests that wait for counters.
IMPATIENT = [sys.executable, "-P", str(Path(__file__).with_name("impatient.py"))]

#: The reactor of the servers: that of the command `tsservices`.  TSSERVICES_REACTOR names another.
REACTOR = os.environ.get("TSSERVICES_REACTOR", "tsservices" if available() else "default")

Answer = TypeVar("Answer")


def until(
    question: Callable[[], Answer],
    description: str | Callable[[], str],
    seconds: float = ANSWER_SECONDS,
) -> Answer:
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            words = description if isinstance(description, str) else description()
            raise AssertionError(f"not within {seconds} s: {words}")
        time.sleep(POLL_SECONDS)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def residentBytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)])) * 1024


def _identity(file: Path) -> tuple[int, int] | None:
    with contextlib.suppress(FileNotFoundError):
        found = file.stat()
        return found.st_ino, found.st_mtime_ns
    return None


@dataclass(frozen=True)
class Address:
    """A line of C{ports.json}."""

    offering: str
    transport: str
    host: str = ""
    port: int = 0
    path: str = ""
    tls: bool = False

    @property
    def pair(self) -> tuple[str, int]:
        return self.host, self.port

    @property
    def family(self) -> socket.AddressFamily:
        if self.path:
            return socket.AF_UNIX
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def connect(self, seconds: float = ANSWER_SECONDS) -> socket.socket:
        kind = socket.SOCK_DGRAM if self.transport == "udp" else socket.SOCK_STREAM
        client = socket.socket(self.family, kind)
        try:
            client.settimeout(seconds)
            client.connect(self.path or self.pair)
        except BaseException:
            client.close()
            raise
        return client


class Server:
    """One server process; leaving its context stops it in order, or kills it after a failure."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        command: Sequence[str] | None = None,
        daemon: bool = False,
        port: str | None = "0",
        state: Path | None = None,
        guest: bool = False,
        log: Path | None = None,
        stdin: int = subprocess.DEVNULL,
        environ: dict[str, str] | None = None,
        impatient: bool = False,
        asUsers: bool = False,
        ring: bool = False,
    ) -> None:
        # asUsers: not forked from a process that has imported everything.  ring: it tries io_uring,
        # which takes more time than its start.
        self.folder = folder
        self.state = state or folder / "state"
        self.log = log or folder / "log"
        self.pidFile = folder / "pid"
        self.daemon = daemon
        self._guest = guest
        self._left = _identity(self.state / "ports.json")
        twistd = ["-n", "--pidfile=", "tsserver"]
        if daemon:
            twistd[:2] = [f"--pidfile={self.pidFile}"]
        twistd.insert(0, f"--reactor={REACTOR}")
        if log is None:
            twistd.insert(0, f"--logfile={self.log}")
        places = [] if port is None else ["--port", port]
        arguments = [*places, "--state", str(self.state), *options]
        if not ring and "--no-io-uring" not in options:
            arguments.append("--no-io-uring")
        folder.mkdir(exist_ok=True)
        self.process: subprocess.Popen[bytes] | ForkedTwistd
        if command or daemon or environ or asUsers or stdin != subprocess.DEVNULL or thorough():
            command = command or [*(IMPATIENT if impatient else [TWISTD]), *twistd]
            self.process = self._start([*command, *arguments], stdin, environ or {})
        else:
            run = impatientRun if impatient else twistdRun
            self.process = ForkedTwistd(run, [*twistd, *arguments], folder)
        self.pid = self.process.pid
        self._addresses: list[Address] | None = None
        self._before: dict[tuple[str, str], dict[str, int]] = {}
        self._stopped = False

    def _start(
        self, command: Sequence[str], stdin: int, environ: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        with (
            open(self.folder / "stdout", "wb") as out,
            open(self.folder / "stderr", "wb") as err,
        ):
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=out,
                stderr=err,
                cwd=self.folder,
                env={**os.environ, **environ},
                # A Ctrl-C at the terminal of the tests is for the tests.
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        try:
            return self.ready()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, kind: object, *failure: object) -> None:
        try:
            if kind is None and not self._stopped:
                self.stop()
        finally:
            self.kill()

    def ready(self) -> Self:
        if self.daemon:
            status = self.process.wait(START_SECONDS)
            assert status == 0, f"the launcher's exit status is {status}: {self.complaint()}"
            self.pid = int(until(self._pidText, "a pidfile"))

        def serves() -> bool:
            assert self.runs(), f"it has ended: {self.complaint()}"
            return _identity(self.portsFile()) not in (None, self._left)

        until(serves, "a server that serves", START_SECONDS)
        rows = json.loads(self.portsFile().read_text())
        self._addresses = [Address(**row) for row in rows]
        return self

    def _pidText(self) -> str:
        return self.pidFile.read_text() if self.pidFile.exists() else ""

    def portsFile(self) -> Path:
        return self.state / (f"ports.{self.pid}.json" if self._guest else "ports.json")

    def runs(self) -> bool:
        return alive(self.pid) if self.daemon else self.process.poll() is None

    def output(self) -> str:
        return (self.folder / "stdout").read_text("utf-8")

    def complaint(self) -> str:
        return (self.folder / "stderr").read_text("utf-8")

    def logText(self) -> str:
        return self.log.read_text("utf-8") if self.log.exists() else ""

    def logged(self, text: str) -> None:
        until(lambda: text in self.logText(), lambda: f"{text!r} in the log:\n{self.logText()}")

    @property
    def addresses(self) -> list[Address]:
        assert self._addresses is not None, "it has not been waited for"
        return self._addresses

    def address(self, offering: str, transport: str = "tcp") -> Address:
        for address in self.addresses:
            if (address.offering, address.transport) == (offering, transport):
                return address
        raise AssertionError(f"no {offering} over {transport} among {self.addresses}")

    def connect(
        self, offering: str, transport: str = "tcp", seconds: float = ANSWER_SECONDS
    ) -> socket.socket:
        return self.address(offering, transport).connect(seconds)

    def memory(self) -> int:
        return residentBytes(self.pid)

    def counters(self, offering: str, transport: str = "tcp") -> dict[str, int]:
        """What has been counted since the start, or since L{countAnew}."""
        sums: Counter[str] = Counter()
        entries = self._entries()
        for entry in entries:
            # What counts for the whole server has no transport.
            over = entry.get("transport", "").replace("unix", "tcp")
            if (entry["offering"], over) == (offering, transport):
                sums.update({name: entry[name] for name in entry.keys() - set(PLACE)})
        if entries:
            sums.subtract(self._before.get((offering, transport), {}))
        return sums

    def _entries(self) -> list[dict[str, Any]]:
        with contextlib.suppress(FileNotFoundError):
            entries: list[dict[str, Any]] = json.loads((self.state / "counters.json").read_text())
            return entries
        return []

    def countAnew(self) -> None:
        """Count from here, on an impatient server without connections that serves stamp."""
        file = self.state / "counters.json"
        with self.connect("stamp", "udp") as client:

            def asked() -> int:
                client.send(bytes(44))
                client.recv(1024)
                return time.time_ns()

            # A file that is written after the first answer tells of all before it.
            begun = asked()
            until(lambda: asked() and file.exists() and file.stat().st_mtime_ns > begun, "counters")
        self._before = {}
        places = {(row.offering, row.transport.replace("unix", "tcp")) for row in self.addresses}
        until(lambda: not any(self.counters(*place).get("open") for place in places), "the ends")
        self._before = {place: self.counters(*place) for place in places}

    def counted(self, offering: str, transport: str = "tcp", **expected: int) -> None:
        until(
            lambda: expected.items() <= self.counters(offering, transport).items(),
            lambda: f"{expected} of {offering} {transport}: {self.counters(offering, transport)}",
        )

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop, and check that there was no trouble."""
        self._stopped = True
        assert self.runs(), f"it had ended before: {self.complaint()}"
        self.send(number)
        if self.daemon:
            until(lambda: not self.runs(), "the end of the daemon", STOP_SECONDS)
        else:
            status = self.process.wait(STOP_SECONDS)
            assert status == 0, f"exit status {status}: {self.complaint()}"
        self.untroubled()

    def untroubled(self) -> None:
        """Check that neither log nor standard error has a traceback."""
        for name, text in (("log", self.logText()), ("stderr", self.complaint())):
            for word in TROUBLE:
                assert word not in text, f"{word} in its {name}:\n{text[-5000:]}"

    def kill(self) -> None:
        self._stopped = True
        if self.daemon and self.pidFile.exists():
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(self.pidFile.read_text()), signal.SIGKILL)
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        self.process.kill()
        self.process.wait(STOP_SECONDS)
