"""The probe as people run it: processes, a terminal's signals, and a real server."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.support.server import ANSWER_SECONDS, Server, until
from tests.live.support.udp_relay import Path as Way
from tests.live.support.udp_relay import Relay
from tests.support.examples import onlyThorough


@pytest.fixture(scope="module")
def server(sharedFolder: Path) -> Iterator[Server]:
    configuration = sharedFolder / "tsserver.toml"
    configuration.write_text("stamp-rate = 1000000\nstamp-burst = 1000000\n")
    with Server(
        sharedFolder / "server", "--services", "stamp,timestamp", "--config", str(configuration)
    ) as serving:
        yield serving


def command(*arguments: object) -> list[str]:
    words = [str(argument) for argument in arguments]
    return [sys.executable, "-m", "tsservices.client", "probe", *words]


def probe(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60)


@contextlib.contextmanager
def probing(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def readLine(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    read: dict[str, Any] = json.loads(process.stdout.readline())
    return read


def stampPort(server: Server) -> int:
    return server.address("stamp", "udp").port


def freePort() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def test_text(server: Server) -> None:
    done = probe("-c", 4, "-i", 0.02, "--histogram", "--port", stampPort(server), "127.0.0.1")
    assert (done.stderr, done.returncode) == ("", 0)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("PROBE 127.0.0.1 (127.0.0.1) port ")
    assert [line.split()[:5] for line in lines[1:5]] == [
        ["64", "bytes", "from", "127.0.0.1:", f"seq={number}"] for number in range(4)
    ]
    assert "4 packets transmitted, 4 received, 0% packet loss" in done.stdout
    assert "rtt min/avg/max/mdev = " in done.stdout
    assert "round trips (network), from:" in done.stdout
    if sys.platform.startswith("linux"):
        assert "stamped by the kernel" not in done.stdout


def test_refused(server: Server) -> None:
    """The port survives, and the probe notices when the reflector is back."""
    port = freePort()
    with probing("-i", 0.02, "--json", "--port", port, "127.0.0.1") as process:
        first = [readLine(process) for _ in range(5)]
        assert [(packet["seq"], packet["state"]) for packet in first] == [
            (number, "refused") for number in range(5)
        ]
        with Relay(("127.0.0.1", stampPort(server)), Way(), Way(), port):
            until(lambda: readLine(process)["state"] == "ok", "a reply")
        until(lambda: readLine(process)["state"] == "refused", "refusals again")
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=ANSWER_SECONDS)
    last = json.loads(out.splitlines()[-1])
    assert last["type"] == "summary"
    assert last["loss"]["refused"] >= 6
    assert (errors, process.returncode) == ("", 0)


def test_closedOutput(server: Server) -> None:
    with probing("-i", 0.02, "--port", stampPort(server), "127.0.0.1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        process.wait(ANSWER_SECONDS)
        assert process.stderr.read() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", ["", "-q", "--json"])
def test_fullDisk(server: Server, words: str) -> None:
    run = shlex.join(command("-c", 2, "-i", 0.01, "--port", stampPort(server), "127.0.0.1"))
    done = subprocess.run(
        ["sh", "-c", f"exec {run} {words} >/dev/full"], capture_output=True, timeout=30
    )
    assert done.stderr == b"tsservices: the output cannot be written: No space left on device\n"
    assert done.returncode == 2


def test_encoding(server: Server) -> None:
    """A host of another alphabet, and an output that has no such letters."""
    run = command("-c", 1, "--histogram", "--port", stampPort(server), "127.0.0.1", "-f", "-")
    done = subprocess.run(
        run,
        input="b\u00fccher.invalid\n".encode(),
        capture_output=True,
        timeout=30,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    # The name is unknown, and that can be said.
    assert b"b\\xfccher.invalid" in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr


@onlyThorough()
def test_precise(server: Server) -> None:
    run = ("-c", 100, "-i", 0.01, "--port", stampPort(server), "127.0.0.1")

    def median(*options: str) -> int:
        found: int = json.loads(probe("-q", "--json", *options, *run).stdout)["timer_ns"]["p50"]
        return found

    # On a busy machine one measurement says little.
    assert any(median("--precise") < median() for _ in range(3))


def test_stopped(server: Server) -> None:
    """Replies that came while the probe was stopped are not lost, and nothing else is either."""
    way = Way(delay=0.1)
    with Relay(("127.0.0.1", stampPort(server)), way, way) as relay:
        run = ("-i", 0.02, "-W", 0.4, "--fail-if", "loss>0", "--json", "--port", relay.port)
        with probing(*run, "127.0.0.1") as process:
            for _ in range(5):
                assert readLine(process)["state"] == "ok"
            process.send_signal(signal.SIGSTOP)
            time.sleep(1)
            process.send_signal(signal.SIGCONT)
            until(lambda: readLine(process)["type"] == "stall", "a line of the stall")
            for _ in range(20):
                readLine(process)
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=ANSWER_SECONDS)
    result = json.loads(out.splitlines()[-1])
    assert (errors, process.returncode, result["loss"]["lost"]) == ("", 0, 0)
    stalls = result["stalls"]
    assert stalls["longest_ns"] > 900_000_000
    assert stalls["skipped"] > 30
    if sys.platform.startswith("linux"):
        assert stalls["unmeasured"] > 0
        assert result["network_ns"]["max"] < 900_000_000
    assert result["application_ns"]["max"] < 900_000_000


def test_withoutStandardInput(server: Server) -> None:
    port = stampPort(server)
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command("-c", 1, "--port", port, "127.0.0.1")],
        capture_output=True,
        timeout=30,
        env=os.environ,
    )
    assert (done.stderr, done.returncode) == (b"", 0)
