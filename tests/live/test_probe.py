"""
The probe as people run it: processes, sockets, a real server, and a relay that loses, doubles and
reorders.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.live.support.server import ANSWER_SECONDS, Server, until
from tests.live.support.udp_relay import Path as Way
from tests.live.support.udp_relay import Relay
from tsservices.stamp.packets import ReflectorPacket, SenderPacket
from tsservices.stamp.timestamps import toNTP

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells when a packet leaves"
)

#: Of authenticated packets.
KEY = "5a" * 32


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


def summary(*arguments: object) -> dict[str, Any]:
    done = probe("-q", "--json", *arguments)
    assert (done.stderr, done.returncode) == ("", 0)
    read: dict[str, Any] = json.loads(done.stdout)
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


def test_clocks(server: Server) -> None:
    """Both ends have one clock here: the offset is 0 within its bound."""
    result = summary("-c", 100, "-i", 0.01, "--port", stampPort(server), "127.0.0.1")
    assert abs(result["clock"]["offset_ns"]) <= result["clock"]["bound_ns"]
    assert 0 < result["network_ns"]["p50"] <= result["application_ns"]["p50"]
    assert result["network_ns"]["count"] == 100
    if sys.platform.startswith("linux"):
        assert (result["kernel_sent"], result["kernel_received"]) == (100, 100)
    assert (result["loss"]["lost"], result["loss"]["up"], result["loss"]["down"]) == (0, 0, 0)


def replies(*arguments: object) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    done = probe("--json", *arguments)
    assert (done.stderr, done.returncode) == ("", 0)
    *packets, last = [json.loads(line) for line in done.stdout.splitlines()]
    return packets, last


@linux
def test_followUp(server: Server) -> None:
    """
    Of all replies but the last it is known when they left: never before T3 in the packet.
    """
    run = ("-c", 50, "-i", 0.005, "--port", stampPort(server), "127.0.0.1")
    *packets, last = replies(*run)[0]
    assert [packet["seq"] for packet in packets] == list(range(49))
    assert last["follow_up_ns"] is None
    for packet in packets:
        assert packet["follow_up_ns"] > 0
        assert 0 < packet["network_ns"] < packet["network_ns"] + packet["follow_up_ns"]
        assert packet["network_ns"] == packet["up_ns"] + packet["down_ns"]
        assert packet["server_ns"] > packet["follow_up_ns"]
    packets, result = replies("--no-follow-up", *run)
    assert {packet["follow_up_ns"] for packet in packets} == {None}
    assert {packet["bytes"] for packet in packets} == {44}
    assert (result["followed_up"], result["network_ns"]["count"]) == (0, 50)


@linux
def test_followUpLost(server: Server) -> None:
    """A lost reply costs its own sample, and the better T3 of the one before it."""
    up, down = Way(), Way(6, loss=0.2, first=3, until=90)
    with Relay(("127.0.0.1", stampPort(server)), up, down) as relay:
        run = ("-c", 100, "-i", 0.005, "-W", 0.4, "--port", relay.port, "127.0.0.1")
        packets, result = replies(*run)
    assert down.lost > 5
    answered = {packet["seq"] for packet in packets if packet["state"] == "ok"}
    followed = {packet["seq"] for packet in packets if packet["follow_up_ns"] is not None}
    assert followed == {number for number in answered if number + 1 in answered}
    assert result["followed_up"] == len(followed)
    assert result["network_ns"]["count"] == 100 - down.lost


def copying(bound: socket.socket) -> None:
    """A reflector that knows no extension: it copies them.  It ends when it is shut down."""
    while True:
        datagram, address = bound.recvfrom(1000)
        if not datagram:
            return
        asked, now = SenderPacket.decode(datagram), toNTP(time.time_ns())
        answer = ReflectorPacket(
            asked.sequence,
            now,
            1,
            now,
            asked.sequence,
            asked.timestamp,
            1,
            64,
            extensions=asked.extensions,
        )
        bound.sendto(answer.encode(), address)


@linux
def test_unknownExtension() -> None:
    """Results do not wait for a time that will not come."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(30)
        thread = threading.Thread(target=copying, args=(bound,))
        thread.start()
        try:
            port = bound.getsockname()[1]
            packets, result = replies("-c", 5, "-i", 0.02, "--port", port, "127.0.0.1")
        finally:
            bound.sendto(b"", bound.getsockname())
            thread.join()
    assert [(packet["state"], packet["bytes"]) for packet in packets] == [("ok", 64)] * 5
    assert {packet["follow_up_ns"] for packet in packets} == {None}
    assert (result["followed_up"], result["network_ns"]["count"]) == (0, 5)


@linux
def test_followUpStateless(sharedFolder: Path) -> None:
    """A stateless reflector understands the extension and must not fill it."""
    options = ("--services", "stamp", "--stamp-stateless")
    with Server(sharedFolder / "stateless", *options) as server:
        run = ("-c", 8, "-i", 0.02, "--port", stampPort(server), "127.0.0.1")
        packets, result = replies(*run)
    assert [packet["seq"] for packet in packets] == list(range(8))
    assert (result["followed_up"], result["network_ns"]["count"]) == (0, 8)


def test_loss(server: Server) -> None:
    """By direction, to the packet."""
    up, down = Way(1, loss=0.2, first=3, until=180), Way(2, loss=0.1, first=3, until=120)
    with Relay(("127.0.0.1", stampPort(server)), up, down) as relay:
        result = summary("-c", 200, "-i", 0.005, "-W", 0.4, "--port", relay.port, "127.0.0.1")
    assert up.lost > 20
    assert down.lost > 5
    loss = result["loss"]
    assert (loss["stateful"], loss["up"], loss["down"], loss["undecided"]) == (
        True,
        up.lost,
        down.lost,
        0,
    )
    assert loss["lost"] == up.lost + down.lost
    assert loss["burst_max"] >= 2


def test_duplicates(server: Server) -> None:
    up, down = Way(3, double=0.2, first=3, until=90), Way(4, double=0.1, first=3, until=90)
    with Relay(("127.0.0.1", stampPort(server)), up, down) as relay:
        result = summary("-c", 100, "-i", 0.005, "--port", relay.port, "127.0.0.1")["loss"]
    assert up.doubled > 5
    assert down.doubled > 2
    assert (result["duplicates_up"], result["duplicates_down"]) == (up.doubled, down.doubled)
    assert (result["lost"], result["up"], result["down"]) == (0, 0, 0)


@pytest.mark.parametrize("way", ["up", "down"])
def test_reordering(server: Server, way: str) -> None:
    ways = {"up": Way(), "down": Way()}
    ways[way] = Way(5, overtaken=0.1, first=5, until=90)
    with Relay(("127.0.0.1", stampPort(server)), ways["up"], ways["down"]) as relay:
        run = ("-c", 100, "-i", 0.01, "--reflector", "stateful", "--port", relay.port)
        result = summary(*run, "127.0.0.1")["loss"]
    assert ways[way].held > 3
    other = "down" if way == "up" else "up"
    assert result["reordered"] >= ways[way].held - 2
    assert result[f"reordered_{way}"] > 0
    if way == "up":
        assert result[f"reordered_{other}"] == 0
    assert result["lost"] == 0


def test_delay(server: Server) -> None:
    """The delay of one direction is in its raw delay, but not in its queueing."""
    with Relay(("127.0.0.1", stampPort(server)), Way(delay=0.02), Way()) as relay:
        result = summary("-c", 20, "-i", 0.02, "--port", relay.port, "127.0.0.1")
    assert result["up_ns"]["min"] >= 20_000_000 > result["down_ns"]["min"]
    assert result["queueing_up_ns"]["p50"] < 20_000_000
    assert result["clock"]["offset_ns"] <= result["clock"]["bound_ns"]
    with Relay(("127.0.0.1", stampPort(server)), Way(), Way(delay=0.1)) as relay:
        done = probe("-c", 10, "-i", 0.02, "-W", 0.05, "--json", "--port", relay.port, "127.0.0.1")
    states = [json.loads(line).get("state") for line in done.stdout.splitlines()]
    assert states.count("timeout") == 10
    assert "late" in states
    assert "ok" not in states
    assert done.returncode == 1


def test_stateless(sharedFolder: Path) -> None:
    with Server(sharedFolder / "stateless", "--services", "stamp", "--stamp-stateless") as server:
        up = Way(1, loss=0.3, first=3, until=50)
        with Relay(("127.0.0.1", stampPort(server)), up, Way()) as relay:
            result = summary("-c", 60, "-i", 0.005, "-W", 0.3, "--port", relay.port, "127.0.0.1")[
                "loss"
            ]
    assert result["lost"] == up.lost > 5
    assert (result["stateful"], result["up"], result["down"]) == (None, None, None)


def test_authenticated(sharedFolder: Path) -> None:
    key, wrong = sharedFolder / "right.key", sharedFolder / "wrong.key"
    for path, text in ((key, KEY), (wrong, "a5" * 32)):
        path.touch(mode=0o600)
        path.write_text(text)
    with Server(sharedFolder / "sealed", "--services", "stamp", "--stamp-key", str(key)) as server:
        port = stampPort(server)
        result = summary("-c", 3, "-i", 0.02, "--key", key, "--port", port, "127.0.0.1")
        assert (result["wire"], result["received"]) == ("STAMP, authenticated", 3)
        done = probe("-c", 1, "-W", 0.2, "--key", wrong, "--port", port, "127.0.0.1")
    assert done.returncode == 1


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


def test_signals(server: Server) -> None:
    with probing("-i", 0.02, "--port", stampPort(server), "127.0.0.1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(4):
            process.stdout.readline()
        process.send_signal(signal.SIGQUIT)
        assert "% loss, min/p50/p99/max = " in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=ANSWER_SECONDS)
    assert "--- 127.0.0.1 probe statistics ---" in out
    assert (errors, process.returncode) == ("", 0)


def test_closedOutput(server: Server) -> None:
    with probing("-i", 0.02, "--port", stampPort(server), "127.0.0.1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        process.wait(ANSWER_SECONDS)
        assert process.stderr.read() == ""


def test_many(server: Server) -> None:
    port = stampPort(server)
    done = probe("-c", 2, "-i", 0.05, "-W", 0.2, "-q", "--port", port, "127.0.0.1", "127.0.0.9")
    assert done.returncode == 1
    assert "127.0.0.1: 2 packets transmitted, 2 received" in done.stdout
    assert "127.0.0.9: 2 packets transmitted, 0 received, +2 errors" in done.stdout


@pytest.mark.parametrize("wire", ["udp", "tcp"])
def test_textServices(server: Server, wire: str) -> None:
    port = server.address("timestamp", wire).port
    result = summary("-c", 5, "-i", 0.02, f"--{wire}", "--port", port, "127.0.0.1")
    assert result["received"] == result["application_ns"]["count"] == 5
    assert result["server_ns"]["count"] == 0
    if sys.platform.startswith("linux"):
        assert result["network_ns"]["count"] == (5 if wire == "udp" else 0)
        if wire == "tcp":
            assert 0 < result["tcp"]["min_rtt_ns"] <= result["application_ns"]["max"]
    done = probe("-c", 2, "-i", 0.02, f"--{wire}", "--port", freePort(), "127.0.0.1")
    assert done.stdout.count("connection refused") == 2
    assert done.returncode == 1


def test_conditions(server: Server) -> None:
    port = stampPort(server)
    run = ("-c", 3, "-i", 0.02, "-q", "--port", port, "127.0.0.1", "--fail-if")
    done = probe(*run, "loss>0,p99>10s")
    assert (done.stderr, done.returncode) == ("", 0)
    done = probe(*run, "loss>0,min<10s")
    assert done.stderr == "tsservices: --fail-if: 127.0.0.1: min<10s\n"
    assert done.returncode == 3


def test_trouble() -> None:
    done = probe("-c", 1, "name.invalid")
    assert done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)
    done = probe("-c", 1, "-6", "127.0.0.1")
    assert done.stderr == "tsservices: 127.0.0.1 has no IPv6 address\n"
    assert done.returncode == 2


def test_ipv6(sharedFolder: Path) -> None:
    with contextlib.closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as tried:
        try:
            tried.bind(("::1", 0))
        except OSError:
            pytest.skip("this system has no IPv6")
    with Server(sharedFolder / "six", "--services", "stamp", "--interface", "::1") as server:
        result = summary("-c", 3, "-i", 0.02, "-Q", "0xb8", "--port", stampPort(server), "::1")
    assert result["received"] == 3


def test_metrics(server: Server) -> None:
    if find_spec("prometheus_client") is None:
        pytest.skip("the extra http is not installed")
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    arguments = ("-i", 0.02, "--prometheus", port, "--port", stampPort(server), "127.0.0.1")
    with probing(*arguments) as process:
        assert process.stdout is not None
        for _ in range(4):
            process.stdout.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            text = page.read().decode()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=ANSWER_SECONDS)
    assert 'tsservices_probe_received_total{address="127.0.0.1",host="127.0.0.1"}' in text
    assert process.returncode == 0


def test_precise(server: Server) -> None:
    run = ("-c", 100, "-i", 0.01, "--port", stampPort(server), "127.0.0.1")
    assert summary("--precise", *run)["timer_ns"]["p50"] < summary(*run)["timer_ns"]["p50"]


def test_withoutStandardInput(server: Server) -> None:
    port = stampPort(server)
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command("-c", 1, "--port", port, "127.0.0.1")],
        capture_output=True,
        timeout=30,
        env=os.environ,
    )
    assert (done.stderr, done.returncode) == (b"", 0)
