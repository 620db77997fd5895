"""What a server's process is started with, and what the system does to it while it runs."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.support.line_client import LineClient
from tests.live.support.server import ANSWER_SECONDS, TWISTD, Server
from tests.support.examples import thorough

#: A Python whose clock a test sets.
STEPPED = [sys.executable, "-P", str(Path(__file__).with_name("support") / "stepped_clock.py")]


def _twistd(folder: Path, *options: str, daemon: bool = False) -> list[str]:
    pidFile = [f"--pidfile={folder}/pid"] if daemon else ["-n", "--pidfile="]
    return [*options, f"--logfile={folder}/log", *pidFile, "tsserver"]


@pytest.mark.parametrize(
    "reactor", ["epoll", "poll", "select", "asyncio"] if thorough() else ["epoll"]
)
def test_clockSetBack(folder: Path, reactor: str) -> None:
    """Nobody waits an hour because the clock is set back by one."""
    step = folder / "step"
    step.write_text("0")
    command = [*STEPPED, *_twistd(folder, f"--reactor={reactor}")]
    environ = {"STEP_FILE": str(step)}
    with Server(folder, "--flood-lines", "2", command=command, environ=environ) as server:
        with LineClient(server, "ann", "/echo on") as ann:
            ann.until("echo is on")
            ann.say(*(f"line {number}" for number in range(24)))
            ann.until("line 5")
            step.write_text("-3600")
            ann.until("line 23")
            # This is read while the last lines are still delayed, and the counters are written.
            ann.say("/quit")
            ann.readToEnd()
        server.counted("chat", open=0)


@pytest.mark.parametrize(
    ("closed", "options"),
    [
        ("0<&-", []),
        ("0<&- 1>&- 2>&-", []),
        # twistd makes the reactor before it looks for us.
        ("0<&- 2>&-", ["--reactor=poll"]),
    ],
)
def test_closedDescriptors(folder: Path, closed: str, options: list[str]) -> None:
    twistd = [TWISTD, *_twistd(folder, *options, daemon=True)]
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *twistd]
    with Server(folder, command=command, daemon=True) as server:
        with server.connect("hello") as client:
            assert client.recv(1000)
        server.stop()
        assert not (server.state / "control.sock").exists()


def test_ignoredSignals(folder: Path) -> None:
    """As nohup does it, and a shell that puts a program into the background."""
    command = ["sh", "-c", "trap '' HUP INT; exec \"$@\"", "sh", TWISTD, *_twistd(folder)]
    with Server(folder, command=command) as server:
        for number in (signal.SIGHUP, signal.SIGINT):
            server.send(number)
        # The second time nobody could come any more, if the server were about to stop.
        for name in ("ann", "bob"):
            with LineClient(server, name) as client:
                client.until(f"you are {name}")
        server.stop(signal.SIGTERM)


@pytest.mark.parametrize("option", ["--uid=3999999", "--rundir=/nowhere"])
def test_startFailsInTwistd(folder: Path, option: str) -> None:
    options = ["--port", "0", "--state", str(folder / "state")]
    done = subprocess.run(
        [TWISTD, *_twistd(folder, option), *options, "--listen", f"hello=unix:{folder}/sock"],
        capture_output=True,
        text=True,
        timeout=ANSWER_SECONDS,
    )
    assert done.returncode == 1
    if option.startswith("--uid"):
        (line,) = done.stderr.splitlines()
        assert line == "twistd tsserver: --uid 3999999: this system knows no user with this number"
    assert not [path for path in folder.rglob("*") if path.is_socket()]
